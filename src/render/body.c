/* Turns clips into round cones and paths. */
#include "src/render/body.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/motion/rotation.h"

/* Display values of torso, left and right. */
static const double tint[3][3] = {{0.86, 0.85, 0.83}, {0.95, 0.55, 0.24}, {0.28, 0.53, 0.84}};
static const double path_colour[3] = {0.42, 0.45, 0.52};

static void square(const double display[3], double pale, float out[3])
{
    for (int c = 0; c < 3; c++) {
        const double v = display[c] + pale * (0.97 - display[c]);
        out[c] = (float)(v * v);
    }
}

int vmg_body_side(int joint)
{
    /* limbs begin at hips and shoulders */
    const int first[] = {VMG_L_HIP, VMG_R_HIP, VMG_L_SHOULDER, VMG_R_SHOULDER};
    for (; joint > 0; joint = vmg_joint_parent[joint])
        for (int i = 0; i < 4; i++)
            if (joint == first[i])
                return i % 2 ? -1 : 1;
    return 0;
}

void vmg_body_tint(int side, double pale, float colour[3])
{
    square(tint[side > 0 ? 1 : side < 0 ? 2 : 0], pale, colour);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int find_ground(vmg_body *body)
{
    const int64_t T = body->poses.T;
    vmg_cone cone[VMG_MAX_CAPSULES];
    double *low = vmg_calloc((size_t)T, sizeof *low);
    if (!low)
        return VMG_E_NOMEM;
    for (int64_t t = 0; t < T; t++) {
        low[t] = INFINITY;
        vmg_body_cones(body, t, (double[3]){0}, 0, cone);
        for (int i = 0; i < body->n_capsules; i++)
            low[t] = fmin(low[t], fmin(cone[i].a[2] - cone[i].ra, cone[i].b[2] - cone[i].rb));
    }
    qsort(low, (size_t)T, sizeof *low, compare);
    body->ground_m = low[(int64_t)(VMG_GROUND_QUANTILE * (double)(T - 1))];
    free(low);
    return VMG_OK;
}

int vmg_body_make(const vmg_clip *clip, vmg_body *out)
{
    double offset[VMG_N_JOINTS][3];
    *out = (vmg_body){.fps = clip->fps};
    int rc = vmg_clip_poses(clip, false, &out->poses);
    if (rc)
        return rc;
    vmg_poses_offsets(&out->poses, offset);
    out->n_capsules = vmg_capsules_make((const double(*)[3])offset, out->capsule);
    out->global = vmg_calloc((size_t)out->poses.T, 9 * VMG_N_JOINTS * sizeof *out->global);
    rc = out->global ? VMG_OK : VMG_E_NOMEM;
    for (int64_t t = 0; !rc && t < out->poses.T; t++)
        vmg_skeleton_globals(vmg_poses_rot(&out->poses, t, 0),
                             out->global + 9 * VMG_N_JOINTS * t);
    if (!rc)
        rc = find_ground(out);
    if (rc)
        vmg_body_free(out);
    return rc;
}

void vmg_body_free(vmg_body *body)
{
    if (!body)
        return;
    vmg_poses_free(&body->poses);
    free(body->global);
    *body = (vmg_body){0};
}

void vmg_body_cones(const vmg_body *body, int64_t t, const double shift[3], double pale,
                    vmg_cone *out)
{
    for (int i = 0; i < body->n_capsules; i++) {
        const vmg_capsule *q = &body->capsule[i];
        const double *p = vmg_poses_joint(&body->poses, t, q->joint);
        const double *G = body->global + 9 * (VMG_N_JOINTS * t + q->joint);
        out[i] = (vmg_cone){.ra = q->radius_a_m, .rb = q->radius_b_m};
        vmg_rot_apply(G, q->a, out[i].a);
        vmg_rot_apply(G, q->b, out[i].b);
        for (int c = 0; c < 3; c++) {
            out[i].a[c] += p[c] + shift[c];
            out[i].b[c] += p[c] + shift[c];
            /* joints may disagree with rotations: limbs stay connected */
            if (q->child >= 0)
                out[i].b[c] = vmg_poses_joint(&body->poses, t, q->child)[c] + shift[c];
        }
        vmg_body_tint(q->side, pale, out[i].colour);
    }
}

void vmg_body_facing(const vmg_body *body, int64_t t, double out[2])
{
    /* the pelvis' axis that points forward in the rest pose (z), or its left (x) turned */
    const double *G = body->global + 9 * VMG_N_JOINTS * t;
    double x = G[2], y = G[5];
    if (hypot(x, y) < 0.3) {
        x = G[3];
        y = -G[0];
    }
    const double n = hypot(x, y);
    out[0] = n > 1e-9 ? x / n : 0;
    out[1] = n > 1e-9 ? y / n : 1;
}

/* Three strokes at frame t. */
static void add_arrow(const vmg_body *body, int64_t t, vmg_mark **m)
{
    const double *p = vmg_poses_joint(&body->poses, t, VMG_PELVIS);
    double f[2];
    vmg_body_facing(body, t, f);
    const double tip[2] = {p[0] + 0.17 * f[0], p[1] + 0.17 * f[1]};
    const double ends[3][2] = {
        {p[0] - 0.05 * f[0], p[1] - 0.05 * f[1]},
        {tip[0] - 0.09 * f[0] + 0.07 * f[1], tip[1] - 0.09 * f[1] - 0.07 * f[0]},
        {tip[0] - 0.09 * f[0] - 0.07 * f[1], tip[1] - 0.09 * f[1] + 0.07 * f[0]}};
    for (int i = 0; i < 3; i++) {
        **m = (vmg_mark){.half_width = 0.016,
                         .a = {ends[i][0], ends[i][1]},
                         .b = {tip[0], tip[1]}};
        square(path_colour, 0, (*m)++->colour);
    }
}

int vmg_body_path(const vmg_body *body, double every_s, vmg_mark **out, int64_t *n)
{
    const int64_t T = body->poses.T;
    vmg_mark *m = vmg_calloc((size_t)(4 * T), sizeof *m), *first = m;
    *out = m;
    *n = 0;
    if (!m)
        return VMG_E_NOMEM;
    const double *last = vmg_poses_joint(&body->poses, 0, VMG_PELVIS);
    for (int64_t t = 1; t < T; t++) {
        const double *p = vmg_poses_joint(&body->poses, t, VMG_PELVIS);
        if (hypot(p[0] - last[0], p[1] - last[1]) < 0.04 && t < T - 1)
            continue;
        *m = (vmg_mark){.half_width = 0.008, .a = {last[0], last[1]}, .b = {p[0], p[1]}};
        square(path_colour, 0.3, m++->colour);
        last = p;
    }
    const int64_t step = VMG_MAX(llround(every_s * body->fps), 1);
    for (int64_t t = 0; t < T; t += step)
        add_arrow(body, t, &m);
    *n = m - first;
    return VMG_OK;
}
