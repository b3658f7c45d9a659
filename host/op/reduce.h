/* Sums and norms over whole tensors, in a fixed order. */
#ifndef VMG_HOST_OP_REDUCE_H
#define VMG_HOST_OP_REDUCE_H

#include "host/ctx.h"

/* out (1) f32 = Σ x, or Σ x²; add: out += instead. Two-pass tree of fixed shape: same bits on every run. Dense f32. */
void vmg_op_sum(vmg_ctx *ctx, vmg_tensor x, bool add, vmg_tensor out);
void vmg_op_sum_squares(vmg_ctx *ctx, vmg_tensor x, bool add, vmg_tensor out);

/* scale (1) = min(1, max_norm / (sqrt(sum_squares) + 1e-6)): PyTorch's clip_grad_norm_ factor. */
void vmg_op_clip_factor(vmg_ctx *ctx, vmg_tensor sum_squares, float max_norm, vmg_tensor scale);

/* Host: index of the first element that is NaN or infinite, -1 if none (synchronises). */
int64_t vmg_find_nonfinite(vmg_ctx *ctx, vmg_tensor x);

#endif
