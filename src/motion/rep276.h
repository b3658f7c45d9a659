/* The 276 motion features per frame: made from poses, decoded, integrated, normalised. */
#ifndef VMG_SRC_MOTION_REP276_H
#define VMG_SRC_MOTION_REP276_H

#include "src/motion/poses.h"

/* First feature of each group; ViMoGen's layout at 20 fps, metres, z up. */
enum {
    VMG_REP_BODY_ROT = 0,       /* local rotations of joints 1..21, 6D */
    VMG_REP_POS = 126,          /* positions of the 22 joints */
    VMG_REP_VEL = 192,          /* p[t+1] - p[t] */
    VMG_REP_ROOT_ROT = 258,     /* root orientation, 6D */
    VMG_REP_ROOT_ROT_VEL = 264, /* R[t+1] R[t]^T, 6D */
    VMG_REP_TRANSL = 270,       /* root translation (SMPL transl) */
    VMG_REP_TRANSL_VEL = 273,   /* its forward difference */
    VMG_REP_DIM = 276,
    VMG_REF_DIM = 138 /* reference motion: features 0:126 and 258:270 */
};

/* Frame rate the features are made for. */
#define VMG_REP_FPS 20.0

/* T poses -> x (T-1,276). VMG_E_ARG below 2 poses. */
int vmg_rep276_encode(const vmg_poses *p, float *x);

/* Where root and joints come from when decoding. Body rotations are always the stored ones. */
enum vmg_rep_source {
    VMG_REP_STORED,    /* positions, transl and root orientation as stored in each frame */
    VMG_REP_INTEGRATED /* frame 0 as stored, then cumulated velocities: R[t+1] = V[t] R[t] */
};

/*
 * x (T,276) -> T poses, or T+1 when `one_more` is set: the last velocity then leads to one more
 * frame, which repeats the last body pose. Any finite numbers decode. T >= 1.
 */
int vmg_rep276_decode(const float *x, int64_t T, enum vmg_rep_source source, bool one_more,
                      vmg_poses *out);

/* Joints alone, (T,22,3), integrated from the velocities in float (what MBench's metrics see). */
void vmg_rep276_integrate_joints(const float *x, int64_t T, float *joints);

/* x <- (x - mean)/std, and x <- x std + mean, in place, for rows of 276. */
void vmg_rep276_normalise(float *x, int64_t T, const float *mean, const float *std);
void vmg_rep276_denormalise(float *x, int64_t T, const float *mean, const float *std);

/* Reference features (T,138) of x (T,276): 0:126, then 258:270. */
void vmg_rep276_reference(const float *x, int64_t T, float *ref);

#endif
