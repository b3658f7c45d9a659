/* A body of capsules around the 22 joints. */
#include "src/motion/capsules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/motion/rotation.h"

/* Around a capsule, and from its equator to its pole. */
enum { N_AROUND = 16, N_CAP = 5, N_RINGS = 2 * N_CAP, RING_VERTICES = N_RINGS * N_AROUND + 2 };

enum { END = -1, HERE = -2 };

/* From a joint to its child, to where the body goes on beyond it (END), or between two points of
 * its frame (HERE); metres on the default body. */
static const struct {
    int joint, child;
    double radius_a_m, radius_b_m;
    int side;
    double a[3], b[3];
} bones[] = {
    {VMG_PELVIS, VMG_L_HIP, 0.105, 0.092, 0, {0}, {0}},
    {VMG_PELVIS, VMG_R_HIP, 0.105, 0.092, 0, {0}, {0}},
    {VMG_PELVIS, VMG_SPINE1, 0.105, 0.104, 0, {0}, {0}},
    {VMG_SPINE1, VMG_SPINE2, 0.104, 0.110, 0, {0}, {0}},
    {VMG_SPINE2, VMG_SPINE3, 0.110, 0.118, 0, {0}, {0}},
    {VMG_SPINE3, VMG_NECK, 0.112, 0.056, 0, {0}, {0}},
    {VMG_SPINE3, VMG_L_COLLAR, 0.100, 0.085, 0, {0}, {0}},
    {VMG_SPINE3, VMG_R_COLLAR, 0.100, 0.085, 0, {0}, {0}},
    {VMG_L_COLLAR, VMG_L_SHOULDER, 0.085, 0.062, 0, {0}, {0}},
    {VMG_R_COLLAR, VMG_R_SHOULDER, 0.085, 0.062, 0, {0}, {0}},
    {VMG_NECK, VMG_HEAD, 0.052, 0.052, 0, {0}, {0}},
    {VMG_L_COLLAR, HERE, 0.052, 0.056, 0, {-0.040, 0.070, -0.020}, {0.105, 0.052, -0.014}},
    {VMG_R_COLLAR, HERE, 0.052, 0.056, 0, {0.040, 0.070, -0.020}, {-0.105, 0.052, -0.014}},
    {VMG_HEAD, HERE, 0.070, 0.097, 0, {0, -0.004, 0.028}, {0, 0.102, 0.004}},
    {VMG_HEAD, HERE, 0.018, 0.016, 0, {0, 0.070, 0.088}, {0, 0.045, 0.108}},
    {VMG_L_HIP, VMG_L_KNEE, 0.088, 0.060, 1, {0}, {0}},
    {VMG_R_HIP, VMG_R_KNEE, 0.088, 0.060, -1, {0}, {0}},
    {VMG_L_KNEE, VMG_L_ANKLE, 0.060, 0.041, 1, {0}, {0}},
    {VMG_R_KNEE, VMG_R_ANKLE, 0.060, 0.041, -1, {0}, {0}},
    {VMG_L_ANKLE, VMG_L_FOOT, 0.041, 0.034, 1, {0}, {0}},
    {VMG_R_ANKLE, VMG_R_FOOT, 0.041, 0.034, -1, {0}, {0}},
    {VMG_L_ANKLE, HERE, 0.041, 0.034, 1, {0}, {0, -0.057, -0.035}},
    {VMG_R_ANKLE, HERE, 0.041, 0.034, -1, {0}, {0, -0.057, -0.035}},
    {VMG_L_FOOT, END, 0.034, 0.028, 1, {0}, {0}},
    {VMG_R_FOOT, END, 0.034, 0.028, -1, {0}, {0}},
    {VMG_L_SHOULDER, VMG_L_ELBOW, 0.055, 0.042, 1, {0}, {0}},
    {VMG_R_SHOULDER, VMG_R_ELBOW, 0.055, 0.042, -1, {0}, {0}},
    {VMG_L_ELBOW, VMG_L_WRIST, 0.042, 0.030, 1, {0}, {0}},
    {VMG_R_ELBOW, VMG_R_WRIST, 0.042, 0.030, -1, {0}, {0}},
    {VMG_L_WRIST, END, 0.035, 0.026, 1, {0}, {0}},
    {VMG_R_WRIST, END, 0.035, 0.026, -1, {0}, {0}},
};

int vmg_capsules_make(const double offset[][3], vmg_capsule out[VMG_MAX_CAPSULES])
{
    double rest[VMG_N_JOINTS][3];
    vmg_rest_offsets(rest);
    double scale =
        vmg_skeleton_leg_length(offset) / vmg_skeleton_leg_length((const double(*)[3])rest);
    for (size_t i = 0; i < VMG_COUNT(bones); i++) {
        const int child = bones[i].child;
        const double *end = child == END    ? vmg_rest_end[bones[i].joint]
                            : child == HERE ? bones[i].b
                                            : offset[child];
        /* ends of limbs are round: the capsule stops one radius before the tip */
        double stop = child == END ? fmax(0.3, 1 - bones[i].radius_b_m / vmg_vec_norm(end)) : 1;
        out[i] = (vmg_capsule){.joint = bones[i].joint,
                               .child = child < 0 ? -1 : child,
                               .side = bones[i].side,
                               .radius_a_m = scale * bones[i].radius_a_m,
                               .radius_b_m = scale * bones[i].radius_b_m};
        for (int c = 0; c < 3; c++) {
            out[i].a[c] = scale * bones[i].a[c];
            out[i].b[c] = (child < 0 ? scale : 1) * stop * end[c];
        }
    }
    return (int)VMG_COUNT(bones);
}

/* Ring k of a capsule from pole b to pole a: height along the axis beyond end (a or b), and
 * width. */
static void ring(int k, double *along, double *width, bool *at_b)
{
    *at_b = k < N_CAP;
    double angle = *at_b ? (M_PI / 2) * (N_CAP - 1 - k) / N_CAP : (M_PI / 2) * (k - N_CAP) / N_CAP;
    *along = sin(angle) * (*at_b ? 1 : -1);
    *width = cos(angle);
}

/* One capsule's vertices: pole at b, N_RINGS rings, pole at a. `origin` is its joint in the rest
 * pose. */
static void add_vertices(const vmg_capsule *q, const double origin[3], vmg_capsule_mesh *m)
{
    double axis[3], side[3], up[3], R[9];
    static const double y[3] = {0, 1, 0};
    for (int c = 0; c < 3; c++)
        axis[c] = q->b[c] - q->a[c];
    if (!(vmg_vec_normalise(axis) > 1e-9))
        memcpy(axis, y, sizeof axis);
    vmg_rot_between(y, axis, R);
    vmg_rot_apply(R, (double[3]){1, 0, 0}, side);
    vmg_vec_cross(side, axis, up);
    for (int v = 0; v < RING_VERTICES; v++) {
        bool at_b = v == 0;
        double along = v == 0 ? 1 : -1, width = 0, angle = 0;
        if (v > 0 && v < RING_VERTICES - 1) {
            ring((v - 1) / N_AROUND, &along, &width, &at_b);
            angle = 2 * M_PI * ((v - 1) % N_AROUND) / N_AROUND;
        }
        int64_t at = 3 * m->n_vertices;
        for (int c = 0; c < 3; c++) {
            double n = along * axis[c] + width * (cos(angle) * side[c] + sin(angle) * up[c]);
            m->normal[at + c] = (float)n;
            m->position[at + c] = (float)(origin[c] + (at_b ? q->b[c] + q->radius_b_m * n : q->a[c] + q->radius_a_m * n));
        }
        m->joint[m->n_vertices++] = (uint8_t)q->joint;
    }
}

static void add_triangle(vmg_capsule_mesh *m, int64_t a, int64_t b, int64_t c)
{
    uint32_t *i = m->index + 3 * m->n_triangles++;
    i[0] = (uint32_t)a;
    i[1] = (uint32_t)b;
    i[2] = (uint32_t)c;
}

/* Triangles between the rings of the capsule whose first vertex is `first`. */
static void add_triangles(vmg_capsule_mesh *m, int64_t first)
{
    int64_t last = first + RING_VERTICES - 1;
    for (int s = 0; s < N_AROUND; s++) {
        int next = (s + 1) % N_AROUND;
        int64_t end = first + 1 + (int64_t)(N_RINGS - 1) * N_AROUND;
        add_triangle(m, first, first + 1 + next, first + 1 + s);
        add_triangle(m, last, end + s, end + next);
        for (int k = 0; k + 1 < N_RINGS; k++) {
            int64_t a = first + 1 + (int64_t)k * N_AROUND, b = a + N_AROUND;
            add_triangle(m, a + s, a + next, b + s);
            add_triangle(m, a + next, b + next, b + s);
        }
    }
}

int vmg_capsules_mesh(const double offset[][3], vmg_capsule_mesh *out)
{
    vmg_capsule capsule[VMG_MAX_CAPSULES];
    double origin[VMG_N_JOINTS][3] = {{0}};
    int n = vmg_capsules_make(offset, capsule);
    size_t n_vertices = (size_t)n * RING_VERTICES, n_triangles = (size_t)n * 2 * N_AROUND * N_RINGS;
    *out = (vmg_capsule_mesh){0};
    out->position = vmg_calloc(n_vertices, 3 * sizeof *out->position);
    out->normal = vmg_calloc(n_vertices, 3 * sizeof *out->normal);
    out->joint = vmg_calloc(n_vertices, sizeof *out->joint);
    out->index = vmg_calloc(n_triangles, 3 * sizeof *out->index);
    if (!out->position || !out->normal || !out->joint || !out->index) {
        vmg_capsules_mesh_free(out);
        return VMG_E_NOMEM;
    }
    for (int j = 1; j < VMG_N_JOINTS; j++)
        for (int c = 0; c < 3; c++)
            origin[j][c] = origin[vmg_joint_parent[j]][c] + offset[j][c];
    for (int i = 0; i < n; i++) {
        int64_t first = out->n_vertices;
        add_vertices(&capsule[i], origin[capsule[i].joint], out);
        add_triangles(out, first);
    }
    return VMG_OK;
}

void vmg_capsules_mesh_free(vmg_capsule_mesh *mesh)
{
    if (!mesh)
        return;
    free(mesh->position);
    free(mesh->normal);
    free(mesh->joint);
    free(mesh->index);
    *mesh = (vmg_capsule_mesh){0};
}
