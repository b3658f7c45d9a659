/* Sampling: from noise to motion latents with the DiT, guidance, and exact reuse between steps. */
#include "models/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "models/flow.h"

static const char *const kind_names[] = {"euler", "heun", "dpm++2m"};

int vmg_sampler_parse(const char *name, vmg_sampler_kind *out)
{
    for (size_t i = 0; i < VMG_COUNT(kind_names); i++)
        if (!strcmp(name, kind_names[i])) {
            *out = (vmg_sampler_kind)i;
            return VMG_OK;
        }
    return vmg_fail(VMG_E_ARG, "there is no sampler \"%s\"; there are euler, heun, dpm++2m", name);
}

const char *vmg_sampler_name(vmg_sampler_kind kind)
{
    return kind_names[kind];
}

vmg_sampler_options vmg_sampler_defaults(void)
{
    return (vmg_sampler_options){.kind = VMG_SAMPLER_EULER, .steps = 50, .shift = 5.0, .strength = 0.7, .guidance = 5.0,
                                 .guidance_from = 1.0, .guidance_to = 0.0, .smooth = true, .reuse = VMG_REUSE_ALL};
}

/*
 * Latents hold the text items first, then the motion items. A guided batch holds text items, the same again with
 * the null context, then motion items (twice when VMG_REUSE_GUIDANCE is off: the second copy is never read).
 */
typedef struct run {
    vmg_dit *dit;
    vmg_arena arena, step_arena;
    const vmg_sampler_options *o;
    const vmg_sampler_item *items;
    int64_t n, n_text;
    int64_t *order;  /* order[k]: item at place k of the latents */
    int64_t rows, text_rows;
    const vmg_dit_context *contexts;
    int64_t n_contexts, null_context;
    vmg_dit_text text;
    bool text_ready;
    struct prepared {
        vmg_dit_batch batch;
        vmg_tensor x, v, ref;
        bool ready;
    } plain, guided;
    vmg_tensor latents, velocity;
} run;

/* ---- preparing ---- */

static int order_items(run *r)
{
    r->order = vmg_calloc((size_t)r->n, sizeof *r->order);
    if (!r->order)
        return VMG_E_NOMEM;
    int64_t k = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < r->n; i++)
            if (r->items[i].attend_to_text == (pass == 0)) {
                r->order[k++] = i;
                r->rows += r->items[i].n_frames;
                r->n_text += pass == 0;
                r->text_rows += pass == 0 ? r->items[i].n_frames : 0;
            }
    return VMG_OK;
}

static bool has_ref(const run *r, const vmg_sampler_item *it)
{
    return it->n_ref_rows > 0 && (!it->attend_to_text || !(r->o->reuse & VMG_REUSE_BRANCH));
}

/* Appends the items at places [a, b) as samples. */
static int64_t add_samples(const run *r, vmg_dit_sample *samples, int64_t n, int64_t a, int64_t b, bool null_context)
{
    for (int64_t k = a; k < b; k++) {
        const vmg_sampler_item *it = &r->items[r->order[k]];
        samples[n++] = (vmg_dit_sample){.attend_to_text = it->attend_to_text,
                                        .n_frames = it->n_frames,
                                        .context = null_context ? r->null_context : it->context,
                                        .n_ref_rows = has_ref(r, it) ? it->n_ref_rows : 0,
                                        .n_ref_frames = it->attend_to_text ? 0 : it->n_ref_frames};
    }
    return n;
}

static void upload_reference(run *r, struct prepared *p, const int64_t *places, int64_t n)
{
    int64_t D = r->dit->config.ref_motion_dim;
    float *host = vmg_calloc((size_t)(p->batch.ref_rows * D), sizeof *host);
    if (!host) {
        vmg_ctx_fail(r->dit->ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return;
    }
    for (int64_t k = 0; k < n; k++) {
        const vmg_sampler_item *it = &r->items[places[k]];
        int64_t rows = p->batch.ref_row0[k + 1] - p->batch.ref_row0[k];
        if (rows)
            memcpy(host + p->batch.ref_row0[k] * D, it->ref, (size_t)(rows * D) * sizeof *host);
    }
    p->ref = vmg_arena_matrix(&r->arena, VMG_F32, p->batch.ref_rows, D);
    vmg_upload(r->dit->ctx, p->ref, host);
    free(host);
}

static void prepare(run *r, bool guided, struct prepared *p)
{
    vmg_ctx *ctx = r->dit->ctx;
    bool twice = guided && !(r->o->reuse & VMG_REUSE_GUIDANCE);
    vmg_dit_sample *samples = vmg_calloc((size_t)(2 * r->n), sizeof *samples);
    int64_t *places = vmg_calloc((size_t)(2 * r->n), sizeof *places);
    p->ready = true;
    if (!samples || !places) {
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
    } else {
        const struct { int64_t a, b; bool null; bool on; } runs[] = {
            {0, r->n_text, false, true}, {0, r->n_text, true, guided}, {r->n_text, r->n, false, true},
            {r->n_text, r->n, false, twice}};
        int64_t n = 0;
        for (size_t i = 0; i < VMG_COUNT(runs); i++)
            if (runs[i].on) {
                for (int64_t k = runs[i].a; k < runs[i].b; k++)
                    places[n + k - runs[i].a] = r->order[k];
                n = add_samples(r, samples, n, runs[i].a, runs[i].b, runs[i].null);
            }
        vmg_dit_batch_make(r->dit, &r->arena, samples, n, &r->text, !(r->o->reuse & VMG_REUSE_MODULATION), &p->batch);
        p->x = vmg_arena_matrix(&r->arena, VMG_F32, p->batch.rows, r->dit->config.in_dim);
        p->v = vmg_arena_matrix(&r->arena, VMG_F32, p->batch.rows, r->dit->config.out_dim);
        if (p->batch.ref_rows)
            upload_reference(r, p, places, n);
    }
    free(samples);
    free(places);
}

static void make_noise(run *r)
{
    vmg_ctx *ctx = r->dit->ctx;
    int64_t row = 0;
    for (int64_t k = 0; k < r->n; k++) {
        const vmg_sampler_item *it = &r->items[r->order[k]];
        vmg_tensor part = vmg_tensor_view_rows(r->latents, row, it->n_frames);
        if (it->noise)
            vmg_upload(ctx, part, it->noise);
        else
            vmg_op_normal(ctx, it->seed, 0, 0, part);
        row += it->n_frames;
    }
}

/* ---- one evaluation ---- */

static void copy_rows(vmg_ctx *ctx, vmg_tensor from, int64_t a, vmg_tensor to, int64_t b, int64_t n)
{
    if (n > 0)
        vmg_op_copy(ctx, vmg_tensor_view_rows(from, a, n), vmg_tensor_view_rows(to, b, n));
}

static bool guided_at(const run *r, double sigma)
{
    return r->n_text && r->o->guidance != 1.0 && sigma <= r->o->guidance_from && sigma >= r->o->guidance_to;
}

static void make_text(run *r)
{
    if (r->text_ready && (r->o->reuse & VMG_REUSE_TEXT))
        return;
    if (!r->text_ready) {
        vmg_dit_text_make(r->dit, &r->arena, r->contexts, r->n_contexts, r->o->reuse & VMG_REUSE_PADDING, NULL, &r->text);
    } else {
        /* Without reuse the same values are computed again, into the step's memory. */
        vmg_dit_text_free(&r->text);
        vmg_dit_text_make(r->dit, &r->step_arena, r->contexts, r->n_contexts, r->o->reuse & VMG_REUSE_PADDING, NULL,
                          &r->text);
    }
    r->text_ready = true;
}

/* velocity (rows, D) of latents x at σ, with guidance. */
static void evaluate(run *r, vmg_tensor x, double sigma, vmg_tensor velocity)
{
    vmg_ctx *ctx = r->dit->ctx;
    bool guided = guided_at(r, sigma);
    struct prepared *p = guided ? &r->guided : &r->plain;
    int64_t T = r->text_rows, M = r->rows - r->text_rows, motion_at = guided ? 2 * T : T;
    vmg_arena_reset_all(&r->step_arena);
    if (r->n_text)
        make_text(r);
    if (!p->ready)
        prepare(r, guided, p);
    if (ctx->error)
        return;
    copy_rows(ctx, x, 0, p->x, 0, T);
    if (guided)
        copy_rows(ctx, x, 0, p->x, T, T);
    for (int64_t at = motion_at; at < p->batch.rows; at += VMG_MAX(M, 1))
        copy_rows(ctx, x, T, p->x, at, M);
    int64_t n_t = vmg_tensor_given(p->batch.group) ? p->batch.n_samples : 1;
    double *t = vmg_calloc((size_t)n_t, sizeof *t);
    if (!t) {
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return;
    }
    for (int64_t i = 0; i < n_t; i++)
        t[i] = vmg_flow_timestep(sigma);
    vmg_dit_forward(r->dit, &r->step_arena, &p->batch, &r->text, p->x, p->ref, t, n_t, p->v, NULL);
    free(t);
    if (guided)
        vmg_op_combine(ctx, (float)r->o->guidance, vmg_tensor_view_rows(p->v, 0, T), (float)(1.0 - r->o->guidance),
                       vmg_tensor_view_rows(p->v, T, T), 0, VMG_NONE, vmg_tensor_view_rows(velocity, 0, T));
    else
        copy_rows(ctx, p->v, 0, velocity, 0, T);
    copy_rows(ctx, p->v, motion_at, velocity, T, M);
}

/* ---- steps ---- */

static void add_scaled(run *r, vmg_tensor x, double a, vmg_tensor v, vmg_tensor out)
{
    vmg_op_combine(r->dit->ctx, 1.0f, x, (float)a, v, 0, VMG_NONE, out);
}

static void step_euler(run *r, double s, double next)
{
    evaluate(r, r->latents, s, r->velocity);
    add_scaled(r, r->latents, next - s, r->velocity, r->latents);
}

/* Heun's method; the last step (to σ = 0) is Euler's, as the network is not defined at 0. */
static void step_heun(run *r, double s, double next, vmg_tensor guess, vmg_tensor second)
{
    if (next <= 0) {
        step_euler(r, s, next);
        return;
    }
    evaluate(r, r->latents, s, r->velocity);
    add_scaled(r, r->latents, next - s, r->velocity, guess);
    evaluate(r, guess, next, second);
    vmg_op_combine(r->dit->ctx, 1.0f, r->latents, (float)(0.5 * (next - s)), r->velocity, (float)(0.5 * (next - s)), second,
                   r->latents);
}

static double half_log_snr(double s)
{
    return log((1.0 - s) / s);
}

/*
 * DPM-Solver++(2M), eq. 15 of Lu et al. 2022 with alpha = 1-σ: x' = (σ'/σ)x - (1-σ')(e^-h - 1)D, where D extrapolates the
 * data predictions x0 = x - σv of this step and the last. The step to σ = 0 is x0 itself.
 */
static void step_dpmpp(run *r, double last, double s, double next, vmg_tensor x0, vmg_tensor x0_last)
{
    vmg_ctx *ctx = r->dit->ctx;
    evaluate(r, r->latents, s, r->velocity);
    add_scaled(r, r->latents, -s, r->velocity, x0);
    if (next <= 0) {
        copy_rows(ctx, x0, 0, r->latents, 0, r->rows);
        return;
    }
    double h = half_log_snr(next) - half_log_snr(s);
    double coefficient = -(1.0 - next) * expm1(-h), now = 1, before = 0;
    if (last > 0 && last < 1) {
        double ratio = (half_log_snr(s) - half_log_snr(last)) / h;
        now = 1.0 + 0.5 / ratio;
        before = -0.5 / ratio;
    }
    vmg_op_combine(ctx, (float)(next / s), r->latents, (float)(coefficient * now), x0, (float)(coefficient * before),
                   before != 0 ? x0_last : VMG_NONE, r->latents);
}

static int take_steps(run *r)
{
    vmg_ctx *ctx = r->dit->ctx;
    const vmg_sampler_options *o = r->o;
    int64_t D = r->dit->config.in_dim;
    double *sigma = vmg_calloc((size_t)o->steps + 1, sizeof *sigma);
    if (!sigma)
        return VMG_E_NOMEM;
    vmg_flow_schedule(o->steps, o->shift, o->strength, sigma);
    vmg_tensor a = VMG_NONE, b = VMG_NONE;
    if (o->kind != VMG_SAMPLER_EULER) {
        a = vmg_arena_matrix(&r->arena, VMG_F32, r->rows, D);
        b = vmg_arena_matrix(&r->arena, VMG_F32, r->rows, D);
    }
    int rc = vmg_ctx_status(ctx);
    for (int64_t k = 0; rc == VMG_OK && k < o->steps; k++) {
        if (o->kind == VMG_SAMPLER_EULER)
            step_euler(r, sigma[k], sigma[k + 1]);
        else if (o->kind == VMG_SAMPLER_HEUN)
            step_heun(r, sigma[k], sigma[k + 1], a, b);
        else
            step_dpmpp(r, k ? sigma[k - 1] : 0, sigma[k], sigma[k + 1], k % 2 ? b : a, k % 2 ? a : b);
        /* Waiting each step keeps Ctrl-C prompt and the progress true. */
        rc = vmg_ctx_finish(ctx);
        if (rc == VMG_OK && o->progress && !ctx->plan && !o->progress(o->progress_user, k + 1, o->steps))
            rc = vmg_fail(VMG_E_INTERRUPTED, "interrupted after %lld of %lld steps", (long long)k + 1, (long long)o->steps);
        if (ctx->plan && k >= 1)
            break; /* later steps allocate nothing new */
    }
    free(sigma);
    return rc;
}

static void download(run *r, vmg_tensor from, bool smoothed)
{
    int64_t row = 0;
    for (int64_t k = 0; k < r->n; k++) {
        const vmg_sampler_item *it = &r->items[r->order[k]];
        float *to = smoothed ? it->latents : it->unsmoothed;
        if (to)
            vmg_download(r->dit->ctx, vmg_tensor_view_rows(from, row, it->n_frames), to);
        row += it->n_frames;
    }
}

static int finish(run *r)
{
    vmg_ctx *ctx = r->dit->ctx;
    vmg_tensor result = r->latents;
    download(r, r->latents, false);
    if (r->o->smooth) {
        int32_t *starts = vmg_calloc((size_t)r->n + 1, sizeof *starts);
        if (!starts)
            return VMG_E_NOMEM;
        for (int64_t k = 0; k < r->n; k++)
            starts[k + 1] = starts[k] + (int32_t)r->items[r->order[k]].n_frames;
        vmg_tensor device = vmg_arena_vector(&r->arena, VMG_I32, r->n + 1);
        vmg_upload(ctx, device, starts);
        vmg_op_gaussian_time(ctx, r->latents, device, r->velocity);
        free(starts);
        result = r->velocity;
    }
    download(r, result, true);
    return vmg_ctx_finish(ctx);
}

static int check_items(const vmg_dit *dit, const vmg_sampler_item *items, int64_t n, int64_t n_contexts,
                       int64_t null_context, const vmg_sampler_options *o)
{
    if (n < 1 || o->steps < 1)
        return vmg_fail(VMG_E_ARG, "nothing to sample: %lld motions, %lld steps", (long long)n, (long long)o->steps);
    if (!(o->strength > 0 && o->strength <= 1) || !(o->shift > 0))
        return vmg_fail(VMG_E_ARG, "strength must be in (0, 1] and shift positive, not %g and %g", o->strength, o->shift);
    for (int64_t i = 0; i < n; i++) {
        if (items[i].n_frames < 1 || items[i].n_frames > dit->n_positions)
            return vmg_fail(VMG_E_ARG, "a motion of %lld frames: 1 to %lld are possible", (long long)items[i].n_frames,
                            (long long)dit->n_positions);
        if (items[i].attend_to_text && o->guidance != 1.0 && (null_context < 0 || null_context >= n_contexts))
            return vmg_fail(VMG_E_ARG, "guidance %g needs the null embedding", o->guidance);
        if (!items[i].attend_to_text && (!items[i].ref || !dit->config.ref_motion_dim))
            return vmg_fail(VMG_E_ARG, dit->config.ref_motion_dim ? "a motion item has no reference"
                                                                  : "this model takes no reference motion");
    }
    return VMG_OK;
}

static int begin(run *r)
{
    vmg_ctx *ctx = r->dit->ctx;
    int rc = order_items(r);
    if (rc != VMG_OK)
        return rc;
    r->arena = vmg_arena_make(ctx, 16 << 20);
    r->step_arena = vmg_arena_make(ctx, 32 << 20);
    r->latents = vmg_arena_matrix(&r->arena, VMG_F32, r->rows, r->dit->config.in_dim);
    r->velocity = vmg_arena_matrix(&r->arena, VMG_F32, r->rows, r->dit->config.in_dim);
    return vmg_ctx_status(ctx);
}

static void end(run *r)
{
    vmg_dit_batch_free(&r->plain.batch);
    vmg_dit_batch_free(&r->guided.batch);
    vmg_dit_text_free(&r->text);
    vmg_arena_free(&r->arena);
    vmg_arena_free(&r->step_arena);
    free(r->order);
}

int vmg_sampler_run(vmg_dit *dit, const vmg_sampler_item *items, int64_t n, const vmg_dit_context *contexts,
                    int64_t n_contexts, int64_t null_context, const vmg_sampler_options *options)
{
    run r = {.dit = dit, .o = options, .items = items, .n = n, .contexts = contexts, .n_contexts = n_contexts,
             .null_context = null_context};
    int rc = check_items(dit, items, n, n_contexts, null_context, options);
    if (rc == VMG_OK)
        rc = begin(&r);
    if (rc == VMG_OK) {
        make_noise(&r);
        rc = take_steps(&r);
    }
    if (rc == VMG_OK)
        rc = finish(&r);
    end(&r);
    return rc;
}

double vmg_sampler_step_flops(vmg_dit *dit, const vmg_sampler_item *items, int64_t n, const vmg_dit_context *contexts,
                              int64_t n_contexts, int64_t null_context, const vmg_sampler_options *options)
{
    run r = {.dit = dit, .o = options, .items = items, .n = n, .contexts = contexts, .n_contexts = n_contexts,
             .null_context = null_context};
    double flops = 0;
    if (check_items(dit, items, n, n_contexts, null_context, options) == VMG_OK && begin(&r) == VMG_OK) {
        bool guided = r.n_text && options->guidance != 1.0;
        struct prepared *p = guided ? &r.guided : &r.plain;
        if (r.n_text)
            make_text(&r);
        prepare(&r, guided, p);
        if (!dit->ctx->error)
            flops = vmg_dit_flops(dit, &p->batch, &r.text);
    }
    end(&r);
    return flops;
}
