/* Reading glTF 2.0 (.glb, .gltf): nodes, the pose they were bound in, and one animation's tracks. */
#ifndef VMG_SRC_FORMAT_GLTF_H
#define VMG_SRC_FORMAT_GLTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/base/status.h"

/* What a file may hold at most; honest ones stay far below. */
enum { VMG_GLTF_MAX_NODES = 4096, VMG_GLTF_MAX_NAME = 255, VMG_GLTF_MAX_BYTES = 1 << 30 };

/* Metres, y up; quaternions are (x,y,z,w). */
typedef struct vmg_gltf_node {
    char *name; /* "" where it has none */
    int parent; /* -1: of a scene; parents come before children */
    double translation[3], rotation[4], scale[3];
    bool bound;      /* a skin's joint: */
    double bind[16]; /* its place when the mesh was bound, in the mesh's frame; row-major */
} vmg_gltf_node;

enum vmg_gltf_path { VMG_GLTF_TRANSLATION, VMG_GLTF_ROTATION };
enum vmg_gltf_interpolation { VMG_GLTF_STEP, VMG_GLTF_LINEAR, VMG_GLTF_CUBIC };

/* Key frames of one node. With cubic interpolation a key has an in-tangent, a value and an
 * out-tangent. */
typedef struct vmg_gltf_track {
    int node;
    enum vmg_gltf_path path;
    enum vmg_gltf_interpolation interpolation;
    int64_t n_keys;
    float *time_s; /* increasing, not negative */
    float *value;  /* (n_keys, 3 when cubic, 3 or 4) */
} vmg_gltf_track;

typedef struct vmg_gltf {
    vmg_gltf_node *node;
    int n_nodes;
    vmg_gltf_track *track; /* of the first animation; scales and morphs are left out */
    int n_tracks;
    int n_animations;
} vmg_gltf;

/*
 * Read a file; a .gltf's buffers are data: URIs or files beside it. Refused, with what is wrong:
 * anything malformed, accessors beyond their buffers, sparse accessors of tracks, a cycle or two
 * parents among nodes, key times that do not increase, numbers that are not finite, more nodes or
 * bytes than above. Errors: VMG_E_IO, VMG_E_FORMAT, VMG_E_UNSUPPORTED, VMG_E_NOMEM; *out is then
 * empty.
 */
int vmg_gltf_read(const char *path, vmg_gltf *out);

/* The same from memory (either form, by its first bytes); buffers in other files are looked for in
 * `dir` (NULL: refused). */
int vmg_gltf_parse(const void *data, size_t size, const char *dir, vmg_gltf *out);

void vmg_gltf_free(vmg_gltf *g);

/* The track's value at a time: held before the first and after the last key. out: 3 numbers, or a
 * unit quaternion. */
void vmg_gltf_sample(const vmg_gltf_track *track, double time_s, double *out);

#endif
