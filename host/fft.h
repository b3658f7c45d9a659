/* Fourier transforms of real rows: the only place that calls clFFT. */
#ifndef VMG_HOST_FFT_H
#define VMG_HOST_FFT_H

#include "host/kernel.h"

/*
 * Row by row, for k = 0 .. N/2:  X_k = Σ_n x_n exp(-2πi nk/N), not normalised. x (R,N) f32 dense, N >= 1 of
 * any factors.
 * Two implementations: "clfft" for lengths whose prime factors are at most 13 (its plans are kept in the context;
 * the first transform of a length builds its kernels, 0.1 s and more), "direct" for any length, N²/2 products a
 * row. The direct one is the default until a call has enough work to be worth clFFT's preparation.
 */
/* spectrum (R, N/2+1, 2) f32: real and imaginary part. */
void vmg_fft_real(vmg_ctx *ctx, vmg_tensor x, vmg_tensor spectrum);
/* power (R, N/2+1) f32: |X_k|². The sum over all N frequencies counts every k but 0 and N/2 (N even) twice and is
 * N Σ x². */
void vmg_fft_power(vmg_ctx *ctx, vmg_tensor x, vmg_tensor power);

/* For tests. */
extern const vmg_variants vmg_fft_variants;

#endif
