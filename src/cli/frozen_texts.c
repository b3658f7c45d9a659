/* Captions' embeddings by an encoder that is not trained. */
#include "src/cli/frozen_texts.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/dict.h"
#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/cli/run.h"
#include "src/lib/encoder.h"

typedef struct embedding {
    int64_t n_rows;
    float rows[]; /* (n_rows, dim) */
} embedding;

struct vmg_frozen_texts {
    vmg_dict by_text; /* of embedding */
    char **texts;
    size_t n, cap;
    int64_t dim;
    vmg_ctx *ctx;
    vmg_progress bar;
};

/* ---- the texts ---- */

static int add_text(vmg_frozen_texts *f, const char *text)
{
    static char mark;
    if (vmg_dict_get(&f->by_text, text))
        return VMG_OK;
    char **more = vmg_grown(f->texts, f->n, &f->cap, 256, sizeof *more);
    if (!more)
        return VMG_E_NOMEM;
    f->texts = more;
    f->texts[f->n] = vmg_strdup(text);
    if (!f->texts[f->n] || !vmg_dict_set(&f->by_text, text, &mark))
        return VMG_E_NOMEM;
    f->n++;
    return VMG_OK;
}

static int list_texts(vmg_frozen_texts *f, const char *data)
{
    vmg_dataset *ds = NULL;
    int rc = vmg_dataset_open(data, &ds);
    if (rc == VMG_OK)
        rc = add_text(f, "");
    for (int64_t i = 0; rc == VMG_OK && i < vmg_dataset_count(ds); i++) {
        vmg_sample s = {0};
        rc = vmg_dataset_read_captions(ds, i, &s);
        if (rc == VMG_E_FORMAT) { /* a damaged sample is named when it is drawn */
            rc = VMG_OK;
            continue;
        }
        for (int64_t k = 0; rc == VMG_OK && k < s.n_captions; k++)
            rc = add_text(f, s.captions[k].text);
        vmg_sample_free(&s);
    }
    vmg_dataset_close(ds);
    vmg_dict_free(&f->by_text, NULL); /* the marks */
    f->by_text = (vmg_dict){0};
    return rc;
}

/* ---- their embeddings ---- */

static int get_ctx(void *user, vmg_ctx **ctx)
{
    *ctx = ((vmg_frozen_texts *)user)->ctx;
    return VMG_OK;
}

static int take(void *user, int64_t i, const float *rows, int64_t n_rows)
{
    vmg_frozen_texts *f = user;
    size_t bytes = (size_t)(n_rows * f->dim) * sizeof *rows;
    embedding *e = vmg_calloc(1, sizeof *e + bytes);
    if (!e)
        return VMG_E_NOMEM;
    e->n_rows = n_rows;
    memcpy(e->rows, rows, bytes);
    if (vmg_dict_set(&f->by_text, f->texts[i], e))
        return VMG_OK;
    free(e);
    return VMG_E_NOMEM;
}

static bool on_progress(void *user, size_t done, size_t total)
{
    vmg_progress_update(user, (int64_t)done, (int64_t)total);
    return !vmg_cli_interrupted();
}

int vmg_frozen_texts_open(vmg_ctx *ctx, const char *path, const char *data, vmg_frozen_texts **out)
{
    vmg_encoder e;
    vmg_embed_cache *cache = NULL;
    *out = NULL;
    int rc = vmg_encoder_open(path, NULL, &e);
    if (rc != VMG_OK)
        return rc;
    vmg_frozen_texts *f = vmg_calloc(1, sizeof *f);
    if (!f) {
        vmg_encoder_close(&e);
        return VMG_E_NOMEM;
    }
    f->ctx = ctx;
    f->dim = e.config.dim;
    f->bar.what = "encoding captions";
    rc = list_texts(f, data);
    if (rc == VMG_OK) {
        cache = vmg_cli_open_cache(NULL);
        vmg_encode_options o = {.dtype = e.stored, .cache = cache, .encoding = on_progress, .user = &f->bar};
        vmg_encode_sink sink = {.open = get_ctx, .take = take, .user = f, .log = vmg_cli_log()};
        rc = vmg_encode_each(&e, (const char *const *)f->texts, (int64_t)f->n, &o, &sink);
        vmg_progress_finish(&f->bar);
    }
    vmg_embed_cache_close(cache);
    vmg_encoder_close(&e);
    if (rc != VMG_OK) {
        vmg_frozen_texts_close(f);
        return rc;
    }
    *out = f;
    return VMG_OK;
}

void vmg_frozen_texts_close(vmg_frozen_texts *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++)
        free(f->texts[i]);
    free(f->texts);
    vmg_dict_free(&f->by_text, free);
    free(f);
}

static int get(void *user, const char *text, vmg_train_text *out)
{
    const vmg_frozen_texts *f = user;
    const embedding *e = vmg_dict_get(&f->by_text, text);
    if (!e)
        return vmg_fail(VMG_E_NOTFOUND, "the caption \"%s\" was not there when the others were encoded", text);
    size_t bytes = (size_t)(e->n_rows * f->dim) * sizeof *e->rows;
    float *rows = vmg_calloc(bytes, 1);
    if (!rows)
        return VMG_E_NOMEM;
    memcpy(rows, e->rows, bytes);
    out->rows = rows;
    out->n_rows = e->n_rows;
    return VMG_OK;
}

vmg_text_source vmg_frozen_texts_source(vmg_frozen_texts *f)
{
    return f ? (vmg_text_source){get, f} : (vmg_text_source){0};
}
