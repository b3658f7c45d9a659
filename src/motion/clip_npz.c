/* Clips in AMASS's .npz layout: SMPL parameters in a z-up world. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/status.h"
#include "src/format/npz_write.h"
#include "src/format/weights_file.h"
#include "src/motion/body_model.h"
#include "src/motion/clip_formats.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"

enum { BODY = 63, POSES_SMPLX = 165, N_BETAS = 16 };

/* Rest pelvis of SMPL and SMPL-H with zero shape; SMPL-X's is vmg_rest_joint's. */
static const double pelvis_smplh[3] = {-0.0018, -0.2233, 0.0282};

/* The frame rate under whichever name; the caller's where the file has none. */
static int frame_rate(const vmg_weights *w, double *fps)
{
    static const char *const names[] = {"mocap_framerate", "mocap_frame_rate", "fps"};
    float value;
    for (size_t i = 0; i < VMG_COUNT(names); i++) {
        const vmg_weight *t = vmg_weights_find(w, names[i]);
        if (!t)
            continue;
        if (t->n != 1 || vmg_weight_to_f32(t, &value) || !(value > 0 && value <= 1000))
            return vmg_fail(VMG_E_FORMAT, "%s is not a frame rate", names[i]);
        *fps = value;
        return VMG_OK;
    }
    return VMG_OK;
}

/* Joints of the model in the shape that the file names, if there is a model. */
static int use_model(const vmg_weights *w, vmg_body_model *model, vmg_poses *p)
{
    const vmg_weight *t = vmg_weights_find(w, "betas");
    double offset[VMG_N_JOINTS][3];
    float *betas = NULL;
    int rc = model && t ? vmg_clip_floats(t, &betas) : VMG_OK;
    if (!rc && model) {
        vmg_body_model_shape(model, betas, betas ? t->n : 0);
        vmg_body_model_offsets(model, offset);
        vmg_poses_fk(p, (const double(*)[3])offset);
    }
    free(betas);
    return rc;
}

int vmg_clip_read_npz(const char *path, const vmg_clip_read_options *o, vmg_clip *out)
{
    vmg_weights *w;
    const vmg_weight *tp, *tt;
    float *poses = NULL, *trans = NULL, *orient = NULL, *body = NULL;
    vmg_poses p = {0};
    double fps = o->fps > 0 ? o->fps : VMG_REP_FPS;
    int rc = vmg_weights_open(path, &w);
    if (rc)
        return rc;
    rc = vmg_weights_need(w, "poses", 2, (int64_t[]){-1, -1}, &tp);
    if (!rc && (tp->dim[1] < 3 + BODY || tp->dim[0] < 1))
        rc = vmg_fail(VMG_E_FORMAT,
                      "poses has shape (%lld, %lld), expected frames of 66 values or more",
                      (long long)tp->dim[0], (long long)tp->dim[1]);
    if (!rc)
        rc = vmg_weights_need(w, "trans", 2, (int64_t[]){tp->dim[0], 3}, &tt);
    if (!rc)
        rc = frame_rate(w, &fps);
    if (!rc)
        rc = vmg_clip_floats(tp, &poses);
    if (!rc)
        rc = vmg_clip_floats(tt, &trans);
    if (rc)
        goto out;
    int64_t T = tp->dim[0], width = tp->dim[1];
    orient = vmg_calloc((size_t)T, 3 * sizeof *orient);
    body = vmg_calloc((size_t)T, BODY * sizeof *body);
    rc = orient && body ? VMG_OK : VMG_E_NOMEM;
    for (int64_t t = 0; !rc && t < T; t++) {
        memcpy(orient + 3 * t, poses + t * width, 3 * sizeof *orient);
        memcpy(body + BODY * t, poses + t * width + 3, BODY * sizeof *body);
    }
    if (!rc)
        rc = vmg_poses_from_smpl(orient, body, trans, NULL, T, &p);
    if (!rc) {
        /* the pelvis lies where the file's own body model puts it */
        rc = use_model(w, o->body_model, &p);
        vmg_poses_place_pelvis(&p, o->body_model          ? o->body_model->joint[VMG_PELVIS]
                                   : width == POSES_SMPLX ? vmg_rest_joint[VMG_PELVIS]
                                                          : pelvis_smplh);
        vmg_poses_set_transl(&p, vmg_rest_joint[VMG_PELVIS]);
        if (!rc)
            rc = vmg_clip_place(&p, fps, o->canonical, out);
        out->format = "AMASS npz";
    }
out:
    vmg_poses_free(&p);
    free(poses);
    free(trans);
    free(orient);
    free(body);
    vmg_weights_close(w);
    return rc;
}

int vmg_clip_write_npz(const char *path, const vmg_clip *clip, const vmg_clip_write_options *o)
{
    vmg_poses p;
    double betas[N_BETAS] = {0}, fps = clip->fps, seconds = (double)clip->T / clip->fps;
    (void)o;
    int rc = vmg_clip_poses(clip, false, &p);
    if (rc)
        return rc;
    double *poses = vmg_calloc((size_t)p.T, POSES_SMPLX * sizeof *poses);
    double *orient = vmg_calloc((size_t)p.T, 3 * sizeof *orient);
    double *body = vmg_calloc((size_t)p.T, BODY * sizeof *body);
    rc = poses && orient && body ? VMG_OK : VMG_E_NOMEM;
    for (int64_t t = 0; !rc && t < p.T; t++) {
        for (int j = 0; j < VMG_N_JOINTS; j++)
            vmg_rot_to_axis_angle(vmg_poses_rot(&p, t, j), poses + t * POSES_SMPLX + 3 * j);
        memcpy(orient + 3 * t, poses + t * POSES_SMPLX, 3 * sizeof *orient);
        memcpy(body + BODY * t, poses + t * POSES_SMPLX + 3, BODY * sizeof *body);
    }
    const vmg_npz_array arrays[] = {
        {"trans", VMG_F64, 2, {p.T, 3}, p.transl, NULL},
        {"poses", VMG_F64, 2, {p.T, POSES_SMPLX}, poses, NULL},
        {"root_orient", VMG_F64, 2, {p.T, 3}, orient, NULL},
        {"pose_body", VMG_F64, 2, {p.T, BODY}, body, NULL},
        {"betas", VMG_F64, 1, {N_BETAS}, betas, NULL},
        {"mocap_framerate", VMG_F64, 0, {0}, &fps, NULL},
        {"mocap_frame_rate", VMG_F64, 0, {0}, &fps, NULL},
        {"mocap_time_length", VMG_F64, 0, {0}, &seconds, NULL},
        {"gender", VMG_F32, 0, {0}, NULL, "neutral"},
        {"surface_model_type", VMG_F32, 0, {0}, NULL, "smplx"},
    };
    if (!rc)
        rc = vmg_npz_write(path, arrays, VMG_COUNT(arrays));
    vmg_poses_free(&p);
    free(poses);
    free(orient);
    free(body);
    return rc;
}
