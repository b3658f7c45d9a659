/* Made-up motions with known properties. */
#include "tests/motion_fixture.h"

#include <math.h>
#include <string.h>

#include "src/motion/canonical.h"
#include "src/motion/rotation.h"

static void set(vmg_poses *p, int64_t t, int j, double x, double y, double z)
{
    vmg_rot_from_axis_angle((double[3]){x, y, z}, vmg_poses_rot(p, t, j));
}

static void limbs(vmg_poses *p, int64_t t, double phase)
{
    double s = sin(phase), c = cos(phase);
    set(p, t, VMG_L_HIP, -0.5 * s, 0.05, 0.1);
    set(p, t, VMG_R_HIP, 0.5 * s, -0.05, -0.1);
    set(p, t, VMG_L_KNEE, 0.4 + 0.35 * c, 0, 0);
    set(p, t, VMG_R_KNEE, 0.4 - 0.35 * c, 0, 0);
    set(p, t, VMG_L_ANKLE, 0.2 * c, 0.1, 0);
    set(p, t, VMG_R_ANKLE, -0.2 * c, -0.1, 0);
    set(p, t, VMG_SPINE1, 0.05, 0.1 * s, 0.03 * c);
    set(p, t, VMG_SPINE3, 0.05, -0.2 * s, 0);
    set(p, t, VMG_NECK, 0.1, 0.1 * c, 0);
    set(p, t, VMG_HEAD, -0.1, 0.5 * sin(0.3 * phase), 0.1);
    set(p, t, VMG_L_SHOULDER, 0.2, 0.6 * s, -1.2);
    set(p, t, VMG_R_SHOULDER, 0.2, 0.6 * s, 1.2);
    set(p, t, VMG_L_ELBOW, 0.3 * c, -0.7 - 0.3 * s, 0);
    set(p, t, VMG_R_ELBOW, 0.3 * c, 0.7 - 0.3 * s, 0);
    set(p, t, VMG_L_WRIST, 0.2 * s, 0, 0.3);
}

int vmg_test_motion_make(enum vmg_test_motion kind, int64_t T, double heading_rad, vmg_poses *out)
{
    int rc = vmg_poses_alloc(T, out);
    double offset[VMG_N_JOINTS][3], R[9], A[9];
    if (rc)
        return rc;
    for (int64_t t = 0; t < T; t++) {
        double s = (double)t / 20, *root = vmg_poses_rot(out, t, 0),
               *pelvis = vmg_poses_joint(out, t, 0);
        double dir = kind == VMG_TEST_BACKWARDS ? -1 : 1;
        limbs(out, t, dir * 6 * s);
        memcpy(root, vmg_axes_y_up_to_z_up, 9 * sizeof *root);
        pelvis[1] = dir * 1.2 * s;
        pelvis[2] = 0.95 + 0.02 * sin(12 * s);
        vmg_rot_about_axis(2, 0.1 * sin(6 * s), A);
        if (kind == VMG_TEST_HANDSTAND) {
            vmg_rot_about_axis(0, M_PI - 0.05 * sin(2 * s), R);
            vmg_rot_mul(R, root, root);
            vmg_rot_about_axis(2, 1.5 * s, A);
            pelvis[1] = 0.1 * s;
        } else if (kind == VMG_TEST_TUMBLE) {
            vmg_rot_about_axis((int)(t / 40 % 3), 2 * M_PI * (double)(t % 40) / 40, R);
            vmg_rot_mul(R, root, root);
            pelvis[2] = 2;
        }
        vmg_rot_mul(A, root, root);
        vmg_rot_about_axis(2, heading_rad, R);
        vmg_rot_mul(R, root, root);
        vmg_rot_apply(R, pelvis, pelvis);
    }
    vmg_rest_offsets(offset);
    vmg_poses_fk(out, (const double(*)[3])offset);
    vmg_poses_set_transl(out, vmg_rest_joint[VMG_PELVIS]);
    return 0;
}

static double joint_error(const vmg_poses *a, const vmg_poses *b, bool mean)
{
    double worst = 0, sum = 0;
    if (a->T != b->T)
        return INFINITY;
    for (int64_t i = 0; i < a->T * VMG_N_JOINTS; i++) {
        double d[3];
        for (int c = 0; c < 3; c++)
            d[c] = a->joints[3 * i + c] - b->joints[3 * i + c];
        double n = vmg_vec_norm(d);
        if (!isfinite(n))
            return INFINITY;
        worst = fmax(worst, n);
        sum += n;
    }
    return mean ? sum / fmax(1, (double)(a->T * VMG_N_JOINTS)) : worst;
}

double vmg_test_joint_error(const vmg_poses *a, const vmg_poses *b)
{
    return joint_error(a, b, false);
}

double vmg_test_joint_mean_error(const vmg_poses *a, const vmg_poses *b)
{
    return joint_error(a, b, true);
}

double vmg_test_rot_error(const vmg_poses *a, const vmg_poses *b)
{
    double worst = 0;
    if (a->T != b->T)
        return INFINITY;
    for (int64_t i = 0; i < a->T * VMG_N_JOINTS; i++) {
        double angle = vmg_rot_angle(a->rot + 9 * i, b->rot + 9 * i);
        if (!isfinite(angle))
            return INFINITY;
        worst = fmax(worst, angle);
    }
    return worst;
}
