/* Timing: medians over repeats, several things in turn so that all meet the same moments of a busy machine. */
#include "bench/harness.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "host/base/clock.h"

enum { N_SLICES = 8, MAX_RUNS = 400, MIN_RUNS = 3 };
static const struct timespec pause = {.tv_nsec = 60000000};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double vmg_bench_median(double *seconds, int n)
{
    qsort(seconds, (size_t)n, sizeof *seconds, by_value);
    return n ? seconds[n / 2] : NAN;
}

/* Appends times to seconds[*n] for one slice; what is slower than it runs once. Returns the time taken. */
static double run_slice(const vmg_bench_subject *s, double slice_s, double *seconds, int *n)
{
    double begun = vmg_now_s(), now = begun;
    for (int k = 0; *n < MAX_RUNS && (k == 0 || now - begun < slice_s); k++) {
        double t = now;
        s->run(s->self);
        now = vmg_now_s();
        seconds[(*n)++] = now - t;
    }
    return now - begun;
}

void vmg_bench_in_turn(vmg_bench_subject *subjects, int n, double seconds)
{
    double *times = calloc((size_t)n * MAX_RUNS, sizeof *times), *spent_s = calloc((size_t)n, sizeof *spent_s);
    for (int i = 0; i < n; i++) {
        subjects[i].median_s = subjects[i].best_s = INFINITY;
        subjects[i].n_runs = 0;
        if (subjects[i].run)
            subjects[i].run(subjects[i].self);
    }
    for (int k = 0; k < N_SLICES * n && times && spent_s; k++) {
        vmg_bench_subject *s = &subjects[k % n];
        if (!s->run || (spent_s[k % n] >= seconds && s->n_runs >= MIN_RUNS))
            continue;
        if (n > 1)
            nanosleep(&pause, NULL);
        spent_s[k % n] += run_slice(s, seconds / N_SLICES, times + (k % n) * MAX_RUNS, &s->n_runs);
    }
    for (int i = 0; i < n && times; i++)
        if (subjects[i].n_runs) {
            double *t = times + i * MAX_RUNS;
            subjects[i].median_s = vmg_bench_median(t, subjects[i].n_runs);
            subjects[i].best_s = t[0];
        }
    free(times);
    free(spent_s);
}

double vmg_bench_geometric_mean(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += log(x[i]);
    return n ? exp(sum / n) : NAN;
}
