/* Where a tokenizer's model comes from: its own file, or the metadata of a weights file. */
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/status.h"
#include "models/spiece.h"
#include "models/tokenizer.h"
#include "models/weights.h"

enum { MAX_MODEL_BYTES = 256 << 20, MAX_PIECES = 1 << 22 };

int vmg_tokenizer_open(const char *path, vmg_tokenizer **out)
{
    vmg_map map;
    *out = NULL;
    int rc = vmg_map_open(path, &map);
    if (rc != VMG_OK)
        return rc;
    if (map.size > MAX_MODEL_BYTES)
        rc = vmg_fail(VMG_E_FORMAT, "%s has %zu bytes, too many for a SentencePiece model", path,
                      map.size);
    else
        rc = vmg_tokenizer_from_memory(map.data, map.size, path, out);
    vmg_map_close(&map);
    return rc;
}

void vmg_token_ids_free(vmg_token_ids *ids)
{
    if (!ids)
        return;
    free(ids->id);
    *ids = (vmg_token_ids){0};
}

char *vmg_token_ids_describe_cut(const vmg_token_ids *ids, const char *text)
{
    enum { SHOWN = 60 };
    const char *cut = text + ids->kept_bytes;
    while (cut < text + ids->text_bytes && *cut == ' ')
        cut++;
    size_t len = ids->text_bytes - (size_t)(cut - text), shown = VMG_MIN(len, (size_t)SHOWN);
    while (shown < len && shown > 0 && ((unsigned char)cut[shown] & 0xC0) == 0x80)
        shown--; /* do not end inside a character */
    return vmg_asprintf("the text is too long: %zu of its %zu bytes are left out, from \"%.*s%s\"",
                        len, ids->text_bytes, (int)shown, cut, shown < len ? "..." : "");
}

/* ---- llama.cpp's metadata ---- */

/* The arrays of one vocabulary. */
typedef struct vocabulary {
    const vmg_meta *tokens, *scores, *types; /* types may be NULL */
    int64_t unknown_id;
} vocabulary;

static int fail_meta(const vmg_weights *w, const char *key, const char *expected)
{
    return vmg_fail(VMG_E_FORMAT, "%s: metadata %s is not %s", w->path, key, expected);
}

/* A number for each of n tokens; *out is NULL with VMG_OK when the key is absent. */
static int find_numbers(const vmg_weights *w, const char *key, vmg_dtype dtype, int64_t n,
                        const vmg_meta **out)
{
    *out = vmg_weights_meta(w, key);
    if (*out && ((*out)->kind != VMG_META_NUMBERS || (*out)->dtype != dtype || (*out)->n != n))
        return fail_meta(w, key, "an array with one number for each token");
    return VMG_OK;
}

static int find_vocabulary(const vmg_weights *w, vocabulary *v)
{
    static const char tokens[] = "tokenizer.ggml.tokens", scores[] = "tokenizer.ggml.scores";
    v->tokens = vmg_weights_meta(w, tokens);
    if (!v->tokens)
        return vmg_fail(VMG_E_NOTFOUND, "%s: metadata %s is missing", w->path, tokens);
    if (v->tokens->kind != VMG_META_STRINGS || v->tokens->n < 1 || v->tokens->n > MAX_PIECES)
        return fail_meta(w, tokens, "a list of strings");
    int rc = find_numbers(w, scores, VMG_F32, v->tokens->n, &v->scores);
    if (rc == VMG_OK && !v->scores)
        rc = vmg_fail(VMG_E_NOTFOUND, "%s: metadata %s is missing", w->path, scores);
    if (rc == VMG_OK)
        rc = find_numbers(w, "tokenizer.ggml.token_type", VMG_I32, v->tokens->n, &v->types);
    if (rc != VMG_OK)
        return rc;
    v->unknown_id = -1;
    rc = vmg_weights_meta_int(w, "tokenizer.ggml.unknown_token_id", &v->unknown_id);
    return rc == VMG_E_NOTFOUND ? VMG_OK : rc;
}

/* Normalisation rules, one byte per number; some converters store the numbers as integers. */
static int copy_charsmap(const vmg_weights *w, vmg_buf *out)
{
    static const char key[] = "tokenizer.ggml.precompiled_charsmap";
    const vmg_meta *m = vmg_weights_meta(w, key);
    if (!m)
        return VMG_OK;
    bool whole = m->dtype == VMG_I32 || m->dtype == VMG_U32;
    if (m->kind != VMG_META_NUMBERS || !(whole || m->dtype == VMG_U8 || m->dtype == VMG_I8))
        return fail_meta(w, key, "an array of bytes");
    for (size_t i = 0, step = whole ? 4 : 1; i < m->data_bytes; i += step)
        vmg_buf_append(out, (const char *)m->data + i, 1);
    return out->failed ? VMG_E_NOMEM : VMG_OK;
}

static int add_pieces(const vmg_weights *w, const vocabulary *v, vmg_buf *model, bool *has_bytes)
{
    size_t at = 0, n;
    const char *piece;
    for (int64_t i = 0; i < v->tokens->n; i++) {
        float score;
        if (!vmg_meta_next_string(v->tokens, &at, &piece, &n))
            return fail_meta(w, "tokenizer.ggml.tokens", "as long as it says");
        int32_t type = i == v->unknown_id ? VMG_SPIECE_UNKNOWN : VMG_SPIECE_NORMAL;
        memcpy(&score, (const char *)v->scores->data + 4 * i, sizeof score);
        if (v->types)
            memcpy(&type, (const char *)v->types->data + 4 * i, sizeof type);
        if (type < VMG_SPIECE_NORMAL || type > VMG_SPIECE_BYTE)
            return vmg_fail(VMG_E_FORMAT, "%s: token %lld has the unknown type %d", w->path,
                            (long long)i, (int)type);
        if (model->len > MAX_MODEL_BYTES)
            return vmg_fail(VMG_E_FORMAT, "%s: the vocabulary is longer than %d bytes", w->path,
                            MAX_MODEL_BYTES);
        *has_bytes |= type == VMG_SPIECE_BYTE;
        vmg_spiece_add_piece(model, piece, n, score, type);
    }
    return VMG_OK;
}

static int optional_bool(const vmg_weights *w, const char *key, bool *value)
{
    int rc = vmg_weights_meta_bool(w, key, value);
    return rc == VMG_E_NOTFOUND ? VMG_OK : rc;
}

static int from_arrays(const vmg_weights *w, vmg_tokenizer **out)
{
    vocabulary v;
    vmg_buf model = {0}, charsmap = {0};
    vmg_spiece_settings settings = {.add_space_prefix = true, .remove_extra_whitespaces = true};
    int rc = find_vocabulary(w, &v);
    if (rc == VMG_OK)
        rc = optional_bool(w, "tokenizer.ggml.add_space_prefix", &settings.add_space_prefix);
    if (rc == VMG_OK)
        rc = optional_bool(w, "tokenizer.ggml.remove_extra_whitespaces",
                           &settings.remove_extra_whitespaces);
    if (rc == VMG_OK)
        rc = copy_charsmap(w, &charsmap);
    if (rc == VMG_OK)
        rc = add_pieces(w, &v, &model, &settings.byte_fallback);
    if (rc == VMG_OK) {
        settings.charsmap = charsmap.data;
        settings.charsmap_bytes = charsmap.len;
        vmg_spiece_add_settings(&model, &settings);
        rc = model.failed ? VMG_E_NOMEM
                          : vmg_tokenizer_from_memory(model.data, model.len, w->path, out);
    }
    vmg_buf_free(&model);
    vmg_buf_free(&charsmap);
    return rc;
}

int vmg_tokenizer_stored(const vmg_weights *w, const uint8_t **model, size_t *bytes)
{
    const vmg_meta *own = vmg_weights_meta(w, VMG_TOKENIZER_NAME);
    const vmg_weight *tensor = own ? NULL : vmg_weights_find(w, VMG_TOKENIZER_NAME);
    if ((own && (own->kind != VMG_META_NUMBERS || own->dtype != VMG_U8)) ||
        (tensor && tensor->dtype != VMG_U8))
        return vmg_fail(VMG_E_FORMAT, "%s: %s is not an array of bytes", w->path,
                        VMG_TOKENIZER_NAME);
    if (!own && !tensor)
        return vmg_fail(VMG_E_NOTFOUND, "%s carries no SentencePiece model (%s)", w->path,
                        VMG_TOKENIZER_NAME);
    *model = own ? own->data : tensor->data;
    *bytes = own ? own->data_bytes : tensor->bytes;
    return VMG_OK;
}

int vmg_tokenizer_from_weights(const vmg_weights *w, vmg_tokenizer **out)
{
    const uint8_t *model;
    size_t bytes;
    *out = NULL;
    int stored = vmg_tokenizer_stored(w, &model, &bytes);
    if (stored == VMG_OK)
        return vmg_tokenizer_from_memory(model, bytes, w->path, out);
    if (stored != VMG_E_NOTFOUND)
        return stored;
    char *kind = NULL;
    int rc = vmg_weights_meta_string(w, "tokenizer.ggml.model", 64, &kind);
    if (rc == VMG_E_NOTFOUND)
        return vmg_fail(rc, "%s: the metadata holds no tokenizer", w->path);
    if (rc == VMG_OK && strcmp(kind, "t5"))
        rc = vmg_fail(VMG_E_UNSUPPORTED,
                      "%s: its tokenizer is of kind \"%s\"; only \"t5\" (SentencePiece) is read",
                      w->path, kind);
    free(kind);
    return rc == VMG_OK ? from_arrays(w, out) : rc;
}
