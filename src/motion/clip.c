/* One motion clip: what it is made of, its edits, and which file format does what. */
#include "src/motion/clip.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/base/status.h"
#include "src/motion/canonical.h"
#include "src/motion/clip_formats.h"
#include "src/motion/fit.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"

enum { POS = 3 * VMG_N_JOINTS, ROT = 9 * VMG_N_JOINTS };

static const struct {
    const char *ending;
    vmg_clip_reader *read;
    vmg_clip_writer *write;
} formats[] = {
    {"npy", vmg_clip_read_array, vmg_clip_write_npy},
    {"npz", vmg_clip_read_npz, vmg_clip_write_npz},
    {"pt", vmg_clip_read_pt, vmg_clip_write_pt},
    {"bvh", vmg_clip_read_bvh, vmg_clip_write_bvh},
    {"csv", vmg_clip_read_csv, vmg_clip_write_csv},
    {"glb", vmg_clip_read_gltf, vmg_clip_write_glb},
    {"gltf", vmg_clip_read_gltf, NULL},
};

/* ---- making ---- */

int vmg_clip_from_features(const float *x, int64_t T, double fps, vmg_clip *out)
{
    *out = (vmg_clip){0};
    if (T < 1 || !(fps > 0))
        return vmg_fail(VMG_E_ARG, "a clip cannot have %lld frames at %g a second", (long long)T,
                        fps);
    float *copy = vmg_calloc((size_t)T, VMG_REP_DIM * sizeof *copy);
    if (!copy)
        return VMG_E_NOMEM;
    memcpy(copy, x, (size_t)T * VMG_REP_DIM * sizeof *copy);
    *out = (vmg_clip){.T = T, .fps = fps, .x = copy};
    return VMG_OK;
}

/* Pose `last` of p from the two before it: the root's velocity repeats, the body keeps its pose. */
static void extrapolate(vmg_poses *p, int64_t last)
{
    int64_t a = last > 1 ? last - 2 : 0, b = last - 1;
    double V[9];
    memcpy(p->rot + last * ROT, p->rot + b * ROT, ROT * sizeof *p->rot);
    vmg_rot_mult(vmg_poses_rot(p, b, 0), vmg_poses_rot(p, a, 0), V);
    vmg_rot_mul(V, vmg_poses_rot(p, b, 0), vmg_poses_rot(p, last, 0));
    for (int i = 0; i < POS; i++)
        p->joints[last * POS + i] = 2 * p->joints[b * POS + i] - p->joints[a * POS + i];
    for (int c = 0; c < 3; c++)
        p->transl[3 * last + c] = 2 * p->transl[3 * b + c] - p->transl[3 * a + c];
}

/* Features of all poses but the last, into the clip. */
static int encode(const vmg_poses *p, vmg_clip *clip)
{
    float *x = vmg_calloc((size_t)VMG_MAX(p->T - 1, 1), VMG_REP_DIM * sizeof *x);
    int rc = x ? vmg_rep276_encode(p, x) : VMG_E_NOMEM;
    if (rc) {
        free(x);
        return rc;
    }
    free(clip->x);
    clip->x = x;
    clip->T = p->T - 1;
    return VMG_OK;
}

int vmg_clip_from_poses(const vmg_poses *p, double fps, vmg_clip *out)
{
    vmg_poses longer = {0};
    *out = (vmg_clip){.fps = fps};
    if (p->T < 1 || !(fps > 0))
        return vmg_fail(VMG_E_ARG, "a clip cannot have %lld frames at %g a second", (long long)p->T,
                        fps);
    int rc = vmg_poses_alloc(p->T + 1, &longer);
    if (rc)
        return rc;
    memcpy(longer.rot, p->rot, (size_t)p->T * ROT * sizeof *p->rot);
    memcpy(longer.joints, p->joints, (size_t)p->T * POS * sizeof *p->joints);
    memcpy(longer.transl, p->transl, (size_t)p->T * 3 * sizeof *p->transl);
    extrapolate(&longer, p->T);
    rc = encode(&longer, out);
    vmg_poses_free(&longer);
    return rc;
}

int vmg_clip_poses(const vmg_clip *clip, bool one_more, vmg_poses *out)
{
    return vmg_rep276_decode(clip->x, clip->T, VMG_REP_STORED, one_more, out);
}

static void drop_camera(vmg_clip *clip)
{
    free(clip->extrinsic);
    clip->extrinsic = NULL;
}

void vmg_clip_free(vmg_clip *clip)
{
    if (!clip)
        return;
    free(clip->x);
    free(clip->extrinsic);
    *clip = (vmg_clip){0};
}

/* ---- files ---- */

static int find_format(const char *path)
{
    char ending[16];
    vmg_path_ending(path, ending, sizeof ending);
    for (size_t i = 0; i < VMG_COUNT(formats); i++)
        if (!strcmp(ending, formats[i].ending))
            return (int)i;
    return -1;
}

bool vmg_clip_readable(const char *path)
{
    int i = find_format(path);
    return i >= 0 && formats[i].read;
}

int vmg_clip_read(const char *path, const vmg_clip_read_options *options, vmg_clip *out)
{
    static const vmg_clip_read_options plain;
    int i = find_format(path);
    *out = (vmg_clip){0};
    if (i < 0 || !formats[i].read)
        return vmg_fail(VMG_E_UNSUPPORTED, "%s: motion is read from .npy, .npz, .pt, .bvh, .csv, .glb and .gltf", path);
    int rc = formats[i].read(path, options ? options : &plain, out);
    if (rc) {
        vmg_clip_free(out);
        /* messages of opening the file name it already */
        return strstr(vmg_error_message(), path) ? rc : vmg_fail_prefix(rc, "%s", path);
    }
    return VMG_OK;
}

int vmg_clip_write(const char *path, const vmg_clip *clip, const vmg_clip_write_options *options)
{
    vmg_clip_write_options o = options ? *options : (vmg_clip_write_options){0};
    int i = find_format(path);
    if (i < 0 || !formats[i].write)
        return vmg_fail(VMG_E_UNSUPPORTED,
                        "%s: motion is written to .npy, .npz, .pt, .bvh, .csv and .glb", path);
    if (o.order[0] == 0 && o.order[1] == 0 && o.order[2] == 0) {
        o.order[0] = 2;
        o.order[1] = 1;
    }
    o.unit_per_m = o.unit_per_m > 0 ? o.unit_per_m : 1;
    return formats[i].write(path, clip, &o);
}

/* ---- shared by the formats ---- */

int vmg_clip_place(vmg_poses *p, double fps, bool canonical, vmg_clip *out)
{
    if (canonical && p->T > 0)
        vmg_canonicalise(p, true, vmg_rest_joint[VMG_PELVIS], NULL);
    return vmg_clip_from_poses(p, fps, out);
}

int vmg_clip_from_joints(const float *joints, const double *rot, int64_t T, double fps, int up_axis,
                         bool canonical, vmg_clip *out)
{
    const double *rest = vmg_rest_joint[VMG_PELVIS];
    vmg_poses p;
    int rc = vmg_poses_alloc(T, &p);
    if (rc)
        return rc;
    for (int64_t i = 0; i < T * POS; i++)
        p.joints[i] = joints[i];
    if (rot)
        memcpy(p.rot, rot, (size_t)T * ROT * sizeof *rot);
    if (up_axis == 1)
        vmg_poses_rotate(&p, vmg_axes_y_up_to_z_up, rest);
    if (!rot)
        vmg_poses_fit_rotations(&p, rest);
    vmg_poses_set_transl(&p, rest);
    rc = vmg_clip_place(&p, fps, canonical, out);
    out->fitted = !rot;
    vmg_poses_free(&p);
    return rc;
}

int vmg_clip_joints(const vmg_clip *clip, const vmg_clip_write_options *o, float **out)
{
    float *joints = vmg_calloc((size_t)clip->T, POS * sizeof *joints);
    *out = joints;
    if (!joints)
        return VMG_E_NOMEM;
    if (o->integrate)
        vmg_rep276_integrate_joints(clip->x, clip->T, joints);
    for (int64_t t = 0; !o->integrate && t < clip->T; t++)
        memcpy(joints + t * POS, clip->x + t * VMG_REP_DIM + VMG_REP_POS, POS * sizeof *joints);
    if (o->up_axis == 1)
        vmg_joints_z_up_to_y_up(joints, clip->T);
    for (int64_t i = 0; o->unit_per_m != 1 && i < clip->T * POS; i++)
        joints[i] = (float)(joints[i] * o->unit_per_m);
    return VMG_OK;
}

/* ---- edits ---- */

int vmg_clip_trim(vmg_clip *clip, int64_t first, int64_t n)
{
    if (first < 0 || n < 1 || first >= clip->T || n > clip->T - first)
        return vmg_fail(VMG_E_ARG, "frames %lld to %lld are not all among the clip's %lld",
                        (long long)first, (long long)first + n, (long long)clip->T);
    memmove(clip->x, clip->x + first * VMG_REP_DIM, (size_t)n * VMG_REP_DIM * sizeof *clip->x);
    if (clip->extrinsic)
        memmove(clip->extrinsic, clip->extrinsic + first * 9,
                (size_t)n * 9 * sizeof *clip->extrinsic);
    clip->T = n;
    return VMG_OK;
}

/* The camera at the new frames' times: the nearest old frame's. */
static int resample_camera(vmg_clip *clip, int64_t T)
{
    float *e = vmg_calloc((size_t)T, 9 * sizeof *e);
    if (!e)
        return VMG_E_NOMEM;
    for (int64_t t = 0; t < T; t++) {
        int64_t from = (int64_t)((double)t * (double)clip->T / (double)T + 0.5);
        memcpy(e + 9 * t, clip->extrinsic + 9 * VMG_MIN(from, clip->T - 1), 9 * sizeof *e);
    }
    free(clip->extrinsic);
    clip->extrinsic = e;
    return VMG_OK;
}

int vmg_clip_resample(vmg_clip *clip, double fps, enum vmg_resample_mode mode)
{
    float *y;
    int64_t T;
    int rc = vmg_rep276_resample(clip->x, clip->T, clip->fps, fps, mode, &y, &T);
    if (!rc && clip->extrinsic)
        rc = resample_camera(clip, T);
    if (rc) {
        free(y);
        return rc;
    }
    free(clip->x);
    clip->x = y;
    clip->T = T;
    clip->fps = fps;
    return VMG_OK;
}

int vmg_clip_mirror(vmg_clip *clip)
{
    vmg_poses p;
    int rc = vmg_clip_poses(clip, true, &p);
    if (rc)
        return rc;
    vmg_poses_mirror(&p, vmg_rest_joint[VMG_PELVIS]);
    rc = encode(&p, clip);
    if (!rc)
        drop_camera(clip);
    vmg_poses_free(&p);
    return rc;
}

int vmg_clip_scale(vmg_clip *clip, double scale)
{
    vmg_poses p;
    if (!(scale > 0 && scale < 1e6))
        return vmg_fail(VMG_E_ARG, "a clip cannot be scaled by %g", scale);
    int rc = vmg_clip_poses(clip, true, &p);
    if (rc)
        return rc;
    vmg_poses_scale(&p, scale);
    rc = encode(&p, clip);
    vmg_poses_free(&p);
    return rc;
}

int vmg_clip_clean_feet(vmg_clip *clip, vmg_feet_report *report)
{
    vmg_poses p;
    int rc = vmg_clip_poses(clip, true, &p);
    if (rc)
        return rc;
    rc = vmg_feet_clean(&p, clip->fps, report);
    if (!rc)
        rc = encode(&p, clip);
    vmg_poses_free(&p);
    return rc;
}

int vmg_clip_canonicalise(vmg_clip *clip, bool set_floor)
{
    vmg_poses p;
    vmg_canonical did;
    int rc = vmg_clip_poses(clip, true, &p);
    if (rc)
        return rc;
    if (set_floor) { /* the lowest joint of the frames that are shown */
        p.T--;
        double low = vmg_poses_lowest(&p, 2);
        p.T++;
        vmg_canonicalise(&p, false, vmg_rest_joint[VMG_PELVIS], &did);
        vmg_poses_translate(&p, (double[3]){0, 0, -low - did.delta[2]});
    } else {
        vmg_canonicalise(&p, false, vmg_rest_joint[VMG_PELVIS], NULL);
    }
    rc = encode(&p, clip);
    if (!rc)
        drop_camera(clip);
    vmg_poses_free(&p);
    return rc;
}
