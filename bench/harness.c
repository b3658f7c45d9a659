/* Timing: medians over repeats, several things in turn so that all meet the same moments of a busy machine. */
#include "bench/harness.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

enum { N_SLICES = 8, MAX_RUNS = 400, MIN_RUNS_PER_SLICE = 2 };
static const struct timespec pause = {.tv_nsec = 60000000};

double vmg_bench_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Appends times to seconds[*n] for one slice. */
static void run_slice(const vmg_bench_subject *s, double slice_s, double *seconds, int *n)
{
    double begun = vmg_bench_now_s(), now = begun;
    for (int k = 0; *n < MAX_RUNS && (k < MIN_RUNS_PER_SLICE || now - begun < slice_s); k++) {
        double t = now;
        s->run(s->self);
        now = vmg_bench_now_s();
        seconds[(*n)++] = now - t;
    }
}

void vmg_bench_in_turn(vmg_bench_subject *subjects, int n, double seconds)
{
    double *times = calloc((size_t)n * MAX_RUNS, sizeof *times);
    for (int i = 0; i < n; i++) {
        subjects[i].median_s = subjects[i].best_s = INFINITY;
        subjects[i].n_runs = 0;
        if (subjects[i].run)
            subjects[i].run(subjects[i].self);
    }
    for (int k = 0; k < N_SLICES * n && times; k++) {
        vmg_bench_subject *s = &subjects[k % n];
        if (!s->run)
            continue;
        if (n > 1)
            nanosleep(&pause, NULL);
        run_slice(s, seconds / N_SLICES, times + (k % n) * MAX_RUNS, &s->n_runs);
    }
    for (int i = 0; i < n && times; i++)
        if (subjects[i].n_runs) {
            double *t = times + i * MAX_RUNS;
            qsort(t, (size_t)subjects[i].n_runs, sizeof *t, by_value);
            subjects[i].median_s = t[subjects[i].n_runs / 2];
            subjects[i].best_s = t[0];
        }
    free(times);
}

double vmg_bench_geometric_mean(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += log(x[i]);
    return n ? exp(sum / n) : NAN;
}
