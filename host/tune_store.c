/* Tuned parameters on disk: the user's store and the shipped files, as JSON. */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/tune_impl.h"

enum { FORMAT = 1, MAX_STORE_BYTES = 16 << 20 };

static bool read_entry(vmg_tuner *t, const cJSON *item, bool shipped)
{
    const cJSON *key = cJSON_GetObjectItemCaseSensitive(item, "key");
    const cJSON *bucket = cJSON_GetObjectItemCaseSensitive(item, "bucket");
    const cJSON *values = cJSON_GetObjectItemCaseSensitive(item, "values");
    const cJSON *seconds = cJSON_GetObjectItemCaseSensitive(item, "seconds");
    int b[VMG_MAX_SHAPE], v[VMG_MAX_TUNABLES], n = 0;
    const char *names[VMG_MAX_TUNABLES];
    if (!cJSON_IsString(key) || cJSON_GetArraySize(bucket) != VMG_MAX_SHAPE || !cJSON_IsObject(values))
        return false;
    for (int i = 0; i < VMG_MAX_SHAPE; i++) {
        const cJSON *x = cJSON_GetArrayItem(bucket, i);
        if (!cJSON_IsNumber(x) || x->valuedouble < 0 || x->valuedouble > 62)
            return false;
        b[i] = (int)x->valuedouble;
    }
    const cJSON *x;
    cJSON_ArrayForEach(x, values) {
        if (n == VMG_MAX_TUNABLES || !cJSON_IsNumber(x) || !x->string)
            return false;
        names[n] = x->string;
        v[n++] = x->valueint;
    }
    return vmg_tune_put(t, key->valuestring, b, shipped, names, n, v,
                        cJSON_IsNumber(seconds) ? seconds->valuedouble : 0);
}

static bool same_string(const cJSON *root, const char *name, const char *want)
{
    const cJSON *s = cJSON_GetObjectItemCaseSensitive(root, name);
    return cJSON_IsString(s) && !strcmp(s->valuestring, want);
}

/* Shipped files match by what they name; a file that names nothing matches nothing. */
static bool shipped_matches(const cJSON *root, const vmg_device *d)
{
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(root, "match");
    const cJSON *x;
    int n = 0;
    cJSON_ArrayForEach(x, m) {
        const struct { const char *key, *have; } facts[] = {
            {"platform", d->platform_name}, {"vendor", d->vendor}, {"device", d->name},
            {"class", vmg_device_class_name(d->device_class)}};
        bool matches = false;
        for (size_t i = 0; i < VMG_COUNT(facts); i++)
            matches |= !strcmp(facts[i].key, x->string) && cJSON_IsString(x) &&
                       strstr(facts[i].have, x->valuestring) != NULL;
        if (!matches)
            return false;
        n++;
    }
    return n > 0;
}

bool vmg_tune_read(vmg_tuner *t, const vmg_device *d, const char *text, size_t size, bool shipped)
{
    cJSON *root = cJSON_ParseWithLength(text, size);
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(root, "format");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "entries");
    bool ok = cJSON_IsNumber(format) && format->valueint == FORMAT && cJSON_IsArray(list);
    if (ok && shipped && !shipped_matches(root, d)) {
        cJSON_Delete(root);
        return true;
    }
    if (ok && !shipped)
        ok = same_string(root, "device", d->name) && same_string(root, "driver", d->driver) &&
             same_string(root, "platform", d->platform_name);
    const cJSON *item;
    if (!ok)
        list = NULL;
    cJSON_ArrayForEach(item, list)
    {
        ok = read_entry(t, item, shipped) && ok;
    }
    cJSON_Delete(root);
    return ok;
}

static char *store_path(const vmg_device *d)
{
    char *dir, name[400];
    if (vmg_cache_dir("tune", &dir) != VMG_OK)
        return NULL;
    size_t n = 0;
    const char *const parts[] = {d->platform_name, "-", d->name, "-", d->driver};
    for (size_t i = 0; i < VMG_COUNT(parts); i++)
        for (const char *p = parts[i]; *p && n + 1 < sizeof name; p++)
            name[n++] = isalnum((unsigned char)*p) || *p == '-' || *p == '.' ? *p : '_';
    name[n] = 0;
    char *path = vmg_asprintf("%s/%s.json", dir, name);
    free(dir);
    return path;
}

void vmg_tune_load(vmg_ctx *ctx, vmg_tuner *t)
{
    for (const vmg_cl_source *s = vmg_tuned_sources; s->name; s++)
        if (!vmg_tune_read(t, &ctx->dev, s->text, strlen(s->text), true))
            vmg_logf(&ctx->log, VMG_LOG_WARN, "the shipped parameters %s are damaged", s->name);
    t->path = store_path(&ctx->dev);
    if (t->path && vmg_path_exists(t->path)) {
        char *text = NULL;
        size_t size;
        if (vmg_read_file(t->path, MAX_STORE_BYTES, &text, &size) != VMG_OK ||
            !vmg_tune_read(t, &ctx->dev, text, size, false))
            vmg_logf(&ctx->log, VMG_LOG_WARN,
                     "%s is damaged or belongs to another device and is ignored; vimogen tune makes a new one",
                     t->path);
        free(text);
    }
}

static cJSON *write_entry(const vmg_tune_entry *e)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "key", e->key);
    cJSON_AddItemToObject(item, "bucket", cJSON_CreateIntArray(e->bucket, VMG_MAX_SHAPE));
    cJSON *values = cJSON_AddObjectToObject(item, "values");
    for (int k = 0; k < e->n; k++)
        cJSON_AddNumberToObject(values, e->names[k], e->values[k]);
    cJSON_AddNumberToObject(item, "seconds", e->seconds);
    return item;
}

/* What ships includes what shipped before, where the user's store does not know better. */
static cJSON *write_store(vmg_ctx *ctx, bool for_shipping, const vmg_tune_entry *entries, size_t n)
{
    cJSON *root = cJSON_CreateObject(), *list = cJSON_CreateArray();
    cJSON_AddNumberToObject(root, "format", FORMAT);
    cJSON_AddStringToObject(root, "device", ctx->dev.name);
    cJSON_AddStringToObject(root, "driver", ctx->dev.driver);
    cJSON_AddStringToObject(root, "platform", ctx->dev.platform_name);
    if (for_shipping) {
        cJSON *match = cJSON_AddObjectToObject(root, "match");
        cJSON_AddStringToObject(match, "platform", ctx->dev.platform_name);
        cJSON_AddStringToObject(match, "vendor", ctx->dev.vendor);
        cJSON_AddStringToObject(match, "class", vmg_device_class_name(ctx->dev.device_class));
    }
    cJSON_AddItemToObject(root, "entries", list);
    for (size_t i = 0; i < n; i++) {
        const vmg_tune_entry *before = i ? &entries[i - 1] : NULL;
        const bool known = before && !strcmp(before->key, entries[i].key) &&
                           !memcmp(before->bucket, entries[i].bucket, sizeof before->bucket);
        if (!entries[i].shipped || (for_shipping && !known))
            cJSON_AddItemToArray(list, write_entry(&entries[i]));
    }
    return root;
}

static int save(vmg_ctx *ctx, const char *path, bool for_shipping)
{
    vmg_tune_entry *entries;
    size_t n;
    int rc = vmg_tune_entries(ctx, &entries, &n);
    if (rc != VMG_OK)
        return rc;
    cJSON *root = write_store(ctx, for_shipping, entries, n);
    char *text = cJSON_Print(root);
    free(entries);
    rc = text ? vmg_write_file(path, text, strlen(text)) : vmg_fail(VMG_E_NOMEM, "out of memory");
    cJSON_free(text);
    cJSON_Delete(root);
    return rc;
}

int vmg_tune_save(vmg_ctx *ctx)
{
    if (!ctx->tuner->path)
        return vmg_fail(VMG_E_IO, "there is no cache directory to store tuned parameters in");
    return save(ctx, ctx->tuner->path, false);
}

int vmg_tune_export(vmg_ctx *ctx, const char *path)
{
    return save(ctx, path, true);
}

const char *vmg_tune_path(const vmg_ctx *ctx)
{
    return ctx->tuner->path;
}

