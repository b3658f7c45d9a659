/* Fourier transforms whose innermost loops run over signals. */
#include "src/mbench/dft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"

int64_t vmg_dft_round_up(int64_t n)
{
    int64_t p = 1;
    while (p < n)
        p *= 2;
    return p;
}

/* cos and sin of 2 pi i / n for i < n, interleaved. */
static double *circle(int64_t n)
{
    double *w = vmg_calloc((size_t)n, 2 * sizeof *w);
    for (int64_t i = 0; w && i < n; i++) {
        w[2 * i] = cos(2 * M_PI * (double)i / (double)n);
        w[2 * i + 1] = sin(2 * M_PI * (double)i / (double)n);
    }
    return w;
}

int vmg_dft_power(const double *x, int64_t n, int64_t lanes, double *power)
{
    double *w = circle(n), *sum = vmg_calloc((size_t)lanes, 2 * sizeof *sum);
    int rc = w && sum ? VMG_OK : VMG_E_NOMEM;
    for (int64_t k = 0; !rc && k <= n / 2; k++) {
        double *restrict re = sum, *restrict im = sum + lanes;
        memset(sum, 0, (size_t)lanes * 2 * sizeof *sum);
        for (int64_t t = 0, at = 0; t < n; t++, at = at + k < n ? at + k : at + k - n) {
            const double c = w[2 * at], s = w[2 * at + 1];
            const double *restrict v = x + t * lanes;
            for (int64_t l = 0; l < lanes; l++) {
                re[l] += c * v[l];
                im[l] -= s * v[l];
            }
        }
        for (int64_t l = 0; l < lanes; l++)
            power[k * lanes + l] = re[l] * re[l] + im[l] * im[l];
    }
    free(w);
    free(sum);
    return rc;
}

/*
 * Decimation in frequency, in place: row m of the result lies at m with its bits reversed. re and im
 * (M,lanes); w is the circle of n_circle points, a multiple of M.
 */
static void transform(double *re, double *im, int64_t M, int64_t lanes, const double *w,
                      int64_t n_circle)
{
    for (int64_t half = M / 2; half >= 1; half /= 2)
        for (int64_t i = 0; i < half; i++) {
            const int64_t at = i * (n_circle / (2 * half));
            const double c = w[2 * at], s = -w[2 * at + 1];
            for (int64_t base = i; base < M; base += 2 * half) {
                double *restrict ar = re + base * lanes, *restrict ai = im + base * lanes;
                double *restrict br = ar + half * lanes, *restrict bi = ai + half * lanes;
                for (int64_t l = 0; l < lanes; l++) {
                    const double dr = ar[l] - br[l], di = ai[l] - bi[l];
                    ar[l] += br[l];
                    ai[l] += bi[l];
                    br[l] = dr * c - di * s;
                    bi[l] = dr * s + di * c;
                }
            }
        }
}

static int64_t reversed(int64_t m, int64_t M)
{
    int64_t r = 0;
    for (; M > 1; M /= 2, m /= 2)
        r = 2 * r + m % 2;
    return r;
}

/* x[t] exp(-2 pi i r t / N), followed by zeros. */
static void modulate(const double *x, int64_t n, int64_t M, int64_t lanes, int64_t r,
                     const double *w, int64_t N, double *re, double *im)
{
    memset(re + n * lanes, 0, (size_t)((M - n) * lanes) * sizeof *re);
    memset(im + n * lanes, 0, (size_t)((M - n) * lanes) * sizeof *im);
    for (int64_t t = 0; t < n; t++) {
        const double c = w[2 * (r * t % N)], s = -w[2 * (r * t % N) + 1];
        for (int64_t l = 0; l < lanes; l++) {
            re[t * lanes + l] = c * x[t * lanes + l];
            im[t * lanes + l] = s * x[t * lanes + l];
        }
    }
}

int vmg_dft_power_padded(const double *x, int64_t n, int64_t lanes, int64_t padding, double *power)
{
    const int64_t M = vmg_dft_round_up(n), N = padding * M;
    double *w = circle(N), *re = vmg_calloc((size_t)(M * lanes), 2 * sizeof *re);
    double *im = re ? re + M * lanes : NULL;
    int rc = w && re ? VMG_OK : VMG_E_NOMEM;
    /* bins N - k are those of k, conjugated: half of the r do */
    for (int64_t r = 0; !rc && r <= padding / 2; r++) {
        modulate(x, n, M, lanes, r, w, N, re, im);
        transform(re, im, M, lanes, w, N);
        for (int64_t m = 0; m < M; m++) {
            const int64_t k = padding * m + r, bin = k <= N / 2 ? k : N - k;
            const double *a = re + reversed(m, M) * lanes, *b = im + reversed(m, M) * lanes;
            for (int64_t l = 0; l < lanes; l++)
                power[bin * lanes + l] = a[l] * a[l] + b[l] * b[l];
        }
    }
    free(w);
    free(re);
    return rc;
}
