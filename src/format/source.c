/* How a reader of weight files builds the source that it hands out. */
#include "src/format/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "host/base/mem.h"

static void release(const vmg_weights *w, const vmg_weight *t, size_t off, size_t size)
{
    const vmg_source *s = (const vmg_source *)w;
    uintptr_t p = (uintptr_t)t->data, begin = (uintptr_t)s->map.data;
    if (!s->in_memory && p >= begin && p - begin < s->map.size)
        vmg_map_release(&s->map, p - begin + off, size);
}

static void source_close(vmg_weights *w)
{
    vmg_source *s = (vmg_source *)w;
    for (size_t i = 0; i < s->n_owned; i++)
        free(s->owned[i]);
    free(s->owned);
    free((void *)(uintptr_t)w->tensors);
    free((void *)(uintptr_t)w->by_name);
    free((void *)(uintptr_t)w->meta);
    if (s->in_memory)
        free(s->map.path);
    else
        vmg_map_close(&s->map);
    free(s);
}

static const vmg_weights_ops source_ops = {release, source_close};

/* Room for one more element of `size` bytes in *array, which holds n of *cap. */
static int grow(void **array, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return VMG_OK;
    size_t more = *cap ? 2 * *cap : 64;
    void *p = vmg_realloc(*array, more, size);
    if (!p)
        return VMG_E_NOMEM;
    *array = p;
    *cap = more;
    return VMG_OK;
}

void *vmg_source_alloc(vmg_source *s, size_t bytes)
{
    void *array = s->owned;
    if (grow(&array, s->n_owned, &s->owned_cap, sizeof *s->owned) != VMG_OK)
        return NULL;
    s->owned = array;
    void *p = vmg_calloc(bytes, 1);
    if (p)
        s->owned[s->n_owned++] = p;
    return p;
}

int vmg_source_alloc_copy(vmg_source *s, const char *name, size_t bytes, void **out)
{
    size_t most = VMG_MIN(VMG_SOURCE_MAX_COPY_BYTES, (16u << 20) + 2 * s->map.size);
    if (bytes > most - s->copied_bytes)
        return vmg_fail(VMG_E_UNSUPPORTED,
                        "tensor \"%s\" is not stored row by row in little-endian "
                        "order, and %zu bytes are too many to rearrange in memory: save it again "
                        "contiguously",
                        name, bytes);
    *out = vmg_source_alloc(s, bytes);
    if (!*out)
        return VMG_E_NOMEM;
    s->copied_bytes += bytes;
    return VMG_OK;
}

/* Fails unless the bytes are printable UTF-8. */
static int check_name(const char *what, const char *name, size_t n)
{
    if (n == 0)
        return vmg_fail(VMG_E_FORMAT, "a %s is empty", what);
    for (size_t at = 0; at < n;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)name + at,
                                                (utf8proc_ssize_t)VMG_MIN(n - at, (size_t)4), &c);
        if (len <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
            return vmg_fail(VMG_E_FORMAT,
                            "a %s holds the byte 0x%02x at position %zu, which is not "
                            "text",
                            what, (unsigned char)name[at], at);
        at += (size_t)len;
    }
    return VMG_OK;
}

static int own_name(vmg_source *s, const char *text, size_t n, const char **out)
{
    if (n > VMG_SOURCE_MAX_NAME_BYTES - s->name_bytes)
        return vmg_fail(VMG_E_FORMAT, "the names are longer than %d bytes in sum",
                        VMG_SOURCE_MAX_NAME_BYTES);
    char *copy = vmg_source_alloc(s, n + 1);
    if (!copy)
        return VMG_E_NOMEM;
    s->name_bytes += n;
    memcpy(copy, text, n);
    *out = copy;
    return VMG_OK;
}

int vmg_source_tensor_bytes(const char *name, vmg_dtype dtype, int rank, const int64_t *dim,
                            int64_t *n, size_t *bytes)
{
    if (rank < 0 || rank > VMG_WEIGHT_MAX_RANK)
        return vmg_fail(VMG_E_FORMAT, "tensor \"%s\" has %d dimensions, expected at most %d", name,
                        rank, VMG_WEIGHT_MAX_RANK);
    *n = 1;
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        empty |= dim[i] == 0;
        if (dim[i] < 0 || (!empty && dim[i] > PTRDIFF_MAX / *n)) {
            char shape[160];
            return vmg_fail(VMG_E_FORMAT, "tensor \"%s\" has the impossible shape %s", name,
                            vmg_shape_text(rank, dim, shape, sizeof shape));
        }
        *n = empty ? 0 : *n * dim[i];
    }
    int64_t row = rank ? dim[rank - 1] : 1;
    vmg_dtype_info info = vmg_dtype_get(dtype);
    if (row % info.block_len)
        return vmg_fail(VMG_E_FORMAT,
                        "tensor \"%s\" has rows of %" PRId64 " values, not a multiple of "
                        "%s's block of %d",
                        name, row, info.name, info.block_len);
    if (vmg_dtype_bytes(dtype, *n, bytes) != VMG_OK || *bytes > PTRDIFF_MAX) {
        char shape[160];
        return vmg_fail(VMG_E_FORMAT, "tensor \"%s\" has the impossible shape %s", name,
                        vmg_shape_text(rank, dim, shape, sizeof shape));
    }
    return VMG_OK;
}

int vmg_source_add(vmg_source *s, const char *name, size_t name_bytes, vmg_dtype dtype, int rank,
                   const int64_t *dim, const void *data, size_t bytes_left)
{
    vmg_weight t = {.dtype = dtype, .rank = rank, .data = data};
    int rc = check_name("tensor's name", name, name_bytes);
    if (rc != VMG_OK)
        return rc;
    if (s->base.n_tensors >= VMG_SOURCE_MAX_ENTRIES)
        return vmg_fail(VMG_E_FORMAT, "there are more than %d tensors", VMG_SOURCE_MAX_ENTRIES);
    rc = own_name(s, name, name_bytes, &t.name);
    if (rc == VMG_OK)
        rc = vmg_source_tensor_bytes(t.name, dtype, rank, dim, &t.n, &t.bytes);
    if (rc != VMG_OK)
        return rc;
    if (t.bytes > bytes_left)
        return vmg_fail(VMG_E_FORMAT, "the bytes of tensor \"%s\" stop after %zu of %zu", t.name,
                        bytes_left, t.bytes);
    if (rank)
        memcpy(t.dim, dim, (size_t)rank * sizeof *dim);
    void *array = (void *)(uintptr_t)s->base.tensors;
    rc = grow(&array, s->base.n_tensors, &s->tensors_cap, sizeof t);
    if (rc == VMG_OK) {
        ((vmg_weight *)array)[s->base.n_tensors++] = t;
        s->base.tensors = array;
    }
    return rc;
}

int vmg_source_add_meta(vmg_source *s, const char *key, size_t key_bytes, const vmg_meta *m)
{
    int rc = check_name("metadata key", key, key_bytes);
    if (rc != VMG_OK)
        return rc;
    if (s->base.n_meta >= VMG_SOURCE_MAX_ENTRIES)
        return vmg_fail(VMG_E_FORMAT, "there are more than %d metadata entries",
                        VMG_SOURCE_MAX_ENTRIES);
    vmg_meta copy = *m;
    void *array = (void *)(uintptr_t)s->base.meta;
    rc = own_name(s, key, key_bytes, &copy.key);
    if (rc == VMG_OK)
        rc = grow(&array, s->base.n_meta, &s->meta_cap, sizeof copy);
    if (rc == VMG_OK) {
        ((vmg_meta *)array)[s->base.n_meta++] = copy;
        s->base.meta = array;
    }
    return rc;
}

static int compare_data(const void *a, const void *b)
{
    const vmg_weight *x = *(const vmg_weight *const *)a, *y = *(const vmg_weight *const *)b;
    uintptr_t p = (uintptr_t)x->data, q = (uintptr_t)y->data;
    /* Empty tensors first, so that they never seem to lie inside their successor. */
    return p != q ? (p > q) - (p < q) : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int compare_name(const void *a, const void *b)
{
    const vmg_weight *x = *(const vmg_weight *const *)a, *y = *(const vmg_weight *const *)b;
    return strcmp(x->name, y->name);
}

/* Pointers to all tensors in the given order; NULL on exhaustion. */
static const vmg_weight **sorted(const vmg_weights *w, int (*compare)(const void *, const void *))
{
    const vmg_weight **order = vmg_calloc(w->n_tensors, sizeof *order);
    if (!order)
        return NULL;
    for (size_t i = 0; i < w->n_tensors; i++)
        order[i] = &w->tensors[i];
    if (w->n_tensors)
        qsort(order, w->n_tensors, sizeof *order, compare);
    return order;
}

int vmg_source_check_overlap(const vmg_source *s, size_t begin, size_t end, bool no_holes)
{
    const vmg_weight **order = sorted(&s->base, compare_data), *before = NULL;
    int rc = order ? VMG_OK : VMG_E_NOMEM;
    size_t at = begin;
    for (size_t i = 0; rc == VMG_OK && i < s->base.n_tensors; i++) {
        const vmg_weight *t = order[i];
        size_t off = (size_t)((const uint8_t *)t->data - s->map.data);
        if (off < at && before)
            rc = vmg_fail(VMG_E_FORMAT, "tensors \"%s\" and \"%s\" overlap", before->name, t->name);
        else if (off < begin || off > end || t->bytes > end - off)
            rc = vmg_fail(VMG_E_FORMAT,
                          "tensor \"%s\" lies at bytes %zu..%zu, expected between %zu "
                          "and %zu",
                          t->name, off, off + t->bytes, begin, end);
        else if (no_holes && off != at)
            rc = vmg_fail(VMG_E_FORMAT, "bytes %zu..%zu before tensor \"%s\" belong to no tensor",
                          at, off, t->name);
        at = off + t->bytes;
        before = t;
    }
    if (rc == VMG_OK && no_holes && at != end)
        rc = vmg_fail(VMG_E_FORMAT, "bytes %zu..%zu after the last tensor belong to no tensor", at,
                      end);
    free(order);
    return rc;
}

static int index_names(vmg_source *s)
{
    vmg_weights *w = &s->base;
    const vmg_weight **order = sorted(w, compare_name);
    uint32_t *by_name = vmg_calloc(w->n_tensors, sizeof *by_name);
    int rc = order && by_name ? VMG_OK : VMG_E_NOMEM;
    for (size_t i = 0; rc == VMG_OK && i < w->n_tensors; i++) {
        by_name[i] = (uint32_t)(order[i] - w->tensors);
        if (i && !strcmp(order[i]->name, order[i - 1]->name))
            rc = vmg_fail(VMG_E_FORMAT, "tensor \"%s\" occurs twice", order[i]->name);
    }
    w->by_name = by_name;
    free(order);
    return rc;
}

/* Lets `read` fill the source; frees it on failure. */
static int fill(vmg_source *s, vmg_source_reader *read, vmg_weights **out)
{
    s->base.path = s->map.path;
    int rc = read(s);
    if (rc == VMG_OK)
        rc = index_names(s);
    if (rc == VMG_OK)
        *out = &s->base;
    else
        vmg_fail_prefix(rc, "%s", s->map.path);
    return rc;
}

static vmg_source *new_source(void)
{
    vmg_source *s = vmg_calloc(1, sizeof *s);
    if (s)
        s->base.ops = &source_ops;
    return s;
}

int vmg_source_open(const char *path, vmg_source_reader *read, vmg_weights **out)
{
    *out = NULL;
    vmg_source *s = new_source();
    if (!s)
        return VMG_E_NOMEM;
    int rc = vmg_map_open(path, &s->map);
    if (rc == VMG_OK)
        rc = fill(s, read, out);
    if (rc != VMG_OK)
        source_close(&s->base);
    return rc;
}

int vmg_source_open_memory(const char *label, const void *data, size_t size,
                           vmg_source_reader *read, vmg_weights **out)
{
    *out = NULL;
    vmg_source *s = new_source();
    if (!s)
        return VMG_E_NOMEM;
    s->in_memory = true;
    s->map = (vmg_map){data, size, vmg_strdup(label)};
    int rc = s->map.path ? fill(s, read, out) : VMG_E_NOMEM;
    if (rc != VMG_OK)
        source_close(&s->base);
    return rc;
}
