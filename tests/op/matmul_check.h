/* What tests of matrix products share: a described product, run and compared with a double
 * reference. */
#ifndef VMG_TESTS_OP_MATMUL_CHECK_H
#define VMG_TESTS_OP_MATMUL_CHECK_H

#include "host/op/matmul_path.h"

/* Parts of an epilogue. */
enum {
    BIAS = 1,
    PREACT = 2,
    GELU = 4,
    SILU = 8,
    MUL = 16,
    GATE = 32,
    GROUP = 64,
    RESIDUAL = 128,
    IN_PLACE = 256,
    ACCUMULATE = 512,
    N_PARTS = 10
};

typedef struct vmg_matmul_problem {
    int64_t M, N, K;
    vmg_dtype dtype;
    vmg_layout layout;
    int parts;
    int64_t pad;                    /* columns beside each matrix that may have them */
    bool trans_a, trans_b, general; /* general: vmg_op_matmul, else vmg_op_linear */
    float alpha;
    vmg_dtype a_dtype, out_dtype; /* of the activations and of the result (and what it is multiplied with) */
} vmg_matmul_problem;

/* Random operands, NaN around every matrix and in every output; runs the product on one path, or
 * (NULL) on every path that takes it, and checks each against the reference. Returns on how many it
 * ran. */
int vmg_matmul_check(const vmg_matmul_problem *problem, const vmg_matmul_path *only);

/* n random values, at least one; free(). */
float *vmg_matmul_numbers(int64_t n);

#endif
