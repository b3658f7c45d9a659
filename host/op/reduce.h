/* Sums and norms over whole tensors and over columns, in a fixed order. */
#ifndef VMG_HOST_OP_REDUCE_H
#define VMG_HOST_OP_REDUCE_H

#include "host/kernel.h"

/* out (1) f32 = Σ x, or Σ x²; add: out += instead. Tree of fixed shape: same bits on every run, whatever the tunables. Dense
 * f32; an empty x sums to 0. */
void vmg_op_sum(vmg_ctx *ctx, vmg_tensor x, bool add, vmg_tensor out);
void vmg_op_sum_squares(vmg_ctx *ctx, vmg_tensor x, bool add, vmg_tensor out);

/* scale (1) = min(1, max_norm / (sqrt(sum_squares) + 1e-6)): PyTorch's clip_grad_norm_ factor. */
void vmg_op_clip_factor(vmg_ctx *ctx, vmg_tensor sum_squares, float max_norm, vmg_tensor scale);

/*
 * out (G,C) += sums of the columns of a (R,C), or of a·b when b (R,C) is given, over the rows of each group; ld ok. `group`
 * (R) i32 non-decreasing says which rows; VMG_NONE = G equal shares in order (R a multiple of G). Fixed order.
 */
void vmg_op_column_sums_acc(vmg_ctx *ctx, vmg_tensor a, vmg_tensor b, vmg_tensor group, vmg_tensor out);

/* Host: index of the first element that is NaN or infinite, -1 if none (synchronises) or after a failure. Dense f32. */
int64_t vmg_find_nonfinite(vmg_ctx *ctx, vmg_tensor x);

/*
 * For ops whose first stage is a kernel of their own: into how many parts the rows of each of G groups are cut; memory for
 * n floats (n,1), valid until the next call; and out (G,C) += Σ_part parts (n_parts,G,C), out f32, ld ok.
 */
int64_t vmg_reduce_n_parts(vmg_ctx *ctx, int64_t R, int64_t C, int64_t G);
vmg_tensor vmg_reduce_scratch(vmg_ctx *ctx, int64_t n);
void vmg_reduce_fold(vmg_ctx *ctx, vmg_tensor parts, int64_t n_parts, vmg_tensor out);
/* out (1) = factor·Σ parts, of at most VMG_REDUCE_MAX_PARTS numbers in one launch. */
enum { VMG_REDUCE_MAX_PARTS = 16384 };
void vmg_reduce_sum_parts(vmg_ctx *ctx, vmg_tensor parts, float factor, vmg_tensor out);

extern const vmg_kernel_def vmg_reduce_kernels[]; /* sum_chunks, column_sums, fold_parts; for tests */

#endif
