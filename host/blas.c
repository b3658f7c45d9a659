/* Matrix products by CLBlast; with blas_params.cc and blas_tune.c the only place that calls it. */
#include "host/blas.h"

#include <clblast_c.h>
#include <stdlib.h>

#include "host/base/mem.h"
#include "host/blas_params.h"
#include "host/blas_tune.h"
#include "host/profile.h"
#include "host/tune.h"

static void free_state(vmg_ctx *ctx, void *state)
{
    (void)ctx;
    free(state);
}

/*
 * Before the first product: the parameters that were tuned, else CLBlast's own. Up to CLBlast 1.6.2
 * the kernel GEMMK=1 is wrong when MWG differs from NWG (CNugteren/CLBlast#542, seen on Intel Arc),
 * and some entries of its own table say so: those are replaced by the safe set.
 */
static bool prepare(vmg_ctx *ctx)
{
    if (ctx->error || ctx->plan)
        return false;
    if (vmg_ctx_slot(ctx, VMG_SLOT_BLAS))
        return true;
    const char *const name = VMG_BLAS_TUNE_NAME;
    int set = 0;
    if (!vmg_tune_lookup(ctx, VMG_BLAS_TUNE_KEY, (int64_t[VMG_MAX_SHAPE]){0}, &name, 1, &set) ||
        set < 1 || set > vmg_blas_n_sets())
        set = vmg_blas_param(ctx->dev.id, "Xgemm", "GEMMK") == 1 &&
              vmg_blas_param(ctx->dev.id, "Xgemm", "MWG") !=
                  vmg_blas_param(ctx->dev.id, "Xgemm", "NWG");
    if (set && !vmg_blas_use_set(ctx, set))
        return false;
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
