/* Tuned parameters: looked up at each launch. The search is in tune_search.c, files in tune_store.c. */
#include "host/tune_impl.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/tune_search.h"

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
    for (vmg_tune_node *e = list; e;) {
        vmg_tune_node *next = e->next;
        for (int i = 0; i < e->n; i++)
            free(e->names[i]);
        free(e);
        e = next;
    }
}

/* The entry of exactly this bucket and origin, made if absent; NULL on exhaustion. */
static vmg_tune_node *node_at(vmg_tuner *t, const char *key, const int *bucket, bool shipped)
{
    vmg_tune_node *first = vmg_dict_get(&t->entries, key);
    for (vmg_tune_node *e = first; e; e = e->next)
        if (e->shipped == shipped && !memcmp(e->bucket, bucket, sizeof e->bucket))
            return e;
    vmg_tune_node *e = vmg_calloc(1, sizeof *e);
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

static bool set_values(vmg_tune_node *e, const char *const *names, int n, const int *values, double seconds)
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

bool vmg_tune_put(vmg_tuner *t, const char *key, const int *bucket, bool shipped, const char *const *names, int n,
                  const int *values, double seconds)
{
    vmg_tune_node *e = node_at(t, key, bucket, shipped);
    return e && set_values(e, names, n, values, seconds);
}

vmg_tuner *vmg_tuner_create(vmg_ctx *ctx)
{
    vmg_tuner *t = vmg_calloc(1, sizeof *t);
    if (t)
        vmg_tune_load(ctx, t);
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
    const vmg_tune_node *best = NULL;
    const vmg_tune_node *first = vmg_dict_get(&ctx->tuner->entries, key);
    if (!first)
        return false;
    to_bucket(shape, bucket);
    for (const vmg_tune_node *e = first; e; e = e->next) {
        if (distance(e->bucket, bucket) > VMG_TUNE_REACH)
            continue;
        if (!best || (best->shipped && !e->shipped) ||
            (best->shipped == e->shipped && distance(e->bucket, bucket) < distance(best->bucket, bucket)))
            best = e;
    }
    for (int i = 0; best && i < n; i++) {
        int k = 0;
        while (k < best->n && strcmp(best->names[k], names[i]))
            k++;
        if (k == best->n)
            return false;
        values[i] = best->values[k];
    }
    return best != NULL;
}

void vmg_tune_record(vmg_ctx *ctx, const char *key, const int64_t *shape, const char *const *names, int n,
                     const int *values, double seconds)
{
    int bucket[VMG_MAX_SHAPE];
    to_bucket(shape, bucket);
    if (!vmg_tune_put(ctx->tuner, key, bucket, false, names, n, values, seconds))
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
}

/* By key and bucket; of equals the user's first. */
static int by_place(const void *a, const void *b)
{
    const vmg_tune_entry *x = a, *y = b;
    int c = strcmp(x->key, y->key);
    for (int i = 0; i < VMG_MAX_SHAPE && !c; i++)
        c = x->bucket[i] - y->bucket[i];
    return c ? c : x->shipped - y->shipped;
}

int vmg_tune_entries(const vmg_ctx *ctx, vmg_tune_entry **out, size_t *n)
{
    const vmg_dict *d = &ctx->tuner->entries;
    size_t total = 0, at = 0;
    for (size_t i = 0; i < d->cap; i++)
        for (const vmg_tune_node *e = d->entries[i].value; e; e = e->next)
            total++;
    *n = 0;
    *out = vmg_calloc(total, sizeof **out);
    if (!*out)
        return VMG_E_NOMEM;
    for (size_t i = 0; i < d->cap; i++)
        for (const vmg_tune_node *e = d->entries[i].value; e; e = e->next) {
            vmg_tune_entry *to = &(*out)[at++];
            *to = (vmg_tune_entry){.key = d->entries[i].key, .n = e->n, .seconds = e->seconds, .shipped = e->shipped};
            memcpy(to->bucket, e->bucket, sizeof to->bucket);
            memcpy(to->values, e->values, sizeof to->values);
            for (int k = 0; k < e->n; k++)
                to->names[k] = e->names[k];
        }
    qsort(*out, total, sizeof **out, by_place);
    *n = total;
    return VMG_OK;
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
    vmg_tuner *t = ctx->tuner;
    if (t->progress && !t->progress(t->progress_user, key, shape, default_s, best_s))
        vmg_ctx_fail(ctx, VMG_E_INTERRUPTED, "tuning was interrupted");
}

size_t vmg_tune_n_searches(const vmg_ctx *ctx)
{
    return ctx->tuner->visited.n;
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
