/* Writes weight files of any format: keeps the announced tensors and checks the order of bytes. */
#include "src/format/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/npy.h"
#include "src/format/source.h"
#include "src/format/writer_formats.h"

/* ---- npy: a header and one array's bytes ---- */

static bool npy_has_dtype(vmg_dtype dtype)
{
    char *header;
    size_t size;
    bool ok = vmg_npy_header(dtype, 0, NULL, &header, &size) == VMG_OK;
    free(header);
    return ok;
}

static int npy_header(vmg_writer *w)
{
    char *header;
    size_t size;
    if (w->n_items != 1)
        return vmg_fail(VMG_E_UNSUPPORTED, "%s: a .npy file holds one array, not %zu", w->file.path,
                        w->n_items);
    int rc = vmg_npy_header(w->items->dtype, w->items->rank, w->items->dim, &header, &size);
    if (rc == VMG_OK)
        rc = vmg_writer_put(w, header, size);
    free(header);
    return rc;
}

static const vmg_writer_format npy_format = {
    .ending = "npy", .has_dtype = npy_has_dtype, .header = npy_header, .put = vmg_writer_put};

/* ---- what all formats share ---- */

int vmg_writer_put(vmg_writer *w, const void *data, size_t n)
{
    if (n && fwrite(data, 1, n, w->file.f) != n)
        return vmg_fail(VMG_E_IO, "cannot write %s: %s", w->file.path, strerror(errno));
    return VMG_OK;
}

int vmg_writer_open(const char *path, vmg_writer **out)
{
    static const struct {
        const char *ending;
        const vmg_writer_format *format;
    } formats[] = {{"gguf", &vmg_writer_gguf},
                   {"safetensors", &vmg_writer_safetensors},
                   {"pt", &vmg_writer_torch},
                   {"pth", &vmg_writer_torch},
                   {"npy", &npy_format}};
    char ending[16];
    *out = NULL;
    vmg_path_ending(path, ending, sizeof ending);
    for (size_t i = 0; i < VMG_COUNT(formats); i++) {
        if (strcmp(ending, formats[i].ending))
            continue;
        vmg_writer *w = vmg_calloc(1, sizeof *w);
        if (!w)
            return VMG_E_NOMEM;
        w->format = formats[i].format;
        int rc = vmg_atomic_open(path, &w->file);
        if (rc == VMG_OK)
            *out = w;
        else
            vmg_writer_free(w);
        return rc;
    }
    return vmg_fail(VMG_E_UNSUPPORTED,
                    "%s: the ending must be .gguf, .safetensors, .pt, .pth or .npy", path);
}

void vmg_writer_free(vmg_writer *w)
{
    if (!w)
        return;
    vmg_atomic_abort(&w->file);
    vmg_zip_writer_free(&w->zip);
    for (size_t i = 0; i < w->n_items; i++)
        free(w->items[i].name);
    for (size_t i = 0; i < w->n_meta; i++) {
        free((void *)(uintptr_t)w->meta[i].key);
        free((void *)(uintptr_t)w->meta[i].data);
    }
    free(w->items);
    free(w->meta);
    free(w);
}

/* Room for one more element in *array; a zeroed one is there afterwards. */
static void *add_element(void *array, size_t n, size_t *cap, size_t size)
{
    if (n == *cap) {
        size_t more = *cap ? 2 * *cap : 64;
        void *p = vmg_realloc(array, more, size);
        if (!p)
            return NULL;
        array = p;
        *cap = more;
    }
    memset((char *)array + n * size, 0, size);
    return array;
}

static int too_late(const vmg_writer *w, const char *name)
{
    return vmg_fail(VMG_E_ARG, "%s: \"%s\" is announced after the first data", w->file.path, name);
}

int vmg_writer_meta(vmg_writer *w, const vmg_meta *m)
{
    if (w->begun)
        return too_late(w, m->key);
    if (!w->format->takes_meta)
        return vmg_fail(VMG_E_UNSUPPORTED, "%s: a .%s file holds no metadata", w->file.path,
                        w->format->ending);
    vmg_meta *array = add_element(w->meta, w->n_meta, &w->meta_cap, sizeof *array);
    if (!array)
        return VMG_E_NOMEM;
    w->meta = array;
    char *key = vmg_strdup(m->key), *data = vmg_calloc(m->data_bytes, 1);
    if (!key || !data) {
        free(key);
        free(data);
        return VMG_E_NOMEM;
    }
    if (m->data_bytes)
        memcpy(data, m->data, m->data_bytes);
    array[w->n_meta] = *m;
    array[w->n_meta].key = key;
    array[w->n_meta++].data = data;
    return VMG_OK;
}

int vmg_writer_meta_string(vmg_writer *w, const char *key, const char *text)
{
    return vmg_writer_meta(w, &(vmg_meta){.key = key, .kind = VMG_META_STRING, .data = text,
                                          .n = (int64_t)strlen(text), .data_bytes = strlen(text)});
}

int vmg_writer_meta_int(vmg_writer *w, const char *key, vmg_dtype dtype, int64_t value)
{
    return vmg_writer_meta(w, &(vmg_meta){.key = key, .kind = VMG_META_INT, .dtype = dtype,
                                          .integer = value, .real = (double)value});
}

int vmg_writer_meta_real(vmg_writer *w, const char *key, vmg_dtype dtype, double value)
{
    return vmg_writer_meta(w, &(vmg_meta){.key = key, .kind = VMG_META_REAL, .dtype = dtype,
                                          .real = value});
}

int vmg_writer_declare(vmg_writer *w, const char *name, vmg_dtype dtype, int rank,
                       const int64_t *dim)
{
    vmg_writer_item item = {.dtype = dtype, .rank = rank};
    if (w->begun)
        return too_late(w, name);
    int rc = vmg_source_tensor_bytes(name, dtype, rank, dim, &item.n, &item.bytes);
    if (rc != VMG_OK)
        return vmg_fail_prefix(VMG_E_ARG, "%s", w->file.path);
    if (!w->format->has_dtype(dtype))
        return vmg_fail(VMG_E_UNSUPPORTED, "%s: a .%s file cannot hold tensor \"%s\" as %s",
                        w->file.path, w->format->ending, name, vmg_dtype_name(dtype));
    vmg_writer_item *array = add_element(w->items, w->n_items, &w->items_cap, sizeof *array);
    if (!array)
        return VMG_E_NOMEM;
    w->items = array;
    item.name = vmg_strdup(name);
    if (!item.name)
        return VMG_E_NOMEM;
    if (rank)
        memcpy(item.dim, dim, (size_t)rank * sizeof *dim);
    array[w->n_items++] = item;
    return VMG_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Files with two tensors of one name could not be read back. */
static int check_names(const vmg_writer *w)
{
    const char **names = vmg_calloc(w->n_items, sizeof *names);
    int rc = names ? VMG_OK : VMG_E_NOMEM;
    for (size_t i = 0; names && i < w->n_items; i++)
        names[i] = w->items[i].name;
    if (names && w->n_items)
        qsort(names, w->n_items, sizeof *names, compare_names);
    for (size_t i = 1; rc == VMG_OK && i < w->n_items; i++)
        if (!strcmp(names[i - 1], names[i]))
            rc =
                vmg_fail(VMG_E_ARG, "%s: tensor \"%s\" is announced twice", w->file.path, names[i]);
    free(names);
    return rc;
}

/* Moves to the next tensor that has bytes to come. */
static int advance(vmg_writer *w)
{
    for (; w->current < w->n_items; w->current++) {
        w->current_done = 0;
        int rc = w->format->start ? w->format->start(w, w->current) : VMG_OK;
        if (rc != VMG_OK || w->items[w->current].bytes)
            return rc;
    }
    return VMG_OK;
}

static int begin(vmg_writer *w)
{
    int rc = check_names(w);
    if (rc == VMG_OK)
        rc = w->format->header(w);
    w->begun = true;
    return rc == VMG_OK ? advance(w) : rc;
}

int vmg_writer_data(vmg_writer *w, const void *data, size_t bytes)
{
    int rc = w->begun ? VMG_OK : begin(w);
    if (rc != VMG_OK || bytes == 0)
        return rc;
    if (w->current == w->n_items || bytes > w->items[w->current].bytes - w->current_done)
        return vmg_fail(VMG_E_ARG, "%s: more bytes than were announced for tensor \"%s\"",
                        w->file.path,
                        w->current < w->n_items ? w->items[w->current].name : "(none)");
    rc = w->format->put(w, data, bytes);
    w->current_done += bytes;
    if (rc == VMG_OK && w->current_done == w->items[w->current].bytes) {
        w->current++;
        rc = advance(w);
    }
    return rc;
}

int vmg_writer_commit(vmg_writer *w)
{
    int rc = w->begun ? VMG_OK : begin(w);
    if (rc == VMG_OK && w->current < w->n_items)
        rc = vmg_fail(VMG_E_ARG, "%s: bytes of tensor \"%s\" are missing", w->file.path,
                      w->items[w->current].name);
    if (rc == VMG_OK && w->format->finish)
        rc = w->format->finish(w);
    return rc == VMG_OK ? vmg_atomic_commit(&w->file) : rc;
}

int vmg_array_write(const char *path, vmg_dtype dtype, int rank, const int64_t *dim,
                    const void *data)
{
    vmg_writer *w = NULL;
    float *wide = NULL;
    int64_t n;
    size_t bytes = 0;
    int rc = vmg_writer_open(path, &w);
    if (rc == VMG_OK)
        rc = vmg_source_tensor_bytes(VMG_WEIGHT_UNNAMED, dtype, rank, dim, &n, &bytes);
    if (rc == VMG_OK && w->format == &npy_format && dtype == VMG_BF16) {
        wide = vmg_calloc((size_t)n, sizeof *wide);
        rc = wide ? vmg_dtype_to_f32(dtype, data, n, wide) : VMG_E_NOMEM;
        data = wide;
        bytes = (size_t)n * sizeof *wide;
        dtype = VMG_F32;
    }
    if (rc == VMG_OK)
        rc = vmg_writer_declare(w, VMG_WEIGHT_UNNAMED, dtype, rank, dim);
    if (rc == VMG_OK)
        rc = vmg_writer_data(w, data, bytes);
    if (rc == VMG_OK)
        rc = vmg_writer_commit(w);
    vmg_writer_free(w);
    free(wide);
    return rc;
}
