/* Local rotations from joint positions: for clips that have nothing else, and for those whose positions are better. */
#ifndef VMG_SRC_MOTION_FIT_H
#define VMG_SRC_MOTION_FIT_H

#include "src/motion/poses.h"

/*
 * Replace the rotations of every frame by ones that explain its joints. Rest directions are the
 * default body's; bone lengths do not matter. Pelvis and spine3 are oriented by their three
 * children, every other joint turns its bone onto the observed one by the smallest rotation from
 * its parent's frame; what positions cannot show is chosen: thighs and upper arms twist so that
 * bent knees and elbows are hinges, the spine shares the twist between pelvis and chest, head,
 * wrists and feet follow their parents. Bones then point exactly along the given ones; transl is
 * set from the pelvis.
 */
void vmg_poses_fit_rotations(vmg_poses *p, const double rest_pelvis[3]);

/*
 * Turn arms and legs at shoulders and hips, by the smallest rotation, until wrists and ankles lie in the direction that the joints show.
 * All other rotations relative to the parent stay: elbows and knees bend as they did, and a centimetre at the end of the spine's short
 * bones would be a large turn.
 */
void vmg_poses_point_limbs(vmg_poses *p);

#endif
