/* Attention against a double-precision reference: lengths, biases, strides, every implementation. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/attention.h"
#include "tests/op/suite.h"

enum { MAX_SEGMENTS = 8, N_BUCKETS = 32, GUARD = 2 };

/* One call. Rows beyond the segments belong to nobody. */
typedef struct problem {
    const char *name;
    int64_t n_heads, head_dim, n_rows, n_keys;
    int64_t pad;  /* columns beside each matrix; -1: q, k and v are views of one matrix */
    bool key_bias, rel_bias;
    float scale, magnitude; /* of q and k */
    int n_segments;
    vmg_segment segment[MAX_SEGMENTS];
} problem;

/* Host values (dense), the reference's results, and the device's tensors. */
typedef struct call {
    const problem *p;
    int64_t cols;
    float *q, *k, *v, *key_bias, *rel_bias, *out, *lse;
    vmg_tensor out_whole, lse_whole;
    vmg_attention a;
} call;

static float *numbers(int64_t n, float magnitude)
{
    float *x = vmg_calloc((size_t)n + 1, sizeof *x);
    vmg_test_fill(x, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        x[i] *= magnitude;
    return x;
}

/* Columns [pad, pad+cols) of rows [GUARD, GUARD+rows) of a matrix that is NaN elsewhere (and inside
 * without values). */
static vmg_tensor guarded(int64_t rows, int64_t cols, int64_t pad, const float *values, vmg_tensor *whole)
{
    int64_t all_rows = rows + 2 * GUARD, all_cols = cols + 2 * pad;
    float *x = vmg_calloc((size_t)(all_rows * all_cols) + 1, sizeof *x);
    for (int64_t i = 0; i < all_rows * all_cols; i++)
        x[i] = NAN;
    for (int64_t r = 0; values && r < rows; r++)
        memcpy(x + (r + GUARD) * all_cols + pad, values + r * cols, (size_t)cols * sizeof *x);
    vmg_tensor t = vmg_test_matrix(VMG_F32, all_rows, all_cols, x);
    free(x);
    if (whole)
        *whole = t;
    return vmg_tensor_view_cols(vmg_tensor_view_rows(t, GUARD, rows), pad, cols);
}

/* Reads a guarded matrix back; its surroundings must still be NaN. */
static void read_guarded(vmg_tensor whole, int64_t pad, float *values)
{
    int64_t rows = whole.dim[0], cols = whole.dim[1], n_touched = 0;
    float *x = vmg_calloc((size_t)(rows * cols) + 1, sizeof *x);
    vmg_test_read(whole, x);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++)
            if (r >= GUARD && r < rows - GUARD && c >= pad && c < cols - pad)
                values[(r - GUARD) * (cols - 2 * pad) + c - pad] = x[r * cols + c];
            else
                n_touched += !isnan(x[r * cols + c]);
    CHECK_INT(n_touched, 0);
    free(x);
}

static void make_call(const problem *p, call *c)
{
    *c = (call){.p = p, .cols = p->n_heads * p->head_dim};
    int64_t n_q = p->n_rows * c->cols, n_k = p->n_keys * c->cols, pad = VMG_MAX(p->pad, 0);
    c->q = numbers(n_q, p->magnitude);
    c->k = numbers(n_k, p->magnitude);
    c->v = numbers(n_k, 1);
    c->key_bias = numbers(p->n_keys, 2);
    c->rel_bias = numbers(N_BUCKETS * p->n_heads, 2);
    c->out = numbers(n_q, 1);
    c->lse = numbers(p->n_rows * p->n_heads, 1);
    c->a = (vmg_attention){.n_heads = p->n_heads, .scale = p->scale};
    if (p->pad < 0) {
        float *qkv = numbers(3 * n_q, 0);
        const float *part[] = {c->q, c->k, c->v};
        for (int64_t r = 0; r < p->n_rows; r++)
            for (int i = 0; i < 3; i++)
                memcpy(qkv + (3 * r + i) * c->cols, part[i] + r * c->cols,
                       (size_t)c->cols * sizeof *qkv);
        vmg_tensor t = vmg_test_matrix(VMG_F32, p->n_rows, 3 * c->cols, qkv);
        free(qkv);
        c->a.q = vmg_tensor_view_cols(t, 0, c->cols);
        c->a.k = vmg_tensor_view_cols(t, c->cols, c->cols);
        c->a.v = vmg_tensor_view_cols(t, 2 * c->cols, c->cols);
    } else {
        c->a.q = guarded(p->n_rows, c->cols, pad, c->q, NULL);
        c->a.k = guarded(p->n_keys, c->cols, pad, c->k, NULL);
        c->a.v = guarded(p->n_keys, c->cols, pad, c->v, NULL);
    }
    c->a.out = guarded(p->n_rows, c->cols, pad, NULL, &c->out_whole);
    c->a.lse = guarded(p->n_rows, p->n_heads, 0, NULL, &c->lse_whole);
    if (p->key_bias)
        c->a.key_bias = vmg_test_tensor(VMG_F32, 1, &p->n_keys, c->key_bias);
    if (p->rel_bias)
        c->a.rel_bias = vmg_test_matrix(VMG_F32, N_BUCKETS, p->n_heads, c->rel_bias);
    c->a.segments = (vmg_segments){.n = p->n_segments, .host = p->segment};
    const int64_t dim[] = {p->n_segments, 4};
    c->a.segments.device = vmg_arena_tensor(vmg_test_arena(), VMG_I32, 2, dim);
    if (p->n_segments)
        vmg_upload(vmg_test_ctx(), c->a.segments.device, p->segment);
}

static void free_call(call *c)
{
    float *all[] = {c->q, c->k, c->v, c->key_bias, c->rel_bias, c->out, c->lse};
    for (size_t i = 0; i < VMG_COUNT(all); i++)
        free(all[i]);
}

/* ---- the reference ---- */

/* Score of query i and key j of a segment, head h. */
static double score(const call *c, vmg_segment g, int64_t i, int64_t j, int64_t h)
{
    const problem *p = c->p;
    const float *q = c->q + (g.q0 + i) * c->cols + h * p->head_dim;
    const float *k = c->k + (g.k0 + j) * c->cols + h * p->head_dim;
    double s = 0;
    for (int64_t d = 0; d < p->head_dim; d++)
        s += (double)q[d] * k[d];
    s *= p->scale;
    if (p->key_bias)
        s += c->key_bias[g.k0 + j];
    if (p->rel_bias)
        s += c->rel_bias[vmg_t5_bucket(j - i, N_BUCKETS, 128) * p->n_heads + h];
    return s;
}

/* Probabilities (n_k) of one query; returns the log-sum-exp. */
static double probabilities(const call *c, vmg_segment g, int64_t i, int64_t h, double *prob)
{
    double m = -INFINITY, sum = 0;
    for (int64_t j = 0; j < g.n_k; j++) {
        prob[j] = score(c, g, i, j, h);
        m = fmax(m, prob[j]);
    }
    for (int64_t j = 0; j < g.n_k; j++)
        sum += m > -INFINITY ? exp(prob[j] - m) : 0;
    for (int64_t j = 0; j < g.n_k; j++)
        prob[j] = sum > 0 ? exp(prob[j] - m) / sum : 0;
    return sum > 0 ? m + log(sum) : -INFINITY;
}

/* Fills c->out and c->lse where segments are; `inside` (n_rows) tells where. */
static void reference(call *c, bool *inside)
{
    const problem *p = c->p;
    double *prob = vmg_calloc((size_t)p->n_keys + 1, sizeof *prob);
    for (int s = 0; s < p->n_segments; s++) {
        const vmg_segment g = p->segment[s];
        for (int64_t i = 0; i < g.n_q; i++) {
            inside[g.q0 + i] = true;
            for (int64_t h = 0; h < p->n_heads; h++) {
                double lse = probabilities(c, g, i, h, prob);
                c->lse[(g.q0 + i) * p->n_heads + h] = (float)lse;
                for (int64_t d = 0; d < p->head_dim; d++) {
                    double o = 0;
                    for (int64_t j = 0; j < g.n_k; j++)
                        o += prob[j] * c->v[(g.k0 + j) * c->cols + h * p->head_dim + d];
                    c->out[(g.q0 + i) * c->cols + h * p->head_dim + d] = (float)o;
                }
            }
        }
    }
    free(prob);
}

/* Compares the rows inside segments; the others must still be NaN. -inf equals -inf. */
static void compare_rows(const char *what, const call *c, const float *got, const float *want,
                         const bool *inside, int64_t rows, int64_t cols, double tol)
{
    float *x = vmg_calloc((size_t)(rows * cols) + 1, sizeof *x), *y = numbers(rows * cols, 0);
    int64_t n = 0, n_touched = 0;
    for (int64_t i = 0; i < rows * cols; i++) {
        if (!inside[i / cols])
            n_touched += !isnan(got[i]);
        else if (!(isinf(want[i]) && got[i] == want[i])) {
            x[n] = got[i];
            y[n++] = want[i];
        }
    }
    CHECK_INT(n_touched, 0);
    if (!CHECK_ARRAY(x, y, (size_t)n, tol))
        vmg_test_note("%s of \"%s\": %lld heads of %lld", what, c->p->name, (long long)c->p->n_heads,
                      (long long)c->p->head_dim);
    free(x);
    free(y);
}

static void check_forward(const problem *p, double tol)
{
    call c;
    make_call(p, &c);
    bool *inside = vmg_calloc((size_t)p->n_rows + 1, sizeof *inside);
    float *out = numbers(p->n_rows * c.cols, 0), *lse = numbers(p->n_rows * p->n_heads, 0);
    reference(&c, inside);
    vmg_op_attention(vmg_test_ctx(), &c.a);
    read_guarded(c.out_whole, VMG_MAX(p->pad, 0), out);
    read_guarded(c.lse_whole, 0, lse);
    compare_rows("out", &c, out, c.out, inside, p->n_rows, c.cols, tol);
    compare_rows("lse", &c, lse, c.lse, inside, p->n_rows, p->n_heads, tol);
    free(inside);
    free(out);
    free(lse);
    free_call(&c);
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
    check_forward(&small_problems[0], tolerance);
}

/* A head that no vector width divides. */
static void run_cross(void)
{
    check_forward(&small_problems[1], tolerance);
}

static void run_all(void)
{
    run_self();
    run_cross();
    for (size_t i = 0; i < VMG_COUNT(problems); i++)
        if (!vmg_test_small() || problems[i].n_rows <= 64)
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
    float out[2][N_Q * C], q[N_Q * C], kv[2][N_K * C];
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
        read_guarded(c.out_whole, 0, out[n]);
        free_call(&c);
    }
    CHECK_ARRAY(out[1], out[0], N_Q * C, 2e-6);
}

/* Keys biased by -infinity do not exist; a query without keys left gives zeros; NaN is not hidden. */
static void masks_and_propagates(void)
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
    bool inside[4];
    reference(&c, inside);
    vmg_op_attention(vmg_test_ctx(), &c.a);
    read_guarded(c.out_whole, 0, out);
    CHECK_ARRAY(out, c.out, 3 * 8, tolerance);
    CHECK(isnan(out[3 * 8]) && isnan(out[3 * 8 + 7]));
    free_call(&c);
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
    {"log_count_is_repetition", log_count_is_repetition},
    {"masks_and_propagates", masks_and_propagates},
    {"refuses_wrong_operands", refuses_wrong_operands},
};

/* ---- timing ---- */

typedef struct bench_shape {
    int64_t n_samples, n_heads, n_q, n_k, head_dim;
} bench_shape;

typedef struct bench_state {
    vmg_attention a;
    vmg_segment segment[MAX_SEGMENTS];
} bench_state;

static vmg_tensor random_matrix(vmg_ctx *ctx, vmg_arena *arena, int64_t rows, int64_t cols)
{
    vmg_tensor t = vmg_arena_matrix(arena, VMG_F32, rows, cols);
    float *x = numbers(rows * cols, 1);
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
    vmg_op_attention(ctx, &b->a);
}

#define BENCH(label, B, H, NQ, NK, DIM)                                                             \
    {.name = label, .setup = bench_setup, .run = bench_run, .teardown = free,                       \
     .param = &(const bench_shape){B, H, NQ, NK, DIM}, .flops = 4.0 * (B) * (H) * (NQ) * (NK) * (DIM), \
     .bytes = 8.0 * (B) * (H) * ((NQ) + (NK)) * (DIM), .baseline = "fma"}

static const vmg_op_bench benches[] = {
    BENCH("attention B=2 H=12 T=200 D=128", 2, 12, 200, 200, 128),
    BENCH("attention B=2 H=12 T=200 keys=30 D=128", 2, 12, 200, 30, 128),
    BENCH("attention B=1 H=64 T=226 D=64", 1, 64, 226, 226, 64),
};

const vmg_op_suite vmg_suite_attention = {"attention", cases, VMG_COUNT(cases), benches,
                                          VMG_COUNT(benches)};
