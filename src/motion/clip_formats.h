/* What the readers and writers of clip files share; for src/motion/clip*.c only. */
#ifndef VMG_SRC_MOTION_CLIP_FORMATS_H
#define VMG_SRC_MOTION_CLIP_FORMATS_H

#include "models/weights.h"
#include "src/motion/clip.h"

/* Readers leave the path out of messages: vmg_clip_read puts it in front. */
typedef int vmg_clip_reader(const char *path, const vmg_clip_read_options *o, vmg_clip *out);
typedef int vmg_clip_writer(const char *path, const vmg_clip *clip,
                            const vmg_clip_write_options *o);

vmg_clip_reader vmg_clip_read_array, vmg_clip_read_npz, vmg_clip_read_pt, vmg_clip_read_bvh,
    vmg_clip_read_csv, vmg_clip_read_gltf;
vmg_clip_writer vmg_clip_write_npy, vmg_clip_write_npz, vmg_clip_write_pt, vmg_clip_write_bvh,
    vmg_clip_write_csv, vmg_clip_write_glb;

/* All values of a tensor as floats in fresh memory. VMG_E_FORMAT when one is not finite. */
int vmg_clip_floats(const vmg_weight *t, float **out);

/* A tensor of features or joint positions, by its shape. */
int vmg_clip_from_tensor(const vmg_weight *t, const vmg_clip_read_options *o, vmg_clip *out);

/* Joints (T,22,3) of an up axis, with rotations (T,22,9) if rot is not NULL -> a clip. */
int vmg_clip_from_joints(const float *joints, const double *rot, int64_t T, double fps, int up_axis,
                         bool canonical, vmg_clip *out);

/* Poses, which are made canonical if asked, -> a clip. */
int vmg_clip_place(vmg_poses *p, double fps, bool canonical, vmg_clip *out);

/* Joints of every frame as the options want them: fresh (T,22,3). */
int vmg_clip_joints(const vmg_clip *clip, const vmg_clip_write_options *o, float **out);

#endif
