/* Turns and places cameras. */
#include "src/render/camera.h"

#include <math.h>

void vmg_view_orient(const double facing[2], double azimuth_rad, double elevation_rad, double width,
                     double height, double max_tan, vmg_view *out)
{
    const double ca = cos(azimuth_rad), sa = sin(azimuth_rad);
    /* from the body towards the camera: its front turned towards its right, (y,-x) */
    const double x = ca * facing[0] + sa * facing[1], y = ca * facing[1] - sa * facing[0];
    const double ce = cos(elevation_rad), se = sin(elevation_rad);
    *out = (vmg_view){.forward = {-ce * x, -ce * y, -se},
                      .right = {-y, x, 0},
                      .up = {-se * x, -se * y, ce}};
    out->tan_x = width >= height ? max_tan : max_tan * width / height;
    out->tan_y = out->tan_x * height / width;
}

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/*
 * Along one axis, the spheres must lie between the planes x = e + high_tan (z - ez) and x = e -
 * low_tan (z - ez): the nearest ez, and the e that touches both planes there.
 */
static void fit_axis(const double axis[3], const double forward[3], double low_tan, double high_tan,
                     const vmg_sphere *spheres, int64_t n, double *high, double *ez)
{
    double low = -INFINITY;
    *high = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        const double x = dot(spheres[i].centre, axis), z = dot(spheres[i].centre, forward);
        const double r = spheres[i].radius;
        *high = fmax(*high, x + r * sqrt(1 + high_tan * high_tan) - high_tan * z);
        low = fmax(low, -x + r * sqrt(1 + low_tan * low_tan) - low_tan * z);
    }
    *ez = -(*high + low) / (low_tan + high_tan);
}

void vmg_view_fit(vmg_view *view, const vmg_sphere *spheres, int64_t n, double fill, double bottom)
{
    const double tx = fill * view->tan_x, ty = fill * view->tan_y;
    const double low = ty * fmax(1 - 2 * bottom, 0.2);
    double right, top, zx, zy;
    fit_axis(view->right, view->forward, tx, tx, spheres, n, &right, &zx);
    fit_axis(view->up, view->forward, low, ty, spheres, n, &top, &zy);
    /* further back than one of the axes needs: stay in the middle of what is free */
    const double z = fmin(zx, zy), x = right + tx * zx;
    const double y = top + ty * zy + (z - zy) * (ty - low) / 2;
    for (int c = 0; c < 3; c++)
        view->eye[c] = x * view->right[c] + y * view->up[c] + z * view->forward[c];
}
