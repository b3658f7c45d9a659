/* Timing: medians over repeats, several things in turn so that all meet the same moments of a busy machine. */
#ifndef VMG_BENCH_HARNESS_H
#define VMG_BENCH_HARNESS_H

#include <stdbool.h>

/* Sorts; NaN for n = 0. */
double vmg_bench_median(double *seconds, int n);

/* Something to time. run() returns when the work is done. */
typedef struct vmg_bench_subject {
    void (*run)(void *self);
    void *self;
    double median_s, best_s; /* out; infinite when run is NULL */
    int n_runs;              /* out */
} vmg_bench_subject;

/*
 * Warm each subject up, then run them in turn, in slices, until each has had about `seconds` and three runs. Between slices comes a pause:
 * libraries whose threads spin for a while after their work would otherwise take the next one's processors.
 */
void vmg_bench_in_turn(vmg_bench_subject *subjects, int n, double seconds);

/* exp(mean(log x)); NaN for n = 0. */
double vmg_bench_geometric_mean(const double *x, int n);

#endif
