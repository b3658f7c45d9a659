/* Bench cases of ops over rows: one setup for all of them. */
#ifndef VMG_TESTS_OP_ROWS_BENCH_H
#define VMG_TESTS_OP_ROWS_BENCH_H

#include "tests/op/suite.h"

typedef struct vmg_rows_shape {
    int64_t R, C;
} vmg_rows_shape;

/* Matrices (R,C) of normals, vectors (1,C), per-row values: all a case may need. */
typedef struct vmg_rows_state {
    int64_t R, C;
    vmg_tensor x, y, z, out;           /* (R,C) */
    vmg_tensor vec[4], grad[4];        /* (8,C), to be read; to be added to */
    vmg_tensor group, row_weight, stats, starts, scalar; /* (R) i32 of 8 equal groups; (R); (R,2); (9) i32; (1) */
} vmg_rows_state;

void *vmg_rows_setup(vmg_ctx *ctx, vmg_arena *arena, const void *shape);

/* A training batch's activations (32 clips of 200 frames), larger than caches. `n_matrices` is how many (R,C) matrices
 * must be read or written. */
#define VMG_ROWS_BENCH(name_, run_, n_matrices)                                                     \
    {                                                                                               \
        .name = name_ " 6400x1536", .setup = vmg_rows_setup, .run = run_, .teardown = free,          \
        .param = &(const vmg_rows_shape){6400, 1536}, .bytes = 4.0 * 6400 * 1536 * (n_matrices),     \
        .baseline = "copy"                                                                           \
    }

#endif
