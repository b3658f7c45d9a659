/* Our poses as a BVH skeleton with motion. */
#ifndef VMG_SRC_MOTION_POSE_BVH_H
#define VMG_SRC_MOTION_POSE_BVH_H

#include "src/format/bvh.h"
#include "src/motion/poses.h"

typedef struct vmg_pose_bvh_options {
    double fps;
    int up_axis;       /* 1 (y, what most programs expect) or 2 (z) */
    int order[3];      /* axes of the rotation channels, {2,1,0} = Z Y X */
    double unit_per_m; /* 1 = metres, 100 = centimetres */
} vmg_pose_bvh_options;

#define VMG_POSE_BVH_DEFAULT ((vmg_pose_bvh_options){20, 1, {2, 1, 0}, 1})

/*
 * Poses in a z-up world and the body's bone offsets -> a BVH structure, to be freed with
 * vmg_bvh_free. Rest pose: SMPL's T-pose, upright along up_axis, facing +z (y up) or +y (z up). The
 * root has six channels, its positions are the pelvis'; joints follow by forward kinematics, as the
 * format cannot hold more. Angles are continuous over the clip, also through gimbal lock and beyond
 * 180 degrees, for programs that interpolate them. Errors: VMG_E_ARG (no poses, bad options),
 * VMG_E_NOMEM.
 */
int vmg_pose_bvh(const vmg_poses *p, const double offset[][3], const vmg_pose_bvh_options *options,
                 vmg_bvh *out);

#endif
