/* Checks the training vectors of golden sets of kind "dit": one step's gradients, and updates by AdamW. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "models/train_step.h"
#include "src/format/weights_file.h"
#include "src/lib/golden.h"
#include "src/lib/selftest_train.h"

enum { MAX_SAMPLES = 64 };

/* The vectors of one batch as the trainer takes them. */
typedef struct vectors {
    const vmg_weights *w;
    vmg_selftest_report *report;
    double tolerance;
    int64_t n, T, D;
    int64_t lens[MAX_SAMPLES], ref_lens[MAX_SAMPLES], to_text[MAX_SAMPLES], timesteps[MAX_SAMPLES];
    float *latents, *noise, *context, *ref, *mask;
    float *noisy, *target, *pred; /* ours, (n, T, D) */
    vmg_train_sample samples[MAX_SAMPLES];
    vmg_train_text texts[MAX_SAMPLES];
    vmg_train_batch batch;
} vectors;

static void free_vectors(vectors *v)
{
    float *all[] = {v->latents, v->noise, v->context, v->ref, v->mask, v->noisy, v->target, v->pred};
    for (size_t i = 0; i < VMG_COUNT(all); i++)
        free(all[i]);
}

static int read_counts(vectors *v)
{
    const struct { const char *name; int64_t *to; int64_t least, most; } counts[] = {
        {"lens", v->lens, 1, v->T}, {"ref_lens", v->ref_lens, 0, v->T}, {"attend_to_text", v->to_text, 0, 1},
        {"timestep_ids", v->timesteps, 0, 999}};
    for (size_t i = 0; i < VMG_COUNT(counts); i++) {
        int rc = vmg_golden_ints(v->w, counts[i].name, v->n, counts[i].to);
        for (int64_t k = 0; rc == VMG_OK && k < v->n; k++)
            if (counts[i].to[k] < counts[i].least || counts[i].to[k] > counts[i].most)
                rc = vmg_fail(VMG_E_FORMAT, "%s: %s holds %lld", v->w->path, counts[i].name, (long long)counts[i].to[k]);
        if (rc != VMG_OK)
            return rc;
    }
    return VMG_OK;
}

static void make_batch(vectors *v, int64_t n_context, int64_t context_dim, int64_t ref_dim)
{
    for (int64_t i = 0; i < v->n; i++) {
        const float *rows = v->context + i * n_context * context_dim;
        int64_t real = vmg_golden_real_rows(rows, n_context, context_dim), at = i * v->T * v->D;
        v->texts[i] = (vmg_train_text){.rows = rows, .n_rows = real, .n_padding = n_context - real};
        v->samples[i] = (vmg_train_sample){.attend_to_text = v->to_text[i] != 0, .n_frames = v->lens[i],
                                           .latents = v->latents + at, .noise = v->noise + at, .timestep = v->timesteps[i],
                                           .text = i, .ref = v->ref + i * v->T * ref_dim,
                                           .n_ref_rows = VMG_MAX(v->lens[i], v->ref_lens[i]), .n_ref_frames = v->ref_lens[i],
                                           .feature_mask = v->mask + i * v->D, .noisy = v->noisy + at,
                                           .target = v->target + at, .pred = v->pred + at};
    }
    v->batch = (vmg_train_batch){.samples = v->samples, .n_samples = v->n, .texts = v->texts, .n_texts = v->n};
}

static int read_vectors(vectors *v)
{
    const vmg_weight *latents, *noise, *context, *ref, *mask;
    if (!(v->latents = vmg_golden_f32(v->w, "latents", 3, &latents)) || !(v->noise = vmg_golden_f32(v->w, "noise", 3, &noise)) ||
        !(v->context = vmg_golden_f32(v->w, "context", 3, &context)) || !(v->ref = vmg_golden_f32(v->w, "ref_motion", 3, &ref)) ||
        !(v->mask = vmg_golden_f32(v->w, "motion_dim_mask", 2, &mask)))
        return VMG_E_FORMAT;
    v->n = latents->dim[0];
    v->T = latents->dim[1];
    v->D = latents->dim[2];
    if (v->n < 1 || v->n > MAX_SAMPLES || noise->n != latents->n || context->dim[0] != v->n || ref->dim[0] != v->n ||
        ref->dim[1] != v->T || mask->n != v->n * v->D)
        return vmg_fail(VMG_E_FORMAT, "%s: latents, noise, context, ref_motion and motion_dim_mask do not fit together",
                        v->w->path);
    int rc = read_counts(v);
    v->noisy = vmg_calloc((size_t)latents->n, sizeof *v->noisy);
    v->target = vmg_calloc((size_t)latents->n, sizeof *v->target);
    v->pred = vmg_calloc((size_t)latents->n, sizeof *v->pred);
    if (rc == VMG_OK && (!v->noisy || !v->target || !v->pred))
        rc = VMG_E_NOMEM;
    if (rc == VMG_OK)
        make_batch(v, context->dim[1], context->dim[2], ref->dim[2]);
    return rc;
}

/* ---- comparing ---- */

/* Ours (n,T,D) against the vectors', each sample's frames only. */
static void compare_frames(const vectors *v, const char *name, const float *ours)
{
    const vmg_weight *golden;
    float *want = vmg_golden_f32(v->w, name, 3, &golden);
    if (!want || golden->n != v->n * v->T * v->D) {
        vmg_selftest_failed(v->report, "train: %s: %s", name, want ? "wrong shape" : vmg_error_message());
    } else {
        char label[64];
        for (int64_t i = 0; i < v->n; i++) /* ours is zero there */
            memset(want + (i * v->T + v->lens[i]) * v->D, 0, (size_t)((v->T - v->lens[i]) * v->D) * sizeof *want);
        snprintf(label, sizeof label, "train: %s", name);
        vmg_selftest_compare(v->report, label, ours, want, (size_t)golden->n, false, v->tolerance);
    }
    free(want);
}

static void compare_number(const vectors *v, const char *label, const char *name, int64_t i, double ours)
{
    const vmg_weight *golden;
    float *want = vmg_golden_f32(v->w, name, 1, &golden), got = (float)ours;
    if (want && i < golden->n)
        vmg_selftest_compare(v->report, label, &got, &want[i], 1, false, v->tolerance);
    else
        vmg_selftest_failed(v->report, "%s: %s", label, want ? "too few values" : vmg_error_message());
    free(want);
}

/* Every parameter's tensor against "<prefix><name>"; one that the vectors lack must be zero if `absent_is_zero`. */
static void compare_params(const vectors *v, vmg_train *t, enum vmg_train_part part, const char *prefix, bool absent_is_zero)
{
    for (size_t i = 0; i < vmg_train_n_params(t); i++) {
        vmg_train_param p = vmg_train_get_param(t, i);
        char name[128], label[160];
        snprintf(name, sizeof name, "%s%s", prefix, p.name);
        snprintf(label, sizeof label, "train: %s", name);
        const vmg_weight *golden = vmg_weights_find(v->w, name);
        int64_t n = vmg_tensor_count(p.part[part]);
        float *want = golden ? vmg_golden_f32(v->w, name, golden->rank, NULL)
                             : absent_is_zero ? vmg_calloc((size_t)n, sizeof *want) : NULL;
        float *got = vmg_golden_download(vmg_train_context(t), p.part[part]);
        if (!want || !got || (golden && golden->n != n))
            vmg_selftest_failed(v->report, "%s: %s", label, golden ? "wrong shape" : "absent from the vectors");
        else
            vmg_selftest_compare(v->report, label, got, want, (size_t)n, false, v->tolerance);
        free(want);
        free(got);
    }
}

/* ---- the checks ---- */

static int make_trainer(vmg_ctx *ctx, const vmg_dit_config *config, const vmg_weights *weights, bool keep, vmg_train **t)
{
    vmg_train_options o = vmg_train_defaults();
    o.keep_activations = keep;
    int rc = vmg_train_create(ctx, config, NULL, &o, t);
    return rc == VMG_OK ? vmg_train_load(*t, weights, NULL) : rc;
}

static int check_step(vectors *v, vmg_train *t)
{
    vmg_train_result result;
    double norm;
    int rc = vmg_train_step(t, &v->batch, &result);
    if (rc != VMG_OK)
        return rc;
    compare_frames(v, "noisy", v->noisy);
    compare_frames(v, "target", v->target);
    compare_frames(v, "pred", v->pred);
    compare_number(v, "train: loss", "loss", 0, result.loss);
    compare_params(v, t, VMG_TRAIN_GRAD, "grad.", true);
    rc = vmg_train_update(t, 0, &norm);
    if (rc == VMG_OK)
        compare_number(v, "train: grad_norm", "grad_norm", 0, norm);
    return rc;
}

static int check_updates(vectors *v, vmg_train *t, const vmg_weights *adamw)
{
    static const double learning_rate = 2e-4;
    static const char *const label[] = {"adamw: loss 1", "adamw: loss 2", "adamw: loss 3"};
    for (size_t i = 0; i < VMG_COUNT(label); i++) {
        vmg_train_result result;
        int rc = vmg_train_step(t, &v->batch, &result);
        if (rc == VMG_OK)
            rc = vmg_train_update(t, learning_rate, NULL);
        if (rc != VMG_OK)
            return rc;
        const vectors after = {.w = adamw, .report = v->report, .tolerance = v->tolerance};
        compare_number(&after, label[i], "losses", (int64_t)i, result.loss);
    }
    const vectors after = {.w = adamw, .report = v->report, .tolerance = v->tolerance};
    compare_params(&after, t, VMG_TRAIN_VALUE, "param.", false);
    return VMG_OK;
}

int vmg_selftest_train(const char *dir, const cJSON *manifest, vmg_selftest_report *report, vmg_ctx *ctx,
                       const vmg_dit_config *config, const vmg_weights *weights)
{
    const cJSON *train = cJSON_GetObjectItemCaseSensitive(manifest, "train");
    const cJSON *adamw = cJSON_GetObjectItemCaseSensitive(manifest, "adamw");
    vmg_weights *train_w = NULL, *adamw_w = NULL;
    vmg_train *t = NULL;
    vectors *v = vmg_calloc(1, sizeof *v);
    char *train_path = NULL, *adamw_path = NULL;
    double update_tolerance = 0;
    int rc = v ? VMG_OK : VMG_E_NOMEM;
    if (rc != VMG_OK || !train)
        goto out;
    v->report = report;
    train_path = vmg_golden_path(dir, train);
    rc = train_path && vmg_selftest_tolerance(manifest, "train_grad_f32", &v->tolerance) ? vmg_weights_open(train_path, &train_w)
                                                                                         : VMG_E_FORMAT;
    v->w = train_w;
    if (rc == VMG_OK)
        rc = read_vectors(v);
    for (int keep = 0; rc == VMG_OK && keep < 2; keep++) {
        rc = make_trainer(ctx, config, weights, keep, &t);
        if (rc == VMG_OK)
            rc = check_step(v, t);
        vmg_train_free(t);
        t = NULL;
    }
    if (rc != VMG_OK || !adamw)
        goto out;
    adamw_path = vmg_golden_path(dir, adamw);
    rc = adamw_path && vmg_selftest_tolerance(manifest, "adamw_f32", &update_tolerance)
             ? vmg_weights_open(adamw_path, &adamw_w) : VMG_E_FORMAT;
    v->tolerance = update_tolerance;
    if (rc == VMG_OK)
        rc = make_trainer(ctx, config, weights, false, &t);
    if (rc == VMG_OK)
        rc = check_updates(v, t, adamw_w);

out:
    vmg_train_free(t);
    vmg_weights_close(train_w);
    vmg_weights_close(adamw_w);
    if (v)
        free_vectors(v);
    free(v);
    free(train_path);
    free(adamw_path);
    return rc;
}
