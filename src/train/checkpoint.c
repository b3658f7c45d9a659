/* Checkpoints. */
#include "src/train/checkpoint.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/writer.h"

enum { MAX_NAME = 160, MAX_JSON_BYTES = 1 << 20, MAX_TEXT_BYTES = 64 << 20 };

/* Everything but gradients, which are zero between steps. */
static const struct {
    enum vmg_train_part part;
    const char *name;
} parts[] = {{VMG_TRAIN_VALUE, "value"}, {VMG_TRAIN_M, "m"}, {VMG_TRAIN_V, "v"}, {VMG_TRAIN_EMA, "ema"}};

void vmg_run_free(vmg_run *r)
{
    free(r->config);
    free(r->tokenizer);
    free(r->mean);
    free(r->std);
    free(r->words);
    *r = (vmg_run){0};
}

void vmg_checkpoint_tensor_name(enum vmg_train_part part, bool is_t5, const char *name, char *out, size_t n)
{
    const char *word = "";
    for (size_t i = 0; i < VMG_COUNT(parts); i++)
        word = parts[i].part == part ? parts[i].name : word;
    snprintf(out, n, "%s.%s.%s", word, is_t5 ? "t5" : "dit", name);
}

/* ---- writing ---- */

/* A tensor that is not a parameter: its bytes lie on the host. */
typedef struct extra {
    const char *name;
    vmg_dtype dtype;
    int64_t n;
    const void *data;
    size_t bytes;
} extra;

enum { N_EXTRAS = 4 };

static void list_extras(const vmg_run *r, extra e[N_EXTRAS])
{
    int64_t D = r->dit.in_dim, n_words = r->words ? (int64_t)strlen(r->words) : 0;
    e[0] = (extra){"vimogen.mean", VMG_F32, D, r->mean, (size_t)D * sizeof *r->mean};
    e[1] = (extra){"vimogen.std", VMG_F32, D, r->std, (size_t)D * sizeof *r->std};
    e[2] = (extra){"vimogen.tokenizer", VMG_U8, (int64_t)r->tokenizer_bytes, r->tokenizer, r->tokenizer_bytes};
    e[3] = (extra){"vimogen.words", VMG_U8, n_words, r->words, (size_t)n_words};
}

static int declare(vmg_writer *w, const vmg_train *t, const extra *e)
{
    int rc = VMG_OK;
    for (size_t k = 0; rc == VMG_OK && k < VMG_COUNT(parts); k++)
        for (size_t i = 0; rc == VMG_OK && i < vmg_train_n_params(t); i++) {
            vmg_train_param p = vmg_train_get_param(t, i);
            char name[MAX_NAME];
            if (!vmg_tensor_given(p.part[parts[k].part]))
                continue;
            vmg_checkpoint_tensor_name(parts[k].part, p.is_t5, p.name, name, sizeof name);
            rc = vmg_writer_declare(w, name, VMG_F32, p.rank, p.dim);
        }
    for (int i = 0; rc == VMG_OK && i < N_EXTRAS; i++)
        if (e[i].n)
            rc = vmg_writer_declare(w, e[i].name, e[i].dtype, 1, &e[i].n);
    return rc;
}

static int write_data(vmg_writer *w, vmg_ctx *ctx, const vmg_train *t, const extra *e)
{
    float *x = NULL;
    int64_t cap = 0;
    int rc = VMG_OK;
    for (size_t k = 0; rc == VMG_OK && k < VMG_COUNT(parts); k++)
        for (size_t i = 0; rc == VMG_OK && i < vmg_train_n_params(t); i++) {
            vmg_tensor p = vmg_train_get_param(t, i).part[parts[k].part];
            int64_t n = vmg_tensor_count(p);
            if (!vmg_tensor_given(p))
                continue;
            if (n > cap) {
                float *more = vmg_realloc(x, (size_t)n, sizeof *x);
                if (!more) {
                    rc = VMG_E_NOMEM;
                    break;
                }
                x = more;
                cap = n;
            }
            vmg_download(ctx, p, x);
            rc = vmg_ctx_status(ctx);
            if (rc == VMG_OK)
                rc = vmg_writer_data(w, x, (size_t)n * sizeof *x);
        }
    for (int i = 0; rc == VMG_OK && i < N_EXTRAS; i++)
        if (e[i].n)
            rc = vmg_writer_data(w, e[i].data, e[i].bytes);
    free(x);
    return rc;
}

int vmg_checkpoint_write(const char *path, vmg_ctx *ctx, vmg_train *t, const vmg_run *r)
{
    vmg_writer *w = NULL;
    extra extras[N_EXTRAS];
    char *recipe = vmg_recipe_json(&r->recipe);
    list_extras(r, extras);
    int rc = recipe ? vmg_writer_open(path, &w) : VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = vmg_writer_meta_int(w, "step", VMG_F32, r->step);
    if (rc == VMG_OK)
        rc = vmg_writer_meta_int(w, "updates", VMG_F32, vmg_train_n_updates(t));
    if (rc == VMG_OK)
        rc = vmg_writer_meta_int(w, "damaged", VMG_F32, r->n_damaged);
    if (rc == VMG_OK)
        rc = vmg_writer_meta_string(w, "config", r->config);
    if (rc == VMG_OK)
        rc = vmg_writer_meta_string(w, "recipe", recipe);
    if (rc == VMG_OK && r->joint)
        rc = vmg_writer_meta_int(w, "vocab_size", VMG_F32, r->t5.vocab_size);
    if (rc == VMG_OK)
        rc = declare(w, t, extras);
    if (rc == VMG_OK)
        rc = write_data(w, ctx, t, extras);
    if (rc == VMG_OK)
        rc = vmg_writer_commit(w);
    vmg_writer_free(w);
    free(recipe);
    return rc;
}

/* ---- reading ---- */

int vmg_run_parse_config(const char *name, const char *text, vmg_dit_config *dit, bool *joint, vmg_t5_config *t5)
{
    *joint = false;
    int rc = vmg_dit_config_parse(name, text, strlen(text), dit);
    if (rc != VMG_OK)
        return rc;
    cJSON *root = cJSON_Parse(text), *encoder = cJSON_GetObjectItemCaseSensitive(root, "text_encoder");
    if (encoder) {
        if (!cJSON_GetObjectItemCaseSensitive(encoder, "vocab_size"))
            cJSON_AddNumberToObject(encoder, "vocab_size", 2);
        char *sub = cJSON_PrintUnformatted(encoder);
        rc = sub ? vmg_t5_config_parse(name, sub, strlen(sub), t5) : VMG_E_NOMEM;
        cJSON_free(sub);
        *joint = rc == VMG_OK;
    }
    cJSON_Delete(root);
    if (rc == VMG_OK && *joint && t5->dim != dit->text_dim)
        rc = vmg_fail(VMG_E_FORMAT, "%s: text_encoder.dim is %lld, but text_dim is %lld", name, (long long)t5->dim,
                      (long long)dit->text_dim);
    return rc;
}

static int read_vector(const vmg_weights *w, const char *name, int64_t n, float **out)
{
    const vmg_weight *t;
    int rc = vmg_weights_need(w, name, 1, &n, &t);
    if (rc != VMG_OK)
        return rc;
    *out = vmg_calloc((size_t)n, sizeof **out);
    return *out ? vmg_weight_to_f32(t, *out) : VMG_E_NOMEM;
}

/* A u8 tensor's bytes with a NUL behind them; *out NULL when there is none. */
static int read_bytes(const vmg_weights *w, const char *name, char **out, size_t *n)
{
    const vmg_weight *t = vmg_weights_find(w, name);
    *out = NULL;
    *n = 0;
    if (!t)
        return VMG_OK;
    if (t->dtype != VMG_U8 || t->bytes > MAX_TEXT_BYTES)
        return vmg_fail(VMG_E_FORMAT, "%s: \"%s\" is not a short list of bytes", w->path, name);
    *out = vmg_calloc(t->bytes + 1, 1);
    if (!*out)
        return VMG_E_NOMEM;
    memcpy(*out, t->data, t->bytes);
    *n = t->bytes;
    return VMG_OK;
}

static int read_recipe(const vmg_weights *w, vmg_recipe *r)
{
    char *json = NULL;
    *r = vmg_recipe_defaults();
    int rc = vmg_weights_meta_string(w, "recipe", MAX_JSON_BYTES, &json);
    char *whole = rc == VMG_OK ? vmg_asprintf("{\"training\":%s}", json) : NULL;
    if (rc == VMG_OK)
        rc = whole ? vmg_recipe_parse(w->path, whole, strlen(whole), r) : VMG_E_NOMEM;
    free(json);
    free(whole);
    return rc;
}

int vmg_checkpoint_read(const vmg_weights *w, vmg_run *out)
{
    char *bytes = NULL;
    size_t n;
    *out = (vmg_run){0};
    int rc = vmg_weights_meta_int(w, "step", &out->step);
    if (rc == VMG_OK)
        rc = vmg_weights_meta_int(w, "damaged", &out->n_damaged);
    if (rc == VMG_OK)
        rc = vmg_weights_meta_string(w, "config", MAX_JSON_BYTES, &out->config);
    if (rc == VMG_OK)
        rc = vmg_run_parse_config(w->path, out->config, &out->dit, &out->joint, &out->t5);
    if (rc == VMG_OK && out->joint)
        rc = vmg_weights_meta_int(w, "vocab_size", &out->t5.vocab_size);
    if (rc == VMG_OK)
        rc = read_recipe(w, &out->recipe);
    if (rc == VMG_OK)
        rc = read_vector(w, "vimogen.mean", out->dit.in_dim, &out->mean);
    if (rc == VMG_OK)
        rc = read_vector(w, "vimogen.std", out->dit.in_dim, &out->std);
    if (rc == VMG_OK)
        rc = read_bytes(w, "vimogen.words", &out->words, &n);
    if (rc == VMG_OK && (rc = read_bytes(w, "vimogen.tokenizer", &bytes, &out->tokenizer_bytes)) == VMG_OK)
        out->tokenizer = (uint8_t *)bytes;
    if (rc == VMG_OK && out->joint && !out->tokenizer)
        rc = vmg_fail(VMG_E_FORMAT, "%s: the tokenizer is missing", w->path);
    if (rc != VMG_OK)
        vmg_run_free(out);
    return rc == VMG_E_NOTFOUND ? vmg_fail_prefix(VMG_E_FORMAT, "%s is not a whole checkpoint", w->path) : rc;
}

static int restore_part(const vmg_weights *w, vmg_ctx *ctx, const vmg_train_param *p, enum vmg_train_part part)
{
    char name[MAX_NAME];
    const vmg_weight *t;
    vmg_checkpoint_tensor_name(part, p->is_t5, p->name, name, sizeof name);
    int rc = vmg_weights_need(w, name, p->rank, p->dim, &t);
    if (rc != VMG_OK)
        return rc;
    float *x = vmg_calloc((size_t)t->n, sizeof *x);
    rc = x ? vmg_weight_to_f32(t, x) : VMG_E_NOMEM;
    if (rc == VMG_OK) {
        vmg_upload(ctx, p->part[part], x);
        rc = vmg_ctx_status(ctx);
    }
    free(x);
    return rc;
}

int vmg_checkpoint_restore(const vmg_weights *w, vmg_ctx *ctx, vmg_train *t)
{
    int64_t updates = 0;
    int rc = vmg_weights_meta_int(w, "updates", &updates);
    for (size_t k = 0; rc == VMG_OK && k < VMG_COUNT(parts); k++)
        for (size_t i = 0; rc == VMG_OK && i < vmg_train_n_params(t); i++) {
            vmg_train_param p = vmg_train_get_param(t, i);
            if (vmg_tensor_given(p.part[parts[k].part]))
                rc = restore_part(w, ctx, &p, parts[k].part);
        }
    if (rc == VMG_OK)
        vmg_train_set_n_updates(t, updates);
    return rc;
}
