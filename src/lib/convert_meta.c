/* The metadata of a whole-model file. */
#include "src/lib/convert_meta.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/t5_names.h"

enum { MAX_CONFIG_BYTES = 1 << 20, MAX_ENTRIES = 10000 };

int vmg_convert_meta_add(vmg_convert_meta *c, const vmg_meta *m)
{
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->keys[i], m->key))
            return VMG_OK;
    if (c->n == MAX_ENTRIES)
        return vmg_fail(VMG_E_UNSUPPORTED, "there are more than %d metadata entries", MAX_ENTRIES);
    char **more = vmg_grown(c->keys, c->n, &c->cap, 64, sizeof *more);
    if (!more)
        return VMG_E_NOMEM;
    c->keys = more;
    char *key = vmg_strdup(m->key);
    if (!key)
        return VMG_E_NOMEM;
    c->keys[c->n++] = key;
    return vmg_writer_meta(c->w, m);
}

void vmg_convert_meta_free(vmg_convert_meta *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->keys[i]);
    free(c->keys);
    *c = (vmg_convert_meta){0};
}

static int add_int(vmg_convert_meta *c, const char *key, int64_t v)
{
    return vmg_convert_meta_add(
        c, &(vmg_meta){.key = key,
                       .kind = VMG_META_INT,
                       .integer = v,
                       .real = (double)v,
                       .dtype = v >= 0 && v <= UINT32_MAX ? VMG_U32 : VMG_I64});
}

/* ---- config.json ---- */

static int parse_json(const char *name, const char *text, size_t n, cJSON **out)
{
    *out = cJSON_ParseWithLength(text, n);
    if (!cJSON_IsObject(*out)) {
        cJSON_Delete(*out);
        *out = NULL;
        return vmg_fail(VMG_E_FORMAT, "%s: not a JSON object", name);
    }
    return VMG_OK;
}

static int read_json(const char *path, cJSON **out)
{
    char *text = NULL;
    size_t n;
    *out = NULL;
    int rc = vmg_read_file(path, MAX_CONFIG_BYTES, &text, &n);
    if (rc == VMG_OK)
        rc = parse_json(path, text, n, out);
    free(text);
    return rc;
}

int vmg_convert_meta_strings(vmg_convert_meta *c, const char *key, const char *const *text,
                             size_t n)
{
    vmg_buf b = {0}; /* each string after its length, as vmg_meta_next_string reads them */
    for (size_t i = 0; i < n; i++) {
        uint64_t len = strlen(text[i]);
        uint8_t bytes[8];
        for (int k = 0; k < 8; k++)
            bytes[k] = (uint8_t)(len >> 8 * k);
        vmg_buf_append(&b, bytes, sizeof bytes);
        vmg_buf_append(&b, text[i], (size_t)len);
    }
    int rc = b.failed ? VMG_E_NOMEM
                      : vmg_convert_meta_add(c, &(vmg_meta){.key = key,
                                                            .kind = VMG_META_STRINGS,
                                                            .data = b.data,
                                                            .n = (int64_t)n,
                                                            .data_bytes = b.len});
    vmg_buf_free(&b);
    return rc;
}

static int add_json_list(vmg_convert_meta *c, const char *key, const cJSON *list)
{
    size_t n = (size_t)cJSON_GetArraySize(list), i = 0;
    const char **text = vmg_calloc(n, sizeof *text);
    const cJSON *v;
    if (!text)
        return VMG_E_NOMEM;
    cJSON_ArrayForEach(v, list) if (cJSON_IsString(v)) text[i++] = v->valuestring;
    int rc = n && i == n ? vmg_convert_meta_strings(c, key, text, n) : VMG_OK;
    free(text);
    return rc;
}

static int add_json_value(vmg_convert_meta *c, const char *key, const cJSON *v)
{
    if (cJSON_IsBool(v))
        return vmg_convert_meta_add(c, &(vmg_meta){.key = key, .kind = VMG_META_BOOL,
                                                   .integer = cJSON_IsTrue(v), .dtype = VMG_BOOL});
    if (cJSON_IsString(v))
        return vmg_convert_meta_add(c, &(vmg_meta){.key = key, .kind = VMG_META_STRING,
                                                   .data = v->valuestring,
                                                   .n = (int64_t)strlen(v->valuestring),
                                                   .data_bytes = strlen(v->valuestring)});
    if (cJSON_IsArray(v))
        return add_json_list(c, key, v);
    if (!cJSON_IsNumber(v))
        return VMG_OK;
    double d = v->valuedouble;
    if (d == floor(d) && fabs(d) < 9e15)
        return add_int(c, key, (int64_t)d);
    return vmg_convert_meta_add(c, &(vmg_meta){.key = key, .kind = VMG_META_REAL, .real = d,
                                               .dtype = VMG_F64});
}

static int add_json_object(vmg_convert_meta *c, const char *prefix, const cJSON *o)
{
    for (const cJSON *v = o->child; v; v = v->next) {
        char *key = vmg_asprintf("%s.%s", prefix, v->string);
        int rc = !key                 ? VMG_E_NOMEM
                 : cJSON_IsObject(v) ? add_json_object(c, key, v)
                                     : add_json_value(c, key, v);
        free(key);
        if (rc != VMG_OK)
            return rc;
    }
    return VMG_OK;
}

int vmg_convert_meta_config(vmg_convert_meta *c, const char *path, const char *prefix)
{
    cJSON *json;
    int rc = read_json(path, &json);
    if (rc == VMG_OK)
        rc = add_json_object(c, prefix, json);
    cJSON_Delete(json);
    return rc;
}

int vmg_convert_meta_json(vmg_convert_meta *c, const char *name, const char *json, size_t size,
                          const char *prefix)
{
    cJSON *o;
    int rc = parse_json(name, json, size, &o);
    if (rc == VMG_OK)
        rc = add_json_object(c, prefix, o);
    cJSON_Delete(o);
    return rc;
}

/* ---- the text encoder ---- */

/* Dimension `axis` of the tensor of that canonical name; 0 if there is no such tensor. */
static int64_t t5_dim(const vmg_weights *w, const char *canonical, int axis)
{
    for (size_t i = 0; i < w->n_tensors; i++) {
        char name[64];
        const vmg_weight *t = &w->tensors[i];
        if (vmg_t5_canonical_name(t->name, name, sizeof name) && !strcmp(name, canonical))
            return axis < t->rank ? t->dim[axis] : 0;
    }
    return 0;
}

static int64_t count_blocks(const vmg_weights *w)
{
    int64_t n = 0;
    for (size_t i = 0; i < w->n_tensors; i++) {
        char name[64];
        int block;
        if (vmg_t5_canonical_name(w->tensors[i].name, name, sizeof name) &&
            sscanf(name, "enc.blk.%d.attn_q", &block) == 1)
            n = VMG_MAX(n, (int64_t)block + 1);
    }
    return n;
}

int vmg_convert_meta_t5(vmg_convert_meta *c, const vmg_weights *w, const char *config)
{
    int64_t heads = t5_dim(w, "enc.blk.0.attn_rel_b.weight", 1);
    int64_t width = t5_dim(w, "enc.blk.0.attn_q.weight", 0);
    double eps = 1e-6, max_dist = 128;
    cJSON *json = NULL;
    if (heads < 1 || width % heads)
        return vmg_fail(VMG_E_FORMAT,
                        "%s: the first block's attention of width %lld does not divide "
                        "into %lld heads",
                        w->path, (long long)width, (long long)heads);
    int rc = config ? read_json(config, &json) : VMG_OK;
    if (rc != VMG_OK)
        return rc;
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, "eps");
    eps = cJSON_IsNumber(v) ? v->valuedouble : eps;
    v = cJSON_GetObjectItemCaseSensitive(json, "max_dist");
    max_dist = cJSON_IsNumber(v) ? v->valuedouble : max_dist;
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "shared_pos")))
        rc = vmg_fail(VMG_E_UNSUPPORTED,
                      "%s: encoders with one position table for all blocks are not "
                      "converted",
                      config);
    cJSON_Delete(json);
    const struct {
        const char *key;
        int64_t value;
    } counts[] = {
        {"t5encoder.context_length", 512},
        {"t5encoder.embedding_length", t5_dim(w, "token_embd.weight", 1)},
        {"t5encoder.feed_forward_length", t5_dim(w, "enc.blk.0.ffn_gate.weight", 0)},
        {"t5encoder.block_count", count_blocks(w)},
        {"t5encoder.attention.head_count", heads},
        {"t5encoder.attention.key_length", width / heads},
        {"t5encoder.attention.value_length", width / heads},
        {"t5encoder.attention.relative_buckets_count", t5_dim(w, "enc.blk.0.attn_rel_b.weight", 0)},
        {"t5encoder.attention.relative_max_distance", (int64_t)max_dist},
        {"t5encoder.vocab_size", t5_dim(w, "token_embd.weight", 0)},
    };
    for (size_t i = 0; rc == VMG_OK && i < VMG_COUNT(counts); i++)
        rc = add_int(c, counts[i].key, counts[i].value);
    /* llama.cpp reads this key as f32 only. */
    return rc == VMG_OK ? vmg_convert_meta_add(
                              c, &(vmg_meta){.key = "t5encoder.attention.layer_norm_rms_epsilon",
                                             .kind = VMG_META_REAL,
                                             .real = (float)eps,
                                             .dtype = VMG_F32})
                        : rc;
}

/* ---- the source's own ---- */

int vmg_convert_meta_copy(vmg_convert_meta *c, const vmg_weights *w, bool arrays)
{
    static const char *const own[] = {"general.alignment", "general.file_type",
                                      "general.quantization_version", "format"};
    int rc = VMG_OK;
    for (size_t i = 0; rc == VMG_OK && i < w->n_meta; i++) {
        enum vmg_meta_kind kind = w->meta[i].kind;
        bool skip = kind == VMG_META_NONE || !strncmp(w->meta[i].key, "split.", 6) ||
                    (!arrays && (kind == VMG_META_NUMBERS || kind == VMG_META_STRINGS));
        for (size_t k = 0; k < VMG_COUNT(own); k++)
            skip |= !strcmp(w->meta[i].key, own[k]);
        rc = skip ? VMG_OK : vmg_convert_meta_add(c, &w->meta[i]);
    }
    return rc;
}
