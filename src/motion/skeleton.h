/* The body: SMPL's first 22 joints, their tree, a neutral rest pose, and forward kinematics. */
#ifndef VMG_SRC_MOTION_SKELETON_H
#define VMG_SRC_MOTION_SKELETON_H

#include <stdbool.h>
#include <stdint.h>

enum vmg_joint {
    VMG_PELVIS,
    VMG_L_HIP,
    VMG_R_HIP,
    VMG_SPINE1,
    VMG_L_KNEE,
    VMG_R_KNEE,
    VMG_SPINE2,
    VMG_L_ANKLE,
    VMG_R_ANKLE,
    VMG_SPINE3,
    VMG_L_FOOT,
    VMG_R_FOOT,
    VMG_NECK,
    VMG_L_COLLAR,
    VMG_R_COLLAR,
    VMG_HEAD,
    VMG_L_SHOULDER,
    VMG_R_SHOULDER,
    VMG_L_ELBOW,
    VMG_R_ELBOW,
    VMG_L_WRIST,
    VMG_R_WRIST,
    VMG_N_JOINTS
};

extern const char
    *const vmg_joint_name[VMG_N_JOINTS];         /* "pelvis", "left_hip", ... as SMPL names them */
extern const int vmg_joint_parent[VMG_N_JOINTS]; /* -1 for the pelvis; parents precede children */
extern const int vmg_joint_mirror[VMG_N_JOINTS]; /* left <-> right, itself on the midline */

/* Rest positions of neutral SMPL-X with zero shape (T-pose, y up, +z forward, +x to the body's
 * left, metres, to 0.1 mm); the pelvis is j0 of the SMPL translation rule (src/motion/canonical.h).
 */
extern const double vmg_rest_joint[VMG_N_JOINTS][3];

/* Where the body goes on beyond its last joints: crown, finger tips, toes, seen from the joint in
 * the rest pose; 0 for all other joints. */
extern const double vmg_rest_end[VMG_N_JOINTS][3];

/* Rest position minus the parent's, for the default body. offset[0] is 0. */
void vmg_rest_offsets(double offset[VMG_N_JOINTS][3]);

/* Index of a joint by name, -1 if there is none. */
int vmg_joint_find(const char *name);

/*
 * Forward kinematics of one frame: local rotations (22,9), the pelvis' rotation being global; bone
 * offsets (22,3), offset[0] unused. global (22,9) receives global rotations (may be NULL).
 *     G_j = G_parent R_j,  p_j = p_parent + G_parent offset_j
 */
void vmg_skeleton_fk(const double *local, const double pelvis[3], const double offset[][3],
                     double *joints, double *global);

/* Global rotations alone, (22,9). */
void vmg_skeleton_globals(const double *local, double *global);

/*
 * Bone offsets of a clip that holds both rotations (T,22,9) and positions (T,22,3), without a body
 * model: offset_j = mean_t G_parent(t)^T (p_j(t) - p_parent(t)) The mean removes the noise of
 * generated clips. T >= 1.
 */
void vmg_skeleton_recover(const double *local, const double *joints, int64_t T, double offset[][3]);

/* Length of one leg, hip to ankle along the bones, mean of both sides. */
double vmg_skeleton_leg_length(const double offset[][3]);

#endif
