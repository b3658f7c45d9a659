/* LayerNorm and RMSNorm: checks and launches of cl/norm.cl. */
#include "host/op/norm.h"

#include "host/base/mem.h"
#include "host/op/grid.h"
#include "host/op/reduce.h"
#include "host/op/want.h"

enum { FORWARD, BACKWARD, SUMS };

const vmg_kernel_def vmg_norm_kernels[] = {
    [FORWARD] = {.file = "norm", .name = "norm_forward", VMG_GRID_ROWS},
    [BACKWARD] = {.file = "norm", .name = "norm_backward", VMG_GRID_ROWS},
    [SUMS] = {.file = "norm", .name = "norm_sums", VMG_GRID_COLUMNS},
};

/* Which parts of the formula a kernel applies. */
struct parts {
    bool weight, bias, modulated, grouped, stats;
};

static void define_parts(vmg_launch *l, const vmg_norm *n, struct parts p)
{
    const struct {
        const char *name;
        bool on;
    } flag[] = {{"RMS", n->kind == VMG_NORM_RMS}, {"AFFINE_WEIGHT", p.weight}, {"AFFINE_BIAS", p.bias},
                {"MODULATED", p.modulated},       {"GROUPED", p.grouped},      {"STATS", p.stats}};
    for (size_t i = 0; i < VMG_COUNT(flag); i++)
        vmg_define(l, "%s=%d", flag[i].name, flag[i].on);
}

/* Rows of shift and scale: as many as they have, one when there is no group. */
static int64_t n_groups(const vmg_norm *n)
{
    return vmg_tensor_given(n->group) ? vmg_tensor_rows(n->scale) : 1;
}

/* x_flags: VMG_WANT_FLOAT where x may be of another dtype than f32. */
static bool check(vmg_ctx *ctx, const char *op, const vmg_norm *n, int x_flags)
{
    const int64_t R = vmg_tensor_rows(n->x), C = vmg_tensor_cols(n->x), G = n_groups(n);
    const vmg_want want[] = {
        {"x", n->x, R, C, VMG_F32, VMG_WANT_LD | x_flags},
        {"weight", n->weight, 1, C, VMG_F32, VMG_WANT_OPTIONAL},
        {"bias", n->bias, 1, C, VMG_F32, VMG_WANT_OPTIONAL},
        {"shift", n->shift, G, C, VMG_F32, VMG_WANT_OPTIONAL | VMG_WANT_LD},
        {"scale", n->scale, G, C, VMG_F32, VMG_WANT_OPTIONAL | VMG_WANT_LD},
        {"group", n->group, 1, R, VMG_I32, VMG_WANT_OPTIONAL},
        {"stats", n->stats, R, 2, VMG_F32, VMG_WANT_OPTIONAL},
    };
    if (!vmg_want_all(ctx, op, want, VMG_COUNT(want)))
        return false;
    if (vmg_tensor_given(n->shift) != vmg_tensor_given(n->scale)) {
        vmg_ctx_fail(ctx, VMG_E_ARG, "%s: shift and scale come together, one of them is absent", op);
        return false;
    }
    return true;
}

void vmg_op_norm(vmg_ctx *ctx, const vmg_norm *n)
{
    const int64_t R = vmg_tensor_rows(n->x), C = vmg_tensor_cols(n->x);
    const vmg_want y = {"y", n->y, R, C, VMG_F32, VMG_WANT_LD | VMG_WANT_FLOAT};
    const struct parts parts = {vmg_tensor_given(n->weight), vmg_tensor_given(n->bias), vmg_tensor_given(n->scale),
                                vmg_tensor_given(n->group) && vmg_tensor_given(n->scale), vmg_tensor_given(n->stats)};
    if (!check(ctx, "norm", n, VMG_WANT_FLOAT) || !vmg_want_all(ctx, "norm", &y, 1))
        return;
    vmg_launch l = VMG_LAUNCH(&vmg_norm_kernels[FORWARD]);
    vmg_define(&l, "NORM_FORWARD");
    vmg_define_dtype(&l, "T_X", n->x.dtype);
    vmg_define_dtype(&l, "T_Y", n->y.dtype);
    define_parts(&l, n, parts);
    vmg_arg_in(&l, n->x);
    vmg_arg_out(&l, n->y);
    const vmg_tensor in[] = {n->weight, n->bias, n->shift, n->scale, n->group};
    for (size_t i = 0; i < VMG_COUNT(in); i++)
        vmg_arg_in(&l, in[i]);
    vmg_arg_out(&l, n->stats);
    const int64_t size[] = {R, C, n->x.ld, n->y.ld, n->shift.ld, n->scale.ld};
    for (size_t i = 0; i < VMG_COUNT(size); i++)
        vmg_arg_i64(&l, size[i]);
    vmg_arg_f32(&l, n->eps);
    l.shape[0] = R;
    l.shape[1] = C;
    l.flops = 8.0 * (double)R * (double)C;
    l.bytes = (double)(vmg_tensor_bytes(n->x) + vmg_tensor_bytes(n->y));
    vmg_launch_run(ctx, &l);
}

/* Both column sums of one pair (bias and weight, or shift and scale) into `out`, either of which may be absent. */
static void sum_columns(vmg_ctx *ctx, const vmg_norm *n, vmg_tensor dy, bool per_group, struct parts parts,
                        vmg_tensor d_plain, vmg_tensor d_factor)
{
    const int64_t R = vmg_tensor_rows(n->x), C = vmg_tensor_cols(n->x), G = per_group ? n_groups(n) : 1;
    if (!vmg_tensor_given(d_plain) && !vmg_tensor_given(d_factor))
        return;
    const int64_t n_parts = vmg_reduce_n_parts(ctx, R, C, G);
    vmg_tensor sums = vmg_reduce_scratch(ctx, 2 * n_parts * G * C);
    vmg_launch l = VMG_LAUNCH(&vmg_norm_kernels[SUMS]);
    vmg_define(&l, "NORM_SUMS");
    vmg_define(&l, "PER_GROUP=%d", per_group && vmg_tensor_given(n->group));
    define_parts(&l, n, parts);
    const vmg_tensor in[] = {n->x, n->stats, dy, n->weight, n->bias, n->scale, n->group};
    for (size_t i = 0; i < VMG_COUNT(in); i++)
        vmg_arg_in(&l, in[i]);
    vmg_arg_out(&l, sums);
    const int64_t size[] = {R, C, G, n_parts, n->x.ld, dy.ld, n->scale.ld};
    for (size_t i = 0; i < VMG_COUNT(size); i++)
        vmg_arg_i64(&l, size[i]);
    const int64_t shape[] = {R, C, G, n_parts};
    for (size_t i = 0; i < VMG_COUNT(shape); i++)
        l.shape[i] = shape[i];
    l.flops = 6.0 * (double)R * (double)C;
    l.bytes = 8.0 * (double)R * (double)C;
    vmg_launch_run(ctx, &l);
    const vmg_tensor half[] = {vmg_tensor_view_rows(sums, 0, n_parts * G * C),
                               vmg_tensor_view_rows(sums, n_parts * G * C, n_parts * G * C)};
    const vmg_tensor out[] = {d_plain, d_factor};
    for (int i = 0; i < 2; i++)
        if (vmg_tensor_given(out[i]))
            vmg_reduce_fold(ctx, half[i], n_parts, out[i]);
}

static void input_gradient(vmg_ctx *ctx, const vmg_norm *n, vmg_tensor dy, vmg_tensor dx, struct parts parts)
{
    const int64_t R = vmg_tensor_rows(n->x), C = vmg_tensor_cols(n->x);
    vmg_launch l = VMG_LAUNCH(&vmg_norm_kernels[BACKWARD]);
    vmg_define(&l, "NORM_BACKWARD");
    define_parts(&l, n, parts);
    vmg_arg_in(&l, n->x);
    vmg_arg_in(&l, n->stats);
    vmg_arg_in(&l, dy);
    vmg_arg_out(&l, dx);
    const vmg_tensor in[] = {n->weight, n->scale, n->group};
    for (size_t i = 0; i < VMG_COUNT(in); i++)
        vmg_arg_in(&l, in[i]);
    const int64_t size[] = {R, C, n->x.ld, dy.ld, dx.ld, n->scale.ld};
    for (size_t i = 0; i < VMG_COUNT(size); i++)
        vmg_arg_i64(&l, size[i]);
    l.shape[0] = R;
    l.shape[1] = C;
    l.flops = 12.0 * (double)R * (double)C;
    l.bytes = 12.0 * (double)R * (double)C;
    vmg_launch_run(ctx, &l);
}

void vmg_op_norm_backward(vmg_ctx *ctx, const vmg_norm *n, vmg_tensor dy, vmg_tensor dx, vmg_tensor d_weight,
                          vmg_tensor d_bias, vmg_tensor d_shift, vmg_tensor d_scale)
{
    const int64_t R = vmg_tensor_rows(n->x), C = vmg_tensor_cols(n->x), G = n_groups(n);
    const int optional = VMG_WANT_OPTIONAL | VMG_WANT_LD;
    const vmg_want want[] = {
        {"stats", n->stats, R, 2, VMG_F32, 0},        {"dy", dy, R, C, VMG_F32, VMG_WANT_LD},
        {"dx", dx, R, C, VMG_F32, optional},          {"d_weight", d_weight, 1, C, VMG_F32, optional},
        {"d_bias", d_bias, 1, C, VMG_F32, optional},  {"d_shift", d_shift, G, C, VMG_F32, optional},
        {"d_scale", d_scale, G, C, VMG_F32, optional},
    };
    if (!check(ctx, "norm_backward", n, 0) || !vmg_want_all(ctx, "norm_backward", want, VMG_COUNT(want)) || !R || !C)
        return;
    const bool weight = vmg_tensor_given(n->weight), bias = vmg_tensor_given(n->bias);
    const bool modulated = vmg_tensor_given(n->scale), grouped = modulated && vmg_tensor_given(n->group);
    /* The parameters first: dx may take dy's place. */
    sum_columns(ctx, n, dy, true, (struct parts){weight, bias, false, false, false}, d_shift, d_scale);
    sum_columns(ctx, n, dy, false, (struct parts){false, false, modulated, grouped, false}, d_bias, d_weight);
    if (vmg_tensor_given(dx))
        input_gradient(ctx, n, dy, dx, (struct parts){weight, false, modulated, grouped, false});
}
