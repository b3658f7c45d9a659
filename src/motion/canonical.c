/* The canonical frame of clips, and conversions of whole worlds into it. */
#include "src/motion/canonical.h"

#include <string.h>

#include "src/motion/rotation.h"

const double vmg_axes_camera_to_z_up[9] = {-1, 0, 0, 0, 0, -1, 0, -1, 0};
const double vmg_axes_y_up_to_z_up[9] = {-1, 0, 0, 0, 0, 1, 0, 1, 0};
const double vmg_axes_z_up_to_y_up[9] = {-1, 0, 0, 0, 0, 1, 0, 1, 0};

void vmg_canonical_rotation(const vmg_poses *p, int64_t frame, double M[9])
{
    const double *l = vmg_poses_joint(p, frame, VMG_L_HIP),
                 *r = vmg_poses_joint(p, frame, VMG_R_HIP);
    double x[3] = {r[0] - l[0], r[1] - l[1], 0};
    memcpy(M, vmg_rot_identity, sizeof vmg_rot_identity);
    if (!(vmg_vec_normalise(x) > 1e-9))
        return;
    M[0] = M[4] = x[0];
    M[1] = x[1];
    M[3] = -x[1];
}

void vmg_canonicalise(vmg_poses *p, bool set_floor, const double rest_pelvis[3], vmg_canonical *did)
{
    vmg_canonical own;
    did = did ? did : &own;
    vmg_canonical_rotation(p, 0, did->M);
    vmg_poses_rotate(p, did->M, rest_pelvis);
    for (int c = 0; c < 3; c++)
        did->delta[c] = -p->joints[c];
    if (set_floor)
        did->delta[2] = -vmg_poses_lowest(p, 2);
    vmg_poses_translate(p, did->delta);
}

void vmg_canonical_ground(vmg_poses *p)
{
    vmg_poses_translate(p, (double[3]){0, 0, -vmg_poses_lowest(p, 2)});
}

void vmg_joints_z_up_to_y_up(float *joints, int64_t T)
{
    for (float *p = joints; p < joints + T * VMG_N_JOINTS * 3; p += 3) {
        float y = p[1];
        p[0] = -p[0];
        p[1] = p[2];
        p[2] = y;
    }
}

void vmg_canonical_extrinsic(const vmg_canonical *did, float extrinsic[9])
{
    static const double flip[9] = {1, 0, 0, 0, 0, -1, 0, 1, 0};
    double R[9], v[3];
    vmg_rot_mul(did->M, flip, R);
    vmg_rot_to_6d(R, extrinsic);
    vmg_rot_tapply(did->M, did->delta, v);
    extrinsic[6] = (float)-v[0];
    extrinsic[7] = (float)-v[2];
    extrinsic[8] = (float)v[1];
}

void vmg_camera_intrinsic(double f, double w, double h, float intrinsic[9])
{
    const double K[9] = {f, 0, w / 2, 0, f, h / 2, 0, 0, 1};
    for (int i = 0; i < 9; i++)
        intrinsic[i] = (float)K[i];
}

void vmg_canonical_from_camera(vmg_poses *p, bool set_floor, const double rest_pelvis[3],
                               vmg_canonical *did)
{
    vmg_poses_rotate(p, vmg_axes_camera_to_z_up, rest_pelvis);
    vmg_canonicalise(p, set_floor, rest_pelvis, did);
}
