/* Texts to embeddings: the cache first, then tokens, batches and the network. */
#include <stdlib.h>
#include <string.h>

#include "host/base/dict.h"
#include "host/base/mem.h"
#include "host/plan.h"
#include "models/t5.h"
#include "models/text_clean.h"
#include "src/lib/encoder.h"

/* A text that has to be computed. */
typedef struct pending {
    vmg_token_ids ids;
    vmg_embed_key key;
    int64_t first; /* of the texts in the caller's list that read so; job.same has the others */
} pending;

typedef struct job {
    vmg_encoder *e;
    const vmg_encode_options *o;
    const vmg_encode_sink *sink;
    vmg_ctx *ctx; /* NULL until something has to be computed */
    uint8_t identity[VMG_EMBED_HASH_BYTES];
    pending *list;
    int64_t n, n_tokens;
    int64_t *same;    /* for each text the next one that reads the same, -1 = none */
    vmg_dict by_text; /* clean text -> 1 + index in list */
} job;

/* ---- what has to be computed ---- */

static int tokenize(job *j, const char *clean, size_t n, int64_t i, vmg_token_ids *ids)
{
    int rc = vmg_encoder_need_tokenizer(j->e);
    if (rc == VMG_OK)
        rc = vmg_tokenizer_encode(j->e->tokenizer, clean, n, VMG_TOKENIZER_MAX_IDS, ids);
    if (rc == VMG_OK && ids->kept_bytes < ids->text_bytes) {
        char *what = vmg_token_ids_describe_cut(ids, clean);
        vmg_logf(&j->sink->log, VMG_LOG_WARN, "text %lld: %s", (long long)i + 1,
                 what ? what : "it was cut");
        free(what);
    }
    return rc;
}

/* Hands a text over that the cache has; *found tells whether it had it. */
static int try_cache(job *j, const vmg_embed_key *key, const char *clean, size_t n, int64_t i,
                     bool *found)
{
    float *rows;
    int64_t n_rows;
    int rc = vmg_embed_cache_get(j->o->cache, key, j->e->config.dim, &n_rows, &rows);
    *found = rc == VMG_OK;
    if (rc != VMG_OK)
        return rc == VMG_E_NOTFOUND ? VMG_OK : rc;
    /* As many rows as there can be: likely the text was cut, which is to be told every time. */
    vmg_token_ids ids = {0};
    if (n_rows == VMG_TOKENIZER_MAX_IDS)
        rc = tokenize(j, clean, n, i, &ids);
    vmg_token_ids_free(&ids);
    if (rc == VMG_OK)
        rc = j->sink->take(j->sink->user, i, rows, n_rows);
    free(rows);
    return rc;
}

static int add_pending(job *j, const vmg_embed_key *key, const char *clean, size_t n, int64_t i)
{
    pending *p = &j->list[j->n];
    *p = (pending){.key = *key, .first = i};
    int rc = tokenize(j, clean, n, i, &p->ids);
    if (rc != VMG_OK)
        return rc;
    j->n++;
    j->n_tokens += p->ids.n;
    return vmg_dict_set(&j->by_text, clean, (void *)(uintptr_t)j->n) ? VMG_OK : VMG_E_NOMEM;
}

static int sort_out(job *j, const char *text, int64_t i)
{
    char *clean;
    size_t n;
    vmg_embed_key key = {{0}};
    bool found = false;
    int rc = vmg_text_clean(text, strlen(text), &clean, &n);
    if (rc != VMG_OK)
        return rc;
    uintptr_t twin = (uintptr_t)vmg_dict_get(&j->by_text, clean);
    if (twin) {
        pending *p = &j->list[twin - 1];
        j->same[i] = p->first;
        p->first = i;
    } else {
        if (j->o->cache) {
            key = vmg_embed_cache_key(j->identity, clean, n);
            rc = try_cache(j, &key, clean, n, i, &found);
        }
        if (rc == VMG_OK && !found)
            rc = add_pending(j, &key, clean, n, i);
    }
    free(clean);
    return rc;
}

/* ---- computing ---- */

/* Texts that are computed together. */
typedef struct batch {
    int64_t begin, end; /* in job.list */
    int32_t *ids;
    int64_t *lens, n_tokens;
} batch;

/* As many texts from b->begin on as have at most `limit` tokens in sum, but one at least. */
static int fill_batch(const job *j, int64_t limit, batch *b)
{
    b->n_tokens = 0;
    for (b->end = b->begin; b->end < j->n; b->end++) {
        if (b->end > b->begin && b->n_tokens + j->list[b->end].ids.n > limit)
            break;
        b->n_tokens += j->list[b->end].ids.n;
    }
    free(b->ids);
    free(b->lens);
    b->ids = vmg_calloc((size_t)b->n_tokens, sizeof *b->ids);
    b->lens = vmg_calloc((size_t)(b->end - b->begin), sizeof *b->lens);
    if (!b->ids || !b->lens)
        return VMG_E_NOMEM;
    int32_t *at = b->ids;
    for (int64_t i = b->begin; i < b->end; i++) {
        const vmg_token_ids *ids = &j->list[i].ids;
        memcpy(at, ids->id, (size_t)ids->n * sizeof *at);
        b->lens[i - b->begin] = ids->n;
        at += ids->n;
    }
    return VMG_OK;
}

static int hand_over(job *j, const batch *b, const float *rows)
{
    int rc = VMG_OK;
    for (int64_t i = b->begin; i < b->end && rc == VMG_OK; i++) {
        const pending *p = &j->list[i];
        if (j->o->cache &&
            vmg_embed_cache_put(j->o->cache, &p->key, rows, p->ids.n, j->e->config.dim) != VMG_OK)
            vmg_logf(&j->sink->log, VMG_LOG_WARN, "an embedding is not cached: %s",
                     vmg_error_message());
        for (int64_t k = p->first; k >= 0 && rc == VMG_OK; k = j->same[k])
            rc = j->sink->take(j->sink->user, k, rows, p->ids.n);
        rows += p->ids.n * j->e->config.dim;
    }
    return rc;
}

/* Layers of one batch as tokens of all texts. */
typedef struct progress {
    const job *j;
    int64_t tokens_before, n_tokens;
} progress;

static bool on_layer(void *user, size_t done, size_t total)
{
    const progress *p = user;
    size_t layers = (size_t)p->tokens_before * total + (size_t)p->n_tokens * done;
    return p->j->o->encoding(p->j->o->user, layers, (size_t)p->j->n_tokens * total);
}

static int64_t longest(const job *j)
{
    int64_t at = 0;
    for (int64_t i = 1; i < j->n; i++)
        at = j->list[i].ids.n > j->list[at].ids.n ? i : at;
    return at;
}

static int encode_batches(job *j, vmg_t5 *t5, int64_t limit)
{
    batch b = {0};
    progress p = {.j = j};
    int64_t end = j->n;
    int rc = VMG_OK;
    if (j->o->apart && j->ctx->plan) { /* none needs more than the longest */
        b.begin = longest(j);
        end = b.begin + 1;
    }
    vmg_params_progress *report = j->o->encoding && !j->ctx->plan ? on_layer : NULL;
    for (; rc == VMG_OK && b.begin < end; b.begin = b.end) {
        rc = fill_batch(j, limit, &b);
        if (rc != VMG_OK)
            break;
        float *rows = vmg_calloc((size_t)(b.n_tokens * j->e->config.dim), sizeof *rows);
        p.n_tokens = b.n_tokens;
        rc = rows ? vmg_t5_encode(t5, b.ids, b.lens, b.end - b.begin, report, &p, rows)
                  : VMG_E_NOMEM;
        p.tokens_before += b.n_tokens;
        if (rc == VMG_OK && !j->ctx->plan)
            rc = hand_over(j, &b, rows);
        free(rows);
    }
    free(b.ids);
    free(b.lens);
    return rc;
}

/* Batches of up to `limit` tokens, with parameters of up to max_bytes (0: all) on the device. */
static int load_and_encode(job *j, int64_t limit, uint64_t max_bytes, uint64_t *params_bytes)
{
    vmg_t5 *t5 = NULL;
    const vmg_params_load_options load = {.max_bytes = max_bytes,
                                          .progress = j->ctx->plan ? NULL : j->o->loading,
                                          .progress_user = j->o->user};
    int rc = vmg_t5_create(j->ctx, &j->e->config, j->o->dtype, &t5);
    if (rc == VMG_OK && params_bytes)
        *params_bytes = vmg_params_bytes(&t5->params);
    if (rc == VMG_OK)
        rc = vmg_t5_load(t5, j->e->weights, &load);
    if (rc == VMG_OK)
        rc = encode_batches(j, t5, limit);
    vmg_t5_free(t5);
    return rc;
}

static int plan(job *j, int64_t limit, vmg_plan_result *result, uint64_t *params_bytes)
{
    int rc = vmg_plan_begin(j->ctx);
    if (rc != VMG_OK)
        return rc;
    rc = load_and_encode(j, limit, 0, params_bytes);
    int ended = vmg_plan_end(j->ctx, false, result);
    return rc != VMG_OK ? rc : ended;
}

/*
 * The largest batches with which everything is resident; failing that, the largest that leave room
 * to stream layers: each batch sends all layers to the device again.
 */
static int choose_batches(job *j, int64_t *limit, uint64_t *max_bytes)
{
    static const int64_t together[] = {2048, 1024, VMG_TOKENIZER_MAX_IDS}, apart[] = {1};
    const int64_t *limits = j->o->apart ? apart : together;
    size_t n_limits = j->o->apart ? VMG_COUNT(apart) : VMG_COUNT(together);
    int64_t streamed_limit = 0;
    uint64_t streamed_bytes = 0;
    int rc = VMG_OK;
    for (size_t i = 0; i < n_limits; i++) {
        vmg_plan_result result;
        uint64_t params = 0, budget;
        if (i + 1 < n_limits && j->n_tokens <= limits[i + 1])
            continue; /* the same single batch */
        rc = plan(j, limits[i], &result, &params);
        if (rc == VMG_OK)
            rc = vmg_plan_budget(j->ctx, &result, params, &budget);
        if (rc == VMG_OK && budget == 0) {
            *limit = limits[i];
            *max_bytes = 0;
            return VMG_OK;
        }
        if (rc == VMG_OK && !streamed_limit) {
            streamed_limit = limits[i];
            streamed_bytes = budget;
        }
        if (rc != VMG_OK && rc != VMG_E_NOMEM)
            return rc;
    }
    *limit = streamed_limit;
    *max_bytes = streamed_bytes;
    return streamed_limit ? VMG_OK : rc;
}

int vmg_encode_each(vmg_encoder *e, const char *const *texts, int64_t n,
                    const vmg_encode_options *o, const vmg_encode_sink *sink)
{
    job j = {.e = e, .o = o, .sink = sink};
    int64_t limit = 0;
    uint64_t max_bytes = 0;
    j.list = vmg_calloc((size_t)n, sizeof *j.list);
    j.same = vmg_calloc((size_t)n, sizeof *j.same);
    int rc = j.list && j.same ? VMG_OK : VMG_E_NOMEM;
    if (rc == VMG_OK && o->cache)
        rc = vmg_encoder_identity(e, o->dtype, j.identity);
    for (int64_t i = 0; rc == VMG_OK && i < n; i++) {
        j.same[i] = -1;
        rc = sort_out(&j, texts[i], i);
    }
    if (rc == VMG_OK && j.n) {
        rc = sink->open(sink->user, &j.ctx);
        if (rc == VMG_OK)
            rc = choose_batches(&j, &limit, &max_bytes);
        if (rc == VMG_OK)
            rc = load_and_encode(&j, limit, max_bytes, NULL);
    }
    for (int64_t i = 0; i < j.n; i++)
        vmg_token_ids_free(&j.list[i].ids);
    vmg_dict_free(&j.by_text, NULL);
    free(j.list);
    free(j.same);
    return rc;
}

/* ---- all at once ---- */

typedef struct collector {
    vmg_ctx *ctx;
    int64_t dim;
    vmg_embedding *out;
} collector;

static int give_ctx(void *user, vmg_ctx **ctx)
{
    *ctx = ((collector *)user)->ctx;
    return VMG_OK;
}

static int collect(void *user, int64_t i, const float *rows, int64_t n_rows)
{
    collector *c = user;
    return vmg_embedding_from_rows(rows, n_rows, c->dim, &c->out[i]);
}

int vmg_encode_texts(vmg_ctx *ctx, vmg_encoder *e, const char *const *texts, int64_t n,
                     const vmg_encode_options *o, vmg_embedding *out)
{
    collector c = {ctx, e->config.dim, out};
    vmg_encode_sink sink = {.open = give_ctx, .take = collect, .user = &c, .log = ctx->log};
    for (int64_t i = 0; i < n; i++)
        out[i] = (vmg_embedding){0};
    int rc = vmg_encode_each(e, texts, n, o, &sink);
    for (int64_t i = 0; rc != VMG_OK && i < n; i++)
        vmg_embedding_free(&out[i]);
    return rc;
}
