/* What attention's implementations share. */
#ifndef VMG_HOST_OP_ATTENTION_IMPL_H
#define VMG_HOST_OP_ATTENTION_IMPL_H

#include "host/op/attention.h"

/* Distances beyond this share its bucket (umT5). */
enum { VMG_T5_MAX_DISTANCE = 128 };

/* The size of one call. */
typedef struct vmg_attention_work {
    int64_t max_q, max_k; /* of one segment */
    int64_t head_dim;
    int64_t n_buckets;    /* 0 without rel_bias */
    double n_pairs;       /* sum over segments of n_q n_k */
} vmg_attention_work;

/* Shapes, dtypes and segments of a call; false with the context's error set when something is wrong or
 * had failed before. `flags` (enum vmg_want_flags) are of q, k, v and out. */
bool vmg_attention_check(vmg_ctx *ctx, const vmg_attention *a, int flags, vmg_attention_work *w);

/* (2*VMG_T5_MAX_DISTANCE+1) i32: the bucket of the distance i - VMG_T5_MAX_DISTANCE; VMG_NONE for 0
 * buckets. */
vmg_tensor vmg_attention_buckets(vmg_ctx *ctx, int64_t n_buckets);

/* Build options (`pass` is FORWARD, DQ or DKV) and the arguments that all kernels begin with. */
vmg_launch vmg_attention_launch(vmg_ctx *ctx, const vmg_kernel_def *kernel, const char *pass,
                                const vmg_attention *a, const vmg_attention_work *w);

/* Paths, as vmg_attention_paths names them. */
enum { VMG_ATTENTION_TILED, VMG_ATTENTION_LANES, VMG_ATTENTION_GEMM, VMG_ATTENTION_AMX };
extern const char *const vmg_attention_paths[];
bool vmg_attention_path_valid(vmg_ctx *ctx, int path, const vmg_attention *a);
int vmg_attention_default_path(const vmg_ctx *ctx); /* of those that do not round */

/* Where rounding to bf16 is allowed, in AMX tiles: heads of 32, 64, ... columns, no rel_bias. */
bool vmg_attention_amx_valid(vmg_ctx *ctx, const vmg_attention *a);

/* The backward pass too, where segments share their keys wholly or not at all. It has a group for each head of each range of
 * keys: do they fill the device? */
bool vmg_attention_amx_backward_valid(vmg_ctx *ctx, const vmg_attention *a);
bool vmg_attention_amx_backward_fills(const vmg_ctx *ctx, const vmg_attention *a);

/* Tells stored choices of a path apart. */
enum { VMG_ATTENTION_TAG = 32 };
const char *vmg_attention_tag(vmg_ctx *ctx, const vmg_attention *a, char tag[VMG_ATTENTION_TAG]);

/* Products of whole matrices by CLBlast around a softmax of the scores, some heads of one segment at a time.
 * Not valid where a product would be empty but its result is not, nor in the backward pass where segments
 * share keys by halves. */
bool vmg_attention_gemm_valid(const vmg_attention *a);
void vmg_attention_gemm(vmg_ctx *ctx, const vmg_attention *a, const vmg_attention_work *w);
bool vmg_attention_gemm_backward_valid(const vmg_attention *a);
void vmg_attention_gemm_backward(vmg_ctx *ctx, const vmg_attention *a, const vmg_attention_work *w,
                                 vmg_tensor d_out, vmg_tensor dq, vmg_tensor dk, vmg_tensor dv);

/* n floats of memory kept in the context: the scores of the gemm path, and operands in float for paths that have no others. */
typedef enum vmg_attention_use {
    VMG_ATTENTION_SCORES,
    VMG_ATTENTION_Q,
    VMG_ATTENTION_K,
    VMG_ATTENTION_V,
    VMG_ATTENTION_OUT,
    VMG_ATTENTION_N_USES
} vmg_attention_use;
vmg_tensor vmg_attention_scratch(vmg_ctx *ctx, vmg_attention_use use, int64_t n);

/* The shape a launch has: rows that groups own (queries, or keys in the pass for dk and dv), rows they
 * walk, heads times segments. */
enum { VMG_ATTENTION_ROWS, VMG_ATTENTION_OTHER_ROWS, VMG_ATTENTION_HEADS, VMG_ATTENTION_HEAD_DIM };

#endif
