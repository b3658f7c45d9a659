/* Writes safetensors files. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/bytes.h"
#include "src/format/safetensors.h"
#include "src/format/writer_formats.h"

static bool has_dtype(vmg_dtype dtype)
{
    return vmg_safetensors_dtype_name(dtype) != NULL;
}

/* PyTorch reads a tensor in place only if its offset is a multiple of its element: so the wider
 * elements come first, whatever order the tensors are announced in. */
static uint64_t assign_offsets(vmg_writer *w)
{
    uint64_t at = 0;
    for (int size = 8; size; size /= 2)
        for (size_t i = 0; i < w->n_items; i++)
            if (vmg_dtype_get(w->items[i].dtype).block_bytes == size) {
                w->items[i].offset = at;
                at += w->items[i].bytes;
            }
    return at;
}

/* The format's metadata is text: numbers as the shortest that reads back the same. */
static int meta_text(const vmg_meta *m, char **out)
{
    char text[40];
    *out = NULL;
    switch (m->kind) {
    case VMG_META_STRING:
        *out = vmg_strndup(m->data, (size_t)m->n);
        return *out ? VMG_OK : VMG_E_NOMEM;
    case VMG_META_BOOL: snprintf(text, sizeof text, "%s", m->integer ? "true" : "false"); break;
    case VMG_META_INT: snprintf(text, sizeof text, "%" PRId64, m->integer); break;
    case VMG_META_REAL:
        for (int digits = 6; digits <= 17; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, m->real);
            if (strtod(text, NULL) == m->real)
                break;
        }
        break;
    default:
        return vmg_fail(VMG_E_UNSUPPORTED, "safetensors has no metadata of the kind of \"%s\"",
                        m->key);
    }
    *out = vmg_strdup(text);
    return *out ? VMG_OK : VMG_E_NOMEM;
}

static int add_metadata(const vmg_writer *w, cJSON *json)
{
    cJSON *all = w->n_meta ? cJSON_AddObjectToObject(json, "__metadata__") : NULL;
    int rc = w->n_meta && !all ? VMG_E_NOMEM : VMG_OK;
    for (size_t i = 0; rc == VMG_OK && i < w->n_meta; i++) {
        char *text;
        rc = meta_text(&w->meta[i], &text);
        if (rc == VMG_OK && !cJSON_AddStringToObject(all, w->meta[i].key, text))
            rc = VMG_E_NOMEM;
        free(text);
    }
    return rc;
}

static bool add_item(const vmg_writer_item *t, cJSON *json)
{
    cJSON *entry = cJSON_AddObjectToObject(json, t->name);
    cJSON *shape, *offsets;
    bool ok = entry &&
              cJSON_AddStringToObject(entry, "dtype", vmg_safetensors_dtype_name(t->dtype)) &&
              (shape = cJSON_AddArrayToObject(entry, "shape"));
    for (int i = 0; ok && i < t->rank; i++)
        ok = cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)t->dim[i]));
    ok = ok && (offsets = cJSON_AddArrayToObject(entry, "data_offsets")) &&
         cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)t->offset)) &&
         cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)(t->offset + t->bytes)));
    return ok;
}

static int header(vmg_writer *w)
{
    static const char spaces[] = "        ";
    cJSON *json = cJSON_CreateObject();
    char *text = NULL;
    uint8_t length[8];
    assign_offsets(w);
    int rc = json ? add_metadata(w, json) : VMG_E_NOMEM;
    for (size_t i = 0; rc == VMG_OK && i < w->n_items; i++)
        rc = add_item(&w->items[i], json) ? VMG_OK : VMG_E_NOMEM;
    if (rc == VMG_OK && !(text = cJSON_PrintUnformatted(json)))
        rc = VMG_E_NOMEM;
    if (rc == VMG_OK) {
        size_t n = strlen(text), padded = (size_t)vmg_round_up((int64_t)n, 8);
        vmg_le_store(length, padded, 8);
        w->data_start = 8 + padded;
        rc = vmg_writer_put(w, length, sizeof length);
        if (rc == VMG_OK)
            rc = vmg_writer_put(w, text, n);
        if (rc == VMG_OK)
            rc = vmg_writer_put(w, spaces, padded - n);
    }
    cJSON_free(text);
    cJSON_Delete(json);
    return rc;
}

static int start(vmg_writer *w, size_t i)
{
    if (fseeko(w->file.f, (off_t)(w->data_start + w->items[i].offset), SEEK_SET) != 0)
        return vmg_fail(VMG_E_IO, "cannot write %s: %s", w->file.path, strerror(errno));
    return VMG_OK;
}

const vmg_writer_format vmg_writer_safetensors = {
    .ending = "safetensors", .takes_meta = true, .has_dtype = has_dtype, .header = header,
    .start = start, .put = vmg_writer_put};
