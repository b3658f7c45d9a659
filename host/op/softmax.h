/* Softmax over rows. */
#ifndef VMG_HOST_OP_SOFTMAX_H
#define VMG_HOST_OP_SOFTMAX_H

#include "host/kernel.h"

/*
 * y = softmax over the last dimension of x (R,C) f32, ld ok: over the first n_valid[r] columns only if given
 * ((R) i32; the rest 0). A row without columns, or of -infinities, gives zeros. y may be x.
 */
void vmg_op_softmax(vmg_ctx *ctx, vmg_tensor x, vmg_tensor n_valid, vmg_tensor y);
/* dx = y·(dy - Σ y·dy), ld ok; dx may be dy. With n_valid, y is 0 beyond it and so is dx. */
void vmg_op_softmax_backward(vmg_ctx *ctx, vmg_tensor y, vmg_tensor dy, vmg_tensor dx);

/* For tests: forward, backward. */
extern const vmg_kernel_def vmg_softmax_kernels[2];

#endif
