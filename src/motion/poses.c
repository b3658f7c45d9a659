/* Sequences of body poses: allocation, rigid motions, mirroring. */
#include "src/motion/poses.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/status.h"
#include "src/motion/rotation.h"

enum { ROT = 9 * VMG_N_JOINTS, POS = 3 * VMG_N_JOINTS, FRAME = ROT + POS + 3 };

int vmg_poses_alloc(int64_t T, vmg_poses *out)
{
    *out = (vmg_poses){0};
    if (T < 0)
        return vmg_fail(VMG_E_ARG, "a clip cannot have %lld frames", (long long)T);
    double *block = vmg_calloc((size_t)T, FRAME * sizeof *block);
    if (!block)
        return VMG_E_NOMEM;
    *out = (vmg_poses){T, block, block + T * ROT, block + T * (ROT + POS)};
    for (int64_t i = 0; i < T * VMG_N_JOINTS; i++)
        memcpy(out->rot + 9 * i, vmg_rot_identity, sizeof vmg_rot_identity);
    return VMG_OK;
}

void vmg_poses_free(vmg_poses *p)
{
    if (p) {
        free(p->rot);
        *p = (vmg_poses){0};
    }
}

int vmg_poses_crop(const vmg_poses *p, int64_t first, int64_t n, vmg_poses *out)
{
    *out = (vmg_poses){0};
    if (first < 0 || n < 0 || first > p->T || n > p->T - first)
        return vmg_fail(VMG_E_ARG, "frames %lld to %lld are not all among the clip's %lld",
                        (long long)first, (long long)(first + n), (long long)p->T);
    int rc = vmg_poses_alloc(n, out);
    if (rc)
        return rc;
    memcpy(out->rot, p->rot + first * ROT, (size_t)n * ROT * sizeof(double));
    memcpy(out->joints, p->joints + first * POS, (size_t)n * POS * sizeof(double));
    memcpy(out->transl, p->transl + first * 3, (size_t)n * 3 * sizeof(double));
    return VMG_OK;
}

int vmg_poses_from_smpl(const float *global_orient, const float *body_pose, const float *transl,
                        const float *joints, int64_t T, vmg_poses *out)
{
    int rc = vmg_poses_alloc(T, out);
    if (rc)
        return rc;
    for (int64_t t = 0; t < T; t++)
        for (int j = 0; j < VMG_N_JOINTS; j++) {
            const float *f = j ? body_pose + 63 * t + 3 * (j - 1) : global_orient + 3 * t;
            vmg_rot_from_axis_angle((double[3]){f[0], f[1], f[2]}, vmg_poses_rot(out, t, j));
        }
    for (int64_t i = 0; i < 3 * T; i++)
        out->transl[i] = transl[i];
    if (joints) {
        for (int64_t i = 0; i < POS * T; i++)
            out->joints[i] = joints[i];
        return VMG_OK;
    }
    double offset[VMG_N_JOINTS][3];
    vmg_rest_offsets(offset);
    vmg_poses_place_pelvis(out, vmg_rest_joint[VMG_PELVIS]);
    vmg_poses_fk(out, (const double(*)[3])offset);
    return VMG_OK;
}

void vmg_poses_fk(vmg_poses *p, const double offset[][3])
{
    for (int64_t t = 0; t < p->T; t++)
        vmg_skeleton_fk(p->rot + t * ROT, p->joints + t * POS, offset, p->joints + t * POS, NULL);
}

void vmg_poses_place_pelvis(vmg_poses *p, const double rest_pelvis[3])
{
    for (int64_t t = 0; t < p->T; t++)
        for (int c = 0; c < 3; c++) {
            double d = p->transl[3 * t + c] + rest_pelvis[c] - p->joints[t * POS + c];
            for (int j = 0; j < VMG_N_JOINTS; j++)
                p->joints[t * POS + 3 * j + c] += d;
        }
}

void vmg_poses_set_transl(vmg_poses *p, const double rest_pelvis[3])
{
    for (int64_t t = 0; t < p->T; t++)
        for (int c = 0; c < 3; c++)
            p->transl[3 * t + c] = p->joints[t * POS + c] - rest_pelvis[c];
}

void vmg_poses_offsets(const vmg_poses *p, double offset[VMG_N_JOINTS][3])
{
    vmg_skeleton_recover(p->rot, p->joints, p->T, offset);
}

void vmg_poses_rotate(vmg_poses *p, const double M[9], const double rest_pelvis[3])
{
    for (int64_t t = 0; t < p->T; t++) {
        double *root = vmg_poses_rot(p, t, 0), *transl = p->transl + 3 * t;
        vmg_rot_mul(M, root, root);
        for (int j = 0; j < VMG_N_JOINTS; j++)
            vmg_rot_apply(M, vmg_poses_joint(p, t, j), vmg_poses_joint(p, t, j));
        for (int c = 0; c < 3; c++)
            transl[c] += rest_pelvis[c];
        vmg_rot_apply(M, transl, transl);
        for (int c = 0; c < 3; c++)
            transl[c] -= rest_pelvis[c];
    }
}

void vmg_poses_translate(vmg_poses *p, const double d[3])
{
    for (int64_t i = 0; i < p->T * VMG_N_JOINTS; i++)
        for (int c = 0; c < 3; c++)
            p->joints[3 * i + c] += d[c];
    for (int64_t t = 0; t < p->T; t++)
        for (int c = 0; c < 3; c++)
            p->transl[3 * t + c] += d[c];
}

void vmg_poses_scale(vmg_poses *p, double scale)
{
    for (int64_t t = 0; t < p->T; t++) {
        double *joints = p->joints + t * POS, *transl = p->transl + 3 * t;
        for (int c = 0; c < 3; c++)
            transl[c] += (scale - 1) * joints[c];
        for (int i = 0; i < POS; i++)
            joints[i] *= scale;
    }
}

double vmg_poses_lowest(const vmg_poses *p, int axis)
{
    double low = p->T > 0 ? p->joints[axis] : 0;
    for (int64_t i = 1; i < p->T * VMG_N_JOINTS; i++)
        low = VMG_MIN(low, p->joints[3 * i + axis]);
    return low;
}

void vmg_poses_mirror(vmg_poses *p, const double rest_pelvis[3])
{
    for (int64_t t = 0; t < p->T; t++) {
        double rot[ROT], joints[POS], *transl = p->transl + 3 * t;
        for (int j = 0; j < VMG_N_JOINTS; j++) {
            int m = vmg_joint_mirror[j];
            vmg_rot_mirror_x(vmg_poses_rot(p, t, m), rot + 9 * j);
            memcpy(joints + 3 * j, vmg_poses_joint(p, t, m), 3 * sizeof *joints);
            joints[3 * j] = -joints[3 * j];
        }
        memcpy(p->rot + t * ROT, rot, sizeof rot);
        memcpy(p->joints + t * POS, joints, sizeof joints);
        transl[0] = -(transl[0] + rest_pelvis[0]) - rest_pelvis[0];
    }
}
