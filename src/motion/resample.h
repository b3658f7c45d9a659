/* Changing a clip's frame rate: as the published files were made, and properly. */
#ifndef VMG_SRC_MOTION_RESAMPLE_H
#define VMG_SRC_MOTION_RESAMPLE_H

#include "src/motion/poses.h"

enum vmg_resample_mode {
    /* What the published reference motions went through: linear interpolation of the raw features,
     * end points aligned; velocities keep the old rate's scale and rotations are not orthonormal.
     */
    VMG_RESAMPLE_PUBLISHED,
    /* Rotations on the sphere, bone lengths kept, exact times, velocities recomputed. */
    VMG_RESAMPLE_BETTER
};

/* "published" or "better"; VMG_E_ARG otherwise. And back. */
int vmg_resample_parse(const char *text, enum vmg_resample_mode *out);
const char *vmg_resample_name(enum vmg_resample_mode mode);

/* Feature frames after resampling in either mode: floor(T fps_out / fps_in). */
int64_t vmg_resample_frames(int64_t T, double fps_in, double fps_out);

/*
 * Features x (T,276) at fps_in -> fresh *y (T_out,276) at fps_out (free()). T >= 1, rates in (0,
 * 1000]. Errors: VMG_E_ARG (also when nothing would be left), VMG_E_NOMEM.
 */
int vmg_rep276_resample(const float *x, int64_t T, double fps_in, double fps_out,
                        enum vmg_resample_mode mode, float **y, int64_t *T_out);

/*
 * Poses at fps_in -> fresh poses at fps_out at times 0, 1/fps_out, ... up to the last pose. Local
 * rotations by slerp; joints by forward kinematics from the clip's own bone offsets, plus what
 * stored joints differed from that, interpolated linearly: exact at the given frames, and bones do
 * not shrink in between.
 */
int vmg_poses_resample(const vmg_poses *p, double fps_in, double fps_out, vmg_poses *out);

#endif
