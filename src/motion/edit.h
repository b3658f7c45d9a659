/* Joining clips and judging loops. */
#ifndef VMG_SRC_MOTION_EDIT_H
#define VMG_SRC_MOTION_EDIT_H

#include "src/motion/poses.h"

/*
 * Poses of a, then of b (z up), fresh. With `align`, b is turned about z to a's last heading and
 * moved so that its first pelvis lies one step (a's last velocity) beyond a's last one, in the
 * plane. Over the first `blend` frames of b the jump that is left in rotations and root height
 * fades out (smoothstep). Errors: VMG_E_ARG (an empty clip, blend < 0), VMG_E_NOMEM.
 */
int vmg_poses_concat(const vmg_poses *a, const vmg_poses *b, const double rest_pelvis[3],
                     bool align, int64_t blend, vmg_poses *out);

/* How well a clip repeats: last pose against the first, heading and place in the plane taken out */
typedef struct vmg_loop {
    double pose_m;   /* mean distance of the joints */
    double worst_m;  /* largest */
    double step_m;   /* mean difference of the joints' per-frame velocities, last step against the
                        first */
    double travel_m; /* how far the root ends from where it began, in the plane */
    double turn_rad; /* and how much it has turned about z, in (-pi, pi] */
} vmg_loop;

/* VMG_E_ARG below 3 poses. */
int vmg_poses_loop(const vmg_poses *p, vmg_loop *out);

#endif
