/* Changing a clip's frame rate. */
#include "src/motion/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/status.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"

enum { POS = 3 * VMG_N_JOINTS };

static const char *const mode_names[] = {"published", "better"};

int vmg_resample_parse(const char *text, enum vmg_resample_mode *out)
{
    for (int i = 0; i < 2; i++)
        if (!strcmp(text, mode_names[i])) {
            *out = (enum vmg_resample_mode)i;
            return VMG_OK;
        }
    return vmg_fail(VMG_E_ARG, "resampling is \"published\" or \"better\", not \"%s\"", text);
}

const char *vmg_resample_name(enum vmg_resample_mode mode)
{
    return mode_names[mode];
}

static int check_rates(double fps_in, double fps_out)
{
    for (int i = 0; i < 2; i++) {
        double fps = i ? fps_out : fps_in;
        if (!(fps > 0 && fps <= 1000))
            return vmg_fail(VMG_E_ARG, "frame rates are above 0 and at most 1000, not %g", fps);
    }
    return VMG_OK;
}

/* The tolerance keeps 3 * 20/30 from becoming 1.9999. */
static int64_t floor_ratio(int64_t n, double fps_in, double fps_out)
{
    return (int64_t)floor((double)n * fps_out / fps_in + 1e-6);
}

int64_t vmg_resample_frames(int64_t T, double fps_in, double fps_out)
{
    return floor_ratio(T, fps_in, fps_out);
}

/* One frame at fractional index `at` of p. */
static void interpolate(const vmg_poses *p, double at, const double offset[][3], vmg_poses *out,
                        int64_t t)
{
    int64_t a = VMG_MIN((int64_t)at, p->T - 1), b = VMG_MIN(a + 1, p->T - 1);
    double f = at - (double)a, fk[2][POS];
    for (int j = 0; j < VMG_N_JOINTS; j++)
        vmg_rot_slerp(vmg_poses_rot(p, a, j), vmg_poses_rot(p, b, j), f, vmg_poses_rot(out, t, j));
    for (int i = 0; i < 2; i++) {
        int64_t s = i ? b : a;
        vmg_skeleton_fk(vmg_poses_rot(p, s, 0), vmg_poses_joint(p, s, 0), offset, fk[i], NULL);
    }
    double *joints = vmg_poses_joint(out, t, 0), *A = vmg_poses_joint(p, a, 0),
           *B = vmg_poses_joint(p, b, 0);
    for (int c = 0; c < 3; c++) {
        joints[c] = (1 - f) * A[c] + f * B[c];
        out->transl[3 * t + c] = (1 - f) * p->transl[3 * a + c] + f * p->transl[3 * b + c];
    }
    vmg_skeleton_fk(vmg_poses_rot(out, t, 0), joints, offset, joints, NULL);
    for (int i = 0; i < POS; i++)
        joints[i] += (1 - f) * (A[i] - fk[0][i]) + f * (B[i] - fk[1][i]);
}

int vmg_poses_resample(const vmg_poses *p, double fps_in, double fps_out, vmg_poses *out)
{
    *out = (vmg_poses){0};
    int rc = check_rates(fps_in, fps_out);
    if (rc)
        return rc;
    if (p->T < 1)
        return vmg_fail(VMG_E_ARG, "a clip without frames cannot be resampled");
    rc = vmg_poses_alloc(floor_ratio(p->T - 1, fps_in, fps_out) + 1, out);
    if (rc)
        return rc;
    double offset[VMG_N_JOINTS][3];
    vmg_poses_offsets(p, offset);
    for (int64_t t = 0; t < out->T; t++)
        interpolate(p, (double)t * fps_in / fps_out, (const double(*)[3])offset, out, t);
    return VMG_OK;
}

static void published(const float *x, int64_t T, float *y, int64_t T_out)
{
    double step = T_out > 1 ? (double)(T - 1) / (double)(T_out - 1) : 0;
    for (int64_t t = 0; t < T_out; t++) {
        double at = (double)t * step;
        int64_t a = VMG_MIN((int64_t)at, T - 1), b = VMG_MIN(a + 1, T - 1);
        double f = at - (double)a;
        for (int i = 0; i < VMG_REP_DIM; i++)
            y[t * VMG_REP_DIM + i] =
                (float)((1 - f) * x[a * VMG_REP_DIM + i] + f * x[b * VMG_REP_DIM + i]);
    }
}

static int better(const float *x, int64_t T, double fps_in, double fps_out, float *y, int64_t T_out)
{
    vmg_poses in = {0}, out = {0};
    int rc = vmg_rep276_decode(x, T, VMG_REP_STORED, true, &in);
    if (!rc)
        rc = vmg_poses_resample(&in, fps_in, fps_out, &out);
    if (!rc && out.T != T_out + 1)
        rc = vmg_fail(VMG_E_ARG, "%lld frames cannot go from %g to %g frames a second",
                      (long long)T, fps_in, fps_out);
    if (!rc)
        rc = vmg_rep276_encode(&out, y);
    vmg_poses_free(&in);
    vmg_poses_free(&out);
    return rc;
}

int vmg_rep276_resample(const float *x, int64_t T, double fps_in, double fps_out,
                        enum vmg_resample_mode mode, float **y, int64_t *T_out)
{
    *y = NULL;
    int rc = check_rates(fps_in, fps_out);
    if (rc)
        return rc;
    *T_out = vmg_resample_frames(T, fps_in, fps_out);
    if (T < 1 || *T_out < 1)
        return vmg_fail(VMG_E_ARG, "%lld frames at %g frames a second leave none at %g",
                        (long long)T, fps_in, fps_out);
    *y = vmg_calloc((size_t)*T_out, VMG_REP_DIM * sizeof **y);
    if (!*y)
        return VMG_E_NOMEM;
    if (mode == VMG_RESAMPLE_PUBLISHED)
        published(x, T, *y, *T_out);
    else
        rc = better(x, T, fps_in, fps_out, *y, *T_out);
    if (rc) {
        free(*y);
        *y = NULL;
    }
    return rc;
}
