/* Attention over packed rows: self and cross, per-sample lengths, biases; forward and backward. */
#ifndef VMG_HOST_OP_ATTENTION_H
#define VMG_HOST_OP_ATTENTION_H

#include "host/ctx.h"
#include "host/kernel.h"

/*
 * One sample's rows: its queries are rows [q0, q0+n_q) of q, its keys rows [k0, k0+n_k) of k and v.
 * Samples may share keys (one text for several samples). n_q or n_k may be 0 (n_k = 0 gives zeros).
 */
typedef struct vmg_segment {
    int32_t q0, n_q, k0, n_k;
} vmg_segment;

/* Segments on host and device. The host copy sizes the launch; the device copy (n,4) i32 is what kernels read. */
typedef struct vmg_segments {
    int64_t n;
    const vmg_segment *host;
    vmg_tensor device;
} vmg_segments;

/*
 * out[i,h,:] = Σ_j softmax_j( scale·q[i,h,:]·k[j,h,:] + rel_bias[bucket(j-i), h] + key_bias[j] ) v[j,h,:]
 * with i and j counted inside the segment for the bucket. Softmax in float, streaming (never T×T in memory on
 * the tiled path).
 */
typedef struct vmg_attention {
    vmg_tensor q;        /* (Rq, H*D) f32, f16 or bf16 (backward: f32), ld ok */
    vmg_tensor k, v;     /* (Rk, H*D) of q's dtype, ld ok */
    vmg_tensor out;      /* (Rq, H*D) f32, f16 or bf16 (backward: f32), ld ok */
    int64_t n_heads;     /* H; D = cols/H, a multiple of 8 from 8 to 256 */
    float scale;         /* 1/sqrt(D) for ViMoGen, 1 for umT5 */
    vmg_segments segments;
    vmg_tensor key_bias; /* (Rk) f32 added to the scores of key row j, or VMG_NONE */
    vmg_tensor rel_bias; /* (n_buckets, H) f32, umT5's table (spec/model.md §2 gives the bucket), or VMG_NONE */
    bool may_round;      /* operands may be rounded to bf16 (vmg_matmul_may_round of the weights that made them) */
    vmg_tensor lse;      /* (Rq, H) f32, written if given: log-sum-exp of the scores, for the backward pass */
} vmg_attention;

void vmg_op_attention(vmg_ctx *ctx, const vmg_attention *a);

/* Gradients (assigned; rows outside every segment are left alone; key rows shared by several segments sum
 * over them). `scratch` gives temporary memory. a->out and a->lse hold the forward's results. d_rel_bias
 * (n_buckets, H) accumulates; VMG_NONE where not wanted. */
struct vmg_arena;
void vmg_op_attention_backward(vmg_ctx *ctx, const vmg_attention *a, vmg_tensor d_out, vmg_tensor dq,
                               vmg_tensor dk, vmg_tensor dv, vmg_tensor d_rel_bias,
                               struct vmg_arena *scratch);

/* umT5's bucket of the relative position d = j - i (bidirectional; umT5: n_buckets 32, max distance
 * 128), in [0, n_buckets). The logarithm is taken in float32, as published. n_buckets even, >= 4. */
int vmg_t5_bucket(int64_t d, int n_buckets, int max_distance);

/*
 * How attention runs; the tests force each. "tiled": work-groups sharing tiles in local memory. "lanes": one
 * work-item per block of queries, for processors. "gemm": CLBlast's products around a softmax, T×T in memory
 * for as many heads at once as fit 64 MiB. "amx": operands of products rounded to bf16, in a processor's AMX unit, only where
 * may_round or vmg_matmul_allow_bf16 permits it. Other dtypes than f32 are what "tiled" and "amx" read and write; the others copy them.
 */
extern const vmg_variants vmg_attention_variants, vmg_attention_backward_variants;
extern const vmg_kernel_def vmg_attention_tiled_kernel, vmg_attention_tiled_dq_kernel,
    vmg_attention_tiled_dkv_kernel, vmg_attention_lanes_kernel, vmg_attention_lanes_dq_kernel,
    vmg_attention_lanes_dkv_kernel, vmg_attention_softmax_kernel, vmg_attention_amx_kernel,
    vmg_attention_amx_backward_kernel;

#endif
