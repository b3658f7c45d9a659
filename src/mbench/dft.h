/* Power spectra of many short real signals at once, on the host. */
#ifndef VMG_SRC_MBENCH_DFT_H
#define VMG_SRC_MBENCH_DFT_H

#include <stdint.h>

/*
 * Signals are the columns of x (n,lanes), n >= 1. For k = 0 .. N/2:
 *     power[k][lane] = |sum_t x[t][lane] exp(-2 pi i k t / N)|^2
 *
 * Clips have some hundred frames and 66 coordinates. All spectra of 450 of them take 0.2 s here; on a device,
 * clFFT's kernels for the first length alone take 0.1 s and more to build (host/fft.h).
 */

/* N = n, by the definition, all lanes in step; power (n/2+1,lanes). Error VMG_E_NOMEM. */
int vmg_dft_power(const double *x, int64_t n, int64_t lanes, double *power);

/* N = padding times n rounded up to a power of two, zeros appended; padding a power of two >= 2.
 * power (N/2+1,lanes). With N = padding M, bin padding m + r is bin m of the transform of M points of
 * x[t] exp(-2 pi i r t / N): fast transforms that never touch the zeros. Error VMG_E_NOMEM. */
int vmg_dft_power_padded(const double *x, int64_t n, int64_t lanes, int64_t padding, double *power);

/* n rounded up to a power of two. */
int64_t vmg_dft_round_up(int64_t n);

#endif
