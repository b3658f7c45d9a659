/* Joining clips and judging loops. */
#include "src/motion/edit.h"

#include <math.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/status.h"
#include "src/motion/canonical.h"
#include "src/motion/rotation.h"

enum { ROT = 9 * VMG_N_JOINTS, POS = 3 * VMG_N_JOINTS };

/* Turn and move b so that it carries on from the end of a. */
static void align_start(const vmg_poses *a, vmg_poses *b, const double rest_pelvis[3])
{
    double Ma[9], Mb[9], R[9], d[3] = {0};
    const double *last = vmg_poses_joint(a, a->T - 1, 0);
    const double *before = vmg_poses_joint(a, a->T > 1 ? a->T - 2 : 0, 0);
    vmg_canonical_rotation(a, a->T - 1, Ma);
    vmg_canonical_rotation(b, 0, Mb);
    vmg_rot_tmul(Ma, Mb, R);
    vmg_poses_rotate(b, R, rest_pelvis);
    for (int c = 0; c < 2; c++)
        d[c] = last[c] + (last[c] - before[c]) - b->joints[c];
    vmg_poses_translate(b, d);
}

/* Let the difference between pose `first`-1 and pose `first` fade out over n frames from `first`
 * on. */
static void fade_in(vmg_poses *p, int64_t first, int64_t n, const double offset[][3])
{
    double jump[ROT];
    for (int j = 0; j < VMG_N_JOINTS; j++)
        vmg_rot_tmul(vmg_poses_rot(p, first, j), vmg_poses_rot(p, first - 1, j), jump + 9 * j);
    double lift = vmg_poses_joint(p, first - 1, 0)[2] - vmg_poses_joint(p, first, 0)[2];
    for (int64_t k = 0; k < n && first + k < p->T; k++) {
        double s = (double)(k + 1) / (double)(n + 1), w = 1 - s * s * (3 - 2 * s);
        double *joints = vmg_poses_joint(p, first + k, 0), fk[POS], D[9];
        vmg_skeleton_fk(vmg_poses_rot(p, first + k, 0), joints, offset, fk, NULL);
        for (int i = 3; i < POS; i++)
            fk[i] = joints[i] - fk[i]; /* what stored joints differ from the skeleton by */
        for (int j = 0; j < VMG_N_JOINTS; j++) {
            double *R = vmg_poses_rot(p, first + k, j);
            vmg_rot_slerp(vmg_rot_identity, jump + 9 * j, w, D);
            vmg_rot_mul(R, D, R);
        }
        joints[2] += w * lift;
        p->transl[3 * (first + k) + 2] += w * lift;
        vmg_skeleton_fk(vmg_poses_rot(p, first + k, 0), joints, offset, joints, NULL);
        for (int i = 3; i < POS; i++)
            joints[i] += fk[i];
    }
}

int vmg_poses_concat(const vmg_poses *a, const vmg_poses *b, const double rest_pelvis[3],
                     bool align, int64_t blend, vmg_poses *out)
{
    *out = (vmg_poses){0};
    if (a->T < 1 || b->T < 1 || blend < 0 || a->T > INT64_MAX - b->T)
        return vmg_fail(VMG_E_ARG, "cannot join clips of %lld and %lld poses over %lld frames",
                        (long long)a->T, (long long)b->T, (long long)blend);
    vmg_poses moved = {0};
    double offset[VMG_N_JOINTS][3];
    int rc = vmg_poses_crop(b, 0, b->T, &moved);
    if (rc)
        return rc;
    if (align)
        align_start(a, &moved, rest_pelvis);
    rc = vmg_poses_alloc(a->T + b->T, out);
    if (!rc) {
        for (int i = 0; i < 2; i++) {
            const vmg_poses *p = i ? &moved : a;
            int64_t at = i ? a->T : 0;
            memcpy(out->rot + at * ROT, p->rot, (size_t)p->T * ROT * sizeof(double));
            memcpy(out->joints + at * POS, p->joints, (size_t)p->T * POS * sizeof(double));
            memcpy(out->transl + at * 3, p->transl, (size_t)p->T * 3 * sizeof(double));
        }
        vmg_poses_offsets(b, offset);
        fade_in(out, a->T, blend, (const double(*)[3])offset);
    }
    vmg_poses_free(&moved);
    return rc;
}

/* Joints of frame t as seen from its own heading, root at the origin of the plane. */
static void heading_joints(const vmg_poses *p, int64_t t, const double M[9], const double origin[3],
                           double joints[POS])
{
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        const double *q = vmg_poses_joint(p, t, j);
        vmg_rot_apply(M, (double[3]){q[0] - origin[0], q[1] - origin[1], q[2]}, joints + 3 * j);
    }
}

int vmg_poses_loop(const vmg_poses *p, vmg_loop *out)
{
    *out = (vmg_loop){0};
    if (p->T < 3)
        return vmg_fail(VMG_E_ARG, "a loop needs 3 poses, not %lld", (long long)p->T);
    int64_t last = p->T - 1;
    const double *r0 = vmg_poses_joint(p, 0, 0), *r1 = vmg_poses_joint(p, last, 0);
    double M0[9], M1[9], a[POS], b[POS], a1[POS], b1[POS], D[9];
    vmg_canonical_rotation(p, 0, M0);
    vmg_canonical_rotation(p, last, M1);
    heading_joints(p, 0, M0, r0, a);
    heading_joints(p, 1, M0, r0, a1);
    heading_joints(p, last, M1, r1, b);
    heading_joints(p, last - 1, M1, r1, b1);
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        double d[3], v[3];
        for (int c = 0; c < 3; c++) {
            int i = 3 * j + c;
            d[c] = b[i] - a[i];
            v[c] = (b[i] - b1[i]) - (a1[i] - a[i]);
        }
        out->pose_m += vmg_vec_norm(d) / VMG_N_JOINTS;
        out->step_m += vmg_vec_norm(v) / VMG_N_JOINTS;
        out->worst_m = VMG_MAX(out->worst_m, vmg_vec_norm(d));
    }
    out->travel_m = hypot(r1[0] - r0[0], r1[1] - r0[1]);
    vmg_rot_tmul(M1, M0, D); /* world turn from the first heading to the last */
    out->turn_rad = atan2(D[3], D[0]);
    return VMG_OK;
}
