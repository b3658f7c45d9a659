/* Attention problems on host and device, and their double-precision solution. */
#include "tests/op/attention_problem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/matmul.h"
#include "tests/op/suite.h"

vmg_segments test_segments(const vmg_segment *host, int n)
{
    vmg_segments all = {.n = n, .host = host};
    const int64_t dim[] = {n, 4};
    all.device = vmg_arena_tensor(vmg_test_arena(), VMG_I32, 2, dim);
    if (n)
        vmg_upload(vmg_test_ctx(), all.device, host);
    return all;
}

void make_call(const problem *p, call *c)
{
    *c = (call){.p = p, .cols = p->n_heads * p->head_dim};
    int64_t n_q = p->n_rows * c->cols, n_k = p->n_keys * c->cols, pad = VMG_MAX(p->pad, 0);
    c->q = vmg_test_numbers(n_q, p->magnitude);
    c->k = vmg_test_numbers(n_k, p->magnitude);
    c->v = vmg_test_numbers(n_k, 1);
    c->key_bias = vmg_test_numbers(p->n_keys, 2);
    c->rel_bias = vmg_test_numbers(N_BUCKETS * p->n_heads, 2);
    c->out = vmg_test_numbers(n_q, 1);
    c->lse = vmg_test_numbers(p->n_rows * p->n_heads, 1);
    c->d_out = vmg_test_numbers(n_q, 1);
    c->dq = vmg_test_numbers(n_q, 0);
    c->dk = vmg_test_numbers(n_k, 0);
    c->dv = vmg_test_numbers(n_k, 0);
    c->d_rel_bias = vmg_test_numbers(N_BUCKETS * p->n_heads, 0);
    c->query = vmg_calloc((size_t)p->n_rows + 1, sizeof *c->query);
    c->key = vmg_calloc((size_t)p->n_keys + 1, sizeof *c->key);
    for (int s = 0; s < p->n_segments; s++) {
        memset(c->query + p->segment[s].q0, true, (size_t)p->segment[s].n_q);
        memset(c->key + p->segment[s].k0, true, (size_t)p->segment[s].n_k);
    }
    c->a = (vmg_attention){.n_heads = p->n_heads, .scale = p->scale};
    if (p->pad < 0) {
        float *qkv = vmg_test_numbers(3 * n_q, 0);
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
        c->a.q = vmg_test_guarded(p->n_rows, c->cols, pad, c->q, NULL);
        c->a.k = vmg_test_guarded(p->n_keys, c->cols, pad, c->k, NULL);
        c->a.v = vmg_test_guarded(p->n_keys, c->cols, pad, c->v, NULL);
    }
    c->a.out = vmg_test_guarded(p->n_rows, c->cols, pad, NULL, &c->out_whole);
    c->a.lse = vmg_test_guarded(p->n_rows, p->n_heads, 0, NULL, &c->lse_whole);
    if (p->key_bias)
        c->a.key_bias = vmg_test_tensor(VMG_F32, 1, &p->n_keys, c->key_bias);
    if (p->rel_bias)
        c->a.rel_bias = vmg_test_matrix(VMG_F32, N_BUCKETS, p->n_heads, c->rel_bias);
    c->a.segments = test_segments(p->segment, p->n_segments);
}

void free_call(call *c)
{
    void *all[] = {c->q,   c->k,  c->v,  c->key_bias, c->rel_bias,   c->d_out, c->out,
                   c->lse, c->dq, c->dk, c->dv,       c->d_rel_bias, c->query, c->key};
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

/* Calls visit for every query of every segment and head with its probabilities and lse. */
typedef void visitor(call *c, vmg_segment g, int64_t i, int64_t h, const double *prob, double lse,
                     double *sums);

static void each_query(call *c, visitor *visit, double *sums)
{
    double *prob = vmg_calloc((size_t)c->p->n_keys + 1, sizeof *prob);
    for (int s = 0; s < c->p->n_segments; s++)
        for (int64_t i = 0; i < c->p->segment[s].n_q; i++)
            for (int64_t h = 0; h < c->p->n_heads; h++) {
                double lse = probabilities(c, c->p->segment[s], i, h, prob);
                visit(c, c->p->segment[s], i, h, prob, lse, sums);
            }
    free(prob);
}

static void visit_forward(call *c, vmg_segment g, int64_t i, int64_t h, const double *prob, double lse,
                          double *sums)
{
    const int64_t head_dim = c->p->head_dim;
    (void)sums;
    c->lse[(g.q0 + i) * c->p->n_heads + h] = (float)lse;
    for (int64_t d = 0; d < head_dim; d++) {
        double o = 0;
        for (int64_t j = 0; j < g.n_k; j++)
            o += prob[j] * c->v[(g.k0 + j) * c->cols + h * head_dim + d];
        c->out[(g.q0 + i) * c->cols + h * head_dim + d] = (float)o;
    }
}

void reference(call *c)
{
    each_query(c, visit_forward, NULL);
}

/* sums: dk, dv (n_keys, cols), d_rel_bias (N_BUCKETS, n_heads). */
static void visit_backward(call *c, vmg_segment g, int64_t i, int64_t h, const double *prob,
                           double lse, double *sums)
{
    const problem *p = c->p;
    const int64_t q_at = (g.q0 + i) * c->cols + h * p->head_dim, n_k = p->n_keys * c->cols;
    double delta = 0, *dk = sums, *dv = sums + n_k, *d_rel = sums + 2 * n_k;
    double *dp = vmg_calloc((size_t)g.n_k + 1, sizeof *dp), *dq = vmg_calloc((size_t)p->head_dim, sizeof *dq);
    (void)lse;
    for (int64_t j = 0; j < g.n_k; j++) {
        const int64_t k_at = (g.k0 + j) * c->cols + h * p->head_dim;
        for (int64_t d = 0; d < p->head_dim; d++)
            dp[j] += (double)c->d_out[q_at + d] * c->v[k_at + d];
        delta += prob[j] * dp[j];
    }
    for (int64_t j = 0; j < g.n_k; j++) {
        const int64_t k_at = (g.k0 + j) * c->cols + h * p->head_dim;
        const double ds = prob[j] * (dp[j] - delta);
        d_rel[vmg_t5_bucket(j - i, N_BUCKETS, 128) * p->n_heads + h] += ds;
        for (int64_t d = 0; d < p->head_dim; d++) {
            dq[d] += p->scale * ds * c->k[k_at + d];
            dk[k_at + d] += p->scale * ds * c->q[q_at + d];
            dv[k_at + d] += prob[j] * c->d_out[q_at + d];
        }
    }
    for (int64_t d = 0; d < p->head_dim; d++)
        c->dq[q_at + d] = (float)dq[d];
    free(dp);
    free(dq);
}

void reference_backward(call *c)
{
    const int64_t n_k = c->p->n_keys * c->cols, n_rel = N_BUCKETS * c->p->n_heads;
    double *sums = vmg_calloc((size_t)(2 * n_k + n_rel), sizeof *sums);
    each_query(c, visit_backward, sums);
    for (int64_t i = 0; i < n_k; i++) {
        c->dk[i] = (float)sums[i];
        c->dv[i] = (float)sums[n_k + i];
    }
    for (int64_t i = 0; i < n_rel; i++)
        c->d_rel_bias[i] = (float)sums[2 * n_k + i];
    free(sums);
}

/* -inf equals -inf. */
void compare_rows(const char *what, const call *c, const float *got, const float *want,
                  const bool *inside, int64_t rows, int64_t cols, double tol)
{
    float *x = vmg_calloc((size_t)(rows * cols) + 1, sizeof *x), *y = vmg_test_numbers(rows * cols, 0);
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

const problem tiny_problem = {
    "tiny", 2, 24, 20, 26, 3, true, true, .scale = 0.5f, .magnitude = 1, .n_segments = 4,
    .segment = {{1, 11, 2, 19}, {12, 1, 21, 1}, {13, 0, 22, 2}, {14, 5, 0, 26}}};

/* Keys that end within a block of every size. */
const problem tiniest_problem = {
    "tiniest", 1, 8, 13, 41, 3, true, true, .scale = 0.4f, .magnitude = 1, .n_segments = 1, .segment = {{1, 11, 2, 37}}};

const problem tiny_problems[N_TINY] = {
    {"tiny widest head", 1, 256, 5, 3, 3, true, .scale = 0.0625f, .magnitude = 1, .n_segments = 1, .segment = {{1, 3, 0, 3}}},
    {"tiny fused qkv", 1, 16, 5, 5, -1, .scale = 0.25f, .magnitude = 2, .n_segments = 1, .segment = {{0, 5, 0, 5}}}};

bool suits_device(const problem *p)
{
    if (vmg_test_oclgrind())
        return p->n_rows * p->n_keys * p->head_dim < 500;
    return !vmg_test_small() || p->n_rows <= 64;
}

void run_own_paths(const vmg_variants *set, void (*run)(void))
{
    static const char *const path[] = {"tiled", "lanes"};
    vmg_ctx *ctx = vmg_test_ctx();
    const vmg_device_class own = ctx->dev.device_class;
    for (size_t i = 0; i < VMG_COUNT(path); i++) {
        ctx->dev.device_class = VMG_CLASS_CPU;
        vmg_force_variant(ctx, set, path[i]);
        run();
        vmg_force_variant(ctx, NULL, NULL);
        ctx->dev.device_class = own;
    }
}

/* ---- the AMX path ---- */

/* Keys in several blocks, units and primes, shared keys, empty segments, masked keys. */
static const problem amx_problems[] = {
    {"blocks", 2, 32, 170, 600, 3, .key_bias = true, .scale = 0.177f, .magnitude = 1.5f, .n_segments = 5,
     .segment = {{2, 67, 59, 541}, {69, 1, 3, 53}, {70, 71, 59, 541}, {141, 0, 56, 2}, {141, 7, 1, 1}}},
    {"unit", 1, 32, 1, 1, 0, .scale = 1, .magnitude = 1, .n_segments = 1, .segment = {{0, 1, 0, 1}}},
    {"fused qkv", 3, 64, 301, 301, -1, .scale = 0.125f, .magnitude = 2, .n_segments = 3,
     .segment = {{0, 53, 0, 53}, {53, 0, 53, 0}, {54, 247, 54, 247}}},
    {"odd head", 1, 96, 29, 83, 1, .key_bias = true, .scale = 0.1f, .magnitude = 1, .n_segments = 2,
     .segment = {{0, 13, 0, 83}, {13, 16, 0, 83}}},
    {"ViMoGen", 2, 128, 100, 100, 0, .scale = 0.0884f, .magnitude = 2, .n_segments = 2,
     .segment = {{0, 17, 0, 83}, {17, 83, 83, 17}}},
    {"no keys at all", 1, 32, 3, 0, 0, .scale = 1, .magnitude = 1, .n_segments = 1, .segment = {{0, 2, 0, 0}}},
    {"no queries at all", 1, 32, 0, 3, 0, .scale = 1, .magnitude = 1, .n_segments = 1, .segment = {{0, 0, 1, 2}}},
};

static void (*amx_check)(const problem *);

static void check_blocks(void)
{
    amx_check(&amx_problems[0]);
}

void run_amx(const vmg_variants *set, const vmg_kernel_def *def, void (*check)(const problem *))
{
    vmg_ctx *ctx = vmg_test_ctx();
    if (strcmp(vmg_matmul_matrix_unit(ctx), "amx-bf16")) {
        vmg_test_skip("no AMX unit that this device could use");
        return;
    }
    vmg_matmul_allow_bf16(ctx, true);
    vmg_force_variant(ctx, set, "amx");
    amx_check = check;
    if (vmg_test_small())
        check_blocks();
    else
        vmg_test_every_tunable(def, check_blocks);
    for (size_t i = 1; i < VMG_COUNT(amx_problems); i++)
        check(&amx_problems[i]);
    vmg_force_variant(ctx, NULL, NULL);
    vmg_matmul_allow_bf16(ctx, false);
}

void mask_key(call *c)
{
    if (!c->p->key_bias)
        return;
    c->key_bias[1] = -INFINITY;
    c->a.key_bias = vmg_test_tensor(VMG_F32, 1, &c->p->n_keys, c->key_bias);
}

void round_operands(call *c)
{
    vmg_test_round(VMG_BF16, c->q, c->p->n_rows * c->cols);
    vmg_test_round(VMG_BF16, c->k, c->p->n_keys * c->cols);
    vmg_test_round(VMG_BF16, c->v, c->p->n_keys * c->cols);
    vmg_test_round(VMG_BF16, c->d_out, c->p->n_rows * c->cols);
}
