/* Buffers and accessors of a glTF file; for src/format/gltf*.c only. */
#ifndef VMG_SRC_FORMAT_GLTF_ACCESS_H
#define VMG_SRC_FORMAT_GLTF_ACCESS_H

#include <cjson/cJSON.h>

#include "src/format/gltf.h"

enum { VMG_GLTF_MAX_BUFFERS = 256 };

typedef struct vmg_gltf_buffer {
    const uint8_t *data;
    size_t size;
    char *owned; /* freed with it */
} vmg_gltf_buffer;

/* A file's JSON and buffers. */
typedef struct vmg_gltf_file {
    cJSON *root;
    vmg_gltf_buffer buffer[VMG_GLTF_MAX_BUFFERS];
    int n_buffers;
} vmg_gltf_file;

/* Parse the container and the JSON, and get hold of every buffer. `data` must outlive it. */
int vmg_gltf_open(const void *data, size_t size, const char *dir, vmg_gltf_file *out);
void vmg_gltf_close(vmg_gltf_file *f);

/* Element i of a top-level array; NULL when it is not there or not an object. */
const cJSON *vmg_gltf_item(const vmg_gltf_file *f, const char *array, int i);
int vmg_gltf_count(const vmg_gltf_file *f, const char *array);

/* A whole number of an object, in [0, 2^31): -1 when absent, -2 when it is anything else. */
int vmg_gltf_index(const cJSON *o, const char *name);

/*
 * An accessor's elements as floats (normalised integers as glTF defines them), fresh *out
 * (count,n_components), which the accessor must have; `what` is for messages. Errors: VMG_E_FORMAT,
 * VMG_E_UNSUPPORTED (sparse), VMG_E_NOMEM.
 */
int vmg_gltf_floats(const vmg_gltf_file *f, int accessor, int n_components, const char *what,
                    float **out, int64_t *count);

#endif
