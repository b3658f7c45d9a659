/*
 * bench/behaviour [-m MODEL] [--data DIR] [--seeds N] [--choosing | --taught N | --prompts FILE] [--steps N] [--cfg X] [--device D] [--json]
 *
 * Does the model obey? For every behaviour (src/data/criteria.h) eight prompts, N seeds each (16):
 * how often the motion does what was asked (JSON: also for each prompt). No two prompts of a behaviour share a seed, since the seed decides
 * much: of boxing, whichever prompt asked for it, one seed showed 6 punches and another 1 or 2. Behaviours share them, to be compared.
 * --taught asks with N captions in the words of src/data/wordings.def instead, as training has them: what fails there was not learnt, whatever fails only elsewhere was not understood.
 * --prompts asks with the lines of a file, "BEHAVIOUR: PROMPT", as many of each behaviour. With --data beside it the seconds of training data
 * behind it and how many real windows with such captions pass the same criterion, and the quality of the motions beside held-out real clips, how close samples come to
 * training clips, and whether the reference branch improves a noised clip. Prints a table, or JSON.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/behaviour_quality.h"
#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/cli/run.h"
#include "src/data/caption_words.h"
#include "src/data/criteria.h"
#include "src/data/prompts.h"
#include "src/lib/generate_texts.h"

enum { MAX_PROMPTS = 32, MAX_PROMPT = 256, BATCH = 16 };

typedef struct bench {
    const char *model_path, *data_path, *device, *prompts_path;
    int64_t seeds, steps, frames, taught;
    double cfg, cfg_from, cfg_to, shift, strength;
    const char *sampler;
    bool json, choosing, fuse, settle, smooth, steps_given, cfg_given, cfg_from_given, cfg_to_given, shift_given, strength_given, fuse_given,
        settle_given, smooth_given;
    vmg_model model;
    vmg_ctx *ctx;
    vmg_dataset *data;
    vmg_generate_options o;
    int n_prompts, first_prompt; /* of each criterion */
    char prompt[VMG_N_CRITERIA][MAX_PROMPTS][MAX_PROMPT];
    float *x; /* (criteria, prompts, seeds, frames, 276) */
    double value[VMG_N_CRITERIA][MAX_PROMPTS * 64], busy[VMG_N_CRITERIA][MAX_PROMPTS * 64],
        speed[VMG_N_CRITERIA][MAX_PROMPTS * 64];
    vmg_criterion_evidence evidence[VMG_N_CRITERIA];
    double rate[VMG_N_CRITERIA], mean[VMG_N_CRITERIA], prompt_rate[VMG_N_CRITERIA][MAX_PROMPTS];
    int64_t n_verbatim;
    bench_quality quality;
} bench;

static float *motion(const bench *b, int c, int64_t k)
{
    return b->x + (size_t)(c * b->n_prompts * b->seeds + k) * (size_t)b->frames * 276;
}

/* ---- asking ---- */

/* A caption of one behaviour alone, of a middling value of those that the criterion asks for. */
static int say(enum vmg_criterion c, vmg_dice *dice, char *out, size_t n)
{
    const vmg_criterion_info *info = vmg_criterion_get(c);
    double middling = c == VMG_MUST_STAND_STILL ? 0.02
                      : info->low > 0           ? VMG_MIN(1.5 * info->low, info->high)
                      : info->high < 1          ? 0.8 * info->high
                      : c == VMG_MUST_RUN       ? 2.6
                                                : 1.2;
    vmg_clause clause = {info->behaviour, c == VMG_MUST_BOX, 1, middling, 0, 80};
    vmg_buf text = {0};
    vmg_caption_say(&clause, 1, NULL, dice, &text);
    if (!text.failed)
        snprintf(out, n, "%s", text.data);
    int rc = text.failed ? VMG_E_NOMEM : VMG_OK;
    vmg_buf_free(&text);
    return rc;
}

/* The criterion whose name stands before the ": " of an entry, and the prompt after it; NULL when there is none. */
static const char *split_entry(const char *entry, int *c)
{
    for (*c = 0; *c < VMG_N_CRITERIA; ++*c) {
        const char *name = vmg_criterion_get((enum vmg_criterion)*c)->name;
        size_t n = strlen(name);
        if (!strncmp(entry, name, n) && !strncmp(entry + n, ": ", 2))
            return entry + n + 2;
    }
    return NULL;
}

/* Prompts from a list (src/data/prompts.h) of entries "walks forward: a person walks", as many of each behaviour. */
static int read_prompts(bench *b)
{
    int n[VMG_N_CRITERIA] = {0}, c;
    vmg_prompts *list;
    int rc = vmg_prompts_read(b->prompts_path, NULL, &list);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < vmg_prompts_count(list); i++) {
        const char *entry = vmg_prompts_text(list, i), *prompt = split_entry(entry, &c);
        if (!prompt || n[c] == MAX_PROMPTS || strlen(prompt) >= MAX_PROMPT)
            rc = vmg_fail(VMG_E_FORMAT, "%s: \"%s\" is not BEHAVIOUR: PROMPT of less than %d characters, or is one of more than %d", b->prompts_path,
                          entry, MAX_PROMPT, MAX_PROMPTS);
        else
            strcpy(b->prompt[c][n[c]++], prompt);
    }
    vmg_prompts_free(list);
    for (c = 0; !rc && c < VMG_N_CRITERIA; c++)
        if (n[c] != n[0] || !n[c])
            rc = vmg_fail(VMG_E_FORMAT, "%s has %d prompts of \"%s\" and %d of \"%s\"", b->prompts_path, n[c],
                          vmg_criterion_get((enum vmg_criterion)c)->name, n[0], vmg_criterion_get(0)->name);
    b->n_prompts = n[0];
    return rc;
}

static int ask(bench *b)
{
    int rc = VMG_OK;
    if (b->prompts_path)
        return read_prompts(b);
    for (int c = 0; c < VMG_N_CRITERIA; c++) {
        vmg_dice dice = vmg_dice_from(vmg_criterion_get((enum vmg_criterion)c)->name, 0);
        for (int p = 0; !rc && p < b->n_prompts; p++) {
            if (b->taught)
                rc = say((enum vmg_criterion)c, &dice, b->prompt[c][p], MAX_PROMPT);
            else
                vmg_criterion_prompt((enum vmg_criterion)c, b->first_prompt + p, b->prompt[c][p], MAX_PROMPT);
        }
    }
    return rc;
}

/* ---- making ---- */

static int generate(bench *b)
{
    int64_t n = VMG_N_CRITERIA * b->n_prompts * b->seeds;
    const char *texts[VMG_N_CRITERIA * MAX_PROMPTS];
    vmg_text_item *items = vmg_calloc((size_t)n, sizeof *items);
    b->x = vmg_calloc((size_t)(n * b->frames), 276 * sizeof *b->x);
    if (!items || !b->x) {
        free(items);
        return VMG_E_NOMEM;
    }
    for (int c = 0; c < VMG_N_CRITERIA; c++)
        for (int p = 0; p < b->n_prompts; p++) {
            int t = c * b->n_prompts + p;
            texts[t] = b->prompt[c][p];
            for (int64_t s = 0; s < b->seeds; s++) {
                int64_t k = p * b->seeds + s;
                items[c * b->n_prompts * b->seeds + k] =
                    (vmg_text_item){t, b->frames, (uint64_t)k, motion(b, c, k)};
            }
        }
    int rc = vmg_generate_texts(b->ctx, &b->model, texts, VMG_N_CRITERIA * b->n_prompts, items, n, BATCH, &b->o);
    free(items);
    return rc;
}

/* ---- judging ---- */

static int measure(bench *b)
{
    int rc = VMG_OK;
    for (int c = 0; c < VMG_N_CRITERIA; c++)
        for (int64_t k = 0; !rc && k < b->n_prompts * b->seeds; k++) {
            rc = vmg_criterion_measure((enum vmg_criterion)c, motion(b, c, k), b->frames, 20,
                                       &b->value[c][k]);
            if (!rc)
                rc = vmg_criterion_speeds(motion(b, c, k), b->frames, 20, &b->busy[c][k],
                                          &b->speed[c][k]);
        }
    return rc;
}

static void judge(bench *b)
{
    int64_t n = b->n_prompts * b->seeds;
    for (int c = 0; c < VMG_N_CRITERIA; c++) {
        int64_t passed[MAX_PROMPTS] = {0};
        b->rate[c] = b->mean[c] = 0;
        for (int64_t k = 0; k < n; k++) {
            vmg_criterion_context with = {b->speed[VMG_MUST_WALK_SLOWLY][k],
                                          b->speed[VMG_MUST_WALK_BRISKLY][k],
                                          b->speed[VMG_MUST_WALK_FORWARD][k], 1e9};
            for (int d = 0; d < VMG_N_CRITERIA; d++)
                if (d != VMG_MUST_STAND_STILL)
                    with.least_busy_mps = VMG_MIN(with.least_busy_mps, b->busy[d][k]);
            passed[k / b->seeds] += vmg_criterion_passes((enum vmg_criterion)c, b->value[c][k], &with);
            b->mean[c] += b->value[c][k] / (double)n;
        }
        for (int p = 0; p < b->n_prompts; p++) {
            b->prompt_rate[c][p] = (double)passed[p] / (double)b->seeds;
            b->rate[c] += b->prompt_rate[c][p] / b->n_prompts;
        }
    }
}

/* ---- prompts against captions ---- */

/* How many prompts stand in the training captions word for word. */
static int count_verbatim(bench *b)
{
    bool stands[VMG_N_CRITERIA][MAX_PROMPTS] = {{false}};
    int rc = VMG_OK;
    for (int64_t i = 0; !rc && i < vmg_dataset_count(b->data); i++) {
        vmg_sample s = {0};
        if (vmg_dataset_held_out(b->data, i))
            continue;
        rc = vmg_dataset_read_captions(b->data, i, &s);
        for (int64_t k = 0; !rc && k < s.n_captions; k++)
            for (int c = 0; c < VMG_N_CRITERIA; c++)
                for (int p = 0; p < b->n_prompts; p++)
                    stands[c][p] |= vmg_criterion_same_words(s.captions[k].text, b->prompt[c][p]);
        vmg_sample_free(&s);
        rc = rc == VMG_E_FORMAT ? VMG_OK : rc;
    }
    for (int c = 0; c < VMG_N_CRITERIA; c++)
        for (int p = 0; p < b->n_prompts; p++)
            b->n_verbatim += stands[c][p];
    return rc;
}

/* ---- telling ---- */

static void print_table(const bench *b)
{
    printf("| behaviour | obeyed | measured (mean) |%s\n|---|---|---|%s\n",
           b->data ? " training seconds | real windows that obey |" : "", b->data ? "---|---|" : "");
    for (int c = 0; c < VMG_N_CRITERIA; c++) {
        const vmg_criterion_evidence *e = &b->evidence[c];
        printf("| %s | %.0f%% | %.2f |", vmg_criterion_get((enum vmg_criterion)c)->name,
               100 * b->rate[c], b->mean[c]);
        if (b->data && e->n_windows)
            printf(" %.0f | %lld of %lld |", e->seconds, (long long)e->n_obeying,
                   (long long)e->n_windows);
        else if (b->data)
            printf(" %.0f | |", e->seconds);
        printf("\n");
    }
    printf("\n%lld seeds of %d prompts each", (long long)b->seeds, b->n_prompts);
    if (b->data)
        printf("; prompts that are training captions: %lld", (long long)b->n_verbatim);
    printf("\n");
    if (b->data)
        bench_quality_print(&b->quality);
}

static void print_json(const bench *b)
{
    printf("{\"seeds\": %lld, \"prompts_verbatim\": %lld, \"behaviours\": {", (long long)b->seeds,
           (long long)b->n_verbatim);
    for (int c = 0; c < VMG_N_CRITERIA; c++) {
        printf("%s\"%s\": {\"obeyed\": %.4f, \"mean\": %.4f, \"training_s\": %.1f, "
               "\"windows\": %lld, \"windows_obeying\": %lld, \"prompts\": {", c ? ", " : "",
               vmg_criterion_get((enum vmg_criterion)c)->name, b->rate[c], b->mean[c],
               b->evidence[c].seconds, (long long)b->evidence[c].n_windows,
               (long long)b->evidence[c].n_obeying);
        for (int p = 0; p < b->n_prompts; p++)
            printf("%s\"%s\": %.4f", p ? ", " : "", b->prompt[c][p],
                   b->prompt_rate[c][p]);
        printf("}}");
    }
    printf("}");
    if (b->data)
        bench_quality_print_json(&b->quality);
    printf("}\n");
}

/* As the model's file says, but for what the command line does. */
static int sampling(bench *b)
{
    vmg_model_sampling own;
    int rc = vmg_model_get_sampling(&b->model, &own);
    if (rc)
        return rc;
    b->o.sampler = own.sampler;
    b->o.fuse = own.fuse;
    b->o.settle = own.settle;
    if (b->steps_given)
        b->o.sampler.steps = b->steps;
    if (b->cfg_given)
        b->o.sampler.guidance = b->cfg;
    if (b->cfg_from_given)
        b->o.sampler.guidance_from = b->cfg_from;
    if (b->cfg_to_given)
        b->o.sampler.guidance_to = b->cfg_to;
    if (b->shift_given)
        b->o.sampler.shift = b->shift;
    if (b->strength_given)
        b->o.sampler.strength = b->strength;
    if (b->fuse_given)
        b->o.fuse = b->fuse;
    if (b->smooth_given)
        b->o.sampler.smooth = b->smooth;
    if (b->settle_given)
        b->o.settle = b->settle;
    return b->sampler ? vmg_sampler_parse(b->sampler, &b->o.sampler.kind) : VMG_OK;
}

static int run(bench *b)
{
    int rc = vmg_model_open(b->model_path, &b->model);
    if (!rc && b->data_path)
        rc = vmg_dataset_open(b->data_path, &b->data);
    if (!rc)
        rc = sampling(b);
    if (!rc)
        rc = vmg_model_weight_dtype(NULL, b->model.stored, &b->o.dtype);
    if (!rc)
        rc = vmg_cli_open_ctx(b->device, NULL, false, &b->ctx);
    if (!rc)
        rc = ask(b);
    if (!rc)
        rc = generate(b);
    if (!rc)
        rc = measure(b);
    if (rc)
        return rc;
    judge(b);
    if (b->data)
        rc = vmg_criterion_find_evidence(b->data, b->evidence);
    if (!rc && b->data)
        rc = count_verbatim(b);
    if (!rc && b->data)
        rc = bench_quality_measure(b->ctx, &b->model, &b->o, b->data, b->x,
                                   VMG_N_CRITERIA * b->n_prompts * b->seeds, b->frames, &b->quality);
    if (!rc)
        (b->json ? print_json : print_table)(b);
    return rc;
}

int main(int argc, char **argv)
{
    bench *b = vmg_calloc(1, sizeof *b);
    if (!b)
        return vmg_cli_fail(argv[0], VMG_E_NOMEM);
    *b = (bench){.seeds = 16, .frames = 80, .steps = 1};
    const vmg_opt opts[] = {
        {"model", 'm', VMG_OPT_STRING, &b->model_path, "MODEL", "model file (default: ours)", NULL},
        {"data", 0, VMG_OPT_STRING, &b->data_path, "DIR", "its data set, for quality and seconds",
         NULL},
        {"seeds", 0, VMG_OPT_INT, &b->seeds, "N", "seeds of each prompt, up to 64 (16)", NULL},
        {"choosing", 0, VMG_OPT_FLAG, &b->choosing, NULL,
         "use the prompts that are kept for choosing settings", NULL},
        {"taught", 0, VMG_OPT_INT, &b->taught, "N", "use N captions as training has them, up to 32", NULL},
        {"prompts", 0, VMG_OPT_STRING, &b->prompts_path, "FILE", "use the prompts of a file: lines of BEHAVIOUR: PROMPT", NULL},
        {"steps", 0, VMG_OPT_INT, &b->steps, "N", "sampling steps (default: the model's)",
         &b->steps_given},
        {"cfg", 0, VMG_OPT_DOUBLE, &b->cfg, "X", "guidance scale (default: the model's)", &b->cfg_given},
        {"cfg-from", 0, VMG_OPT_DOUBLE, &b->cfg_from, "S", "guide only from this noise level on ...",
         &b->cfg_from_given},
        {"cfg-to", 0, VMG_OPT_DOUBLE, &b->cfg_to, "S", "... down to this one", &b->cfg_to_given},
        {"sampler", 0, VMG_OPT_STRING, &b->sampler, "NAME", "euler, heun, dpm++2m", NULL},
        {"shift", 0, VMG_OPT_DOUBLE, &b->shift, "X", "schedule shift", &b->shift_given},
        {"strength", 0, VMG_OPT_DOUBLE, &b->strength, "X", "schedule strength",
         &b->strength_given},
        {"fuse", 0, VMG_OPT_FLAG, &b->fuse, NULL, "make positions and velocities agree",
         &b->fuse_given},
        {"smooth", 0, VMG_OPT_FLAG, &b->smooth, NULL, "smooth along time (default)",
         &b->smooth_given},
        {"settle", 0, VMG_OPT_FLAG, &b->settle, NULL, "stand on the floor, feet staying put",
         &b->settle_given},
        {"device", 0, VMG_OPT_STRING, &b->device, "D", "OpenCL device", NULL},
        {"json", 0, VMG_OPT_FLAG, &b->json, NULL, "print one JSON object", NULL},
    };
    int n_args, rc = vmg_opt_parse(argc, argv, "[OPTION...]", opts, VMG_COUNT(opts), &n_args);
    if (!rc && (b->seeds < 1 || b->seeds > 64 || b->steps < 1 || n_args))
        rc = vmg_cli_usage(argv[0], "--seeds is 1 to 64, --steps at least 1, and no names");
    if (!rc && (b->taught < 0 || b->taught > MAX_PROMPTS || !!b->taught + b->choosing + !!b->prompts_path > 1))
        rc = vmg_cli_usage(argv[0], "--taught is 1 to %d, and --taught, --choosing and --prompts exclude each other", MAX_PROMPTS);
    if (rc) {
        free(b);
        return rc < 0 ? VMG_EXIT_OK : rc;
    }
    b->n_prompts = b->taught ? (int)b->taught : b->choosing ? VMG_CRITERION_CHOOSING : VMG_CRITERION_JUDGING;
    b->first_prompt = b->choosing ? VMG_CRITERION_JUDGING : 0;
    rc = run(b);
    rc = rc ? vmg_cli_fail(argv[0], rc) : VMG_EXIT_OK;
    vmg_dataset_close(b->data);
    vmg_ctx_close(b->ctx);
    vmg_model_close(&b->model);
    free(b->x);
    free(b);
    return rc;
}
