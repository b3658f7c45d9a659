/*
 * bench_train [--config NAME|FILE] [--dtype f32|bf16] [--batch N] [--frames N] [--motion N] [--texts N] [--tokens N] [--steps N]
 *             [--recompute] [--no-encoder] [--device D] [--profile]
 *
 * Random parameters and batches through whole training steps (forward, backward, update), with a small text encoder trained beside.
 * Reports the median step, operations a second (3 × forward, nothing recomputed) against the best matmul rate of the network's shapes
 * and types measured in the same run, and memory. --profile adds time per kernel of one step (and slows it).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/ceilings.h"
#include "host/base/clock.h"
#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/profile.h"
#include "models/train_step.h"
#include "src/cli/cli.h"
#include "src/cli/run.h"

enum { MAX_STEPS = 64 };

typedef struct settings {
    const char *config, *dtype, *device;
    int64_t batch, frames, motion, texts, tokens, steps;
    bool recompute, no_encoder, profile;
} settings;

/* Processor time of all threads: what a step costs on a machine that is shared. */
static double processor_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static double best_rate(vmg_ctx *ctx, const vmg_dit_config *c, int64_t rows, vmg_dtype dtype)
{
    const int64_t shapes[][2] = {{3 * c->dim, c->dim}, {c->dim, c->dim}, {c->ffn_dim, c->dim}, {c->dim, c->ffn_dim}};
    double rate = 0;
    for (size_t i = 0; i < VMG_COUNT(shapes); i++)
        rate = fmax(rate, vmg_bench_linear_rate(ctx, rows, shapes[i][0], shapes[i][1], dtype));
    return rate;
}

/* ---- a batch ---- */

typedef struct data {
    float *latents, *rows;
    int32_t *ids;
    vmg_train_sample *samples;
    vmg_train_text *texts;
    vmg_train_batch batch;
} data;

static void free_data(data *d)
{
    free(d->latents);
    free(d->rows);
    free(d->ids);
    free(d->samples);
    free(d->texts);
}

static int make_data(const settings *s, const vmg_dit_config *c, data *d)
{
    d->latents = vmg_calloc((size_t)(s->frames * c->in_dim), sizeof *d->latents);
    d->rows = vmg_calloc((size_t)(s->tokens * c->text_dim), sizeof *d->rows);
    d->ids = vmg_calloc((size_t)s->tokens, sizeof *d->ids);
    d->samples = vmg_calloc((size_t)s->batch, sizeof *d->samples);
    d->texts = vmg_calloc((size_t)s->texts, sizeof *d->texts);
    if (!d->latents || !d->rows || !d->ids || !d->samples || !d->texts)
        return VMG_E_NOMEM;
    vmg_random_normal(1, 0, 0, s->frames * c->in_dim, d->latents);
    vmg_random_normal(2, 0, 0, s->tokens * c->text_dim, d->rows);
    for (int64_t i = 0; i < s->tokens; i++)
        d->ids[i] = (int32_t)(2 + 37 * i % 900);
    for (int64_t i = 0; i < s->texts; i++)
        d->texts[i] = (vmg_train_text){.ids = d->ids, .rows = d->rows, .n_rows = s->tokens,
                                       .n_padding = vmg_dit_padding(c, s->tokens, s->tokens)};
    for (int64_t i = 0; i < s->batch; i++)
        d->samples[i] = (vmg_train_sample){.attend_to_text = i >= s->motion, .n_frames = s->frames, .latents = d->latents,
                                           .noise_seed = (uint64_t)i, .timestep = 31 * i % 1000, .text = i % s->texts,
                                           .ref = d->latents, .n_ref_rows = s->frames, .n_ref_frames = s->frames};
    d->batch = (vmg_train_batch){.samples = d->samples, .n_samples = s->batch, .texts = d->texts, .n_texts = s->texts};
    return VMG_OK;
}

/* ---- steps ---- */

static void print_profile(vmg_ctx *ctx, int64_t n_steps)
{
    vmg_profile_row *rows;
    size_t n;
    double sum = 0;
    if (vmg_profile_rows(ctx, &rows, &n) != VMG_OK)
        return;
    for (size_t i = 0; i < n; i++)
        sum += rows[i].seconds / (double)n_steps;
    printf("%-36s %6s %9s %6s %9s %8s   (one step; kernels together %.1f ms)\n", "kernel", "calls", "ms", "share", "GFLOP/s",
           "GB/s", 1e3 * sum);
    for (size_t i = 0; i < n; i++) {
        double seconds = rows[i].seconds / (double)n_steps;
        if (seconds > 0.002 * sum)
            printf("%-36s %6lld %9.2f %5.1f%% %9.1f %8.1f\n", rows[i].name, (long long)(rows[i].n_calls / n_steps),
                   1e3 * seconds, 100 * seconds / sum, 1e-9 * rows[i].flops / rows[i].seconds,
                   1e-9 * rows[i].bytes / rows[i].seconds);
    }
    free(rows);
}

static int time_steps(vmg_train *t, const data *d, const settings *s, double rate)
{
    vmg_ctx *ctx = vmg_train_context(t);
    double whole[MAX_STEPS], update[MAX_STEPS], processor = 0;
    vmg_train_result r = {0};
    int rc = VMG_OK;
    int64_t n = VMG_MIN(s->steps, MAX_STEPS);
    for (int64_t i = -2; rc == VMG_OK && i < n; i++) { /* two to warm up */
        if (ctx->profile && i == 0)
            vmg_profile_reset(ctx);
        if (i == 0)
            processor = processor_s();
        double begun = vmg_now_s(), middle;
        rc = vmg_train_step(t, &d->batch, &r);
        middle = vmg_now_s();
        if (rc == VMG_OK)
            rc = vmg_train_update(t, 1e-4, NULL);
        if (i >= 0) {
            whole[i] = vmg_now_s() - begun;
            update[i] = vmg_now_s() - middle;
        }
    }
    if (rc != VMG_OK)
        return rc;
    processor = (processor_s() - processor) / (double)n;
    double median = vmg_bench_median(whole, (int)n);
    printf("%s, %lld × %lld frames: %.1f ms a step (fastest %.1f, update %.1f, processor time %.1f), %.1f GFLOP, %.1f GFLOP/s = %.0f %% of the best "
           "matmul rate, %.0f frames/s\n",
           s->dtype, (long long)s->batch, (long long)s->frames, 1e3 * median, 1e3 * whole[0], 1e3 * vmg_bench_median(update, (int)n), 1e3 * processor,
           1e-9 * r.flops,
           1e-9 * r.flops / median, 100 * r.flops / median / rate, (double)(s->batch * s->frames) / median);
    printf("device memory %.0f MiB, of it temporaries %.0f MiB; loss %.3f\n", (double)ctx->peak_memory_bytes / 1048576.0,
           (double)r.arena_bytes / 1048576.0, r.loss);
    if (ctx->profile)
        print_profile(ctx, n);
    return VMG_OK;
}

static int bench(vmg_ctx *ctx, const settings *s)
{
    vmg_dit_config c;
    vmg_train *t = NULL;
    data d = {0};
    const char *src = getenv("VMG_SRCDIR");
    char *path = vmg_path_exists(s->config) ? vmg_strdup(s->config)
                                            : vmg_asprintf("%s/models/%s.json", src ? src : VMG_SOURCE_DIR, s->config);
    int rc = path ? vmg_dit_config_read(path, &c) : VMG_E_NOMEM;
    free(path);
    if (rc != VMG_OK)
        return rc;
    bool bf16 = !strcmp(s->dtype, "bf16");
    double rate = best_rate(ctx, &c, s->batch * s->frames, bf16 ? VMG_BF16 : VMG_F32);
    printf("%s on %s, matrix unit %s; best matmul rate %.1f GFLOP/s (%lld rows, packed %s weights)\n", s->config, ctx->dev.name,
           vmg_matmul_matrix_unit(ctx), 1e-9 * rate, (long long)(s->batch * s->frames), s->dtype);
    const vmg_t5_config t5 = {.vocab_size = 1000, .dim = c.text_dim, .dim_attn = c.text_dim, .dim_ffn = 2 * c.text_dim,
                              .num_heads = VMG_MAX(c.text_dim / 64, 1), .num_layers = 2, .num_buckets = 32, .max_dist = 128,
                              .eps = 1e-6};
    vmg_train_options o = vmg_train_defaults();
    o.bf16 = bf16;
    o.keep_activations = !s->recompute;
    rc = vmg_train_create(ctx, &c, s->no_encoder ? NULL : &t5, &o, &t);
    if (rc == VMG_OK)
        rc = vmg_train_init(t, 1);
    if (rc == VMG_OK)
        rc = make_data(s, &c, &d);
    if (rc == VMG_OK)
        rc = time_steps(t, &d, s, rate);
    vmg_train_free(t);
    free_data(&d);
    return rc;
}

int main(int argc, char **argv)
{
    settings s = {.config = "vimogen-mini", .dtype = "f32", .batch = 32, .frames = 100, .texts = 16, .tokens = 12, .steps = 10};
    const vmg_opt opts[] = {
        {"config", 0, VMG_OPT_STRING, &s.config, "NAME", "a configuration of models/, or a file", NULL},
        {"dtype", 0, VMG_OPT_STRING, &s.dtype, "T", "f32 or bf16 (products only)", NULL},
        {"batch", 0, VMG_OPT_INT, &s.batch, "N", "samples", NULL},
        {"frames", 0, VMG_OPT_INT, &s.frames, "N", "frames of each", NULL},
        {"motion", 0, VMG_OPT_INT, &s.motion, "N", "how many of them attend to a reference", NULL},
        {"texts", 0, VMG_OPT_INT, &s.texts, "N", "texts of the batch", NULL},
        {"tokens", 0, VMG_OPT_INT, &s.tokens, "N", "tokens of each", NULL},
        {"steps", 0, VMG_OPT_INT, &s.steps, "N", "steps to time", NULL},
        {"recompute", 0, VMG_OPT_FLAG, &s.recompute, NULL, "compute blocks again instead of keeping activations", NULL},
        {"no-encoder", 0, VMG_OPT_FLAG, &s.no_encoder, NULL, "texts are embeddings, no encoder is trained", NULL},
        {"device", 0, VMG_OPT_STRING, &s.device, "D", "OpenCL device", NULL},
        {"profile", 0, VMG_OPT_FLAG, &s.profile, NULL, "print time per kernel", NULL},
    };
    int n_args, rc = vmg_opt_parse(argc, argv, "[OPTION...]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? 0 : rc;
    vmg_ctx *ctx = NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (s.batch < 1 || s.frames < 1 || s.texts < 1 || s.tokens < 1 || s.steps < 1 || s.motion > s.batch)
        rc = vmg_fail(VMG_E_ARG, "sizes must be positive, and motion at most batch");
    if (!rc)
        rc = vmg_ctx_open(&(vmg_ctx_options){.device = s.device, .profile = s.profile}, &ctx);
    if (!rc)
        rc = bench(ctx, &s);
    if (rc)
        fprintf(stderr, "bench_train: %s\n", vmg_error_message());
    vmg_ctx_close(ctx);
    return rc ? 1 : 0;
}
