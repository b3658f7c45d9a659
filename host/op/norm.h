/* LayerNorm and RMSNorm over rows, with fused affine and per-sample modulation; forward and backward. */
#ifndef VMG_HOST_OP_NORM_H
#define VMG_HOST_OP_NORM_H

#include "host/kernel.h"

typedef enum vmg_norm_kind { VMG_NORM_LAYER, VMG_NORM_RMS } vmg_norm_kind;

/*
 * n = layer: (x - mean)/sqrt(var + eps) (biased variance);  rms: x/sqrt(mean(x²) + eps)
 * y = n·weight + bias;  then y = y·(1 + scale[group]) + shift[group]
 * Every parameter optional.
 */
typedef struct vmg_norm {
    vmg_norm_kind kind;
    vmg_tensor x, y;          /* (R,C) f32, f16 or bf16 (backward: f32), ld ok; y may be x */
    vmg_tensor weight, bias;  /* (C) f32 */
    vmg_tensor shift, scale;  /* (G,C) f32, ld ok; both or neither */
    vmg_tensor group;         /* (R) i32; VMG_NONE = row 0 */
    float eps;
    vmg_tensor stats;         /* (R,2) f32 (mean, 1/std), written if given, for the backward pass */
} vmg_norm;

void vmg_op_norm(vmg_ctx *ctx, const vmg_norm *n);
extern const vmg_kernel_def vmg_norm_kernels[]; /* forward, backward, sums; for tests */

/* dx assigned (may be dy); d_weight, d_bias (C) and d_shift, d_scale (G,C, ld ok) accumulate; VMG_NONE where not
 * wanted (dx too). n->x and n->stats hold the forward's values (so y must not have overwritten x). When group is given, its
 * values are non-decreasing (samples packed one after another). */
void vmg_op_norm_backward(vmg_ctx *ctx, const vmg_norm *n, vmg_tensor dy, vmg_tensor dx, vmg_tensor d_weight,
                          vmg_tensor d_bias, vmg_tensor d_shift, vmg_tensor d_scale);

#endif
