/* Matrix products by CLBlast: the only place that calls it. */
#include "host/blas.h"

#include <clblast_c.h>
#include <stdlib.h>

#include "host/base/mem.h"
#include "host/blas_params.h"
#include "host/profile.h"

/* CLBlast's portable parameters of the plain kernel, safe on every device. */
static const struct {
    const char *name;
    size_t value;
} safe_gemm[] = {
    {"GEMMK", 0}, {"KREG", 1},  {"KWG", 32},  {"KWI", 2},  {"MDIMA", 16}, {"MDIMC", 16},
    {"MWG", 64},  {"NDIMB", 8}, {"NDIMC", 8}, {"NWG", 64}, {"SA", 0},     {"SB", 0},
    {"STRM", 0},  {"STRN", 0},  {"VWM", 4},   {"VWN", 4},
};

static void free_state(vmg_ctx *ctx, void *state)
{
    (void)ctx;
    free(state);
}

/*
 * Up to CLBlast 1.6.2 the kernel GEMMK=1 is wrong when MWG differs from NWG (CNugteren/CLBlast#542, seen on Intel
 * Arc), and some entries of its own table say so: they are replaced before the first product.
 */
static bool prepare(vmg_ctx *ctx)
{
    if (ctx->error || ctx->plan)
        return false;
    if (vmg_ctx_slot(ctx, VMG_SLOT_BLAS))
        return true;
    if (vmg_blas_param(ctx->dev.id, "Xgemm", "GEMMK") == 1 &&
        vmg_blas_param(ctx->dev.id, "Xgemm", "MWG") !=
            vmg_blas_param(ctx->dev.id, "Xgemm", "NWG")) {
        const char *names[VMG_COUNT(safe_gemm)];
        size_t values[VMG_COUNT(safe_gemm)];
        for (size_t i = 0; i < VMG_COUNT(safe_gemm); i++) {
            names[i] = safe_gemm[i].name;
            values[i] = safe_gemm[i].value;
        }
        CLBlastStatusCode code = CLBlastOverrideParameters(
            ctx->dev.id, "Xgemm", CLBlastPrecisionSingle, VMG_COUNT(safe_gemm), names, values);
        if (code != CLBlastSuccess) {
            vmg_ctx_fail(
                ctx, VMG_E_DEVICE,
                "CLBlast refuses the parameters that avoid its wrong kernel on %s: code %d",
                ctx->dev.name, (int)code);
            return false;
        }
    }
    int *state = vmg_calloc(1, sizeof *state);
    if (!state) {
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return false;
    }
    vmg_ctx_slot_set(ctx, VMG_SLOT_BLAS, state, free_state);
    return true;
}

static CLBlastTranspose transpose(bool yes)
{
    return yes ? CLBlastTransposeYes : CLBlastTransposeNo;
}

static size_t elements(vmg_tensor t)
{
    return t.off_bytes / sizeof(float);
}

static void finish(vmg_ctx *ctx, CLBlastStatusCode code, cl_event event, const char *name,
                   int64_t batch, int64_t m, int64_t n, int64_t k)
{
    double mn = (double)m * (double)n, mk = (double)m * (double)k, nk = (double)n * (double)k;
    if (code != CLBlastSuccess)
        vmg_ctx_fail(ctx, code == CLBlastTempBufferAllocFailure ? VMG_E_NOMEM : VMG_E_DEVICE,
                     "CLBlast's %s of %lld x (%lld,%lld,%lld): %s (code %d) on %s", name,
                     (long long)batch, (long long)m, (long long)n, (long long)k,
                     vmg_cl_error_name((cl_int)code), (int)code, ctx->dev.name);
    else if (ctx->profile)
        vmg_profile_add(ctx, name, event, 2.0 * (double)batch * mn * (double)k,
                        4.0 * (double)batch * (mn + mk + nk));
}

void vmg_blas_gemm(vmg_ctx *ctx, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k,
                   float alpha, vmg_tensor a, int64_t lda, vmg_tensor b, int64_t ldb, float beta,
                   vmg_tensor c, int64_t ldc)
{
    cl_event event = NULL;
    if (!prepare(ctx))
        return;
    CLBlastStatusCode code = CLBlastSgemm(
        CLBlastLayoutRowMajor, transpose(trans_a), transpose(trans_b), (size_t)m, (size_t)n,
        (size_t)k, alpha, a.buf, elements(a), (size_t)lda, b.buf, elements(b), (size_t)ldb, beta,
        c.buf, elements(c), (size_t)ldc, &ctx->queue, ctx->profile ? &event : NULL);
    finish(ctx, code, event, "blas.gemm", 1, m, n, k);
}

void vmg_blas_gemm_strided_batched(vmg_ctx *ctx, bool trans_a, bool trans_b, int64_t m, int64_t n,
                                   int64_t k, float alpha, vmg_tensor a, int64_t lda,
                                   int64_t stride_a, vmg_tensor b, int64_t ldb, int64_t stride_b,
                                   float beta, vmg_tensor c, int64_t ldc, int64_t stride_c,
                                   int64_t batch)
{
    cl_event event = NULL;
    if (batch == 0 || !prepare(ctx))
        return;
    CLBlastStatusCode code = CLBlastSgemmStridedBatched(
        CLBlastLayoutRowMajor, transpose(trans_a), transpose(trans_b), (size_t)m, (size_t)n,
        (size_t)k, alpha, a.buf, elements(a), (size_t)lda, (size_t)stride_a, b.buf, elements(b),
        (size_t)ldb, (size_t)stride_b, beta, c.buf, elements(c), (size_t)ldc, (size_t)stride_c,
        (size_t)batch, &ctx->queue, ctx->profile ? &event : NULL);
    finish(ctx, code, event, "blas.gemm_strided_batched", batch, m, n, k);
}
