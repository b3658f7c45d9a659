/* What a device can do at most, measured: copying, fused multiply-adds, its matrix unit. */
#include "bench/ceilings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/base/clock.h"
#include "host/base/mem.h"
#include "host/op/elementwise.h"
#include "host/op/matmul.h"
#include "host/op/random.h"
#include "host/op/rate.h"
#include "models/params.h"

static const double measure_s = 0.5;

/* ---- copying ---- */

static void run_copy_op(void *self)
{
    vmg_bench_copy *c = self;
    vmg_op_copy(c->ctx, c->from, c->to);
    vmg_ctx_finish(c->ctx);
}

static void run_copy_driver(void *self)
{
    vmg_bench_copy *c = self;
    vmg_ctx_check(c->ctx,
                  clEnqueueCopyBuffer(c->ctx->queue, c->from.buf, c->to.buf, c->from.off_bytes, c->to.off_bytes,
                                      vmg_tensor_bytes(c->from), 0, NULL, NULL),
                  "copying on the device");
    vmg_ctx_finish(c->ctx);
}

vmg_bench_subject vmg_bench_copy_by_op(vmg_bench_copy *c)
{
    return (vmg_bench_subject){run_copy_op, c, 0, 0, 0};
}

vmg_bench_subject vmg_bench_copy_by_driver(vmg_bench_copy *c)
{
    return (vmg_bench_subject){run_copy_driver, c, 0, 0, 0};
}

void vmg_bench_copy_make(vmg_ctx *ctx, size_t bytes, vmg_bench_copy *c)
{
    const int64_t n = (int64_t)(bytes / sizeof(float));
    *c = (vmg_bench_copy){.ctx = ctx, .arena = vmg_arena_make(ctx, 0)};
    c->from = vmg_arena_vector(&c->arena, VMG_F32, n);
    c->to = vmg_arena_vector(&c->arena, VMG_F32, n);
    vmg_op_fill(ctx, c->from, 1);
}

void vmg_bench_copy_free(vmg_bench_copy *c)
{
    vmg_arena_free(&c->arena);
}

double vmg_bench_copy_rate(vmg_ctx *ctx, size_t bytes)
{
    vmg_bench_copy c;
    vmg_bench_copy_make(ctx, bytes, &c);
    vmg_bench_subject s[] = {vmg_bench_copy_by_op(&c), vmg_bench_copy_by_driver(&c)};
    if (!ctx->error)
        vmg_bench_in_turn(s, 2, measure_s);
    vmg_bench_copy_free(&c);
    return ctx->error ? 0 : 2.0 * (double)bytes / fmin(s[0].median_s, s[1].median_s);
}

/* ---- layers ---- */

double vmg_bench_linear_rate(vmg_ctx *ctx, int64_t m, int64_t n, int64_t k, vmg_dtype dtype)
{
    vmg_arena arena = vmg_arena_make(ctx, 0);
    vmg_params ps;
    double best = INFINITY;
    if (vmg_params_init(&ps, ctx, 0) != VMG_OK)
        return 0;
    vmg_param *w = vmg_params_weight(&ps, -1, dtype, n, k, "w", "", "");
    vmg_tensor x = vmg_arena_matrix(&arena, VMG_F32, m, k), y = vmg_arena_matrix(&arena, VMG_F32, m, n);
    vmg_op_normal(ctx, 1, 0, 0, x);
    if (w && vmg_params_load_random(&ps, 3, NULL) == VMG_OK) {
        double begun = vmg_now_s();
        for (int i = 0; i < 50 && (i < 4 || vmg_now_s() - begun < 0.7); i++) {
            double t = vmg_now_s();
            vmg_op_linear(ctx, x, w->value, NULL, y);
            vmg_ctx_finish(ctx);
            best = fmin(best, vmg_now_s() - t);
        }
    }
    vmg_params_free(&ps);
    vmg_arena_free(&arena);
    return ctx->error ? 0 : 2.0 * (double)m * (double)n * (double)k / best;
}

/* ---- arithmetic ---- */

enum { ROUNDS = 4096 };

typedef struct arithmetic {
    vmg_ctx *ctx;
    enum vmg_rate by;
    vmg_tensor out;
    double flops;
} arithmetic;

static void run_arithmetic(void *self)
{
    arithmetic *a = self;
    a->flops = vmg_op_rate(a->ctx, a->by, ROUNDS, a->out);
    vmg_ctx_finish(a->ctx);
}

/* Best rate; 0 after a failure. */
static double measure_arithmetic(vmg_ctx *ctx, enum vmg_rate by)
{
    const bool cpu = ctx->dev.device_class == VMG_CLASS_CPU;
    vmg_arena arena = vmg_arena_make(ctx, 0);
    const int64_t items = (int64_t)ctx->dev.n_compute_units * (cpu ? 64 : 4096);
    arithmetic a = {.ctx = ctx, .by = by, .out = vmg_arena_vector(&arena, VMG_F32, items)};
    vmg_bench_subject s = {run_arithmetic, &a, 0, 0, 0};
    vmg_bench_in_turn(&s, 1, measure_s);
    vmg_arena_free(&arena);
    return ctx->error ? 0 : a.flops / s.best_s;
}

double vmg_bench_fma_rate(vmg_ctx *ctx)
{
    return measure_arithmetic(ctx, VMG_RATE_FMA);
}

double vmg_bench_matrix_rate(vmg_ctx *ctx)
{
    const char *unit = vmg_matmul_matrix_unit(ctx);
    return !strcmp(unit, "amx-bf16")      ? measure_arithmetic(ctx, VMG_RATE_TILES)
           : !strcmp(unit, "avx512-bf16") ? measure_arithmetic(ctx, VMG_RATE_PAIRS)
                                          : 0;
}
