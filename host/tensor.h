/* Tensors by value: a typed, shaped window into an OpenCL buffer that somebody else owns. */
#ifndef VMG_HOST_TENSOR_H
#define VMG_HOST_TENSOR_H

#include <CL/cl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/dtype.h"

enum { VMG_MAX_RANK = 4 };

/* How a matrix lies in memory. Everything but ROW is a weight packed once at load for one matmul
 * path (host/op/matmul.h); `dim` stays the logical (N,K). */
typedef enum vmg_layout {
    VMG_LAYOUT_ROW,   /* row-major, `ld` elements from one row (last dimension) to the next */
    VMG_LAYOUT_PANEL, /* panels for the packed CPU kernel, same dtype */
    VMG_LAYOUT_TILE   /* bf16 tiles for the matrix units of x86 processors */
} vmg_layout;

/*
 * rank 0 means "no tensor" (optional arguments). dim[0..rank-1], last fastest. Rows (last dimension)
 * are contiguous; ld >= dim[rank-1] elements apart. Only matrices may have ld > dim[rank-1], and
 * only ops that say so accept it. In plan mode buf is NULL.
 */
typedef struct vmg_tensor {
    cl_mem buf;
    size_t off_bytes; /* a multiple of the dtype's element (block) size */
    vmg_dtype dtype;
    vmg_layout layout;
    int rank;
    int64_t dim[VMG_MAX_RANK];
    int64_t ld;
} vmg_tensor;

/* Absent tensor, for optional arguments. */
#define VMG_NONE ((vmg_tensor){0})
static inline bool vmg_tensor_given(vmg_tensor t)
{
    return t.rank > 0;
}

/* A dense row-major tensor over `buf`. dims beyond `rank` are ignored. */
vmg_tensor vmg_tensor_make(cl_mem buf, size_t off_bytes, vmg_dtype dtype, int rank, const int64_t *dim);

/* Number of elements; number of rows = product of all dims but the last. */
int64_t vmg_tensor_count(vmg_tensor t);
int64_t vmg_tensor_rows(vmg_tensor t);
static inline int64_t vmg_tensor_cols(vmg_tensor t)
{
    return t.rank ? t.dim[t.rank - 1] : 0;
}
bool vmg_tensor_dense(vmg_tensor t);

/* Bytes a dense row-major tensor of this shape takes; 0 on overflow. (Packed layouts:
 * vmg_matmul_weight_bytes.) */
size_t vmg_tensor_bytes(vmg_tensor t);

/* Views: rows [r0, r0+n) and columns [c0, c0+n) of a matrix (columns keep ld; f32/f16/bf16/i32 only);
 * the same elements as another shape (dense tensors). Misuse gives VMG_NONE. */
vmg_tensor vmg_tensor_view_rows(vmg_tensor t, int64_t r0, int64_t n);
vmg_tensor vmg_tensor_view_cols(vmg_tensor t, int64_t c0, int64_t n);
vmg_tensor vmg_tensor_reshape(vmg_tensor t, int rank, const int64_t *dim);
vmg_tensor vmg_tensor_reshape2(vmg_tensor t, int64_t rows, int64_t cols);

/* "f32 (3,4)" into out[n]; returns out. */
const char *vmg_tensor_describe(vmg_tensor t, char *out, size_t n);

#endif
