/* What a user could call instead of the matmul ops: OpenBLAS and CLBlast, on the same product. */
#include "bench/baselines.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "config.h"
#include "host/base/mem.h"
#include "host/blas.h"

#ifdef HAVE_OPENBLAS
#include <cblas.h>

static void run_openblas(void *self)
{
    vmg_bench_product *p = self;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, p->M, p->N, p->K, 1.0f, p->a, p->K, p->b, p->K, 0.0f, p->c,
                p->N);
}

vmg_bench_subject vmg_bench_openblas(vmg_bench_product *p)
{
    return (vmg_bench_subject){run_openblas, p, 0, 0, 0};
}

const char *vmg_bench_openblas_name(void)
{
    static char name[96];
    snprintf(name, sizeof name, "%s, %d threads", openblas_get_corename(), openblas_get_num_threads());
    return name;
}

const char *vmg_bench_openblas_better(void)
{
#ifdef __x86_64__
    static const char *const old[] = {"Prescott", "Core2", "Nehalem", "Generic"};
    for (size_t i = 0; i < VMG_COUNT(old); i++)
        if (!strcasecmp(openblas_get_corename(), old[i]))
            return __builtin_cpu_supports("avx512vl") ? "SkylakeX" : __builtin_cpu_supports("avx2") ? "Haswell" : NULL;
#endif
    return NULL;
}
#else
vmg_bench_subject vmg_bench_openblas(vmg_bench_product *p)
{
    return (vmg_bench_subject){NULL, p, 0, 0, 0};
}

const char *vmg_bench_openblas_name(void)
{
    return "none";
}

const char *vmg_bench_openblas_better(void)
{
    return NULL;
}
#endif

static void run_clblast(void *self)
{
    vmg_bench_product *p = self;
    vmg_blas_gemm(p->ctx, false, true, p->M, p->N, p->K, 1, p->da, p->K, p->db, p->K, 0, p->dc, p->N);
    vmg_ctx_finish(p->ctx);
}

vmg_bench_subject vmg_bench_clblast(vmg_bench_product *p)
{
    return (vmg_bench_subject){run_clblast, p, 0, 0, 0};
}

static float *numbers(size_t n)
{
    float *x = vmg_calloc(n, sizeof *x);
    for (size_t i = 0; x && i < n; i++)
        x[i] = (float)(i % 2);
    return x;
}

void vmg_bench_product_make(vmg_ctx *ctx, int M, int N, int K, vmg_bench_product *p)
{
    *p = (vmg_bench_product){.ctx = ctx, .M = M, .N = N, .K = K, .arena = vmg_arena_make(ctx, 0)};
    p->a = numbers((size_t)M * (size_t)K);
    p->b = numbers((size_t)N * (size_t)K);
    p->c = numbers((size_t)M * (size_t)N);
    p->da = vmg_arena_matrix(&p->arena, VMG_F32, M, K);
    p->db = vmg_arena_matrix(&p->arena, VMG_F32, N, K);
    p->dc = vmg_arena_matrix(&p->arena, VMG_F32, M, N);
    if (!p->a || !p->b || !p->c) {
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return;
    }
    vmg_upload(ctx, p->da, p->a);
    vmg_upload(ctx, p->db, p->b);
}

void vmg_bench_product_free(vmg_bench_product *p)
{
    vmg_arena_free(&p->arena);
    free(p->a);
    free(p->b);
    free(p->c);
}
