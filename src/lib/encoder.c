/* Encoding sentences: an encoder's files, cleaning, tokens, the network, one text's embedding. */
#include "src/lib/encoder.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/plan.h"
#include "models/t5.h"
#include "models/text_clean.h"
#include "src/format/weights_file.h"

/* ---- files ---- */

/* spiece.model in the folder `path`, or in the folder of the file `path`; fresh memory. */
static char *tokenizer_beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (vmg_path_is_dir(path))
        return vmg_path_join(path, "spiece.model");
    return slash ? vmg_asprintf("%.*s/spiece.model", (int)(slash - path), path) : vmg_strdup("spiece.model");
}

static int open_tokenizer(vmg_encoder *e, const char *named)
{
    if (named)
        return vmg_tokenizer_open(named, &e->tokenizer);
    int rc = vmg_tokenizer_from_weights(e->weights, &e->tokenizer);
    if (rc != VMG_E_NOTFOUND)
        return rc;
    char *beside = tokenizer_beside(e->path);
    if (!beside)
        return VMG_E_NOMEM;
    rc = vmg_path_exists(beside) ? vmg_tokenizer_open(beside, &e->tokenizer)
                                 : vmg_fail(VMG_E_NOTFOUND, "%s carries no tokenizer and there is no %s", e->path, beside);
    free(beside);
    return rc;
}

int vmg_encoder_open(const char *path, const char *tokenizer, vmg_encoder *out)
{
    *out = (vmg_encoder){.path = vmg_strdup(path)};
    if (!out->path)
        return VMG_E_NOMEM;
    int rc = vmg_path_is_dir(path) ? vmg_weights_open_dir(path, &out->weights) : vmg_weights_open(path, &out->weights);
    if (rc == VMG_OK)
        rc = vmg_t5_config_from_weights(out->weights, &out->config);
    if (rc == VMG_OK)
        rc = open_tokenizer(out, tokenizer);
    for (size_t i = 0, most = 0; rc == VMG_OK && i < out->weights->n_tensors; i++)
        if (out->weights->tensors[i].bytes > most) {
            most = out->weights->tensors[i].bytes;
            out->stored = out->weights->tensors[i].dtype;
        }
    if (rc == VMG_OK && vmg_tokenizer_size(out->tokenizer) > out->config.vocab_size)
        rc = vmg_fail(VMG_E_FORMAT, "%s: the tokenizer has %lld pieces, the encoder %lld tokens", path,
                      (long long)vmg_tokenizer_size(out->tokenizer), (long long)out->config.vocab_size);
    if (rc != VMG_OK)
        vmg_encoder_close(out);
    return rc;
}

void vmg_encoder_close(vmg_encoder *e)
{
    if (!e)
        return;
    vmg_tokenizer_free(e->tokenizer);
    vmg_weights_close(e->weights);
    free(e->path);
    *e = (vmg_encoder){0};
}

/* ---- texts to ids ---- */

typedef struct batch {
    int32_t *ids; /* all texts, one after another */
    int64_t *lens, n, total;
} batch;

static int add_text(vmg_ctx *ctx, const vmg_encoder *e, const char *text, batch *b)
{
    char *clean = NULL;
    size_t n_bytes = 0;
    vmg_token_ids ids = {0};
    int rc = vmg_text_clean(text, strlen(text), &clean, &n_bytes);
    if (rc == VMG_OK)
        rc = vmg_tokenizer_encode(e->tokenizer, clean, n_bytes, VMG_TOKENIZER_MAX_IDS, &ids);
    if (rc == VMG_OK && ids.kept_bytes < ids.text_bytes) {
        char *what = vmg_token_ids_describe_cut(&ids, clean);
        vmg_logf(&ctx->log, VMG_LOG_WARN, "%s", what ? what : "a text was cut");
        free(what);
    }
    if (rc == VMG_OK) {
        int32_t *grown = vmg_realloc(b->ids, (size_t)(b->total + ids.n), sizeof *grown);
        rc = grown ? VMG_OK : VMG_E_NOMEM;
        if (grown) {
            memcpy(grown + b->total, ids.id, (size_t)ids.n * sizeof *grown);
            b->ids = grown;
            b->lens[b->n++] = ids.n;
            b->total += ids.n;
        }
    }
    vmg_token_ids_free(&ids);
    free(clean);
    return rc;
}

/* ---- running ---- */

static int load_and_encode(vmg_ctx *ctx, const vmg_encoder *e, const batch *b, const vmg_encode_options *o, uint64_t max_bytes,
                           uint64_t *params_bytes, float *rows)
{
    vmg_t5 *t5 = NULL;
    int rc = vmg_t5_create(ctx, &e->config, o->dtype, &t5);
    if (rc == VMG_OK && params_bytes)
        *params_bytes = vmg_params_bytes(&t5->params);
    if (rc == VMG_OK)
        rc = vmg_t5_load(t5, e->weights, &(vmg_params_load_options){.max_bytes = max_bytes,
                                                                    .progress = ctx->plan ? NULL : o->loading,
                                                                    .progress_user = o->user});
    if (rc == VMG_OK)
        rc = vmg_t5_encode(t5, b->ids, b->lens, b->n, ctx->plan ? NULL : o->encoding, o->user, rows);
    vmg_t5_free(t5);
    return rc;
}

/* As for the motion network: what parameters may take beside the activations, or 0 when everything fits. */
static int plan_memory(vmg_ctx *ctx, const vmg_encoder *e, const batch *b, const vmg_encode_options *o, float *rows,
                       uint64_t *max_bytes)
{
    vmg_plan_result plan;
    uint64_t params = 0;
    *max_bytes = 0;
    int rc = vmg_plan_begin(ctx);
    if (rc != VMG_OK)
        return rc;
    rc = load_and_encode(ctx, e, b, o, 0, &params, rows);
    int ended = vmg_plan_end(ctx, false, &plan);
    rc = rc != VMG_OK ? rc : ended;
    return rc != VMG_OK ? rc : vmg_plan_budget(ctx, &plan, params, max_bytes);
}

int vmg_encode_texts(vmg_ctx *ctx, const vmg_encoder *e, const char *const *texts, int64_t n, const vmg_encode_options *o,
                     vmg_embedding *out)
{
    batch b = {.lens = vmg_calloc((size_t)n, sizeof *b.lens)};
    float *rows = NULL;
    uint64_t max_bytes = 0;
    int64_t C = e->config.dim;
    int rc = b.lens ? VMG_OK : VMG_E_NOMEM;
    memset(out, 0, (size_t)n * sizeof *out);
    for (int64_t i = 0; rc == VMG_OK && i < n; i++)
        rc = add_text(ctx, e, texts[i], &b);
    if (rc == VMG_OK && !(rows = vmg_calloc((size_t)(b.total * C), sizeof *rows)))
        rc = VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = plan_memory(ctx, e, &b, o, rows, &max_bytes);
    if (rc == VMG_OK)
        rc = load_and_encode(ctx, e, &b, o, max_bytes, NULL, rows);
    for (int64_t i = 0, at = 0; rc == VMG_OK && i < n; at += b.lens[i++])
        rc = vmg_embedding_from_rows(rows + at * C, b.lens[i], C, &out[i]);
    for (int64_t i = 0; rc != VMG_OK && i < n; i++)
        vmg_embedding_free(&out[i]);
    free(rows);
    free(b.ids);
    free(b.lens);
    return rc;
}
