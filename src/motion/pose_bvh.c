/* Our poses as a BVH skeleton with motion. */
#include "src/motion/pose_bvh.h"

#include <math.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/motion/canonical.h"
#include "src/motion/rotation.h"

/* S: our rest axes (y up, facing +z) to the file's; W: z-up world to the file's. */
static void axes(int up_axis, double S[9], double W[9])
{
    memcpy(S, up_axis == 2 ? vmg_axes_y_up_to_z_up : vmg_rot_identity, 9 * sizeof *S);
    memcpy(W, up_axis == 2 ? vmg_rot_identity : vmg_axes_z_up_to_y_up, 9 * sizeof *W);
}

static int skeleton(const double offset[][3], const vmg_pose_bvh_options *o, const double S[9],
                    vmg_bvh *out)
{
    out->joint = vmg_calloc(VMG_N_JOINTS, sizeof *out->joint);
    if (!out->joint)
        return VMG_E_NOMEM;
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        vmg_bvh_joint *q = &out->joint[j];
        q->name = vmg_strdup(vmg_joint_name[j]);
        if (!q->name)
            return VMG_E_NOMEM;
        out->n_joints = j + 1;
        q->parent = vmg_joint_parent[j];
        q->first_channel = out->n_channels;
        for (int c = 0; j == 0 && c < 3; c++)
            q->channel[q->n_channels++] = (uint8_t)(VMG_BVH_XPOS + c);
        for (int c = 0; c < 3; c++)
            q->channel[q->n_channels++] = (uint8_t)(VMG_BVH_XROT + o->order[c]);
        out->n_channels += q->n_channels;
        if (j)
            vmg_rot_apply(S, offset[j], q->offset);
        vmg_rot_apply(S, vmg_rest_end[j], q->end);
        q->has_end = vmg_vec_norm(q->end) > 0;
        for (int c = 0; c < 3; c++) {
            q->offset[c] *= o->unit_per_m;
            q->end[c] *= o->unit_per_m;
        }
    }
    return VMG_OK;
}

/* One frame; `angles` (22,3) are the previous frame's and become this one's. */
static void frame(const vmg_poses *p, int64_t t, const vmg_pose_bvh_options *o, const double S[9],
                  const double W[9], double angles[][3], float *value)
{
    double v[3], R[9];
    vmg_rot_apply(W, vmg_poses_joint(p, t, VMG_PELVIS), v);
    for (int c = 0; c < 3; c++)
        *value++ = (float)(v[c] * o->unit_per_m);
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        vmg_rot_mul(j ? S : W, vmg_poses_rot(p, t, j), R);
        vmg_rot_mult(R, S, R);
        vmg_rot_to_euler(R, o->order, angles[j], angles[j]);
        for (int c = 0; c < 3; c++)
            *value++ = (float)(angles[j][c] * (180 / M_PI));
    }
}

int vmg_pose_bvh(const vmg_poses *p, const double offset[][3], const vmg_pose_bvh_options *options,
                 vmg_bvh *out)
{
    double S[9], W[9], angles[VMG_N_JOINTS][3] = {{0}};
    const int *a = options->order;
    *out = (vmg_bvh){0};
    bool order_ok = (1 << a[0] | 1 << a[1] | 1 << a[2]) == 7;
    if (p->T < 1 || !(options->fps > 0) || !order_ok || options->up_axis < 1 ||
        options->up_axis > 2 || !(options->unit_per_m > 0))
        return vmg_fail(VMG_E_ARG,
                        "cannot make a BVH of %lld poses at %g frames a second, up axis %d",
                        (long long)p->T, options->fps, options->up_axis);
    axes(options->up_axis, S, W);
    int rc = skeleton(offset, options, S, out);
    if (!rc)
        out->value = vmg_calloc((size_t)p->T, (size_t)out->n_channels * sizeof *out->value);
    if (rc || !out->value) {
        vmg_bvh_free(out);
        return VMG_E_NOMEM;
    }
    out->n_frames = p->T;
    out->frame_time_s = 1 / options->fps;
    for (int64_t t = 0; t < p->T; t++)
        frame(p, t, options, S, W, angles, out->value + t * out->n_channels);
    return VMG_OK;
}
