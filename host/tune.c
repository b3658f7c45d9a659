/* Tuned parameters: looked up at each launch, stored as JSON. The search is in tune_search.c. */
#include "host/tune.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/dict.h"
#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/tune_search.h"

enum { FORMAT = 1, MAX_STORE_BYTES = 16 << 20 };

/* One tuned point. */
typedef struct entry {
    struct entry *next;
    int bucket[VMG_MAX_SHAPE]; /* ceil(log2(dimension)) */
    int n;
    char *names[VMG_MAX_TUNABLES];
    int values[VMG_MAX_TUNABLES];
    double seconds;
    bool shipped;
} entry;

struct vmg_tuner {
    vmg_dict entries; /* key -> entry list */
    char *path;       /* NULL: no cache directory */
    bool active, full, suspended;
    vmg_dict visited; /* "key bucket" -> itself */
    vmg_tune_progress_fn *progress;
    void *progress_user;
    const vmg_kernel_def *forced_def;
    int forced[VMG_MAX_TUNABLES];
    const vmg_variants *forced_set;
    const char *forced_variant;
};

static void to_bucket(const int64_t *shape, int *bucket)
{
    for (int i = 0; i < VMG_MAX_SHAPE; i++) {
        bucket[i] = 0;
        while (bucket[i] < 62 && ((int64_t)1 << bucket[i]) < shape[i])
            bucket[i]++;
    }
}

static void free_entries(void *list)
{
    for (entry *e = list; e;) {
        entry *next = e->next;
        for (int i = 0; i < e->n; i++)
            free(e->names[i]);
        free(e);
        e = next;
    }
}

/* The entry of exactly this bucket and origin, made if absent; NULL on exhaustion. */
static entry *entry_at(vmg_tuner *t, const char *key, const int *bucket, bool shipped)
{
    entry *first = vmg_dict_get(&t->entries, key);
    for (entry *e = first; e; e = e->next)
        if (e->shipped == shipped && !memcmp(e->bucket, bucket, sizeof e->bucket))
            return e;
    entry *e = vmg_calloc(1, sizeof *e);
    if (!e)
        return NULL;
    memcpy(e->bucket, bucket, sizeof e->bucket);
    e->shipped = shipped;
    e->next = first;
    if (!vmg_dict_set(&t->entries, key, e)) {
        free(e);
        return NULL;
    }
    return e;
}

static bool set_values(entry *e, const char *const *names, int n, const int *values, double seconds)
{
    for (int i = 0; i < e->n; i++)
        free(e->names[i]);
    e->n = 0;
    for (int i = 0; i < n && i < VMG_MAX_TUNABLES; i++) {
        e->names[i] = vmg_strdup(names[i]);
        if (!e->names[i])
            return false;
        e->values[i] = values[i];
        e->n++;
    }
    e->seconds = seconds;
    return true;
}

/* ---- store ---- */

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
    entry *e = entry_at(t, key->valuestring, b, shipped);
    return e && set_values(e, names, n, v, cJSON_IsNumber(seconds) ? seconds->valuedouble : 0);
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

static bool read_store(vmg_tuner *t, const vmg_device *d, const char *text, size_t size, bool shipped)
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

vmg_tuner *vmg_tuner_create(vmg_ctx *ctx)
{
    vmg_tuner *t = vmg_calloc(1, sizeof *t);
    if (!t)
        return NULL;
    for (const vmg_cl_source *s = vmg_tuned_sources; s->name; s++)
        if (!read_store(t, &ctx->dev, s->text, strlen(s->text), true))
            vmg_logf(&ctx->log, VMG_LOG_WARN, "the shipped parameters %s are damaged", s->name);
    t->path = store_path(&ctx->dev);
    if (t->path && vmg_path_exists(t->path)) {
        char *text = NULL;
        size_t size;
        if (vmg_read_file(t->path, MAX_STORE_BYTES, &text, &size) != VMG_OK ||
            !read_store(t, &ctx->dev, text, size, false))
            vmg_logf(&ctx->log, VMG_LOG_WARN,
                     "%s is damaged or belongs to another device and is ignored; vimogen tune makes a new one",
                     t->path);
        free(text);
    }
    return t;
}

void vmg_tuner_free(vmg_tuner *t)
{
    if (!t)
        return;
    vmg_dict_free(&t->entries, free_entries);
    vmg_dict_free(&t->visited, NULL);
    free(t->path);
    free(t);
}

static cJSON *write_store(vmg_ctx *ctx, bool for_shipping)
{
    const vmg_tuner *t = ctx->tuner;
    cJSON *root = cJSON_CreateObject(), *list = cJSON_CreateArray();
    cJSON_AddNumberToObject(root, "format", FORMAT);
    cJSON_AddStringToObject(root, "device", ctx->dev.name);
    cJSON_AddStringToObject(root, "driver", ctx->dev.driver);
    cJSON_AddStringToObject(root, "platform", ctx->dev.platform_name);
    if (for_shipping) {
        cJSON *match = cJSON_AddObjectToObject(root, "match");
        cJSON_AddStringToObject(match, "platform", ctx->dev.platform_name);
        cJSON_AddStringToObject(match, "class", vmg_device_class_name(ctx->dev.device_class));
    }
    cJSON_AddItemToObject(root, "entries", list);
    for (size_t i = 0; i < t->entries.cap; i++) {
        if (!t->entries.entries[i].key)
            continue;
        for (const entry *e = t->entries.entries[i].value; e; e = e->next) {
            if (e->shipped && !for_shipping)
                continue;
            cJSON *item = cJSON_CreateObject();
            cJSON_AddStringToObject(item, "key", t->entries.entries[i].key);
            cJSON_AddItemToObject(item, "bucket", cJSON_CreateIntArray(e->bucket, VMG_MAX_SHAPE));
            cJSON *values = cJSON_AddObjectToObject(item, "values");
            for (int k = 0; k < e->n; k++)
                cJSON_AddNumberToObject(values, e->names[k], e->values[k]);
            cJSON_AddNumberToObject(item, "seconds", e->seconds);
            cJSON_AddItemToArray(list, item);
        }
    }
    return root;
}

static int save(vmg_ctx *ctx, const char *path, bool for_shipping)
{
    cJSON *root = write_store(ctx, for_shipping);
    char *text = cJSON_Print(root);
    int rc = text ? vmg_write_file(path, text, strlen(text)) : vmg_fail(VMG_E_NOMEM, "out of memory");
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

/* ---- lookup ---- */

static int distance(const int *a, const int *b)
{
    int d = 0;
    for (int i = 0; i < VMG_MAX_SHAPE; i++)
        d += abs(a[i] - b[i]);
    return d;
}

bool vmg_tune_lookup(vmg_ctx *ctx, const char *key, const int64_t *shape, const char *const *names, int n,
                     int *values)
{
    int bucket[VMG_MAX_SHAPE];
    const entry *best = NULL;
    const entry *first = vmg_dict_get(&ctx->tuner->entries, key);
    if (!first)
        return false;
    to_bucket(shape, bucket);
    for (const entry *e = first; e; e = e->next) {
        bool better = !best || (best->shipped && !e->shipped) ||
                      (best->shipped == e->shipped && distance(e->bucket, bucket) < distance(best->bucket, bucket));
        best = better && !(best && !best->shipped && e->shipped) ? e : best;
    }
    for (int i = 0; i < n; i++) {
        int k = 0;
        while (k < best->n && strcmp(best->names[k], names[i]))
            k++;
        if (k == best->n)
            return false;
        values[i] = best->values[k];
    }
    return true;
}

void vmg_tune_record(vmg_ctx *ctx, const char *key, const int64_t *shape, const char *const *names, int n,
                     const int *values, double seconds)
{
    int bucket[VMG_MAX_SHAPE];
    to_bucket(shape, bucket);
    entry *e = entry_at(ctx->tuner, key, bucket, false);
    if (!e || !set_values(e, names, n, values, seconds))
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
}

/* ---- tuning mode, and what tests force ---- */

void vmg_tune_begin(vmg_ctx *ctx, bool full)
{
    ctx->tuner->active = true;
    ctx->tuner->full = full;
    vmg_dict_free(&ctx->tuner->visited, NULL);
}

void vmg_tune_end(vmg_ctx *ctx)
{
    ctx->tuner->active = false;
}

bool vmg_tune_active(const vmg_ctx *ctx)
{
    return ctx->tuner->active && !ctx->tuner->suspended;
}

bool vmg_tune_full(const vmg_ctx *ctx)
{
    return ctx->tuner->full;
}

bool vmg_tune_suspend(vmg_ctx *ctx, bool suspended)
{
    bool before = ctx->tuner->suspended;
    ctx->tuner->suspended = suspended;
    return before;
}

bool vmg_tune_first_visit(vmg_ctx *ctx, const char *key, const int64_t *shape)
{
    int b[VMG_MAX_SHAPE];
    to_bucket(shape, b);
    char *place = vmg_asprintf("%s|%d,%d,%d,%d", key, b[0], b[1], b[2], b[3]);
    bool first = place && !vmg_dict_get(&ctx->tuner->visited, place);
    if (first)
        vmg_dict_set(&ctx->tuner->visited, place, ctx->tuner);
    free(place);
    return first;
}

void vmg_tune_on_progress(vmg_ctx *ctx, vmg_tune_progress_fn *fn, void *user)
{
    ctx->tuner->progress = fn;
    ctx->tuner->progress_user = user;
}

void vmg_tune_report(vmg_ctx *ctx, const char *key, const int64_t *shape, double default_s, double best_s)
{
    if (ctx->tuner->progress)
        ctx->tuner->progress(ctx->tuner->progress_user, key, shape, default_s, best_s);
}

void vmg_force_tunables(vmg_ctx *ctx, const vmg_kernel_def *def, const int *values)
{
    ctx->tuner->forced_def = def;
    if (def)
        memcpy(ctx->tuner->forced, values, (size_t)vmg_kernel_n_tunables(def) * sizeof *values);
}

void vmg_force_variant(vmg_ctx *ctx, const vmg_variants *set, const char *variant)
{
    ctx->tuner->forced_set = variant ? set : NULL;
    ctx->tuner->forced_variant = variant;
}

const int *vmg_tune_forced(vmg_ctx *ctx, const vmg_kernel_def *def)
{
    return ctx->tuner->forced_def == def ? ctx->tuner->forced : NULL;
}

const char *vmg_tune_forced_variant(vmg_ctx *ctx, const vmg_variants *set)
{
    return ctx->tuner->forced_set == set ? ctx->tuner->forced_variant : NULL;
}
