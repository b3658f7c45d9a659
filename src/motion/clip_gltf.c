/* Clips in glTF files: the animated skeleton as a BVH one, which src/motion/retarget.h understands. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/gltf.h"
#include "src/motion/clip_formats.h"
#include "src/motion/retarget.h"
#include "src/motion/rotation.h"

enum { MAX_FRAMES = 1 << 20, MAX_VALUES = 64 << 20, CHANNELS = 6 };

static const int channel_axes[3] = {2, 1, 0};

/* One skeleton being sampled. */
typedef struct sampling {
    const vmg_gltf *g;
    const vmg_gltf_track **track; /* (n_nodes,2): translation and rotation, NULL without */
    double *bind;                 /* (n_nodes,9): rotations when the mesh was bound */
    double *scale;                /* (n_nodes,3): of the frame in which children's translations are */
    double *G, *p;                /* one frame: global rotations, positions */
    double fps;
    int64_t T;
} sampling;

static void quaternion_matrix(const double q[4], double R[9])
{
    vmg_rot_from_quat((double[4]){q[3], q[0], q[1], q[2]}, R);
}

/* Rotation part of a bind matrix (row-major), without its scale. */
static void bind_rotation(const double m[16], double R[9])
{
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++)
            R[3 * r + c] = m[4 * r + c];
    vmg_rot_orthonormalise(R);
}

/* Bind rotations: the skin's; elsewhere the node's own on top of its parent's. Scales of ancestors
 * are multiplied axis by axis, which is exact where they are uniform. */
static void rest(sampling *s)
{
    bool inside[VMG_GLTF_MAX_NODES], skinned = false; /* on or below a skin's joint */
    for (int i = 0; i < s->g->n_nodes; i++)
        skinned |= s->g->node[i].bound;
    for (int i = 0; i < s->g->n_nodes; i++) {
        const vmg_gltf_node *n = &s->g->node[i];
        double R[9];
        quaternion_matrix(n->rotation, R);
        for (int c = 0; c < 3; c++)
            s->scale[3 * i + c] = n->scale[c] * (n->parent >= 0 ? s->scale[3 * n->parent + c] : 1);
        inside[i] = n->bound || (n->parent >= 0 && inside[n->parent]);
        if (n->bound)
            bind_rotation(n->bind, s->bind + 9 * i);
        else if (skinned && !inside[i]) /* above the skeleton: the rest pose is the mesh's */
            memcpy(s->bind + 9 * i, vmg_rot_identity, sizeof R);
        else if (n->parent >= 0)
            vmg_rot_mul(s->bind + 9 * n->parent, R, s->bind + 9 * i);
        else
            memcpy(s->bind + 9 * i, R, sizeof R);
    }
}

static void local_pose(const sampling *s, int i, double time_s, double translation[3], double R[9])
{
    const vmg_gltf_node *n = &s->g->node[i];
    const vmg_gltf_track *const *track = s->track + 2 * i;
    double q[4];
    memcpy(translation, n->translation, 3 * sizeof *translation);
    memcpy(q, n->rotation, sizeof q);
    if (track[0])
        vmg_gltf_sample(track[0], time_s, translation);
    if (track[1])
        vmg_gltf_sample(track[1], time_s, q);
    quaternion_matrix(q, R);
    for (int c = 0; c < 3; c++)
        translation[c] *= n->parent >= 0 ? s->scale[3 * n->parent + c] : 1;
}

/* Frame t as channel values: with G the global rotations and B those of the bind pose, the joint of
 * the BVH turns by G B^T, so that all zero is the bind pose. */
static void sample_frame(const sampling *s, int64_t t, vmg_bvh *bvh)
{
    for (int i = 0; i < s->g->n_nodes; i++) {
        const int parent = s->g->node[i].parent;
        float *value = bvh->value + t * bvh->n_channels + bvh->joint[i + 1].first_channel;
        double translation[3], R[9], turned[9], above[9], local[9], v[3], angle[3], near[3];
        local_pose(s, i, (double)t / s->fps, translation, R);
        memcpy(above, vmg_rot_identity, sizeof above);
        if (parent >= 0) {
            vmg_rot_mul(s->G + 9 * parent, R, s->G + 9 * i);
            vmg_rot_mult(s->G + 9 * parent, s->bind + 9 * parent, above);
            vmg_rot_apply(s->bind + 9 * parent, translation, v);
        } else {
            memcpy(s->G + 9 * i, R, sizeof R);
            memcpy(v, translation, sizeof v);
        }
        vmg_rot_mult(s->G + 9 * i, s->bind + 9 * i, turned);
        vmg_rot_tmul(above, turned, local);
        for (int c = 0; c < 3; c++)
            near[c] = t ? (double)value[c + 3 - bvh->n_channels] * M_PI / 180 : 0;
        vmg_rot_to_euler(local, channel_axes, t ? near : NULL, angle);
        for (int c = 0; c < 3; c++) {
            value[c] = (float)v[c];
            value[3 + c] = (float)(angle[c] * 180 / M_PI);
        }
    }
}

/* Joint 0 stands for the world, joint i + 1 for node i. */
static int make_skeleton(const sampling *s, vmg_bvh *bvh)
{
    const int n = s->g->n_nodes + 1;
    bvh->joint = vmg_calloc((size_t)n, sizeof *bvh->joint);
    if (!bvh->joint)
        return VMG_E_NOMEM;
    bvh->n_joints = n;
    bvh->n_channels = (int64_t)CHANNELS * (n - 1);
    bvh->n_frames = s->T;
    bvh->frame_time_s = 1 / s->fps;
    for (int i = 0; i < n; i++) {
        vmg_bvh_joint *j = &bvh->joint[i];
        j->parent = i ? s->g->node[i - 1].parent + 1 : -1;
        j->name = vmg_strdup(i ? s->g->node[i - 1].name : "");
        if (!j->name)
            return VMG_E_NOMEM;
        if (!i)
            continue;
        static const uint8_t channel[CHANNELS] = {VMG_BVH_XPOS, VMG_BVH_YPOS, VMG_BVH_ZPOS,
                                                  VMG_BVH_ZROT, VMG_BVH_YROT, VMG_BVH_XROT};
        const vmg_gltf_node *node = &s->g->node[i - 1];
        double v[3];
        memcpy(j->channel, channel, sizeof channel);
        j->n_channels = CHANNELS;
        j->first_channel = (int64_t)CHANNELS * (i - 1);
        for (int c = 0; c < 3; c++)
            v[c] = node->translation[c] * (node->parent >= 0 ? s->scale[3 * node->parent + c] : 1);
        if (node->parent >= 0)
            vmg_rot_apply(s->bind + 9 * node->parent, v, v);
        memcpy(j->offset, v, sizeof v);
    }
    return VMG_OK;
}

/* Frame rate and number of frames: those of the densest track where its keys are even, else the
 * caller's or 30 a second. */
static int choose_rate(sampling *s, double given_fps)
{
    const vmg_gltf_track *dense = NULL;
    double end = 0;
    for (int i = 0; i < s->g->n_tracks; i++) {
        const vmg_gltf_track *t = &s->g->track[i];
        end = fmax(end, t->time_s[t->n_keys - 1]);
        if (!dense || t->n_keys > dense->n_keys)
            dense = t;
    }
    if (!dense)
        return vmg_fail(VMG_E_FORMAT, "it has no animation that moves nodes");
    s->fps = given_fps > 0 ? given_fps : 30;
    if (dense->n_keys > 2) {
        const int64_t last = dense->n_keys - 1;
        const double step = ((double)dense->time_s[last] - dense->time_s[0]) / (double)last;
        const double fps = 1 / step, whole = nearbyint(fps);
        bool even = fps <= 1000;
        for (int64_t i = 0; i <= last && even; i++)
            even = fabs(dense->time_s[i] - dense->time_s[0] - (double)i * step) < 0.02 * step;
        if (even)
            s->fps = fabs(fps - whole) < 0.01 && whole > 0 ? whole : fps;
    }
    const double frames = floor(end * s->fps + 1e-3) + 1;
    if (!(frames <= MAX_FRAMES) || frames * CHANNELS * s->g->n_nodes > MAX_VALUES)
        return vmg_fail(VMG_E_FORMAT, "its animation of %g s has too many frames", end);
    s->T = (int64_t)frames;
    return VMG_OK;
}

static int sample(const vmg_gltf *g, double fps, vmg_bvh *bvh)
{
    sampling s = {.g = g};
    const size_t n = (size_t)g->n_nodes;
    *bvh = (vmg_bvh){0};
    int rc = choose_rate(&s, fps);
    if (rc)
        return rc;
    s.track = vmg_calloc(n, 2 * sizeof *s.track);
    s.bind = vmg_calloc(n, (9 + 3 + 9) * sizeof *s.bind);
    rc = s.track && s.bind ? VMG_OK : VMG_E_NOMEM;
    if (!rc) {
        s.scale = s.bind + 9 * n;
        s.G = s.scale + 3 * n;
        for (int i = 0; i < g->n_tracks; i++)
            s.track[2 * g->track[i].node + (g->track[i].path == VMG_GLTF_ROTATION)] = &g->track[i];
        rest(&s);
        rc = make_skeleton(&s, bvh);
    }
    if (!rc && !(bvh->value = vmg_calloc((size_t)s.T, (size_t)bvh->n_channels * sizeof *bvh->value)))
        rc = VMG_E_NOMEM;
    for (int64_t t = 0; !rc && t < s.T; t++)
        sample_frame(&s, t, bvh);
    free(s.track);
    free(s.bind);
    return rc;
}

int vmg_clip_read_gltf(const char *path, const vmg_clip_read_options *o, vmg_clip *out)
{
    vmg_gltf g;
    vmg_bvh bvh = {0};
    vmg_poses p = {0};
    /* glTF is y up, whatever way the bind pose lies */
    const vmg_retarget_options options = {o->up_axis ? o->up_axis : 1, o->unit_m, o->keep_bones,
                                          o->map_path};
    int rc = vmg_gltf_read(path, &g);
    if (rc)
        return rc;
    rc = sample(&g, o->fps, &bvh);
    if (!rc)
        rc = vmg_retarget_bvh(&bvh, &options, &p, NULL);
    if (!rc)
        rc = vmg_clip_place(&p, 1 / bvh.frame_time_s, o->canonical, out);
    out->format = "glTF";
    vmg_poses_free(&p);
    vmg_bvh_free(&bvh);
    vmg_gltf_free(&g);
    return rc;
}
