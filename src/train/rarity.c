/* Drawing rare behaviours more often than they occur. */
#include "src/train/rarity.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/dict.h"
#include "host/base/mem.h"
#include "src/data/events.h"

static const char no_behaviour[] = "";
static const double speed_step = 0.4;

/* How many captions show each behaviour, and how much more than its rarity each counts. */
typedef struct census {
    vmg_dict counts; /* of int64_t */
    int64_t n;
    double factor[VMG_N_BEHAVIOURS];
} census;

static int read_emphasis(const char *text, double *factor)
{
    for (int b = 0; b < VMG_N_BEHAVIOURS; b++)
        factor[b] = 1;
    for (const char *at = text ? text : ""; *at;) {
        char name[64];
        double x = 0;
        int used = 0;
        if (sscanf(at, "%63[a-z_]=%lf%n", name, &x, &used) != 2 || !(x > 0) || !isfinite(x) || (at[used] && at[used] != ','))
            return vmg_fail(VMG_E_ARG, "emphasis \"%s\": expected BEHAVIOUR=FACTOR,... with factors above 0", text);
        int b = vmg_behaviour_find(name);
        if (b < 0)
            return vmg_fail(VMG_E_ARG, "emphasis: there is no behaviour \"%s\"", name);
        factor[b] = x;
        at += used + (at[used] == ',');
    }
    return VMG_OK;
}

static int64_t *count_of(census *c, const char *what)
{
    int64_t *count = vmg_dict_get(&c->counts, what);
    if (!count && (count = vmg_calloc(1, sizeof *count)) && !vmg_dict_set(&c->counts, what, count)) {
        free(count);
        count = NULL;
    }
    return count;
}

/* Calls `each` with every behaviour of a caption, or with none's name. */
static int visit(const vmg_caption *caption, int (*each)(void *user, const char *what, int behaviour), void *user)
{
    cJSON *facts = caption->facts ? cJSON_Parse(caption->facts) : NULL;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(facts, "behaviours"), *b;
    int rc = VMG_OK, n = 0;
    cJSON_ArrayForEach(b, list)
    {
        const cJSON *what = cJSON_GetObjectItemCaseSensitive(b, "what"), *speed = cJSON_GetObjectItemCaseSensitive(b, "speed_mps");
        char name[96];
        if (rc != VMG_OK || !cJSON_IsString(what))
            continue;
        double step = cJSON_IsNumber(speed) ? floor(speed->valuedouble / speed_step) : -1;
        snprintf(name, sizeof name, "%s %.0f", what->valuestring, step);
        rc = each(user, name, vmg_behaviour_find(what->valuestring));
        n++;
    }
    if (!n)
        rc = each(user, no_behaviour, -1);
    cJSON_Delete(facts);
    return rc;
}

static int take_census(void *user, const char *what, int behaviour)
{
    (void)behaviour;
    int64_t *count = count_of(user, what);
    if (!count)
        return VMG_E_NOMEM;
    ++*count;
    return VMG_OK;
}

typedef struct weighing {
    census *c;
    double weight, factor;
} weighing;

static int weigh(void *user, const char *what, int behaviour)
{
    weighing *w = user;
    const int64_t *count = vmg_dict_get(&w->c->counts, what);
    if (count)
        w->weight = fmax(w->weight, (double)w->c->n / (double)*count);
    if (behaviour >= 0)
        w->factor = fmax(w->factor, w->c->factor[behaviour]);
    return VMG_OK;
}

static int add(vmg_rarity *r, int64_t trial, int64_t caption, double weight)
{
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 1024;
        struct vmg_rarity_entry *entry = vmg_realloc(r->entry, cap, sizeof *entry);
        r->entry = entry ? entry : r->entry;
        double *cumulated = entry ? vmg_realloc(r->cumulated, cap, sizeof *cumulated) : NULL;
        if (!cumulated)
            return VMG_E_NOMEM;
        r->cumulated = cumulated;
        r->cap = cap;
    }
    r->entry[r->n].trial = trial;
    r->entry[r->n].caption = (int32_t)caption;
    r->cumulated[r->n] = weight + (r->n ? r->cumulated[r->n - 1] : 0);
    r->n++;
    return VMG_OK;
}

/* One pass over the captions: the first counts, the second weighs. */
static int pass(const vmg_dataset *ds, const int64_t *trials, int64_t n, census *c, double exponent, vmg_rarity *out)
{
    int rc = VMG_OK;
    for (int64_t i = 0; rc == VMG_OK && i < n; i++) {
        vmg_sample s = {0};
        rc = vmg_dataset_read_captions(ds, trials[i], &s);
        if (rc == VMG_E_FORMAT) {
            rc = VMG_OK;
            continue;
        }
        for (int64_t k = 0; rc == VMG_OK && k < s.n_captions; k++) {
            if (strcmp(s.captions[k].source, "kinematic"))
                continue;
            weighing w = {c, 0, 0};
            c->n += !out;
            rc = out ? visit(&s.captions[k], weigh, &w) : visit(&s.captions[k], take_census, c);
            if (rc == VMG_OK && out)
                rc = add(out, trials[i], k, (w.factor > 0 ? w.factor : 1) * pow(w.weight, exponent));
        }
        vmg_sample_free(&s);
    }
    return rc;
}

int vmg_rarity_read(const vmg_dataset *ds, const int64_t *trials, int64_t n, double exponent, const char *emphasis, vmg_rarity *out)
{
    census c = {0};
    *out = (vmg_rarity){0};
    int rc = read_emphasis(emphasis, c.factor);
    if (rc == VMG_OK)
        rc = pass(ds, trials, n, &c, exponent, NULL);
    if (rc == VMG_OK)
        rc = pass(ds, trials, n, &c, exponent, out);
    vmg_dict_free(&c.counts, free);
    if (rc != VMG_OK)
        vmg_rarity_free(out);
    return rc;
}

void vmg_rarity_free(vmg_rarity *r)
{
    free(r->entry);
    free(r->cumulated);
    *r = (vmg_rarity){0};
}

const struct vmg_rarity_entry *vmg_rarity_draw(const vmg_rarity *r, double u)
{
    size_t low = 0, high = r->n ? r->n - 1 : 0;
    if (!r->n)
        return NULL;
    double at = u * r->cumulated[r->n - 1];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (r->cumulated[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return &r->entry[low];
}
