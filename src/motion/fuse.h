/* Positions and velocities of generated features brought to agree: the one is exact in the long run, the other from frame to frame. */
#ifndef VMG_SRC_MOTION_FUSE_H
#define VMG_SRC_MOTION_FUSE_H

#include <stdint.h>

/*
 * Replace positions, root translation and root orientation of features x (T,276), in metres, by those that explain both what
 * is stored and the stored velocities best, in the sense of least squares: the minimum over p of
 *
 *     Σ_t λ |p_t - position_t|² + Σ_t |p_{t+1} - p_t - velocity_t|²,      λ = (std of velocity / std of position)²
 *
 * per coordinate, which is the likeliest p when a network makes errors of one size in all of its normalised features. std (276) is
 * what they were normalised with. Orientation likewise, with R_{t+1} = V_t R_t on the two stored columns. Pelvis and
 * root translation are two observations of one thing and become equal again (but for the rest pelvis); the velocities become the
 * differences of the new positions, the last frame's stay. Body rotations stay. Errors: VMG_E_NOMEM.
 */
int vmg_rep276_fuse(float *x, int64_t T, const float *std);

#endif
