/*
 * Products of operands rounded to bf16, in a matrix unit of an x86 processor through PoCL
 * (cl/matmul_bf16.cl): AMX's tiles or, where there is none, AVX512-BF16's dot products. A unit is
 * probed before use.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/clock.h"
#include "host/base/mem.h"
#include "host/op/matmul_path.h"
#include "host/op/rate.h"
#include "host/plan.h"

/* ---- what the processor has ---- */

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    ARCH_REQ_XCOMP_PERM_ = 0x1023,
    XFEATURE_XTILEDATA_ = 18
}; /* asm/prctl.h, Documentation/arch/x86/xstate.rst */

/* AVX512-BF16, and the kernel saves every register that `state` (bits of XCR0) names. */
static bool processor_has_bf16(unsigned state)
{
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 27)) /* OSXSAVE */
        return false;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & state) == state && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 5);
}

/* The processor has bf16 tiles and vectors, and the kernel lets this process use them (asked for
 * here). */
static bool processor_has_amx(void)
{
    unsigned a, b, c, d;
    if (!processor_has_bf16(3u << 17)) /* tile configuration and data */
        return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & 1u << 22) ||
        !(d & 1u << 24)) /* AMX-BF16, AMX-TILE */
        return false;
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM_, XFEATURE_XTILEDATA_) == 0;
}

static bool processor_has_avx512(void)
{
    unsigned a, b, c, d;
    if (!processor_has_bf16(7u << 5)) /* mask registers, all of 32 vectors of 512 bits */
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 16) &&
           (b & 1u << 30); /* AVX512F, AVX512BW */
}
#else
static bool processor_has_amx(void)
{
    return false;
}
static bool processor_has_avx512(void)
{
    return false;
}
#endif

/* ---- the units ---- */

enum { KB, NB, MB };
enum { SHAPE_ROUNDS = 3 };

static int amx_rows(int64_t M)
{
    (void)M;
    return 32;
}

static int avx512_rows(int64_t M)
{
    return vmg_matmul_tile_rows(M, 16);
}

static int64_t panels(int64_t n, int rows)
{
    return (n + rows - 1) / rows;
}

/* Local memory: sums of panel_rows × 32, and a block of W where it must be rounded first
 * (shape[SHAPE_ROUNDS]). */
static bool valid_values(const vmg_device *dev, const int *v, const int64_t *shape, int panel_rows)
{
    const uint64_t sums = 4ull * VMG_PANEL * (uint64_t)(panel_rows * v[NB] * v[MB]);
    const uint64_t rounded = shape[SHAPE_ROUNDS] ? 64ull * (uint64_t)(v[NB] * v[KB]) : 0;
    return sums + rounded <= dev->local_mem_bytes &&
           vmg_matmul_enough_groups(dev, panels(shape[0], panel_rows), v[MB],
                                    panels(shape[1], VMG_PANEL), v[NB]);
}

static void geometry(const int *v, const int64_t *shape, int panel_rows, size_t global[3],
                     size_t local[3])
{
    global[0] = (size_t)((panels(shape[1], VMG_PANEL) + v[NB] - 1) / v[NB]);
    global[1] = (size_t)((panels(shape[0], panel_rows) + v[MB] - 1) / v[MB]);
    local[0] = local[1] = 1;
}

static bool amx_valid_values(const vmg_device *dev, const int *v, const int64_t *shape)
{
    return valid_values(dev, v, shape, amx_rows(shape[0]));
}

static bool avx512_valid_values(const vmg_device *dev, const int *v, const int64_t *shape)
{
    return valid_values(dev, v, shape, avx512_rows(shape[0]));
}

static void amx_geometry(const vmg_device *dev, const int *v, const int64_t *shape,
                         size_t global[3], size_t local[3])
{
    (void)dev;
    geometry(v, shape, amx_rows(shape[0]), global, local);
}

static void avx512_geometry(const vmg_device *dev, const int *v, const int64_t *shape,
                            size_t global[3], size_t local[3])
{
    (void)dev;
    geometry(v, shape, avx512_rows(shape[0]), global, local);
}

typedef struct unit {
    const char *name, *what; /* for vmg_matmul_matrix_unit, for people */
    bool (*present)(void);
    int (*panel_rows)(int64_t M); /* of the left operand */
    vmg_kernel_def kernel;
} unit;

static const unit units[VMG_N_UNITS] = {
    [VMG_UNIT_AMX] = {.name = "amx-bf16",
                      .what = "AMX",
                      .present = processor_has_amx,
                      .panel_rows = amx_rows,
                      .kernel = {.file = "matmul_amx",
                                 .name = "matmul_bf16",
                                 .tunables = {{"KB", {1536, 512, 4096}},
                                              {"NB", {4, 2, 8, 1}},
                                              {"MB", {16, 4, 2, 1}}},
                                 .valid = amx_valid_values,
                                 .geometry = amx_geometry}},
    [VMG_UNIT_AVX512] = {.name = "avx512-bf16",
                         .what = "AVX512-BF16",
                         .present = processor_has_avx512,
                         .panel_rows = avx512_rows,
                         .kernel = {.file = "matmul_avx512",
                                    .name = "matmul_bf16",
                                    .tunables = {{"KB", {1024, 512, 256, 2048}},
                                                 {"NB", {4, 2, 8, 1}},
                                                 {"MB", {32, 8, 4, 2, 1}}},
                                    .valid = avx512_valid_values,
                                    .geometry = avx512_geometry}}};

/* ---- packing ---- */

/* Of a work-item: steps of K, or rows (cl/matmul_pack_bf16.cl). */
enum { ITEM_STEPS = 8, ITEM_ROWS = 256 };

/* shape: rows, K, rows of a panel, whether K is contiguous. */
static void pack_geometry(const vmg_device *dev, const int *v, const int64_t *shape,
                          size_t global[3], size_t local[3])
{
    (void)dev;
    (void)v;
    const int64_t steps = (shape[1] + VMG_TILE_K - 1) / VMG_TILE_K;
    const int64_t n_panels = panels(shape[0], (int)shape[2]);
    if (shape[3]) {
        global[0] = (size_t)((steps + ITEM_STEPS - 1) / ITEM_STEPS);
        global[1] = (size_t)n_panels;
    } else {
        const int64_t item_panels = ITEM_ROWS / shape[2];
        global[0] = (size_t)((n_panels + item_panels - 1) / item_panels);
        global[1] = (size_t)steps;
    }
    local[0] = local[1] = 1;
}

static const vmg_kernel_def pack_def = {
    .file = "matmul_pack_bf16", .name = "pack_bf16", .geometry = pack_geometry};

static void pack(vmg_ctx *ctx, vmg_tensor t, int64_t I, int64_t K, int64_t stride_i,
                 int64_t stride_k, bool right, int panel_rows, vmg_tensor dst)
{
    vmg_launch l = VMG_LAUNCH(&pack_def);
    vmg_define_dtype(&l, "T_SRC", t.dtype);
    vmg_define(&l, "RIGHT=%d", right);
    vmg_define(&l, "ITEM_STEPS=%d", ITEM_STEPS);
    vmg_define(&l, "ITEM_ROWS=%d", ITEM_ROWS);
    vmg_define(&l, "K_CONTIGUOUS=%d", stride_k == 1);
    vmg_arg_in(&l, t);
    vmg_arg_out(&l, dst);
    vmg_arg_i64(&l, I);
    vmg_arg_i64(&l, K);
    vmg_arg_i64(&l, stride_i);
    vmg_arg_i64(&l, stride_k);
    vmg_arg_i32(&l, panel_rows);
    l.shape[0] = I;
    l.shape[1] = K;
    l.shape[2] = panel_rows;
    l.shape[3] = stride_k == 1;
    l.bytes = (double)vmg_matmul_weight_bytes(VMG_LAYOUT_ROW, t.dtype, I, K) +
              2.0 * (double)I * (double)K;
    vmg_launch_run(ctx, &l);
}

void vmg_matmul_pack_tiles(vmg_ctx *ctx, vmg_tensor t, int64_t I, int64_t K, int64_t stride_i,
                           int64_t stride_k, vmg_tensor dst)
{
    pack(ctx, t, I, K, stride_i, stride_k, true, VMG_PANEL, dst);
}

/* The operands as the kernel reads them, packed into scratch memory. */
static vmg_tensor left_panels(vmg_ctx *ctx, const vmg_product *p, int panel_rows)
{
    const int64_t m = vmg_round_up(p->M, panel_rows), k = vmg_round_up(p->K, VMG_TILE_K);
    vmg_tensor x = vmg_matmul_scratch(ctx, VMG_MATMUL_A, VMG_BF16, 2 * (size_t)m * (size_t)k);
    pack(ctx, p->a, p->M, p->K, p->trans_a ? 1 : p->a.ld, p->trans_a ? p->a.ld : 1, false,
         panel_rows, x);
    return x;
}

static vmg_tensor right_tiles(vmg_ctx *ctx, const vmg_product *p)
{
    vmg_tensor w =
        vmg_matmul_scratch(ctx, VMG_MATMUL_B, VMG_BF16,
                           vmg_matmul_weight_bytes(VMG_LAYOUT_TILE, VMG_BF16, p->N, p->K));
    vmg_matmul_pack_tiles(ctx, p->b, p->N, p->K, p->trans_b ? p->b.ld : 1,
                          p->trans_b ? 1 : p->b.ld, w);
    return w;
}

/* ---- the product ---- */

static void run_on(vmg_ctx *ctx, const vmg_product *p, const unit *u)
{
    const int panel_rows = u->panel_rows(p->M);
    vmg_launch l = VMG_LAUNCH(&u->kernel);
    vmg_define(&l, "PANEL_ROWS=%d", panel_rows);
    if (p->b.layout == VMG_LAYOUT_PANEL)
        vmg_define_dtype(&l, "T_W", p->b.dtype);
    vmg_arg_in(&l, left_panels(ctx, p, panel_rows));
    vmg_arg_in(&l, p->b.layout == VMG_LAYOUT_ROW ? right_tiles(ctx, p) : p->b);
    vmg_matmul_add_epilogue(&l, p);
    vmg_arg_i64(&l, p->M);
    vmg_arg_i64(&l, p->K);
    l.shape[SHAPE_ROUNDS] = p->b.layout == VMG_LAYOUT_PANEL;
    vmg_launch_run(ctx, &l);
}

/* ---- the probe ---- */

enum { PROBE_M = 33, PROBE_N = 50, PROBE_K = 70 };

/* Small integers are exact in bf16 and their sums in f32. */
static float probe_value(int i)
{
    return (float)(i * 7 % 31 - 15);
}

/* One product with tails everywhere, compared with the host's. */
static bool probe_run(vmg_ctx *ctx, const unit *u)
{
    enum { A = PROBE_M * PROBE_K, B = PROBE_N * PROBE_K, C = PROBE_M * PROBE_N };
    const size_t bytes = (A + B + C) * sizeof(float);
    float *x = vmg_calloc(A + B + C, sizeof *x);
    cl_mem buf = x ? vmg_ctx_buffer(ctx, bytes) : NULL;
    bool right = buf != NULL;
    if (buf) {
        const vmg_tensor all = vmg_tensor_make(buf, 0, VMG_F32, 1, (int64_t[]){A + B + C});
        const vmg_product p = {
            .a = vmg_tensor_make(buf, 0, VMG_F32, 2, (int64_t[]){PROBE_M, PROBE_K}),
            .b = vmg_tensor_make(buf, A * 4, VMG_F32, 2, (int64_t[]){PROBE_N, PROBE_K}),
            .out = vmg_tensor_make(buf, (A + B) * 4, VMG_F32, 2, (int64_t[]){PROBE_M, PROBE_N}),
            .trans_b = true,
            .alpha = 1.0f,
            .M = PROBE_M,
            .N = PROBE_N,
            .K = PROBE_K};
        for (int i = 0; i < A + B; i++)
            x[i] = probe_value(i);
        vmg_upload(ctx, all, x);
        run_on(ctx, &p, u);
        vmg_download(ctx, all, x);
        for (int i = 0; i < C && right; i++) {
            float want = 0;
            for (int k = 0; k < PROBE_K; k++)
                want += x[i / PROBE_N * PROBE_K + k] * x[A + i % PROBE_N * PROBE_K + k];
            right = x[A + B + i] == want;
        }
    }
    vmg_ctx_buffer_free(ctx, buf, bytes);
    free(x);
    return right && !ctx->error;
}

/* ---- what it is worth ---- */

enum { RATE_ROUNDS = 40000, RATE_TRIES = 5 };
static const double least_gain = 1.4; /* processors differ by factors of two */

/* Operations a second in floats or in pairs of bf16, every compute unit at work. */
static double rate_of(vmg_ctx *ctx, enum vmg_rate by, vmg_tensor out)
{
    const double start = vmg_now_s(), flops = vmg_op_rate(ctx, by, RATE_ROUNDS, out);
    vmg_ctx_finish(ctx);
    return flops / (vmg_now_s() - start);
}

/* Pairs and floats are timed in turn, the best of several times each. */
static bool pairs_pay(vmg_ctx *ctx)
{
    double best[2] = {0, 0}; /* by enum vmg_rate */
    const int64_t n = (int64_t)ctx->dev.n_compute_units;
    cl_mem buf = vmg_ctx_buffer(ctx, (size_t)n * sizeof(float));
    const vmg_tensor out = vmg_tensor_make(buf, 0, VMG_F32, 1, (int64_t[]){n});
    for (int i = 0; i < 2 * RATE_TRIES && buf && !ctx->error; i++)
        best[i % 2] = fmax(best[i % 2], rate_of(ctx, (enum vmg_rate)(i % 2), out));
    vmg_ctx_buffer_free(ctx, buf, (size_t)n * sizeof(float));
    const double gain = best[VMG_RATE_PAIRS] / best[VMG_RATE_FMA];
    const bool pays = !ctx->error && gain >= least_gain;
    if (ctx->error)
        vmg_logf(&ctx->log, VMG_LOG_WARN, "%s could not be timed, so it is not used: %s", units[VMG_UNIT_AVX512].what, ctx->message);
    else if (!pays)
        vmg_logf(&ctx->log, VMG_LOG_INFO, "%s multiplies at %.2f times the rate of f32 here, so it is not used",
                 units[VMG_UNIT_AVX512].what, gain);
    return pays;
}

/* Asks once per context, even while planning: what is planned depends on the answer. */
bool vmg_matmul_has_unit(vmg_ctx *ctx, enum vmg_matrix_unit which)
{
    const unit *u = &units[which];
    if (!(ctx->units_probed & 1u << which) && !ctx->error) {
        vmg_plan_pause pause;
        vmg_plan_pause_begin(ctx, &pause);
        ctx->units_probed |= 1u << which;
        if (ctx->emulates_units ? ctx->dev.device_class == VMG_CLASS_CPU : ctx->dev.is_pocl && u->present()) {
            if (probe_run(ctx, u)) {
                ctx->units_found |= 1u << which;
                if (which == VMG_UNIT_AMX || (!ctx->emulates_units && pairs_pay(ctx)))
                    ctx->units_paying |= 1u << which;
            } else {
                vmg_logf(&ctx->log, VMG_LOG_INFO,
                         "%s is there but its probe failed, so it is not used: %s", u->what,
                         ctx->error ? ctx->message : "wrong sums");
            }
            vmg_ctx_clear(ctx);
        }
        vmg_plan_pause_end(ctx, &pause);
    }
    return ctx->units_found & 1u << which;
}

bool vmg_matmul_unit_pays(vmg_ctx *ctx, enum vmg_matrix_unit which)
{
    return vmg_matmul_has_unit(ctx, which) && ctx->units_paying & 1u << which;
}

const char *vmg_matmul_matrix_unit(vmg_ctx *ctx)
{
    for (int i = 0; i < VMG_N_UNITS; i++)
        if (vmg_matmul_unit_pays(ctx, i))
            return units[i].name;
    return "none";
}

/* ---- the paths ---- */

static bool amx_valid(vmg_ctx *ctx, const vmg_product *p)
{
    (void)p;
    return vmg_matmul_has_unit(ctx, VMG_UNIT_AMX);
}

static bool avx512_valid(vmg_ctx *ctx, const vmg_product *p)
{
    (void)p;
    return vmg_matmul_has_unit(ctx, VMG_UNIT_AVX512);
}

static void amx_run(vmg_ctx *ctx, const vmg_product *p)
{
    run_on(ctx, p, &units[VMG_UNIT_AMX]);
}

static void avx512_run(vmg_ctx *ctx, const vmg_product *p)
{
    run_on(ctx, p, &units[VMG_UNIT_AVX512]);
}

const vmg_matmul_path vmg_matmul_amx = {.name = "amx",
                                        .kernel = &units[VMG_UNIT_AMX].kernel,
                                        .rounds = VMG_ROUNDS_TO_BF16,
                                        .valid = amx_valid,
                                        .run = amx_run};
const vmg_matmul_path vmg_matmul_avx512 = {.name = "avx512",
                                           .kernel = &units[VMG_UNIT_AVX512].kernel,
                                           .rounds = VMG_ROUNDS_TO_BF16,
                                           .valid = avx512_valid,
                                           .run = avx512_run};
