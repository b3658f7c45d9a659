/* Biovision Hierarchy files: skeletons of any shape with their motion. */
#ifndef VMG_SRC_FORMAT_BVH_H
#define VMG_SRC_FORMAT_BVH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/base/status.h"

/* What a file may hold at most; honest ones stay far below. */
enum { VMG_BVH_MAX_JOINTS = 4096, VMG_BVH_MAX_CHANNELS = 6, VMG_BVH_MAX_NAME = 255 };

/* Channels: positions along, then rotations about x, y, z. */
enum vmg_bvh_channel {
    VMG_BVH_XPOS,
    VMG_BVH_YPOS,
    VMG_BVH_ZPOS,
    VMG_BVH_XROT,
    VMG_BVH_YROT,
    VMG_BVH_ZROT
};

typedef struct vmg_bvh_joint {
    char *name;
    int parent; /* -1: the root; parents come before children */
    double offset[3];
    int n_channels;
    uint8_t channel[VMG_BVH_MAX_CHANNELS]; /* enum vmg_bvh_channel, in the file's order */
    int64_t first_channel;                 /* column of its first channel */
    bool has_end;                          /* an End Site hangs on it */
    double end[3];                         /* its offset */
} vmg_bvh_joint;

/* Lengths in the file's units, angles in degrees. */
typedef struct vmg_bvh {
    int n_joints;
    vmg_bvh_joint *joint;
    int64_t n_channels, n_frames;
    double frame_time_s;
    float *value; /* (n_frames, n_channels) */
} vmg_bvh;

/*
 * Read a file. Tolerant of CR LF, tabs, blank lines, exponents, keywords in any case, braces on the
 * line of a name, an empty last frame line. Refused, with the line: anything malformed, nan and
 * infinity, two joints of one name, a second root, more joints, channels or name bytes than above,
 * a channel given twice, frames with too few or too many values, fewer or more frames than
 * announced, no frame at all, a frame time that is not positive. Memory stays within a few times
 * the file's size, whatever it announces. Errors: VMG_E_IO, VMG_E_FORMAT, VMG_E_NOMEM; *out is then
 * empty.
 */
int vmg_bvh_read(const char *path, vmg_bvh *out);

/* The same from memory; messages do not name a file. */
int vmg_bvh_parse(const char *text, size_t size, vmg_bvh *out);

void vmg_bvh_free(vmg_bvh *bvh);

/* Index of a joint by exact name, -1 if there is none. */
int vmg_bvh_find(const vmg_bvh *bvh, const char *name);

/*
 * Forward kinematics of one frame (-1: the rest pose, all channels zero, root at its offset):
 * global rotations (n_joints,9) and positions (n_joints,3; may be NULL). Position channels replace
 * the joint's offset; rotation channels multiply in their order (Z,Y,X gives Rz Ry Rx).
 */
void vmg_bvh_fk(const vmg_bvh *bvh, int64_t frame, double *global, double *position);

/* Write a file (6 decimals). Errors: VMG_E_ARG (no joints or frames, numbers that are not finite),
 * VMG_E_IO, VMG_E_NOMEM. */
int vmg_bvh_write(const char *path, const vmg_bvh *bvh);

#endif
