/* Feet on the ground: when they touch it, and making them stay where they do. */
#ifndef VMG_SRC_MOTION_FEET_H
#define VMG_SRC_MOTION_FEET_H

#include <stdbool.h>
#include <stdint.h>

#include "src/motion/poses.h"

/* Limits of contact, in metres and metres per second; see vmg_feet_contacts. */
#define VMG_CONTACT_HEIGHT_M 0.06
#define VMG_CONTACT_SPEED_MPS 0.4
#define VMG_CONTACT_SPEED_PART 0.5
/* How high the toe joint of a foot is that swings at 1.5 times that speed or more, in metres, at least. */
#define VMG_CLEARANCE_M 0.04

/*
 * contact (T,2), left foot and right foot (joints 10 and 11): lower than VMG_CONTACT_HEIGHT_M above
 * the ground under that clip (low percentile of the foot's own heights, so that a rising floor or a
 * hovering body does not matter) and slower than VMG_CONTACT_SPEED_MPS or VMG_CONTACT_SPEED_PART of
 * the pelvis' horizontal speed, whichever is more; central differences. Gaps of up to 2 frames at 20
 * fps are closed, runs shorter than 2 dropped (both scale with fps). z up. Error VMG_E_NOMEM.
 */
int vmg_feet_contacts(const vmg_poses *p, double fps, bool *contact);

typedef struct vmg_feet_report {
    int64_t n_runs, n_frames; /* runs of contact, frames in contact, both feet together */
    double slide_before_mps;  /* mean horizontal speed of feet in contact */
    double slide_after_mps;
    double largest_shift_m; /* most that a foot was moved */
} vmg_feet_report;

/*
 * Pin the feet: during each run of contact a foot stays at the run's median place, at its median
 * height or the ground (z = 0) if that is higher; the leg follows by two-bone inverse kinematics,
 * the foot keeps its orientation. The shift fades in and out over a quarter of a second beside the run.
 * A foot that swings does not scrape: faster than a standing one may be, it is lifted clear of the
 * ground, to VMG_CLEARANCE_M at 1.5 times that speed. Joints keep their difference from the
 * skeleton, all other joints stay as they are. A target beyond the leg's reach is approached as far
 * as the leg goes. z up. report may be NULL. Error VMG_E_NOMEM.
 */
int vmg_feet_clean(vmg_poses *p, double fps, vmg_feet_report *report);

#endif
