/* How a reader of weight files builds the source (models/weights.h) that it hands out. */
#ifndef VMG_SRC_FORMAT_SOURCE_H
#define VMG_SRC_FORMAT_SOURCE_H

#include "host/base/fs.h"
#include "models/weights.h"

/* Most tensors, most metadata entries and most bytes of names of one file. Honest files stay far
 * below. */
enum { VMG_SOURCE_MAX_ENTRIES = 1 << 20, VMG_SOURCE_MAX_NAME_BYTES = 64 << 20 };

/* Most bytes that one file may make us copy, because they have another byte or dimension order:
 * this, and no more than a few times the file. */
#define VMG_SOURCE_MAX_COPY_BYTES ((size_t)1 << 30)

typedef struct vmg_source {
    vmg_weights base;
    vmg_map map;
    bool in_memory; /* map.data is the caller's */
    size_t tensors_cap, meta_cap, copied_bytes, inflated_bytes, name_bytes;
    void **owned; /* blocks freed with the source */
    size_t n_owned, owned_cap;
} vmg_source;

/* A reader: `s` has an open map and the format's name to set; it adds what it finds. */
typedef int vmg_source_reader(vmg_source *s);

/* Open `path`, let `read` fill a source, index it. The message of a failed reader gets the path put
 * in front, so readers leave it out. */
int vmg_source_open(const char *path, vmg_source_reader *read, vmg_weights **out);

/* The same over bytes in memory, which must outlive the source; `label` stands for the path. */
int vmg_source_open_memory(const char *label, const void *data, size_t size,
                           vmg_source_reader *read, vmg_weights **out);

/* Bytes that live as long as the source. NULL on exhaustion. */
void *vmg_source_alloc(vmg_source *s, size_t bytes);

/* The same for values that must be stored differently from the file: error VMG_E_UNSUPPORTED when
 * the file asks for too much in sum. */
int vmg_source_alloc_copy(vmg_source *s, const char *name, size_t bytes, void **out);

/*
 * Add a tensor: `bytes_left` are there at `data`. The name (name_bytes long) is copied. Checks the
 * name (UTF-8 without control characters, not empty), rank, dims (>= 0, product without overflow,
 * whole blocks per row) and that all values are there. Errors: VMG_E_FORMAT, VMG_E_NOMEM.
 */
int vmg_source_add(vmg_source *s, const char *name, size_t name_bytes, vmg_dtype dtype, int rank,
                   const int64_t *dim, const void *data, size_t bytes_left);

/* Bytes of a tensor of that shape, checked the same way; `name` is for the message. */
int vmg_source_tensor_bytes(const char *name, vmg_dtype dtype, int rank, const int64_t *dim,
                            int64_t *n, size_t *bytes);

/* Add metadata: `m` is copied, its key (key_bytes long) too; its data must live in the map or in
 * vmg_source_alloc's memory. */
int vmg_source_add_meta(vmg_source *s, const char *key, size_t key_bytes, const vmg_meta *m);

/* No two tensors share bytes, and all lie between begin and end. With `no_holes`, they fill it. */
int vmg_source_check_overlap(const vmg_source *s, size_t begin, size_t end, bool no_holes);

#endif
