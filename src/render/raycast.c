/* Prepares scenes for cl/render.cl: records relative to the eye, lists of what each tile can see. */
#include "src/render/raycast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/arena.h"
#include "host/base/mem.h"
#include "host/op/grid.h"
#include "src/render/tiles.h"

enum { CONE_FLOATS = 16, BLOCKER_FLOATS = 12, MARK_FLOATS = 12, TRIANGLE_FLOATS = 28 };
enum { MAX_PRIMITIVES = 1 << 20 };

/* The look: squares of display values. The sun stands above the camera's left shoulder. */
static const double check_per_m = 2, sun_tan = 0.11, ao_reach_m = 0.35, lift_m = 0.012;
static const float look[][3] = {{0.80f, 0.81f, 0.83f}, /* light checks */
                                {0.66f, 0.68f, 0.71f}, /* dark checks */
                                {0.90f, 0.92f, 0.95f}, /* horizon */
                                {0.78f, 0.84f, 0.92f}, /* zenith */
                                {0.55f, 0.57f, 0.60f}, /* light of the sky */
                                {0.26f, 0.25f, 0.24f}, /* light from the ground */
                                {0.62f, 0.59f, 0.55f}}; /* sunlight */

struct vmg_canvas {
    vmg_ctx *ctx;
    vmg_arena arena, image_arena;
    vmg_tensor image; /* (height,width), a pixel's bytes R G B A */
};

/* ---- the kernel ---- */

static bool valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    (void)shape;
    return dev->device_class == VMG_CLASS_CPU ? v[0] == 1 && v[1] > 1 : v[0] > 1 && v[1] == 1;
}

/* shape {width, height} of the rectangle */
static void geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3],
                     size_t local[3])
{
    (void)dev;
    local[0] = (size_t)v[0];
    global[0] = local[0] * vmg_grid_groups(shape[0], VMG_TILE) * vmg_grid_groups(shape[1], VMG_TILE);
    global[1] = global[2] = local[1] = local[2] = 1;
}

const vmg_kernel_def vmg_raycast_kernel = {.file = "render",
                                           .name = "cast_rays",
                                           .tunables = {{"WG", {64, 128, 256, 1}},
                                                        {"VW", {1, 16, 8, 4}}},
                                           .valid = valid,
                                           .geometry = geometry};

/* ---- records ---- */

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void put3(float *out, const double v[3])
{
    for (int c = 0; c < 3; c++)
        out[c] = (float)v[c];
}

/* The direction to the sun: beside and behind the camera, high up. */
static void sun_of(const vmg_view *view, double sun[3])
{
    double ahead[3] = {view->forward[0], view->forward[1], 0}, n = hypot(ahead[0], ahead[1]);
    for (int c = 0; c < 2; c++)
        ahead[c] = n > 1e-6 ? ahead[c] / n : view->up[c];
    const double side[3] = {ahead[1], -ahead[0], 0};
    for (int c = 0; c < 3; c++)
        sun[c] = -0.42 * side[c] - 0.40 * ahead[c] + (c == 2 ? 0.85 : 0);
    n = sqrt(dot(sun, sun));
    for (int c = 0; c < 3; c++)
        sun[c] /= n;
}

void vmg_raycast_view(const vmg_scene *scene, const vmg_view *view, int64_t height, float *out)
{
    double sun[3], v[VMG_VIEW_FLOATS] = {0};
    sun_of(view, sun);
    for (int c = 0; c < 3; c++) {
        v[c] = view->forward[c];
        v[3 + c] = view->right[c] * view->tan_x;
        v[6 + c] = view->up[c] * view->tan_y;
        v[18 + c] = sun[c];
    }
    v[9] = scene->ground_m - view->eye[2];
    v[12] = check_per_m;
    for (int c = 0; c < 2; c++) {
        v[10 + c] = fmod(view->eye[c] * check_per_m, 2);
        v[13 + c] = scene->fade_centre[c] - view->eye[c];
    }
    v[15] = scene->fade_from_m;
    v[16] = 1 / fmax(scene->fade_to_m - scene->fade_from_m, 1e-3);
    v[17] = 2 * view->tan_y / (double)height;
    v[21] = sun_tan;
    for (size_t i = 0; i < VMG_COUNT(look); i++)
        for (int c = 0; c < 3; c++)
            v[22 + 3 * i + (size_t)c] = look[i][c];
    v[43] = ao_reach_m;
    v[44] = lift_m;
    for (int i = 0; i < VMG_VIEW_FLOATS; i++)
        out[i] = (float)v[i];
}

/* One cone relative to the eye, never one sphere inside the other. */
static vmg_cone relative(const vmg_cone *q, const vmg_view *view)
{
    vmg_cone r = *q;
    double d2 = 0;
    for (int c = 0; c < 3; c++) {
        d2 += (q->b[c] - q->a[c]) * (q->b[c] - q->a[c]);
        r.a[c] -= view->eye[c];
        r.b[c] -= view->eye[c];
    }
    if (sqrt(d2) < fabs(q->ra - q->rb) + 1e-4) {
        if (q->ra < q->rb)
            memcpy(r.a, r.b, sizeof r.a);
        memcpy(r.b, r.a, sizeof r.b);
        r.b[2] += 1e-4;
        r.ra = r.rb = fmax(q->ra, q->rb);
    }
    return r;
}

static void cone_record(const vmg_cone *q, float *out)
{
    const double axis[3] = {q->b[0] - q->a[0], q->b[1] - q->a[1], q->b[2] - q->a[2]};
    const double m0 = dot(axis, axis), m1 = -dot(axis, q->a), m5 = dot(q->a, q->a);
    const double rr = q->ra - q->rb, d2 = m0 - rr * rr;
    put3(out, q->a);
    put3(out + 3, q->b);
    out[6] = (float)d2;
    out[7] = (float)(d2 * m5 - m1 * m1 + 2 * m1 * rr * q->ra - m0 * q->ra * q->ra);
    out[8] = (float)(rr * q->ra - m1);
    out[9] = (float)(m5 - q->ra * q->ra);
    out[10] = (float)(dot(q->b, q->b) - q->rb * q->rb);
    memcpy(out + 11, q->colour, sizeof q->colour);
}

static void blocker_record(const vmg_cone *q, const double sun[3], float *out)
{
    const double axis[3] = {q->b[0] - q->a[0], q->b[1] - q->a[1], q->b[2] - q->a[2]};
    const double m0 = dot(axis, axis), along = dot(axis, sun), across = m0 - along * along;
    put3(out, q->a);
    put3(out + 3, axis);
    out[6] = (float)q->ra;
    out[7] = (float)(q->rb - q->ra);
    out[8] = (float)(1 / m0);
    out[9] = (float)along;
    out[10] = (float)(across > 1e-6 * m0 ? 1 / across : 0);
}

static void mark_record(const vmg_mark *m, const vmg_view *view, float *out)
{
    const double x = m->b[0] - m->a[0], y = m->b[1] - m->a[1], d2 = x * x + y * y;
    out[0] = (float)(m->a[0] - view->eye[0]);
    out[1] = (float)(m->a[1] - view->eye[1]);
    out[2] = (float)x;
    out[3] = (float)y;
    out[4] = (float)(d2 > 0 ? 1 / d2 : 0);
    out[5] = (float)m->half_width;
    memcpy(out + 6, m->colour, sizeof m->colour);
}

static void cross(const double a[3], const double b[3], double out[3])
{
    for (int c = 0; c < 3; c++)
        out[c] = a[(c + 1) % 3] * b[(c + 2) % 3] - a[(c + 2) % 3] * b[(c + 1) % 3];
}

/* False for a triangle that turns its back. */
static bool triangle_record(const vmg_surface *s, int64_t i, const vmg_view *view, double v[3][3],
                            float *out)
{
    double w[3];
    for (int k = 0; k < 3; k++) {
        const int64_t at = 3 * (int64_t)s->index[3 * i + k];
        for (int c = 0; c < 3; c++)
            v[k][c] = s->position[at + c] - view->eye[c];
        memcpy(out + 10 + 3 * k, s->normal + at, 3 * sizeof *out);
        memcpy(out + 19 + 3 * k, s->colour + at, 3 * sizeof *out);
    }
    for (int k = 0; k < 3; k++) {
        cross(v[(k + 1) % 3], v[(k + 2) % 3], w);
        put3(out + 3 * k, w);
        if (k == 0)
            out[9] = (float)dot(v[0], w);
    }
    return out[9] < 0;
}

/* ---- a scene's primitives, as records and as lists per tile ---- */

typedef struct prepared {
    float *cones, *blockers, *marks, *triangles; /* at least one record each, for buffers */
    int64_t n_triangles;
    vmg_tiles tiles;
} prepared;

static void free_prepared(prepared *p)
{
    free(p->cones);
    free(p->blockers);
    free(p->marks);
    free(p->triangles);
    vmg_tiles_free(&p->tiles);
}

static void add_cones(prepared *p, const vmg_scene *s, const vmg_view *view)
{
    double sun[3];
    sun_of(view, sun);
    for (int64_t i = 0; i < s->n_cones; i++) {
        const vmg_cone q = relative(&s->cones[i], view);
        const double spread = fmax(q.ra, q.rb) + ao_reach_m;
        vmg_box visible = {0}, reach = {0};
        vmg_box_add(&visible, &p->tiles, q.a, q.ra);
        vmg_box_add(&visible, &p->tiles, q.b, q.rb);
        cone_record(&q, p->cones + CONE_FLOATS * i);
        blocker_record(&q, sun, p->blockers + BLOCKER_FLOATS * i);
        if (!s->hide_cones)
            vmg_tiles_add(&p->tiles, VMG_LIST_CONES, i, &visible);
        /* what it dims lies around it, and between it and the end of its shadow on the ground */
        for (int k = 0; k < 2; k++) {
            const double *end = k ? q.b : q.a;
            const double fall = fmax(end[2] - (s->ground_m - view->eye[2]), 0) / sun[2];
            double shadow[3];
            for (int c = 0; c < 3; c++)
                shadow[c] = end[c] - fall * sun[c];
            vmg_box_add(&reach, &p->tiles, end, spread);
            vmg_box_add(&reach, &p->tiles, shadow,
                        (fmax(q.ra, q.rb) + (fall + 0.06) * sun_tan) / sun[2]);
        }
        vmg_tiles_add(&p->tiles, VMG_LIST_BLOCKERS, i, &reach);
    }
}

static void add_marks(prepared *p, const vmg_scene *s, const vmg_view *view)
{
    for (int64_t i = 0; i < s->n_marks; i++) {
        const vmg_mark *m = &s->marks[i];
        vmg_box box = {0};
        for (int k = 0; k < 2; k++) {
            const double *end = k ? m->b : m->a;
            const double at[3] = {end[0] - view->eye[0], end[1] - view->eye[1],
                                  s->ground_m - view->eye[2]};
            vmg_box_add(&box, &p->tiles, at, m->half_width + 0.02);
        }
        mark_record(m, view, p->marks + MARK_FLOATS * i);
        vmg_tiles_add(&p->tiles, VMG_LIST_MARKS, i, &box);
    }
}

static void add_surfaces(prepared *p, const vmg_scene *s, const vmg_view *view)
{
    for (int64_t k = 0; k < s->n_surfaces; k++)
        for (int64_t i = 0; i < s->surfaces[k].n_triangles; i++) {
            double v[3][3];
            vmg_box box = {0};
            if (!triangle_record(&s->surfaces[k], i, view, v,
                                 p->triangles + TRIANGLE_FLOATS * p->n_triangles))
                continue;
            for (int c = 0; c < 3; c++)
                vmg_box_add(&box, &p->tiles, v[c], 1e-4);
            vmg_tiles_add(&p->tiles, VMG_LIST_TRIANGLES, p->n_triangles++, &box);
        }
}

static int prepare(const vmg_scene *s, const vmg_view *view, int64_t width, int64_t height,
                   prepared *p)
{
    int64_t n_triangles = 0;
    for (int64_t k = 0; k < s->n_surfaces; k++)
        n_triangles += s->surfaces[k].n_triangles;
    if (s->n_cones > MAX_PRIMITIVES || s->n_marks > MAX_PRIMITIVES || n_triangles > MAX_PRIMITIVES)
        return vmg_fail(VMG_E_ARG, "a scene has at most %d primitives of a kind", MAX_PRIMITIVES);
    p->cones = vmg_calloc((size_t)s->n_cones + 1, CONE_FLOATS * sizeof(float));
    p->blockers = vmg_calloc((size_t)s->n_cones + 1, BLOCKER_FLOATS * sizeof(float));
    p->marks = vmg_calloc((size_t)s->n_marks + 1, MARK_FLOATS * sizeof(float));
    p->triangles = vmg_calloc((size_t)n_triangles + 1, TRIANGLE_FLOATS * sizeof(float));
    if (!p->cones || !p->blockers || !p->marks || !p->triangles)
        return VMG_E_NOMEM;
    vmg_tiles_init(&p->tiles, view, width, height);
    add_cones(p, s, view);
    add_marks(p, s, view);
    add_surfaces(p, s, view);
    return vmg_tiles_finish(&p->tiles);
}

static bool finite_scene(const vmg_scene *s, const vmg_view *view)
{
    bool ok = isfinite(s->ground_m) && isfinite(dot(view->eye, view->eye)) &&
              isfinite(dot(view->forward, view->right)) && view->tan_x > 0 && view->tan_y > 0;
    for (int64_t i = 0; i < s->n_cones; i++) {
        const vmg_cone *q = &s->cones[i];
        ok &= isfinite(dot(q->a, q->a) + dot(q->b, q->b)) && q->ra > 0 && q->rb > 0;
    }
    return ok;
}

/* ---- drawing ---- */

int vmg_canvas_create(vmg_ctx *ctx, int64_t width, int64_t height, vmg_canvas **out)
{
    *out = NULL;
    if (width < 1 || height < 1 || width > VMG_CANVAS_MAX || height > VMG_CANVAS_MAX)
        return vmg_fail(VMG_E_ARG, "a picture of %lldx%lld pixels: sides are 1 to %d",
                        (long long)width, (long long)height, VMG_CANVAS_MAX);
    vmg_canvas *canvas = vmg_calloc(1, sizeof *canvas);
    if (!canvas)
        return VMG_E_NOMEM;
    canvas->ctx = ctx;
    canvas->arena = vmg_arena_make(ctx, VMG_ARENA_SEPARATE);
    canvas->image_arena = vmg_arena_make(ctx, VMG_ARENA_SEPARATE);
    canvas->image = vmg_arena_matrix(&canvas->image_arena, VMG_I32, height, width);
    int rc = vmg_ctx_status(ctx);
    if (rc)
        vmg_canvas_free(canvas);
    else
        *out = canvas;
    return rc;
}

void vmg_canvas_free(vmg_canvas *canvas)
{
    if (!canvas)
        return;
    vmg_arena_free(&canvas->arena);
    vmg_arena_free(&canvas->image_arena);
    free(canvas);
}

static vmg_tensor upload(vmg_canvas *canvas, vmg_dtype dtype, int64_t n, const void *data)
{
    vmg_tensor t = vmg_arena_vector(&canvas->arena, dtype, n);
    vmg_upload(canvas->ctx, t, data);
    return t;
}

int vmg_canvas_draw(vmg_canvas *canvas, const vmg_scene *scene, const vmg_view *view, int64_t x0,
                    int64_t y0, int64_t width, int64_t height)
{
    float shared[VMG_VIEW_FLOATS];
    prepared p = {0};
    if (x0 < 0 || y0 < 0 || width < 1 || height < 1 || x0 + width > canvas->image.dim[1] ||
        y0 + height > canvas->image.dim[0])
        return vmg_fail(VMG_E_ARG, "a panel of %lldx%lld at %lld,%lld is not inside the picture",
                        (long long)width, (long long)height, (long long)x0, (long long)y0);
    if (!finite_scene(scene, view))
        return vmg_fail(VMG_E_ARG, "a scene to be drawn holds numbers that are not finite");
    int rc = prepare(scene, view, width, height, &p);
    if (!rc) {
        vmg_launch l = VMG_LAUNCH(&vmg_raycast_kernel);
        const struct {
            const float *data;
            int64_t n;
        } in[] = {{shared, VMG_VIEW_FLOATS},
                  {p.cones, CONE_FLOATS * (scene->n_cones + 1)},
                  {p.blockers, BLOCKER_FLOATS * (scene->n_cones + 1)},
                  {p.marks, MARK_FLOATS * (scene->n_marks + 1)},
                  {p.triangles, TRIANGLE_FLOATS * (p.n_triangles + 1)}};
        vmg_raycast_view(scene, view, height, shared);
        for (size_t i = 0; i < VMG_COUNT(in); i++)
            vmg_arg_in(&l, upload(canvas, VMG_F32, in[i].n, in[i].data));
        vmg_arg_in(&l, upload(canvas, VMG_I32, p.tiles.n_starts, p.tiles.starts));
        vmg_arg_in(&l, upload(canvas, VMG_I32, VMG_MAX(p.tiles.n_items, 1), p.tiles.items));
        vmg_arg_inout(&l, canvas->image);
        const int64_t size[] = {canvas->image.dim[1], x0, y0, width, height, p.tiles.n_x};
        for (size_t i = 0; i < VMG_COUNT(size); i++)
            vmg_arg_i32(&l, (int32_t)size[i]);
        l.shape[0] = width;
        l.shape[1] = height;
        l.bytes = 4.0 * (double)width * (double)height;
        vmg_launch_run(canvas->ctx, &l);
        vmg_arena_reset_all(&canvas->arena);
        /* so that the device begins now, not when the picture is read */
        rc = vmg_ctx_status(canvas->ctx);
        if (!rc)
            vmg_ctx_check(canvas->ctx, clFlush(canvas->ctx->queue), "beginning to draw");
    }
    free_prepared(&p);
    return rc;
}

int vmg_canvas_read(vmg_canvas *canvas, uint8_t *rgba)
{
    vmg_download(canvas->ctx, canvas->image, rgba);
    return vmg_ctx_status(canvas->ctx);
}
