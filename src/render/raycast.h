/* Pictures of round cones and triangles on a checkered ground, cast by OpenCL on any device. */
#ifndef VMG_SRC_RENDER_RAYCAST_H
#define VMG_SRC_RENDER_RAYCAST_H

#include "host/kernel.h"

/* The hull of two spheres. World coordinates: metres, z up. Colours are linear, 0..1; the picture
 * shows their square roots. */
typedef struct vmg_cone {
    double a[3], b[3], ra, rb;
    float colour[3];
} vmg_cone;

/* A stroke with round ends painted on the ground; a == b paints a disc. Later ones lie on top. */
typedef struct vmg_mark {
    double a[2], b[2], half_width;
    float colour[3];
} vmg_mark;

/* Triangles, counter-clockwise from outside; of each vertex position, normal (n_vertices,3) and
 * colour. */
typedef struct vmg_surface {
    const float *position, *normal, *colour;
    const uint32_t *index; /* (3 n_triangles) */
    int64_t n_triangles;
} vmg_surface;

typedef struct vmg_scene {
    const vmg_cone *cones;
    int64_t n_cones;
    bool hide_cones; /* they only cast shadows: for surfaces, which do not */
    const vmg_mark *marks;
    int64_t n_marks;
    const vmg_surface *surfaces;
    int64_t n_surfaces;
    double ground_m;                      /* height of the ground */
    double fade_centre[2], fade_from_m, fade_to_m; /* where the ground turns into the background */
} vmg_scene;

/* A camera: position, orthonormal axes, tangents of half its angles of view. */
typedef struct vmg_view {
    double eye[3], right[3], up[3], forward[3], tan_x, tan_y;
} vmg_view;

/* A picture on the device, and memory for drawing into it. */
typedef struct vmg_canvas vmg_canvas;

/* Width and height in pixels, 1 to VMG_CANVAS_MAX each. Errors: VMG_E_ARG, VMG_E_NOMEM. */
enum { VMG_CANVAS_MAX = 16384 };
int vmg_canvas_create(vmg_ctx *ctx, int64_t width, int64_t height, vmg_canvas **out);
void vmg_canvas_free(vmg_canvas *canvas);

/*
 * Draw the scene into the rectangle at (x0,y0), which must lie inside. Cones behind the eye are left
 * out; the eye should be above the ground and outside of them. Errors: VMG_E_ARG (numbers that are
 * not finite, more than 2^20 primitives), those of the device. Returns while the device still draws.
 */
int vmg_canvas_draw(vmg_canvas *canvas, const vmg_scene *scene, const vmg_view *view, int64_t x0,
                    int64_t y0, int64_t width, int64_t height);

/* The picture, (height, width) pixels of the bytes R G B A, top row first. */
int vmg_canvas_read(vmg_canvas *canvas, uint8_t *rgba);

/* What all scenes share, for the tests' reference: floats as cl/render.cl's view lists them. */
enum { VMG_VIEW_FLOATS = 48 };
void vmg_raycast_view(const vmg_scene *scene, const vmg_view *view, int64_t height, float *out);

extern const vmg_kernel_def vmg_raycast_kernel;

#endif
