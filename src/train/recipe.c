/* What a training run does. */
#include "src/train/recipe.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"

#define AT(member) offsetof(vmg_recipe, member)

const vmg_recipe_key vmg_recipe_keys[] = {
    {"steps", AT(steps), VMG_RECIPE_INT, 1, 1e9, "updates in all"},
    {"batch", AT(batch), VMG_RECIPE_INT, 1, 65536, "samples per update, of all processes together"},
    {"seed", AT(seed), VMG_RECIPE_INT, 0, 9e15, "of weights and of everything drawn"},
    {"lr", AT(lr), VMG_RECIPE_REAL, 0, 10, "highest learning rate"},
    {"warmup", AT(warmup), VMG_RECIPE_INT, 0, 1e9, "updates until it is reached"},
    {"cosine", AT(cosine), VMG_RECIPE_FLAG, 0, 1, "then lower the rate by half a cosine (--no-cosine: keep it)"},
    {"final-lr", AT(final_lr), VMG_RECIPE_REAL, 0, 1, "where the cosine ends, as a part of --lr"},
    {"beta1", AT(beta1), VMG_RECIPE_REAL, 0, 0.999999, "AdamW's decay of the first moment"},
    {"beta2", AT(beta2), VMG_RECIPE_REAL, 0, 0.9999999, "... and of the second"},
    {"weight-decay", AT(weight_decay), VMG_RECIPE_REAL, 0, 10, "AdamW's weight decay"},
    {"clip", AT(clip), VMG_RECIPE_REAL, 0, 1e9, "clip gradients to this global norm (0: never)"},
    {"ema", AT(ema), VMG_RECIPE_REAL, 0, 0.9999999, "decay of the weights' average, which is what is exported"},
    {"p-null", AT(p_null), VMG_RECIPE_REAL, 0, 1, "text samples that see the empty text instead"},
    {"p-motion", AT(p_motion), VMG_RECIPE_REAL, 0, 1, "samples that follow their corrupted reference"},
    {"ref-noise", AT(ref_noise), VMG_RECIPE_REAL, 0, 10, "most noise on whole references, in standard deviations (0: only the published corruption)"},
    {"word-drop", AT(word_drop), VMG_RECIPE_REAL, 0, 1, "highest chance of a caption's words to be left out, so that unknown wordings matter less"},
    {"min-frames", AT(min_frames), VMG_RECIPE_INT, 2, 100000, "shortest sample"},
    {"max-frames", AT(max_frames), VMG_RECIPE_INT, 2, 100000, "longest sample"},
    {"widen", AT(widen), VMG_RECIPE_REAL, 0, 1, "windows that show more than their caption describes, of any length up to the longest"},
    {"kinematic", AT(kinematic), VMG_RECIPE_REAL, 0, 1, "samples with a caption computed from the motion, where there is one"},
    {"balance", AT(balance), VMG_RECIPE_REAL, 0, 1, "trials are drawn by frames^X: 0 = alike, 1 = by length"},
    {"rarity", AT(rarity), VMG_RECIPE_REAL, 0, 1, "draw kinematic captions by the rarity of what they show, to this power (0: by trial)"},
    {"emphasis", AT(emphasis), VMG_RECIPE_TEXT, 0, VMG_RECIPE_TEXT_BYTES - 1, "with --rarity, BEHAVIOUR=X,...: draw these so many times as often (names: vimogen data caption)"},
    {"bell", AT(bell), VMG_RECIPE_REAL, 0, 1, "power of the published weights of noise levels (1); 0: all weigh alike, the noisiest too"},
    {"noisy", AT(noisy), VMG_RECIPE_REAL, 0, 1, "text samples put at one of the noisiest fifth of noise levels, where words decide most (0)"},
    {"facts", AT(facts), VMG_RECIPE_INT, 0, 65536, "computed captions beside each batch, from which the text encoder learns to tell what is done (0)"},
    {"facts-weight", AT(facts_weight), VMG_RECIPE_REAL, 1e-6, 1e6, "weight of their loss"},
    {"vocab-size", AT(vocab_size), VMG_RECIPE_INT, 16, 1e6, "most pieces of a vocabulary made from the captions"},
    {"save-every", AT(save_every), VMG_RECIPE_INT, 1, 1e9, "updates between checkpoints"},
    {"evaluate-every", AT(evaluate_every), VMG_RECIPE_INT, 0, 1e9, "updates between losses on held-out trials (0: never)"},
    {"evaluate-batches", AT(evaluate_batches), VMG_RECIPE_INT, 1, 1e6, "batches of such a loss"},
    {NULL, 0, VMG_RECIPE_INT, 0, 0, NULL},
};

vmg_recipe vmg_recipe_defaults(void)
{
    return (vmg_recipe){.steps = 40000,
                        .batch = 32,
                        .lr = 2e-4,
                        .warmup = 100,
                        .final_lr = 0.02,
                        .beta1 = 0.9,
                        .beta2 = 0.95,
                        .weight_decay = 1e-4,
                        .clip = 0.1,
                        .ema = 0.9999,
                        .p_null = 0.5,
                        .p_motion = 0.2,
                        .min_frames = 40,
                        .max_frames = 200,
                        .kinematic = 0.5,
                        .balance = 0.5,
                        .bell = 1,
                        .facts_weight = 0.1,
                        .vocab_size = 1000,
                        .save_every = 500,
                        .evaluate_every = 500,
                        .evaluate_batches = 4};
}

static double get(const vmg_recipe *r, const vmg_recipe_key *k)
{
    const void *at = (const char *)r + k->offset;
    switch (k->kind) {
    case VMG_RECIPE_INT: return (double)*(const int64_t *)at;
    case VMG_RECIPE_REAL: return *(const double *)at;
    case VMG_RECIPE_TEXT: return (double)strlen(at);
    default: return *(const bool *)at;
    }
}

static void set(vmg_recipe *r, const vmg_recipe_key *k, double v)
{
    void *at = (char *)r + k->offset;
    if (k->kind == VMG_RECIPE_INT)
        *(int64_t *)at = (int64_t)v;
    else if (k->kind == VMG_RECIPE_REAL)
        *(double *)at = v;
    else
        *(bool *)at = v != 0;
}

bool vmg_recipe_set_text(vmg_recipe *r, const vmg_recipe_key *k, const char *text)
{
    size_t bytes = strlen(text) + 1;
    if (bytes <= VMG_RECIPE_TEXT_BYTES)
        memcpy((char *)r + k->offset, text, bytes);
    return bytes <= VMG_RECIPE_TEXT_BYTES;
}

static const vmg_recipe_key *find(const char *key)
{
    for (const vmg_recipe_key *k = vmg_recipe_keys; k->key; k++)
        if (!strcmp(k->key, key))
            return k;
    return NULL;
}

static int parse_value(const char *name, const cJSON *v, vmg_recipe *r)
{
    const vmg_recipe_key *k = find(v->string);
    if (!k)
        return vmg_fail(VMG_E_FORMAT, "%s: there is no training setting \"%s\"", name, v->string);
    if (k->kind == VMG_RECIPE_TEXT)
        return cJSON_IsString(v) && vmg_recipe_set_text(r, k, v->valuestring)
                   ? VMG_OK
                   : vmg_fail(VMG_E_FORMAT, "%s: training.%s must be a text of less than %d bytes", name, k->key,
                              VMG_RECIPE_TEXT_BYTES);
    bool flag = k->kind == VMG_RECIPE_FLAG;
    if (flag ? !cJSON_IsBool(v) : !cJSON_IsNumber(v))
        return vmg_fail(VMG_E_FORMAT, "%s: training.%s must be %s", name, k->key, flag ? "true or false" : "a number");
    double x = flag ? cJSON_IsTrue(v) : v->valuedouble;
    if (!(x >= k->least && x <= k->most) || (k->kind == VMG_RECIPE_INT && x != floor(x)))
        return vmg_fail(VMG_E_FORMAT, "%s: training.%s is %g, expected %s from %g to %g", name, k->key, x,
                        k->kind == VMG_RECIPE_INT ? "an integer" : "a number", k->least, k->most);
    set(r, k, x);
    return VMG_OK;
}

int vmg_recipe_parse(const char *name, const char *json, size_t size, vmg_recipe *r)
{
    cJSON *root = cJSON_ParseWithLength(json, size);
    if (!cJSON_IsObject(root)) {
        cJSON_Delete(root);
        return vmg_fail(VMG_E_FORMAT, "%s: not a JSON object", name);
    }
    const cJSON *training = cJSON_GetObjectItemCaseSensitive(root, "training"), *v;
    int rc = VMG_OK;
    if (training && !cJSON_IsObject(training))
        rc = vmg_fail(VMG_E_FORMAT, "%s: \"training\" must be an object", name);
    else
        cJSON_ArrayForEach(v, training)
        {
            rc = parse_value(name, v, r);
            if (rc != VMG_OK)
                break;
        }
    cJSON_Delete(root);
    return rc;
}

int vmg_recipe_check(const vmg_recipe *r)
{
    for (const vmg_recipe_key *k = vmg_recipe_keys; k->key; k++) {
        double x = get(r, k);
        if (!(x >= k->least && x <= k->most))
            return vmg_fail(VMG_E_ARG, "--%s %g: expected %g to %g", k->key, x, k->least, k->most);
    }
    if (r->min_frames > r->max_frames)
        return vmg_fail(VMG_E_ARG, "--min-frames %lld is above --max-frames %lld", (long long)r->min_frames,
                        (long long)r->max_frames);
    return VMG_OK;
}

char *vmg_recipe_json(const vmg_recipe *r)
{
    cJSON *o = cJSON_CreateObject();
    for (const vmg_recipe_key *k = vmg_recipe_keys; o && k->key; k++) {
        if (k->kind == VMG_RECIPE_FLAG)
            cJSON_AddBoolToObject(o, k->key, get(r, k) != 0);
        else if (k->kind == VMG_RECIPE_TEXT)
            cJSON_AddStringToObject(o, k->key, (const char *)r + k->offset);
        else
            cJSON_AddNumberToObject(o, k->key, get(r, k));
    }
    char *text = o ? cJSON_PrintUnformatted(o) : NULL, *out = text ? vmg_strdup(text) : NULL;
    cJSON_free(text);
    cJSON_Delete(o);
    return out;
}

double vmg_recipe_lr(const vmg_recipe *r, int64_t step)
{
    const double pi = 3.14159265358979323846;
    if (step < r->warmup)
        return r->lr * (double)step / (double)r->warmup;
    if (!r->cosine)
        return r->lr;
    double span = (double)VMG_MAX(r->steps - r->warmup, (int64_t)1);
    double part = fmin(1, (double)(step - r->warmup) / span);
    return r->lr * (r->final_lr + (1 - r->final_lr) * 0.5 * (1 + cos(pi * part)));
}

double vmg_recipe_ema(const vmg_recipe *r, int64_t step)
{
    return fmin(r->ema, (1.0 + (double)step) / (10.0 + (double)step));
}
