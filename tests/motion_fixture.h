/* Made-up motions with known properties, for tests of everything that handles clips. */
#ifndef VMG_TESTS_MOTION_FIXTURE_H
#define VMG_TESTS_MOTION_FIXTURE_H

#include "src/motion/poses.h"

enum vmg_test_motion {
    VMG_TEST_WALK,      /* along the heading, limbs swinging, spine and head moving */
    VMG_TEST_BACKWARDS, /* the same walk in reverse: facing away from where it goes */
    VMG_TEST_HANDSTAND, /* upside down, turning about z */
    VMG_TEST_TUMBLE     /* whole turns about every axis: through gimbal lock and +-pi */
};

/* T poses in a z-up world on the default body, facing +y turned by heading_rad about z; joints
 * follow from the rotations exactly. Returns a status as vmg_poses_alloc does. */
int vmg_test_motion_make(enum vmg_test_motion kind, int64_t T, double heading_rad, vmg_poses *out);

/* Largest distance between corresponding joints; infinity if the lengths differ or on NaN. */
double vmg_test_joint_error(const vmg_poses *a, const vmg_poses *b);

/* Mean distance likewise. */
double vmg_test_joint_mean_error(const vmg_poses *a, const vmg_poses *b);

/* Largest angle between corresponding local rotations. */
double vmg_test_rot_error(const vmg_poses *a, const vmg_poses *b);

#endif
