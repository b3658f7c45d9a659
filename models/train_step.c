/* One training step: a batch's rows, flow matching, forward, loss, backward. */
#include "models/train_step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "models/dit_saved.h"
#include "models/flow.h"
#include "models/t5_saved.h"
#include "models/train_impl.h"

/* Features from here on (translation, its velocity, ...) count three times (spec/model.md §4). */
enum { HEAVY_FEATURES = 258, HEAVY_WEIGHT = 3 };

/* ---- making a trainer ---- */

vmg_train_options vmg_train_defaults(void)
{
    return (vmg_train_options){.ema = true, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 1e-4,
                               .max_grad_norm = 0.1, .ema_decay = 0.9999, .shift = 5.0, .bell = 1.0, .n_timesteps = 1000};
}

static int make_schedule(vmg_train *t)
{
    const vmg_train_options *o = &t->options;
    t->sigma = vmg_calloc((size_t)o->n_timesteps + 1, sizeof *t->sigma);
    t->weight = vmg_calloc((size_t)o->n_timesteps, sizeof *t->weight);
    if (!t->sigma || !t->weight)
        return VMG_E_NOMEM;
    vmg_flow_schedule(o->n_timesteps, o->shift, 1.0, t->sigma);
    vmg_flow_training_weights(o->n_timesteps, o->shift, o->bell, t->weight);
    return VMG_OK;
}

/* Small tensors that every step uses. */
static int make_fixed(vmg_train *t)
{
    int64_t D = t->dit->config.out_dim;
    float *channel = vmg_calloc((size_t)D, sizeof *channel);
    if (!channel)
        return VMG_E_NOMEM;
    for (int64_t c = 0; c < D; c++)
        channel[c] = c < HEAVY_FEATURES ? 1.0f : HEAVY_WEIGHT;
    t->fixed = vmg_arena_make(t->ctx, 1 << 16);
    t->step = vmg_arena_make(t->ctx, 0);
    t->channel_weight = vmg_arena_vector(&t->fixed, VMG_F32, D);
    vmg_tensor *scalar[] = {&t->loss, &t->sum_squares, &t->clip};
    for (size_t i = 0; i < VMG_COUNT(scalar); i++)
        *scalar[i] = vmg_arena_vector(&t->fixed, VMG_F32, 1);
    vmg_upload(t->ctx, t->channel_weight, channel);
    free(channel);
    return vmg_ctx_status(t->ctx);
}

int vmg_train_create(vmg_ctx *ctx, const vmg_dit_config *dit, const vmg_t5_config *t5, const vmg_train_options *o,
                     vmg_train **out)
{
    *out = NULL;
    if (o->n_timesteps < 1 || !(o->shift > 0) || !(o->bell >= 0))
        return vmg_fail(VMG_E_ARG, "a training schedule of %lld steps with shift %g and bell %g", (long long)o->n_timesteps,
                        o->shift, o->bell);
    if (t5 && t5->dim != dit->text_dim)
        return vmg_fail(VMG_E_ARG, "the encoder's width is %lld, the network takes texts of width %lld", (long long)t5->dim,
                        (long long)dit->text_dim);
    vmg_train *t = vmg_calloc(1, sizeof *t);
    if (!t)
        return VMG_E_NOMEM;
    t->ctx = ctx;
    t->options = *o;
    int rc = make_schedule(t);
    if (rc == VMG_OK)
        rc = vmg_dit_create_trainable(ctx, dit, &t->dit);
    if (rc == VMG_OK)
        rc = vmg_trainable_init(&t->net[VMG_TRAIN_DIT], &t->dit->params, o->ema);
    if (rc == VMG_OK && t5)
        rc = vmg_t5_create_trainable(ctx, t5, &t->t5);
    if (rc == VMG_OK && t5)
        rc = vmg_trainable_init(&t->net[VMG_TRAIN_T5], &t->t5->params, o->ema);
    if (rc == VMG_OK)
        rc = vmg_train_facts_create(t);
    if (rc == VMG_OK)
        rc = vmg_train_index_params(t);
    if (rc == VMG_OK)
        rc = make_fixed(t);
    if (rc != VMG_OK) {
        vmg_train_free(t);
        return rc;
    }
    *out = t;
    return VMG_OK;
}

void vmg_train_free(vmg_train *t)
{
    if (!t)
        return;
    vmg_arena_free(&t->fixed);
    vmg_arena_free(&t->step);
    for (int net = 0; net < VMG_TRAIN_N_NETS; net++)
        vmg_trainable_free(&t->net[net]);
    vmg_dit_free(t->dit);
    vmg_t5_free(t->t5);
    vmg_params_free(&t->facts);
    free(t->places);
    free(t->sigma);
    free(t->weight);
    free(t);
}

vmg_dit *vmg_train_dit(vmg_train *t)
{
    return t->dit;
}

vmg_t5 *vmg_train_t5(vmg_train *t)
{
    return t->t5;
}

vmg_ctx *vmg_train_context(vmg_train *t)
{
    return t->ctx;
}

/* ---- a batch ---- */

static double sample_denominator(const vmg_train *t, const vmg_train_sample *s)
{
    int64_t D = t->dit->config.out_dim;
    double frames = s->frame_mask ? 0 : (double)s->n_frames, features = s->feature_mask ? 0 : (double)D;
    for (int64_t i = 0; s->frame_mask && i < s->n_frames; i++)
        frames += s->frame_mask[i];
    for (int64_t c = 0; s->feature_mask && c < D; c++)
        features += s->feature_mask[c];
    return frames * features;
}

double vmg_train_denominator(const vmg_train *t, const vmg_train_batch *b)
{
    double sum = 0;
    for (int64_t i = 0; i < b->n_samples; i++)
        sum += sample_denominator(t, &b->samples[i]);
    return sum;
}

static int check_batch(const vmg_train *t, const vmg_train_batch *b)
{
    for (int64_t i = 0; i < b->n_texts; i++) {
        const vmg_train_text *x = &b->texts[i];
        if (x->n_rows < 1 || x->n_padding < 0 || !(t->t5 ? x->ids != NULL : x->rows != NULL))
            return vmg_fail(VMG_E_ARG, "text %lld of the batch: %lld rows, %lld rows of padding, %s needed", (long long)i,
                            (long long)x->n_rows, (long long)x->n_padding, t->t5 ? "token ids are" : "embedding rows are");
    }
    for (int64_t i = 0; i < b->n_samples; i++) {
        const vmg_train_sample *s = &b->samples[i];
        if (!s->latents || s->timestep < 0 || s->timestep >= t->options.n_timesteps || (!s->attend_to_text && !s->ref))
            return vmg_fail(VMG_E_ARG, "sample %lld of the batch: timestep %lld of %lld, %s", (long long)i,
                            (long long)s->timestep, (long long)t->options.n_timesteps,
                            !s->latents ? "no latents" : "with or without reference");
    }
    return b->n_samples > 0 ? VMG_OK : vmg_fail(VMG_E_ARG, "the batch has no samples");
}

/* A step under way. */
typedef struct step {
    vmg_train *t;
    vmg_arena *arena;
    const vmg_train_batch *b;
    const vmg_train_sample **sample; /* text branch first */
    double denominator;
    vmg_dit_text text;
    vmg_dit_text_saved text_saved;
    vmg_dit_batch batch;
    vmg_dit_saved saved;
    vmg_t5_saved t5;
    vmg_tensor token_rows;           /* (tokens) i32: row of the contexts that each token's encoding becomes */
    vmg_tensor noisy, target, pred, ref, row_weight, mask, d_pred;
    double *timesteps;
} step;

int vmg_train_tokens_gather(const vmg_train_text *texts, int64_t n, vmg_train_tokens *k)
{
    *k = (vmg_train_tokens){0};
    for (int64_t i = 0; i < n; i++)
        k->n += texts[i].n_rows;
    k->ids = vmg_calloc((size_t)k->n, sizeof *k->ids);
    k->text = vmg_calloc((size_t)k->n, sizeof *k->text);
    k->lens = vmg_calloc((size_t)n, sizeof *k->lens);
    if (!k->ids || !k->text || !k->lens)
        return VMG_E_NOMEM;
    for (int64_t i = 0, at = 0; i < n; i++) {
        k->lens[i] = texts[i].n_rows;
        for (int64_t r = 0; r < k->lens[i]; r++, at++) {
            k->ids[at] = texts[i].ids[r];
            k->text[at] = (int32_t)i;
        }
    }
    return VMG_OK;
}

void vmg_train_tokens_free(vmg_train_tokens *k)
{
    free(k->ids);
    free(k->text);
    free(k->lens);
}

/* The texts' encodings into their places among the contexts' rows. */
static void encode_texts(step *s, vmg_tensor rows)
{
    const vmg_train_batch *b = s->b;
    vmg_ctx *ctx = s->t->ctx;
    vmg_train_tokens k;
    int rc = vmg_train_tokens_gather(b->texts, b->n_texts, &k);
    int32_t *place = rc == VMG_OK ? vmg_calloc((size_t)k.n, sizeof *place) : NULL;
    if (!place) {
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
    } else {
        for (int64_t i = 0, at = 0; i < b->n_texts; i++)
            for (int64_t r = 0; r < k.lens[i]; r++)
                place[at++] = (int32_t)(s->text.context[i].row0 + r);
        s->token_rows = vmg_arena_vector(s->arena, VMG_I32, k.n);
        vmg_upload(ctx, s->token_rows, place);
        vmg_t5_forward_saved(s->t->t5, s->arena, k.ids, k.lens, b->n_texts, &s->t5);
        vmg_op_scatter_rows(ctx, s->t5.out, s->token_rows, rows);
    }
    free(place);
    vmg_train_tokens_free(&k);
}

static void make_text(step *s)
{
    const vmg_train_batch *b = s->b;
    vmg_ctx *ctx = s->t->ctx;
    vmg_dit_context *contexts = vmg_calloc((size_t)b->n_texts, sizeof *contexts);
    vmg_tensor rows;
    if (!contexts) {
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return;
    }
    for (int64_t i = 0; i < b->n_texts; i++)
        contexts[i] = (vmg_dit_context){s->t->t5 ? NULL : b->texts[i].rows, b->texts[i].n_rows, b->texts[i].n_padding};
    vmg_dit_text_begin(s->t->dit, s->arena, contexts, b->n_texts, true, &s->text, &rows);
    if (!ctx->error && s->t->t5)
        encode_texts(s, rows);
    if (!ctx->error)
        vmg_dit_text_forward(s->t->dit, s->arena, rows, NULL, &s->text_saved, &s->text);
    free(contexts);
}

/* Text samples first, as the network wants them. */
static int order_samples(step *s)
{
    const vmg_train_batch *b = s->b;
    int64_t n = 0;
    s->sample = vmg_calloc((size_t)b->n_samples, sizeof *s->sample);
    s->timesteps = vmg_calloc((size_t)b->n_samples, sizeof *s->timesteps);
    if (!s->sample || !s->timesteps)
        return VMG_E_NOMEM;
    for (int text = 1; text >= 0; text--)
        for (int64_t i = 0; i < b->n_samples; i++)
            if (b->samples[i].attend_to_text == (text == 1))
                s->sample[n++] = &b->samples[i];
    for (int64_t i = 0; i < n; i++)
        s->timesteps[i] = vmg_flow_timestep(s->t->sigma[s->sample[i]->timestep]);
    return VMG_OK;
}

static void make_batch(step *s)
{
    int64_t n = s->b->n_samples;
    vmg_dit_sample *samples = vmg_calloc((size_t)n, sizeof *samples);
    if (!samples) {
        vmg_ctx_fail(s->t->ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        const vmg_train_sample *x = s->sample[i];
        samples[i] = (vmg_dit_sample){.attend_to_text = x->attend_to_text, .n_frames = x->n_frames, .context = x->text,
                                      .n_ref_rows = x->attend_to_text ? 0 : x->n_ref_rows,
                                      .n_ref_frames = x->attend_to_text ? 0 : x->n_ref_frames};
    }
    vmg_dit_batch_make(s->t->dit, s->arena, samples, n, &s->text, true, &s->batch);
    free(samples);
}

/* What one row matrix of the batch is filled with. */
enum source { LATENTS, NOISE, REFERENCE, FEATURE_MASKS };

static void fill_rows(const step *s, enum source what, int64_t i, int64_t C, float *to)
{
    const vmg_train_sample *x = s->sample[i];
    size_t row_bytes = (size_t)C * sizeof *to;
    if (what == LATENTS)
        memcpy(to, x->latents, (size_t)x->n_frames * row_bytes);
    else if (what == NOISE && x->noise)
        memcpy(to, x->noise, (size_t)x->n_frames * row_bytes);
    else if (what == REFERENCE && !x->attend_to_text)
        memcpy(to, x->ref, (size_t)x->n_ref_rows * row_bytes);
    else if (what == FEATURE_MASKS)
        for (int64_t r = 0; r < x->n_frames; r++)
            for (int64_t c = 0; c < C; c++)
                to[r * C + c] = x->feature_mask ? x->feature_mask[c] : 1.0f;
}

/* (rows, C) of all samples one after another. */
static vmg_tensor upload_rows(step *s, enum source what, int64_t rows, int64_t C, const int64_t *row0)
{
    vmg_ctx *ctx = s->t->ctx;
    vmg_tensor t = vmg_arena_matrix(s->arena, VMG_F32, rows, C);
    if (ctx->error || ctx->plan)
        return t;
    float *host = vmg_calloc((size_t)(rows * C), sizeof *host);
    if (!host)
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
    for (int64_t i = 0; host && i < s->b->n_samples; i++)
        fill_rows(s, what, i, C, host + row0[i] * C);
    if (host)
        vmg_upload(ctx, t, host);
    free(host);
    return t;
}

/* σ of every sample, as a gate (samples, C). */
static vmg_tensor upload_sigmas(step *s, int64_t C)
{
    int64_t n = s->b->n_samples;
    vmg_tensor t = vmg_arena_matrix(s->arena, VMG_F32, n, C);
    float *host = vmg_calloc((size_t)(n * C), sizeof *host);
    if (!host)
        vmg_ctx_fail(s->t->ctx, VMG_E_NOMEM, "%s", vmg_error_message());
    for (int64_t i = 0; host && i < n * C; i++)
        host[i] = (float)s->t->sigma[s->sample[i / C]->timestep];
    if (host)
        vmg_upload(s->t->ctx, t, host);
    free(host);
    return t;
}

/* target = noise - x0; noisy = x0 + σ·target, which is (1-σ)·x0 + σ·noise. */
static void add_noise(step *s)
{
    vmg_ctx *ctx = s->t->ctx;
    const vmg_dit_batch *batch = &s->batch;
    int64_t D = s->t->dit->config.in_dim;
    vmg_tensor clean = upload_rows(s, LATENTS, batch->rows, D, batch->row0);
    s->target = upload_rows(s, NOISE, batch->rows, D, batch->row0);
    for (int64_t i = 0; i < s->b->n_samples; i++)
        if (!s->sample[i]->noise)
            vmg_op_normal(ctx, s->sample[i]->noise_seed, 0, 0,
                          vmg_tensor_view_rows(s->target, batch->row0[i], s->sample[i]->n_frames));
    s->noisy = vmg_arena_matrix(s->arena, VMG_F32, batch->rows, D);
    vmg_op_combine(ctx, 1.0f, s->target, -1.0f, clean, 0, VMG_NONE, s->target);
    vmg_op_gate(ctx, clean, s->target, upload_sigmas(s, D), batch->group, s->noisy);
    if (batch->ref_rows)
        s->ref = upload_rows(s, REFERENCE, batch->ref_rows, s->t->dit->config.ref_motion_dim, batch->ref_row0);
}

/* Frame mask times the sample's weight; feature masks only where some sample has one. */
static void make_masks(step *s)
{
    const vmg_dit_batch *batch = &s->batch;
    int64_t D = s->t->dit->config.out_dim;
    bool masked = false;
    s->row_weight = vmg_arena_vector(s->arena, VMG_F32, batch->rows);
    float *host = vmg_calloc((size_t)batch->rows, sizeof *host);
    if (!host) {
        vmg_ctx_fail(s->t->ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return;
    }
    for (int64_t i = 0; i < s->b->n_samples; i++) {
        const vmg_train_sample *x = s->sample[i];
        masked |= x->feature_mask != NULL;
        for (int64_t r = 0; r < x->n_frames; r++)
            host[batch->row0[i] + r] = (float)s->t->weight[x->timestep] * (x->frame_mask ? x->frame_mask[r] : 1.0f);
    }
    vmg_upload(s->t->ctx, s->row_weight, host);
    free(host);
    if (masked)
        s->mask = upload_rows(s, FEATURE_MASKS, batch->rows, D, batch->row0);
}

/* ---- forward and backward ---- */

static void forward(step *s, bool gradients)
{
    vmg_train *t = s->t;
    int64_t D = t->dit->config.out_dim;
    s->pred = vmg_arena_matrix(s->arena, VMG_F32, s->batch.rows, D);
    s->saved.keep = t->options.keep_activations;
    if (gradients) {
        s->d_pred = vmg_arena_matrix(s->arena, VMG_F32, s->batch.rows, D);
        vmg_dit_forward_saved(t->dit, s->arena, &s->batch, &s->text, s->noisy, s->ref, s->timesteps, s->b->n_samples, s->pred,
                              &s->saved);
    } else {
        vmg_dit_forward(t->dit, s->arena, &s->batch, &s->text, s->noisy, s->ref, s->timesteps, s->b->n_samples, s->pred,
                        NULL);
    }
    vmg_op_mse(t->ctx, s->pred, s->target, s->row_weight, t->channel_weight, s->mask, s->denominator, t->loss, s->d_pred);
}

static void backward(step *s)
{
    vmg_train *t = s->t;
    vmg_tensor d_kv = VMG_NONE, d_rows = VMG_NONE;
    bool has_text = s->batch.text_rows > 0;
    if (has_text)
        d_kv = vmg_arena_matrix(s->arena, VMG_F32, t->dit->config.num_layers * s->text.rows, 2 * t->dit->config.dim);
    vmg_dit_backward(t->dit, s->arena, &s->batch, &s->text, &s->saved, s->d_pred, d_kv);
    if (!has_text || t->ctx->error)
        return;
    if (t->t5)
        d_rows = vmg_arena_matrix(s->arena, VMG_F32, s->text.rows, t->dit->config.text_dim);
    vmg_dit_text_backward(t->dit, s->arena, &s->text, &s->text_saved, d_kv, d_rows);
    if (t->t5) {
        vmg_tensor d = vmg_arena_matrix(s->arena, VMG_F32, vmg_tensor_count(s->token_rows), t->t5->config.dim);
        vmg_op_gather_rows(t->ctx, d_rows, s->token_rows, d);
        vmg_t5_backward(t->t5, s->arena, &s->t5, d);
    }
}

static double step_flops(const step *s)
{
    const vmg_train *t = s->t;
    const vmg_dit_config *c = &t->dit->config;
    double C = (double)c->dim, rows = (double)s->text.rows;
    double flops = vmg_dit_flops(t->dit, &s->batch, &s->text);
    flops += 2 * rows * C * ((double)c->text_dim + C + 2 * C * (double)c->num_layers);
    for (int64_t i = 0; t->t5 && i < s->b->n_texts; i++)
        flops += vmg_t5_flops(t->t5, &s->b->texts[i].n_rows, 1);
    return 3 * flops;
}

/* Copies that tests and plots want. */
static void hand_out(step *s)
{
    for (int64_t i = 0; i < s->b->n_samples; i++) {
        const vmg_train_sample *x = s->sample[i];
        const struct { vmg_tensor from; float *to; } copies[] = {{s->noisy, x->noisy}, {s->target, x->target}, {s->pred, x->pred}};
        for (size_t k = 0; k < VMG_COUNT(copies); k++)
            if (copies[k].to)
                vmg_download(s->t->ctx, vmg_tensor_view_rows(copies[k].from, s->batch.row0[i], x->n_frames), copies[k].to);
    }
}

static int run(step *s, bool gradients, vmg_train_result *result)
{
    vmg_ctx *ctx = s->t->ctx;
    float loss = 0;
    vmg_arena_reset_all(s->arena);
    int rc = order_samples(s);
    if (rc != VMG_OK)
        return rc;
    make_text(s);
    if (!ctx->error)
        make_batch(s);
    if (ctx->error)
        return vmg_ctx_status(ctx);
    add_noise(s);
    make_masks(s);
    forward(s, gradients);
    if (gradients)
        backward(s);
    vmg_download(ctx, s->t->loss, &loss);
    hand_out(s);
    rc = vmg_ctx_finish(ctx);
    *result = (vmg_train_result){.loss = loss, .flops = rc == VMG_OK ? step_flops(s) : 0, .arena_bytes = s->arena->peak_bytes};
    if (rc == VMG_OK && !isfinite(loss))
        rc = vmg_fail(VMG_E_FORMAT, "the loss is %g", (double)loss);
    return rc;
}

static int run_batch(vmg_train *t, const vmg_train_batch *b, bool gradients, vmg_train_result *result)
{
    step s = {.t = t, .arena = &t->step, .b = b, .denominator = b->denominator};
    bool allowed = t->ctx->allow_bf16;
    int rc = check_batch(t, b);
    if (rc == VMG_OK && !(s.denominator > 0))
        s.denominator = vmg_train_denominator(t, b);
    if (rc == VMG_OK) {
        vmg_matmul_allow_bf16(t->ctx, t->options.bf16);
        rc = run(&s, gradients, result);
        vmg_matmul_allow_bf16(t->ctx, allowed);
    }
    vmg_dit_saved_free(&s.saved);
    vmg_dit_batch_free(&s.batch);
    vmg_dit_text_free(&s.text);
    vmg_t5_saved_free(&s.t5);
    free(s.sample);
    free(s.timesteps);
    return rc;
}

int vmg_train_step(vmg_train *t, const vmg_train_batch *b, vmg_train_result *result)
{
    return run_batch(t, b, true, result);
}

int vmg_train_evaluate(vmg_train *t, const vmg_train_batch *b, vmg_train_result *result)
{
    return run_batch(t, b, false, result);
}
