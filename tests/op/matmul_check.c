/* Matrix products run and compared with a double-precision reference. */
#include "tests/op/matmul_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/dtype.h"
#include "tests/op/suite.h"

enum { N_GROUPS = 3 };

/* Host values: dense, the weight decoded. */
typedef struct values {
    float *a, *b, *bias, *mul, *gate, *residual, *before, *want, *preact;
    int32_t *group;
    double magnitude; /* largest sum of |a·b|, which the rounding of a sum is measured against */
} values;

/* ---- the reference ---- */

static float bf16(float v)
{
    return vmg_bf16_to_f32(vmg_f32_to_bf16(v));
}

static double activate(int parts, double y)
{
    if (parts & GELU)
        return 0.5 * y * (1.0 + tanh(0.7978845608028654 * (y + 0.044715 * y * y * y)));
    return parts & SILU ? y / (1.0 + exp(-y)) : y;
}

/* Fills v->want and v->preact. */
static void reference(const vmg_matmul_problem *p, values *v, bool rounded)
{
    double *row = vmg_calloc((size_t)p->N, sizeof *row);
    v->magnitude = 0;
    for (int64_t m = 0; m < p->M; m++) {
        memset(row, 0, (size_t)p->N * sizeof *row);
        for (int64_t n = 0; n < p->N; n++) {
            double sum = 0;
            for (int64_t k = 0; k < p->K; k++) {
                float a = v->a[p->trans_a ? k * p->M + m : m * p->K + k];
                float b = v->b[p->trans_b ? n * p->K + k : k * p->N + n];
                row[n] += rounded ? (double)bf16(a) * bf16(b) : (double)a * b;
                sum += fabs((double)a * b);
            }
            v->magnitude = fmax(v->magnitude, sum);
        }
        for (int64_t n = 0; n < p->N; n++) {
            const int64_t i = m * p->N + n;
            double y = row[n] * p->alpha + (p->parts & BIAS ? v->bias[n] : 0);
            v->preact[i] = (float)y;
            y = activate(p->parts, y) * (p->parts & MUL ? v->mul[i] : 1);
            if (p->parts & GATE)
                y *= v->gate[(p->parts & GROUP ? v->group[m] : 0) * p->N + n];
            v->want[i] = (float)(y + (p->parts & RESIDUAL ? v->residual[i] : 0) +
                                 (p->parts & ACCUMULATE ? v->before[i] : 0));
        }
    }
    free(row);
}

/* ---- tensors with guards ---- */

float *vmg_matmul_numbers(int64_t n)
{
    float *x = vmg_calloc((size_t)n + 1, sizeof *x);
    vmg_test_fill(x, (size_t)n);
    return x;
}

/* ---- one call ---- */

/* A weight in its layout, packed in two pieces where it is long enough. */
static vmg_tensor weight(const vmg_matmul_problem *p, const float *b)
{
    vmg_ctx *ctx = vmg_test_ctx();
    if (p->layout == VMG_LAYOUT_ROW)
        return vmg_dtype_get(p->dtype).block_len > 1
                   ? vmg_test_matrix(p->dtype, p->N, p->K, b)
                   : vmg_test_guarded_as(p->dtype, p->N, p->K, p->pad, b, NULL);
    const size_t bytes = vmg_matmul_weight_bytes(p->layout, p->dtype, p->N, p->K);
    const vmg_dtype dtype = p->layout == VMG_LAYOUT_TILE ? VMG_BF16 : p->dtype;
    vmg_tensor w = vmg_arena_packed(vmg_test_arena(), dtype, p->layout, p->N, p->K, bytes);
    vmg_tensor src = vmg_test_matrix(p->dtype, p->N, p->K, b);
    const int64_t first = p->N > VMG_PANEL ? VMG_PANEL : p->N;
    vmg_op_weight_pack(ctx, vmg_tensor_view_rows(src, 0, first), w, 0);
    vmg_op_weight_pack(ctx, vmg_tensor_view_rows(src, first, p->N - first), w, first);
    return w;
}

/* |got - want| <= 2e-6 (largest sum of |a·b| + largest |want|); for sums of 100 terms that is about
 * 5e-6 of the result. With sums in f16: each of 32 additions rounds by 2^-12 on average, in any direction. A result
 * stored in `dtype` is rounded by half a unit of its last place once more. */
static void check_close(const vmg_matmul_problem *p, const vmg_matmul_path *path, const char *what, vmg_dtype dtype,
                        const float *got, const float *want, double magnitude)
{
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < p->M * p->N; i++) {
        const double d = fabs((double)got[i] - want[i]);
        worst = isnan(d) ? INFINITY : fmax(worst, d);
        largest = fmax(largest, fabs((double)want[i]));
    }
    const double tolerance = path->rounds == VMG_ROUNDS_TO_F16 ? 0x1p-10 : 2e-6;
    const bool close = worst <= tolerance * (magnitude + largest) + vmg_test_half_unit(dtype) * largest;
    if (!close)
        vmg_test_note("%s %s: M=%lld N=%lld K=%lld %s layout %d parts 0x%x trans %d%d pad %lld: "
                      "%s to %s: error %.2e of %.2e",
                      path->name, what, (long long)p->M, (long long)p->N, (long long)p->K,
                      vmg_dtype_name(p->dtype), p->layout, (unsigned)p->parts, p->trans_a,
                      p->trans_b, (long long)p->pad, vmg_dtype_name(p->a_dtype), vmg_dtype_name(dtype), worst,
                      magnitude + largest);
    CHECK(close);
}

static void run_path(const vmg_matmul_problem *p, const vmg_matmul_path *path, vmg_tensor w,
                     values *v)
{
    vmg_ctx *ctx = vmg_test_ctx();
    const int64_t M = p->M, N = p->N, K = p->K;
    vmg_tensor whole = VMG_NONE, preact_whole = VMG_NONE;
    const bool in_place = p->parts & IN_PLACE;
    vmg_tensor a = vmg_test_guarded_as(p->a_dtype, p->trans_a ? K : M, p->trans_a ? M : K, p->pad, v->a, NULL);
    vmg_tensor out = vmg_test_guarded_as(p->out_dtype, M, N, p->pad,
                             p->parts & ACCUMULATE ? v->before
                             : in_place            ? v->residual
                                                   : NULL,
                             &whole);
    vmg_epilogue e = {.accumulate = p->parts & ACCUMULATE,
                      .act = p->parts & GELU   ? VMG_ACT_GELU_TANH
                             : p->parts & SILU ? VMG_ACT_SILU
                                               : VMG_ACT_NONE};
    if (p->parts & BIAS)
        e.bias = vmg_test_tensor(VMG_F32, 1, &N, v->bias);
    if (p->parts & PREACT)
        e.preact = vmg_test_guarded(M, N, 0, NULL, &preact_whole);
    if (p->parts & MUL)
        e.mul = vmg_test_matrix(p->out_dtype, M, N, v->mul);
    if (p->parts & GATE)
        e.gate = vmg_test_guarded(N_GROUPS, N, p->pad, v->gate, NULL);
    if (p->parts & GROUP)
        e.group = vmg_test_ints(M, v->group);
    if (p->parts & RESIDUAL)
        e.residual = in_place ? out : vmg_test_guarded(M, N, p->pad, v->residual, NULL);
    if (p->general)
        vmg_op_matmul(ctx, &(vmg_matmul){.a = a,
                                         .b = w,
                                         .out = out,
                                         .trans_a = p->trans_a,
                                         .trans_b = p->trans_b,
                                         .alpha = p->alpha,
                                         .accumulate = e.accumulate});
    else
        vmg_op_linear(ctx, a, w, p->parts ? &e : NULL, out);
    CHECK_OK(vmg_ctx_finish(ctx));
    float *got = vmg_matmul_numbers(M * N);
    vmg_test_read_guarded(whole, p->pad, got);
    check_close(p, path, "out", p->out_dtype, got, v->want, v->magnitude);
    if (p->parts & PREACT) {
        vmg_test_read_guarded(preact_whole, 0, got);
        check_close(p, path, "preact", VMG_F32, got, v->preact, v->magnitude);
    }
    free(got);
}

static values make_values(const vmg_matmul_problem *p)
{
    const int64_t mn = p->M * p->N;
    values v = {.a = vmg_matmul_numbers(p->M * p->K),
                .b = vmg_matmul_numbers(p->N * p->K),
                .bias = vmg_matmul_numbers(p->N),
                .mul = vmg_matmul_numbers(mn),
                .gate = vmg_matmul_numbers(N_GROUPS * p->N),
                .residual = vmg_matmul_numbers(mn),
                .before = vmg_matmul_numbers(mn),
                .want = vmg_matmul_numbers(mn),
                .preact = vmg_matmul_numbers(mn),
                .group = vmg_calloc((size_t)p->M, sizeof(int32_t))};
    for (int64_t m = 0; m < p->M; m++)
        v.group[m] = (int32_t)vmg_test_below(N_GROUPS);
    vmg_test_round(p->dtype, v.b, p->N * p->K);
    vmg_test_round(p->a_dtype, v.a, p->M * p->K);
    vmg_test_round(p->out_dtype, v.mul, mn);
    vmg_test_round(p->out_dtype, v.before, mn);
    return v;
}

/* Runs the problem on one path, or on every path that takes it; returns how many. */
int vmg_matmul_check(const vmg_matmul_problem *problem_, const vmg_matmul_path *only)
{
    vmg_matmul_problem p = *problem_;
    vmg_ctx *ctx = vmg_test_ctx();
    p.alpha = p.alpha == 0 ? 1 : p.alpha;
    values v = make_values(&p);
    vmg_tensor w =
        p.general ? vmg_test_guarded(p.trans_b ? p.N : p.K, p.trans_b ? p.K : p.N, p.pad, v.b, NULL)
                  : weight(&p, v.b);
    const vmg_product probe = {
        .a = {.dtype = p.a_dtype, .rank = 2, .dim = {p.M, p.K}, .ld = p.K + 2 * p.pad},
        .b = w,
        .trans_a = p.trans_a,
        .trans_b = p.trans_b,
        .M = p.M,
        .N = p.N,
        .K = p.K};
    int n_paths = 0;
    for (int i = 0; vmg_matmul_paths[i]; i++) {
        const vmg_matmul_path *path = vmg_matmul_paths[i];
        if ((only && path != only) || !path->valid(ctx, &probe))
            continue;
        if (path == &vmg_matmul_clblast && vmg_test_oclgrind())
            continue;
        n_paths++;
        reference(&p, &v, path->rounds == VMG_ROUNDS_TO_BF16);
        vmg_force_variant(ctx, &vmg_matmul_variants, path->name);
        vmg_matmul_allow_bf16(ctx, path->rounds != VMG_ROUNDS_NOT);
        /* Work-groups compute whole tiles, mostly beyond the edge here: for oclgrind the smallest, unless the caller chose. */
        if (path == &vmg_matmul_tiled && !only && vmg_test_oclgrind())
            vmg_force_tunables(ctx, path->kernel, (const int[]){32, 32, 16, 4, 4});
        run_path(&p, path, w, &v);
        if (!only)
            vmg_force_tunables(ctx, NULL, NULL);
        vmg_matmul_allow_bf16(ctx, false);
        vmg_force_variant(ctx, NULL, NULL);
    }
    void *all[] = {v.a,        v.b,      v.bias, v.mul,    v.gate,
                   v.residual, v.before, v.want, v.preact, v.group};
    for (size_t i = 0; i < VMG_COUNT(all); i++)
        free(all[i]);
    vmg_arena_reset_all(vmg_test_arena());
    return n_paths;
}
