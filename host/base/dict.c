/* A dictionary from strings to pointers. */
#include "host/base/dict.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"

/* FNV-1a */
static uint64_t hash(const char *s)
{
    uint64_t h = 1469598103934665603u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h;
}

/* The key's slot, or the empty one where it would go. cap > n, so the probe ends. */
static struct vmg_dict_entry *slot(const vmg_dict *d, const char *key)
{
    size_t i = (size_t)hash(key) & (d->cap - 1);
    while (d->entries[i].key && strcmp(d->entries[i].key, key))
        i = (i + 1) & (d->cap - 1);
    return &d->entries[i];
}

void *vmg_dict_get(const vmg_dict *d, const char *key)
{
    return d->cap ? slot(d, key)->value : NULL;
}

static bool grow(vmg_dict *d)
{
    vmg_dict bigger = {.cap = d->cap ? 2 * d->cap : 64, .n = d->n};
    bigger.entries = vmg_calloc(bigger.cap, sizeof *bigger.entries);
    if (!bigger.entries)
        return false;
    for (size_t i = 0; i < d->cap; i++)
        if (d->entries[i].key)
            *slot(&bigger, d->entries[i].key) = d->entries[i];
    free(d->entries);
    *d = bigger;
    return true;
}

bool vmg_dict_set(vmg_dict *d, const char *key, void *value)
{
    if (2 * (d->n + 1) > d->cap && !grow(d))
        return false;
    struct vmg_dict_entry *e = slot(d, key);
    if (!e->key) {
        e->key = vmg_strdup(key);
        if (!e->key)
            return false;
        d->n++;
    }
    e->value = value;
    return true;
}

void vmg_dict_free(vmg_dict *d, void (*free_value)(void *))
{
    for (size_t i = 0; d && i < d->cap; i++) {
        if (d->entries[i].key && free_value)
            free_value(d->entries[i].value);
        free(d->entries[i].key);
    }
    if (d) {
        free(d->entries);
        *d = (vmg_dict){0};
    }
}
