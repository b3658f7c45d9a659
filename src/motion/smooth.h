/* Temporal Gaussian smoothing of features on the host. */
#ifndef VMG_SRC_MOTION_SMOOTH_H
#define VMG_SRC_MOTION_SMOOTH_H

#include <stdint.h>

/* What follows sampling in the published model. */
enum { VMG_SMOOTH_WIDTH = 5 };
#define VMG_SMOOTH_SIGMA 1.0

/*
 * Every feature of x (T,C) convolved along time with a Gaussian of odd `width` taps and standard
 * deviation `sigma` frames, taps normalised to sum 1; the first and last width/2 frames stay as
 * they were. In place. Errors: VMG_E_ARG (width even or below 1, sigma not positive), VMG_E_NOMEM.
 */
int vmg_smooth_gaussian(float *x, int64_t T, int64_t C, int width, double sigma);

#endif
