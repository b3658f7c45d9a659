/* Foot_Floating: feet that move with the body instead of standing or stepping. */
#ifndef VMG_SRC_MBENCH_FLOATING_H
#define VMG_SRC_MBENCH_FLOATING_H

#include <stdbool.h>
#include <stdint.h>

/* One foot over T frames, metres and metres per frame. */
typedef struct vmg_foot_track {
    float *height, *speed;
    float *relative_speed; /* of foot - root */
    float *slide;          /* horizontal speed */
    bool *contact;
} vmg_foot_track;

/*
 * (invalid frames + sum floating runs / 2 + sum mass-floating lengths) / T for the left and right
 * foot. With root speed d and rate = relative speed / (d + 1e-6):
 *
 * - A frame with d >= 0.001 is checked. A foot is suspect when its speed is above 1.2e-4 and its
 * rate below 0.6, or above 1.75 with d > 1.2e-4. Feet are flagged when both are in contact and both
 * suspect, or when exactly one is in contact and that one is suspect. Invalid frames have a flag.
 * - Each maximal run of a foot without contact of at least 4 frames, unless more than half of its
 * frames have d < 0.001: every maximal stretch of rate < 0.4 in it adds its length to the floating
 * runs.
 * - Both feet off: every overlap of a left and a right run of at least 4 frames, in which the
 * direction of the left foot from its place at the start, against its final direction, oscillates
 * (more than two local maxima of the angle), adds its length to mass floating.
 *
 * joints (T,22,3) gives the left foot's path. Errors: VMG_E_NOMEM.
 */
int vmg_foot_floating(const float *joints, int64_t T, const vmg_foot_track foot[2],
                      const float *root_speed, double *value);

#endif
