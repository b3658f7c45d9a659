/* Even, reproducible splits of groups. */
#include "src/data/split.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/status.h"

typedef struct group {
    const char *name, *label;
    uint64_t hash;
    size_t first; /* item */
    bool held_out;
} group;

/* FNV-1a with a final mix (splitmix64). */
static uint64_t hash_of(const char *text, uint64_t seed)
{
    uint64_t h = 0xcbf29ce484222325u ^ seed * 0x9e3779b97f4a7c15u;
    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 0x100000001b3u;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

static int by_name(const void *a, const void *b)
{
    const group *x = a, *y = b;
    int c = strcmp(x->name, y->name);
    return c ? c : x->first < y->first ? -1 : 1;
}

static int by_label(const void *a, const void *b)
{
    const group *x = a, *y = b;
    int c = strcmp(x->label, y->label);
    if (!c && x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return c ? c : strcmp(x->name, y->name);
}

/* Groups of the label at `at`. */
static size_t run_of(const group *g, size_t n, size_t at)
{
    size_t k = 1;
    while (at + k < n && !strcmp(g[at].label, g[at + k].label))
        k++;
    return k;
}

/* A label of few groups; without one a group is like all others. */
static bool is_rare(const group *g, size_t n)
{
    return n < VMG_SPLIT_RARE && *g->label;
}

/* Forget the labels when most are rare. */
static void pool_rare(group *g, size_t n)
{
    size_t rare = 0;
    for (size_t i = 0, k; i < n; i += k) {
        k = run_of(g, n, i);
        rare += is_rare(&g[i], k) ? k : 0;
    }
    if (10 * rare <= 9 * n)
        return;
    for (size_t i = 0; i < n; i++)
        g[i].label = "";
    qsort(g, n, sizeof *g, by_label);
}

/* Every 1/fraction-th group, counted on across the labels. */
static void choose(group *g, size_t n, double fraction)
{
    double due = 0.5;
    for (size_t i = 0, k; i < n; i += k) {
        k = run_of(g, n, i);
        for (size_t j = i; !is_rare(&g[i], k) && j < i + k; j++) {
            due += fraction;
            g[j].held_out = due >= 1;
            due -= g[j].held_out;
        }
    }
}

int vmg_split(vmg_split_item *items, size_t n, double fraction, uint64_t seed)
{
    if (!(fraction >= 0 && fraction <= 0.9))
        return vmg_fail(VMG_E_ARG, "the held-out part is 0 to 0.9, not %g", fraction);
    group *g = vmg_calloc(n, sizeof *g);
    if (!g)
        return VMG_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        g[i] = (group){items[i].group, items[i].label ? items[i].label : "",
                       hash_of(items[i].group, seed), i, false};
    qsort(g, n, sizeof *g, by_name);
    size_t n_groups = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(g[i].name, g[n_groups - 1].name))
            g[n_groups++] = g[i];
    qsort(g, n_groups, sizeof *g, by_label);
    pool_rare(g, n_groups);
    choose(g, n_groups, fraction);
    qsort(g, n_groups, sizeof *g, by_name);
    for (size_t i = 0; i < n; i++) {
        size_t low = 0, high = n_groups;
        while (high - low > 1) {
            size_t mid = low + (high - low) / 2;
            if (strcmp(g[mid].name, items[i].group) <= 0)
                low = mid;
            else
                high = mid;
        }
        items[i].held_out = g[low].held_out;
    }
    free(g);
    return VMG_OK;
}
