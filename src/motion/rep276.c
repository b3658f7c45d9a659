/* The 276 motion features per frame. */
#include "src/motion/rep276.h"

#include <string.h>

#include "host/base/status.h"
#include "src/motion/rotation.h"

enum { POS = 3 * VMG_N_JOINTS };

int vmg_rep276_encode(const vmg_poses *p, float *x)
{
    if (p->T < 2)
        return vmg_fail(VMG_E_ARG, "features hold velocities, so a clip needs 2 poses, not %lld",
                        (long long)p->T);
    for (int64_t t = 0; t + 1 < p->T; t++, x += VMG_REP_DIM) {
        const double *joints = p->joints + t * POS, *transl = p->transl + 3 * t;
        double V[9];
        for (int j = 1; j < VMG_N_JOINTS; j++)
            vmg_rot_to_6d(vmg_poses_rot(p, t, j), x + VMG_REP_BODY_ROT + 6 * (j - 1));
        for (int i = 0; i < POS; i++) {
            x[VMG_REP_POS + i] = (float)joints[i];
            x[VMG_REP_VEL + i] = (float)(joints[POS + i] - joints[i]);
        }
        vmg_rot_to_6d(vmg_poses_rot(p, t, 0), x + VMG_REP_ROOT_ROT);
        vmg_rot_mult(vmg_poses_rot(p, t + 1, 0), vmg_poses_rot(p, t, 0), V);
        vmg_rot_to_6d(V, x + VMG_REP_ROOT_ROT_VEL);
        for (int c = 0; c < 3; c++) {
            x[VMG_REP_TRANSL + c] = (float)transl[c];
            x[VMG_REP_TRANSL_VEL + c] = (float)(transl[3 + c] - transl[c]);
        }
    }
    return VMG_OK;
}

/* Frame t of `out` as stored in row x. */
static void decode_stored(const float *x, int64_t t, vmg_poses *out)
{
    for (int i = 0; i < POS; i++)
        out->joints[t * POS + i] = x[VMG_REP_POS + i];
    for (int c = 0; c < 3; c++)
        out->transl[3 * t + c] = x[VMG_REP_TRANSL + c];
    vmg_rot_from_6d(x + VMG_REP_ROOT_ROT, vmg_poses_rot(out, t, 0));
}

/* Frame t from frame t-1 and the velocities in row x of frame t-1. */
static void decode_step(const float *x, int64_t t, vmg_poses *out)
{
    double V[9];
    for (int i = 0; i < POS; i++)
        out->joints[t * POS + i] = out->joints[(t - 1) * POS + i] + x[VMG_REP_VEL + i];
    for (int c = 0; c < 3; c++)
        out->transl[3 * t + c] = out->transl[3 * (t - 1) + c] + x[VMG_REP_TRANSL_VEL + c];
    vmg_rot_from_6d(x + VMG_REP_ROOT_ROT_VEL, V);
    vmg_rot_mul(V, vmg_poses_rot(out, t - 1, 0), vmg_poses_rot(out, t, 0));
    vmg_rot_orthonormalise(vmg_poses_rot(out, t, 0));
}

int vmg_rep276_decode(const float *x, int64_t T, enum vmg_rep_source source, bool one_more,
                      vmg_poses *out)
{
    *out = (vmg_poses){0};
    if (T < 1)
        return vmg_fail(VMG_E_ARG, "a clip of %lld feature frames cannot be decoded", (long long)T);
    int rc = vmg_poses_alloc(T + one_more, out);
    if (rc)
        return rc;
    for (int64_t t = 0; t < out->T; t++) {
        const float *row = x + VMG_REP_DIM * (t < T ? t : T - 1);
        for (int j = 1; j < VMG_N_JOINTS; j++)
            vmg_rot_from_6d(row + VMG_REP_BODY_ROT + 6 * (j - 1), vmg_poses_rot(out, t, j));
        if (t == 0 || (t < T && source == VMG_REP_STORED))
            decode_stored(row, t, out);
        else
            decode_step(x + VMG_REP_DIM * (t - 1), t, out);
    }
    return VMG_OK;
}

void vmg_rep276_integrate_joints(const float *x, int64_t T, float *joints)
{
    if (T > 0)
        memcpy(joints, x + VMG_REP_POS, POS * sizeof *joints);
    for (int64_t t = 1; t < T; t++)
        for (int i = 0; i < POS; i++)
            joints[t * POS + i] =
                joints[(t - 1) * POS + i] + x[(t - 1) * VMG_REP_DIM + VMG_REP_VEL + i];
}

void vmg_rep276_normalise(float *x, int64_t T, const float *mean, const float *std)
{
    for (int64_t t = 0; t < T; t++)
        for (int i = 0; i < VMG_REP_DIM; i++)
            x[t * VMG_REP_DIM + i] = (x[t * VMG_REP_DIM + i] - mean[i]) / std[i];
}

void vmg_rep276_denormalise(float *x, int64_t T, const float *mean, const float *std)
{
    for (int64_t t = 0; t < T; t++)
        for (int i = 0; i < VMG_REP_DIM; i++)
            x[t * VMG_REP_DIM + i] = x[t * VMG_REP_DIM + i] * std[i] + mean[i];
}

void vmg_rep276_reference(const float *x, int64_t T, float *ref)
{
    for (int64_t t = 0; t < T; t++, x += VMG_REP_DIM, ref += VMG_REF_DIM) {
        memcpy(ref, x, VMG_REP_POS * sizeof *ref);
        memcpy(ref + VMG_REP_POS, x + VMG_REP_ROOT_ROT,
               (VMG_REP_TRANSL - VMG_REP_ROOT_ROT) * sizeof *ref);
    }
}
