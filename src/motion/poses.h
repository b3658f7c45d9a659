/* A sequence of body poses: what features are made from, what files decode to, what edits work
 * on. */
#ifndef VMG_SRC_MOTION_POSES_H
#define VMG_SRC_MOTION_POSES_H

#include <stdbool.h>
#include <stdint.h>

#include "src/motion/skeleton.h"

/* T poses. Global frame in metres; which axis is up depends on the stage (z after
 * canonicalisation). Joints and rotations are kept apart: networks predict both, and they need not
 * agree exactly. */
typedef struct vmg_poses {
    int64_t T;
    double *rot;    /* (T,22,9): local rotations; joint 0 is the root's global orientation */
    double *joints; /* (T,22,3): global positions */
    double *transl; /* (T,3): SMPL's translation parameter, pelvis minus rest pelvis where a body
                       made it */
} vmg_poses;

/* Identity rotations, zero positions. T >= 0. Errors: VMG_E_ARG, VMG_E_NOMEM (out = {0}). */
int vmg_poses_alloc(int64_t T, vmg_poses *out);
void vmg_poses_free(vmg_poses *p);

/* Frames [first, first+n) into fresh poses. VMG_E_ARG if they are not there. */
int vmg_poses_crop(const vmg_poses *p, int64_t first, int64_t n, vmg_poses *out);

static inline double *vmg_poses_rot(const vmg_poses *p, int64_t t, int j)
{
    return p->rot + 9 * (t * VMG_N_JOINTS + j);
}

static inline double *vmg_poses_joint(const vmg_poses *p, int64_t t, int j)
{
    return p->joints + 3 * (t * VMG_N_JOINTS + j);
}

/* From SMPL parameters as axis-angle: global_orient (T,3), body_pose (T,63), transl (T,3). joints
 * (T,22,3) may be NULL: then they are those of the default neutral body, pelvis = transl + rest
 * pelvis. */
int vmg_poses_from_smpl(const float *global_orient, const float *body_pose, const float *transl,
                        const float *joints, int64_t T, vmg_poses *out);

/* Recompute all joints from rotations and the pelvis positions already there. */
void vmg_poses_fk(vmg_poses *p, const double offset[][3]);

/* Put every frame's pelvis at transl + rest (metres), keeping the other joints relative to it. */
void vmg_poses_place_pelvis(vmg_poses *p, const double rest_pelvis[3]);

/* The reverse: transl = pelvis - rest. */
void vmg_poses_set_transl(vmg_poses *p, const double rest_pelvis[3]);

/* Bone offsets recovered from all frames (src/motion/skeleton.h). T >= 1. */
void vmg_poses_offsets(const vmg_poses *p, double offset[VMG_N_JOINTS][3]);

/*
 * Rotate the world by M. Root orientation <- M R, joints <- M p; SMPL rotates about the rest pelvis
 * j0, so transl <- M (transl + j0) - j0.
 */
void vmg_poses_rotate(vmg_poses *p, const double M[9], const double rest_pelvis[3]);

/* Add d to joints and transl of every frame. */
void vmg_poses_translate(vmg_poses *p, const double d[3]);

/* Multiply positions by `scale` about the origin; transl follows the pelvis. */
void vmg_poses_scale(vmg_poses *p, double scale);

/* Smallest coordinate `axis` over all joints and frames (0 without frames). */
double vmg_poses_lowest(const vmg_poses *p, int axis);

/* Swap left and right: reflection in the plane x = 0 (which contains both up axes). */
void vmg_poses_mirror(vmg_poses *p, const double rest_pelvis[3]);

#endif
