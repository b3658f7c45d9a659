/* One motion clip, and every file it can come from or go to. */
#ifndef VMG_SRC_MOTION_CLIP_H
#define VMG_SRC_MOTION_CLIP_H

#include <stdbool.h>
#include <stdint.h>

#include "src/motion/feet.h"
#include "src/motion/poses.h"
#include "src/motion/resample.h"

/* T frames of the 276 features, z up, metres. Everything else follows from them. */
typedef struct vmg_clip {
    int64_t T;
    double fps;
    float *x;           /* (T,276) */
    float *extrinsic;   /* (T,9): the camera of a clip from video; NULL without one */
    float intrinsic[9]; /* (3,3) */
    const char *format; /* of the file it was read from, with its flavour: "AMASS npz", ... */
    bool fitted;        /* the file held positions only: rotations were fitted to them */
} vmg_clip;

/* Copy of features x (T,276). T >= 1. Errors: VMG_E_ARG, VMG_E_NOMEM. */
int vmg_clip_from_features(const float *x, int64_t T, double fps, vmg_clip *out);

/* N poses in a z-up world -> N frames; the velocity of the last frame repeats the one before it. */
int vmg_clip_from_poses(const vmg_poses *p, double fps, vmg_clip *out);

/* The clip's T poses as stored; with `one_more`, the frame that the last velocity leads to as
 * well. */
int vmg_clip_poses(const vmg_clip *clip, bool one_more, vmg_poses *out);

void vmg_clip_free(vmg_clip *clip);

/* ---- files ---- */

struct vmg_body_model;

typedef struct vmg_clip_read_options {
    double fps;      /* of files that do not say; 0 = 20 */
    int up_axis;     /* of BVH (0 = found out), glTF (0 = 1) and of joint arrays and CSV (0 = 2): 1 = y, 2 = z */
    double unit_m;   /* metres per unit of BVH (0 = found out) */
    bool keep_bones; /* BVH: keep the file's bone lengths instead of the default body's */
    bool canonical;  /* turn to +y, start at the origin, lowest joint at z = 0 (features: as they
                        are) */
    const char *map_path; /* BVH: joint map (src/motion/joint_map.h) */
    struct vmg_body_model *body_model; /* whose joints .npz (with the shape that the file gives) and pose
                                          estimates get; NULL: the default body's */
} vmg_clip_read_options;

/*
 * Read a clip; the ending tells the format (options NULL = all zero):
 *   .npy  (T,276) features, or (T,22,3) joint positions (rotations are fitted)
 *   .npz  AMASS: poses (T,66 or more), trans (T,3), mocap_framerate or mocap_frame_rate; joints are
 *         those of the default body
 *   .pt   as published: motion (T,276) with extrinsic and intrinsic; a bare tensor as in .npy; or
 * results of a pose estimator: global_orient (T,3), body_pose (T,63), transl (T,3) in camera axes,
 * alone or below "smpl_params_incam": brought to the canonical frame with the floor set (T-1
 * frames)
 *   .bvh  any skeleton (src/motion/retarget.h)
 *   .glb, .gltf  any animated skeleton, skinned or not, as a BVH; sampled at its keys' rate
 *   .csv  what vmg_clip_write makes; positions suffice
 * Errors: VMG_E_IO, VMG_E_FORMAT (also features or positions that are not finite, no
 * frames), VMG_E_UNSUPPORTED (another ending or layout), VMG_E_NOMEM. Messages start with the path.
 */
int vmg_clip_read(const char *path, const vmg_clip_read_options *options, vmg_clip *out);

/* True when vmg_clip_read knows the ending; .npy, .npz and .pt may hold other things as well. */
bool vmg_clip_readable(const char *path);

typedef struct vmg_clip_write_options {
    int up_axis;       /* of BVH, joint arrays and CSV: 0 = 1 (y) for BVH, 2 (z) for the others */
    int order[3];      /* BVH rotation channels; all zero = Z Y X */
    double unit_per_m; /* BVH, joint arrays, CSV: 1 unit = 1/unit_per_m metres; 0 = 1 */
    bool joints;       /* .npy: (T,22,3) positions instead of features */
    bool integrate;    /* positions cumulated from velocities, as the published tool exports them */
    const struct vmg_body_model *body_model; /* .glb: its mesh instead of the capsule body; may be NULL */
} vmg_clip_write_options;

/*
 * Write a clip; the ending tells the format: .npy, .npz (AMASS's layout for SMPL-X), .pt (as
 * published; identity camera if there is none), .bvh, .csv, .glb (a capsule body with one
 * animation). Errors: VMG_E_IO, VMG_E_UNSUPPORTED (another ending), VMG_E_ARG, VMG_E_NOMEM.
 */
int vmg_clip_write(const char *path, const vmg_clip *clip, const vmg_clip_write_options *options);

/* ---- edits, in place; on failure the clip is as it was ---- */

/* Frames [first, first+n). */
int vmg_clip_trim(vmg_clip *clip, int64_t first, int64_t n);
int vmg_clip_resample(vmg_clip *clip, double fps, enum vmg_resample_mode mode);
int vmg_clip_mirror(vmg_clip *clip); /* the camera is dropped */
/* Positions times `scale` about the origin. */
int vmg_clip_scale(vmg_clip *clip, double scale);
/* Make feet stay where they touch the ground (src/motion/feet.h); report may be NULL. */
int vmg_clip_clean_feet(vmg_clip *clip, vmg_feet_report *report);
/* Into the canonical frame; without set_floor the pelvis of frame 0 goes to z = 0. The camera is
 * dropped. */
int vmg_clip_canonicalise(vmg_clip *clip, bool set_floor);

#endif
