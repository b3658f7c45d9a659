/* Metrics of a clip's spectrum, this project's own beside MBench's. */
#ifndef VMG_SRC_MBENCH_SPECTRUM_H
#define VMG_SRC_MBENCH_SPECTRUM_H

#include <stdint.h>

typedef struct vmg_spectrum {
    /* Smoothness: spectral arc length of the joints' speed, mean over joints (Balasubramanian et
     * al. 2015; cut-off 10 Hz, amplitude threshold 0.05, zero-padded 16-fold). Negative, closer to
     * 0 is smoother; joints that do not move are left out, 0 if none moves. */
    double sparc;
    /* Share of the energy of the joints' velocity above 5 Hz, mean over the joints that move. */
    double high_frequency;
} vmg_spectrum;

/* joints (T,22,3) at fps. T >= 2. Errors: VMG_E_ARG (short or not finite), VMG_E_NOMEM. */
int vmg_spectrum_measure(const float *joints, int64_t T, double fps, vmg_spectrum *out);

/*
 * NPSS (Gopalakrishnan et al. 2019): distance of two clips' normalised power spectra, 0 for equal
 * ones. For each coordinate of the joints relative to the root, mean removed: power spectra over
 * the first min(T) frames, each divided by its sum; earth mover's distance = sum |difference of the
 * cumulated spectra|; mean over coordinates weighted by the reference's total power. Coordinates in
 * which a clip does not move count as all power at frequency 0.
 */
int vmg_spectrum_npss(const float *joints, int64_t T, const float *reference, int64_t T_reference,
                      double *npss);

#endif
