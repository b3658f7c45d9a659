/* A clip's body as round cones, frame by frame. */
#ifndef VMG_SRC_RENDER_BODY_H
#define VMG_SRC_RENDER_BODY_H

#include "src/motion/capsules.h"
#include "src/motion/clip.h"
#include "src/render/raycast.h"

/* The lowest point of the body is on the ground most of the time, and a bit lower when a heel
 * strikes: this part of the frames is lower than the ground. */
#define VMG_GROUND_QUANTILE 0.3

/* +1 for joints of left limbs, -1 for right ones, 0 for torso and head; and the colour of each. */
int vmg_body_side(int joint);
void vmg_body_tint(int side, double pale, float colour[3]);

typedef struct vmg_body {
    vmg_poses poses; /* z up */
    double fps;
    double *global; /* (T,22,9): global rotations */
    vmg_capsule capsule[VMG_MAX_CAPSULES];
    int n_capsules;
    double ground_m; /* where its feet stand */
} vmg_body;

/* The clip's own bones. Errors: VMG_E_NOMEM. */
int vmg_body_make(const vmg_clip *clip, vmg_body *out);
void vmg_body_free(vmg_body *body);

/*
 * The cones of frame t moved by `shift`, out[0..n_capsules). Limbs are tinted by side: left orange,
 * right blue. `pale` in 0..1 fades the colours.
 */
void vmg_body_cones(const vmg_body *body, int64_t t, const double shift[3], double pale,
                    vmg_cone *out);

/* A path on the ground below the pelvis, with an arrow where it faces every `every_s` seconds.
 * Fresh *out, *n marks. Error VMG_E_NOMEM. */
int vmg_body_path(const vmg_body *body, double every_s, vmg_mark **out, int64_t *n);

/* The direction in which the pelvis faces at frame t, in the plane, of length 1. */
void vmg_body_facing(const vmg_body *body, int64_t t, double out[2]);

#endif
