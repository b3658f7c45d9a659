/* The parameter table: what a network's parameters are called, where they lie, and how they are loaded. */
#ifndef VMG_MODELS_PARAMS_H
#define VMG_MODELS_PARAMS_H

#include "host/arena.h"
#include "host/ctx.h"
#include "models/weights.h"

enum { VMG_PARAM_PARTS = 3 };

/*
 * One parameter as the network uses it. Several checkpoint tensors of equal width may be stacked by rows into one
 * (q, k, v into one (3C,C) weight): `part` names them in order.
 */
typedef struct vmg_param {
    int n_parts;
    char *part[VMG_PARAM_PARTS]; /* checkpoint names */
    int64_t part_rows[VMG_PARAM_PARTS];
    int64_t rows, cols;          /* a weight (N,K); a vector is (1,N) here and rank 1 in `value` */
    bool is_weight;              /* a Linear's weight: may be f16, bf16, quantised, packed; else f32 */
    int group;                   /* block it belongs to, for streaming; -1 = always on the device */
    size_t off_bytes, bytes;     /* inside its group's storage */
    vmg_tensor value;            /* follows the group's storage; buf NULL while the group is away */
    vmg_tensor grad;             /* training (models/trainable.h): of value's shape; else VMG_NONE */
} vmg_param;

/* Parameters that live and move together: one block, or (the last) everything else. */
typedef struct vmg_param_group {
    cl_mem buf;        /* NULL while away */
    size_t bytes;
    void *host;        /* streamed groups: the packed bytes, ready to be copied */
} vmg_param_group;

typedef struct vmg_params {
    vmg_ctx *ctx;
    vmg_param **list;
    size_t n, cap;
    int n_groups;              /* streamable groups; group -1 is stored at index n_groups */
    vmg_param_group *groups;
    struct vmg_param_stream *stream; /* NULL: everything is on the device */
    bool trainable;            /* set before declaring: weights are f32 row-major; vmg_params_allocate gives them memory */
} vmg_params;

int vmg_params_init(vmg_params *ps, vmg_ctx *ctx, int n_groups);
void vmg_params_free(vmg_params *ps);

/*
 * Declare a weight of (n_parts·rows_each, cols) from checkpoint tensors "<prefix><part><suffix>"; `parts` lists them
 * separated by spaces ("q k v"), or is "" for the single name "<prefix><suffix>". dtype is what it is kept in; a quantised
 * dtype becomes f16 when cols is not a multiple of its block. NULL (sticky) on exhaustion.
 */
vmg_param *vmg_params_weight(vmg_params *ps, int group, vmg_dtype dtype, int64_t rows_each, int64_t cols,
                             const char *prefix, const char *parts, const char *suffix);

/* Declare a f32 vector of n_parts·n_each values (biases, norm weights), or a f32 matrix (rows,cols) when rows > 1
 * (modulation tables). */
vmg_param *vmg_params_vector(vmg_params *ps, int group, int64_t n_each, const char *prefix, const char *parts,
                             const char *suffix);
vmg_param *vmg_params_table(vmg_params *ps, int group, int64_t rows, int64_t cols, const char *name);

/* What a parameter is called in a source that does not know its own name; NULL = nothing else. */
typedef const char *vmg_params_alias(void *user, const char *name);

/*
 * Allocate and load. Groups beyond what `max_bytes` holds (0 = no limit) are streamed from host memory, at least two slots of the largest group
 * staying on the device (VMG_E_NOMEM when not even that fits). Every tensor is checked for shape; the first that is
 * missing or wrong is named. `progress` may be NULL; returning false stops with VMG_E_INTERRUPTED. Tensors of the
 * source that no parameter uses are ignored (`*n_unused` counts them if not NULL).
 */
typedef bool vmg_params_progress(void *user, size_t done, size_t total);
typedef struct vmg_params_load_options {
    uint64_t max_bytes;
    vmg_params_alias *alias;
    void *alias_user;
    vmg_params_progress *progress;
    void *progress_user;
} vmg_params_load_options;
int vmg_params_load(vmg_params *ps, const vmg_weights *w, const vmg_params_load_options *o, size_t *n_unused);

/* The same with reproducible random values: weights N(0, 1/cols)-like, vectors near 0, names ending in "norm…weight" near 1.
 * For benches. */
int vmg_params_load_random(vmg_params *ps, uint64_t seed, const vmg_params_load_options *o);

/* Memory for the values of trainable parameters, zero. Loading then fills it instead of allocating. */
int vmg_params_allocate(vmg_params *ps);

/* Bytes of all groups (packed, as on the device), known after declaration. In plan mode, loading counts them. */
uint64_t vmg_params_bytes(const vmg_params *ps);

/* A network calls need(g) before it enqueues block g and done(g) after: streamed groups are copied in while the block
 * before computes. Nothing happens when everything is resident. */
void vmg_params_need(vmg_params *ps, int group);
void vmg_params_done(vmg_params *ps, int group);

/* How many groups are streamed (0: all resident). */
int vmg_params_n_streamed(const vmg_params *ps);

#endif
