/* Motion of any skeleton in a BVH file, brought onto the 22-joint body. */
#include "src/motion/retarget.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/motion/canonical.h"
#include "src/motion/fit.h"
#include "src/motion/rotation.h"

/* Everything about one file while it is being retargeted. */
typedef struct retarget {
    const vmg_bvh *bvh;
    vmg_joint_map map;
    vmg_retarget_report report;
    double rest[VMG_N_JOINTS][3];   /* mapped joints of the file's rest pose, its units and axes */
    double offset[VMG_N_JOINTS][3]; /* bones of the body it goes onto, metres */
    double A[VMG_N_JOINTS][9];      /* our rest axes -> the mapped joint's */
    double U[9];                    /* the file's world -> z up */
    double scale;                   /* the file's units -> metres of the target body */
    double *G, *p;                  /* kinematics of one frame of the file */
    int64_t first, T;               /* frames taken */
} retarget;

/* The only child that fixes the direction of joint j's bone; -1 for the pelvis, the chest and
 * leaves. */
static int bone_child(int j)
{
    int child = -1, n = 0;
    for (int k = 1; k < VMG_N_JOINTS; k++)
        if (vmg_joint_parent[k] == j) {
            child = k;
            n++;
        }
    return n == 1 ? child : -1;
}

/* ---- the file's rest pose ---- */

static void difference(const double a[3], const double b[3], double out[3])
{
    for (int c = 0; c < 3; c++)
        out[c] = a[c] - b[c];
}

static void middle(const double a[3], const double b[3], double out[3])
{
    for (int c = 0; c < 3; c++)
        out[c] = 0.5 * (a[c] + b[c]);
}

/* Snap v to the signed coordinate axis it is closest to; false if it leans more than 30 degrees
 * off. */
static bool snap(const double v[3], double axis[3])
{
    int big = 0;
    for (int c = 1; c < 3; c++)
        big = fabs(v[c]) > fabs(v[big]) ? c : big;
    for (int c = 0; c < 3; c++)
        axis[c] = c == big ? copysign(1, v[c]) : 0;
    double n = vmg_vec_norm(v);
    return n > 0 && fabs(v[big]) / n > 0.86;
}

/*
 * Axes of the file's rest pose: columns are the body's left, up and front. True if that pose is a
 * person standing upright: spine up, thighs and shins down, hips level, all along the file's axes.
 * Bones that are splayed by 20 degrees are aligned later; only the frame is snapped, as tilted hips
 * or a curved spine do not mean a tilted body.
 */
static bool rest_frame(const retarget *r, double B[9])
{
    double v[3], left[3], up[3], front[3], mid[3], hips[3];
    const double(*q)[3] = r->rest;
    difference(q[VMG_L_HIP], q[VMG_R_HIP], v);
    bool ok = snap(v, left);
    middle(q[VMG_L_HIP], q[VMG_R_HIP], hips);
    difference(q[VMG_HEAD], hips, v);
    ok = snap(v, up) && ok && vmg_vec_dot(left, up) == 0;
    middle(q[VMG_L_KNEE], q[VMG_R_KNEE], mid);
    difference(mid, hips, v);
    ok = ok && vmg_vec_dot(v, up) < -0.8 * vmg_vec_norm(v);
    middle(q[VMG_L_ANKLE], q[VMG_R_ANKLE], hips);
    difference(hips, mid, v);
    ok = ok && vmg_vec_dot(v, up) < -0.8 * vmg_vec_norm(v);
    vmg_vec_cross(left, up, front);
    for (int c = 0; c < 3; c++) {
        B[3 * c] = left[c];
        B[3 * c + 1] = up[c];
        B[3 * c + 2] = front[c];
    }
    return ok;
}

/* Length of a leg in the file's units, from its bones, whatever the pose. */
static double leg_units(const retarget *r)
{
    static const int bone[4][2] = {{VMG_L_HIP, VMG_L_KNEE},
                                   {VMG_L_KNEE, VMG_L_ANKLE},
                                   {VMG_R_HIP, VMG_R_KNEE},
                                   {VMG_R_KNEE, VMG_R_ANKLE}};
    double sum = 0, d[3];
    for (int i = 0; i < 4; i++) {
        difference(r->rest[bone[i][1]], r->rest[bone[i][0]], d);
        sum += 0.5 * vmg_vec_norm(d);
    }
    return sum;
}

/* Metres per unit: the usual unit that makes the leg closest to a person's; the leg's own where
 * none does. */
static double guess_unit(double leg)
{
    static const double units[] = {1,      0.01, 0.001,
                                   0.0254, 0.1,  0.0254 / 0.45 /* CMU's ASF files */};
    const double typical = 0.82;
    double best = typical / leg, distance = log(1.5);
    for (size_t i = 0; i < VMG_COUNT(units); i++) {
        double d = fabs(log(units[i] * leg / typical));
        if (d < distance) {
            distance = d;
            best = units[i];
        }
    }
    return best;
}

/* ---- up axis, first frame ---- */

static void load_frame(const retarget *r, int64_t t)
{
    vmg_bvh_fk(r->bvh, t, r->G, r->p);
}

static const double *at(const retarget *r, int j)
{
    return r->p + 3 * r->map.index[j];
}

/* For files whose rest pose says nothing: the axis, y or z, along which the body extends most over
 * the clip. */
static int up_axis_of_motion(const retarget *r)
{
    double sum[3] = {0}, feet[3], v[3];
    for (int64_t t = 0; t < r->bvh->n_frames; t++) {
        load_frame(r, t);
        middle(at(r, VMG_L_ANKLE), at(r, VMG_R_ANKLE), feet);
        difference(at(r, VMG_HEAD), feet, v);
        for (int c = 0; c < 3; c++)
            sum[c] += v[c];
    }
    return fabs(sum[2]) > fabs(sum[1]) ? 2 : 1;
}

/* All rotations of the frame but the root's are zero within half a degree. */
static bool frame_at_rest(const vmg_bvh *bvh, int64_t t)
{
    for (int j = 1; j < bvh->n_joints; j++)
        for (int i = 0; i < bvh->joint[j].n_channels; i++)
            if (bvh->joint[j].channel[i] >= VMG_BVH_XROT &&
                fabsf(bvh->value[t * bvh->n_channels + bvh->joint[j].first_channel + i]) > 0.5f)
                return false;
    return true;
}

/* ---- constants between the skeletons ---- */

/* Turn A so that it takes our rest bone of joint j exactly onto `target` (in the mapped joint's
 * axes). */
static void align_bone(int child, const double target[3], double A[9])
{
    double rest[VMG_N_JOINTS][3], u[3], S[9];
    vmg_rest_offsets(rest);
    vmg_rot_apply(A, rest[child], u);
    vmg_rot_between(u, target, S);
    vmg_rot_mul(S, A, A);
}

/* From the rest pose: axes B, then each bone onto the file's. */
static void calibrate_on_rest(retarget *r, const double B[9])
{
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        int child = bone_child(j);
        double v[3];
        memcpy(r->A[j], B, sizeof r->A[j]);
        if (child < 0 || r->map.index[j] < 0 || r->map.index[child] < 0)
            continue;
        difference(r->rest[child], r->rest[j], v);
        align_bone(child, v, r->A[j]);
    }
}

/* Rotations that the joint positions of every frame ask for, z up. */
static int fit_positions(retarget *r, vmg_poses *fit)
{
    for (int j = 0; j < VMG_N_JOINTS; j++)
        if (r->map.index[j] < 0)
            return vmg_fail(VMG_E_FORMAT,
                            "the rest pose is not a standing person, so all joints are needed, "
                            "but there is no %s",
                            vmg_joint_name[j]);
    int rc = vmg_poses_alloc(r->T, fit);
    if (rc)
        return rc;
    for (int64_t t = 0; t < r->T; t++) {
        load_frame(r, r->first + t);
        for (int j = 0; j < VMG_N_JOINTS; j++)
            vmg_rot_apply(r->U, at(r, j), vmg_poses_joint(fit, t, j));
    }
    vmg_poses_fit_rotations(fit, vmg_rest_joint[VMG_PELVIS]);
    return VMG_OK;
}

/* From the motion: the mean of G_src^T U^T G_fit, then each bone exactly. */
static int calibrate_on_motion(retarget *r)
{
    vmg_poses fit = {0};
    double sum[VMG_N_JOINTS][9] = {{0}}, bone[VMG_N_JOINTS][3] = {{0}}, G[9 * VMG_N_JOINTS], D[9],
           v[3];
    int rc = fit_positions(r, &fit);
    for (int64_t t = 0; !rc && t < r->T; t++) {
        load_frame(r, r->first + t);
        vmg_skeleton_globals(vmg_poses_rot(&fit, t, 0), G);
        for (int j = 0; j < VMG_N_JOINTS; j++) {
            const double *src = r->G + 9 * r->map.index[j];
            vmg_rot_tmul(r->U, G + 9 * j, D);
            vmg_rot_tmul(src, D, D);
            for (int i = 0; i < 9; i++)
                sum[j][i] += D[i];
            if (bone_child(j) < 0)
                continue;
            difference(at(r, bone_child(j)), at(r, j), v);
            vmg_rot_tapply(src, v, v);
            for (int c = 0; c < 3; c++)
                bone[j][c] += v[c];
        }
    }
    for (int j = 0; !rc && j < VMG_N_JOINTS; j++) {
        vmg_rot_nearest(sum[j], r->A[j]);
        if (bone_child(j) >= 0)
            align_bone(bone_child(j), bone[j], r->A[j]);
    }
    vmg_poses_free(&fit);
    return rc;
}

/* Bones of the target: the default body's, or the file's as seen from our rest axes. */
static void choose_bones(retarget *r, bool keep)
{
    vmg_rest_offsets(r->offset);
    r->report.scale =
        keep ? 1 : vmg_skeleton_leg_length((const double(*)[3])r->offset) / r->report.leg_m;
    r->scale = r->report.unit_m * r->report.scale;
    for (int j = 1; keep && j < VMG_N_JOINTS; j++) {
        int parent = vmg_joint_parent[j];
        double v[3];
        if (r->map.index[j] < 0 || r->map.index[parent] < 0) {
            for (int c = 0; c < 3; c++)
                r->offset[j][c] *= r->report.leg_m / 0.82;
            continue;
        }
        difference(r->rest[j], r->rest[parent], v);
        vmg_rot_tapply(r->A[parent], v, v);
        for (int c = 0; c < 3; c++)
            r->offset[j][c] = v[c] * r->scale;
    }
}

/* ---- the frames ---- */

static void retarget_frame(const retarget *r, int64_t t, vmg_poses *out)
{
    double G[9 * VMG_N_JOINTS], *local = vmg_poses_rot(out, t, 0),
                                *joints = vmg_poses_joint(out, t, 0);
    double hips[3], ours[3];
    load_frame(r, r->first + t);
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        int parent = vmg_joint_parent[j];
        if (r->map.index[j] < 0) {
            memcpy(G + 9 * j, G + 9 * parent, 9 * sizeof *G);
        } else {
            vmg_rot_mul(r->G + 9 * r->map.index[j], r->A[j], G + 9 * j);
            vmg_rot_mul(r->U, G + 9 * j, G + 9 * j);
        }
        if (parent < 0)
            memcpy(local, G, 9 * sizeof *G);
        else
            vmg_rot_tmul(G + 9 * parent, G + 9 * j, local + 9 * j);
    }
    /* Hips and pelvis do not lie alike in all skeletons: the middle of the hips carries the
     * motion. */
    middle(at(r, VMG_L_HIP), at(r, VMG_R_HIP), hips);
    vmg_rot_apply(r->U, hips, hips);
    middle(r->offset[VMG_L_HIP], r->offset[VMG_R_HIP], ours);
    vmg_rot_apply(G, ours, ours);
    for (int c = 0; c < 3; c++)
        joints[c] = r->scale * hips[c] - ours[c];
    vmg_skeleton_fk(local, joints, r->offset, joints, NULL);
}

static int find_joints(retarget *r, const char *map_path)
{
    const char **names = vmg_calloc((size_t)r->bvh->n_joints, sizeof *names);
    if (!names)
        return VMG_E_NOMEM;
    for (int j = 0; j < r->bvh->n_joints; j++)
        names[j] = r->bvh->joint[j].name;
    int rc = map_path ? vmg_joint_map_read(map_path, names, r->bvh->n_joints, &r->map)
                      : vmg_joint_map_find(names, r->bvh->n_joints, &r->map);
    free(names);
    return rc;
}

/* Rest pose, units, up axis, frames: all but the constants A. */
static int survey(retarget *r, const vmg_retarget_options *o, double B[9])
{
    int rc = find_joints(r, o->map_path);
    if (rc)
        return rc;
    r->report.convention = r->map.convention;
    load_frame(r, -1);
    for (int j = 0; j < VMG_N_JOINTS; j++)
        if (r->map.index[j] >= 0)
            memcpy(r->rest[j], at(r, j), sizeof r->rest[j]);
    double leg = leg_units(r);
    if (!(leg > 1e-9))
        return vmg_fail(VMG_E_FORMAT, "the skeleton's legs have no length");
    r->report.unit_m = o->unit_m > 0 ? o->unit_m : guess_unit(leg);
    r->report.leg_m = leg * r->report.unit_m;
    r->report.natural_rest = rest_frame(r, B);
    int rest_up = B[4] != 0 ? 1 : B[7] != 0 ? 2 : 0;
    r->report.up_axis = o->up_axis                          ? o->up_axis
                        : r->report.natural_rest && rest_up ? rest_up
                                                            : up_axis_of_motion(r);
    memcpy(r->U, r->report.up_axis == 1 ? vmg_axes_y_up_to_z_up : vmg_rot_identity, sizeof r->U);
    r->T = r->bvh->n_frames;
    if (r->T > 1 && frame_at_rest(r->bvh, 0) && !frame_at_rest(r->bvh, 1)) {
        r->report.dropped_tpose = true;
        r->first = 1;
        r->T--;
    }
    return VMG_OK;
}

int vmg_retarget_bvh(const vmg_bvh *bvh, const vmg_retarget_options *options, vmg_poses *out,
                     vmg_retarget_report *report)
{
    retarget *r = vmg_calloc(1, sizeof *r);
    double B[9];
    *out = (vmg_poses){0};
    if (!r)
        return VMG_E_NOMEM;
    r->bvh = bvh;
    r->G = vmg_calloc((size_t)bvh->n_joints, 12 * sizeof *r->G);
    r->p = r->G ? r->G + 9 * bvh->n_joints : NULL;
    int rc = r->G ? survey(r, options, B) : VMG_E_NOMEM;
    bool own = !rc && !strcmp(r->map.convention, "smpl") && r->report.natural_rest;
    if (!rc && own)
        for (int j = 0; j < VMG_N_JOINTS; j++)
            memcpy(r->A[j], B, sizeof B);
    else if (!rc && r->report.natural_rest)
        calibrate_on_rest(r, B);
    else if (!rc)
        rc = calibrate_on_motion(r);
    if (!rc) {
        choose_bones(r, own || options->keep_bones);
        rc = vmg_poses_alloc(r->T, out);
    }
    for (int64_t t = 0; !rc && t < r->T; t++)
        retarget_frame(r, t, out);
    if (!rc)
        vmg_poses_set_transl(out, vmg_rest_joint[VMG_PELVIS]);
    if (!rc && report)
        *report = r->report;
    free(r->G);
    free(r);
    return rc;
}
