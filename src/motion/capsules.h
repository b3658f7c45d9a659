/* A body of capsules around the 22 joints: for meshes and pictures where no body model is given. */
#ifndef VMG_SRC_MOTION_CAPSULES_H
#define VMG_SRC_MOTION_CAPSULES_H

#include <stdint.h>

#include "src/motion/skeleton.h"

enum { VMG_MAX_CAPSULES = 32 };

/* The hull of two spheres. Ends in metres in the frame of joint `joint` (axes of the rest pose: y
 * up, +z forward), which moves it. */
typedef struct vmg_capsule {
    int joint;
    int child; /* the joint at b; -1 where there is none */
    int side;  /* +1 a left limb, -1 a right one, 0 torso and head */
    double a[3], b[3], radius_a_m, radius_b_m;
} vmg_capsule;

/* The capsules of a body with these bones; returns their number. Radii grow with the legs' length.
 * The head has a nose, so that one sees where it looks. */
int vmg_capsules_make(const double offset[][3], vmg_capsule out[VMG_MAX_CAPSULES]);

/* Triangles in the rest pose with the pelvis at the origin; every vertex moves with one joint. */
typedef struct vmg_capsule_mesh {
    float *position, *normal; /* (n_vertices,3) */
    uint8_t *joint;           /* (n_vertices) */
    uint32_t *index;          /* (3 n_triangles), counter-clockwise from outside */
    int64_t n_vertices, n_triangles;
} vmg_capsule_mesh;

/* Error VMG_E_NOMEM. */
int vmg_capsules_mesh(const double offset[][3], vmg_capsule_mesh *out);
void vmg_capsules_mesh_free(vmg_capsule_mesh *mesh);

#endif
