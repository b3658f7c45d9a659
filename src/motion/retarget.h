/* Motion of any skeleton in a BVH file, brought onto the 22-joint body. */
#ifndef VMG_SRC_MOTION_RETARGET_H
#define VMG_SRC_MOTION_RETARGET_H

#include "src/format/bvh.h"
#include "src/motion/joint_map.h"
#include "src/motion/poses.h"

typedef struct vmg_retarget_options {
    int up_axis;     /* of the file: 1 = y, 2 = z, 0 = find out from the rest pose or the motion */
    double unit_m;   /* metres per unit of the file, 0 = find out from the length of the legs */
    bool keep_bones; /* keep the file's bone lengths instead of the default body's */
    const char *map_path; /* joint map (src/motion/joint_map.h); NULL = recognise the names */
} vmg_retarget_options;

/* What was found and done. */
typedef struct vmg_retarget_report {
    const char *convention;
    int up_axis;
    double unit_m;
    double leg_m;       /* the file's leg, in metres */
    double scale;       /* positions of the file, in metres, were multiplied by this */
    bool natural_rest;  /* its rest pose stands upright; otherwise bones were calibrated on the
                           motion */
    bool dropped_tpose; /* a first frame in the rest pose was left out */
} vmg_retarget_report;

/*
 * All frames as poses in a z-up world (what the file calls y up is turned: (x,y,z) -> (-x,z,y)), at
 * the file's frame rate. With G_src a mapped joint's global rotation, our global rotation is G_j =
 * U G_src A_j, U the change of up axis and A_j a constant that takes our rest pose onto the file's:
 * the rotation between the rest frames, then the smallest one that aligns the bone to the only
 * child. Where the file's rest pose is not a person (bones along one axis, as LAFAN1's), A_j is the
 * mean over the clip of what joint positions ask for, with the bone aligned exactly. Skeletons with
 * SMPL's own names keep their axes and bones. The middle of the hips moves as in the file, scaled
 * by leg length. Joints the file lacks follow their parent. A first frame in which all joints but
 * the root are at rest is dropped. report may be NULL. Errors: VMG_E_FORMAT (joints not found, no
 * legs), VMG_E_NOMEM.
 */
int vmg_retarget_bvh(const vmg_bvh *bvh, const vmg_retarget_options *options, vmg_poses *out,
                     vmg_retarget_report *report);

#endif
