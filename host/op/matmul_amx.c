/* The AMX path: bf16 tiles of x86 processors through PoCL (cl/matmul_amx.cl), probed before use. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/matmul_path.h"
#include "host/plan.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    ARCH_REQ_XCOMP_PERM_ = 0x1023,
    XFEATURE_XTILEDATA_ = 18
}; /* asm/prctl.h, Documentation/arch/x86/xstate.rst */

/* The processor has bf16 tiles and vectors, and the kernel lets this process use them (asked for
 * here). */
static bool processor_has_amx(void)
{
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 27)) /* OSXSAVE */
        return false;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low >> 17 & 3) != 3) /* tile configuration and data are saved */
        return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & 1u << 22) ||
        !(d & 1u << 24)) /* AMX-BF16, AMX-TILE */
        return false;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & 1u << 5)) /* AVX512_BF16 */
        return false;
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM_, XFEATURE_XTILEDATA_) == 0;
}
#else
static bool processor_has_amx(void)
{
    return false;
}
#endif

/* ---- packing ---- */

/* shape: rows, K, whether K is contiguous. Items as in cl/matmul_pack_amx.cl. */
static void pack_geometry(const vmg_device *dev, const int *v, const int64_t *shape,
                          size_t global[3], size_t local[3])
{
    (void)dev;
    (void)v;
    const int64_t steps = (shape[1] + VMG_AMX_K - 1) / VMG_AMX_K;
    const int64_t panels = (shape[0] + VMG_PANEL - 1) / VMG_PANEL;
    global[0] = (size_t)(shape[2] ? (steps + 7) / 8 : steps);
    global[1] = (size_t)(shape[2] ? panels : (panels + 7) / 8);
    local[0] = local[1] = 1;
}

static const vmg_kernel_def pack_def = {
    .file = "matmul_pack_amx", .name = "pack_amx", .geometry = pack_geometry};

void vmg_matmul_pack_amx(vmg_ctx *ctx, vmg_tensor t, int64_t I, int64_t K, int64_t stride_i,
                         int64_t stride_k, bool right, vmg_tensor dst)
{
    vmg_launch l = VMG_LAUNCH(&pack_def);
    vmg_define_dtype(&l, "T_SRC", t.dtype);
    vmg_define(&l, "RIGHT=%d", right);
    vmg_define(&l, "K_CONTIGUOUS=%d", stride_k == 1);
    vmg_arg_in(&l, t);
    vmg_arg_out(&l, dst);
    vmg_arg_i64(&l, I);
    vmg_arg_i64(&l, K);
    vmg_arg_i64(&l, stride_i);
    vmg_arg_i64(&l, stride_k);
    l.shape[0] = I;
    l.shape[1] = K;
    l.shape[2] = stride_k == 1;
    l.bytes = (double)vmg_matmul_weight_bytes(VMG_LAYOUT_ROW, t.dtype, I, K) +
              2.0 * (double)I * (double)K;
    vmg_launch_run(ctx, &l);
}

static vmg_tensor pack_operand(vmg_ctx *ctx, vmg_matmul_use use, vmg_tensor t, int64_t I, int64_t K,
                               bool k_contiguous)
{
    vmg_tensor tiles = vmg_matmul_scratch(ctx, use, VMG_BF16,
                                          vmg_matmul_weight_bytes(VMG_LAYOUT_AMX, VMG_BF16, I, K));
    vmg_matmul_pack_amx(ctx, t, I, K, k_contiguous ? t.ld : 1, k_contiguous ? 1 : t.ld,
                        use == VMG_MATMUL_B, tiles);
    return tiles;
}

/* ---- the product ---- */

enum { KB, NB, MB };
enum { SHAPE_ROUNDS = 3 };

static int64_t panels(int64_t n)
{
    return (n + VMG_PANEL - 1) / VMG_PANEL;
}

/* Sums of 32 × 32, and a block of W where it must be rounded first (shape[SHAPE_ROUNDS]). */
static bool amx_valid_values(const vmg_device *dev, const int *v, const int64_t *shape)
{
    const uint64_t sums = 4096ull * (uint64_t)(v[NB] * v[MB]);
    const uint64_t rounded = shape[SHAPE_ROUNDS] ? 64ull * (uint64_t)(v[NB] * v[KB]) : 0;
    return sums + rounded <= dev->local_mem_bytes &&
           vmg_matmul_enough_groups(dev, panels(shape[0]), v[MB], panels(shape[1]), v[NB]);
}

static void amx_geometry(const vmg_device *dev, const int *v, const int64_t *shape,
                         size_t global[3], size_t local[3])
{
    (void)dev;
    global[0] = (size_t)((panels(shape[1]) + v[NB] - 1) / v[NB]);
    global[1] = (size_t)((panels(shape[0]) + v[MB] - 1) / v[MB]);
    local[0] = local[1] = 1;
}

static const vmg_kernel_def amx_def = {
    .file = "matmul_amx",
    .name = "matmul_amx",
    .tunables = {{"KB", {1536, 512, 4096}}, {"NB", {4, 2, 8, 1}}, {"MB", {16, 4, 2, 1}}},
    .valid = amx_valid_values,
    .geometry = amx_geometry};

static void amx_run(vmg_ctx *ctx, const vmg_product *p)
{
    vmg_launch l = VMG_LAUNCH(&amx_def);
    vmg_tensor w = p->b;
    if (w.layout == VMG_LAYOUT_ROW)
        w = pack_operand(ctx, VMG_MATMUL_B, p->b, p->N, p->K, p->trans_b);
    else if (w.layout == VMG_LAYOUT_PANEL)
        vmg_define_dtype(&l, "T_W", w.dtype);
    vmg_arg_in(&l, pack_operand(ctx, VMG_MATMUL_A, p->a, p->M, p->K, !p->trans_a));
    vmg_arg_in(&l, w);
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
static bool probe_run(vmg_ctx *ctx)
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
        amx_run(ctx, &p);
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

/* Asks once per context, even while planning: what is planned depends on the answer. */
static bool has_amx(vmg_ctx *ctx)
{
    if (ctx->matrix_unit == VMG_MATRIX_UNIT_UNKNOWN && !ctx->error) {
        vmg_plan_pause pause;
        vmg_plan_pause_begin(ctx, &pause);
        ctx->matrix_unit = VMG_MATRIX_UNIT_NONE;
        if (ctx->dev.is_pocl && processor_has_amx()) {
            if (probe_run(ctx))
                ctx->matrix_unit = VMG_MATRIX_UNIT_AMX;
            else
                vmg_logf(&ctx->log, VMG_LOG_INFO,
                         "AMX is there but its probe failed, so it is not used: %s",
                         ctx->error ? ctx->message : "wrong sums");
            vmg_ctx_clear(ctx);
        }
        vmg_plan_pause_end(ctx, &pause);
    }
    return ctx->matrix_unit == VMG_MATRIX_UNIT_AMX;
}

const char *vmg_matmul_matrix_unit(vmg_ctx *ctx)
{
    return has_amx(ctx) ? "amx-bf16" : "none";
}

static bool amx_valid(vmg_ctx *ctx, const vmg_product *p)
{
    (void)p;
    return has_amx(ctx);
}

const vmg_matmul_path vmg_matmul_amx = {
    .name = "amx", .kernel = &amx_def, .rounds_to_bf16 = true, .valid = amx_valid, .run = amx_run};
