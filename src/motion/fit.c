/* Local rotations from joint positions. */
#include "src/motion/fit.h"

#include <math.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/motion/rotation.h"

/* One frame: what is observed, what the rest pose says, and the global rotations found so far. */
typedef struct frame {
    const double *joints;
    double offset[VMG_N_JOINTS][3];
    double G[VMG_N_JOINTS][9];
} frame;

/* Observed bone from joint j's parent to j. */
static void bone(const frame *f, int j, double v[3])
{
    for (int c = 0; c < 3; c++)
        v[c] = f->joints[3 * j + c] - f->joints[3 * vmg_joint_parent[j] + c];
}

/* R such that it turns the rest bones of three children onto the observed ones, directions only. */
static void orient_by_children(const frame *f, const int child[3], double R[9])
{
    double M[9] = {0};
    for (int k = 0; k < 3; k++) {
        double a[3], b[3];
        memcpy(a, f->offset[child[k]], sizeof a);
        bone(f, child[k], b);
        vmg_vec_normalise(a);
        if (!(vmg_vec_normalise(b) > 1e-9))
            continue;
        for (int i = 0; i < 9; i++)
            M[i] += b[i / 3] * a[i % 3];
    }
    vmg_rot_nearest(M, R);
}

/* R: `from` swung by the smallest rotation that brings the rest bone to child onto the observed
 * one. */
static void swing(const frame *f, int child, const double from[9], double R[9])
{
    double u[3], v[3], S[9];
    vmg_rot_apply(from, f->offset[child], u);
    bone(f, child, v);
    vmg_rot_between(u, v, S);
    vmg_rot_mul(S, from, R);
}

/* Turn R by angle about the observed bone to child. */
static void twist(const frame *f, int child, double angle_rad, double R[9])
{
    double axis[3], S[9];
    bone(f, child, axis);
    if (!(vmg_vec_normalise(axis) > 1e-9))
        return;
    for (int c = 0; c < 3; c++)
        axis[c] *= angle_rad;
    vmg_rot_from_axis_angle(axis, S);
    vmg_rot_mul(S, R, R);
}

/* Angle about unit axis n that turns the part of a perpendicular to n onto that of b. */
static double angle_about(const double n[3], const double a[3], const double b[3])
{
    double x[3];
    vmg_vec_cross(a, b, x);
    double along = vmg_vec_dot(n, a) * vmg_vec_dot(n, b);
    return atan2(vmg_vec_dot(n, x), vmg_vec_dot(a, b) - along);
}

static void fit_torso(frame *f)
{
    static const int pelvis[3] = {VMG_L_HIP, VMG_R_HIP, VMG_SPINE1};
    static const int chest[3] = {VMG_NECK, VMG_L_COLLAR, VMG_R_COLLAR};
    orient_by_children(f, pelvis, f->G[VMG_PELVIS]);
    orient_by_children(f, chest, f->G[VMG_SPINE3]);
    swing(f, VMG_SPINE2, f->G[VMG_PELVIS], f->G[VMG_SPINE1]);
    swing(f, VMG_SPINE3, f->G[VMG_SPINE1], f->G[VMG_SPINE2]);
    /* How far the chest is turned against the spine that came straight from the pelvis. */
    double n[3], left[3] = {1, 0, 0}, a[3], b[3];
    bone(f, VMG_SPINE3, n);
    if (!(vmg_vec_normalise(n) > 1e-9))
        return;
    vmg_rot_apply(f->G[VMG_SPINE2], left, a);
    vmg_rot_apply(f->G[VMG_SPINE3], left, b);
    double turn = angle_about(n, a, b);
    twist(f, VMG_SPINE2, turn / 3, f->G[VMG_SPINE1]);
    twist(f, VMG_SPINE3, 2 * turn / 3, f->G[VMG_SPINE2]);
}

/* Two bones joined by a hinge: upper joint, hinge joint, its child, and the hinge's axis at rest */
static const struct limb {
    int parent, upper, hinge, end;
    double axis[3]; /* bending is a positive turn about it */
} limbs[] = {
    {VMG_PELVIS, VMG_L_HIP, VMG_L_KNEE, VMG_L_ANKLE, {1, 0, 0}},
    {VMG_PELVIS, VMG_R_HIP, VMG_R_KNEE, VMG_R_ANKLE, {1, 0, 0}},
    {VMG_L_COLLAR, VMG_L_SHOULDER, VMG_L_ELBOW, VMG_L_WRIST, {0, -1, 0}},
    {VMG_R_COLLAR, VMG_R_SHOULDER, VMG_R_ELBOW, VMG_R_WRIST, {0, 1, 0}},
};

static void fit_limb(frame *f, const struct limb *l)
{
    double upper[3], lower[3], n[3], axis[3];
    swing(f, l->hinge, f->G[l->parent], f->G[l->upper]);
    bone(f, l->hinge, upper);
    bone(f, l->end, lower);
    vmg_vec_normalise(upper);
    vmg_vec_normalise(lower);
    vmg_vec_cross(upper, lower, n);
    /* A limb says little about its hinge while it is nearly straight, as the rest pose's knees are
     * bent sideways by 14 degrees: no trust below that, full trust from 35 degrees on. */
    double trust = fmin(1, fmax(0, (vmg_vec_norm(n) - 0.25) / 0.32));
    vmg_rot_apply(f->G[l->upper], l->axis, axis);
    if (trust > 0)
        twist(f, l->hinge, trust * trust * (3 - 2 * trust) * angle_about(upper, axis, n),
              f->G[l->upper]);
    swing(f, l->end, f->G[l->upper], f->G[l->hinge]);
}

static void fit_frame(frame *f, double *local)
{
    /* Joints with one child whose frame follows the parent's, parents first. */
    static const struct {
        int joint, child, parent;
    } chain[] = {{VMG_NECK, VMG_HEAD, VMG_SPINE3},
                 {VMG_L_COLLAR, VMG_L_SHOULDER, VMG_SPINE3},
                 {VMG_R_COLLAR, VMG_R_SHOULDER, VMG_SPINE3}};
    static const struct {
        int joint, child, parent;
    } feet[] = {{VMG_L_ANKLE, VMG_L_FOOT, VMG_L_KNEE}, {VMG_R_ANKLE, VMG_R_FOOT, VMG_R_KNEE}};
    static const int leaf[] = {VMG_HEAD, VMG_L_WRIST, VMG_R_WRIST, VMG_L_FOOT, VMG_R_FOOT};
    fit_torso(f);
    for (int i = 0; i < 3; i++)
        swing(f, chain[i].child, f->G[chain[i].parent], f->G[chain[i].joint]);
    for (int i = 0; i < 4; i++)
        fit_limb(f, &limbs[i]);
    for (int i = 0; i < 2; i++)
        swing(f, feet[i].child, f->G[feet[i].parent], f->G[feet[i].joint]);
    for (int i = 0; i < 5; i++)
        memcpy(f->G[leaf[i]], f->G[vmg_joint_parent[leaf[i]]], sizeof f->G[0]);
    memcpy(local, f->G[0], sizeof f->G[0]);
    for (int j = 1; j < VMG_N_JOINTS; j++)
        vmg_rot_tmul(f->G[vmg_joint_parent[j]], f->G[j], local + 9 * j);
}

void vmg_poses_fit_rotations(vmg_poses *p, const double rest_pelvis[3])
{
    frame f;
    vmg_rest_offsets(f.offset);
    for (int64_t t = 0; t < p->T; t++) {
        f.joints = vmg_poses_joint(p, t, 0);
        fit_frame(&f, vmg_poses_rot(p, t, 0));
    }
    vmg_poses_set_transl(p, rest_pelvis);
}

/* A limb, from where rotations (their globals in f) point it to where the joints do: the upper joint's local rotation. */
static void point_limb(const frame *f, const struct limb *l, double *local)
{
    double from[3], lower[3], to[3], R[9];
    vmg_rot_apply(f->G[l->upper], f->offset[l->hinge], from);
    vmg_rot_apply(f->G[l->hinge], f->offset[l->end], lower);
    for (int c = 0; c < 3; c++) {
        from[c] += lower[c];
        to[c] = f->joints[3 * l->end + c] - f->joints[3 * l->upper + c];
    }
    vmg_rot_between(from, to, R);
    vmg_rot_mul(R, f->G[l->upper], R);
    vmg_rot_tmul(f->G[l->parent], R, local);
}

void vmg_poses_point_limbs(vmg_poses *p)
{
    frame f;
    vmg_rest_offsets(f.offset);
    for (int64_t t = 0; t < p->T; t++) {
        f.joints = vmg_poses_joint(p, t, 0);
        vmg_skeleton_globals(vmg_poses_rot(p, t, 0), f.G[0]);
        for (size_t i = 0; i < VMG_COUNT(limbs); i++) /* none is another's parent */
            point_limb(&f, &limbs[i], vmg_poses_rot(p, t, limbs[i].upper));
    }
}
