/* The canonical frame of clips (z up, facing +y, starting at the origin) and the way there from
 * video. */
#ifndef VMG_SRC_MOTION_CANONICAL_H
#define VMG_SRC_MOTION_CANONICAL_H

#include "src/motion/poses.h"

/* What canonicalisation did: first M about z, then delta was added. */
typedef struct vmg_canonical {
    double M[9], delta[3];
} vmg_canonical;

/*
 * Rows x, y, z with x = right hip - left hip of the given frame, z component dropped, normalised; y
 * = z cross x. Identity if the hips lie on one vertical.
 */
void vmg_canonical_rotation(const vmg_poses *p, int64_t frame, double M[9]);

/*
 * Poses in a z-up world to the canonical frame: rotation about z so that frame 0 faces +y; then
 * pelvis of frame 0 to the origin, or, with set_floor, its x and y to 0 and the lowest joint of the
 * whole clip to z = 0. rest_pelvis is the body's j0 (vmg_rest_joint[VMG_PELVIS]). `did` may be
 * NULL. T >= 1.
 */
void vmg_canonicalise(vmg_poses *p, bool set_floor, const double rest_pelvis[3],
                      vmg_canonical *did);

/* Shift so that the lowest joint of the clip is at z = 0. */
void vmg_canonical_ground(vmg_poses *p);

/* Axis changes of whole worlds, as rotations for vmg_poses_rotate(). */
extern const double vmg_axes_camera_to_z_up[9]; /* (x,y,z) -> (-x,-z,-y): y down, z forward */
extern const double vmg_axes_y_up_to_z_up[9];   /* (x,y,z) -> (-x,z,y): what faced +z faces +y */
extern const double vmg_axes_z_up_to_y_up[9];   /* (x,y,z) -> (-x,z,y) again: its own inverse */

/* joints (T,22,3), z up, to the published export's y up, in place: (x,y,z) -> (-x,z,y). */
void vmg_joints_z_up_to_y_up(float *joints, int64_t T);

/*
 * The camera of a clip from video, seen from the canonical frame, as the published files store it:
 * 6D of M [[1,0,0],[0,0,-1],[0,1,0]], then the row vector -(delta M) reordered (x,z,y) with its
 * last entry negated.
 */
void vmg_canonical_extrinsic(const vmg_canonical *did, float extrinsic[9]);

/* Intrinsic (3,3) of a camera with focal length f in pixels and image size w, h:
 * [[f,0,w/2],[0,f,h/2],[0,0,1]]. */
void vmg_camera_intrinsic(double f, double w, double h, float intrinsic[9]);

/*
 * Results of a human mesh recovery method (camera axes, see vmg_poses_from_smpl) into the canonical
 * frame: axes changed, then canonicalised. In place.
 */
void vmg_canonical_from_camera(vmg_poses *p, bool set_floor, const double rest_pelvis[3],
                               vmg_canonical *did);

#endif
