/* What bench_ops measured, and what is expected of it. */
#ifndef VMG_BENCH_RESULTS_H
#define VMG_BENCH_RESULTS_H

#include <cjson/cJSON.h>

#include "tests/op/suite.h"

/* One case. Times are medians; NAN or infinity where nothing was measured. */
typedef struct vmg_bench_result {
    const char *suite;
    const vmg_op_bench *bench;
    double seconds, openblas_s, clblast_s;
    double copy_rate; /* of as many bytes; 0 unless the case is compared with copying */
} vmg_bench_result;

/* The device's ceilings (bench/ceilings.h). NAN when not measured: the time from a start to its first result, and attention's
 * rate over the f32 linear layer's, the two timed in turn. */
typedef struct vmg_bench_device {
    double fma_rate, matrix_rate, start_s, attention_share;
    const char *matrix_unit; /* vmg_matmul_matrix_unit */
} vmg_bench_device;

/* The two cases of attention_share. */
#define VMG_BENCH_ATTENTION "attention B=2 H=12 T=200 D=128"
#define VMG_BENCH_LINEAR "linear F32 400,1536,1536"

/* One expectation: measured is NAN when its cases were not run. */
typedef struct vmg_bench_expectation {
    char label[112];
    double expected, measured;
    bool at_most; /* else at least */
} vmg_bench_expectation;

enum { VMG_BENCH_MAX_EXPECTATIONS = 8 };

/* What this project promises on a processor of two cores, from these results. Returns how many. */
int vmg_bench_expectations(const vmg_bench_result *r, int n, const vmg_bench_device *d, vmg_bench_expectation *out);

/* One line for a case, one table, and both as JSON. */
void vmg_bench_print_result(const vmg_bench_result *r, const vmg_bench_device *d);
void vmg_bench_print_expectations(const vmg_bench_expectation *e, int n);
cJSON *vmg_bench_to_json(const vmg_bench_result *r, int n, const vmg_bench_device *d, const vmg_bench_expectation *e,
                         int n_expectations);

#endif
