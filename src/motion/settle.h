/* Putting a motion on the floor: its lowest joint at z = 0, feet that stay where they touch. */
#ifndef VMG_SRC_MOTION_SETTLE_H
#define VMG_SRC_MOTION_SETTLE_H

#include <stdint.h>

/* Shift features x (T,276) so that the lowest joint of the clip is at z = 0, up to two stray frames
 * (at most one in twenty) aside. VMG_E_NOMEM. */
int vmg_rep276_ground(float *x, int64_t T);

/*
 * Ground features x (T,276), then make feet stay where they touch and swing clear of the floor
 * (src/motion/feet.h), then put the ground under the lowest foot again. Velocities become the
 * differences of the new positions. For motions that do not stand on something else. Clips of one
 * frame are left alone. VMG_E_NOMEM.
 */
int vmg_rep276_settle(float *x, int64_t T, double fps);

#endif
