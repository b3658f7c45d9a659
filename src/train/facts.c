/* The table of computed captions and what they state. */
#include "src/train/facts.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/data/caption_plan.h"

static const double most_deviations = 2.5;

/* One behaviour that a caption tells. */
typedef struct fact {
    int what;
    float value;
} fact;

typedef struct caption {
    char *text;
    size_t first; /* of its facts, up to the next caption's */
} caption;

struct vmg_stated {
    caption *caption;
    size_t n, cap;
    fact *fact;
    size_t n_facts, facts_cap;
    double mean[VMG_N_BEHAVIOURS], std[VMG_N_BEHAVIOURS];
};

/* What both sides do is told by the left one's name and is a fact of both: boxing is no punch with the left. */
static int add_fact(vmg_stated *s, const cJSON *behaviour)
{
    const cJSON *what = cJSON_GetObjectItemCaseSensitive(behaviour, "what");
    const int b = cJSON_IsString(what) ? vmg_behaviour_find(what->valuestring) : -1;
    if (b < 0)
        return VMG_OK;
    const bool both = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(behaviour, "both")) && vmg_behaviour_left_of(b) == b;
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(behaviour, vmg_behaviour_value((enum vmg_behaviour)b));
    for (int side = b; side <= b + both; side++) {
        fact *more = vmg_grown(s->fact, s->n_facts, &s->facts_cap, 4096, sizeof *more);
        if (!more)
            return VMG_E_NOMEM;
        s->fact = more;
        s->fact[s->n_facts++] = (fact){side, cJSON_IsNumber(value) ? (float)value->valuedouble : 0.0f};
    }
    return VMG_OK;
}

static int add_caption(vmg_stated *s, const vmg_caption *c)
{
    caption *more = vmg_grown(s->caption, s->n, &s->cap, 4096, sizeof *more);
    char *text = more ? vmg_strdup(c->text) : NULL;
    if (more)
        s->caption = more;
    if (!text)
        return VMG_E_NOMEM;
    s->caption[s->n++] = (caption){text, s->n_facts};
    cJSON *facts = cJSON_Parse(c->facts);
    const cJSON *b;
    int rc = VMG_OK;
    cJSON_ArrayForEach(b, cJSON_GetObjectItemCaseSensitive(facts, "behaviours"))
        rc = rc == VMG_OK ? add_fact(s, b) : rc;
    cJSON_Delete(facts);
    return rc;
}

static void measure(vmg_stated *s)
{
    double n[VMG_N_BEHAVIOURS] = {0}, squares[VMG_N_BEHAVIOURS] = {0};
    for (size_t i = 0; i < s->n_facts; i++) {
        n[s->fact[i].what]++;
        s->mean[s->fact[i].what] += s->fact[i].value;
    }
    for (int b = 0; b < VMG_N_BEHAVIOURS; b++)
        s->mean[b] /= fmax(n[b], 1);
    for (size_t i = 0; i < s->n_facts; i++)
        squares[s->fact[i].what] += pow(s->fact[i].value - s->mean[s->fact[i].what], 2);
    for (int b = 0; b < VMG_N_BEHAVIOURS; b++)
        s->std[b] = sqrt(squares[b] / fmax(n[b], 1));
}

int vmg_stated_read(const vmg_dataset *ds, const int64_t *trials, int64_t n, vmg_stated **out)
{
    vmg_stated *s = vmg_calloc(1, sizeof *s);
    int rc = s ? VMG_OK : VMG_E_NOMEM;
    *out = NULL;
    for (int64_t i = 0; rc == VMG_OK && i < n; i++) {
        vmg_sample one = {0};
        rc = vmg_dataset_read_captions(ds, trials[i], &one);
        for (int64_t k = 0; rc == VMG_OK && k < one.n_captions; k++)
            if (one.captions[k].facts)
                rc = add_caption(s, &one.captions[k]);
        vmg_sample_free(&one);
        rc = rc == VMG_E_FORMAT ? VMG_OK : rc;
    }
    if (rc == VMG_OK && !s->n)
        rc = vmg_fail(VMG_E_ARG, "the data set has no computed captions (vimogen data caption --kinematic), whose facts were to be learnt");
    if (rc != VMG_OK) {
        vmg_stated_free(s);
        return rc;
    }
    measure(s);
    *out = s;
    return VMG_OK;
}

void vmg_stated_free(vmg_stated *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        free(s->caption[i].text);
    free(s->caption);
    free(s->fact);
    free(s);
}

int64_t vmg_stated_count(const vmg_stated *s)
{
    return (int64_t)s->n;
}

const char *vmg_stated_get(const vmg_stated *s, int64_t i, float facts[VMG_N_FACTS])
{
    size_t end = (size_t)i + 1 < s->n ? s->caption[i + 1].first : s->n_facts;
    memset(facts, 0, VMG_N_FACTS * sizeof *facts);
    for (size_t k = s->caption[i].first; k < end; k++) {
        int b = s->fact[k].what;
        double off = s->std[b] > 0 ? (s->fact[k].value - s->mean[b]) / s->std[b] : 0;
        facts[2 * b] = 1;
        facts[2 * b + 1] = (float)fmin(fmax(off, -most_deviations), most_deviations);
    }
    return s->caption[i].text;
}
