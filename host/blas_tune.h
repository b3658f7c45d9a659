/* CLBlast's GEMM parameters: known good sets, and which of them is fastest on a device. */
#ifndef VMG_HOST_BLAS_TUNE_H
#define VMG_HOST_BLAS_TUNE_H

#include "host/ctx.h"

/* The sets that CLBlast's kernel Xgemm (single precision) may be given, numbered from 1. Set 1 is safe on every device. */
int vmg_blas_n_sets(void);

/* Make CLBlast use a set on this device from now on, in the whole process. False, with a sticky error, when CLBlast refuses. */
bool vmg_blas_use_set(vmg_ctx *ctx, int set);

/*
 * Time every set on these products C (m,n) = A (m,k) · B (n,k)^T, n_shapes triples of m, n, k, and record the fastest in sum
 * (host/tune.h, key VMG_BLAS_TUNE_KEY). A set that CLBlast or the device refuses, or that is not right on one of them, does
 * not count. `progress` (may be NULL) is told the sets done; false stops with a sticky VMG_E_INTERRUPTED.
 */
void vmg_blas_tune(vmg_ctx *ctx, const int64_t (*shapes)[3], int n_shapes, bool (*progress)(void *user, int done),
                   void *user);

/* Where the tuner keeps the set: a tunable SET at shape 0,0,0,0. */
#define VMG_BLAS_TUNE_KEY "blas.xgemm|f32"
#define VMG_BLAS_TUNE_NAME "SET"

#endif
