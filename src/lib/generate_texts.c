/* Batches of motions from sentences. */
#include "src/lib/generate_texts.h"

#include <stdlib.h>

#include "host/base/mem.h"
#include "src/lib/encoder.h"

/* Embeddings of the texts and, after them, of the empty one. */
static int encode(vmg_ctx *ctx, const vmg_model *model, const char *const *texts, int64_t n,
                  vmg_embedding *out)
{
    vmg_encoder e = {0};
    vmg_encode_options o = {0};
    const char **all = vmg_calloc((size_t)n + 1, sizeof *all);
    int rc = all ? vmg_encoder_open_for(model, model->path, NULL, &e) : VMG_E_NOMEM;
    for (int64_t i = 0; !rc && i < n; i++)
        all[i] = texts[i];
    if (!rc) {
        all[n] = "";
        rc = vmg_model_weight_dtype(NULL, e.stored, &o.dtype);
    }
    if (!rc)
        rc = vmg_encode_texts(ctx, &e, all, n + 1, &o, out);
    vmg_encoder_close(&e);
    free(all);
    return rc;
}

int vmg_generate_texts(vmg_ctx *ctx, const vmg_model *model, const char *const *texts,
                       int64_t n_texts, const vmg_text_item *items, int64_t n, int64_t batch,
                       const vmg_generate_options *o)
{
    int64_t step = batch > 0 ? batch : VMG_MAX(n, 1);
    vmg_embedding *text = vmg_calloc((size_t)n_texts + 1, sizeof *text);
    vmg_generate_item *part = vmg_calloc((size_t)step, sizeof *part);
    vmg_generator *g = NULL;
    int rc = text && part ? encode(ctx, model, texts, n_texts, text) : VMG_E_NOMEM;
    if (!rc)
        rc = vmg_generator_open(ctx, model, o, &g);
    for (int64_t at = 0; !rc && at < n; at += step) {
        int64_t k = VMG_MIN(step, n - at);
        for (int64_t i = 0; i < k; i++) {
            const vmg_text_item *it = &items[at + i];
            part[i] = (vmg_generate_item){.text = it->text, .n_frames = it->n_frames,
                                          .seed = it->seed, .out = it->out};
        }
        rc = vmg_generator_run(g, text, n_texts, &text[n_texts], part, k);
    }
    vmg_generator_close(g);
    for (int64_t i = 0; text && i <= n_texts; i++)
        vmg_embedding_free(&text[i]);
    free(text);
    free(part);
    return rc;
}
