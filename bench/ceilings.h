/* What a device can do at most, measured: copying, fused multiply-adds, its matrix unit. */
#ifndef VMG_BENCH_CEILINGS_H
#define VMG_BENCH_CEILINGS_H

#include "bench/harness.h"
#include "host/arena.h"

/* Copying `bytes` from one buffer to another, by the copy op and by clEnqueueCopyBuffer. Failures are sticky. */
typedef struct vmg_bench_copy {
    vmg_ctx *ctx;
    vmg_arena arena;
    vmg_tensor from, to;
} vmg_bench_copy;
void vmg_bench_copy_make(vmg_ctx *ctx, size_t bytes, vmg_bench_copy *c);
void vmg_bench_copy_free(vmg_bench_copy *c);
vmg_bench_subject vmg_bench_copy_by_op(vmg_bench_copy *c);
vmg_bench_subject vmg_bench_copy_by_driver(vmg_bench_copy *c);

/* Bytes a second, read and written together, of the faster of the two. 0 after a failure. */
double vmg_bench_copy_rate(vmg_ctx *ctx, size_t bytes);

/* FLOP/s of one linear layer (m rows through a (n,k) weight packed beforehand), fastest of several runs; 0 after a failure. */
double vmg_bench_linear_rate(vmg_ctx *ctx, int64_t m, int64_t n, int64_t k, vmg_dtype dtype);

/* FLOP/s of independent f32 fused multiply-adds in registers. */
double vmg_bench_fma_rate(vmg_ctx *ctx);

/* FLOP/s of the matrix unit that matmuls may use, operands in its registers; 0 without one. */
double vmg_bench_matrix_rate(vmg_ctx *ctx);

#endif
