/* Softmax over rows. */
#ifndef VMG_HOST_OP_SOFTMAX_H
#define VMG_HOST_OP_SOFTMAX_H

#include "host/ctx.h"

/* y = softmax over the last dimension of x (R,C) f32, ld ok, first n_valid[r] columns only if given ((R) i32; the rest 0).
 * y may be x. */
void vmg_op_softmax(vmg_ctx *ctx, vmg_tensor x, vmg_tensor n_valid, vmg_tensor y);
/* dx = y·(dy - Σ y·dy); dx may be dy. */
void vmg_op_softmax_backward(vmg_ctx *ctx, vmg_tensor y, vmg_tensor dy, vmg_tensor dx);

#endif
