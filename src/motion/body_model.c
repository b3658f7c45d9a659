/* Reads SMPL's family of body models and poses their meshes. */
#include "src/motion/body_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/pyobject.h"
#include "src/format/weights_file.h"
#include "src/motion/rotation.h"

enum { J = VMG_N_JOINTS, POSE_DIRS = 9 * (VMG_N_JOINTS - 1) };

/* ---- reading ---- */

/* All values of a tensor as floats, finite. */
static int floats(const vmg_weight *t, float **out)
{
    float *v = vmg_calloc((size_t)t->n, sizeof *v);
    int rc = v ? vmg_weight_to_f32(t, v) : VMG_E_NOMEM;
    for (int64_t i = 0; !rc && i < t->n; i++)
        if (!isfinite(v[i]))
            rc = vmg_fail(VMG_E_FORMAT, "%s holds a number that is not finite", t->name);
    if (rc) {
        free(v);
        v = NULL;
    }
    *out = v;
    return rc;
}

/* Which of our joints each of the model's n moves: itself, or the nearest ancestor among the 22. */
static int read_tree(const vmg_weights *w, int64_t n, int *ours)
{
    const vmg_weight *t;
    float *parent = NULL;
    int rc = vmg_weights_need(w, "kintree_table", 2, (int64_t[]){2, n}, &t);
    if (!rc)
        rc = floats(t, &parent);
    for (int64_t j = 0; !rc && j < n; j++) {
        if (j < J && j > 0 && parent[j] != (float)vmg_joint_parent[j])
            rc = vmg_fail(VMG_E_FORMAT, "joint %lld hangs on %g, not on %d as SMPL's", (long long)j,
                          (double)parent[j], vmg_joint_parent[j]);
        else if (j >= J && !(parent[j] >= 0 && parent[j] < (float)j))
            rc = vmg_fail(VMG_E_FORMAT, "joint %lld hangs on %g", (long long)j, (double)parent[j]);
        else
            ours[j] = j < J ? (int)j : ours[(int)parent[j]];
    }
    free(parent);
    return rc;
}

static int read_weights(const vmg_weights *w, vmg_body_model *m, int64_t *n_joints)
{
    const vmg_weight *t;
    float *all = NULL;
    int ours[VMG_BODY_MAX_JOINTS];
    int rc = vmg_weights_need(w, "weights", 2, (int64_t[]){m->n_vertices, -1}, &t);
    if (rc)
        return rc;
    const int64_t n = *n_joints = t->dim[1];
    if (n < J || n > VMG_BODY_MAX_JOINTS)
        return vmg_fail(VMG_E_FORMAT, "weights are for %lld joints, expected %d to %d",
                        (long long)n, J, VMG_BODY_MAX_JOINTS);
    rc = read_tree(w, n, ours);
    if (!rc)
        rc = floats(t, &all);
    if (!rc && !(m->weight = vmg_calloc((size_t)m->n_vertices, J * sizeof *m->weight)))
        rc = VMG_E_NOMEM;
    for (int64_t v = 0; !rc && v < m->n_vertices; v++) {
        double sum = 0;
        for (int64_t j = 0; j < n; j++)
            sum += all[v * n + j];
        if (!(sum > 0.5 && sum < 2))
            rc = vmg_fail(VMG_E_FORMAT, "the weights of vertex %lld sum to %g", (long long)v, sum);
        for (int64_t j = 0; !rc && j < n; j++)
            m->weight[v * J + ours[j]] += (float)(all[v * n + j] / sum);
    }
    free(all);
    return rc;
}

/* scipy's compressed columns: column v holds data[indptr[v]..indptr[v+1]) in rows `indices`. */
static int read_sparse_regressor(const vmg_weights *w, int64_t n_joints, vmg_body_model *m)
{
    const vmg_weight *t[3];
    static const char *const names[] = {"J_regressor.data", "J_regressor.indices", "J_regressor.indptr"};
    float *data = NULL, *row = NULL, *start = NULL, **to[] = {&data, &row, &start};
    int rc = VMG_OK;
    for (int i = 0; !rc && i < 3; i++) {
        rc = vmg_weights_need(w, names[i], 1, (int64_t[]){i == 2 ? m->n_vertices + 1 : -1}, &t[i]);
        if (!rc)
            rc = floats(t[i], to[i]);
    }
    if (!rc && t[0]->n != t[1]->n)
        rc = vmg_fail(VMG_E_FORMAT, "J_regressor has %lld values in %lld places",
                      (long long)t[0]->n, (long long)t[1]->n);
    for (int64_t v = 0; !rc && v < m->n_vertices; v++) {
        if (!(start[v] >= 0 && start[v + 1] >= start[v] && start[v + 1] <= (float)t[0]->n)) {
            rc = vmg_fail(VMG_E_FORMAT, "J_regressor's column %lld reaches beyond it", (long long)v);
            break;
        }
        for (int64_t i = (int64_t)start[v]; !rc && i < (int64_t)start[v + 1]; i++)
            if (!(row[i] >= 0 && row[i] < (float)n_joints))
                rc = vmg_fail(VMG_E_FORMAT, "J_regressor has no row %g", (double)row[i]);
            else if (row[i] < J)
                m->regressor[(int64_t)row[i] * m->n_vertices + v] += data[i];
    }
    free(data);
    free(row);
    free(start);
    return rc;
}

static int read_regressor(const vmg_weights *w, int64_t n_joints, vmg_body_model *m)
{
    const vmg_weight *t;
    float *all = NULL;
    m->regressor = vmg_calloc((size_t)m->n_vertices, J * sizeof *m->regressor);
    if (!m->regressor)
        return VMG_E_NOMEM;
    if (!vmg_weights_find(w, "J_regressor"))
        return read_sparse_regressor(w, n_joints, m);
    int rc = vmg_weights_need(w, "J_regressor", 2, (int64_t[]){n_joints, m->n_vertices}, &t);
    if (!rc)
        rc = floats(t, &all);
    if (!rc)
        memcpy(m->regressor, all, (size_t)m->n_vertices * J * sizeof *all);
    free(all);
    return rc;
}

static int read_faces(const vmg_weights *w, vmg_body_model *m)
{
    const vmg_weight *t;
    float *f = NULL;
    int rc = vmg_weights_need(w, "f", 2, (int64_t[]){-1, 3}, &t);
    if (!rc && t->dim[0] > 2 * VMG_BODY_MAX_VERTICES)
        rc = vmg_fail(VMG_E_FORMAT, "it has %lld triangles", (long long)t->dim[0]);
    /* below 2^24 all whole numbers are floats */
    if (!rc)
        rc = floats(t, &f);
    if (!rc && !(m->face = vmg_calloc((size_t)t->n, sizeof *m->face)))
        rc = VMG_E_NOMEM;
    for (int64_t i = 0; !rc && i < t->n; i++) {
        if (!(f[i] >= 0 && f[i] < (float)m->n_vertices))
            rc = vmg_fail(VMG_E_FORMAT, "triangle %lld has no vertex %g", (long long)i / 3,
                          (double)f[i]);
        else
            m->face[i] = (uint32_t)f[i];
    }
    m->n_triangles = rc ? 0 : t->dim[0];
    free(f);
    return rc;
}

/* Directions (V,3,n): shapedirs whole, of posedirs the columns of our joints. Optional. */
static int read_directions(const vmg_weights *w, vmg_body_model *m, const char *name, int64_t least,
                           int64_t keep, float **out, int64_t *n)
{
    const vmg_weight *t;
    float *all = NULL;
    if (!vmg_weights_find(w, name))
        return VMG_OK;
    int rc = vmg_weights_need(w, name, 3, (int64_t[]){m->n_vertices, 3, -1}, &t);
    if (!rc && (t->dim[2] < least || t->dim[2] > 4096))
        rc = vmg_fail(VMG_E_FORMAT, "%s has %lld directions", name, (long long)t->dim[2]);
    if (!rc)
        rc = floats(t, &all);
    if (rc)
        return rc;
    *n = keep ? keep : t->dim[2];
    for (int64_t i = 0; *n < t->dim[2] && i < 3 * m->n_vertices; i++)
        memmove(all + i * *n, all + i * t->dim[2], (size_t)*n * sizeof *all);
    *out = all;
    return VMG_OK;
}

static int read_model(const vmg_weights *w, vmg_body_model *m)
{
    const vmg_weight *t;
    float *v = NULL;
    int64_t n_joints = 0, n_pose;
    int rc = vmg_weights_need(w, "v_template", 2, (int64_t[]){-1, 3}, &t);
    if (!rc && (t->dim[0] < 3 || t->dim[0] > VMG_BODY_MAX_VERTICES))
        rc = vmg_fail(VMG_E_FORMAT, "it has %lld vertices", (long long)t->dim[0]);
    if (!rc)
        rc = floats(t, &v);
    if (rc)
        return rc;
    m->n_vertices = t->dim[0];
    m->template_vertex = vmg_calloc((size_t)t->n, sizeof *m->template_vertex);
    m->vertex = vmg_calloc((size_t)t->n, sizeof *m->vertex);
    rc = m->template_vertex && m->vertex ? VMG_OK : VMG_E_NOMEM;
    for (int64_t i = 0; !rc && i < t->n; i++)
        m->template_vertex[i] = v[i];
    free(v);
    if (!rc)
        rc = read_weights(w, m, &n_joints);
    if (!rc)
        rc = read_regressor(w, n_joints, m);
    if (!rc)
        rc = read_faces(w, m);
    if (!rc)
        rc = read_directions(w, m, "shapedirs", 1, 0, &m->shape, &m->n_shapes);
    if (!rc)
        rc = read_directions(w, m, "posedirs", POSE_DIRS, POSE_DIRS, &m->pose, &n_pose);
    if (!rc)
        vmg_body_model_shape(m, NULL, 0);
    return rc;
}

int vmg_body_model_read(const char *path, vmg_body_model *out)
{
    vmg_weights *w;
    char ending[8];
    *out = (vmg_body_model){0};
    vmg_path_ending(path, ending, sizeof ending);
    int rc = !strcmp(ending, "pkl") ? vmg_source_open(path, vmg_smpl_pickle_read, &w)
                                    : vmg_weights_open(path, &w);
    if (rc)
        return rc;
    rc = read_model(w, out);
    if (rc) {
        if (!strstr(vmg_error_message(), path))
            vmg_fail_prefix(rc, "%s", path);
        vmg_body_model_free(out);
    }
    vmg_weights_close(w);
    return rc;
}

void vmg_body_model_free(vmg_body_model *m)
{
    if (!m)
        return;
    free(m->template_vertex);
    free(m->vertex);
    free(m->shape);
    free(m->pose);
    free(m->weight);
    free(m->regressor);
    free(m->face);
    *m = (vmg_body_model){0};
}

/* ---- shape ---- */

void vmg_body_model_shape(vmg_body_model *m, const float *betas, int64_t n)
{
    n = VMG_MIN(n, m->n_shapes);
    for (int64_t i = 0; i < 3 * m->n_vertices; i++) {
        double v = m->template_vertex[i];
        for (int64_t k = 0; k < n; k++)
            v += (double)m->shape[i * m->n_shapes + k] * betas[k];
        m->vertex[i] = v;
    }
    for (int j = 0; j < J; j++) {
        double sum[3] = {0};
        for (int64_t v = 0; v < m->n_vertices; v++)
            for (int c = 0; c < 3; c++)
                sum[c] += (double)m->regressor[j * m->n_vertices + v] * m->vertex[3 * v + c];
        memcpy(m->joint[j], sum, sizeof sum);
    }
}

void vmg_body_model_offsets(const vmg_body_model *m, double offset[VMG_N_JOINTS][3])
{
    for (int j = 0; j < J; j++)
        for (int c = 0; c < 3; c++)
            offset[j][c] = j ? m->joint[j][c] - m->joint[vmg_joint_parent[j]][c] : 0;
}

/* ---- pose ---- */

/* Rest vertices with what the pose adds: posedirs times R - I of joints 1..21. */
static void correct(const vmg_body_model *m, const double *rot, double *out)
{
    float feature[POSE_DIRS];
    memcpy(out, m->vertex, (size_t)m->n_vertices * 3 * sizeof *out);
    if (!m->pose)
        return;
    for (int i = 0; i < POSE_DIRS; i++)
        feature[i] = (float)(rot[9 + i] - (i % 9 % 4 == 0));
    for (int64_t i = 0; i < 3 * m->n_vertices; i++) {
        const float *d = m->pose + i * POSE_DIRS;
        float sum = 0;
        for (int k = 0; k < POSE_DIRS; k++)
            sum += d[k] * feature[k];
        out[i] += sum;
    }
}

/* Sums of the neighbouring triangles' normals, weighted by their areas. */
static void find_normals(const vmg_body_model *m, const float *vertex, float *normal)
{
    memset(normal, 0, (size_t)m->n_vertices * 3 * sizeof *normal);
    for (int64_t f = 0; f < m->n_triangles; f++) {
        double e[2][3], n[3];
        const uint32_t *v = m->face + 3 * f;
        for (int k = 0; k < 2; k++)
            for (int c = 0; c < 3; c++)
                e[k][c] = (double)vertex[3 * (int64_t)v[k + 1] + c] - vertex[3 * (int64_t)v[0] + c];
        vmg_vec_cross(e[0], e[1], n);
        for (int k = 0; k < 3; k++)
            for (int c = 0; c < 3; c++)
                normal[3 * (int64_t)v[k] + c] += (float)n[c];
    }
    for (int64_t v = 0; v < m->n_vertices; v++) {
        double n[3] = {normal[3 * v], normal[3 * v + 1], normal[3 * v + 2]};
        vmg_vec_normalise(n);
        for (int c = 0; c < 3; c++)
            normal[3 * v + c] = (float)n[c];
    }
}

void vmg_body_model_pose(const vmg_body_model *m, const double *rot, const double *joints,
                         double *scratch, float *vertex, float *normal)
{
    double G[9 * J], t[J][3];
    vmg_skeleton_globals(rot, G);
    for (int j = 0; j < J; j++) {
        vmg_rot_apply(G + 9 * j, m->joint[j], t[j]);
        for (int c = 0; c < 3; c++)
            t[j][c] = joints[3 * j + c] - t[j][c];
    }
    correct(m, rot, scratch);
    for (int64_t v = 0; v < m->n_vertices; v++) {
        const double *p = scratch + 3 * v;
        double sum[3] = {0};
        for (int j = 0; j < J; j++) {
            const double w = m->weight[v * J + j], *R = G + 9 * j;
            for (int c = 0; w > 0 && c < 3; c++)
                sum[c] += w * (R[3 * c] * p[0] + R[3 * c + 1] * p[1] + R[3 * c + 2] * p[2] + t[j][c]);
        }
        for (int c = 0; c < 3; c++)
            vertex[3 * v + c] = (float)sum[c];
    }
    if (normal)
        find_normals(m, vertex, normal);
}
