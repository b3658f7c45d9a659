/* Clips in binary glTF: a skinned body, of capsules or a body model, and one animation. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/status.h"
#include "src/format/glb.h"
#include "src/motion/body_model.h"
#include "src/motion/canonical.h"
#include "src/motion/capsules.h"
#include "src/motion/clip_formats.h"
#include "src/motion/rotation.h"

/* glTF's quaternion (x,y,z,w) of a rotation, with the sign closest to the previous one. */
static void quaternion(const double R[9], const float *previous, float q[4])
{
    double w[4], dot = 0;
    vmg_rot_to_quat(R, w);
    const double v[4] = {w[1], w[2], w[3], w[0]};
    for (int i = 0; i < 4; i++)
        dot += previous ? previous[i] * v[i] : 1;
    for (int i = 0; i < 4; i++)
        q[i] = (float)(previous && dot < 0 ? -v[i] : v[i]);
}

static cJSON *append(cJSON *parent, const char *name)
{
    cJSON *array = cJSON_GetObjectItemCaseSensitive(parent, name), *o = cJSON_CreateObject();
    array = array ? array : cJSON_AddArrayToObject(parent, name);
    cJSON_AddItemToArray(array, o);
    return o;
}

/* Nodes 0..21 are the joints in the pose of frame 0, node 22 the mesh. */
static void add_nodes(vmg_glb *g, const vmg_poses *p, const double offset[][3])
{
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        cJSON *node = append(g->root, "nodes"), *children = NULL;
        float q[4];
        double rotation[4];
        quaternion(vmg_poses_rot(p, 0, j), NULL, q);
        for (int i = 0; i < 4; i++)
            rotation[i] = q[i];
        cJSON_AddStringToObject(node, "name", vmg_joint_name[j]);
        cJSON_AddItemToObject(node, "translation",
                              vmg_glb_numbers(j ? offset[j] : vmg_poses_joint(p, 0, 0), 3));
        cJSON_AddItemToObject(node, "rotation", vmg_glb_numbers(rotation, 4));
        for (int k = j + 1; k < VMG_N_JOINTS; k++)
            if (vmg_joint_parent[k] == j) {
                children = children ? children : cJSON_AddArrayToObject(node, "children");
                cJSON_AddItemToArray(children, cJSON_CreateNumber(k));
            }
    }
    cJSON *body = append(g->root, "nodes"), *scene = append(g->root, "scenes");
    cJSON_AddStringToObject(body, "name", "body");
    cJSON_AddNumberToObject(body, "mesh", 0);
    cJSON_AddNumberToObject(body, "skin", 0);
    const double roots[2] = {0, VMG_N_JOINTS};
    cJSON_AddItemToObject(scene, "nodes", vmg_glb_numbers(roots, 2));
    cJSON_AddNumberToObject(g->root, "scene", 0);
}

/* Joints, and the matrices that take the rest pose (pelvis at the origin) into each joint's
 * frame. */
static void add_skin(vmg_glb *g, const double offset[][3])
{
    float inverse_bind[VMG_N_JOINTS][16] = {{0}};
    double origin[VMG_N_JOINTS][3] = {{0}}, joints[VMG_N_JOINTS];
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        joints[j] = j;
        for (int i = 0; i < 4; i++)
            inverse_bind[j][5 * i] = 1;
        for (int c = 0; c < 3; c++) {
            origin[j][c] = j ? origin[vmg_joint_parent[j]][c] + offset[j][c] : 0;
            inverse_bind[j][12 + c] = (float)-origin[j][c]; /* column-major */
        }
    }
    cJSON *skin = append(g->root, "skins");
    cJSON_AddNumberToObject(
        skin, "inverseBindMatrices",
        vmg_glb_accessor(g, inverse_bind, VMG_N_JOINTS, VMG_GLB_F32, 16, VMG_GLB_NO_TARGET, false));
    cJSON_AddNumberToObject(skin, "skeleton", 0);
    cJSON_AddItemToObject(skin, "joints", vmg_glb_numbers(joints, VMG_N_JOINTS));
}

/* A mesh in the rest pose with the pelvis at the origin; each vertex moves with up to four joints. */
typedef struct skinned {
    float *position, *normal, *weight; /* (V,3), (V,3), (V,4) */
    uint8_t *joint;                    /* (V,4) */
    uint32_t *index;
    int64_t n_vertices, n_triangles;
} skinned;

static void free_skinned(skinned *m)
{
    free(m->position);
    free(m->normal);
    free(m->weight);
    free(m->joint);
    free(m->index);
}

static int capsule_body(const double offset[][3], skinned *out)
{
    vmg_capsule_mesh m;
    int rc = vmg_capsules_mesh(offset, &m);
    if (rc)
        return rc;
    *out = (skinned){m.position, m.normal, vmg_calloc((size_t)m.n_vertices, 4 * sizeof(float)),
                     vmg_calloc((size_t)m.n_vertices, 4), m.index, m.n_vertices, m.n_triangles};
    for (int64_t i = 0; out->weight && out->joint && i < m.n_vertices; i++) {
        out->joint[4 * i] = m.joint[i];
        out->weight[4 * i] = 1;
    }
    free(m.joint);
    return out->weight && out->joint ? VMG_OK : VMG_E_NOMEM;
}

/* The four largest of a vertex' weights, made to sum 1. */
static void strongest(const float *w, uint8_t joint[4], float weight[4])
{
    float left[VMG_N_JOINTS], sum = 0;
    memcpy(left, w, sizeof left);
    for (int k = 0; k < 4; k++) {
        int best = 0;
        for (int j = 1; j < VMG_N_JOINTS; j++)
            best = left[j] > left[best] ? j : best;
        joint[k] = left[best] > 0 ? (uint8_t)best : 0;
        weight[k] = fmaxf(left[best], 0);
        sum += weight[k];
        left[best] = 0;
    }
    for (int k = 0; k < 4; k++)
        weight[k] /= sum;
}

/* The model's mesh in its rest pose. */
static int model_body(const vmg_body_model *model, skinned *out)
{
    const int64_t V = model->n_vertices, F = model->n_triangles;
    double rot[9 * VMG_N_JOINTS], joints[VMG_N_JOINTS][3];
    *out = (skinned){vmg_calloc((size_t)V, 3 * sizeof(float)), vmg_calloc((size_t)V, 3 * sizeof(float)),
                     vmg_calloc((size_t)V, 4 * sizeof(float)), vmg_calloc((size_t)V, 4),
                     vmg_calloc((size_t)F, 3 * sizeof(uint32_t)), V, F};
    double *scratch = vmg_calloc((size_t)V, 3 * sizeof *scratch);
    int rc = out->position && out->normal && out->weight && out->joint && out->index && scratch
                 ? VMG_OK
                 : VMG_E_NOMEM;
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        memcpy(rot + 9 * j, vmg_rot_identity, 9 * sizeof *rot);
        for (int c = 0; c < 3; c++)
            joints[j][c] = model->joint[j][c] - model->joint[VMG_PELVIS][c];
    }
    if (!rc) {
        vmg_body_model_pose(model, rot, joints[0], scratch, out->position, out->normal);
        memcpy(out->index, model->face, (size_t)F * 3 * sizeof *out->index);
    }
    for (int64_t v = 0; !rc && v < V; v++)
        strongest(model->weight + v * VMG_N_JOINTS, out->joint + 4 * v, out->weight + 4 * v);
    free(scratch);
    return rc;
}

static int add_mesh(vmg_glb *g, const double offset[][3], const vmg_body_model *model)
{
    skinned m = {0};
    int rc = model ? model_body(model, &m) : capsule_body(offset, &m);
    if (!rc) {
        cJSON *primitive = append(append(g->root, "meshes"), "primitives");
        cJSON *attributes = cJSON_AddObjectToObject(primitive, "attributes");
        const struct {
            const char *name;
            const void *data;
            int type, n;
            bool bounds;
        } a[] = {{"POSITION", m.position, VMG_GLB_F32, 3, true},
                 {"NORMAL", m.normal, VMG_GLB_F32, 3, false},
                 {"JOINTS_0", m.joint, VMG_GLB_U8, 4, false},
                 {"WEIGHTS_0", m.weight, VMG_GLB_F32, 4, false}};
        for (size_t i = 0; i < VMG_COUNT(a); i++)
            cJSON_AddNumberToObject(attributes, a[i].name,
                                    vmg_glb_accessor(g, a[i].data, m.n_vertices, a[i].type, a[i].n,
                                                     VMG_GLB_VERTICES, a[i].bounds));
        cJSON_AddNumberToObject(primitive, "indices",
                                vmg_glb_accessor(g, m.index, 3 * m.n_triangles, VMG_GLB_U32, 1,
                                                 VMG_GLB_INDICES, false));
        cJSON_AddNumberToObject(primitive, "material", 0);
        cJSON *material = append(g->root, "materials");
        cJSON *pbr = cJSON_AddObjectToObject(material, "pbrMetallicRoughness");
        const double colour[4] = {0.35, 0.55, 0.8, 1};
        cJSON_AddItemToObject(pbr, "baseColorFactor", vmg_glb_numbers(colour, 4));
        cJSON_AddNumberToObject(pbr, "metallicFactor", 0);
        cJSON_AddNumberToObject(pbr, "roughnessFactor", 0.8);
    }
    free_skinned(&m);
    return rc;
}

/* Sampler and channel of one node's path. */
static void add_channel(vmg_glb *g, cJSON *animation, int times, const float *values, int64_t T,
                        int n, int node, const char *path)
{
    cJSON *sampler = append(animation, "samplers"), *channel = append(animation, "channels");
    cJSON_AddNumberToObject(sampler, "input", times);
    cJSON_AddStringToObject(sampler, "interpolation", "LINEAR");
    cJSON_AddNumberToObject(
        sampler, "output",
        vmg_glb_accessor(g, values, T, VMG_GLB_F32, n, VMG_GLB_NO_TARGET, false));
    int index = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(animation, "samplers")) - 1;
    cJSON_AddNumberToObject(channel, "sampler", index);
    cJSON *target = cJSON_AddObjectToObject(channel, "target");
    cJSON_AddNumberToObject(target, "node", node);
    cJSON_AddStringToObject(target, "path", path);
}

static int add_animation(vmg_glb *g, const vmg_poses *p, double fps)
{
    float *v = vmg_calloc((size_t)p->T, 4 * sizeof *v);
    if (!v)
        return VMG_E_NOMEM;
    cJSON *animation = append(g->root, "animations");
    cJSON_AddStringToObject(animation, "name", "motion");
    for (int64_t t = 0; t < p->T; t++)
        v[t] = (float)((double)t / fps);
    int times = vmg_glb_accessor(g, v, p->T, VMG_GLB_F32, 1, VMG_GLB_NO_TARGET, true);
    for (int64_t t = 0; t < p->T; t++)
        for (int c = 0; c < 3; c++)
            v[3 * t + c] = (float)vmg_poses_joint(p, t, VMG_PELVIS)[c];
    add_channel(g, animation, times, v, p->T, 3, VMG_PELVIS, "translation");
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        for (int64_t t = 0; t < p->T; t++)
            quaternion(vmg_poses_rot(p, t, j), t ? v + 4 * (t - 1) : NULL, v + 4 * t);
        add_channel(g, animation, times, v, p->T, 4, j, "rotation");
    }
    free(v);
    return VMG_OK;
}

int vmg_clip_write_glb(const char *path, const vmg_clip *clip, const vmg_clip_write_options *o)
{
    vmg_poses p;
    vmg_glb g;
    double offset[VMG_N_JOINTS][3], bind[VMG_N_JOINTS][3];
    int rc = vmg_clip_poses(clip, false, &p);
    if (rc)
        return rc;
    vmg_poses_offsets(&p, offset);
    memcpy(bind, offset, sizeof bind);
    if (o->body_model)
        vmg_body_model_offsets(o->body_model, bind);
    /* glTF is y up, in metres */
    vmg_poses_rotate(&p, vmg_axes_z_up_to_y_up, vmg_rest_joint[VMG_PELVIS]);
    vmg_glb_init(&g);
    add_nodes(&g, &p, (const double(*)[3])offset);
    add_skin(&g, (const double(*)[3])bind);
    rc = add_mesh(&g, (const double(*)[3])offset, o->body_model);
    if (!rc)
        rc = add_animation(&g, &p, clip->fps);
    if (!rc)
        rc = vmg_glb_write(&g, path);
    vmg_glb_free(&g);
    vmg_poses_free(&p);
    return rc;
}
