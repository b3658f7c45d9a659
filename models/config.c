/* Network configurations: read from config.json or from a model file's metadata. */
#include "models/config.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/t5_names.h"

enum { MAX_CONFIG_BYTES = 1 << 20, MAX_DIMENSION = 1 << 20 };

#define INT(type, member, required, fallback) {#member, offsetof(type, member), VMG_KEY_INT, required, fallback}
#define REAL(type, member, required, fallback) {#member, offsetof(type, member), VMG_KEY_REAL, required, fallback}

const vmg_config_key vmg_dit_config_keys[] = {
    INT(vmg_dit_config, in_dim, true, 0),
    INT(vmg_dit_config, out_dim, true, 0),
    INT(vmg_dit_config, ref_motion_dim, false, 0),
    INT(vmg_dit_config, dim, true, 0),
    INT(vmg_dit_config, ffn_dim, true, 0),
    INT(vmg_dit_config, num_heads, true, 0),
    INT(vmg_dit_config, num_layers, true, 0),
    INT(vmg_dit_config, freq_dim, true, 0),
    INT(vmg_dit_config, text_dim, true, 0),
    INT(vmg_dit_config, text_len, false, 512),
    INT(vmg_dit_config, text_min_rows, false, 226),
    REAL(vmg_dit_config, eps, false, 1e-6),
    {0}};

const vmg_config_key vmg_t5_config_keys[] = {
    INT(vmg_t5_config, vocab_size, true, 0),
    INT(vmg_t5_config, dim, true, 0),
    INT(vmg_t5_config, dim_attn, true, 0),
    INT(vmg_t5_config, dim_ffn, true, 0),
    INT(vmg_t5_config, num_heads, true, 0),
    INT(vmg_t5_config, num_layers, true, 0),
    INT(vmg_t5_config, num_buckets, false, 32),
    INT(vmg_t5_config, max_dist, false, 128),
    {"shared_pos", offsetof(vmg_t5_config, shared_pos), VMG_KEY_BOOL, false, 0},
    REAL(vmg_t5_config, eps, false, 1e-6),
    {0}};

/* Where values come from: JSON or metadata. Returns VMG_OK, VMG_E_NOTFOUND or VMG_E_FORMAT. */
typedef int value_fn(const void *from, const char *key, double *out);

static int set_member(const vmg_config_key *k, double value, void *config)
{
    char *at = (char *)config + k->offset;
    if (k->kind == VMG_KEY_REAL) {
        if (!(value > 0 && value < 1))
            return vmg_fail(VMG_E_FORMAT, "\"%s\" is %g, expected a small positive number", k->key, value);
        memcpy(at, &value, sizeof value);
        return VMG_OK;
    }
    if (value != (double)(int64_t)value || value < 0 || value > MAX_DIMENSION)
        return vmg_fail(VMG_E_FORMAT, "\"%s\" is %g, expected a whole number from 0 to %d", k->key, value,
                        MAX_DIMENSION);
    if (k->kind == VMG_KEY_BOOL)
        *(bool *)at = value != 0;
    else
        *(int64_t *)at = (int64_t)value;
    return VMG_OK;
}

static int fill(const vmg_config_key *keys, value_fn *get, const void *from, void *config)
{
    for (const vmg_config_key *k = keys; k->key; k++) {
        double value = k->fallback;
        int rc = get(from, k->key, &value);
        if (rc == VMG_E_NOTFOUND && k->required)
            return vmg_fail(rc, "the configuration has no \"%s\"", k->key);
        if (rc != VMG_OK && rc != VMG_E_NOTFOUND)
            return rc;
        rc = set_member(k, value, config);
        if (rc != VMG_OK)
            return rc;
    }
    return VMG_OK;
}

static int check_heads(int64_t width, int64_t heads, const char *name)
{
    if (heads < 1 || width < 1 || width % heads || width / heads % 8 || width / heads > 256)
        return vmg_fail(VMG_E_FORMAT, "\"%s\" %lld over %lld heads does not give a head of 8, 16, ... 256 channels",
                        name, (long long)width, (long long)heads);
    return VMG_OK;
}

static int check_dit(const vmg_dit_config *c)
{
    if (c->in_dim < 1 || c->out_dim != c->in_dim || c->ffn_dim < 1 || c->num_layers < 1 || c->text_dim < 1)
        return vmg_fail(VMG_E_FORMAT, "in_dim, out_dim, ffn_dim, num_layers or text_dim makes no network");
    if (c->freq_dim < 2 || c->freq_dim % 2)
        return vmg_fail(VMG_E_FORMAT, "freq_dim must be even");
    return check_heads(c->dim, c->num_heads, "dim");
}

static int check_t5(const vmg_t5_config *c)
{
    if (c->vocab_size < 2 || c->dim < 1 || c->dim_ffn < 1 || c->num_layers < 1 || c->num_buckets < 4 ||
        c->num_buckets % 4 || c->max_dist <= c->num_buckets / 4)
        return vmg_fail(VMG_E_FORMAT, "vocab_size, dim, dim_ffn, num_layers, num_buckets or max_dist makes no network");
    return check_heads(c->dim_attn, c->num_heads, "dim_attn");
}

/* ---- JSON ---- */

static int from_json(const void *from, const char *key, double *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive((const cJSON *)from, key);
    if (!item || cJSON_IsNull(item))
        return VMG_E_NOTFOUND;
    if (cJSON_IsBool(item))
        *out = cJSON_IsTrue(item);
    else if (cJSON_IsNumber(item))
        *out = item->valuedouble;
    else
        return vmg_fail(VMG_E_FORMAT, "\"%s\" is not a number", key);
    return VMG_OK;
}

static int parse(const char *name, const char *json, size_t size, const vmg_config_key *keys, void *config)
{
    cJSON *root = cJSON_ParseWithLength(json, size);
    int rc = cJSON_IsObject(root) ? fill(keys, from_json, root, config)
                                  : vmg_fail(VMG_E_FORMAT, "this is not a JSON object");
    cJSON_Delete(root);
    return rc == VMG_OK ? rc : vmg_fail_prefix(VMG_E_FORMAT, "%s", name);
}

int vmg_dit_config_parse(const char *name, const char *json, size_t size, vmg_dit_config *out)
{
    int rc = parse(name, json, size, vmg_dit_config_keys, out);
    if (rc == VMG_OK && check_dit(out) != VMG_OK)
        rc = vmg_fail_prefix(VMG_E_FORMAT, "%s", name);
    return rc;
}

int vmg_t5_config_parse(const char *name, const char *json, size_t size, vmg_t5_config *out)
{
    int rc = parse(name, json, size, vmg_t5_config_keys, out);
    if (rc == VMG_OK && check_t5(out) != VMG_OK)
        rc = vmg_fail_prefix(VMG_E_FORMAT, "%s", name);
    return rc;
}

int vmg_dit_config_read(const char *path, vmg_dit_config *out)
{
    char *text;
    size_t size;
    int rc = vmg_read_file(path, MAX_CONFIG_BYTES, &text, &size);
    if (rc == VMG_OK)
        rc = vmg_dit_config_parse(path, text, size, out);
    free(text);
    return rc;
}

int vmg_t5_config_read(const char *path, vmg_t5_config *out)
{
    char *text;
    size_t size;
    int rc = vmg_read_file(path, MAX_CONFIG_BYTES, &text, &size);
    if (rc == VMG_OK)
        rc = vmg_t5_config_parse(path, text, size, out);
    free(text);
    return rc;
}

/* ---- metadata ---- */

typedef struct meta_source {
    const vmg_weights *w;
    const char *prefix;
} meta_source;

static int from_meta(const void *from, const char *key, double *out)
{
    const meta_source *s = from;
    char full[64];
    bool flag;
    snprintf(full, sizeof full, "%s.%s", s->prefix, key);
    const vmg_meta *m = vmg_weights_meta(s->w, full);
    if (!m || m->kind != VMG_META_BOOL)
        return vmg_weights_meta_real(s->w, full, out);
    int rc = vmg_weights_meta_bool(s->w, full, &flag);
    *out = flag;
    return rc;
}

int vmg_dit_config_from_weights(const vmg_weights *w, vmg_dit_config *out)
{
    int rc = fill(vmg_dit_config_keys, from_meta, &(meta_source){w, "vimogen"}, out);
    if (rc == VMG_OK)
        rc = check_dit(out);
    return rc == VMG_OK ? rc : vmg_fail_prefix(rc, "%s", w->path);
}

int vmg_t5_config_from_weights(const vmg_weights *w, vmg_t5_config *out)
{
    *out = (vmg_t5_config){.max_dist = 128, .eps = 1e-6};
    const struct { const char *name; int dim; int64_t *to; } sizes[] = {
        {"token_embd.weight", 0, &out->vocab_size}, {"token_embd.weight", 1, &out->dim},
        {"enc.blk.0.attn_q.weight", 0, &out->dim_attn}, {"enc.blk.0.ffn_gate.weight", 0, &out->dim_ffn},
        {"enc.blk.0.attn_rel_b.weight", 0, &out->num_buckets}, {"enc.blk.0.attn_rel_b.weight", 1, &out->num_heads}};
    bool second_bias = false;
    for (size_t i = 0; i < w->n_tensors; i++) {
        char name[96];
        int block;
        const vmg_weight *t = &w->tensors[i];
        if (t->rank != 2 || !vmg_t5_canonical_name(t->name, name, sizeof name))
            continue;
        for (size_t k = 0; k < VMG_COUNT(sizes); k++)
            if (!strcmp(name, sizes[k].name))
                *sizes[k].to = t->dim[sizes[k].dim];
        if (sscanf(name, "enc.blk.%d.", &block) == 1 && block >= out->num_layers && block < MAX_DIMENSION)
            out->num_layers = block + 1;
        second_bias |= !strcmp(name, "enc.blk.1.attn_rel_b.weight");
    }
    if (!out->vocab_size || !out->num_layers)
        return vmg_fail(VMG_E_NOTFOUND, "%s holds no T5 encoder", w->path);
    out->shared_pos = out->num_layers > 1 && !second_bias;
    int rc = check_t5(out);
    return rc == VMG_OK ? rc : vmg_fail_prefix(rc, "%s", w->path);
}
