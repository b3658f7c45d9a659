/* Checks golden sets of kind "dit": the network's forward pass with its taps, sampling, training. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "models/flow.h"
#include "models/sampler.h"
#include "src/format/weights_file.h"
#include "src/lib/golden.h"
#include "src/lib/model.h"
#include "src/lib/selftest.h"
#include "src/lib/selftest_train.h"

enum { MAX_SAMPLES = 64 };

/* What one set's checks share. */
typedef struct set {
    const char *dir;
    const cJSON *manifest;
    vmg_selftest_report *report;
    vmg_ctx *ctx;
    vmg_dit *dit;
    const char *weights_name;
    double tolerance; /* of the forward pass */
    bool trained;     /* once a set, whatever forms its weights come in */
} set;

/* ---- forward ---- */

/* The vectors of one forward file, and which golden sample each sample of our batch is. */
typedef struct forward {
    set *s;
    const vmg_weights *w;
    const char *label;
    int64_t n, T, L; /* samples, padded frames, padded context rows */
    int64_t lens[MAX_SAMPLES], ref_lens[MAX_SAMPLES], context_lens[MAX_SAMPLES], to_text[MAX_SAMPLES];
    int64_t golden_of[MAX_SAMPLES];
    float *x, *context, *ref;
    double t;
    bool plain; /* nothing merged, the reference encoded for every sample */
    const vmg_dit_batch *batch;
    const vmg_dit_text *text;
} forward;

static void free_forward(forward *f)
{
    free(f->x);
    free(f->context);
    free(f->ref);
}

static int read_forward(forward *f)
{
    const vmg_weight *x, *context, *ref;
    int rc;
    if (!(f->x = vmg_golden_f32(f->w, "x", 3, &x)) || !(f->context = vmg_golden_f32(f->w, "context", 3, &context)) ||
        !(f->ref = vmg_golden_f32(f->w, "ref_motion", 3, &ref)))
        return VMG_E_FORMAT;
    f->n = x->dim[0];
    f->T = x->dim[1];
    f->L = context->dim[1];
    if (f->n < 1 || f->n > MAX_SAMPLES || context->dim[0] != f->n || ref->dim[0] != f->n || ref->dim[1] != f->T)
        return vmg_fail(VMG_E_FORMAT, "%s: x, context and ref_motion do not fit together", f->w->path);
    const struct { const char *name; int64_t *to; int64_t most; } counts[] = {
        {"lens", f->lens, f->T}, {"ref_lens", f->ref_lens, f->T}, {"context_lens", f->context_lens, f->L},
        {"attend_to_text", f->to_text, 1}};
    for (size_t i = 0; i < VMG_COUNT(counts); i++) {
        if ((rc = vmg_golden_ints(f->w, counts[i].name, f->n, counts[i].to)) != VMG_OK)
            return rc;
        for (int64_t k = 0; k < f->n; k++)
            if (counts[i].to[k] < 0 || counts[i].to[k] > counts[i].most)
                return vmg_fail(VMG_E_FORMAT, "%s: %s holds %lld", f->w->path, counts[i].name, (long long)counts[i].to[k]);
    }
    float *time = vmg_golden_f32(f->w, "timestep", 1, NULL);
    if (!time)
        return VMG_E_FORMAT;
    f->t = time[0];
    free(time);
    return VMG_OK;
}

/* Compares rows [0, count(k)) of every sample that `uses` says; golden (n, rows, C), ours packed by row0. */
static void compare_rows(forward *f, const char *name, vmg_tensor ours, const int64_t *row0, const int64_t *count,
                         int64_t first, int64_t last)
{
    char label[160];
    const vmg_weight *golden;
    float *want = vmg_golden_f32(f->w, name, 3, &golden), *got = vmg_golden_download(f->s->ctx, ours);
    int64_t C = vmg_tensor_cols(ours), rows = 0;
    snprintf(label, sizeof label, "%s %s %s", f->s->weights_name, f->label, name);
    if (!want || !got || golden->dim[2] != C || golden->dim[0] != f->n) {
        vmg_selftest_failed(f->s->report, "%s: %s", label, want && got ? "wrong shape" : vmg_error_message());
    } else {
        float *a = vmg_calloc((size_t)golden->n, sizeof *a), *b = vmg_calloc((size_t)golden->n, sizeof *b);
        for (int64_t k = first; a && b && k < last; k++) {
            int64_t g = f->golden_of[k], n = VMG_MIN(count[g], golden->dim[1]);
            memcpy(a + rows * C, got + row0[k] * C, (size_t)(n * C) * sizeof *a);
            memcpy(b + rows * C, want + g * golden->dim[1] * C, (size_t)(n * C) * sizeof *b);
            rows += n;
        }
        vmg_selftest_compare(f->s->report, label, a, b, (size_t)(rows * C), false, f->s->tolerance);
        free(a);
        free(b);
    }
    free(want);
    free(got);
}

static void compare_vector(forward *f, const char *name, vmg_tensor ours)
{
    char label[160];
    float *want = vmg_golden_f32(f->w, name, 2, NULL), *got = vmg_golden_download(f->s->ctx, ours);
    snprintf(label, sizeof label, "%s %s %s", f->s->weights_name, f->label, name);
    if (want && got)
        vmg_selftest_compare(f->s->report, label, got, want, (size_t)vmg_tensor_cols(ours), false, f->s->tolerance);
    else
        vmg_selftest_failed(f->s->report, "%s: %s", label, vmg_error_message());
    free(want);
    free(got);
}

static void on_tap(void *user, const char *name, vmg_tensor t)
{
    forward *f = user;
    char full[96];
    snprintf(full, sizeof full, "tap.%s", name);
    if (!vmg_weights_find(f->w, full))
        return;
    if (!strncmp(name, "time_", 5)) {
        /* One row a sample in the plain pass, all equal; the vectors hold one. */
        compare_vector(f, full, vmg_tensor_reshape2(t, t.dim[0], vmg_tensor_count(t) / t.dim[0]));
    } else if (!strcmp(name, "text_embedding")) {
        /* Contexts are laid out in the golden order, every padding row kept in the plain pass. */
        int64_t row0[MAX_SAMPLES], count[MAX_SAMPLES], order[MAX_SAMPLES];
        memcpy(order, f->golden_of, sizeof order);
        int64_t pad = f->plain ? f->L : 0, at = 0;
        for (int64_t k = 0; k < f->n; k++) {
            f->golden_of[k] = k;
            row0[k] = at;
            count[k] = f->plain ? f->L : f->context_lens[k];
            at += pad ? pad : f->context_lens[k] + (f->context_lens[k] < f->L);
        }
        compare_rows(f, full, t, row0, count, 0, f->n);
        memcpy(f->golden_of, order, sizeof order);
    } else if (!strncmp(name, "ref_motion_encoder", 18)) {
        compare_rows(f, full, t, f->batch->ref_row0, f->ref_lens, f->plain ? 0 : f->batch->n_text, f->n);
    } else {
        compare_rows(f, full, t, f->batch->row0, f->lens, 0, f->n);
    }
}

/* Text samples first; rows of the reference as far as either length reaches. */
static void make_samples(forward *f, vmg_dit_sample *samples)
{
    int64_t k = 0;
    for (int text = 1; text >= 0; text--)
        for (int64_t i = 0; i < f->n; i++)
            if ((f->to_text[i] != 0) == text) {
                f->golden_of[k] = i;
                samples[k++] = (vmg_dit_sample){
                    .attend_to_text = text,
                    .n_frames = f->lens[i],
                    .context = i,
                    .n_ref_rows = text && !f->plain ? 0 : VMG_MAX(f->lens[i], f->ref_lens[i]),
                    .n_ref_frames = text ? 0 : f->ref_lens[i]};
            }
}

/* Packs rows [0, count) of golden (n, T, C) sample by sample. */
static vmg_tensor upload_packed(forward *f, vmg_arena *arena, const float *golden, int64_t C, const int64_t *row0)
{
    vmg_tensor t = vmg_arena_matrix(arena, VMG_F32, row0[f->n], C);
    float *host = vmg_calloc((size_t)(row0[f->n] * C), sizeof *host);
    for (int64_t k = 0; host && k < f->n; k++)
        memcpy(host + row0[k] * C, golden + f->golden_of[k] * f->T * C,
               (size_t)((row0[k + 1] - row0[k]) * C) * sizeof *host);
    if (host)
        vmg_upload(f->s->ctx, t, host);
    free(host);
    return t;
}

static int run_forward(forward *f)
{
    vmg_dit *dit = f->s->dit;
    vmg_ctx *ctx = f->s->ctx;
    vmg_arena arena = vmg_arena_make(ctx, 0);
    vmg_dit_taps taps = {on_tap, f};
    vmg_dit_context contexts[MAX_SAMPLES];
    vmg_dit_sample samples[MAX_SAMPLES];
    vmg_dit_text text;
    vmg_dit_batch batch = {0};
    const vmg_dit_config *c = &dit->config;
    for (int64_t i = 0; i < f->n; i++)
        contexts[i] = (vmg_dit_context){f->context + i * f->L * c->text_dim, f->context_lens[i], f->L - f->context_lens[i]};
    make_samples(f, samples);
    vmg_dit_text_make(dit, &arena, contexts, f->n, !f->plain, &taps, &text);
    vmg_dit_batch_make(dit, &arena, samples, f->n, &text, f->plain, &batch);
    if (!ctx->error) {
        f->batch = &batch;
        f->text = &text;
        vmg_tensor x = upload_packed(f, &arena, f->x, c->in_dim, batch.row0), ref = VMG_NONE;
        if (batch.ref_rows)
            ref = upload_packed(f, &arena, f->ref, c->ref_motion_dim, batch.ref_row0);
        vmg_tensor out = vmg_arena_matrix(&arena, VMG_F32, batch.rows, c->out_dim);
        double t[MAX_SAMPLES];
        int64_t n_t = vmg_tensor_given(batch.group) ? f->n : 1;
        for (int64_t i = 0; i < n_t; i++)
            t[i] = f->t;
        vmg_dit_forward(dit, &arena, &batch, &text, x, ref, t, n_t, out, &taps);
        compare_rows(f, "out", out, batch.row0, f->lens, 0, f->n);
    }
    int rc = vmg_ctx_finish(ctx);
    vmg_dit_batch_free(&batch);
    vmg_dit_text_free(&text);
    vmg_arena_free(&arena);
    return rc;
}

static int check_forward(set *s)
{
    forward f = {.s = s};
    vmg_weights *w = NULL;
    char *path = vmg_golden_path(s->dir, cJSON_GetObjectItemCaseSensitive(s->manifest, "forward"));
    int rc = path ? vmg_weights_open(path, &w) : VMG_E_FORMAT;
    f.w = w;
    if (rc == VMG_OK)
        rc = read_forward(&f);
    for (int plain = 0; rc == VMG_OK && plain < 2; plain++) {
        f.plain = plain;
        f.label = plain ? "forward, nothing reused:" : "forward:";
        rc = run_forward(&f);
    }
    free_forward(&f);
    vmg_weights_close(w);
    free(path);
    return rc;
}

/* ---- sampling ---- */

typedef struct sampling {
    float *noise, *context, *null_context, *ref, *latents, *smoothed, *sigmas, *cfg;
    const vmg_weight *noise_t, *context_t, *latents_t;
    int64_t steps, context_len;
} sampling;

static int read_sampling(const vmg_weights *w, sampling *v)
{
    int rc = vmg_golden_ints(w, "steps", 1, &v->steps);
    if (rc == VMG_OK)
        rc = vmg_golden_ints(w, "context_len", 1, &v->context_len);
    if (rc != VMG_OK)
        return rc;
    if (!(v->noise = vmg_golden_f32(w, "noise", 3, &v->noise_t)) ||
        !(v->context = vmg_golden_f32(w, "context", 3, &v->context_t)) ||
        !(v->null_context = vmg_golden_f32(w, "null_context", 3, NULL)) ||
        !(v->ref = vmg_golden_f32(w, "ref_motion", 3, NULL)) ||
        !(v->latents = vmg_golden_f32(w, "latents", 3, &v->latents_t)) ||
        !(v->smoothed = vmg_golden_f32(w, "smoothed", 3, NULL)) || !(v->cfg = vmg_golden_f32(w, "cfg_scale", 1, NULL)) ||
        !(v->sigmas = vmg_golden_f32(w, "sigmas", 1, NULL)))
        return VMG_E_FORMAT;
    if (v->noise_t->dim[0] != 1 || v->steps < 1 || v->steps > 100000 || v->context_len > v->context_t->dim[1])
        return vmg_fail(VMG_E_FORMAT, "%s: more than one sample, or no steps", w->path);
    return VMG_OK;
}

static void free_sampling(sampling *v)
{
    float *all[] = {v->noise, v->context, v->null_context, v->ref, v->latents, v->smoothed, v->sigmas, v->cfg};
    for (size_t i = 0; i < VMG_COUNT(all); i++)
        free(all[i]);
}

static int run_sampling(set *s, const sampling *v, bool motion, int reuse, const char *label, double tolerance)
{
    int64_t T = v->noise_t->dim[1], n = v->noise_t->n, L = v->context_t->dim[1], D = v->context_t->dim[2];
    int64_t null_rows = vmg_golden_real_rows(v->null_context, L, D);
    float *latents = vmg_calloc((size_t)n, sizeof *latents), *smoothed = vmg_calloc((size_t)n, sizeof *smoothed);
    const vmg_dit_context contexts[2] = {{v->context, v->context_len, L - v->context_len},
                                         {v->null_context, null_rows, L - null_rows}};
    vmg_sampler_item item = {.attend_to_text = !motion, .n_frames = T, .ref = v->ref, .n_ref_rows = T, .n_ref_frames = T,
                             .noise = v->noise, .latents = smoothed, .unsmoothed = latents};
    vmg_sampler_options o = vmg_sampler_defaults();
    o.steps = v->steps;
    o.guidance = v->cfg[0];
    o.reuse = reuse;
    int rc = latents && smoothed ? vmg_sampler_run(s->dit, &item, 1, contexts, 2, 1, &o) : VMG_E_NOMEM;
    if (rc == VMG_OK) {
        char name[160];
        snprintf(name, sizeof name, "%s %s latents", s->weights_name, label);
        vmg_selftest_compare(s->report, name, latents, v->latents, (size_t)n, false, tolerance);
        snprintf(name, sizeof name, "%s %s smoothed", s->weights_name, label);
        vmg_selftest_compare(s->report, name, smoothed, v->smoothed, (size_t)n, false, tolerance);
    }
    free(latents);
    free(smoothed);
    return rc;
}

static void check_schedule(set *s, const sampling *v, const char *label, double tolerance)
{
    char name[160];
    double *sigma = vmg_calloc((size_t)v->steps + 1, sizeof *sigma);
    float *rounded = vmg_calloc((size_t)v->steps, sizeof *rounded);
    if (sigma && rounded) {
        vmg_sampler_options o = vmg_sampler_defaults();
        vmg_flow_schedule(v->steps, o.shift, o.strength, sigma);
        for (int64_t k = 0; k < v->steps; k++)
            rounded[k] = (float)sigma[k];
        snprintf(name, sizeof name, "%s %s sigmas", s->weights_name, label);
        vmg_selftest_compare(s->report, name, rounded, v->sigmas, (size_t)v->steps, false, tolerance);
    }
    free(sigma);
    free(rounded);
}

static int check_sampling(set *s, const cJSON *file)
{
    vmg_weights *w = NULL;
    sampling v = {0};
    double tolerance;
    if (!vmg_selftest_tolerance(s->manifest, "sample_f32", &tolerance))
        return VMG_E_FORMAT;
    char *path = vmg_golden_path(s->dir, file);
    int rc = path ? vmg_weights_open(path, &w) : VMG_E_FORMAT;
    if (rc == VMG_OK)
        rc = read_sampling(w, &v);
    /* The layout tells the branch by the file's name alone. */
    bool motion = rc == VMG_OK && strstr(file->valuestring, "motion") != NULL;
    if (rc == VMG_OK) {
        const char *name = motion ? "sampling from motion:" : "sampling from text:";
        check_schedule(s, &v, name, tolerance);
        rc = run_sampling(s, &v, motion, VMG_REUSE_ALL, name, tolerance);
    }
    if (rc == VMG_OK)
        rc = run_sampling(s, &v, motion, 0, motion ? "sampling from motion, nothing reused:"
                                                   : "sampling from text, nothing reused:", tolerance);
    free_sampling(&v);
    vmg_weights_close(w);
    free(path);
    return rc;
}

/* ---- a set ---- */

/* The type most of the file's values have. */
static vmg_dtype stored_dtype(const vmg_weights *w)
{
    const vmg_weight *largest = &w->tensors[0];
    for (size_t i = 1; i < w->n_tensors; i++)
        largest = w->tensors[i].n > largest->n ? &w->tensors[i] : largest;
    return largest->dtype;
}

static int check_weights(set *s, const vmg_dit_config *config, const cJSON *file, vmg_dtype dtype, vmg_dtype activations)
{
    vmg_weights *w = NULL;
    char *path = vmg_golden_path(s->dir, file);
    int rc = path ? vmg_weights_open(path, &w) : VMG_E_FORMAT;
    if (rc == VMG_OK && w->n_tensors == 0)
        rc = vmg_fail(VMG_E_FORMAT, "%s holds no tensor", path);
    vmg_dtype stored = rc == VMG_OK ? stored_dtype(w) : VMG_F32;
    if (rc == VMG_OK)
        rc = vmg_golden_forward_tolerance(s->manifest, activations == VMG_F32 ? stored : activations, dtype, &s->tolerance);
    s->dit = NULL;
    if (rc == VMG_OK)
        rc = vmg_dit_create(s->ctx, config, dtype, &s->dit);
    if (rc == VMG_OK)
        s->dit->activations = activations;
    if (rc == VMG_OK)
        rc = vmg_dit_load(s->dit, w, NULL);
    s->weights_name = rc == VMG_OK ? file->valuestring : "";
    if (rc == VMG_OK)
        rc = check_forward(s);
    const bool exact = stored == VMG_F32 && dtype == VMG_F32 && activations == VMG_F32;
    if (exact) {
        const cJSON *sample;
        cJSON_ArrayForEach(sample, cJSON_GetObjectItemCaseSensitive(s->manifest, "sample")) {
            if (rc == VMG_OK)
                rc = check_sampling(s, sample);
        }
    }
    if (rc == VMG_OK && exact && !s->trained) {
        rc = vmg_selftest_train(s->dir, s->manifest, s->report, s->ctx, config, w);
        s->trained = true;
    }
    vmg_dit_free(s->dit);
    vmg_weights_close(w);
    free(path);
    return rc;
}

int vmg_selftest_dit(const char *dir, const cJSON *manifest, vmg_selftest_report *report)
{
    set s = {.dir = dir, .manifest = manifest, .report = report};
    vmg_dit_config config;
    vmg_dtype dtype = VMG_F32, activations = VMG_F32;
    char *config_path = vmg_selftest_path(dir, manifest, "config");
    int rc = config_path ? vmg_dit_config_read(config_path, &config) : VMG_E_FORMAT;
    free(config_path);
    if (rc == VMG_OK && report->dtype)
        rc = vmg_dtype_parse(report->dtype, &dtype);
    if (rc == VMG_OK)
        rc = vmg_model_activations(report->activations, &activations);
    if (rc == VMG_OK)
        rc = vmg_ctx_open(&(vmg_ctx_options){.device = report->device}, &s.ctx);
    const cJSON *file;
    cJSON_ArrayForEach(file, cJSON_GetObjectItemCaseSensitive(manifest, "weights")) {
        if (rc == VMG_OK)
            rc = check_weights(&s, &config, file, dtype, activations);
    }
    vmg_ctx_close(s.ctx);
    return rc;
}
