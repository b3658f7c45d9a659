/* Attention's gradients: against a double-precision reference and finite differences of it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/attention.h"
#include "host/op/matmul.h"
#include "tests/op/attention_problem.h"
#include "tests/op/suite.h"

static const float rel_before = 0.25f; /* d_rel_bias accumulates */

/* Forward and backward on the device; gradients (dense) into got_*. */
typedef struct gradients {
    float *dq, *dk, *dv, *d_rel_bias;
} gradients;

static void run_backward(call *c, gradients *g)
{
    const problem *p = c->p;
    const int64_t pad = VMG_MAX(p->pad, 0), n_rel = N_BUCKETS * p->n_heads;
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_tensor dq_whole, dk_whole, dv_whole, d_rel = VMG_NONE;
    vmg_tensor d_out = vmg_test_guarded(p->n_rows, c->cols, pad, c->d_out, NULL);
    vmg_tensor dq = vmg_test_guarded(p->n_rows, c->cols, pad, NULL, &dq_whole);
    vmg_tensor dk = vmg_test_guarded(p->n_keys, c->cols, pad, NULL, &dk_whole);
    vmg_tensor dv = vmg_test_guarded(p->n_keys, c->cols, pad, NULL, &dv_whole);
    *g = (gradients){vmg_test_numbers(p->n_rows * c->cols, 0), vmg_test_numbers(p->n_keys * c->cols, 0),
                     vmg_test_numbers(p->n_keys * c->cols, 0), vmg_test_numbers(n_rel, 0)};
    for (int64_t i = 0; i < n_rel; i++)
        g->d_rel_bias[i] = rel_before;
    if (p->rel_bias)
        d_rel = vmg_test_matrix(VMG_F32, N_BUCKETS, p->n_heads, g->d_rel_bias);
    vmg_op_attention(ctx, &c->a);
    vmg_op_attention_backward(ctx, &c->a, d_out, dq, dk, dv, d_rel, vmg_test_arena());
    vmg_test_read_guarded(dq_whole, pad, g->dq);
    vmg_test_read_guarded(dk_whole, pad, g->dk);
    vmg_test_read_guarded(dv_whole, pad, g->dv);
    if (p->rel_bias)
        vmg_test_read(d_rel, g->d_rel_bias);
    for (int64_t i = 0; i < n_rel; i++)
        g->d_rel_bias[i] -= rel_before;
}

static void free_gradients(gradients *g)
{
    free(g->dq);
    free(g->dk);
    free(g->dv);
    free(g->d_rel_bias);
}

/* Probabilities are recomputed from lse, whose rounding (6e-8 of its magnitude, up to 10 here) multiplies them. */
static const double tolerance = 5e-6;

/* rounded: against operands rounded beforehand, as the AMX path rounds them; with a masked key. */
static void compare_backward(const problem *p, bool rounded, double tol)
{
    call c;
    gradients g;
    make_call(p, &c);
    if (rounded)
        mask_key(&c);
    run_backward(&c, &g);
    if (rounded)
        round_operands(&c);
    reference_backward(&c);
    compare_rows("dq", &c, g.dq, c.dq, c.query, p->n_rows, c.cols, tol);
    compare_rows("dk", &c, g.dk, c.dk, c.key, p->n_keys, c.cols, tol);
    compare_rows("dv", &c, g.dv, c.dv, c.key, p->n_keys, c.cols, tol);
    if (p->rel_bias)
        CHECK_ARRAY(g.d_rel_bias, c.d_rel_bias, (size_t)(N_BUCKETS * p->n_heads), tol);
    free_gradients(&g);
    free_call(&c);
}

static void check_backward(const problem *p)
{
    compare_backward(p, false, tolerance);
}

/* Keys shared by several segments, by equal and by overlapping ranges; keys without queries. */
static const problem small_problems[] = {
    {"shared keys", 2, 32, 90, 150, 3, true, true, .scale = 0.177f, .magnitude = 1.5f, .n_segments = 6,
     .segment = {{2, 17, 9, 61}, {19, 3, 9, 61}, {22, 0, 75, 5}, {23, 33, 0, 50}, {56, 1, 40, 90}, {57, 31, 149, 0}}},
    {"odd head", 3, 40, 70, 70, 0, false, true, .scale = 0.5f, .magnitude = 0.7f, .n_segments = 2,
     .segment = {{0, 67, 0, 67}, {67, 1, 67, 1}}},
};

static const problem problems[] = {
    {"one row", 1, 8, 1, 1, 0, .scale = 1, .magnitude = 1, .n_segments = 1, .segment = {{0, 1, 0, 1}}},
    {"fused qkv", 2, 64, 101, 101, -1, .scale = 0.125f, .magnitude = 2, .n_segments = 2,
     .segment = {{0, 53, 0, 53}, {53, 47, 53, 47}}},
    {"ViMoGen", 2, 128, 200, 200, 0, .scale = 0.0884f, .magnitude = 2, .n_segments = 1,
     .segment = {{0, 200, 0, 200}}},
    {"widest head", 1, 256, 37, 41, 3, true, .scale = 0.0625f, .magnitude = 1, .n_segments = 2,
     .segment = {{0, 19, 0, 41}, {19, 18, 0, 41}}},
    {"no keys at all", 1, 16, 3, 0, 0, .scale = 1, .magnitude = 1, .n_segments = 1,
     .segment = {{0, 2, 0, 0}}},
    {"no queries at all", 1, 16, 0, 3, 0, .scale = 1, .magnitude = 1, .n_segments = 1,
     .segment = {{0, 0, 1, 2}}},
};

static void run_shared(void)
{
    check_backward(vmg_test_oclgrind() ? &tiniest_problem : &small_problems[0]);
}

static void run_odd(void)
{
    check_backward(vmg_test_oclgrind() ? &tiniest_problem : &small_problems[1]);
}

static void run_all(void)
{
    if (!vmg_test_oclgrind()) {
        run_shared();
        run_odd();
    } else {
        check_backward(&tiny_problem);
        for (size_t i = 0; i < N_TINY; i++)
            check_backward(&tiny_problems[i]);
    }
    for (size_t i = 0; i < VMG_COUNT(problems); i++)
        if (suits_device(&problems[i]))
            check_backward(&problems[i]);
}

static void every_variant(void)
{
    vmg_test_every_variant(&vmg_attention_backward_variants, run_all);
}

static void every_tunable(void)
{
    static const struct {
        const char *variant;
        const vmg_kernel_def *kernel;
        void (*run)(void);
    } all[] = {{"lanes", &vmg_attention_lanes_dq_kernel, run_odd},
               {"lanes", &vmg_attention_lanes_dkv_kernel, run_odd},
               {"tiled", &vmg_attention_tiled_dq_kernel, run_shared},
               {"tiled", &vmg_attention_tiled_dkv_kernel, run_shared}};
    for (size_t i = 0; i < VMG_COUNT(all); i++) {
        vmg_force_variant(vmg_test_ctx(), &vmg_attention_backward_variants, all[i].variant);
        vmg_test_every_tunable(all[i].kernel, all[i].run);
        vmg_force_variant(vmg_test_ctx(), NULL, NULL);
    }
}

/* Against operands rounded beforehand: probabilities, ds and centred values are rounded, each by half a unit of 8
 * bits (2e-3), and their errors, of no common sign, add up over keys, queries or columns. */
static void check_rounded(const problem *p)
{
    compare_backward(p, true, 1e-2);
}

static void amx_rounds_operands(void)
{
    run_amx(&vmg_attention_backward_variants, &vmg_attention_amx_backward_kernel, check_rounded);
}

/* The loss whose gradient d_out is: sum(out d_out) of the double reference (rounded to float at its end). */
static double loss(call *c)
{
    double sum = 0;
    reference(c);
    for (int64_t i = 0; i < c->p->n_rows * c->cols; i++)
        sum += c->query[i / c->cols] ? (double)c->out[i] * c->d_out[i] : 0;
    return sum;
}

/* Central differences over a few elements of every operand; their error is h² and the rounding of out over h. */
static void check_differences(void)
{
    static const problem p = {"differences", 2, 16, 9, 14, 0, true, true, .scale = 0.5f, .magnitude = 1,
                              .n_segments = 2, .segment = {{0, 5, 0, 11}, {5, 4, 3, 11}}};
    const float h = 1.0f / 64;
    call c;
    gradients g;
    make_call(&p, &c);
    run_backward(&c, &g);
    const struct { const char *name; float *x; const float *dx; int64_t n; } operand[] = {
        {"q", c.q, g.dq, p.n_rows * c.cols}, {"k", c.k, g.dk, p.n_keys * c.cols},
        {"v", c.v, g.dv, p.n_keys * c.cols}, {"rel_bias", c.rel_bias, g.d_rel_bias, N_BUCKETS * p.n_heads}};
    for (size_t o = 0; o < VMG_COUNT(operand); o++)
        for (int n = 0; n < 12; n++) {
            int64_t i = n * (operand[o].n - 1) / 11;
            float before = operand[o].x[i], plus = before + h, minus = before - h;
            operand[o].x[i] = plus;
            double up = loss(&c);
            operand[o].x[i] = minus;
            double down = loss(&c);
            operand[o].x[i] = before;
            if (!CHECK_CLOSE(operand[o].dx[i], (up - down) / ((double)plus - minus), 3e-4))
                vmg_test_note("d%s[%lld]", operand[o].name, (long long)i);
        }
    free_gradients(&g);
    free_call(&c);
}

static void agrees_with_differences(void)
{
    run_own_paths(&vmg_attention_backward_variants, check_differences);
}

static void refuses_wrong_operands(void)
{
    call c;
    vmg_ctx *ctx = vmg_test_ctx();
    make_call(&small_problems[1], &c);
    vmg_tensor dx = vmg_test_guarded(c.p->n_rows, c.cols, 0, NULL, NULL);
    vmg_attention a = c.a;
    a.lse = VMG_NONE;
    vmg_op_attention_backward(ctx, &a, dx, dx, dx, dx, VMG_NONE, vmg_test_arena());
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "lse");
    vmg_ctx_clear(ctx);
    vmg_op_attention_backward(ctx, &c.a, dx, dx, vmg_tensor_view_rows(dx, 0, 3), dx, VMG_NONE, vmg_test_arena());
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "dk is f32 (3,120)");
    vmg_ctx_clear(ctx);
    vmg_op_attention_backward(ctx, &c.a, dx, dx, dx, dx, dx, vmg_test_arena());
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "d_rel_bias");
    vmg_ctx_clear(ctx);
    free_call(&c);
}

static const vmg_test_case cases[] = {
    {"every_variant", every_variant},
    {"every_tunable", every_tunable},
    {"amx_rounds_operands", amx_rounds_operands},
    {"agrees_with_differences", agrees_with_differences},
    {"refuses_wrong_operands", refuses_wrong_operands},
};

/* ---- timing ---- */

typedef struct bench_state {
    vmg_attention a;
    vmg_segment segment[MAX_SEGMENTS];
    vmg_tensor d_out, dq, dk, dv;
    vmg_arena *arena;
    bool bf16;
} bench_state;

enum { B = 2, H = 12, T = 200, DIM = 128 };

static vmg_tensor random_matrix(vmg_ctx *ctx, vmg_arena *arena)
{
    vmg_tensor t = vmg_arena_matrix(arena, VMG_F32, B * T, H * DIM);
    float *x = vmg_test_numbers(B * T * H * DIM, 1);
    vmg_upload(ctx, t, x);
    free(x);
    return t;
}

static void *bench_setup(vmg_ctx *ctx, vmg_arena *arena, const void *param)
{
    bench_state *b = vmg_calloc(1, sizeof *b);
    b->bf16 = param != NULL;
    vmg_tensor *matrix[] = {&b->a.q, &b->a.k, &b->a.v, &b->a.out, &b->d_out, &b->dq, &b->dk, &b->dv};
    for (size_t i = 0; i < VMG_COUNT(matrix); i++)
        *matrix[i] = random_matrix(ctx, arena);
    b->a.lse = vmg_arena_matrix(arena, VMG_F32, B * T, H);
    b->a.n_heads = H;
    b->a.scale = 1 / sqrtf(DIM);
    for (int32_t i = 0; i < B; i++)
        b->segment[i] = (vmg_segment){i * T, T, i * T, T};
    b->a.segments = (vmg_segments){.n = B, .host = b->segment,
                                   .device = vmg_arena_tensor(arena, VMG_I32, 2, (int64_t[]){B, 4})};
    b->arena = arena;
    vmg_upload(ctx, b->a.segments.device, b->segment);
    vmg_op_attention(ctx, &b->a);
    return b;
}

static void bench_run(vmg_ctx *ctx, void *state)
{
    bench_state *b = state;
    vmg_matmul_allow_bf16(ctx, b->bf16);
    vmg_op_attention_backward(ctx, &b->a, b->d_out, b->dq, b->dk, b->dv, VMG_NONE, b->arena);
    vmg_matmul_allow_bf16(ctx, false);
}

static const vmg_op_bench benches[] = {
    {.name = "attention backward B=2 H=12 T=200 D=128", .setup = bench_setup, .run = bench_run,
     .teardown = free, .flops = 10.0 * B * H * T * T * DIM, .bytes = 4.0 * 8 * B * T * H * DIM, .baseline = "fma"},
    {.name = "attention backward bf16 B=2 H=12 T=200 D=128", .setup = bench_setup, .run = bench_run, .param = "bf16",
     .teardown = free, .flops = 10.0 * B * H * T * T * DIM, .bytes = 4.0 * 8 * B * T * H * DIM, .baseline = "fma"},
};

const vmg_op_suite vmg_suite_attention_backward = {"attention_backward", cases, VMG_COUNT(cases), benches,
                                                   VMG_COUNT(benches)};
