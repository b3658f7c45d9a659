/* What a device can do at most, measured: copying, fused multiply-adds, its matrix unit. */
#ifndef VMG_BENCH_CEILINGS_H
#define VMG_BENCH_CEILINGS_H

#include "host/ctx.h"

/* Bytes a second read and written together when copying `bytes` from one buffer to another: the faster of
 * clEnqueueCopyBuffer and the copy op. Remembered per size. 0 after a failure. */
double vmg_bench_copy_rate(vmg_ctx *ctx, size_t bytes);

/* FLOP/s of independent f32 fused multiply-adds in registers. */
double vmg_bench_fma_rate(vmg_ctx *ctx);

/* FLOP/s of the matrix unit that matmuls may use, operands in its registers; 0 without one. */
double vmg_bench_matrix_rate(vmg_ctx *ctx);

#endif
