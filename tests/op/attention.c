/* Attention's forward pass: lengths, biases, strides, every implementation and tunable set. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/attention.h"
#include "host/op/matmul.h"
#include "tests/op/attention_problem.h"
#include "tests/op/suite.h"

/* rounded: against operands rounded beforehand, as the AMX path rounds them; with a masked key. */
static void compare_forward(const problem *p, bool rounded, double out_tol, double lse_tol)
{
    call c;
    make_call(p, &c);
    if (rounded)
        mask_key(&c);
    float *out = vmg_test_numbers(p->n_rows * c.cols, 0), *lse = vmg_test_numbers(p->n_rows * p->n_heads, 0);
    vmg_op_attention(vmg_test_ctx(), &c.a);
    if (rounded)
        round_operands(&c);
    reference(&c);
    vmg_test_read_guarded(c.out_whole, VMG_MAX(p->pad, 0), out);
    vmg_test_read_guarded(c.lse_whole, 0, lse);
    compare_rows("out", &c, out, c.out, c.query, p->n_rows, c.cols, out_tol);
    compare_rows("lse", &c, lse, c.lse, c.query, p->n_rows, p->n_heads, lse_tol);
    free(out);
    free(lse);
    free_call(&c);
}

static void check_forward(const problem *p, double tol)
{
    compare_forward(p, false, tol, tol);
}

/* ---- problems ---- */

/* Lengths around the block sizes, primes, 0 and 1; shared keys; rows outside every segment. */
static const problem small_problems[] = {
    {"self", 2, 32, 160, 160, 0, true, true, .scale = 0.177f, .magnitude = 1.5f, .n_segments = 5,
     .segment = {{0, 7, 0, 7}, {7, 1, 7, 1}, {8, 0, 8, 0}, {11, 67, 11, 67}, {80, 79, 80, 79}}},
    {"cross", 3, 40, 60, 150, 5, true, true, .scale = 1, .magnitude = 0.8f, .n_segments = 5,
     .segment = {{2, 17, 1, 131}, {19, 3, 1, 131}, {22, 1, 140, 1}, {23, 5, 141, 0}, {28, 31, 0, 150}}},
};

static const problem problems[] = {
    {"one row", 1, 8, 1, 1, 0, .scale = 1, .magnitude = 1, .n_segments = 1, .segment = {{0, 1, 0, 1}}},
    {"fused qkv", 3, 64, 101, 101, -1, .scale = 0.125f, .magnitude = 2, .n_segments = 2,
     .segment = {{0, 53, 0, 53}, {53, 47, 53, 47}}},
    {"ViMoGen", 2, 128, 200, 200, 0, .scale = 0.0884f, .magnitude = 2, .n_segments = 1,
     .segment = {{0, 200, 0, 200}}},
    {"umT5", 2, 64, 300, 300, 0, .rel_bias = true, .scale = 1, .magnitude = 0.3f, .n_segments = 2,
     .segment = {{0, 11, 0, 11}, {11, 289, 11, 289}}},
    {"widest head", 2, 256, 37, 41, 3, true, .scale = 0.0625f, .magnitude = 1, .n_segments = 2,
     .segment = {{0, 19, 0, 41}, {19, 18, 0, 41}}},
    {"odd head", 1, 72, 29, 83, 1, .key_bias = true, .scale = 0.1f, .magnitude = 1, .n_segments = 1,
     .segment = {{0, 29, 0, 83}}},
    {"no segments", 1, 16, 3, 3, 0, .scale = 1, .magnitude = 1, .n_segments = 0},
    {"no keys at all", 1, 16, 3, 0, 0, .scale = 1, .magnitude = 1, .n_segments = 1,
     .segment = {{0, 2, 0, 0}}},
    {"no rows at all", 1, 16, 0, 0, 0, .scale = 1, .magnitude = 1, .n_segments = 1,
     .segment = {{0, 0, 0, 0}}},
    /* The greatest score wins by far: no overflow, no underflow to 0/0. */
    {"huge scores", 2, 32, 40, 40, 0, .scale = 1, .magnitude = 300, .n_segments = 1,
     .segment = {{0, 40, 0, 40}}},
};

/* Errors relative to the largest output, in float: sums of up to 300 rounded products. */
static const double tolerance = 2e-6;

static void run_self(void)
{
    check_forward(vmg_test_oclgrind() ? &tiniest_problem : &small_problems[0], tolerance);
}

/* A head that no vector width divides. */
static void run_cross(void)
{
    check_forward(vmg_test_oclgrind() ? &tiniest_problem : &small_problems[1], tolerance);
}

static void run_all(void)
{
    if (!vmg_test_oclgrind()) {
        run_self();
        run_cross();
    } else {
        check_forward(&tiny_problem, tolerance);
        for (size_t i = 0; i < N_TINY; i++)
            check_forward(&tiny_problems[i], tolerance);
    }
    for (size_t i = 0; i < VMG_COUNT(problems); i++)
        if (suits_device(&problems[i]))
            check_forward(&problems[i], tolerance);
}

static void every_variant(void)
{
    vmg_test_every_variant(&vmg_attention_variants, run_all);
}

static void every_tunable(void)
{
    static const struct {
        const char *variant;
        const vmg_kernel_def *kernel;
        void (*run)(void);
    } all[] = {{"lanes", &vmg_attention_lanes_kernel, run_cross},
               {"tiled", &vmg_attention_tiled_kernel, run_self}};
    for (size_t i = 0; i < VMG_COUNT(all); i++) {
        vmg_force_variant(vmg_test_ctx(), &vmg_attention_variants, all[i].variant);
        vmg_test_every_tunable(all[i].kernel, all[i].run);
        vmg_force_variant(vmg_test_ctx(), NULL, NULL);
    }
    if (vmg_test_oclgrind())
        return;
    vmg_force_variant(vmg_test_ctx(), &vmg_attention_variants, "gemm");
    vmg_test_every_class(&vmg_attention_softmax_kernel, run_self);
    vmg_force_variant(vmg_test_ctx(), NULL, NULL);
}

/* Scores of more than 64 MiB: CLBlast sees some heads, then the others. */
static void gemm_takes_heads_in_turn(void)
{
    static const problem p = {"many scores", 8, 8, 1500, 1500, 0, .scale = 0.35f, .magnitude = 1, .n_segments = 1,
                              .segment = {{0, 1500, 0, 1500}}};
    if (vmg_test_small()) {
        vmg_test_skip("takes long at VMG_TEST_SIZE=small");
        return;
    }
    vmg_force_variant(vmg_test_ctx(), &vmg_attention_variants, "gemm");
    check_forward(&p, tolerance);
    vmg_force_variant(vmg_test_ctx(), NULL, NULL);
}

/*
 * Against operands rounded beforehand only the probabilities' rounding is left: half a unit of 8 bits of each,
 * and they sum to 1. Scores have none, so lse is as good as elsewhere.
 */
static void check_rounded(const problem *p)
{
    compare_forward(p, true, 0x1p-8, tolerance);
}

static void amx_rounds_operands_only(void)
{
    run_amx(&vmg_attention_variants, &vmg_attention_amx_kernel, check_rounded);
}

/*
 * Operands are rounded only when the call or the context allows that: all keys are equal, so the result is the value they share,
 * and 1 + 2^-12 tells.
 */
static void bf16_is_used_only_where_allowed(void)
{
    enum { ROWS = 64, DIM = 32, CALL = 1, CONTEXT = 2 };
    vmg_ctx *ctx = vmg_test_ctx();
    const bool unit = !strcmp(vmg_matmul_matrix_unit(ctx), "amx-bf16");
    const vmg_segment all = {0, ROWS, 0, ROWS};
    float ones[ROWS * DIM], values[ROWS * DIM], out[ROWS * DIM];
    for (int i = 0; i < ROWS * DIM; i++) {
        ones[i] = 1;
        values[i] = 1 + 0x1p-12f;
    }
    for (int allowed = 0; allowed <= CALL + CONTEXT; allowed++) {
        vmg_attention a = {.q = vmg_test_matrix(VMG_F32, ROWS, DIM, ones),
                           .k = vmg_test_matrix(VMG_F32, ROWS, DIM, ones),
                           .v = vmg_test_matrix(VMG_F32, ROWS, DIM, values),
                           .out = vmg_test_matrix(VMG_F32, ROWS, DIM, NULL),
                           .n_heads = 1,
                           .scale = 0.125f,
                           .segments = test_segments(&all, 1),
                           .may_round = allowed & CALL};
        vmg_matmul_allow_bf16(ctx, allowed & CONTEXT);
        /* Not even where something else chose the implementation. */
        vmg_force_variant(ctx, &vmg_attention_variants, allowed ? NULL : "amx");
        vmg_op_attention(ctx, &a);
        vmg_test_read(a.out, out);
        for (int i = 0; i < ROWS * DIM; i++)
            CHECK_CLOSE(out[i], allowed && unit ? 1.0 : 1 + 0x1p-12, 0);
    }
    vmg_matmul_allow_bf16(ctx, false);
    vmg_force_variant(ctx, NULL, NULL);
}

/* n equal key rows are one row whose bias is log(n) (how padding rows of a text are kept). */
static void log_count_is_repetition(void)
{
    enum { H = 2, DIM = 16, C = H * DIM, N_Q = 5, N_K = 9, N_SAME = 217 };
    static const vmg_segment repeated[] = {{0, N_Q, 0, N_K + N_SAME - 1}}, counted[] = {{0, N_Q, 0, N_K}};
    static const problem p[] = {
        {"repeated", H, DIM, N_Q, N_K + N_SAME - 1, 0, .scale = 0.25f, .magnitude = 1},
        {"counted", H, DIM, N_Q, N_K, 0, .key_bias = true, .scale = 0.25f, .magnitude = 1}};
    const vmg_segment *segment[] = {repeated, counted};
    float out[2][N_Q * C], exact[N_Q * C], q[N_Q * C], kv[2][N_K * C];
    vmg_test_fill(q, N_Q * C);
    vmg_test_fill(kv[0], 2 * N_K * C);
    for (int n = 0; n < 2; n++) {
        problem one = p[n];
        one.n_segments = 1;
        one.segment[0] = segment[n][0];
        call c;
        make_call(&one, &c);
        memcpy(c.q, q, sizeof q);
        for (int64_t j = 0; j < one.n_keys; j++) {
            memcpy(c.k + j * C, kv[0] + VMG_MIN(j, N_K - 1) * C, C * sizeof(float));
            memcpy(c.v + j * C, kv[1] + VMG_MIN(j, N_K - 1) * C, C * sizeof(float));
            c.key_bias[j] = j == N_K - 1 ? logf(N_SAME) : 0;
        }
        c.a.q = vmg_test_matrix(VMG_F32, N_Q, C, c.q);
        c.a.k = vmg_test_matrix(VMG_F32, one.n_keys, C, c.k);
        c.a.v = vmg_test_matrix(VMG_F32, one.n_keys, C, c.v);
        if (one.key_bias)
            c.a.key_bias = vmg_test_tensor(VMG_F32, 1, &one.n_keys, c.key_bias);
        vmg_op_attention(vmg_test_ctx(), &c.a);
        vmg_test_read_guarded(c.out_whole, 0, out[n]);
        if (n == 0) {
            reference(&c);
            memcpy(exact, c.out, sizeof exact);
        }
        free_call(&c);
    }
    CHECK_ARRAY(out[1], exact, N_Q * C, tolerance);
    CHECK_ARRAY(out[1], out[0], N_Q * C, tolerance);
}

/* Keys biased by -infinity do not exist; a query without keys left gives zeros; NaN is not hidden. */
static void check_masks(void)
{
    static const problem p = {"masked", 1, 8, 4, 6, 0, true, .scale = 1, .magnitude = 1, .n_segments = 3,
                              .segment = {{0, 2, 0, 4}, {2, 1, 4, 2}, {3, 1, 0, 4}}};
    call c;
    make_call(&p, &c);
    const float bias[] = {0.5f, -INFINITY, -FLT_MAX, 0, -INFINITY, -INFINITY};
    memcpy(c.key_bias, bias, sizeof bias);
    c.q[3 * 8 + 2] = NAN;
    c.a.key_bias = vmg_test_tensor(VMG_F32, 1, &p.n_keys, bias);
    c.a.q = vmg_test_matrix(VMG_F32, p.n_rows, c.cols, c.q);
    float out[4 * 8];
    reference(&c);
    vmg_op_attention(vmg_test_ctx(), &c.a);
    vmg_test_read_guarded(c.out_whole, 0, out);
    CHECK_ARRAY(out, c.out, 3 * 8, tolerance);
    CHECK(isnan(out[3 * 8]) && isnan(out[3 * 8 + 7]));
    free_call(&c);
}

static void masks_and_propagates(void)
{
    run_own_paths(&vmg_attention_variants, check_masks);
}

/* The published table, evaluated by PyTorch in float32. */
static void knows_buckets(void)
{
    static const struct { int first, bucket; } steps[] = {{8, 8}, {12, 9}, {16, 10}, {23, 11}, {32, 12},
                                                          {46, 13}, {64, 14}, {91, 15}, {1000, 15}};
    for (int d = 0; d < 8; d++) {
        CHECK_INT(vmg_t5_bucket(-d, 32, 128), d);
        CHECK_INT(vmg_t5_bucket(d, 32, 128), d ? 16 + d : 0);
    }
    for (size_t i = 0; i + 1 < VMG_COUNT(steps); i++)
        for (int d = steps[i].first; d < steps[i + 1].first; d++) {
            CHECK_INT(vmg_t5_bucket(-d, 32, 128), steps[i].bucket);
            CHECK_INT(vmg_t5_bucket(d, 32, 128), 16 + steps[i].bucket);
        }
}

static void refuse(const call *c, vmg_attention a, const char *word)
{
    (void)c;
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_op_attention(ctx, &a);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, word);
    vmg_ctx_clear(ctx);
}

static void refuses_wrong_operands(void)
{
    call c;
    make_call(&small_problems[0], &c);
    vmg_attention a = c.a;
    a.n_heads = 5;
    refuse(&c, a, "heads");
    a = c.a;
    a.n_heads = 16; /* heads of 4 columns */
    refuse(&c, a, "heads");
    a = c.a;
    a.v = vmg_tensor_view_rows(a.v, 0, 100);
    refuse(&c, a, "v is f32 (100,64)");
    a = c.a;
    a.lse = vmg_tensor_view_rows(a.lse, 0, 1);
    refuse(&c, a, "lse");
    a = c.a;
    vmg_segment far[5];
    memcpy(far, a.segments.host, sizeof far);
    far[4].n_k = 81;
    a.segments.host = far;
    refuse(&c, a, "segment 4");
    free_call(&c);
}

static const vmg_test_case cases[] = {
    {"knows_buckets", knows_buckets},
    {"every_variant", every_variant},
    {"every_tunable", every_tunable},
    {"gemm_takes_heads_in_turn", gemm_takes_heads_in_turn},
    {"amx_rounds_operands_only", amx_rounds_operands_only},
    {"bf16_is_used_only_where_allowed", bf16_is_used_only_where_allowed},
    {"log_count_is_repetition", log_count_is_repetition},
    {"masks_and_propagates", masks_and_propagates},
    {"refuses_wrong_operands", refuses_wrong_operands},
};

/* ---- timing ---- */

typedef struct bench_shape {
    int64_t n_samples, n_heads, n_q, n_k, head_dim;
    bool bf16;
} bench_shape;

typedef struct bench_state {
    vmg_attention a;
    vmg_segment segment[MAX_SEGMENTS];
    bool bf16;
} bench_state;

static vmg_tensor random_matrix(vmg_ctx *ctx, vmg_arena *arena, int64_t rows, int64_t cols)
{
    vmg_tensor t = vmg_arena_matrix(arena, VMG_F32, rows, cols);
    float *x = vmg_test_numbers(rows * cols, 1);
    vmg_upload(ctx, t, x);
    free(x);
    return t;
}

static void *bench_setup(vmg_ctx *ctx, vmg_arena *arena, const void *param)
{
    const bench_shape *s = param;
    bench_state *b = vmg_calloc(1, sizeof *b);
    int64_t rows = s->n_samples * s->n_q, keys = s->n_samples * s->n_k, cols = s->n_heads * s->head_dim;
    b->a = (vmg_attention){.q = random_matrix(ctx, arena, rows, cols),
                           .k = random_matrix(ctx, arena, keys, cols),
                           .v = random_matrix(ctx, arena, keys, cols),
                           .out = vmg_arena_matrix(arena, VMG_F32, rows, cols),
                           .n_heads = s->n_heads,
                           .scale = 1 / sqrtf((float)s->head_dim),
                           .segments = {.n = s->n_samples, .host = b->segment}};
    b->bf16 = s->bf16;
    for (int32_t i = 0; i < s->n_samples; i++)
        b->segment[i] = (vmg_segment){i * (int32_t)s->n_q, (int32_t)s->n_q, i * (int32_t)s->n_k,
                                      (int32_t)s->n_k};
    b->a.segments.device = vmg_arena_tensor(arena, VMG_I32, 2, (int64_t[]){s->n_samples, 4});
    vmg_upload(ctx, b->a.segments.device, b->segment);
    return b;
}

static void bench_run(vmg_ctx *ctx, void *state)
{
    bench_state *b = state;
    vmg_matmul_allow_bf16(ctx, b->bf16);
    vmg_op_attention(ctx, &b->a);
    vmg_matmul_allow_bf16(ctx, false);
}

#define BENCH(label, B, H, NQ, NK, DIM, BF16)                                                                \
    {.name = label, .setup = bench_setup, .run = bench_run, .teardown = free,                                \
     .param = &(const bench_shape){B, H, NQ, NK, DIM, BF16}, .flops = 4.0 * (B) * (H) * (NQ) * (NK) * (DIM), \
     .bytes = 8.0 * (B) * (H) * ((NQ) + (NK)) * (DIM), .baseline = "fma"}

static const vmg_op_bench benches[] = {
    BENCH("attention B=2 H=12 T=200 D=128", 2, 12, 200, 200, 128, false),
    BENCH("attention bf16 B=2 H=12 T=200 D=128", 2, 12, 200, 200, 128, true),
    BENCH("attention B=2 H=12 T=200 keys=30 D=128", 2, 12, 200, 30, 128, false),
    BENCH("attention B=1 H=64 T=226 D=64", 1, 64, 226, 226, 64, false),
};

const vmg_op_suite vmg_suite_attention = {"attention", cases, VMG_COUNT(cases), benches,
                                          VMG_COUNT(benches)};
