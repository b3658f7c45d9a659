/* Takes glTF's containers, buffers and accessors apart, trusting none of their sizes. */
#include "src/format/gltf_access.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/bytes.h"

/* Component types by glTF's numbers. */
static const struct {
    int type, bytes;
    bool is_signed;
    double scale; /* of normalised integers; 0 = float */
} components[] = {{5120, 1, true, 127},    {5121, 1, false, 255}, {5122, 2, true, 32767},
                  {5123, 2, false, 65535}, {5126, 4, true, 0}};

static const struct {
    const char *name;
    int n;
} shapes[] = {{"SCALAR", 1}, {"VEC2", 2}, {"VEC3", 3}, {"VEC4", 4}, {"MAT4", 16}};

/* ---- JSON ---- */

const cJSON *vmg_gltf_item(const vmg_gltf_file *f, const char *array, int i)
{
    const cJSON *a = cJSON_GetObjectItemCaseSensitive(f->root, array);
    const cJSON *o = cJSON_IsArray(a) && i >= 0 ? cJSON_GetArrayItem(a, i) : NULL;
    return cJSON_IsObject(o) ? o : NULL;
}

int vmg_gltf_count(const vmg_gltf_file *f, const char *array)
{
    const cJSON *a = cJSON_GetObjectItemCaseSensitive(f->root, array);
    return cJSON_IsArray(a) ? cJSON_GetArraySize(a) : 0;
}

int vmg_gltf_index(const cJSON *o, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
    if (!v)
        return -1;
    const double x = cJSON_IsNumber(v) ? v->valuedouble : -1;
    return x >= 0 && x < 2147483648.0 && x == floor(x) ? (int)x : -2;
}

/* ---- buffers ---- */

static int digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+' || c == '-' ? 62
           : c == '/' || c == '_' ? 63
                                  : -1;
}

static int decode_base64(const char *text, vmg_gltf_buffer *b)
{
    uint32_t bits = 0;
    int n_bits = 0;
    char *out = b->owned = vmg_calloc(strlen(text) / 4 + 1, 3);
    if (!out)
        return VMG_E_NOMEM;
    for (; *text && *text != '='; text++) {
        const int d = digit(*text);
        if (d < 0)
            return vmg_fail(VMG_E_FORMAT, "a data: URI holds what is not base64");
        bits = bits << 6 | (uint32_t)d;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            *out++ = (char)(bits >> n_bits & 255);
        }
    }
    b->data = (const uint8_t *)b->owned;
    b->size = (size_t)(out - b->owned);
    return VMG_OK;
}

static int load_uri(const char *uri, const char *dir, vmg_gltf_buffer *b)
{
    const char *comma = strchr(uri, ',');
    if (!strncmp(uri, "data:", 5)) {
        if (!comma || comma - uri < 7 || strncmp(comma - 7, ";base64", 7))
            return vmg_fail(VMG_E_FORMAT, "a data: URI is not in base64");
        return decode_base64(comma + 1, b);
    }
    /* only files beside it: no other folder, no other protocol */
    if (!dir || !*uri || strchr(uri, '/') || strchr(uri, '\\') || strchr(uri, ':') ||
        !strcmp(uri, ".."))
        return vmg_fail(VMG_E_UNSUPPORTED, "its buffer \"%.80s\" is not a file beside it", uri);
    char *path = vmg_path_join(dir, uri);
    int rc = path ? vmg_read_file(path, VMG_GLTF_MAX_BYTES, &b->owned, &b->size) : VMG_E_NOMEM;
    b->data = (const uint8_t *)b->owned;
    free(path);
    return rc;
}

/* Every buffer of the JSON; the first one without a URI is the binary chunk. */
static int load_buffers(vmg_gltf_file *f, const uint8_t *bin, size_t bin_size, const char *dir)
{
    const int n = vmg_gltf_count(f, "buffers");
    if (n > VMG_GLTF_MAX_BUFFERS)
        return vmg_fail(VMG_E_FORMAT, "it has %d buffers, more than %d", n, VMG_GLTF_MAX_BUFFERS);
    for (int i = 0; i < n; i++) {
        vmg_gltf_buffer *b = &f->buffer[f->n_buffers++];
        const cJSON *o = vmg_gltf_item(f, "buffers", i);
        const cJSON *uri = cJSON_GetObjectItemCaseSensitive(o, "uri");
        int rc = VMG_OK;
        if (cJSON_IsString(uri))
            rc = load_uri(uri->valuestring, dir, b);
        else if (i == 0 && bin)
            *b = (vmg_gltf_buffer){.data = bin, .size = bin_size};
        else
            rc = vmg_fail(VMG_E_FORMAT, "buffer %d has neither a uri nor a binary chunk", i);
        if (rc)
            return rc;
        const int stated = vmg_gltf_index(o, "byteLength");
        if (stated < 0 || (size_t)stated > b->size)
            return vmg_fail(VMG_E_FORMAT, "buffer %d should have %d bytes and has %zu", i, stated,
                            b->size);
        b->size = (size_t)stated;
    }
    return VMG_OK;
}

/* The chunks of a .glb: JSON, then binary, others skipped. */
static int find_chunks(const uint8_t *data, size_t size, const char **json, size_t *json_size,
                       const uint8_t **bin, size_t *bin_size)
{
    vmg_cursor c = {data, 0, size};
    uint64_t version, total, n = 0, type = 0;
    vmg_cursor_take(&c, 4);
    if (!vmg_cursor_le(&c, 4, &version) || !vmg_cursor_le(&c, 4, &total) || total > size ||
        total < c.at)
        return vmg_fail(VMG_E_FORMAT, "the .glb says another length than its %zu bytes", size);
    if (version != 2)
        return vmg_fail(VMG_E_UNSUPPORTED, "glTF of version %d is not read, only 2", (int)version);
    c.size = (size_t)total;
    while (vmg_cursor_left(&c) >= 8) {
        vmg_cursor_le(&c, 4, &n);
        vmg_cursor_le(&c, 4, &type);
        const uint8_t *chunk = vmg_cursor_take(&c, n);
        if (!chunk)
            return vmg_fail(VMG_E_FORMAT, "a chunk of the .glb reaches beyond its end");
        if (type == 0x4e4f534a && !*json) {
            *json = (const char *)chunk;
            *json_size = (size_t)n;
        } else if (type == 0x004e4942 && !*bin) {
            *bin = chunk;
            *bin_size = (size_t)n;
        }
    }
    return *json ? VMG_OK : vmg_fail(VMG_E_FORMAT, "the .glb has no JSON chunk");
}

int vmg_gltf_open(const void *data, size_t size, const char *dir, vmg_gltf_file *out)
{
    const char *json = NULL;
    const uint8_t *bin = NULL;
    size_t json_size = 0, bin_size = 0;
    int rc = VMG_OK;
    *out = (vmg_gltf_file){0};
    if (size >= 4 && !memcmp(data, "glTF", 4)) {
        rc = find_chunks(data, size, &json, &json_size, &bin, &bin_size);
    } else {
        json = data;
        json_size = size;
    }
    if (rc)
        return rc;
    out->root = cJSON_ParseWithLength(json, json_size);
    const cJSON *asset = cJSON_GetObjectItemCaseSensitive(out->root, "asset");
    if (!cJSON_IsObject(asset))
        rc = vmg_fail(VMG_E_FORMAT, "it is not glTF: its JSON has no asset");
    if (!rc)
        rc = load_buffers(out, bin, bin_size, dir);
    if (rc)
        vmg_gltf_close(out);
    return rc;
}

void vmg_gltf_close(vmg_gltf_file *f)
{
    cJSON_Delete(f->root);
    for (int i = 0; i < f->n_buffers; i++)
        free(f->buffer[i].owned);
    *f = (vmg_gltf_file){0};
}

/* ---- accessors ---- */

/* Where elements lie, all of them inside the buffer. */
typedef struct span {
    const uint8_t *data;
    size_t stride;
    int64_t count;
    int component; /* in components[] */
} span;

static int find_span(const vmg_gltf_file *f, int accessor, int n_components, const char *what,
                     span *s)
{
    const cJSON *a = vmg_gltf_item(f, "accessors", accessor);
    const cJSON *v = vmg_gltf_item(f, "bufferViews", vmg_gltf_index(a, "bufferView"));
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(a, "type");
    if (cJSON_GetObjectItemCaseSensitive(a, "sparse"))
        return vmg_fail(VMG_E_UNSUPPORTED, "%s: sparse accessors are not read", what);
    const int count = vmg_gltf_index(a, "count"), buffer = vmg_gltf_index(v, "buffer");
    if (!a || !v || count < 0 || buffer < 0 || buffer >= f->n_buffers || !cJSON_IsString(type))
        return vmg_fail(VMG_E_FORMAT, "%s: accessor %d or its buffer view is not there", what,
                        accessor);
    int n = 0;
    for (size_t i = 0; i < VMG_COUNT(shapes); i++)
        n = !strcmp(type->valuestring, shapes[i].name) ? shapes[i].n : n;
    s->component = -1;
    for (size_t i = 0; i < VMG_COUNT(components); i++)
        if (vmg_gltf_index(a, "componentType") == components[i].type)
            s->component = (int)i;
    if (n != n_components || s->component < 0)
        return vmg_fail(VMG_E_FORMAT, "%s: accessor %d holds %.20s of type %d, expected %d numbers",
                        what, accessor, type->valuestring, vmg_gltf_index(a, "componentType"),
                        n_components);
    const int offsets[2] = {vmg_gltf_index(v, "byteOffset"), vmg_gltf_index(a, "byteOffset")};
    const int stride = vmg_gltf_index(v, "byteStride"), length = vmg_gltf_index(v, "byteLength");
    const size_t element = (size_t)components[s->component].bytes * (size_t)n;
    const size_t start = (size_t)VMG_MAX(offsets[0], 0), inside = (size_t)VMG_MAX(offsets[1], 0);
    s->stride = stride > 0 ? (size_t)stride : element;
    s->count = count;
    /* all below 2^31, so products fit into 64 bits */
    const size_t size = f->buffer[buffer].size;
    if (offsets[0] == -2 || offsets[1] == -2 || stride == -2 || length < 0 || s->stride > 4096 ||
        start > size || (size_t)length > size - start ||
        (count > 0 && inside + s->stride * (size_t)(count - 1) + element > (size_t)length))
        return vmg_fail(VMG_E_FORMAT, "%s: accessor %d reaches beyond its buffer", what, accessor);
    s->data = f->buffer[buffer].data + start + inside;
    return VMG_OK;
}

static float component(const uint8_t *p, int kind)
{
    const uint64_t raw = vmg_le_load(p, components[kind].bytes);
    if (components[kind].scale == 0) {
        const uint32_t bits = (uint32_t)raw;
        float v;
        memcpy(&v, &bits, sizeof v);
        return v;
    }
    const int shift = 64 - 8 * components[kind].bytes;
    const double v = components[kind].is_signed ? (double)((int64_t)(raw << shift) >> shift) : (double)raw;
    return (float)fmax(v / components[kind].scale, -1);
}

int vmg_gltf_floats(const vmg_gltf_file *f, int accessor, int n_components, const char *what,
                    float **out, int64_t *count)
{
    span s = {0};
    *out = NULL;
    *count = 0;
    int rc = find_span(f, accessor, n_components, what, &s);
    if (rc)
        return rc;
    float *v = vmg_calloc((size_t)s.count, (size_t)n_components * sizeof *v);
    if (!v)
        return VMG_E_NOMEM;
    const int bytes = components[s.component].bytes;
    for (int64_t i = 0; i < s.count * n_components; i++) {
        const uint8_t *p = s.data + s.stride * (size_t)(i / n_components) + (size_t)(i % n_components * bytes);
        v[i] = component(p, s.component);
        if (!isfinite(v[i])) {
            free(v);
            return vmg_fail(VMG_E_FORMAT, "%s: accessor %d holds a number that is not finite", what,
                            accessor);
        }
    }
    *out = v;
    *count = s.count;
    return VMG_OK;
}
