/* Ray casting against a double-precision reference that looks at everything from every pixel. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/render/camera.h"
#include "src/render/raycast.h"
#include "tests/op/suite.h"

enum { MAX_CONES = 12 };

static struct {
    vmg_scene scene;
    vmg_view view;
    int64_t width, height;
    float shared[VMG_VIEW_FLOATS];
} current;

/* ---- the reference ---- */

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void unit(double a[3])
{
    const double n = sqrt(dot(a, a));
    for (int c = 0; c < 3; c++)
        a[c] /= n;
}

static double clamp1(double x)
{
    return fmin(fmax(x, 0), 1);
}

static bool sphere_in_sphere(const vmg_cone *q)
{
    double d2 = 0;
    for (int c = 0; c < 3; c++)
        d2 += (q->b[c] - q->a[c]) * (q->b[c] - q->a[c]);
    return !(d2 > (q->ra - q->rb) * (q->ra - q->rb));
}

/* Signed distance to a round cone: the least, over spheres along the axis, of the distance to them,
 * found by Quilez's formula. */
static double distance(const vmg_cone *q, const double p[3])
{
    double ba[3], pa[3], x2 = 0;
    for (int c = 0; c < 3; c++) {
        ba[c] = q->b[c] - q->a[c];
        pa[c] = p[c] - q->a[c];
    }
    const double l2 = dot(ba, ba), rr = q->ra - q->rb;
    if (sphere_in_sphere(q)) {
        const double *centre = q->ra > q->rb ? q->a : q->b;
        const double d[3] = {p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]};
        return sqrt(dot(d, d)) - fmax(q->ra, q->rb);
    }
    const double a2 = l2 - rr * rr, il2 = 1 / l2, y = dot(pa, ba), z = y - l2;
    for (int c = 0; c < 3; c++)
        x2 += (pa[c] * l2 - ba[c] * y) * (pa[c] * l2 - ba[c] * y);
    const double y2 = y * y * l2, z2 = z * z * l2;
    const double k = (rr > 0 ? 1 : rr < 0 ? -1 : 0) * rr * rr * x2;
    if ((z > 0 ? 1 : -1) * a2 * z2 > k)
        return sqrt(x2 + z2) * il2 - q->rb;
    if ((y > 0 ? 1 : -1) * a2 * y2 < k)
        return sqrt(x2 + y2) * il2 - q->ra;
    return (sqrt(x2 * a2 * il2) + y * rr) * il2 - q->ra;
}

typedef struct hit {
    double t, normal[3], colour[3];
    bool body;
} hit;

/* Marches along the ray by the distance to the nearest cone. */
static void hit_cones(const double d[3], hit *h)
{
    const vmg_scene *s = &current.scene;
    double t = 0;
    for (int step = 0; step < 400 && t < 100; step++) {
        double near = INFINITY, p[3];
        int64_t nearest = 0;
        for (int c = 0; c < 3; c++)
            p[c] = current.view.eye[c] + t * d[c];
        for (int64_t i = 0; i < s->n_cones; i++) {
            const double x = distance(&s->cones[i], p);
            nearest = x < near ? i : nearest;
            near = fmin(near, x);
        }
        if (near < 1e-7) {
            if (t < h->t) {
                *h = (hit){.t = t, .body = true};
                for (int c = 0; c < 3; c++) {
                    double low[3] = {p[0], p[1], p[2]}, high[3] = {p[0], p[1], p[2]};
                    low[c] -= 1e-5;
                    high[c] += 1e-5;
                    h->normal[c] = distance(&s->cones[nearest], high) - distance(&s->cones[nearest], low);
                    h->colour[c] = s->cones[nearest].colour[c];
                }
                unit(h->normal);
            }
            return;
        }
        t += near;
    }
}

/* Moeller and Trumbore 1997. */
static void hit_triangles(const double d[3], hit *h)
{
    for (int64_t k = 0; k < current.scene.n_surfaces; k++) {
        const vmg_surface *s = &current.scene.surfaces[k];
        for (int64_t i = 0; i < s->n_triangles; i++) {
            const uint32_t *v = s->index + 3 * i;
            double e1[3], e2[3], o[3], p[3], q[3];
            for (int c = 0; c < 3; c++) {
                e1[c] = s->position[3 * v[1] + c] - s->position[3 * v[0] + c];
                e2[c] = s->position[3 * v[2] + c] - s->position[3 * v[0] + c];
                o[c] = current.view.eye[c] - s->position[3 * v[0] + c];
            }
            for (int c = 0; c < 3; c++) {
                p[c] = d[(c + 1) % 3] * e2[(c + 2) % 3] - d[(c + 2) % 3] * e2[(c + 1) % 3];
                q[c] = o[(c + 1) % 3] * e1[(c + 2) % 3] - o[(c + 2) % 3] * e1[(c + 1) % 3];
            }
            const double det = dot(e1, p), u = dot(o, p) / det, w = dot(d, q) / det, t = dot(e2, q) / det;
            if (det <= 0 || u < 0 || w < 0 || u + w > 1 || t <= 0 || t >= h->t)
                continue;
            *h = (hit){.t = t, .body = true};
            for (int c = 0; c < 3; c++) {
                h->normal[c] = (1 - u - w) * s->normal[3 * v[0] + c] + u * s->normal[3 * v[1] + c] + w * s->normal[3 * v[2] + c];
                h->colour[c] = (1 - u - w) * s->colour[3 * v[0] + c] + u * s->colour[3 * v[1] + c] + w * s->colour[3 * v[2] + c];
            }
            unit(h->normal);
        }
    }
}

/* Share of light checks under a footprint: a box filter, integrated by many points. */
static double checks(double x, double y, double wx, double wy)
{
    const double per_m = current.shared[12];
    double sum = 0;
    enum { N = 40 };
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) {
            const double u = floor((x + wx * ((i + 0.5) / N - 0.5)) * per_m);
            const double v = floor((y + wy * ((k + 0.5) / N - 0.5)) * per_m);
            sum += fmod(fabs(u + v), 2) < 0.5;
        }
    return sum / (N * N);
}

static void ground_colour(const double p[3], const double d[3], double t, double out[3])
{
    const float *v = current.shared;
    const double across = t * v[17], stretch = 1 / fmax(fabs(d[2]), 1e-3) - 1;
    const double flat = sqrt(fmax(d[0] * d[0] + d[1] * d[1], 1e-12));
    const double wx = across * (1 + stretch * fabs(d[0]) / flat), wy = across * (1 + stretch * fabs(d[1]) / flat);
    const double light = checks(p[0], p[1], wx, wy);
    for (int c = 0; c < 3; c++)
        out[c] = light * v[22 + c] + (1 - light) * v[25 + c];
    for (int64_t i = 0; i < current.scene.n_marks; i++) {
        const vmg_mark *m = &current.scene.marks[i];
        const double x = m->b[0] - m->a[0], y = m->b[1] - m->a[1], d2 = x * x + y * y;
        const double u = d2 > 0 ? clamp1(((p[0] - m->a[0]) * x + (p[1] - m->a[1]) * y) / d2) : 0;
        const double gap = hypot(p[0] - m->a[0] - u * x, p[1] - m->a[1] - u * y) - m->half_width;
        const double ink = clamp1(0.5 - gap / (0.5 * (wx + wy)));
        for (int c = 0; c < 3; c++)
            out[c] += ink * (m->colour[c] - out[c]);
    }
}

/* What is left of sun and sky at p: the kernel's estimate, over all cones and without precomputation. */
static void block(const double p[3], const double normal[3], double *sun, double *sky)
{
    const float *v = current.shared;
    const double l[3] = {v[18], v[19], v[20]}, sun_tan = v[21], reach = v[43];
    for (int64_t i = 0; i < current.scene.n_cones; i++) {
        vmg_cone cone = current.scene.cones[i], *q = &cone;
        double ba[3], pa[3], to[3], miss[3];
        if (sphere_in_sphere(q)) {
            memcpy(q->ra > q->rb ? q->b : q->a, q->ra > q->rb ? q->a : q->b, sizeof q->a);
            q->ra = q->rb = fmax(q->ra, q->rb);
        }
        for (int c = 0; c < 3; c++) {
            ba[c] = q->b[c] - q->a[c];
            pa[c] = p[c] - q->a[c];
        }
        const double m0 = dot(ba, ba), along = dot(ba, l), across = m0 - along * along;
        double u = m0 > 0 ? clamp1(dot(pa, ba) / m0) : 0;
        for (int c = 0; c < 3; c++)
            to[c] = u * ba[c] - pa[c];
        const double r = q->ra + u * (q->rb - q->ra), d2 = fmax(dot(to, to), r * r), d = sqrt(d2);
        *sky *= 1 - fmax(dot(normal, to), 0) / d * clamp1(1 - (d - r) / reach) * r * r / d2;
        u = across > 1e-6 * m0 ? clamp1((dot(pa, ba) - dot(pa, l) * along) / across) : 0;
        const double ahead = fmax(u * along - dot(pa, l), 0);
        for (int c = 0; c < 3; c++)
            miss[c] = pa[c] + ahead * l[c] - u * ba[c];
        const double gap = sqrt(dot(miss, miss)) - q->ra - u * (q->rb - q->ra);
        const double seen = clamp1(0.5 + 0.5 * gap / ((ahead + 0.06) * sun_tan));
        *sun = fmin(*sun, seen * seen * (3 - 2 * seen));
    }
}

static void shade(const double p[3], const double d[3], const hit *h, double colour[3])
{
    const float *v = current.shared;
    double sun = 1, sky = 1, half[3], lifted[3], facing = 0;
    for (int c = 0; c < 3; c++) {
        lifted[c] = p[c] + (h->body ? v[44] : 0) * h->normal[c];
        half[c] = v[18 + c] - d[c];
        facing += h->normal[c] * v[18 + c];
    }
    unit(half);
    block(lifted, h->normal, &sun, &sky);
    const double shine = pow(fmax(dot(h->normal, half), 0), 32), rim = pow(clamp1(1 + dot(h->normal, d)), 3);
    const double up = 0.5 + 0.5 * h->normal[2], gloss = h->body ? 1 : 0;
    for (int c = 0; c < 3; c++) {
        const double ambient = (v[37 + c] + up * (v[34 + c] - v[37 + c])) * sky;
        colour[c] = h->colour[c] * (ambient + v[40 + c] * fmax(facing, 0) * sun) +
                    gloss * (0.25 * shine * sun + 0.12 * rim * sky);
    }
}

static void ray(const double d[3], double out[3])
{
    const float *v = current.shared;
    hit h = {.t = INFINITY};
    double p[3], back[3], fade = 0;
    hit_cones(d, &h);
    hit_triangles(d, &h);
    for (int c = 0; c < 3; c++)
        back[c] = v[28 + c] + clamp1(1.5 * d[2]) * (v[31 + c] - v[28 + c]);
    const double below = d[2] < 0 ? (current.scene.ground_m - current.view.eye[2]) / d[2] : INFINITY;
    if (below < h.t)
        h = (hit){.t = below, .normal = {0, 0, 1}};
    memcpy(out, back, sizeof back);
    if (isinf(h.t))
        return;
    for (int c = 0; c < 3; c++)
        p[c] = current.view.eye[c] + h.t * d[c];
    if (!h.body) {
        ground_colour(p, d, h.t, h.colour);
        const double away = hypot(p[0] - current.scene.fade_centre[0], p[1] - current.scene.fade_centre[1]);
        fade = clamp1((away - v[15]) * v[16]);
        fade = fade * fade * (3 - 2 * fade);
    }
    shade(p, d, &h, out);
    for (int c = 0; c < 3; c++)
        out[c] += fade * (back[c] - out[c]);
}

/* A pixel as the mean of n samples of the kernel's pattern, 0..255. */
static void pixel(int64_t x, int64_t y, int n, double out[3])
{
    static const double rows[4] = {2, 0, 3, 1};
    double sum[3] = {0};
    for (int s = 0; s < n; s++) {
        const double ox = n > 1 ? (2 * s + 1) / 8.0 : 0.5, oy = n > 1 ? (2 * rows[s] + 1) / 8.0 : 0.5;
        const double u = ((double)x + ox) * 2 / (double)current.width - 1, w = 1 - ((double)y + oy) * 2 / (double)current.height;
        double d[3], colour[3];
        for (int c = 0; c < 3; c++)
            d[c] = current.view.forward[c] + u * current.view.tan_x * current.view.right[c] +
                   w * current.view.tan_y * current.view.up[c];
        unit(d);
        ray(d, colour);
        for (int c = 0; c < 3; c++)
            sum[c] += colour[c] / n;
    }
    for (int c = 0; c < 3; c++)
        out[c] = 255 * sqrt(fmin(fmax(sum[c], 0), 1));
}

/* ---- comparison ---- */

/* Every pixel within 2 of 255; at silhouettes, where a sample may fall on either side, 0.3 % may differ more. A
 * tile without a body has one sample a pixel, and nothing tells which: either is right. */
static void check_picture(const uint8_t *rgba, int64_t stride, int64_t x0, int64_t y0)
{
    int64_t n_wrong = 0;
    double worst = 0;
    for (int64_t y = 0; y < current.height; y++)
        for (int64_t x = 0; x < current.width; x++) {
            double least = INFINITY;
            for (int n = 1; n <= 4; n += 3) {
                double want[3], error = 0;
                pixel(x, y, n, want);
                for (int c = 0; c < 3; c++)
                    error = fmax(error, fabs(rgba[4 * ((y0 + y) * stride + x0 + x) + c] - want[c]));
                least = fmin(least, error);
            }
            n_wrong += least > 2;
            worst = fmax(worst, least);
        }
    const int64_t n = current.width * current.height;
    if (!CHECK(1000 * n_wrong <= 3 * n))
        vmg_test_note("%lld of %lld pixels differ, by up to %.1f", (long long)n_wrong, (long long)n, worst);
}

/* In a canvas that is larger on all sides, which must stay as it was. */
static void run(void)
{
    enum { LEFT = 5, TOP = 3 };
    const int64_t W = current.width + 2 * LEFT, H = current.height + 2 * TOP;
    vmg_canvas *canvas = NULL;
    uint8_t *before = vmg_calloc((size_t)(W * H), 4), *rgba = vmg_calloc((size_t)(W * H), 4);
    vmg_scene nothing = {0};
    vmg_view up = {.forward = {0, 0, 1}, .right = {1, 0, 0}, .up = {0, 1, 0}, .eye = {0, 0, 5}, .tan_x = 1, .tan_y = 1};
    vmg_raycast_view(&current.scene, &current.view, current.height, current.shared);
    CHECK_OK(vmg_canvas_create(vmg_test_ctx(), W, H, &canvas));
    if (canvas) {
        CHECK_OK(vmg_canvas_draw(canvas, &nothing, &up, 0, 0, W, H));
        CHECK_OK(vmg_canvas_read(canvas, before));
        CHECK_OK(vmg_canvas_draw(canvas, &current.scene, &current.view, LEFT, TOP, current.width, current.height));
        CHECK_OK(vmg_canvas_read(canvas, rgba));
        check_picture(rgba, W, LEFT, TOP);
        int64_t n_touched = 0;
        for (int64_t i = 0; i < W * H; i++) {
            const int64_t x = i % W - LEFT, y = i / W - TOP;
            if (x < 0 || y < 0 || x >= current.width || y >= current.height)
                n_touched += memcmp(before + 4 * i, rgba + 4 * i, 4) != 0;
        }
        CHECK_INT(n_touched, 0);
    }
    vmg_canvas_free(canvas);
    free(before);
    free(rgba);
}

/* ---- scenes ---- */

static vmg_cone cones[MAX_CONES];
static vmg_mark marks[4];

static void make_scene(int64_t width, int64_t height, int n_cones)
{
    static const double near_to_far[][8] = {
        {0.0, 0.0, 0.9, 0.1, 0.3, 1.5, 0.2, 0.12},   {0.4, 0.2, 0.3, 0.7, -0.2, 0.2, 0.05, 0.2},
        {-0.5, 0.1, 0.5, -0.5, 0.1, 0.5, 0.3, 0.3},  {-0.4, -0.6, 0.1, -0.8, -0.5, 0.9, 0.1, 0.1},
        {0.1, 0.0, 0.4, 0.12, 0.0, 0.42, 0.25, 0.1}, {0.9, 0.9, 0.4, 0.9, 0.9, 0.8, 0.15, 0.1},
        {0.0, -0.9, 0.3, 0.3, -0.9, 0.3, 0.1, 0.05}, {-1.2, 0.8, 1.2, -0.6, 0.8, 1.3, 0.1, 0.14},
        {0.6, -0.4, 1.0, 0.6, -0.1, 1.3, 0.07, 0.07}, {0.2, 0.9, 0.2, 0.2, 1.4, 0.2, 0.2, 0.05},
        {-0.2, -0.3, 0.06, 0.1, -0.4, 0.06, 0.06, 0.04}, {1.3, 0.0, 0.5, 1.3, 0.0, 1.1, 0.1, 0.12}};
    vmg_sphere seen[2] = {{{0, 0, 0.2}, 0.9}, {{0, 0, 1.4}, 0.7}};
    for (int i = 0; i < MAX_CONES; i++) {
        const double *v = near_to_far[i];
        cones[i] = (vmg_cone){.a = {v[0], v[1], v[2]}, .b = {v[3], v[4], v[5]}, .ra = v[6], .rb = v[7],
                              .colour = {0.1f * (float)(i % 7), 0.3f, 0.9f - 0.07f * (float)i}};
    }
    for (int i = 0; i < 4; i++)
        marks[i] = (vmg_mark){.a = {-1 + i, -0.5}, .b = {-0.7 + i, -0.5 + 0.4 * i}, .half_width = 0.03,
                              .colour = {0.5f, 0.1f * (float)i, 0.1f}};
    memcpy(marks[3].b, marks[3].a, sizeof marks[3].b); /* a disc */
    current.width = width;
    current.height = height;
    current.scene = (vmg_scene){.cones = cones, .n_cones = n_cones, .marks = marks, .n_marks = 4, .ground_m = -0.05,
                                .fade_centre = {0.3, 0.1}, .fade_from_m = 2, .fade_to_m = 6};
    vmg_view_orient((double[2]){0.6, 0.8}, 0.7, 0.3, (double)width, (double)height, 0.3, &current.view);
    vmg_view_fit(&current.view, seen, 2, 0.9, 0.05);
}

static void bodies(void)
{
    make_scene(vmg_test_small() ? 23 : 131, vmg_test_small() ? 19 : 97, MAX_CONES);
    run();
}

static void empty_ground(void)
{
    make_scene(vmg_test_small() ? 17 : 50, vmg_test_small() ? 19 : 33, 0);
    run();
    make_scene(1, 1, 0);
    run();
}

static void tunables(void)
{
    make_scene(vmg_test_small() ? 17 : 35, vmg_test_small() ? 3 : 33, MAX_CONES);
    vmg_test_every_class(&vmg_raycast_kernel, run);
}

/* A box of triangles, each face with its own normals, beside a cone; and the cones only casting shadows. */
static void triangles(void)
{
    float position[24 * 3], normal[24 * 3], colour[24 * 3];
    uint32_t index[36];
    for (int face = 0; face < 6; face++)
        for (int k = 0; k < 4; k++) {
            const int axis = face / 2, side = face % 2 ? 1 : -1, u = (axis + 1) % 3, v = (axis + 2) % 3;
            float *p = position + 3 * (4 * face + k);
            p[axis] = 0.3f * (float)side;
            p[u] = (k == 1 || k == 2) == (side > 0) ? 0.3f : -0.3f;
            p[v] = k >= 2 ? 0.3f : -0.3f;
            for (int c = 0; c < 3; c++) {
                normal[3 * (4 * face + k) + c] = c == axis ? (float)side : 0.2f * p[c];
                colour[3 * (4 * face + k) + c] = 0.4f + p[c];
            }
            p[2] += 0.7f;
        }
    for (int face = 0; face < 6; face++)
        for (int k = 0; k < 6; k++)
            index[6 * face + k] = (uint32_t)(4 * face + (int[]){0, 1, 2, 0, 2, 3}[k]);
    const vmg_surface box = {position, normal, colour, index, 12};
    make_scene(vmg_test_small() ? 17 : 75, vmg_test_small() ? 19 : 61, 2);
    cones[1].a[0] += 0.8;
    cones[1].b[0] += 0.8;
    cones[0].a[2] = cones[0].b[2] = 0.7; /* inside the box */
    current.scene.surfaces = &box;
    current.scene.n_surfaces = 1;
    run();
}

static void refuses(void)
{
    vmg_canvas *canvas = NULL;
    CHECK_FAILS(vmg_canvas_create(vmg_test_ctx(), 0, 5, &canvas), VMG_E_ARG, "0x5");
    CHECK_FAILS(vmg_canvas_create(vmg_test_ctx(), 5, VMG_CANVAS_MAX + 1, &canvas), VMG_E_ARG, "sides are 1 to");
    REQUIRE_OK(vmg_canvas_create(vmg_test_ctx(), 40, 30, &canvas));
    make_scene(40, 30, 2);
    CHECK_FAILS(vmg_canvas_draw(canvas, &current.scene, &current.view, 1, 0, 40, 30), VMG_E_ARG, "not inside");
    cones[1].b[1] = NAN;
    CHECK_FAILS(vmg_canvas_draw(canvas, &current.scene, &current.view, 0, 0, 40, 30), VMG_E_ARG, "not finite");
    vmg_canvas_free(canvas);
}

static const vmg_test_case cases[] = {
    {"bodies", bodies}, {"empty_ground", empty_ground}, {"tunables", tunables}, {"triangles", triangles}, {"refuses", refuses},
};

/* ---- bench ---- */

typedef struct bench_state {
    vmg_canvas *canvas;
} bench_state;

static void *setup(vmg_ctx *ctx, vmg_arena *arena, const void *param)
{
    (void)arena, (void)param;
    bench_state *s = vmg_calloc(1, sizeof *s);
    if (s && vmg_canvas_create(ctx, 960, 960, &s->canvas)) {
        free(s);
        s = NULL;
    }
    make_scene(960, 960, MAX_CONES);
    return s;
}

static void draw(vmg_ctx *ctx, void *state)
{
    const bench_state *s = state;
    (void)ctx;
    vmg_canvas_draw(s->canvas, &current.scene, &current.view, 0, 0, 960, 960);
}

static void teardown(void *state)
{
    bench_state *s = state;
    vmg_canvas_free(s->canvas);
    free(s);
}

static const vmg_op_bench benches[] = {
    {.name = "ray casting 960x960", .setup = setup, .run = draw, .teardown = teardown, .bytes = 4.0 * 960 * 960},
};

const vmg_op_suite vmg_suite_render = {"render", cases, VMG_COUNT(cases), benches, VMG_COUNT(benches)};
