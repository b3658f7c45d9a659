/* Which joint of somebody else's skeleton is which of ours. */
#ifndef VMG_SRC_MOTION_JOINT_MAP_H
#define VMG_SRC_MOTION_JOINT_MAP_H

#include "src/motion/skeleton.h"

/* index[j] = index among the given names of what plays joint j; -1 where nothing does. */
typedef struct vmg_joint_map {
    const char *convention; /* "smpl", "mixamo", "lafan1", "cmu" or "file" */
    int index[VMG_N_JOINTS];
} vmg_joint_map;

/*
 * Recognise a skeleton by its names. Case, spaces, '_', '-' and prefixes up to ':' ("mixamorig:")
 * do not count. The convention that finds most of our joints is taken. Some may be missing (spine2,
 * collars, feet, wrists, ...: vmg_joint_required tells); VMG_E_FORMAT names the required ones that
 * are.
 */
int vmg_joint_map_find(const char *const *names, int n_names, vmg_joint_map *out);

/* From a JSON object {"pelvis": "Hips", "left_hip": "LeftUpLeg", ...} in a file; names exact.
 * Errors: VMG_E_IO, VMG_E_FORMAT (unknown joints, names that the skeleton lacks, required joints
 * left out). */
int vmg_joint_map_read(const char *path, const char *const *names, int n_names, vmg_joint_map *out);

extern const bool vmg_joint_required[VMG_N_JOINTS];

#endif
