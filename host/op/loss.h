/* Masked, weighted mean squared error and its gradient. */
#ifndef VMG_HOST_OP_LOSS_H
#define VMG_HOST_OP_LOSS_H

#include "host/kernel.h"

/*
 * loss = Σ (pred - target)² · row_weight[r] · col_weight[c] · mask[r,c] / denominator (spec/model.md §4).
 * pred, target (R,C) f32; row_weight (R) (frame mask × sample weight), col_weight (C); mask (R,C) or VMG_NONE = 1.
 * loss (1) f32 assigned, summed in a fixed order; d_pred (R,C) assigned, or VMG_NONE.
 */
void vmg_op_mse(vmg_ctx *ctx, vmg_tensor pred, vmg_tensor target, vmg_tensor row_weight, vmg_tensor col_weight,
                vmg_tensor mask, double denominator, vmg_tensor loss, vmg_tensor d_pred);

extern const vmg_kernel_def vmg_loss_kernels[]; /* for tests */

#endif
