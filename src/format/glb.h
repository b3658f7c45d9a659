/* Building and writing binary glTF 2.0 files (.glb). */
#ifndef VMG_SRC_FORMAT_GLB_H
#define VMG_SRC_FORMAT_GLB_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "host/base/mem.h"

/* Component types and buffer targets, by glTF's numbers. */
enum { VMG_GLB_U8 = 5121, VMG_GLB_U16 = 5123, VMG_GLB_U32 = 5125, VMG_GLB_F32 = 5126 };
enum { VMG_GLB_NO_TARGET = 0, VMG_GLB_VERTICES = 34962, VMG_GLB_INDICES = 34963 };

/* A file being built. Start with vmg_glb_init; add what belongs under `root` with cJSON; `bin`
 * grows by accessors. `failed` is sticky. */
typedef struct vmg_glb {
    cJSON *root;
    vmg_buf bin;
    bool failed;
} vmg_glb;

/* Sets asset, and empty bufferViews and accessors. */
void vmg_glb_init(vmg_glb *g);
void vmg_glb_free(vmg_glb *g);

/*
 * Append `count` elements of 1 to 16 components (SCALAR, VEC2, VEC3, VEC4, MAT4) with a buffer view
 * of its own and return the accessor's index. With `bounds`, min and max are stated (float only:
 * positions and key times must have them).
 */
int vmg_glb_accessor(vmg_glb *g, const void *data, int64_t count, int component_type,
                     int n_components, int target, bool bounds);

/* Write the file: header, JSON chunk, binary chunk. Errors: VMG_E_NOMEM, VMG_E_IO. */
int vmg_glb_write(vmg_glb *g, const char *path);

/* ---- small helpers for JSON ---- */
cJSON *vmg_glb_numbers(const double *v, int n);

#endif
