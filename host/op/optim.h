/* AdamW and exponential moving averages. */
#ifndef VMG_HOST_OP_OPTIM_H
#define VMG_HOST_OP_OPTIM_H

#include "host/kernel.h"

typedef struct vmg_adamw {
    double lr, beta1, beta2, eps, weight_decay;
    int64_t step;      /* 1 for the first update (bias correction) */
    double grad_scale; /* multiplies the gradient: clipping; 1 = as it is */
} vmg_adamw;

/* Decoupled weight decay (Loshchilov & Hutter 2019), PyTorch's order: p -= lr·wd·p; then the Adam step. All f32, one
 * shape. When grad_scale_buf (1) f32 is given it multiplies grad_scale (a clip factor computed on the device). */
void vmg_op_adamw(vmg_ctx *ctx, const vmg_adamw *o, vmg_tensor param, vmg_tensor grad, vmg_tensor m, vmg_tensor v,
                  vmg_tensor grad_scale_buf);

/* ema = decay·ema + (1-decay)·param. */
void vmg_op_ema(vmg_ctx *ctx, double decay, vmg_tensor param, vmg_tensor ema);

extern const vmg_kernel_def vmg_optim_kernels[]; /* for tests */

#endif
