/* Builds and writes binary glTF 2.0 files. */
#include "src/format/glb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "src/format/bytes.h"

static cJSON *array_of(vmg_glb *g, const char *name)
{
    cJSON *a = cJSON_GetObjectItemCaseSensitive(g->root, name);
    return a ? a : cJSON_AddArrayToObject(g->root, name);
}

void vmg_glb_init(vmg_glb *g)
{
    *g = (vmg_glb){.root = cJSON_CreateObject()};
    cJSON *asset = cJSON_AddObjectToObject(g->root, "asset");
    cJSON_AddStringToObject(asset, "version", "2.0");
    cJSON_AddStringToObject(asset, "generator", "vimogen-cl");
    g->failed = !asset || !array_of(g, "bufferViews") || !array_of(g, "accessors");
}

void vmg_glb_free(vmg_glb *g)
{
    cJSON_Delete(g->root);
    vmg_buf_free(&g->bin);
    *g = (vmg_glb){0};
}

cJSON *vmg_glb_numbers(const double *v, int n)
{
    return cJSON_CreateDoubleArray(v, n);
}

static void add_bounds(cJSON *accessor, const float *data, int64_t count, int n)
{
    double low[16], high[16];
    for (int c = 0; c < n; c++) {
        low[c] = high[c] = data[c];
        for (int64_t i = 1; i < count; i++) {
            low[c] = fmin(low[c], data[i * n + c]);
            high[c] = fmax(high[c], data[i * n + c]);
        }
    }
    cJSON_AddItemToObject(accessor, "min", vmg_glb_numbers(low, n));
    cJSON_AddItemToObject(accessor, "max", vmg_glb_numbers(high, n));
}

int vmg_glb_accessor(vmg_glb *g, const void *data, int64_t count, int component_type,
                     int n_components, int target, bool bounds)
{
    static const struct {
        int n;
        const char *name;
    } shapes[] = {{1, "SCALAR"}, {2, "VEC2"}, {3, "VEC3"}, {4, "VEC4"}, {16, "MAT4"}};
    const char *shape = "SCALAR";
    size_t size = component_type == VMG_GLB_U8 ? 1 : component_type == VMG_GLB_U16 ? 2 : 4;
    size_t bytes = (size_t)count * (size_t)n_components * size;
    cJSON *views = array_of(g, "bufferViews"), *accessors = array_of(g, "accessors");
    cJSON *view = cJSON_CreateObject(), *accessor = cJSON_CreateObject();
    for (size_t i = 0; i < VMG_COUNT(shapes); i++)
        shape = shapes[i].n == n_components ? shapes[i].name : shape;
    while (g->bin.len % 4)
        vmg_buf_append(&g->bin, "", 1);
    cJSON_AddNumberToObject(view, "buffer", 0);
    cJSON_AddNumberToObject(view, "byteOffset", (double)g->bin.len);
    cJSON_AddNumberToObject(view, "byteLength", (double)bytes);
    if (target)
        cJSON_AddNumberToObject(view, "target", target);
    vmg_buf_append(&g->bin, data, bytes);
    cJSON_AddNumberToObject(accessor, "bufferView", cJSON_GetArraySize(views));
    cJSON_AddNumberToObject(accessor, "componentType", component_type);
    cJSON_AddNumberToObject(accessor, "count", (double)count);
    cJSON_AddStringToObject(accessor, "type", shape);
    if (bounds && count > 0)
        add_bounds(accessor, data, count, n_components);
    int index = cJSON_GetArraySize(accessors);
    g->failed = !cJSON_AddItemToArray(views, view) || !cJSON_AddItemToArray(accessors, accessor) ||
                g->failed || g->bin.failed;
    return index;
}

static void append_u32(vmg_buf *b, size_t v)
{
    uint8_t bytes[4];
    vmg_le_store(bytes, v, 4);
    vmg_buf_append(b, bytes, 4);
}

/* A chunk: length, type, bytes padded to 4 with `pad`. */
static void append_chunk(vmg_buf *b, const char type[4], const char *data, size_t n, char pad)
{
    append_u32(b, (n + 3) / 4 * 4);
    vmg_buf_append(b, type, 4);
    vmg_buf_append(b, data, n);
    for (; n % 4; n++)
        vmg_buf_append(b, &pad, 1);
}

int vmg_glb_write(vmg_glb *g, const char *path)
{
    vmg_buf b = {0};
    char *json = NULL;
    int rc = VMG_OK;
    cJSON *buffers = array_of(g, "buffers"), *buffer = cJSON_CreateObject();
    cJSON_AddNumberToObject(buffer, "byteLength", (double)g->bin.len);
    cJSON_AddItemToArray(buffers, buffer);
    if (!g->failed)
        json = cJSON_PrintUnformatted(g->root);
    if (!json)
        return vmg_fail(VMG_E_NOMEM, "out of memory building %s", path);
    size_t n = strlen(json), total = 12 + 8 + (n + 3) / 4 * 4 + 8 + (g->bin.len + 3) / 4 * 4;
    if (total > UINT32_MAX)
        rc = vmg_fail(VMG_E_ARG, "%s would have %zu bytes, more than a .glb can", path, total);
    vmg_buf_append(&b, "glTF", 4);
    append_u32(&b, 2);
    append_u32(&b, total);
    append_chunk(&b, "JSON", json, n, ' ');
    append_chunk(&b, "BIN", g->bin.data, g->bin.len, 0);
    cJSON_free(json);
    if (!rc)
        rc = b.failed ? VMG_E_NOMEM : vmg_write_file(path, b.data, b.len);
    vmg_buf_free(&b);
    return rc;
}
