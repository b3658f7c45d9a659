/* Clips in .npy and .pt files: features, joint positions, results of pose estimators. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/status.h"
#include "src/format/weights_file.h"
#include "src/format/writer.h"
#include "src/motion/body_model.h"
#include "src/motion/canonical.h"
#include "src/motion/clip_formats.h"
#include "src/motion/rep276.h"

enum { OLD_DIM = 426, POS = 3 * VMG_N_JOINTS, BODY = 63 };

static double fps_or_20(const vmg_clip_read_options *o)
{
    return o->fps > 0 ? o->fps : VMG_REP_FPS;
}

int vmg_clip_floats(const vmg_weight *t, float **out)
{
    float *x = vmg_calloc((size_t)t->n, sizeof *x);
    *out = NULL;
    if (!x)
        return VMG_E_NOMEM;
    int rc = vmg_weight_to_f32(t, x);
    int64_t row = t->rank > 1 && t->dim[0] > 0 ? t->n / t->dim[0] : 1;
    for (int64_t i = 0; !rc && i < t->n; i++)
        if (!isfinite(x[i]))
            rc = vmg_fail(VMG_E_FORMAT, "value %lld of frame %lld is not finite",
                          (long long)(i % row), (long long)(i / row));
    if (rc)
        free(x);
    else
        *out = x;
    return rc;
}

static int wrong_shape(const vmg_weight *t)
{
    char shape[128];
    vmg_shape_text(t->rank, t->dim, shape, sizeof shape);
    if (t->rank == 2 && t->dim[1] == OLD_DIM)
        return vmg_fail(VMG_E_UNSUPPORTED,
                        "%s is an older layout of 426 features, which is not read: "
                        "expected (T, 276)",
                        shape);
    return vmg_fail(VMG_E_FORMAT, "expected features (T, 276) or joints (T, 22, 3), found %s",
                    shape);
}

int vmg_clip_from_tensor(const vmg_weight *t, const vmg_clip_read_options *o, vmg_clip *out)
{
    bool features = t->rank == 2 && t->dim[1] == VMG_REP_DIM;
    bool joints = t->rank == 3 && t->dim[1] == VMG_N_JOINTS && t->dim[2] == 3;
    float *x;
    if (!features && !joints)
        return wrong_shape(t);
    if (t->dim[0] < 1)
        return vmg_fail(VMG_E_FORMAT, "the clip has no frames");
    int rc = vmg_clip_floats(t, &x);
    if (rc)
        return rc;
    if (features) {
        *out = (vmg_clip){.T = t->dim[0], .fps = fps_or_20(o), .x = x};
        return VMG_OK;
    }
    rc = vmg_clip_from_joints(x, NULL, t->dim[0], fps_or_20(o), o->up_axis, o->canonical, out);
    free(x);
    return rc;
}

int vmg_clip_read_array(const char *path, const vmg_clip_read_options *o, vmg_clip *out)
{
    vmg_weights *w;
    int rc = vmg_weights_open(path, &w);
    if (rc)
        return rc;
    rc = w->n_tensors == 1 ? vmg_clip_from_tensor(&w->tensors[0], o, out)
                           : vmg_fail(VMG_E_FORMAT, "expected one array, found %zu", w->n_tensors);
    vmg_weights_close(w);
    if (!rc)
        out->format = out->fitted ? "joint positions (npy)" : "features (npy)";
    return rc;
}

int vmg_clip_write_npy(const char *path, const vmg_clip *clip, const vmg_clip_write_options *o)
{
    float *joints;
    if (!o->joints)
        return vmg_array_write(path, VMG_F32, 2, (int64_t[]){clip->T, VMG_REP_DIM}, clip->x);
    int rc = vmg_clip_joints(clip, o, &joints);
    if (!rc)
        rc = vmg_array_write(path, VMG_F32, 3, (int64_t[]){clip->T, VMG_N_JOINTS, 3}, joints);
    free(joints);
    return rc;
}

/* ---- .pt ---- */

static const vmg_weight *find2(const vmg_weights *w, const char *prefix, const char *name)
{
    char key[128];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    return vmg_weights_find(w, key);
}

/* (T,9) and (3,3) beside the features, when both are there. */
static int read_camera(const vmg_weights *w, vmg_clip *out)
{
    const vmg_weight *e = vmg_weights_find(w, "extrinsic"), *k = vmg_weights_find(w, "intrinsic");
    if (!e || !k)
        return VMG_OK;
    int rc = vmg_weights_need(w, "extrinsic", 2, (int64_t[]){out->T, 9}, &e);
    if (!rc)
        rc = vmg_weights_need(w, "intrinsic", 2, (int64_t[]){3, 3}, &k);
    if (!rc)
        rc = vmg_weight_to_f32(k, out->intrinsic);
    return rc ? rc : vmg_clip_floats(e, &out->extrinsic);
}

/* A tensor of T rows of at least n values (rank 2 or more): its first n of each row, fresh. */
static int fetch_rows(const vmg_weight *t, const char *name, int64_t T, int64_t n, float **out)
{
    *out = NULL;
    if (!t)
        return vmg_fail(VMG_E_FORMAT, "there is no %s", name);
    int64_t row = t->rank > 1 && t->dim[0] == T && T > 0 ? t->n / T : 0;
    if (row < n) {
        char shape[128];
        return vmg_fail(VMG_E_FORMAT, "%s has shape %s, expected (%lld, %lld)", name,
                        vmg_shape_text(t->rank, t->dim, shape, sizeof shape), (long long)T,
                        (long long)n);
    }
    int rc = vmg_clip_floats(t, out);
    for (int64_t i = 0; !rc && row > n && i < T; i++)
        memmove(*out + i * n, *out + i * row, (size_t)n * sizeof **out);
    return rc;
}

/* What a human mesh recovery method found in a video, camera axes: y down, z forward. */
static int read_estimate(const vmg_weights *w, const char *prefix, const vmg_clip_read_options *o,
                         vmg_clip *out)
{
    const double *rest = vmg_rest_joint[VMG_PELVIS];
    const vmg_weight *g = find2(w, prefix, "global_orient"), *k = vmg_weights_find(w, "K_fullimg");
    float *orient = NULL, *body = NULL, *transl = NULL, *K = NULL, extrinsic[9];
    vmg_poses p = {0};
    vmg_canonical did;
    int64_t T = g->rank > 1 ? g->dim[0] : 0;
    int rc = fetch_rows(g, "global_orient", T, 3, &orient);
    if (!rc)
        rc = fetch_rows(find2(w, prefix, "body_pose"), "body_pose", T, BODY, &body);
    if (!rc)
        rc = fetch_rows(find2(w, prefix, "transl"), "transl", T, 3, &transl);
    if (!rc && T < 2)
        rc = vmg_fail(VMG_E_FORMAT, "%lld poses give no motion", (long long)T);
    if (!rc && k && k->n >= 9)
        rc = vmg_clip_floats(k, &K);
    if (!rc)
        rc = vmg_poses_from_smpl(orient, body, transl, NULL, T, &p);
    if (!rc && o->body_model) {
        double offset[VMG_N_JOINTS][3];
        vmg_body_model_shape(o->body_model, NULL, 0);
        vmg_body_model_offsets(o->body_model, offset);
        vmg_poses_fk(&p, (const double(*)[3])offset);
        vmg_poses_place_pelvis(&p, o->body_model->joint[VMG_PELVIS]);
        vmg_poses_set_transl(&p, rest);
    }
    if (!rc) {
        vmg_canonical_from_camera(&p, true, rest, &did);
        *out = (vmg_clip){.T = T - 1, .fps = fps_or_20(o), .format = "pose estimate (pt)"};
        out->x = vmg_calloc((size_t)(T - 1), VMG_REP_DIM * sizeof *out->x);
        out->extrinsic = vmg_calloc((size_t)(T - 1), sizeof extrinsic);
        rc = out->x && out->extrinsic ? vmg_rep276_encode(&p, out->x) : VMG_E_NOMEM;
    }
    if (!rc) {
        vmg_canonical_extrinsic(&did, extrinsic);
        for (int64_t t = 0; t < T - 1; t++)
            memcpy(out->extrinsic + 9 * t, extrinsic, sizeof extrinsic);
        for (int i = 0; i < 9; i++)
            out->intrinsic[i] = K ? K[i] : i % 4 == 0;
    }
    vmg_poses_free(&p);
    free(orient);
    free(body);
    free(transl);
    free(K);
    return rc;
}

static int read_dictionary(const vmg_weights *w, const vmg_clip_read_options *o, vmg_clip *out)
{
    static const char *const prefixes[] = {"", "smpl_params_incam."};
    const vmg_weight *motion = vmg_weights_find(w, "motion");
    if (motion) {
        int rc = vmg_clip_from_tensor(motion, o, out);
        if (!rc)
            rc = read_camera(w, out);
        out->format = "as published (pt)";
        return rc;
    }
    for (size_t i = 0; i < VMG_COUNT(prefixes); i++)
        if (find2(w, prefixes[i], "global_orient"))
            return read_estimate(w, prefixes[i], o, out);
    return vmg_fail(VMG_E_FORMAT, "found neither \"motion\" nor \"global_orient\", \"body_pose\", "
                                  "\"transl\"");
}

int vmg_clip_read_pt(const char *path, const vmg_clip_read_options *o, vmg_clip *out)
{
    vmg_weights *w;
    int rc = vmg_weights_open(path, &w);
    if (rc)
        return rc;
    bool bare = w->n_tensors == 1 && !strcmp(w->tensors[0].name, VMG_WEIGHT_UNNAMED);
    rc = bare ? vmg_clip_from_tensor(&w->tensors[0], o, out) : read_dictionary(w, o, out);
    if (!rc && bare)
        out->format = out->fitted ? "joint positions (pt)" : "features (pt)";
    vmg_weights_close(w);
    return rc;
}

int vmg_clip_write_pt(const char *path, const vmg_clip *clip, const vmg_clip_write_options *o)
{
    vmg_writer *w = NULL;
    float none[9], intrinsic[9];
    (void)o;
    vmg_canonical_extrinsic(&(vmg_canonical){.M = {1, 0, 0, 0, 1, 0, 0, 0, 1}}, none);
    for (int i = 0; i < 9; i++)
        intrinsic[i] = clip->extrinsic ? clip->intrinsic[i] : i % 4 == 0;
    int rc = vmg_writer_open(path, &w);
    if (!rc)
        rc = vmg_writer_declare(w, "motion", VMG_F32, 2, (int64_t[]){clip->T, VMG_REP_DIM});
    if (!rc)
        rc = vmg_writer_declare(w, "extrinsic", VMG_F32, 2, (int64_t[]){clip->T, 9});
    if (!rc)
        rc = vmg_writer_declare(w, "intrinsic", VMG_F32, 2, (int64_t[]){3, 3});
    if (!rc)
        rc = vmg_writer_data(w, clip->x, (size_t)clip->T * VMG_REP_DIM * sizeof *clip->x);
    for (int64_t t = 0; !rc && t < clip->T; t++)
        rc = vmg_writer_data(w, clip->extrinsic ? clip->extrinsic + 9 * t : none, sizeof none);
    if (!rc)
        rc = vmg_writer_data(w, intrinsic, sizeof intrinsic);
    if (!rc)
        rc = vmg_writer_commit(w);
    vmg_writer_free(w);
    return rc;
}
