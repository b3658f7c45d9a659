/* CLBlast's GEMM parameters: known good sets, and which of them is fastest on a device. */
#include "host/blas_tune.h"

#include <clblast_c.h>
#include <math.h>
#include <stdlib.h>

#include "host/arena.h"
#include "host/base/clock.h"
#include "host/base/mem.h"
#include "host/blas.h"
#include "host/op/random.h"
#include "host/tune.h"

enum { N_PARAMS = 16, REPEATS = 5 };

static const char *const names[N_PARAMS] = {"GEMMK", "MWG", "NWG",  "KWG",  "MDIMC", "NDIMC", "MDIMA", "NDIMB",
                                            "KWI",   "VWM", "VWN",  "SA",   "SB",    "STRM",  "STRN",  "KREG"};

/*
 * In the order of `names`. A work-group of MDIMC·NDIMC computes a tile of MWG x NWG; MDIMA and NDIMB are its shape for loading A
 * and B; SA and SB put them into local memory; VWM and VWN are vector widths. CLBlast wants MWG to be a multiple of MDIMC·VWM
 * and MDIMA·VWM, NWG of NDIMC·VWN and NDIMB·VWN, KWG of KWI, MDIMC·NDIMC/MDIMA and MDIMC·NDIMC/NDIMB. GEMMK=1 (blocks in
 * registers) is only right with MWG = NWG (CNugteren/CLBlast#542).
 */
static const size_t sets[][N_PARAMS] = {
    {0, 64, 64, 32, 16, 8, 16, 8, 2, 4, 4, 0, 0, 0, 0, 1},
    {0, 64, 64, 32, 8, 8, 8, 8, 2, 4, 4, 0, 0, 0, 0, 1},
    {0, 64, 64, 16, 8, 8, 8, 8, 2, 4, 4, 1, 1, 0, 0, 1},
    {0, 64, 64, 32, 16, 16, 16, 16, 2, 2, 2, 1, 1, 0, 0, 1},
    {0, 64, 64, 32, 16, 16, 16, 16, 2, 4, 4, 1, 1, 1, 1, 1},
    {0, 128, 64, 16, 16, 8, 16, 8, 2, 4, 4, 1, 1, 0, 0, 1},
    {0, 64, 128, 16, 8, 16, 8, 16, 2, 4, 4, 1, 1, 0, 0, 1},
    {0, 128, 128, 16, 16, 16, 16, 16, 2, 4, 4, 1, 1, 0, 0, 1},
    {0, 128, 128, 32, 16, 16, 32, 32, 2, 4, 4, 1, 1, 0, 0, 1},
    {0, 128, 128, 16, 16, 16, 32, 32, 2, 2, 2, 1, 1, 1, 1, 1},
    {0, 128, 64, 32, 16, 16, 32, 16, 2, 4, 4, 0, 1, 0, 0, 1},
    {0, 64, 128, 32, 16, 16, 16, 32, 2, 4, 4, 1, 0, 0, 0, 1},
    {0, 32, 64, 32, 8, 8, 8, 8, 2, 4, 4, 0, 0, 0, 0, 1},
    {0, 32, 32, 32, 8, 8, 8, 8, 2, 2, 2, 0, 0, 0, 0, 1},
    {1, 32, 32, 1, 8, 8, 8, 8, 1, 4, 4, 0, 0, 0, 0, 4},
    {1, 64, 64, 1, 8, 8, 8, 8, 1, 4, 4, 0, 0, 0, 0, 4},
    {1, 64, 64, 1, 16, 16, 16, 16, 1, 2, 2, 0, 0, 0, 0, 4},
    {1, 128, 128, 1, 16, 16, 16, 16, 1, 4, 4, 0, 0, 0, 0, 4},
};

int vmg_blas_n_sets(void)
{
    return (int)VMG_COUNT(sets);
}

bool vmg_blas_use_set(vmg_ctx *ctx, int set)
{
    if (set < 1 || set > vmg_blas_n_sets() || ctx->error)
        return false;
    CLBlastStatusCode code = CLBlastOverrideParameters(ctx->dev.id, "Xgemm", CLBlastPrecisionSingle, N_PARAMS,
                                                       (const char **)names, sets[set - 1]);
    if (code != CLBlastSuccess)
        vmg_ctx_fail(ctx, VMG_E_DEVICE, "CLBlast refuses its parameter set %d on %s: code %d", set, ctx->dev.name,
                     (int)code);
    return code == CLBlastSuccess;
}

/* One product: operands on the device, and the result every set must give. */
typedef struct product {
    int64_t m, n, k;
    vmg_tensor a, b, c;
    float *want, *got;
} product;

static void multiply(vmg_ctx *ctx, const product *p)
{
    vmg_blas_gemm(ctx, false, true, p->m, p->n, p->k, 1, p->a, p->k, p->b, p->k, 0, p->c, p->n);
}

/* Fastest of a few runs; infinite when it fails (which is forgotten) or is wrong. */
static double time_product(vmg_ctx *ctx, const product *p)
{
    double best = INFINITY, diff = 0, scale = 0;
    multiply(ctx, p);
    vmg_download(ctx, p->c, p->got);
    for (int64_t i = 0; i < p->m * p->n; i++) {
        diff = fmax(diff, fabs((double)p->got[i] - p->want[i]));
        scale = fmax(scale, fabs(p->want[i]));
    }
    for (int i = 0; i < REPEATS && !ctx->error; i++) {
        double t = vmg_now_s();
        multiply(ctx, p);
        if (vmg_ctx_finish(ctx) == VMG_OK)
            best = fmin(best, vmg_now_s() - t);
    }
    bool right = !ctx->error && diff <= 1e-4 * scale;
    vmg_ctx_clear(ctx);
    return right ? best : INFINITY;
}

/* Operands, and the result of the safe set. */
static bool prepare(vmg_ctx *ctx, vmg_arena *arena, const int64_t shape[3], product *p)
{
    *p = (product){.m = shape[0], .n = shape[1], .k = shape[2]};
    p->a = vmg_arena_matrix(arena, VMG_F32, p->m, p->k);
    p->b = vmg_arena_matrix(arena, VMG_F32, p->n, p->k);
    p->c = vmg_arena_matrix(arena, VMG_F32, p->m, p->n);
    p->want = vmg_calloc((size_t)(p->m * p->n), sizeof *p->want);
    p->got = vmg_calloc((size_t)(p->m * p->n), sizeof *p->got);
    if (!p->want || !p->got) {
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return false;
    }
    vmg_op_normal(ctx, 1, 0, 0, p->a);
    vmg_op_normal(ctx, 2, 0, 0, p->b);
    multiply(ctx, p); /* the context's first product sets parameters itself */
    vmg_blas_use_set(ctx, 1);
    multiply(ctx, p);
    vmg_download(ctx, p->c, p->want);
    return ctx->error == VMG_OK;
}

/* The fastest set in sum; 0 when none is right. */
static int fastest_set(vmg_ctx *ctx, const product *p, int n, bool (*progress)(void *user, int done), void *user,
                       double *best_s)
{
    int best = 0;
    *best_s = INFINITY;
    for (int set = 1; set <= vmg_blas_n_sets(); set++) {
        double total = vmg_blas_use_set(ctx, set) ? 0 : INFINITY;
        vmg_ctx_clear(ctx);
        for (int i = 0; i < n && total < *best_s; i++)
            total += time_product(ctx, &p[i]);
        if (total < *best_s) {
            *best_s = total;
            best = set;
        }
        if (progress && !progress(user, set)) {
            vmg_ctx_fail(ctx, VMG_E_INTERRUPTED, "tuning was interrupted");
            break;
        }
    }
    return best;
}

void vmg_blas_tune(vmg_ctx *ctx, const int64_t (*shapes)[3], int n_shapes, bool (*progress)(void *user, int done),
                   void *user)
{
    vmg_arena arena = vmg_arena_make(ctx, 0);
    product *p = vmg_calloc((size_t)n_shapes, sizeof *p);
    const char *const name = VMG_BLAS_TUNE_NAME;
    double best_s;
    int n = 0;
    bool ready = p != NULL;
    while (ready && n < n_shapes)
        ready = prepare(ctx, &arena, shapes[n], &p[n]) && ++n;
    int best = ready ? fastest_set(ctx, p, n, progress, user, &best_s) : 0;
    if (best && !ctx->error)
        vmg_tune_record(ctx, VMG_BLAS_TUNE_KEY, (int64_t[VMG_MAX_SHAPE]){0}, &name, 1, &best, best_s);
    if (best)
        vmg_blas_use_set(ctx, best);
    for (int i = 0; p && i < n_shapes; i++) {
        free(p[i].want);
        free(p[i].got);
    }
    free(p);
    vmg_arena_free(&arena);
}
