/* Poses a body model's mesh for the ray caster. */
#include "src/render/skin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"

enum { GROUND_FRAMES = 24 };

struct vmg_skin {
    const vmg_body_model *model;
    int64_t n;
    double *scratch;                  /* (V,3) */
    float *vertex, *normal, *colour;  /* (n,V,3) */
    vmg_surface *surface;             /* (n) */
};

int vmg_skin_create(const vmg_body_model *model, int64_t n, vmg_skin **out)
{
    const size_t V = (size_t)model->n_vertices;
    vmg_skin *s = *out = vmg_calloc(1, sizeof *s);
    if (!s)
        return VMG_E_NOMEM;
    s->model = model;
    s->n = n;
    s->scratch = vmg_calloc(V, 3 * sizeof *s->scratch);
    s->vertex = vmg_calloc((size_t)n * V, 3 * sizeof *s->vertex);
    s->normal = vmg_calloc((size_t)n * V, 3 * sizeof *s->normal);
    s->colour = vmg_calloc((size_t)n * V, 3 * sizeof *s->colour);
    s->surface = vmg_calloc((size_t)n, sizeof *s->surface);
    if (!s->scratch || !s->vertex || !s->normal || !s->colour || !s->surface) {
        vmg_skin_free(s);
        *out = NULL;
        return VMG_E_NOMEM;
    }
    for (int64_t i = 0; i < n; i++)
        s->surface[i] = (vmg_surface){s->vertex + 3 * i * model->n_vertices,
                                      s->normal + 3 * i * model->n_vertices,
                                      s->colour + 3 * i * model->n_vertices, model->face,
                                      model->n_triangles};
    return VMG_OK;
}

void vmg_skin_free(vmg_skin *skin)
{
    if (!skin)
        return;
    free(skin->scratch);
    free(skin->vertex);
    free(skin->normal);
    free(skin->colour);
    free(skin->surface);
    free(skin);
}

/* Colours mixed by the weights of left, right and middle joints. */
static void paint(const vmg_body_model *m, double pale, float *colour)
{
    float tint[3][3];
    for (int side = -1; side <= 1; side++)
        vmg_body_tint(side, pale, tint[side + 1]);
    for (int64_t v = 0; v < m->n_vertices; v++)
        for (int c = 0; c < 3; c++) {
            float sum = 0;
            for (int j = 0; j < VMG_N_JOINTS; j++)
                sum += m->weight[v * VMG_N_JOINTS + j] * tint[vmg_body_side(j) + 1][c];
            colour[3 * v + c] = sum;
        }
}

void vmg_skin_pose(vmg_skin *skin, int64_t i, const vmg_body *body, int64_t t,
                   const double shift[3], double pale)
{
    const int64_t first = 3 * i * skin->model->n_vertices;
    double joints[3 * VMG_N_JOINTS];
    for (int k = 0; k < 3 * VMG_N_JOINTS; k++)
        joints[k] = vmg_poses_joint(&body->poses, t, 0)[k] + shift[k % 3];
    vmg_body_model_pose(skin->model, vmg_poses_rot(&body->poses, t, 0), joints, skin->scratch,
                        skin->vertex + first, skin->normal + first);
    paint(skin->model, pale, skin->colour + first);
}

const vmg_surface *vmg_skin_surfaces(const vmg_skin *skin)
{
    return skin->surface;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double vmg_skin_ground(vmg_skin *skin, const vmg_body *body)
{
    const int64_t T = body->poses.T, n = VMG_MIN(T, (int64_t)GROUND_FRAMES);
    double low[GROUND_FRAMES];
    for (int64_t k = 0; k < n; k++) {
        low[k] = INFINITY;
        vmg_body_model_pose(skin->model, vmg_poses_rot(&body->poses, k * (T - 1) / n, 0),
                            vmg_poses_joint(&body->poses, k * (T - 1) / n, 0), skin->scratch,
                            skin->vertex, NULL);
        for (int64_t v = 0; v < skin->model->n_vertices; v++)
            low[k] = fmin(low[k], skin->vertex[3 * v + 2]);
    }
    qsort(low, (size_t)n, sizeof *low, compare);
    return low[(int64_t)(VMG_GROUND_QUANTILE * (double)(n - 1))];
}
