/*
 * bench_model --config NAME|FILE [--dtype T] [--activations T] [--frames A,B] [--steps N] [--tokens N] [--device D] [--max-memory SIZE] [--profile]
 *
 * Builds a network of a configuration's size with random weights and reports seconds per guided step (motion networks, one
 * prompt) or per text (encoders), peak memory, and efficiency: operations needed with exact reuse, over time times the best
 * matmul rate of the same shapes and types measured in the same run. --profile adds time per kernel (and slows the run).
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
#include "host/base/sha256.h"
#include "host/op.h"
#include "models/sampler.h"
#include "models/t5.h"
#include "src/cli/cli.h"
#include "src/cli/run.h"
#include "src/lib/model.h"

enum { MAX_STEPS = 64, PROMPT_ROWS = 20, COPY_BYTES = 256 << 20 };

static double peak_host_mib(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / 1024.0;
}

/* ---- motion networks ---- */

typedef struct steps {
    double at[MAX_STEPS];
    int n;
} steps;

static bool on_step(void *user, int64_t done, int64_t total)
{
    steps *s = user;
    (void)done;
    (void)total;
    if (s->n < MAX_STEPS)
        s->at[s->n++] = vmg_now_s();
    return true;
}

/* Median time between steps: the first, which also prepares texts and kernels, is left out. */
static double median_step(const steps *s)
{
    double d[MAX_STEPS];
    int n = 0;
    for (int i = 1; i < s->n; i++)
        d[n++] = s->at[i] - s->at[i - 1];
    return vmg_bench_median(d, n);
}

static int bench_frames(vmg_dit *dit, int64_t frames, int64_t n_steps, double rate)
{
    const vmg_dit_config *c = &dit->config;
    float *text = vmg_calloc((size_t)(PROMPT_ROWS * c->text_dim), sizeof *text);
    float *out = vmg_calloc((size_t)(frames * c->in_dim), sizeof *out);
    steps s = {0};
    int rc = VMG_E_NOMEM;
    if (text && out) {
        vmg_random_normal(5, 0, 0, PROMPT_ROWS * c->text_dim, text);
        vmg_dit_context contexts[2] = {{text, PROMPT_ROWS, vmg_dit_padding(c, PROMPT_ROWS, PROMPT_ROWS)},
                                       {text, 1, vmg_dit_padding(c, 1, PROMPT_ROWS)}};
        vmg_sampler_item item = {.attend_to_text = true, .n_frames = frames, .seed = 1, .latents = out};
        vmg_sampler_options o = vmg_sampler_defaults();
        o.steps = n_steps;
        o.progress = on_step;
        o.progress_user = &s;
        double flops = vmg_sampler_step_flops(dit, &item, 1, contexts, 2, 1, &o);
        rc = vmg_sampler_run(dit, &item, 1, contexts, 2, 1, &o);
        double t = median_step(&s);
        if (rc == VMG_OK)
            printf("%lld frames: %.3f s per guided step, %.1f GFLOP needed, %.1f GFLOP/s, efficiency %.2f\n", (long long)frames,
                   t, 1e-9 * flops, 1e-9 * flops / t, flops / t / rate);
    }
    free(text);
    free(out);
    return rc;
}

static int bench_dit(vmg_ctx *ctx, const vmg_dit_config *c, vmg_dtype dtype, vmg_dtype activations, const char *frames,
                     int64_t n_steps, uint64_t max_bytes)
{
    vmg_dit *dit;
    int rc = vmg_dit_create(ctx, c, dtype, &dit);
    if (rc != VMG_OK)
        return rc;
    dit->activations = activations;
    const int64_t shapes[3][2] = {{3 * c->dim, c->dim}, {c->ffn_dim, c->dim}, {c->dim, c->ffn_dim}};
    double rate = 0;
    for (int i = 0; i < 3; i++)
        rate = fmax(rate, vmg_bench_linear_rate(ctx, 400, shapes[i][0], shapes[i][1], dtype));
    printf("best matmul rate: %.1f GFLOP/s (%s weights, 400 rows)\n", 1e-9 * rate, vmg_dtype_name(dtype));
    double begun = vmg_now_s();
    rc = vmg_dit_load_random(dit, 1, &(vmg_params_load_options){.max_bytes = max_bytes});
    printf("loaded %.0f MiB of parameters in %.1f s, %d blocks streamed\n", (double)vmg_params_bytes(&dit->params) / 1048576.0,
           vmg_now_s() - begun, vmg_params_n_streamed(&dit->params));
    for (const char *p = frames; rc == VMG_OK && p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        rc = bench_frames(dit, atoll(p), n_steps, rate);
    double extra = ((double)ctx->peak_memory_bytes - (double)vmg_params_bytes(&dit->params)) / 1048576.0;
    if (rc == VMG_OK)
        printf("peak memory: device %.0f MiB (%.0f beside the parameters), host process %.0f MiB\n",
               (double)ctx->peak_memory_bytes / 1048576.0, extra, peak_host_mib());
    vmg_dit_free(dit);
    return rc;
}

/* ---- encoders ---- */

/* So that runs with and without --max-memory can be seen to give the same embeddings. */
static void print_digest(const float *x, size_t n)
{
    vmg_sha256 s;
    uint8_t digest[32];
    char hex[65];
    vmg_sha256_init(&s);
    vmg_sha256_update(&s, x, n * sizeof *x);
    vmg_sha256_final(&s, digest);
    vmg_sha256_hex(digest, hex);
    printf("SHA-256 of the embedding: %s\n", hex);
}

static int bench_t5(vmg_ctx *ctx, const vmg_t5_config *c, vmg_dtype dtype, int64_t tokens, uint64_t max_bytes)
{
    vmg_t5 *t5;
    int rc = vmg_t5_create(ctx, c, dtype, &t5);
    int32_t *ids = vmg_calloc((size_t)tokens, sizeof *ids);
    float *out = vmg_calloc((size_t)(tokens * c->dim), sizeof *out);
    if (rc != VMG_OK || !ids || !out)
        return rc != VMG_OK ? rc : VMG_E_NOMEM;
    const int64_t shapes[3][2] = {{3 * c->dim_attn, c->dim}, {c->dim_ffn, c->dim}, {c->dim, c->dim_ffn}};
    double rate = 0, bandwidth = vmg_bench_copy_rate(ctx, COPY_BYTES), best = INFINITY;
    for (int i = 0; i < 3; i++)
        rate = fmax(rate, vmg_bench_linear_rate(ctx, tokens, shapes[i][0], shapes[i][1], dtype));
    for (int64_t i = 0; i < tokens; i++)
        ids[i] = (int32_t)((i * 7919 + 13) % c->vocab_size);
    double begun = vmg_now_s();
    rc = vmg_t5_load_random(t5, 1, &(vmg_params_load_options){.max_bytes = max_bytes});
    printf("loaded %.0f MiB of parameters in %.1f s, %d layers streamed\n", (double)vmg_params_bytes(&t5->params) / 1048576.0,
           vmg_now_s() - begun, vmg_params_n_streamed(&t5->params));
    for (int i = 0; rc == VMG_OK && i < 4; i++) {
        double t = vmg_now_s();
        rc = vmg_t5_encode(t5, ids, &tokens, 1, NULL, NULL, out);
        best = fmin(best, vmg_now_s() - t);
    }
    if (rc == VMG_OK) {
        double flops = vmg_t5_flops(t5, &tokens, 1), bytes = (double)vmg_params_bytes(&t5->params);
        double bound = fmax(flops / rate, bytes / bandwidth);
        printf("%lld tokens: %.3f s, %.1f GFLOP/s of %.1f (matmul, %s weights), weights at %.1f GB/s of %.1f (copy), "
               "efficiency %.2f\n",
               (long long)tokens, best, 1e-9 * flops / best, 1e-9 * rate, vmg_dtype_name(dtype), 1e-9 * bytes / best,
               1e-9 * bandwidth, bound / best);
        printf("peak memory: device %.0f MiB, host process %.0f MiB\n", (double)ctx->peak_memory_bytes / 1048576.0,
               peak_host_mib());
        print_digest(out, (size_t)(tokens * c->dim));
    }
    vmg_t5_free(t5);
    free(ids);
    free(out);
    return rc;
}

/* ---- the program ---- */

/* NAME stands for the NAME.json that ships with the sources. */
static char *config_path(const char *name)
{
    const char *src = getenv("VMG_SRCDIR");
    return vmg_path_exists(name) ? vmg_strdup(name) : vmg_asprintf("%s/models/%s.json", src ? src : VMG_SOURCE_DIR, name);
}

static int bench(vmg_ctx *ctx, const char *config, vmg_dtype dtype, vmg_dtype activations, const char *frames,
                 int64_t n_steps, int64_t tokens, uint64_t max_bytes)
{
    vmg_dit_config dit;
    vmg_t5_config t5;
    char *path = config_path(config);
    int rc = path ? vmg_dit_config_read(path, &dit) : VMG_E_NOMEM;
    bool is_dit = rc == VMG_OK;
    if (rc == VMG_E_FORMAT)
        rc = vmg_t5_config_read(path, &t5);
    free(path);
    printf("%s on %s, matrix unit %s\n", config, ctx->dev.name, vmg_matmul_matrix_unit(ctx));
    if (rc != VMG_OK)
        return rc;
    return is_dit ? bench_dit(ctx, &dit, dtype, activations, frames, n_steps, max_bytes)
                  : bench_t5(ctx, &t5, dtype, tokens, max_bytes);
}

int main(int argc, char **argv)
{
    const char *config = "vimogen-1.3b", *dtype_name = "f32", *activations_name = NULL, *frames = "100,200", *device = NULL, *max_memory = NULL;
    int64_t n_steps = 6, tokens = 100;
    bool profile = false, random = true;
    const vmg_opt opts[] = {
        {"config", 0, VMG_OPT_STRING, &config, "NAME", "a configuration of models/, or a file", NULL},
        {"random", 0, VMG_OPT_FLAG, &random, NULL, "random weights (the only kind)", NULL},
        {"dtype", 0, VMG_OPT_STRING, &dtype_name, "T", "f32, f16, bf16, q8_0, q4_0", NULL},
        {"activations", 0, VMG_OPT_STRING, &activations_name, "T", "of a motion network: f32 (default), f16, bf16", NULL},
        {"frames", 0, VMG_OPT_STRING, &frames, "A,B", "frames to time", NULL},
        {"steps", 0, VMG_OPT_INT, &n_steps, "N", "steps to time, at least 2", NULL},
        {"tokens", 0, VMG_OPT_INT, &tokens, "N", "tokens of an encoder's text", NULL},
        {"device", 0, VMG_OPT_STRING, &device, "D", "OpenCL device", NULL},
        {"max-memory", 0, VMG_OPT_STRING, &max_memory, "SIZE", "parameters beyond this are streamed", NULL},
        {"profile", 0, VMG_OPT_FLAG, &profile, NULL, "print time per kernel", NULL},
    };
    int n_args, rc = vmg_opt_parse(argc, argv, "[OPTION...]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? 0 : rc;
    vmg_dtype dtype, activations = VMG_F32;
    vmg_ctx *ctx = NULL;
    uint64_t max_bytes = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (n_steps < 2 || tokens < 1)
        return vmg_cli_usage("bench_model", "--steps is at least 2 and --tokens at least 1");
    rc = vmg_dtype_parse(dtype_name, &dtype);
    if (rc == VMG_OK)
        rc = vmg_model_activations(activations_name, &activations);
    if (rc == VMG_OK && max_memory)
        rc = vmg_cli_parse_size(max_memory, &max_bytes);
    if (rc == VMG_OK)
        rc = vmg_cli_open_ctx(device, NULL, profile, &ctx);
    if (rc == VMG_OK)
        rc = bench(ctx, config, dtype, activations, frames, n_steps, tokens, max_bytes);
    if (rc == VMG_OK && profile)
        rc = vmg_cli_print_profile(ctx);
    int status = rc == VMG_OK ? 0 : vmg_cli_fail("bench_model", rc);
    vmg_ctx_close(ctx);
    return status;
}
