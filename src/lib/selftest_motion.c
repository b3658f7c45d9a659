/* Checks golden sets of kind "motion": the 276 features, decoding, and the way from video. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/weights_file.h"
#include "src/lib/selftest.h"
#include "src/motion/canonical.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"

enum { MAX_TENSORS = 64, POS = 3 * VMG_N_JOINTS, BODY = 63 };

/* The set while it is checked. Fetched tensors live until the end. */
typedef struct vectors {
    vmg_weights *w;
    vmg_selftest_report *report;
    double tolerance, rest_pelvis[3];
    int64_t T; /* poses that went in */
    float *tensor[MAX_TENSORS];
    size_t n_tensors;
} vectors;

static int fetch(vectors *v, const char *name, int rank, const int64_t *dim, const float **out)
{
    const vmg_weight *t;
    int rc = vmg_weights_need(v->w, name, rank, dim, &t);
    if (rc)
        return rc;
    if (v->n_tensors == MAX_TENSORS)
        return vmg_fail(VMG_E_UNSUPPORTED, "more tensors than this checker knows");
    float *values = vmg_calloc((size_t)t->n, sizeof *values);
    if (!values)
        return VMG_E_NOMEM;
    v->tensor[v->n_tensors++] = values;
    *out = values;
    return vmg_weight_to_f32(t, values);
}

/* A tensor of n values in each of T rows, whatever the rank beyond that: (T,n) or (T,n/3,3). */
static int fetch_rows(vectors *v, const char *name, int64_t T, int64_t n, const float **out)
{
    bool points = n == POS;
    return fetch(v, name, points ? 3 : 2, points ? (int64_t[]){T, n / 3, 3} : (int64_t[]){T, n},
                 out);
}

/* Compare T rows of n values held in double. */
static int compare(vectors *v, const char *name, int64_t T, int64_t n, const double *got)
{
    const float *want;
    int rc = fetch_rows(v, name, T, n, &want);
    if (rc)
        return rc;
    float *values = vmg_calloc((size_t)(T * n), sizeof *values);
    if (!values)
        return VMG_E_NOMEM;
    for (int64_t i = 0; i < T * n; i++)
        values[i] = (float)got[i];
    vmg_selftest_compare(v->report, name, values, want, (size_t)(T * n), true, v->tolerance);
    free(values);
    return VMG_OK;
}

/* Compare local rotations of joints first..first+n-1 with axis-angles (T,3n): the largest angle
 * between. */
static int compare_rotations(vectors *v, const char *name, int first, int n, const vmg_poses *p)
{
    const float *want;
    int rc = fetch_rows(v, name, p->T, 3 * n, &want);
    if (rc)
        return rc;
    double worst = 0;
    for (int64_t t = 0; t < p->T; t++)
        for (int j = 0; j < n; j++, want += 3) {
            double R[9];
            vmg_rot_from_axis_angle((double[3]){want[0], want[1], want[2]}, R);
            double angle = vmg_rot_angle(R, vmg_poses_rot(p, t, first + j));
            worst = isfinite(angle) ? fmax(worst, angle) : INFINITY;
        }
    vmg_selftest_row(v->report, name, worst, v->tolerance);
    return VMG_OK;
}

/* Decoded features against PREFIX.global_orient, .transl, .joints and, where it is there,
 * .body_pose. */
static int check_decoded(vectors *v, const char *prefix, enum vmg_rep_source source, bool one_more)
{
    const float *rep;
    vmg_poses p = {0};
    char name[4][64];
    static const char *const suffix[] = {"global_orient", "body_pose", "transl", "joints"};
    for (int i = 0; i < 4; i++)
        snprintf(name[i], sizeof name[i], "%s.%s", prefix, suffix[i]);
    int rc = fetch_rows(v, "rep", v->T - 1, VMG_REP_DIM, &rep);
    if (!rc)
        rc = vmg_rep276_decode(rep, v->T - 1, source, one_more, &p);
    if (!rc)
        rc = compare_rotations(v, name[0], 0, 1, &p);
    if (!rc && vmg_weights_find(v->w, name[1]))
        rc = compare_rotations(v, name[1], 1, VMG_N_JOINTS - 1, &p);
    if (!rc)
        rc = compare(v, name[2], p.T, 3, p.transl);
    if (!rc)
        rc = compare(v, name[3], p.T, POS, p.joints);
    vmg_poses_free(&p);
    return rc;
}

/* The SMPL parameters and joints that went in. */
static int input_poses(vectors *v, vmg_poses *out)
{
    const float *orient, *body, *transl, *joints;
    int rc = fetch_rows(v, "in.global_orient", v->T, 3, &orient);
    if (!rc)
        rc = fetch_rows(v, "in.body_pose", v->T, BODY, &body);
    if (!rc)
        rc = fetch_rows(v, "in.transl", v->T, 3, &transl);
    if (!rc)
        rc = fetch_rows(v, "in.joints", v->T, POS, &joints);
    return rc ? rc : vmg_poses_from_smpl(orient, body, transl, joints, v->T, out);
}

static int check_features(vectors *v, const char *name, const vmg_poses *p)
{
    const float *want;
    int64_t T = p->T - 1;
    int rc = fetch_rows(v, name, T, VMG_REP_DIM, &want);
    if (rc)
        return rc;
    float *x = vmg_calloc((size_t)T, VMG_REP_DIM * sizeof *x);
    if (!x)
        return VMG_E_NOMEM;
    rc = vmg_rep276_encode(p, x);
    if (!rc)
        vmg_selftest_compare(v->report, name, x, want, (size_t)(T * VMG_REP_DIM), true,
                             v->tolerance);
    free(x);
    return rc;
}

static int check_built(vectors *v)
{
    vmg_poses p = {0};
    int rc = input_poses(v, &p);
    if (!rc)
        rc = check_features(v, "rep", &p);
    vmg_poses_free(&p);
    return rc;
}

/* Every row of the extrinsic is the same camera; without one the intrinsic is the identity. */
static int check_camera(vectors *v, const char *prefix, const vmg_canonical *did)
{
    char name[64];
    const float *want;
    float got[9];
    snprintf(name, sizeof name, "%s.extrinsic", prefix);
    int rc = fetch_rows(v, name, v->T - 1, 9, &want);
    if (rc)
        return rc;
    double worst = 0;
    vmg_canonical_extrinsic(did, got);
    for (int64_t i = 0; i < 9 * (v->T - 1); i++) {
        double d = fabs((double)want[i] - (double)got[i % 9]);
        worst = isfinite(d) ? fmax(worst, d) : INFINITY;
    }
    vmg_selftest_row(v->report, name, worst, v->tolerance);
    snprintf(name, sizeof name, "%s.intrinsic", prefix);
    static const double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    return compare(v, name, 3, 3, identity);
}

static int check_from_video(vectors *v, const char *prefix, bool set_floor)
{
    vmg_poses p = {0};
    vmg_canonical did;
    char name[64];
    int rc = input_poses(v, &p);
    if (!rc) {
        vmg_canonical_from_camera(&p, set_floor, v->rest_pelvis, &did);
        snprintf(name, sizeof name, "%s.motion", prefix);
        rc = check_features(v, name, &p);
    }
    if (!rc) {
        snprintf(name, sizeof name, "%s.joints", prefix);
        rc = compare(v, name, v->T - 1, POS, p.joints);
    }
    if (!rc)
        rc = check_camera(v, prefix, &did);
    vmg_poses_free(&p);
    return rc;
}

/* Joints as the published tool exports them: integrated from the velocities, y up. */
static int check_export(vectors *v)
{
    const float *x, *want;
    int64_t T = v->T - 1;
    int rc = fetch_rows(v, "hmr_floor1.motion", T, VMG_REP_DIM, &x);
    if (!rc)
        rc = fetch_rows(v, "mbench.joints", T, POS, &want);
    if (rc)
        return rc;
    float *joints = vmg_calloc((size_t)T, POS * sizeof *joints);
    if (!joints)
        return VMG_E_NOMEM;
    vmg_rep276_integrate_joints(x, T, joints);
    vmg_joints_z_up_to_y_up(joints, T);
    vmg_selftest_compare(v->report, "mbench.joints", joints, want, (size_t)(T * POS), true,
                         v->tolerance);
    free(joints);
    return VMG_OK;
}

static int check_all(vectors *v)
{
    const float *rest;
    const vmg_weight *t = vmg_weights_find(v->w, "in.global_orient");
    if (!t || t->rank != 2 || t->dim[0] < 2)
        return vmg_fail(VMG_E_FORMAT, "%s: in.global_orient is not of shape (T,3), T >= 2",
                        v->w->path);
    v->T = t->dim[0];
    int rc = fetch(v, "smplx_root", 2, (int64_t[]){1, 3}, &rest);
    if (rc)
        return rc;
    for (int c = 0; c < 3; c++)
        v->rest_pelvis[c] = rest[c];
    rc = check_built(v);
    if (!rc)
        rc = check_decoded(v, "smpl", VMG_REP_STORED, false);
    if (!rc)
        rc = check_decoded(v, "vel", VMG_REP_INTEGRATED, false);
    if (!rc)
        rc = check_decoded(v, "eq", VMG_REP_INTEGRATED, true);
    if (!rc)
        rc = check_from_video(v, "hmr_floor0", false);
    if (!rc)
        rc = check_from_video(v, "hmr_floor1", true);
    return rc ? rc : check_export(v);
}

int vmg_selftest_motion(const char *dir, const cJSON *manifest, vmg_selftest_report *report)
{
    vectors v = {.report = report};
    char *path = vmg_selftest_path(dir, manifest, "vectors");
    if (!path || !vmg_selftest_tolerance(manifest, "absolute", &v.tolerance)) {
        free(path);
        return VMG_E_FORMAT;
    }
    int rc = vmg_weights_open(path, &v.w);
    if (!rc)
        rc = check_all(&v);
    for (size_t i = 0; i < v.n_tensors; i++)
        free(v.tensor[i]);
    vmg_weights_close(v.w);
    free(path);
    return rc;
}
