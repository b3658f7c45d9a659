/* Arenas: device memory in slabs, handed out as tensors, given back all at once. */
#ifndef VMG_HOST_ARENA_H
#define VMG_HOST_ARENA_H

#include "host/ctx.h"

/* Start from vmg_arena_make. Slabs are never larger than CL_DEVICE_MAX_MEM_ALLOC_SIZE; one tensor lies
 * in one slab. In plan mode no slab exists, only the count of bytes. */
typedef struct vmg_arena {
    vmg_ctx *ctx;
    size_t slab_bytes;
    struct vmg_slab {
        cl_mem buf;
        size_t size_bytes, used_bytes;
    } *slabs;
    int n_slabs, current;
    size_t used_bytes, peak_bytes; /* of tensors, alignment included */
} vmg_arena;

typedef struct vmg_arena_mark {
    int slab;
    size_t slab_used, used;
} vmg_arena_mark;

/* Every tensor begins at a multiple of this many bytes. */
enum { VMG_ARENA_ALIGN = 256 };

/* As slab_bytes: every tensor is a buffer of its own, released at the reset, so that tools that watch buffers
 * (oclgrind) see each tensor's bounds and whether it was written. */
enum { VMG_ARENA_SEPARATE = 1 };

/* An empty arena that grows by slabs of at least slab_bytes (0 = 64 MiB). */
vmg_arena vmg_arena_make(vmg_ctx *ctx, size_t slab_bytes);
void vmg_arena_free(vmg_arena *a);

/* A dense tensor with undefined contents. Failure is sticky in the context and gives a tensor whose buf
 * is NULL; ops then do nothing. */
vmg_tensor vmg_arena_tensor(vmg_arena *a, vmg_dtype dtype, int rank, const int64_t *dim);
vmg_tensor vmg_arena_matrix(vmg_arena *a, vmg_dtype dtype, int64_t rows, int64_t cols);
vmg_tensor vmg_arena_vector(vmg_arena *a, vmg_dtype dtype, int64_t n);
/* Raw bytes with a given layout (packed weights): a tensor of the logical shape over `bytes` bytes. */
vmg_tensor vmg_arena_packed(vmg_arena *a, vmg_dtype dtype, vmg_layout layout, int64_t n, int64_t k,
                            size_t bytes);

/* Everything taken after the mark is given back by the reset (slabs are kept for reuse). */
vmg_arena_mark vmg_arena_get_mark(const vmg_arena *a);
void vmg_arena_reset(vmg_arena *a, vmg_arena_mark mark);
void vmg_arena_reset_all(vmg_arena *a);

#endif
