/* SMPL, SMPL-H and SMPL-X body models: joints and skinned meshes for users who have the files. */
#ifndef VMG_SRC_MOTION_BODY_MODEL_H
#define VMG_SRC_MOTION_BODY_MODEL_H

#include "src/motion/poses.h"

/* What a file may hold at most. */
enum { VMG_BODY_MAX_VERTICES = 1 << 17, VMG_BODY_MAX_JOINTS = 64 };

/*
 * The part of the model that our 22 joints move: hands, jaw and eyes follow wrists and head. Loper
 * et al. 2015, "SMPL"; metres, y up, +z forward, in the model's own place.
 */
typedef struct vmg_body_model {
    int64_t n_vertices, n_triangles, n_shapes;
    double *template_vertex; /* (V,3) with zero shape */
    double *vertex;          /* (V,3) with the shape of vmg_body_model_shape */
    float *shape;            /* (V,3,n_shapes): of shapedirs */
    float *pose;             /* (V,3,189): of posedirs, those of joints 1..21; NULL without them */
    float *weight;           /* (V,22): skinning, rows sum to 1 */
    float *regressor;        /* (22,V): joints of vertices */
    uint32_t *face;          /* (F,3), counter-clockwise from outside */
    double joint[VMG_N_JOINTS][3]; /* rest joints of the shape */
} vmg_body_model;

/*
 * Read a .npz (SMPL-X's, or any with the keys v_template, weights, J_regressor, f, kintree_table and
 * optionally shapedirs and posedirs) or SMPL's .pkl, whose objects are never built. The first 22
 * joints must be SMPL's tree. Errors: VMG_E_IO, VMG_E_FORMAT, VMG_E_UNSUPPORTED, VMG_E_NOMEM; messages
 * start with the path.
 */
int vmg_body_model_read(const char *path, vmg_body_model *out);
void vmg_body_model_free(vmg_body_model *m);

/* Set the body's shape: betas[0..n) of the first n shape directions, the others 0. */
void vmg_body_model_shape(vmg_body_model *m, const float *betas, int64_t n);

/* Bones between its rest joints; offset[0] is 0. */
void vmg_body_model_offsets(const vmg_body_model *m, double offset[VMG_N_JOINTS][3]);

/*
 * The mesh in one pose: local rotations (22,9) and joint positions (22,3) in, vertices and normals
 * (V,3) out. Vertices are rest vertices, corrected for the pose, moved by linear blend skinning:
 *     v' = sum_j w_j (G_j (v - rest_j) + p_j)
 * so that joints that disagree with the model's bones still carry their part of the mesh. scratch:
 * (V,3) doubles. normal may be NULL.
 */
void vmg_body_model_pose(const vmg_body_model *m, const double *rot, const double *joints,
                         double *scratch, float *vertex, float *normal);

#endif
