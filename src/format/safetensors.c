/* Reads safetensors files and the index of a sharded set. */
#include "src/format/safetensors.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/bytes.h"

/* A header takes about 100 bytes per tensor; parsing takes about 40 bytes of memory per byte. */
enum { MAX_HEADER_BYTES = 16 << 20 };

static const struct {
    const char *name;
    vmg_dtype dtype;
} types[] = {
    {"F32", VMG_F32}, {"F16", VMG_F16}, {"BF16", VMG_BF16}, {"F64", VMG_F64}, {"I64", VMG_I64},
    {"I32", VMG_I32}, {"I16", VMG_I16}, {"I8", VMG_I8},     {"U8", VMG_U8},   {"U16", VMG_U16},
    {"U32", VMG_U32}, {"U64", VMG_U64}, {"BOOL", VMG_BOOL},
};

const char *vmg_safetensors_dtype_name(vmg_dtype dtype)
{
    for (size_t i = 0; i < VMG_COUNT(types); i++)
        if (types[i].dtype == dtype)
            return types[i].name;
    return NULL;
}

bool vmg_safetensors_recognise(const uint8_t *data, size_t size)
{
    return size >= 9 && data[8] == '{' && vmg_le_load(data, 8) < (uint64_t)1 << 40;
}

/* A whole number that JSON's doubles hold exactly. */
static bool read_count(const cJSON *v, uint64_t *out)
{
    if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= 9007199254740992.0))
        return false;
    *out = (uint64_t)v->valuedouble;
    return (double)*out == v->valuedouble;
}

static int wrong(const char *name, const char *what)
{
    return vmg_fail(VMG_E_FORMAT, "tensor \"%s\" has no proper \"%s\" in the header", name, what);
}

static int read_dtype(const char *name, const cJSON *v, vmg_dtype *out)
{
    if (!cJSON_IsString(v))
        return wrong(name, "dtype");
    for (size_t i = 0; i < VMG_COUNT(types); i++)
        if (!strcmp(v->valuestring, types[i].name)) {
            *out = types[i].dtype;
            return VMG_OK;
        }
    return vmg_fail(VMG_E_UNSUPPORTED,
                    "tensor \"%s\" has elements of type %.40s, which are not read", name,
                    v->valuestring);
}

static int read_shape(const char *name, const cJSON *v, int *rank, int64_t *dim)
{
    *rank = 0;
    if (!cJSON_IsArray(v))
        return wrong(name, "shape");
    for (const cJSON *item = v->child; item; item = item->next) {
        uint64_t d;
        if (*rank == VMG_WEIGHT_MAX_RANK || !read_count(item, &d))
            return wrong(name, "shape");
        dim[(*rank)++] = (int64_t)d;
    }
    return VMG_OK;
}

static int read_offsets(const char *name, const cJSON *v, uint64_t *begin, uint64_t *end)
{
    const cJSON *first = cJSON_IsArray(v) ? v->child : NULL, *second = first ? first->next : NULL;
    if (!second || second->next || !read_count(first, begin) || !read_count(second, end) ||
        *begin > *end)
        return wrong(name, "data_offsets");
    return VMG_OK;
}

static int add_tensor(vmg_source *s, size_t data_start, const cJSON *entry)
{
    const char *name = entry->string;
    int64_t dim[VMG_WEIGHT_MAX_RANK], n;
    uint64_t begin = 0, end = 0;
    size_t bytes, data_bytes = s->map.size - data_start;
    vmg_dtype dtype = VMG_F32;
    int rank;
    int rc = read_dtype(name, cJSON_GetObjectItemCaseSensitive(entry, "dtype"), &dtype);
    if (rc == VMG_OK)
        rc = read_shape(name, cJSON_GetObjectItemCaseSensitive(entry, "shape"), &rank, dim);
    if (rc == VMG_OK)
        rc = read_offsets(name, cJSON_GetObjectItemCaseSensitive(entry, "data_offsets"), &begin,
                          &end);
    if (rc == VMG_OK)
        rc = vmg_source_tensor_bytes(name, dtype, rank, dim, &n, &bytes);
    if (rc != VMG_OK)
        return rc;
    if (end - begin != bytes) {
        char shape[160];
        return vmg_fail(VMG_E_FORMAT,
                        "tensor \"%s\" has %llu bytes, expected %zu for shape %s of %s", name,
                        (unsigned long long)(end - begin), bytes,
                        vmg_shape_text(rank, dim, shape, sizeof shape), vmg_dtype_name(dtype));
    }
    if (end > data_bytes)
        return vmg_fail(VMG_E_FORMAT,
                        "the file ends at byte %zu, tensor \"%s\" reaches to byte %llu",
                        s->map.size, name, (unsigned long long)(data_start + end));
    return vmg_source_add(s, name, strlen(name), dtype, rank, dim, s->map.data + data_start + begin,
                          bytes);
}

static int add_metadata(vmg_source *s, const cJSON *entries)
{
    if (!cJSON_IsObject(entries))
        return vmg_fail(VMG_E_FORMAT, "\"__metadata__\" is not an object");
    for (const cJSON *e = entries->child; e; e = e->next) {
        if (!cJSON_IsString(e))
            return vmg_fail(VMG_E_FORMAT, "\"__metadata__\" holds something else than strings");
        size_t n = strlen(e->valuestring);
        char *copy = vmg_source_alloc(s, n + 1);
        if (!copy)
            return VMG_E_NOMEM;
        memcpy(copy, e->valuestring, n);
        int rc = vmg_source_add_meta(s, e->string, strlen(e->string),
                                 &(vmg_meta){.kind = VMG_META_STRING, .data = copy, .n = (int64_t)n,
                                             .data_bytes = n});
        if (rc != VMG_OK)
            return rc;
    }
    return VMG_OK;
}

static int add_entries(vmg_source *s, const cJSON *header, size_t data_start)
{
    for (const cJSON *e = header->child; e; e = e->next) {
        int rc = !strcmp(e->string, "__metadata__") ? add_metadata(s, e)
                                                    : add_tensor(s, data_start, e);
        if (rc != VMG_OK)
            return rc;
    }
    return vmg_source_check_overlap(s, data_start, s->map.size, true);
}

int vmg_safetensors_read(vmg_source *s)
{
    uint64_t n = s->map.size >= 8 ? vmg_le_load(s->map.data, 8) : 0;
    s->base.format = "safetensors";
    if (s->map.size < 8 || n > s->map.size - 8)
        return vmg_fail(VMG_E_FORMAT, "the file ends at byte %zu, inside the header of %llu bytes",
                        s->map.size, (unsigned long long)n);
    if (n > MAX_HEADER_BYTES)
        return vmg_fail(VMG_E_UNSUPPORTED, "the header has %llu bytes, expected at most %d",
                        (unsigned long long)n, MAX_HEADER_BYTES);
    const char *text = (const char *)s->map.data + 8, *end = NULL;
    cJSON *header = cJSON_ParseWithLengthOpts(text, (size_t)n, &end, false);
    size_t used = end ? (size_t)(end - text) : 0;
    int rc;
    while (header && used < n && strchr(" \t\r\n", text[used]) && text[used])
        used++;
    if (!cJSON_IsObject(header) || used != n)
        rc = vmg_fail(VMG_E_FORMAT,
                      "the header is not a JSON object: it stops making sense at byte %zu",
                      8 + used);
    else
        rc = add_entries(s, header, 8 + (size_t)n);
    cJSON_Delete(header);
    return rc;
}

/* Adds DIR/name to the list unless it is there. */
static int add_shard(const char *dir, const char *name, char **paths, size_t *n)
{
    if (!name[0] || strchr(name, '/') || !strcmp(name, ".."))
        return vmg_fail(VMG_E_FORMAT, "\"%.100s\" is not the name of a shard", name);
    char *path = vmg_path_join(dir, name);
    if (!path)
        return VMG_E_NOMEM;
    for (size_t i = 0; i < *n; i++)
        if (!strcmp(paths[i], path)) {
            free(path);
            return VMG_OK;
        }
    paths[(*n)++] = path;
    return VMG_OK;
}

int vmg_safetensors_shards(const char *index_path, char ***paths, size_t *n)
{
    char *text = NULL, *dir = vmg_strdup(index_path);
    size_t size;
    cJSON *json = NULL;
    enum { MAX_SHARDS = 1000 };
    *paths = NULL;
    *n = 0;
    int rc = dir ? vmg_read_file(index_path, MAX_HEADER_BYTES, &text, &size) : VMG_E_NOMEM;
    if (rc != VMG_OK)
        goto out;
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir] = 0;
    json = cJSON_ParseWithLength(text, size);
    const cJSON *map = cJSON_GetObjectItemCaseSensitive(json, "weight_map");
    *paths = vmg_calloc(MAX_SHARDS, sizeof **paths);
    if (!*paths)
        rc = VMG_E_NOMEM;
    else if (!cJSON_IsObject(map) || !map->child)
        rc = vmg_fail(VMG_E_FORMAT, "there is no \"weight_map\" object");
    for (const cJSON *e = map ? map->child : NULL; rc == VMG_OK && e; e = e->next) {
        if (!cJSON_IsString(e) || *n == MAX_SHARDS)
            rc =
                vmg_fail(VMG_E_FORMAT, "\"weight_map\" names no file, or more than %d", MAX_SHARDS);
        else
            rc = add_shard(slash ? dir : ".", e->valuestring, *paths, n);
    }
    if (rc != VMG_OK)
        vmg_fail_prefix(rc, "%s", index_path);
out:
    if (rc != VMG_OK) {
        vmg_list_free(*paths, *n);
        *paths = NULL;
        *n = 0;
    }
    cJSON_Delete(json);
    free(text);
    free(dir);
    return rc;
}
