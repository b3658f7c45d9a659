/* What a user could call instead of the matmul ops: OpenBLAS and CLBlast, on the same product. */
#ifndef VMG_BENCH_BASELINES_H
#define VMG_BENCH_BASELINES_H

#include "bench/harness.h"
#include "host/arena.h"

/* C (M,N) = A (M,K) · B (N,K)^T in f32, on the host and on the device. */
typedef struct vmg_bench_product {
    vmg_ctx *ctx;
    int M, N, K;
    float *a, *b, *c;      /* host */
    vmg_arena arena;
    vmg_tensor da, db, dc; /* device */
} vmg_bench_product;

/* Operands of zeros and ones; sticky errors. Free even after a failure. */
void vmg_bench_product_make(vmg_ctx *ctx, int M, int N, int K, vmg_bench_product *p);
void vmg_bench_product_free(vmg_bench_product *p);

/* Subjects for vmg_bench_in_turn; run is NULL for OpenBLAS when this build has none. */
vmg_bench_subject vmg_bench_openblas(vmg_bench_product *p);
vmg_bench_subject vmg_bench_clblast(vmg_bench_product *p);

/* "SkylakeX, 2 threads", or "none". */
const char *vmg_bench_openblas_name(void);

/* The OPENBLAS_CORETYPE for this processor when OpenBLAS, not knowing it, took kernels far older; else NULL. */
const char *vmg_bench_openblas_better(void);

#endif
