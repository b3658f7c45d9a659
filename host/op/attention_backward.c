/* Attention's gradients: one pass over queries for dq, one over keys for dk and dv (with AMX, one for all), no atomics. */
#include "host/arena.h"
#include "host/base/mem.h"
#include "host/op/attention_impl.h"
#include "host/op/want.h"

/* What the variants see. delta (Rq, H; twice that for AMX's sums) and rel_rows (Rq, H, n_buckets) pass from
 * dq's kernel to the others; rel_rows is VMG_NONE when d_rel_bias is not wanted. */
typedef struct backward_call {
    const vmg_attention *a;
    vmg_attention_work work;
    vmg_tensor d_out, dq, dk, dv, d_rel_bias, delta, rel_rows;
} backward_call;

static void launch_dq(vmg_ctx *ctx, const vmg_kernel_def *kernel, const backward_call *b)
{
    const vmg_attention *a = b->a;
    vmg_launch l = vmg_attention_launch(ctx, kernel, "DQ", a, &b->work);
    vmg_arg_in(&l, a->lse);
    vmg_arg_in(&l, b->d_out);
    vmg_arg_out(&l, b->delta);
    vmg_arg_out(&l, b->dq);
    vmg_arg_out(&l, b->rel_rows);
    const vmg_tensor strided[] = {a->q, a->k, a->v, b->d_out, b->dq};
    for (size_t i = 0; i < VMG_COUNT(strided); i++)
        vmg_arg_i64(&l, strided[i].ld);
    vmg_arg_i32(&l, (int32_t)a->n_heads);
    vmg_arg_f32(&l, a->scale);
    l.flops = 6.0 * b->work.n_pairs * (double)(b->work.head_dim * a->n_heads);
    l.bytes = 4.0 * (double)(4 * vmg_tensor_count(a->q) + 2 * vmg_tensor_count(a->k));
    vmg_launch_run(ctx, &l);
}

static void launch_dkv(vmg_ctx *ctx, const vmg_kernel_def *kernel, const backward_call *b)
{
    const vmg_attention *a = b->a;
    vmg_launch l = vmg_attention_launch(ctx, kernel, "DKV", a, &b->work);
    vmg_arg_in(&l, a->lse);
    vmg_arg_in(&l, b->delta);
    vmg_arg_in(&l, b->d_out);
    vmg_arg_out(&l, b->dk);
    vmg_arg_out(&l, b->dv);
    const vmg_tensor strided[] = {a->q, a->k, a->v, b->d_out, b->dk, b->dv};
    for (size_t i = 0; i < VMG_COUNT(strided); i++)
        vmg_arg_i64(&l, strided[i].ld);
    vmg_arg_i32(&l, (int32_t)a->n_heads);
    vmg_arg_i32(&l, (int32_t)a->segments.n);
    vmg_arg_f32(&l, a->scale);
    l.shape[VMG_ATTENTION_ROWS] = b->work.max_k;
    l.shape[VMG_ATTENTION_OTHER_ROWS] = b->work.max_q;
    l.flops = 8.0 * b->work.n_pairs * (double)(b->work.head_dim * a->n_heads);
    l.bytes = 4.0 * (double)(2 * vmg_tensor_count(a->q) + 4 * vmg_tensor_count(a->k));
    vmg_launch_run(ctx, &l);
}

static void launch_amx(vmg_ctx *ctx, const backward_call *b)
{
    const vmg_attention *a = b->a;
    vmg_launch l = vmg_attention_launch(ctx, &vmg_attention_amx_backward_kernel, "BACKWARD", a, &b->work);
    vmg_arg_in(&l, a->lse);
    vmg_arg_in(&l, b->d_out);
    const vmg_tensor out[] = {b->delta, b->dq, b->dk, b->dv};
    for (size_t i = 0; i < VMG_COUNT(out); i++)
        vmg_arg_out(&l, out[i]);
    const vmg_tensor strided[] = {a->q, a->k, a->v, b->d_out, b->dq, b->dk, b->dv};
    for (size_t i = 0; i < VMG_COUNT(strided); i++)
        vmg_arg_i64(&l, strided[i].ld);
    vmg_arg_i32(&l, (int32_t)a->n_heads);
    vmg_arg_i32(&l, (int32_t)a->segments.n);
    vmg_arg_f32(&l, a->scale);
    l.flops = 10.0 * b->work.n_pairs * (double)(b->work.head_dim * a->n_heads);
    l.bytes = 4.0 * (double)(3 * vmg_tensor_count(a->q) + 4 * vmg_tensor_count(a->k));
    vmg_launch_run(ctx, &l);
}

static void rel_geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3],
                         size_t local[3])
{
    (void)dev;
    (void)v;
    global[0] = (size_t)shape[0];
    global[1] = global[2] = 1;
    local[0] = 0;
}

static const vmg_kernel_def rel_kernel = {
    .file = "attention_rel", .name = "attention_rel_sum", .geometry = rel_geometry};

static void launch_rel(vmg_ctx *ctx, const backward_call *b)
{
    vmg_launch l = VMG_LAUNCH(&rel_kernel);
    vmg_arg_in(&l, b->rel_rows);
    vmg_arg_in(&l, b->a->segments.device);
    vmg_arg_inout(&l, b->d_rel_bias);
    vmg_arg_i32(&l, (int32_t)b->a->segments.n);
    vmg_arg_i32(&l, (int32_t)b->a->n_heads);
    vmg_arg_i32(&l, (int32_t)b->work.n_buckets);
    l.shape[0] = b->a->n_heads * b->work.n_buckets;
    l.flops = (double)vmg_tensor_count(b->rel_rows);
    l.bytes = 4.0 * l.flops;
    vmg_launch_run(ctx, &l);
}

/* ---- variants ---- */

static bool valid_variant(vmg_ctx *ctx, int variant, const void *arg)
{
    const backward_call *b = arg;
    if (!vmg_attention_path_valid(ctx, variant, b->a))
        return false;
    if (variant == VMG_ATTENTION_AMX)
        return vmg_attention_amx_backward_valid(ctx, b->a);
    return variant != VMG_ATTENTION_GEMM ||
           (!vmg_tensor_given(b->d_rel_bias) && vmg_attention_gemm_backward_valid(b->a));
}

static int default_variant(vmg_ctx *ctx, const void *arg)
{
    const backward_call *b = arg;
    return vmg_attention_amx_backward_valid(ctx, b->a) && vmg_attention_amx_backward_fills(ctx, b->a)
               ? VMG_ATTENTION_AMX
               : vmg_attention_default_path(ctx);
}

static void run_variant(vmg_ctx *ctx, int variant, const void *arg)
{
    static const vmg_kernel_def *const kernels[][2] = {
        [VMG_ATTENTION_TILED] = {&vmg_attention_tiled_dq_kernel, &vmg_attention_tiled_dkv_kernel},
        [VMG_ATTENTION_LANES] = {&vmg_attention_lanes_dq_kernel, &vmg_attention_lanes_dkv_kernel}};
    const backward_call *b = arg;
    if (variant == VMG_ATTENTION_GEMM) {
        vmg_attention_gemm_backward(ctx, b->a, &b->work, b->d_out, b->dq, b->dk, b->dv);
        return;
    }
    if (variant == VMG_ATTENTION_AMX) {
        launch_amx(ctx, b);
        return;
    }
    launch_dq(ctx, kernels[variant][0], b);
    launch_dkv(ctx, kernels[variant][1], b);
    if (vmg_tensor_given(b->rel_rows))
        launch_rel(ctx, b);
}

const vmg_variants vmg_attention_backward_variants = {
    .name = "attention_backward",
    .variant = vmg_attention_paths,
    .valid = valid_variant,
    .default_variant = default_variant,
    .run = run_variant,
};

/* ---- the op ---- */

static bool check(vmg_ctx *ctx, backward_call *b)
{
    const vmg_attention *a = b->a;
    if (!vmg_attention_check(ctx, a, 0, &b->work))
        return false;
    if (!vmg_tensor_given(a->lse)) {
        vmg_ctx_fail(ctx, VMG_E_ARG, "attention: gradients need the forward pass's lse");
        return false;
    }
    const int64_t rows = vmg_tensor_rows(a->q), keys = vmg_tensor_rows(a->k), cols = vmg_tensor_cols(a->q);
    const vmg_want want[] = {{"d_out", b->d_out, rows, cols, VMG_F32, VMG_WANT_LD},
                             {"dq", b->dq, rows, cols, VMG_F32, VMG_WANT_LD},
                             {"dk", b->dk, keys, cols, VMG_F32, VMG_WANT_LD},
                             {"dv", b->dv, keys, cols, VMG_F32, VMG_WANT_LD},
                             {"d_rel_bias", b->d_rel_bias, b->work.n_buckets, a->n_heads, VMG_F32,
                              VMG_WANT_OPTIONAL}};
    return vmg_want_all(ctx, "attention", want, VMG_COUNT(want));
}

void vmg_op_attention_backward(vmg_ctx *ctx, const vmg_attention *a, vmg_tensor d_out, vmg_tensor dq,
                               vmg_tensor dk, vmg_tensor dv, vmg_tensor d_rel_bias,
                               struct vmg_arena *scratch)
{
    backward_call b = {.a = a, .d_out = d_out, .dq = dq, .dk = dk, .dv = dv, .d_rel_bias = d_rel_bias};
    if (!check(ctx, &b) || (b.work.max_q == 0 && b.work.max_k == 0))
        return;
    const vmg_arena_mark mark = vmg_arena_get_mark(scratch);
    b.delta = vmg_arena_matrix(scratch, VMG_F32, a->q.dim[0], 2 * a->n_heads);
    if (vmg_tensor_given(d_rel_bias))
        b.rel_rows = vmg_arena_matrix(scratch, VMG_F32, a->q.dim[0], a->n_heads * b.work.n_buckets);
    const int64_t shape[VMG_MAX_SHAPE] = {b.work.max_q, b.work.max_k, a->n_heads * a->segments.n,
                                          b.work.head_dim};
    const vmg_tensor outs[] = {dq, dk, dv, d_rel_bias};
    char tag[VMG_ATTENTION_TAG];
    vmg_variants_run(ctx, &vmg_attention_backward_variants, vmg_attention_tag(ctx, a, tag), shape, &b,
                     outs, vmg_tensor_given(d_rel_bias) ? 4 : 3);
    vmg_arena_reset(scratch, mark);
}
