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

enum { ROUNDS = 4096, CHAINS = 12, TILES_PER_ROUND = 4, DOT_CHAINS = 24 };

/* CHAINS independent sums hide the latency of each; the last line keeps the compiler from leaving them out. */
static const char fma_text[] =
    "#define CAT_(a, b) a##b\n#define CAT(a, b) CAT_(a, b)\n#define V CAT(float, VW)\n"
    "#define EACH _Pragma(\"unroll\") for (int i = 0; i < CHAINS; i++)\n"
    "__kernel void ceiling(__global float *out)\n"
    "{\n"
    "    V s[CHAINS], a = (V)(0.999f), b = (V)(1e-3f * get_global_id(0));\n"
    "    EACH s[i] = (V)(i);\n"
    "    for (int r = 0; r < ROUNDS; r++) { EACH s[i] = fma(s[i], a, b); }\n"
    "    V t = (V)(0);\n"
    "    EACH t += s[i];\n"
    "    float v[VW];\n"
    "    CAT(vstore, VW)(t, 0, v);\n"
    "    float sum = 0;\n"
    "    for (int i = 0; i < VW; i++) sum += v[i];\n"
    "    out[get_global_id(0)] = sum;\n"
    "}\n";

/* Four tiles of sums, two of each operand, all in tile registers. */
static const char amx_text[] =
    "__attribute__((noinline, target(\"amx-tile,amx-bf16\"))) void tiles(void)\n"
    "{\n"
    "    ulong config[8] = {1, 0, 0x0040004000400040UL, 0x0040004000400040UL, 0, 0, 0x1010101010101010UL, 0};\n"
    "    __builtin_ia32_tile_loadconfig(config);\n"
    "    __builtin_ia32_tilezero(0); __builtin_ia32_tilezero(1); __builtin_ia32_tilezero(2);\n"
    "    __builtin_ia32_tilezero(3); __builtin_ia32_tilezero(4); __builtin_ia32_tilezero(5);\n"
    "    __builtin_ia32_tilezero(6); __builtin_ia32_tilezero(7);\n"
    "    for (int r = 0; r < ROUNDS; r++) {\n"
    "        __builtin_ia32_tdpbf16ps(0, 4, 6); __builtin_ia32_tdpbf16ps(1, 4, 7);\n"
    "        __builtin_ia32_tdpbf16ps(2, 5, 6); __builtin_ia32_tdpbf16ps(3, 5, 7);\n"
    "    }\n"
    "    __builtin_ia32_tilerelease();\n"
    "}\n"
    "__kernel void ceiling(__global float *out) { tiles(); out[get_global_id(0)] = 0; }\n";

/* DOT_CHAINS sums in registers; what they come to is stored, or the compiler would leave them out. */
static const char avx512_text[] =
    "__attribute__((noinline, target(\"avx512f,avx512bf16\"))) float dots(int x)\n"
    "{\n"
    "    float16 s[DOT_CHAINS], t = (float16)(0);\n"
    "    const int16 a = (int16)(x), b = (int16)(0x3f803f80);\n"
    "    _Pragma(\"unroll\") for (int i = 0; i < DOT_CHAINS; i++) s[i] = (float16)(i);\n"
    "    for (int r = 0; r < ROUNDS; r++)\n"
    "        _Pragma(\"unroll\") for (int i = 0; i < DOT_CHAINS; i++)\n"
    "            s[i] = __builtin_ia32_dpbf16ps_512(s[i], a, b);\n"
    "    _Pragma(\"unroll\") for (int i = 0; i < DOT_CHAINS; i++) t += s[i];\n"
    "    return t.s0 + t.sf;\n"
    "}\n"
    "__kernel void ceiling(__global float *out) { out[get_global_id(0)] = dots(0x3f803f80); }\n";

typedef struct arithmetic {
    vmg_ctx *ctx;
    cl_kernel kernel;
    size_t global, local;
} arithmetic;

static void run_arithmetic(void *self)
{
    arithmetic *a = self;
    vmg_ctx_check(a->ctx,
                  clEnqueueNDRangeKernel(a->ctx->queue, a->kernel, 1, NULL, &a->global, &a->local, 0, NULL, NULL),
                  "measuring the device's arithmetic");
    vmg_ctx_finish(a->ctx);
}

/* Best rate of the kernel `ceiling` in text, each of `global` items doing `flops`; 0 after a failure. */
static double measure_arithmetic(vmg_ctx *ctx, const char *text, int vector_width, size_t global, size_t local,
                                 double flops)
{
    char options[128];
    cl_int err;
    arithmetic a = {.ctx = ctx, .global = global, .local = local};
    vmg_bench_subject s = {run_arithmetic, &a, 0, 0, 0};
    cl_mem out = vmg_ctx_buffer(ctx, global * sizeof(float));
    cl_program program = clCreateProgramWithSource(ctx->cl, 1, &text, NULL, &err);
    snprintf(options, sizeof options, "-cl-std=CL1.2 -DVW=%d -DCHAINS=%d -DDOT_CHAINS=%d -DROUNDS=%d", vector_width, CHAINS,
             DOT_CHAINS, ROUNDS);
    if (out && vmg_ctx_check(ctx, err, "creating a program") &&
        vmg_ctx_check(ctx, clBuildProgram(program, 1, &ctx->dev.id, options, NULL, NULL), "building a ceiling")) {
        a.kernel = clCreateKernel(program, "ceiling", &err);
        if (vmg_ctx_check(ctx, err, "creating a kernel") &&
            vmg_ctx_check(ctx, clSetKernelArg(a.kernel, 0, sizeof out, &out), "setting an argument"))
            vmg_bench_in_turn(&s, 1, measure_s);
    }
    if (a.kernel)
        clReleaseKernel(a.kernel);
    if (program)
        clReleaseProgram(program);
    vmg_ctx_buffer_free(ctx, out, global * sizeof(float));
    return ctx->error ? 0 : flops * (double)global / s.best_s;
}

double vmg_bench_fma_rate(vmg_ctx *ctx)
{
    const bool cpu = ctx->dev.device_class == VMG_CLASS_CPU;
    const int width = cpu ? VMG_MAX((int)ctx->dev.vector_width_f32, 4) : 4;
    const size_t local = cpu ? 1 : VMG_MIN((size_t)256, ctx->dev.max_work_group);
    const size_t global = ctx->dev.n_compute_units * (cpu ? 64 : 16 * local);
    return measure_arithmetic(ctx, fma_text, width, global, local, 2.0 * width * CHAINS * ROUNDS);
}

double vmg_bench_matrix_rate(vmg_ctx *ctx)
{
    static const struct {
        const char *unit, *text;
        double flops_per_round;
    } units[] = {{"amx-bf16", amx_text, 2.0 * 16 * 16 * 32 * TILES_PER_ROUND},
                 {"avx512-bf16", avx512_text, 2.0 * 16 * 2 * DOT_CHAINS}};
    const char *unit = vmg_matmul_matrix_unit(ctx);
    for (size_t i = 0; i < VMG_COUNT(units); i++)
        if (!strcmp(unit, units[i].unit))
            return measure_arithmetic(ctx, units[i].text, 1, ctx->dev.n_compute_units * 64, 1,
                                      units[i].flops_per_round * ROUNDS);
    return 0;
}
