/* Metrics of a clip's spectrum: smoothness, share of high frequencies, distance to a reference. */
#include "src/mbench/spectrum.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/status.h"
#include "src/mbench/dft.h"
#include "src/motion/skeleton.h"

enum { POS = 3 * VMG_N_JOINTS, PADDING = 16 };

#define HIGH_HZ 5.0
#define SPARC_CUTOFF_HZ 10.0
#define SPARC_THRESHOLD 0.05
#define STILL 1e-12 /* power below which a signal is constant */

/* Length of the curve of the normalised amplitude spectrum up to the adaptive cut-off, negated. */
static double sparc(const double *power, int64_t stride, int64_t n_bins, double hz_per_bin)
{
    int64_t last = 0;
    double length = 0, before = 1;
    for (int64_t k = 0; k < n_bins && (double)k * hz_per_bin <= SPARC_CUTOFF_HZ; k++)
        last = power[k * stride] >= SPARC_THRESHOLD * SPARC_THRESHOLD * power[0] ? k : last;
    for (int64_t k = 1; k <= last; k++) {
        const double amplitude = sqrt(power[k * stride] / power[0]);
        length += sqrt(1 / ((double)last * (double)last) + (amplitude - before) * (amplitude - before));
        before = amplitude;
    }
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

/* Velocities v (T-1,66) and their lengths, speed (T-1,22). */
static void differentiate(const float *joints, int64_t T, double fps, double *v, double *speed)
{
    for (int64_t i = 0; i < (T - 1) * POS; i++)
        v[i] = ((double)joints[i + POS] - joints[i]) * fps;
    for (int64_t i = 0; i < (T - 1) * VMG_N_JOINTS; i++)
        speed[i] = sqrt(v[3 * i] * v[3 * i] + v[3 * i + 1] * v[3 * i + 1] + v[3 * i + 2] * v[3 * i + 2]);
}

/* Power of joint j's velocity over all frequencies, and above HIGH_HZ; power (n/2+1,66). */
static double joint_power(const double *power, int64_t n, double fps, int j, double *high)
{
    double all = 0;
    *high = 0;
    for (int64_t k = 0; k <= n / 2; k++) {
        const double *p = power + k * POS + 3 * j;
        const double twice = k > 0 && 2 * k < n ? 2 : 1; /* negative frequencies */
        all += twice * (p[0] + p[1] + p[2]);
        *high += (double)k * fps / (double)n > HIGH_HZ ? twice * (p[0] + p[1] + p[2]) : 0;
    }
    return all;
}

int vmg_spectrum_measure(const float *joints, int64_t T, double fps, vmg_spectrum *out)
{
    *out = (vmg_spectrum){0};
    int rc = check(joints, T);
    if (rc)
        return rc;
    const int64_t n = T - 1, n_padded = PADDING * vmg_dft_round_up(n), n_bins = n_padded / 2 + 1;
    double *v = vmg_calloc((size_t)n, (POS + VMG_N_JOINTS) * sizeof *v), *speed = v ? v + n * POS : NULL;
    double *power = vmg_calloc((size_t)(n / 2 + 1), POS * sizeof *power);
    double *padded = vmg_calloc((size_t)n_bins, VMG_N_JOINTS * sizeof *padded);
    int64_t n_moving = 0;
    rc = v && power && padded ? VMG_OK : VMG_E_NOMEM;
    if (!rc) {
        differentiate(joints, T, fps, v, speed);
        rc = vmg_dft_power(v, n, POS, power);
    }
    if (!rc)
        rc = vmg_dft_power_padded(speed, n, VMG_N_JOINTS, PADDING, padded);
    for (int j = 0; !rc && j < VMG_N_JOINTS; j++) {
        double high, all = joint_power(power, n, fps, j, &high);
        if (!(all > STILL))
            continue;
        out->sparc += sparc(padded + j, VMG_N_JOINTS, n_bins, fps / (double)n_padded);
        out->high_frequency += high / all;
        n_moving++;
    }
    out->sparc /= (double)VMG_MAX(n_moving, 1);
    out->high_frequency /= (double)VMG_MAX(n_moving, 1);
    free(v);
    free(power);
    free(padded);
    return rc;
}

/* Power spectra (T/2+1,66) of the coordinates relative to the root, means removed; x (T,66) is
 * scratch. */
static int relative_power(const float *joints, int64_t T, double *x, double *power)
{
    double mean[POS] = {0};
    for (int64_t i = 0; i < T * POS; i++) {
        x[i] = (double)joints[i] - joints[i / POS * POS + i % 3];
        mean[i % POS] += x[i] / (double)T;
    }
    for (int64_t i = 0; i < T * POS; i++)
        x[i] -= mean[i % POS];
    return vmg_dft_power(x, T, POS, power);
}

/* Divide spectrum i by its sum, which is returned; without any power all of it is at 0. */
static double normalise(double *power, int64_t T, int i)
{
    double sum = 0;
    for (int64_t k = 0; k <= T / 2; k++)
        sum += power[k * POS + i];
    const bool still = !(sum > STILL);
    for (int64_t k = 0; k <= T / 2; k++)
        power[k * POS + i] = still ? k == 0 : power[k * POS + i] / sum;
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
    const int64_t n = (T / 2 + 1) * POS;
    double *a = vmg_calloc((size_t)(2 * n + T * POS), sizeof *a);
    double *b = a ? a + n : NULL, *x = a ? b + n : NULL;
    rc = a ? relative_power(joints, T, x, a) : VMG_E_NOMEM;
    if (!rc)
        rc = relative_power(reference, T, x, b);
    for (int i = 3; !rc && i < POS; i++) {
        double cumulated = 0, distance = 0, power = normalise(b, T, i);
        normalise(a, T, i);
        for (int64_t k = 0; k <= T / 2; k++) {
            cumulated += a[k * POS + i] - b[k * POS + i];
            distance += fabs(cumulated);
        }
        weighted += power * distance;
        total += power;
    }
    *npss = total > 0 ? weighted / total : 0;
    free(a);
    return rc;
}
