/* Where the camera stands. */
#ifndef VMG_SRC_RENDER_CAMERA_H
#define VMG_SRC_RENDER_CAMERA_H

#include "src/render/raycast.h"

/*
 * Axes of a camera that looks at a body which faces along `facing` (in the plane): azimuth 0 sees it
 * from the front, pi/2 from its right side (it then goes to the picture's right); `elevation` above
 * the horizon. Angles of view follow from the picture's sides, at most 2 atan(max_tan). The eye is
 * left at 0.
 */
void vmg_view_orient(const double facing[2], double azimuth_rad, double elevation_rad, double width,
                     double height, double max_tan, vmg_view *out);

typedef struct vmg_sphere {
    double centre[3], radius;
} vmg_sphere;

/* Move the eye to the nearest place from which all spheres are seen inside the part `fill` (0..1) of
 * the picture, without the part `bottom` of its height that is kept free. n >= 1. */
void vmg_view_fit(vmg_view *view, const vmg_sphere *spheres, int64_t n, double fill, double bottom);

#endif
