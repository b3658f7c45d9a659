/* Attention by CLBlast's batched products around a softmax of the scores: one segment, some heads at a time. */
#include "host/base/mem.h"
#include "host/blas.h"
#include "host/op/attention_impl.h"
#include "host/op/grid.h"
#include "host/op/softmax.h"

/* The scores of this many bytes are in memory at once (of one head if that takes more). */
enum { MAX_SCORE_BYTES = 64 << 20 };

const vmg_kernel_def vmg_attention_softmax_kernel = {
    .file = "softmax", .name = "attention_softmax", VMG_GRID_ROWS};

/* Heads [h0, h0+n) of segment s: matrices (n_q or n_k, D), D elements from head to head. */
typedef struct part {
    vmg_ctx *ctx;
    const vmg_attention *a;
    int64_t s;
    vmg_segment g;
    int64_t h0, n, D;
} part;

static vmg_tensor first_element(const part *p, vmg_tensor t, int64_t row)
{
    t.off_bytes += (size_t)(row * t.ld + p->h0 * p->D) * sizeof(float);
    return t;
}

static vmg_tensor queries(const part *p, vmg_tensor t)
{
    return first_element(p, t, p->g.q0);
}

static vmg_tensor keys(const part *p, vmg_tensor t)
{
    return first_element(p, t, p->g.k0);
}

/* scores (n, n_q, n_k) = alpha x y^T, x of queries and y of keys. */
static void outer(const part *p, float alpha, vmg_tensor x, vmg_tensor y, vmg_tensor scores)
{
    const int64_t n_q = p->g.n_q, n_k = p->g.n_k;
    vmg_blas_gemm_strided_batched(p->ctx, false, true, n_q, n_k, p->D, alpha, queries(p, x), x.ld, p->D, keys(p, y),
                                  y.ld, p->D, 0, scores, n_k, n_q * n_k, p->n);
}

/* x (queries) = alpha scores y. */
static void to_queries(const part *p, float alpha, vmg_tensor scores, vmg_tensor y, vmg_tensor x)
{
    const int64_t n_q = p->g.n_q, n_k = p->g.n_k;
    vmg_blas_gemm_strided_batched(p->ctx, false, false, n_q, p->D, n_k, alpha, scores, n_k, n_q * n_k, keys(p, y),
                                  y.ld, p->D, 0, queries(p, x), x.ld, p->D, p->n);
}

/* y (keys) = alpha scores^T x + beta y. */
static void to_keys(const part *p, float alpha, vmg_tensor scores, vmg_tensor x, float beta, vmg_tensor y)
{
    const int64_t n_q = p->g.n_q, n_k = p->g.n_k;
    vmg_blas_gemm_strided_batched(p->ctx, true, false, n_k, p->D, n_q, alpha, scores, n_k, n_q * n_k, queries(p, x),
                                  x.ld, p->D, beta, keys(p, y), y.ld, p->D, p->n);
}

/* Scores become probabilities, with their biases; lse where given. */
static void softmax(const part *p, vmg_tensor scores, vmg_tensor lse, const vmg_attention_work *w)
{
    const vmg_attention *a = p->a;
    const int64_t rows = p->n * p->g.n_q, sizes[] = {rows, p->g.n_k, p->g.n_q, p->g.q0, p->h0, a->n_heads};
    vmg_tensor key_bias = a->key_bias;
    if (vmg_tensor_given(key_bias))
        key_bias.off_bytes += (size_t)p->g.k0 * sizeof(float);
    vmg_launch l = VMG_LAUNCH(&vmg_attention_softmax_kernel);
    vmg_define(&l, "SCORES");
    vmg_define(&l, "REL=%d", w->n_buckets > 0);
    vmg_define(&l, "MAX_DISTANCE=%d", VMG_T5_MAX_DISTANCE);
    vmg_arg_inout(&l, scores);
    vmg_arg_in(&l, key_bias);
    vmg_arg_in(&l, a->rel_bias);
    vmg_arg_in(&l, vmg_attention_buckets(p->ctx, w->n_buckets));
    vmg_arg_out(&l, lse);
    for (size_t i = 0; i < VMG_COUNT(sizes); i++)
        vmg_arg_i64(&l, sizes[i]);
    l.shape[0] = rows;
    l.shape[1] = p->g.n_k;
    l.bytes = 8.0 * (double)(rows * p->g.n_k);
    vmg_launch_run(p->ctx, &l);
}

/* Calls visit for every segment with work and as many of its heads as fit, with n_scores score matrices. */
typedef void visitor(const part *p, const vmg_attention_work *w, const vmg_tensor *scores, void *user);

static void each_part(vmg_ctx *ctx, const vmg_attention *a, const vmg_attention_work *w, int n_scores, visitor *visit,
                      void *user)
{
    const int64_t most = MAX_SCORE_BYTES / (int64_t)sizeof(float) / n_scores;
    for (int64_t s = 0; s < a->segments.n; s++) {
        part p = {.ctx = ctx, .a = a, .s = s, .g = a->segments.host[s], .D = w->head_dim};
        const int64_t per_head = (int64_t)p.g.n_q * p.g.n_k;
        const int64_t at_once = per_head ? VMG_MIN(VMG_MAX(most / per_head, 1), a->n_heads) : 0;
        for (; per_head && p.h0 < a->n_heads; p.h0 += at_once) {
            p.n = VMG_MIN(at_once, a->n_heads - p.h0);
            const int64_t n = p.n * per_head, dim[] = {p.n * p.g.n_q, p.g.n_k};
            const vmg_tensor all = vmg_attention_scratch(ctx, VMG_ATTENTION_SCORES, n_scores * n);
            vmg_tensor scores[2];
            for (int i = 0; i < n_scores; i++)
                scores[i] = vmg_tensor_make(all.buf, (size_t)(i * n) * sizeof(float), VMG_F32, 2, dim);
            if (ctx->error)
                return;
            visit(&p, w, scores, user);
        }
    }
}

static void forward(const part *p, const vmg_attention_work *w, const vmg_tensor *scores, void *user)
{
    (void)user;
    outer(p, p->a->scale, p->a->q, p->a->k, scores[0]);
    softmax(p, scores[0], p->a->lse, w);
    to_queries(p, 1, scores[0], p->a->v, p->a->out);
}

void vmg_attention_gemm(vmg_ctx *ctx, const vmg_attention *a, const vmg_attention_work *w)
{
    each_part(ctx, a, w, 1, forward, NULL);
}

bool vmg_attention_gemm_valid(const vmg_attention *a)
{
    for (int64_t s = 0; s < a->segments.n; s++)
        if (a->segments.host[s].n_q && !a->segments.host[s].n_k)
            return false;
    return true;
}

/* ---- backward ---- */

typedef struct gradients {
    vmg_tensor d_out, dq, dk, dv;
} gradients;

/* Segments share their keys wholly or not at all, and all keys have queries. */
bool vmg_attention_gemm_backward_valid(const vmg_attention *a)
{
    const vmg_segment *g = a->segments.host;
    for (int64_t s = 0; s < a->segments.n; s++) {
        if (!g[s].n_q != !g[s].n_k)
            return false;
        for (int64_t t = 0; t < s; t++) {
            const bool apart = g[t].k0 + g[t].n_k <= g[s].k0 || g[s].k0 + g[s].n_k <= g[t].k0;
            const bool same = g[t].k0 == g[s].k0 && g[t].n_k == g[s].n_k;
            if (!apart && !same)
                return false;
        }
    }
    return true;
}

/* Whether an earlier segment with the same keys has begun their gradients. */
static bool keys_begun(const part *p)
{
    const vmg_segment *g = p->a->segments.host;
    for (int64_t s = 0; s < p->s; s++)
        if (g[s].n_k && g[s].k0 == p->g.k0)
            return true;
    return false;
}

/* With P the probabilities: dP = d_out v^T, dS = P (dP - sum P dP) along the keys. */
static void backward(const part *p, const vmg_attention_work *w, const vmg_tensor *scores, void *user)
{
    const vmg_attention *a = p->a;
    const gradients *g = user;
    const float beta = keys_begun(p) ? 1 : 0;
    outer(p, a->scale, a->q, a->k, scores[0]);
    softmax(p, scores[0], VMG_NONE, w);
    outer(p, 1, g->d_out, a->v, scores[1]);
    to_keys(p, 1, scores[0], g->d_out, beta, g->dv);
    vmg_op_softmax_backward(p->ctx, scores[0], scores[1], scores[1]);
    to_queries(p, a->scale, scores[1], a->k, g->dq);
    to_keys(p, a->scale, scores[1], a->q, beta, g->dk);
}

void vmg_attention_gemm_backward(vmg_ctx *ctx, const vmg_attention *a, const vmg_attention_work *w, vmg_tensor d_out,
                                 vmg_tensor dq, vmg_tensor dk, vmg_tensor dv)
{
    gradients g = {d_out, dq, dk, dv};
    each_part(ctx, a, w, 2, backward, &g);
}
