/* Elementwise ops: fill, copy with conversion, linear combinations, activations, gates; both directions. */
#ifndef VMG_HOST_OP_ELEMENTWISE_H
#define VMG_HOST_OP_ELEMENTWISE_H

#include "host/kernel.h"
#include "host/op/matmul.h"

void vmg_op_fill(vmg_ctx *ctx, vmg_tensor t, float value);         /* f32, dense */
void vmg_op_copy(vmg_ctx *ctx, vmg_tensor src, vmg_tensor dst);    /* same shape; converts f32/f16/bf16; ld ok */

/* out = a·x + b·y (+ c·z); y, z may be VMG_NONE; out may be any input. Dense f32. Euler steps, guidance, sums. */
void vmg_op_combine(vmg_ctx *ctx, float a, vmg_tensor x, float b, vmg_tensor y, float c, vmg_tensor z,
                    vmg_tensor out);

void vmg_op_activation(vmg_ctx *ctx, vmg_act act, vmg_tensor x, vmg_tensor out);
/* dx = dy · act'(x); dx may be dy. x is the value before the activation. */
void vmg_op_activation_backward(vmg_ctx *ctx, vmg_act act, vmg_tensor x, vmg_tensor dy, vmg_tensor dx);

/* out = a·b elementwise; backward is the same op twice. Dense f32. */
void vmg_op_mul(vmg_ctx *ctx, vmg_tensor a, vmg_tensor b, vmg_tensor out);

/* out (R,C) = x + y·gate[group[row]]: the gated residual on its own. x may be VMG_NONE (then y·gate). ld ok. */
void vmg_op_gate(vmg_ctx *ctx, vmg_tensor x, vmg_tensor y, vmg_tensor gate, vmg_tensor group, vmg_tensor out);
/* dy = d_out·gate (assign; may be d_out), d_gate (G,C) += Σ_rows d_out·y. group non-decreasing. */
void vmg_op_gate_backward(vmg_ctx *ctx, vmg_tensor d_out, vmg_tensor y, vmg_tensor gate, vmg_tensor group,
                          vmg_tensor dy, vmg_tensor d_gate);

/* x (R,C) += bias (C), and its rows' sums: d_bias (C) += Σ_rows dy. */
void vmg_op_add_bias(vmg_ctx *ctx, vmg_tensor x, vmg_tensor bias);
void vmg_op_bias_backward(vmg_ctx *ctx, vmg_tensor dy, vmg_tensor d_bias);

/*
 * The six modulation rows of one block for S samples: out (J,S,C)[j,s,:] = table (J,C)[j,:] + e (S,J,C or S,1,C)[s,j,:].
 * e's middle dimension is J (block) or 1 (motion head). out[j] is then a dense (S,C) shift, scale or gate.
 */
void vmg_op_modulation(vmg_ctx *ctx, vmg_tensor table, vmg_tensor e, vmg_tensor out);
/* d_table (J,C) += Σ_s d_out; d_e += (accumulates over blocks). */
void vmg_op_modulation_backward(vmg_ctx *ctx, vmg_tensor d_out, vmg_tensor d_table, vmg_tensor d_e);

extern const vmg_kernel_def vmg_elementwise_kernels[]; /* map, copy, gate, bias, modulation, its backward; for tests */

#endif
