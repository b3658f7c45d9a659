/* An encoder's files: weights, configuration, tokenizer, and what tells it from others. */
#include "src/lib/encoder.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/base/sha256.h"
#include "src/format/weights_file.h"

static bool carries_tokenizer(const vmg_weights *w)
{
    return vmg_weights_meta(w, VMG_TOKENIZER_NAME) || vmg_weights_find(w, VMG_TOKENIZER_NAME) ||
           vmg_weights_meta(w, "tokenizer.ggml.model");
}

/* Where the published trees keep the tokenizer, seen from the weights' folder. */
static int find_tokenizer(vmg_encoder *e)
{
    static const char *const places[] = {
        "spiece.model",
        "google/umt5-xxl/spiece.model", /* Wan's checkpoints */
        "tokenizer/spiece.model",       /* diffusers */
        "../tokenizer/spiece.model",
    };
    const char *slash = strrchr(e->path, '/');
    char *dir = vmg_path_is_dir(e->path) ? vmg_strdup(e->path)
                : slash                  ? vmg_strndup(e->path, (size_t)(slash - e->path) + 1)
                                         : vmg_strdup(".");
    int rc = dir ? VMG_OK : VMG_E_NOMEM;
    for (size_t i = 0; rc == VMG_OK && i < VMG_COUNT(places) && !e->tokenizer_path; i++) {
        char *path = vmg_path_join(dir, places[i]);
        if (!path)
            rc = VMG_E_NOMEM;
        else if (vmg_path_exists(path))
            e->tokenizer_path = path;
        else
            free(path);
    }
    if (rc == VMG_OK && !e->tokenizer_path)
        rc = vmg_fail(VMG_E_NOTFOUND, "%s carries no tokenizer and there is no %s in %s", e->path,
                      places[0], dir);
    free(dir);
    return rc;
}

static int locate_tokenizer(vmg_encoder *e, const char *named)
{
    if (!named)
        return carries_tokenizer(e->weights) ? VMG_OK : find_tokenizer(e);
    if (!vmg_path_exists(named))
        return vmg_fail(VMG_E_IO, "there is no tokenizer %s", named);
    e->tokenizer_path = vmg_strdup(named);
    return e->tokenizer_path ? VMG_OK : VMG_E_NOMEM;
}

int vmg_encoder_open(const char *path, const char *tokenizer, vmg_encoder *out)
{
    *out = (vmg_encoder){.path = vmg_strdup(path)};
    if (!out->path)
        return VMG_E_NOMEM;
    int rc = vmg_path_is_dir(path) ? vmg_weights_open_dir(path, &out->weights)
                                   : vmg_weights_open(path, &out->weights);
    if (rc == VMG_OK)
        rc = vmg_t5_config_from_weights(out->weights, &out->config);
    if (rc == VMG_OK)
        rc = locate_tokenizer(out, tokenizer);
    for (size_t i = 0, most = 0; rc == VMG_OK && i < out->weights->n_tensors; i++)
        if (out->weights->tensors[i].bytes > most) {
            most = out->weights->tensors[i].bytes;
            out->stored = out->weights->tensors[i].dtype;
        }
    if (rc != VMG_OK)
        vmg_encoder_close(out);
    return rc;
}

int vmg_encoder_open_for(const vmg_model *m, const char *path, const char *tokenizer, vmg_encoder *out)
{
    const char *named = path ? path : getenv("VMG_ENCODER");
    bool own = !named || !*named;
    int rc = vmg_encoder_open(own ? m->path : named, tokenizer, out);
    if (rc == VMG_E_NOTFOUND && own)
        return vmg_fail(rc, "a prompt needs a text encoder: %s; name one with --encoder, or give embeddings",
                        vmg_error_message());
    if (rc == VMG_OK && out->config.dim != m->config.text_dim) {
        rc = vmg_fail(VMG_E_ARG, "%s makes embeddings of %lld, %s needs %lld", out->path,
                      (long long)out->config.dim, m->path, (long long)m->config.text_dim);
        vmg_encoder_close(out);
    }
    return rc;
}

void vmg_encoder_close(vmg_encoder *e)
{
    if (!e)
        return;
    vmg_tokenizer_free(e->tokenizer);
    vmg_weights_close(e->weights);
    free(e->tokenizer_path);
    free(e->path);
    *e = (vmg_encoder){0};
}

int vmg_encoder_need_tokenizer(vmg_encoder *e)
{
    if (e->tokenizer)
        return VMG_OK;
    int rc = e->tokenizer_path ? vmg_tokenizer_open(e->tokenizer_path, &e->tokenizer)
                               : vmg_tokenizer_from_weights(e->weights, &e->tokenizer);
    if (rc != VMG_OK || vmg_tokenizer_size(e->tokenizer) <= e->config.vocab_size)
        return rc;
    rc = vmg_fail(VMG_E_FORMAT, "%s: the tokenizer has %lld pieces, the encoder %lld tokens",
                  e->path, (long long)vmg_tokenizer_size(e->tokenizer),
                  (long long)e->config.vocab_size);
    vmg_tokenizer_free(e->tokenizer);
    e->tokenizer = NULL;
    return rc;
}

/* Everything in the metadata that a tokenizer is made of. */
static void hash_tokenizer_metadata(const vmg_weights *w, vmg_sha256 *s)
{
    static const char prefix[] = "tokenizer.";
    for (size_t i = 0; i < w->n_meta; i++) {
        const vmg_meta *m = &w->meta[i];
        if (strncmp(m->key, prefix, strlen(prefix)) != 0 && strcmp(m->key, VMG_TOKENIZER_NAME) != 0)
            continue;
        vmg_sha256_update(s, m->key, strlen(m->key) + 1);
        vmg_sha256_update(s, &m->integer, sizeof m->integer);
        vmg_sha256_update(s, &m->data_bytes, sizeof m->data_bytes);
        if (m->data_bytes)
            vmg_sha256_update(s, m->data, m->data_bytes);
    }
    const vmg_weight *t = vmg_weights_find(w, VMG_TOKENIZER_NAME);
    if (t)
        vmg_sha256_update(s, t->data, t->bytes);
}

int vmg_encoder_identity(const vmg_encoder *e, vmg_dtype dtype, uint8_t hash[VMG_EMBED_HASH_BYTES])
{
    uint8_t tokenizer[32];
    vmg_sha256 s;
    vmg_sha256_init(&s);
    if (e->tokenizer_path) {
        vmg_map map;
        int rc = vmg_map_open(e->tokenizer_path, &map);
        if (rc != VMG_OK)
            return rc;
        vmg_sha256_update(&s, map.data, map.size);
        vmg_map_close(&map);
    } else {
        hash_tokenizer_metadata(e->weights, &s);
    }
    vmg_sha256_final(&s, tokenizer);
    vmg_embed_cache_model(e->weights, dtype, tokenizer, sizeof tokenizer, hash);
    return VMG_OK;
}
