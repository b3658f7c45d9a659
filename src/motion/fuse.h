/* Positions and velocities of generated features brought to agree: the one is exact in the long run, the other from frame to frame. */
#ifndef VMG_SRC_MOTION_FUSE_H
#define VMG_SRC_MOTION_FUSE_H

#include <stdint.h>

/*
 * Replace positions, root translation and root orientation of features x (T,276), in metres, by those that explain all that is
 * stored best, in the sense of least squares: the minimum over p of
 *
 *     Σ_t λ |p_t - position_t|² + Σ_t |p_{t+1} - p_t - velocity_t|²,      λ = (error of velocity / error of position)²
 *
 * which is the likeliest p when errors are independent. A network errs by about the same part of each feature's standard
 * deviation, so `std` (276), which the features were normalised with, stands for the errors:
 * - the pelvis, per coordinate, from its positions, root translation (the same but for the rest pelvis) and velocities; of its vertical
 *   velocity only what changes within some 5 frames: guidance makes it wrong for long stretches, and its sum would lift bodies off the floor;
 * - the root's orientation likewise, with R_{t+1} = V_t R_t on the two stored columns;
 * - the other joints relative to the pelvis: observed where the rotations put them on the default body's bones, which is far more exact
 *   than the stored positions, whose deviation is that of whole paths; with the stored velocities.
 * The velocities become the differences of the new positions, the last frame's stay. Arms and legs turn to where
 * the joints are (vmg_poses_point_limbs), so that files of rotations show what files of positions do. Errors: VMG_E_NOMEM.
 */
int vmg_rep276_fuse(float *x, int64_t T, const float *std);

#endif
