/* One op family's cases, defined once: tests check them (tests/op/main.c), bench/bench_ops times them. */
#ifndef VMG_TESTS_OP_SUITE_H
#define VMG_TESTS_OP_SUITE_H

#include "host/arena.h"
#include "host/ctx.h"
#include "host/kernel.h"
#include "tests/harness.h"

/*
 * A timed case. setup() fills state (in memory it gets from the arena or malloc; freed by teardown), run() enqueues
 * the op once. flops/bytes: the work the op must do (operands read once, results written once).
 */
typedef struct vmg_op_bench {
    const char *name;   /* "linear f32 400x1536x1536" */
    void *(*setup)(vmg_ctx *ctx, vmg_arena *arena, const void *param);
    void (*run)(vmg_ctx *ctx, void *state);
    void (*teardown)(void *state);  /* may be NULL */
    const void *param;
    double flops, bytes;
    const char *baseline; /* what bench_ops compares with: "copy", "sgemm M N K", "fma", or NULL */
} vmg_op_bench;

/* A family: its test cases use vmg_test_ctx(). Each tests/op/x.c defines `const vmg_op_suite vmg_suite_x`. */
typedef struct vmg_op_suite {
    const char *name;
    const vmg_test_case *cases;
    size_t n_cases;
    const vmg_op_bench *benches;
    size_t n_benches;
} vmg_op_suite;

/* The context of this test process ($VMG_TEST_DEVICE, else the default device), opened at first use; the program
 * bails out when there is no device. Errors of earlier cases are cleared. */
vmg_ctx *vmg_test_ctx(void);

/* True when $VMG_TEST_SIZE=small (oclgrind, llvmpipe): leave out what takes long. */
bool vmg_test_small(void);

/* True under oclgrind. It takes halves of vectors for uninitialised and runs some kernels of CLBlast and clFFT wrongly, so paths
 * through those libraries are not checked there; tests/oclgrind.sh says what it is for. */
bool vmg_test_oclgrind(void);

/* A tensor on the device holding these f32 values converted to dtype (round to nearest; quantised by host/dtype.h),
 * and back as f32. Owned by the test's arena, which is emptied before each case. */
vmg_tensor vmg_test_tensor(vmg_dtype dtype, int rank, const int64_t *dim, const float *values);
vmg_tensor vmg_test_matrix(vmg_dtype dtype, int64_t rows, int64_t cols, const float *values); /* NULL: undefined */
vmg_tensor vmg_test_ints(int64_t n, const int32_t *values);
void vmg_test_read(vmg_tensor t, float *values);
vmg_arena *vmg_test_arena(void);

/*
 * A matrix amid others' memory: rows x cols inside NaN rows above and below and `pad` NaN columns at each side (so ld >
 * cols), holding `values`, or NaN when NULL, so that an element left unwritten or written outside is seen. `*whole` is
 * for reading back: the surroundings must still be NaN.
 */
vmg_tensor vmg_test_guarded(int64_t rows, int64_t cols, int64_t pad, const float *values, vmg_tensor *whole);
vmg_tensor vmg_test_guarded_as(vmg_dtype dtype, int64_t rows, int64_t cols, int64_t pad, const float *values, vmg_tensor *whole);
void vmg_test_read_guarded(vmg_tensor whole, int64_t pad, float *values);

/* Fills the scratch memory of sums with NaN, so that a part left unwritten is seen. Not under oclgrind, which sees that itself. */
void vmg_test_spoil_scratch(void);

/* The n values as a dtype holds them, and the largest error of storing one in f16 or bf16, as a part of it (f32: 0). */
void vmg_test_round(vmg_dtype dtype, float *x, int64_t n);
double vmg_test_half_unit(vmg_dtype dtype);

/* n reproducible numbers in [-magnitude, magnitude), for the caller to free. */
float *vmg_test_numbers(int64_t n, float magnitude);

/* Runs `run` once per tunable set that is valid on a GPU, on a CPU, as if the device were one: work-group shapes of both
 * kinds are checked wherever the test runs. For kernels whose validity depends on the device's class only. */
void vmg_test_every_class(const vmg_kernel_def *def, void (*run)(void));

/* Runs `run` once per valid tunable set of the kernel (cartesian product; under oclgrind each value beside the defaults), forcing
 * those values. And once per named variant of a vmg_variants set that is valid for the call. */
void vmg_test_every_tunable(const vmg_kernel_def *def, void (*run)(void));
void vmg_test_every_variant(const vmg_variants *set, void (*run)(void));

#endif
