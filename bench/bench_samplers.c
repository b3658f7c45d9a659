/*
 * bench_samplers -m MODEL --text-embedding FILE --null-embedding FILE [--frames N] [--device D]
 *
 * Distance of every sampler and number of steps to a 200-step Euler result from the same noise: largest and root mean square
 * difference of the latents, relative to the result's largest and root mean square value. Prints the table of docs/samplers.md.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/cli/run.h"
#include "src/lib/generate.h"

enum { REFERENCE_STEPS = 200 };

static int sample(vmg_ctx *ctx, const vmg_model *m, const vmg_embedding *text, const vmg_embedding *null_text, int64_t frames,
                  vmg_sampler_kind kind, int64_t steps, float *out)
{
    vmg_generate_options o = {.sampler = vmg_sampler_defaults(), .dtype = VMG_F32, .raw = true};
    vmg_generate_item item = {.text = 0, .n_frames = frames, .seed = 1, .out = out};
    o.sampler.kind = kind;
    o.sampler.steps = steps;
    return vmg_generate(ctx, m, text, 1, null_text, &item, 1, &o);
}

static void print_row(vmg_sampler_kind kind, int64_t steps, const float *x, const float *want, size_t n)
{
    double diff = 0, scale = 0, diff2 = 0, scale2 = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - want[i];
        diff = fmax(diff, fabs(d));
        scale = fmax(scale, fabs(want[i]));
        diff2 += d * d;
        scale2 += (double)want[i] * want[i];
    }
    int64_t evaluations = kind == VMG_SAMPLER_HEUN ? 2 * steps - 1 : steps;
    printf("| %s | %lld | %lld | %.3f | %.3f |\n", vmg_sampler_name(kind), (long long)steps, (long long)evaluations, diff / scale,
           sqrt(diff2 / scale2));
}

static int bench(vmg_ctx *ctx, const vmg_model *m, const vmg_embedding *text, const vmg_embedding *null_text, int64_t frames)
{
    static const int64_t steps[] = {5, 10, 20, 50, 100};
    size_t n = (size_t)(frames * m->config.in_dim);
    float *want = vmg_calloc(n, sizeof *want), *x = vmg_calloc(n, sizeof *x);
    int rc = want && x ? sample(ctx, m, text, null_text, frames, VMG_SAMPLER_EULER, REFERENCE_STEPS, want) : VMG_E_NOMEM;
    printf("| sampler | steps | evaluations | largest difference | rms difference |\n|---|---|---|---|---|\n");
    for (int kind = VMG_SAMPLER_EULER; kind <= VMG_SAMPLER_DPMPP_2M; kind++)
        for (size_t i = 0; rc == VMG_OK && i < VMG_COUNT(steps); i++) {
            rc = sample(ctx, m, text, null_text, frames, (vmg_sampler_kind)kind, steps[i], x);
            if (rc == VMG_OK)
                print_row((vmg_sampler_kind)kind, steps[i], x, want, n);
        }
    free(want);
    free(x);
    return rc;
}

int main(int argc, char **argv)
{
    const char *model = NULL, *text_path = NULL, *null_path = NULL, *device = NULL;
    int64_t frames = 100;
    const vmg_opt opts[] = {
        {"model", 'm', VMG_OPT_STRING, &model, "MODEL", "a .gguf or a model's folder", NULL},
        {"text-embedding", 0, VMG_OPT_STRING, &text_path, "FILE", "a text's embedding", NULL},
        {"null-embedding", 0, VMG_OPT_STRING, &null_path, "FILE", "the empty text's", NULL},
        {"frames", 0, VMG_OPT_INT, &frames, "N", "frames", NULL},
        {"device", 0, VMG_OPT_STRING, &device, "D", "OpenCL device", NULL},
    };
    int n_args, rc = vmg_opt_parse(argc, argv, "-m MODEL --text-embedding FILE --null-embedding FILE", opts, VMG_COUNT(opts),
                                   &n_args);
    if (rc)
        return rc < 0 ? 0 : rc;
    if (!text_path || !null_path || frames < 1)
        return vmg_cli_usage("bench_samplers", "needs --text-embedding and --null-embedding");
    vmg_model m = {0};
    vmg_embedding text = {0}, null_text = {0};
    vmg_ctx *ctx = NULL;
    rc = vmg_model_open(model, &m);
    if (rc == VMG_OK)
        rc = vmg_embedding_read(text_path, m.config.text_dim, &text);
    if (rc == VMG_OK)
        rc = vmg_embedding_read(null_path, m.config.text_dim, &null_text);
    if (rc == VMG_OK)
        rc = vmg_cli_open_ctx(device, NULL, false, &ctx);
    if (rc == VMG_OK)
        rc = bench(ctx, &m, &text, &null_text, frames);
    int status = rc == VMG_OK ? 0 : vmg_cli_fail("bench_samplers", rc);
    vmg_ctx_close(ctx);
    vmg_embedding_free(&text);
    vmg_embedding_free(&null_text);
    vmg_model_close(&m);
    return status;
}
