/* Attention: checks its operands, then runs one of the implementations. */
#include "host/op/attention.h"

#include <math.h>
#include <stdio.h>

#include "host/base/mem.h"
#include "host/op/attention_impl.h"
#include "host/op/elementwise.h"
#include "host/op/want.h"

/* ---- relative-position buckets ---- */

int vmg_t5_bucket(int64_t d, int n_buckets, int max_distance)
{
    int half = n_buckets / 2, exact = half / 2;
    int first = d > 0 ? half : 0;
    int64_t n = d < 0 ? -d : d;
    if (n < exact)
        return first + (int)n;
    float ratio = logf((float)n / (float)exact) / (float)log((double)max_distance / exact);
    int64_t far = exact + (int64_t)(ratio * (float)(half - exact));
    return first + (int)VMG_MIN(far, half - 1);
}

/* ---- checks ---- */

static bool check_segments(vmg_ctx *ctx, const vmg_attention *a, vmg_attention_work *w)
{
    const int64_t rows = vmg_tensor_rows(a->q), keys = vmg_tensor_rows(a->k);
    if (a->segments.n > 0 && (!a->segments.host || !vmg_tensor_given(a->segments.device))) {
        vmg_ctx_fail(ctx, VMG_E_ARG, "attention: %lld segments need a host and a device copy",
                     (long long)a->segments.n);
        return false;
    }
    for (int64_t s = 0; s < a->segments.n; s++) {
        const vmg_segment g = a->segments.host[s];
        if (g.q0 < 0 || g.n_q < 0 || g.k0 < 0 || g.n_k < 0 ||
            (int64_t)g.q0 + g.n_q > rows || (int64_t)g.k0 + g.n_k > keys) {
            vmg_ctx_fail(ctx, VMG_E_ARG,
                         "attention: segment %lld has queries %d+%d of %lld and keys %d+%d of %lld",
                         (long long)s, g.q0, g.n_q, (long long)rows, g.k0, g.n_k, (long long)keys);
            return false;
        }
        w->max_q = VMG_MAX(w->max_q, g.n_q);
        w->max_k = VMG_MAX(w->max_k, g.n_k);
        w->n_pairs += (double)g.n_q * g.n_k;
    }
    return true;
}

bool vmg_attention_check(vmg_ctx *ctx, const vmg_attention *a, int flags, vmg_attention_work *w)
{
    *w = (vmg_attention_work){0};
    if (ctx->error)
        return false;
    int64_t cols = vmg_tensor_cols(a->q), head_dim = a->n_heads > 0 ? cols / a->n_heads : 0;
    if (a->n_heads < 1 || cols != head_dim * a->n_heads || head_dim < 8 || head_dim > 256 ||
        head_dim % 8) {
        vmg_ctx_fail(ctx, VMG_E_ARG,
                     "attention: %lld columns in %lld heads; a head has 8, 16, ... 256 columns",
                     (long long)cols, (long long)a->n_heads);
        return false;
    }
    w->head_dim = head_dim;
    w->n_buckets = vmg_tensor_given(a->rel_bias) ? a->rel_bias.dim[0] : 0;
    if (w->n_buckets && (w->n_buckets < 4 || w->n_buckets > 1024 || w->n_buckets % 2)) {
        vmg_ctx_fail(ctx, VMG_E_ARG, "attention: rel_bias has %lld buckets, expected 4, 6, ... 1024",
                     (long long)w->n_buckets);
        return false;
    }
    const int64_t rows = vmg_tensor_rows(a->q), keys = vmg_tensor_rows(a->k);
    const vmg_want want[] = {
        {"q", a->q, rows, cols, VMG_F32, VMG_WANT_LD | flags},
        {"k", a->k, keys, cols, a->q.dtype, VMG_WANT_LD},
        {"v", a->v, keys, cols, a->q.dtype, VMG_WANT_LD},
        {"out", a->out, rows, cols, VMG_F32, VMG_WANT_LD | flags},
        {"key_bias", a->key_bias, 1, keys, VMG_F32, VMG_WANT_OPTIONAL},
        {"rel_bias", a->rel_bias, w->n_buckets, a->n_heads, VMG_F32, VMG_WANT_OPTIONAL},
        {"lse", a->lse, rows, a->n_heads, VMG_F32, VMG_WANT_OPTIONAL},
        {"segments", a->segments.device, a->segments.n, 4, VMG_I32, VMG_WANT_OPTIONAL}};
    return vmg_want_all(ctx, "attention", want, VMG_COUNT(want)) && check_segments(ctx, a, w);
}

/* ---- the op ---- */

/* What the variants see. */
typedef struct forward_call {
    const vmg_attention *a;
    vmg_attention_work work;
} forward_call;

vmg_launch vmg_attention_launch(vmg_ctx *ctx, const vmg_kernel_def *kernel, const char *pass,
                                const vmg_attention *a, const vmg_attention_work *w)
{
    vmg_launch l = VMG_LAUNCH(kernel);
    vmg_define(&l, "%s", pass);
    vmg_define(&l, "D=%d", (int)w->head_dim);
    vmg_define(&l, "REL=%d", (int)w->n_buckets);
    vmg_define(&l, "MAX_DISTANCE=%d", VMG_T5_MAX_DISTANCE);
    vmg_define_dtype(&l, "T_IN", a->q.dtype);
    vmg_define_dtype(&l, "T_OUT", a->out.dtype);
    vmg_arg_in(&l, a->q);
    vmg_arg_in(&l, a->k);
    vmg_arg_in(&l, a->v);
    vmg_arg_in(&l, a->key_bias);
    vmg_arg_in(&l, a->rel_bias);
    vmg_arg_in(&l, vmg_attention_buckets(ctx, w->n_buckets));
    vmg_arg_in(&l, a->segments.device);
    l.shape[VMG_ATTENTION_ROWS] = w->max_q;
    l.shape[VMG_ATTENTION_OTHER_ROWS] = w->max_k;
    l.shape[VMG_ATTENTION_HEADS] = a->n_heads * a->segments.n;
    l.shape[VMG_ATTENTION_HEAD_DIM] = w->head_dim;
    return l;
}

static void launch_forward(vmg_ctx *ctx, const vmg_kernel_def *kernel, const vmg_attention *a,
                           const vmg_attention_work *w)
{
    vmg_launch l = vmg_attention_launch(ctx, kernel, "FORWARD", a, w);
    vmg_arg_out(&l, a->out);
    vmg_arg_out(&l, a->lse);
    vmg_arg_i64(&l, a->q.ld);
    vmg_arg_i64(&l, a->k.ld);
    vmg_arg_i64(&l, a->v.ld);
    vmg_arg_i64(&l, a->out.ld);
    vmg_arg_i32(&l, (int32_t)a->n_heads);
    vmg_arg_f32(&l, a->scale);
    l.flops = 4.0 * w->n_pairs * (double)(w->head_dim * a->n_heads);
    l.bytes = (double)(vmg_tensor_bytes(a->q) + vmg_tensor_bytes(a->k) + vmg_tensor_bytes(a->v) + vmg_tensor_bytes(a->out));
    vmg_launch_run(ctx, &l);
}

const char *const vmg_attention_paths[] = {"tiled", "lanes", "gemm", "amx", NULL};

bool vmg_attention_path_valid(vmg_ctx *ctx, int path, const vmg_attention *a)
{
    if (path == VMG_ATTENTION_GEMM)
        return vmg_attention_gemm_valid(a);
    if (path == VMG_ATTENTION_AMX)
        return vmg_attention_amx_valid(ctx, a);
    return path != VMG_ATTENTION_LANES || ctx->dev.device_class == VMG_CLASS_CPU;
}

/* A processor whose driver hands vectors to its vector unit wants them in lanes. */
int vmg_attention_default_path(const vmg_ctx *ctx)
{
    return ctx->dev.device_class == VMG_CLASS_CPU && ctx->dev.vector_width_f32 >= 4 ? VMG_ATTENTION_LANES
                                                                                    : VMG_ATTENTION_TILED;
}

const char *vmg_attention_tag(vmg_ctx *ctx, const vmg_attention *a, char tag[VMG_ATTENTION_TAG])
{
    const char *kind = vmg_tensor_given(a->rel_bias) ? "rel" : vmg_attention_amx_valid(ctx, a) ? "bf16" : "";
    const bool other = a->q.dtype != VMG_F32 || a->out.dtype != VMG_F32;
    snprintf(tag, VMG_ATTENTION_TAG, "%s%s%s%s%s", kind, other ? " " : "", other ? vmg_dtype_name(a->q.dtype) : "",
             other ? " to " : "", other ? vmg_dtype_name(a->out.dtype) : "");
    return tag;
}

static bool valid_variant(vmg_ctx *ctx, int variant, const void *arg)
{
    const forward_call *call = arg;
    return vmg_attention_path_valid(ctx, variant, call->a);
}

static int default_variant(vmg_ctx *ctx, const void *arg)
{
    const forward_call *call = arg;
    return vmg_attention_amx_valid(ctx, call->a) ? VMG_ATTENTION_AMX : vmg_attention_default_path(ctx);
}

/* Of a matrix: itself, or room for it in float. */
static vmg_tensor floats(vmg_ctx *ctx, vmg_attention_use use, vmg_tensor t)
{
    const int64_t dim[] = {vmg_tensor_rows(t), vmg_tensor_cols(t)};
    return t.dtype == VMG_F32
               ? t
               : vmg_tensor_make(vmg_attention_scratch(ctx, use, dim[0] * dim[1]).buf, 0, VMG_F32, 2, dim);
}

/* The same, filled. */
static vmg_tensor in_floats(vmg_ctx *ctx, vmg_attention_use use, vmg_tensor t)
{
    const vmg_tensor x = floats(ctx, use, t);
    if (t.dtype != VMG_F32)
        vmg_op_copy(ctx, t, x);
    return x;
}

static void run_variant(vmg_ctx *ctx, int variant, const void *arg)
{
    static const vmg_kernel_def *const kernels[] = {[VMG_ATTENTION_TILED] = &vmg_attention_tiled_kernel,
                                                    [VMG_ATTENTION_LANES] = &vmg_attention_lanes_kernel,
                                                    [VMG_ATTENTION_AMX] = &vmg_attention_amx_kernel};
    const forward_call *call = arg;
    vmg_attention a = *call->a;
    if (variant != VMG_ATTENTION_TILED && variant != VMG_ATTENTION_AMX) { /* the others are for f32 */
        a.q = in_floats(ctx, VMG_ATTENTION_Q, a.q);
        a.k = in_floats(ctx, VMG_ATTENTION_K, a.k);
        a.v = in_floats(ctx, VMG_ATTENTION_V, a.v);
        a.out = floats(ctx, VMG_ATTENTION_OUT, a.out);
    }
    if (variant == VMG_ATTENTION_GEMM)
        vmg_attention_gemm(ctx, &a, &call->work);
    else
        launch_forward(ctx, kernels[variant], &a, &call->work);
    if (a.out.dtype != call->a->out.dtype)
        vmg_op_copy(ctx, a.out, call->a->out);
}

const vmg_variants vmg_attention_variants = {
    .name = "attention",
    .variant = vmg_attention_paths,
    .valid = valid_variant,
    .default_variant = default_variant,
    .run = run_variant,
};

void vmg_op_attention(vmg_ctx *ctx, const vmg_attention *a)
{
    forward_call call = {.a = a};
    if (!vmg_attention_check(ctx, a, VMG_WANT_FLOAT, &call.work) || call.work.max_q == 0)
        return;
    const int64_t shape[VMG_MAX_SHAPE] = {call.work.max_q, call.work.max_k,
                                          a->n_heads * a->segments.n, call.work.head_dim};
    const vmg_tensor outs[] = {a->out, a->lse};
    char tag[VMG_ATTENTION_TAG];
    vmg_variants_run(ctx, &vmg_attention_variants, vmg_attention_tag(ctx, a, tag), shape, &call,
                     outs, vmg_tensor_given(a->lse) ? 2 : 1);
}
