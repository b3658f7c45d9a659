/* Matrix products: linear layers with fused epilogues, general products, weight layouts. */
#ifndef VMG_HOST_OP_MATMUL_H
#define VMG_HOST_OP_MATMUL_H

#include "host/ctx.h"

typedef enum vmg_act { VMG_ACT_NONE, VMG_ACT_GELU_TANH, VMG_ACT_SILU } vmg_act;

/*
 * What happens to y = x W^T before it is stored, in this order; every part optional:
 *     y += bias;  preact = y;  y = act(y);  y *= mul;  y *= gate[group[row]];  y += residual
 * accumulate: out += y instead of out = y. {0} is plain y.
 */
typedef struct vmg_epilogue {
    vmg_tensor bias;   /* (N) f32 */
    vmg_tensor preact; /* (M,N) f32, written: what the activation's backward needs */
    vmg_act act;
    vmg_tensor mul;      /* (M,N) of out's dtype */
    vmg_tensor gate;     /* (G,N) f32, ld ok */
    vmg_tensor group;    /* (M) i32 row of gate; VMG_NONE = row 0 */
    vmg_tensor residual; /* (M,N) f32, ld ok; may be `out` itself */
    bool accumulate;
} vmg_epilogue;

/*
 * out (M,N) = epilogue( x (M,K) · W^T ), W (N,K) a weight: f32, f16, bf16, q8_0, q4_0 (blocks along
 * K, as in GGUF), in any layout. x, out f32, f16 or bf16, ld ok. `e` may be NULL.
 */
void vmg_op_linear(vmg_ctx *ctx, vmg_tensor x, vmg_tensor w, const vmg_epilogue *e, vmg_tensor out);

/*
 * General product of f32 matrices, for gradients: out (M,N) = alpha·op(a)·op(b) [+ out if
 * accumulate]; op transposes when the flag is set. ld ok everywhere.
 */
typedef struct vmg_matmul {
    vmg_tensor a, b, out;
    bool trans_a, trans_b, accumulate;
    float alpha; /* 0 means 1 */
} vmg_matmul;
void vmg_op_matmul(vmg_ctx *ctx, const vmg_matmul *m);

/*
 * Training: dx = dy·W (assign), dw += dy^T·x, dbias += column sums of dy. Any of dx, dw, dbias may
 * be VMG_NONE. x (M,K), dy (M,N), w (N,K) f32 row-major.
 */
void vmg_op_linear_backward(vmg_ctx *ctx, vmg_tensor x, vmg_tensor w, vmg_tensor dy, vmg_tensor dx,
                            vmg_tensor dw, vmg_tensor dbias);

/*
 * Precision. Sums are f32. Where the device has a matrix unit, a bf16 or block-quantised weight
 * (what it is made of is coarser than bf16's rounding) meets activations rounded to bf16 in it. f32
 * and f16 weights, and the operands of vmg_op_matmul, are multiplied in f32 unless this allows
 * rounding them to bf16 as well (training with --dtype bf16), also those of attention. Off in a new context.
 * Where the device has fp16 and the tuner found it faster, weights of all types but f32 (and those if this allows it) meet activations
 * rounded to f16, as parts of the largest of their row, and sums of up to 32 products are f16.
 */
void vmg_matmul_allow_bf16(vmg_ctx *ctx, bool allow);

/* Whether products with weights of this dtype may round their operands to bf16. */
bool vmg_matmul_may_round(const vmg_ctx *ctx, vmg_dtype dtype);

/*
 * The layout a constant weight (N,K) of this dtype should be kept in on this device, and the bytes
 * it takes. Deterministic per context; ROW on GPUs. On processors PANEL (as many bytes as ROW, N
 * rounded up to 32), or TILE for bf16 where a matrix unit pays. A weight in ROW layout works
 * everywhere, but is packed again for every call on a processor.
 */
vmg_layout vmg_matmul_weight_layout(vmg_ctx *ctx, vmg_dtype dtype, int64_t n, int64_t k);
size_t vmg_matmul_weight_bytes(vmg_layout layout, vmg_dtype dtype, int64_t n, int64_t k);

/* Pack a row-major weight (rows [n0, n0+src rows) of the destination; n0 a multiple of 32) into
 * dst's layout; so that a large weight can pass through a small staging buffer. dtypes equal,
 * except that a TILE layout (always bf16) takes any source dtype. */
void vmg_op_weight_pack(vmg_ctx *ctx, vmg_tensor src, vmg_tensor dst, int64_t n0);

/* Name of the matrix unit that matmuls use on this context: "amx-bf16", "avx512-bf16" or "none".
 * Probed once by a checked run; one that multiplies no faster than f32 is not used. */
const char *vmg_matmul_matrix_unit(vmg_ctx *ctx);

#endif
