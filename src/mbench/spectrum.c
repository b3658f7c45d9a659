/* Metrics of a clip's spectrum: smoothness, share of high frequencies, distance to a reference. */
#include "src/mbench/spectrum.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/status.h"
#include "src/motion/skeleton.h"

enum { POS = 3 * VMG_N_JOINTS, PADDING = 16 };

#define HIGH_HZ 5.0
#define SPARC_CUTOFF_HZ 10.0
#define SPARC_THRESHOLD 0.05
#define STILL 1e-12 /* power below which a signal is constant */

/* power[k] = |sum_t x[t] exp(-2 pi i k t / n_points)|^2 for k < n_bins. */
static void power_spectrum(const double *x, int64_t n, int64_t n_points, int64_t n_bins,
                           double *power)
{
    for (int64_t k = 0; k < n_bins; k++) {
        double step = -2 * M_PI * (double)k / (double)n_points;
        double c = cos(step), s = sin(step), wr = 1, wi = 0, re = 0, im = 0;
        for (int64_t t = 0; t < n; t++) {
            re += x[t] * wr;
            im += x[t] * wi;
            double next = wr * c - wi * s;
            wi = wr * s + wi * c;
            wr = next;
        }
        power[k] = re * re + im * im;
    }
}

/* Length of the curve of the normalised amplitude spectrum up to the adaptive cut-off, negated. */
static double sparc(double *power, int64_t n_bins, double hz_per_bin)
{
    int64_t last = 0;
    double length = 0;
    for (int64_t k = n_bins - 1; k >= 0; k--)
        power[k] = sqrt(power[k] / power[0]);
    for (int64_t k = 0; k < n_bins && (double)k * hz_per_bin <= SPARC_CUTOFF_HZ; k++)
        last = power[k] >= SPARC_THRESHOLD ? k : last;
    for (int64_t k = 1; k <= last; k++)
        length += hypot(1 / (double)last, power[k] - power[k - 1]);
    return -length;
}

static int check(const float *joints, int64_t T)
{
    if (T < 2)
        return vmg_fail(VMG_E_ARG, "a spectrum needs 2 frames, not %lld", (long long)T);
    for (int64_t i = 0; i < T * POS; i++)
        if (!isfinite(joints[i]))
            return vmg_fail(VMG_E_ARG, "joint %s of frame %lld is not finite",
                            vmg_joint_name[i / 3 % VMG_N_JOINTS], (long long)(i / POS));
    return VMG_OK;
}

int vmg_spectrum_measure(const float *joints, int64_t T, double fps, vmg_spectrum *out)
{
    *out = (vmg_spectrum){0};
    int rc = check(joints, T);
    if (rc)
        return rc;
    int64_t n = T - 1, n_padded = PADDING, n_moving = 0;
    while (n_padded < PADDING * n)
        n_padded *= 2;
    int64_t n_bins = n_padded / 2 + 1;
    double *speed = vmg_calloc((size_t)n, 2 * sizeof *speed), *v = speed ? speed + n : NULL;
    double *power = vmg_calloc((size_t)n_bins, sizeof *power);
    if (!speed || !power) {
        free(speed);
        free(power);
        return VMG_E_NOMEM;
    }
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        double high = 0, all = 0;
        memset(speed, 0, (size_t)n * sizeof *speed);
        for (int c = 0; c < 3; c++) {
            for (int64_t t = 0; t < n; t++) {
                const float *p = joints + t * POS + 3 * j + c;
                v[t] = ((double)p[POS] - p[0]) * fps;
                speed[t] += v[t] * v[t];
            }
            power_spectrum(v, n, n, n / 2 + 1, power);
            for (int64_t k = 0; k <= n / 2; k++) {
                double twice = k > 0 && 2 * k < n ? 2 : 1; /* negative frequencies */
                all += twice * power[k];
                high += (double)k * fps / (double)n > HIGH_HZ ? twice * power[k] : 0;
            }
        }
        if (!(all > STILL))
            continue;
        for (int64_t t = 0; t < n; t++)
            speed[t] = sqrt(speed[t]);
        power_spectrum(speed, n, n_padded, n_bins, power);
        out->sparc += sparc(power, n_bins, fps / (double)n_padded);
        out->high_frequency += high / all;
        n_moving++;
    }
    out->sparc /= (double)VMG_MAX(n_moving, 1);
    out->high_frequency /= (double)VMG_MAX(n_moving, 1);
    free(speed);
    free(power);
    return VMG_OK;
}

/* Power spectrum of coordinate i relative to the root, mean removed, made to sum 1; returns its
 * sum. */
static double relative_power(const float *joints, int64_t T, int i, double *x, double *power)
{
    double mean = 0, sum = 0;
    for (int64_t t = 0; t < T; t++) {
        x[t] = (double)joints[t * POS + i] - joints[t * POS + i % 3];
        mean += x[t] / (double)T;
    }
    for (int64_t t = 0; t < T; t++)
        x[t] -= mean;
    power_spectrum(x, T, T, T / 2 + 1, power);
    for (int64_t k = 0; k <= T / 2; k++)
        sum += power[k];
    bool still = !(sum > STILL);
    for (int64_t k = 0; k <= T / 2; k++)
        power[k] = still ? k == 0 : power[k] / sum;
    return still ? 0 : sum;
}

int vmg_spectrum_npss(const float *joints, int64_t T, const float *reference, int64_t T_reference,
                      double *npss)
{
    int rc = check(joints, T);
    rc = rc ? rc : check(reference, T_reference);
    if (rc)
        return rc;
    T = VMG_MIN(T, T_reference);
    double weighted = 0, total = 0;
    double *x = vmg_calloc((size_t)T, 3 * sizeof *x);
    if (!x)
        return VMG_E_NOMEM;
    double *a = x + T, *b = x + 2 * T;
    for (int i = 3; i < POS; i++) {
        double cumulated = 0, distance = 0;
        relative_power(joints, T, i, x, a);
        double power = relative_power(reference, T, i, x, b);
        for (int64_t k = 0; k <= T / 2; k++) {
            cumulated += a[k] - b[k];
            distance += fabs(cumulated);
        }
        weighted += power * distance;
        total += power;
    }
    *npss = total > 0 ? weighted / total : 0;
    free(x);
    return VMG_OK;
}
