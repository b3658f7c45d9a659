/* Matrix products by CLBlast, which only host/blas* call. */
#ifndef VMG_HOST_BLAS_H
#define VMG_HOST_BLAS_H

#include "host/ctx.h"

/*
 * C (m,n) = alpha · op(A) · op(B) + beta · C, row-major f32; op(A) is (m,k), op(B) is (k,n),
 * transposing the stored matrix when its flag is set. a, b, c give buffer and offset; ld* is the
 * distance between stored rows, in elements. With beta = 0, C is not read. m, n, k > 0.
 *
 * Failures are sticky in the context. Nothing is enqueued in plan mode, where CLBlast's own
 * temporary memory (up to a padded copy of the three matrices) is not counted.
 */
void vmg_blas_gemm(vmg_ctx *ctx, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k,
                   float alpha, vmg_tensor a, int64_t lda, vmg_tensor b, int64_t ldb, float beta,
                   vmg_tensor c, int64_t ldc);

/* The same for `batch` products; matrix i of A begins stride_a elements after matrix i-1. */
void vmg_blas_gemm_strided_batched(vmg_ctx *ctx, bool trans_a, bool trans_b, int64_t m, int64_t n,
                                   int64_t k, float alpha, vmg_tensor a, int64_t lda,
                                   int64_t stride_a, vmg_tensor b, int64_t ldb, int64_t stride_b,
                                   float beta, vmg_tensor c, int64_t ldc, int64_t stride_c,
                                   int64_t batch);

#endif
