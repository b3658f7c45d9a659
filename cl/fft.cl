/*
 * Discrete Fourier transforms of real rows by their definition, and powers of spectra.
 *
 *     X_k = sum_n x_n exp(-2 pi i nk/N),   k = 0 .. N/2
 *
 * One work-item per (k, row). `table` (N, 2) holds cos and sin of 2 pi j/N; it is read at j = nk mod N.
 */
#ifdef DIRECT
/* Terms added at once: short sums keep the rounding error from growing with N. */
#define BLOCK 64

__kernel void dft_direct(CTENSOR(x), CTENSOR(table), TENSOR(out), int n)
{
    const int k = get_global_id(0), n_out = n / 2 + 1;
    const ulong r = get_global_id(1);
    __global const float *row = CF32(x) + r * n;
    float re = 0.0f, im = 0.0f;
    long j = 0;
    if (k >= n_out)
        return;
    for (int first = 0; first < n; first += BLOCK) {
        const int last = min(first + BLOCK, n);
        float re_part = 0.0f, im_part = 0.0f;
        for (int i = first; i < last; i++) {
            re_part += row[i] * CF32(table)[2 * j];
            im_part -= row[i] * CF32(table)[2 * j + 1];
            j += k;
            j -= j >= n ? n : 0;
        }
        re += re_part;
        im += im_part;
    }
    const ulong at = r * n_out + k;
#if POWER
    F32(out)[at] = re * re + im * im;
#else
    F32(out)[2 * at] = re;
    F32(out)[2 * at + 1] = im;
#endif
}
#endif

#ifdef POWER_OF
/* power[i] = |spectrum[i]|^2. */
__kernel void power_of(CTENSOR(spectrum), TENSOR(power), ulong n)
{
    const ulong i = get_global_id(0);
    if (i >= n)
        return;
    const float re = CF32(spectrum)[2 * i], im = CF32(spectrum)[2 * i + 1];
    F32(power)[i] = re * re + im * im;
}
#endif
