/* Where networks get their tensors from: an interface that src/format implements for files, and
 * that tests and benches may implement over memory. */
#ifndef VMG_MODELS_WEIGHTS_H
#define VMG_MODELS_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/dtype.h"

enum { VMG_WEIGHT_MAX_RANK = 8 };

/* Name of the only tensor of a file that holds one array without a name (.npy, a .pt of a tensor).
 */
#define VMG_WEIGHT_UNNAMED "tensor"

/*
 * One tensor. Values lie densely and row-major at `data` (for files: inside a read-only map,
 * without any promise of alignment: use memcpy or vmg_dtype_to_f32), until the source is closed.
 * Dimensions are in PyTorch's order, a Linear's weight (out, in), whatever the file's order.
 */
typedef struct vmg_weight {
    const char *name;
    vmg_dtype dtype;
    int rank; /* 0 = one value */
    int64_t dim[VMG_WEIGHT_MAX_RANK];
    int64_t n; /* values: the product of dim */
    const void *data;
    size_t bytes; /* of data: vmg_dtype_bytes(dtype, n) */
} vmg_weight;

/* ---- metadata ---- */

enum vmg_meta_kind {
    VMG_META_NONE,    /* present without a value (Python's None) */
    VMG_META_BOOL,    /* integer */
    VMG_META_INT,     /* integer; also given in real */
    VMG_META_REAL,    /* real */
    VMG_META_STRING,  /* data, n bytes: any bytes, no terminating NUL */
    VMG_META_NUMBERS, /* data, n values of dtype, unaligned */
    VMG_META_STRINGS  /* n strings, read with vmg_meta_next_string */
};

typedef struct vmg_meta {
    const char *key; /* nested keys are joined with '.' */
    enum vmg_meta_kind kind;
    int64_t integer;
    double real;
    const void *data;
    int64_t n;
    vmg_dtype dtype; /* of NUMBERS; of BOOL, INT and REAL the type they have in the file */
    size_t data_bytes;
} vmg_meta;

/* Walk VMG_META_STRINGS: start with *at = 0; gives the next string's bytes (not terminated) and
 * moves *at; false after the last one. */
bool vmg_meta_next_string(const vmg_meta *m, size_t *at, const char **text, size_t *n);

/* ---- a source ---- */

typedef struct vmg_weights vmg_weights;

typedef struct vmg_weights_ops {
    /* Bytes [off, off+size) of the tensor will not be read again soon. NULL: nothing to do. */
    void (*release)(const vmg_weights *w, const vmg_weight *t, size_t off, size_t size);
    void (*close)(vmg_weights *w);
} vmg_weights_ops;

/* Implementations put this first in their own struct. Immutable once made: any number of threads
 * may read. */
struct vmg_weights {
    const vmg_weights_ops *ops;
    const char *path;   /* for messages */
    const char *format; /* "gguf", "safetensors", "torch", "npy", "npz", "memory", ... */
    size_t n_tensors;
    const vmg_weight *tensors;  /* in the file's order */
    const uint32_t *by_name;    /* indices into tensors, in strcmp order of the names */
    size_t n_meta;
    const vmg_meta *meta;
};

/* The tensor called `name`; NULL if there is none. */
const vmg_weight *vmg_weights_find(const vmg_weights *w, const char *name);

/*
 * The tensor called `name`, checked: rank and every dim must agree, a wanted dim of -1 agrees with
 * any. Errors: VMG_E_NOTFOUND, VMG_E_FORMAT; the sentence names file, tensor, expected and found.
 */
int vmg_weights_need(const vmg_weights *w, const char *name, int rank, const int64_t *dim,
                     const vmg_weight **out);

/* The metadata entry called `key`; NULL if there is none. */
const vmg_meta *vmg_weights_meta(const vmg_weights *w, const char *key);

/* Its value. VMG_E_NOTFOUND when absent (*out is left alone: set a default before), VMG_E_FORMAT
 * when of another kind. Integers are accepted as reals, not the reverse; so are strings that wholly
 * read as what is asked for, since safetensors' metadata is all text. Strings come as fresh
 * NUL-terminated memory, refused when they contain NUL or exceed max_bytes. */
int vmg_weights_meta_int(const vmg_weights *w, const char *key, int64_t *out);
int vmg_weights_meta_bool(const vmg_weights *w, const char *key, bool *out);
int vmg_weights_meta_real(const vmg_weights *w, const char *key, double *out);
int vmg_weights_meta_string(const vmg_weights *w, const char *key, size_t max_bytes, char **out);

/* Bytes [off, off+size) of a tensor (or all of it) will not be read again soon: lets the system
 * drop the pages. They stay readable. */
void vmg_weights_release(const vmg_weights *w, const vmg_weight *t);
void vmg_weights_release_part(const vmg_weights *w, const vmg_weight *t, size_t off, size_t size);

/* Closes the source; its tensors and metadata are gone. Accepts NULL. */
void vmg_weights_close(vmg_weights *w);

/* ---- one tensor ---- */

/* All values, or rows [first, first+n_rows) of the tensor seen as (n / last dim, last dim), as
 * float into dst. Errors: VMG_E_ARG (rows outside the tensor). */
int vmg_weight_to_f32(const vmg_weight *t, float *dst);
int vmg_weight_rows_to_f32(const vmg_weight *t, int64_t first, int64_t n_rows, float *dst);

/* "(1536, 4096)" into buf, cut to its size; returns buf. */
const char *vmg_shape_text(int rank, const int64_t *dim, char *buf, size_t buf_bytes);

#endif
