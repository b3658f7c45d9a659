/* Lookup and checked reading over any source of tensors. */
#include "models/weights.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"

bool vmg_meta_next_string(const vmg_meta *m, size_t *at, const char **text, size_t *n)
{
    const uint8_t *p = m->data;
    uint64_t len = 0;
    if (m->kind != VMG_META_STRINGS || m->data_bytes < 8 || *at > m->data_bytes - 8)
        return false;
    for (int i = 7; i >= 0; i--)
        len = len << 8 | p[*at + (size_t)i];
    if (len > m->data_bytes - 8 - *at)
        return false;
    *text = (const char *)p + *at + 8;
    *n = (size_t)len;
    *at += 8 + (size_t)len;
    return true;
}

const vmg_weight *vmg_weights_find(const vmg_weights *w, const char *name)
{
    size_t lo = 0, hi = w->n_tensors;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const vmg_weight *t = &w->tensors[w->by_name[mid]];
        int order = strcmp(name, t->name);
        if (order == 0)
            return t;
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

const char *vmg_shape_text(int rank, const int64_t *dim, char *buf, size_t buf_bytes)
{
    size_t len = 0;
    snprintf(buf, buf_bytes, rank ? "" : "()");
    for (int i = 0; i < rank && len < buf_bytes; i++)
        len += (size_t)snprintf(buf + len, buf_bytes - len, "%s%lld%s", i ? ", " : "(",
                                (long long)dim[i], i == rank - 1 ? ")" : "");
    return buf;
}

int vmg_weights_need(const vmg_weights *w, const char *name, int rank, const int64_t *dim,
                     const vmg_weight **out)
{
    const vmg_weight *t = vmg_weights_find(w, name);
    *out = t;
    if (!t)
        return vmg_fail(VMG_E_NOTFOUND, "%s: there is no tensor \"%s\" among its %zu", w->path,
                        name, w->n_tensors);
    bool same = t->rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = dim[i] < 0 || dim[i] == t->dim[i];
    if (same)
        return VMG_OK;
    char found[160], expected[160];
    return vmg_fail(VMG_E_FORMAT, "%s: tensor \"%s\" has shape %s, expected %s", w->path, name,
                    vmg_shape_text(t->rank, t->dim, found, sizeof found),
                    vmg_shape_text(rank, dim, expected, sizeof expected));
}

const vmg_meta *vmg_weights_meta(const vmg_weights *w, const char *key)
{
    for (size_t i = 0; i < w->n_meta; i++)
        if (!strcmp(w->meta[i].key, key))
            return &w->meta[i];
    return NULL;
}

static int find_meta(const vmg_weights *w, const char *key, const vmg_meta **out)
{
    *out = vmg_weights_meta(w, key);
    if (!*out)
        return vmg_fail(VMG_E_NOTFOUND, "%s: there is no metadata \"%s\"", w->path, key);
    return VMG_OK;
}

static int wrong_kind(const vmg_weights *w, const char *key, const char *expected)
{
    return vmg_fail(VMG_E_FORMAT, "%s: metadata \"%s\" is not %s", w->path, key, expected);
}

/* A short string's text, terminated; false for anything else. */
static bool short_text(const vmg_meta *m, char text[64])
{
    if (m->kind != VMG_META_STRING || m->n < 1 || m->n > 63)
        return false;
    memcpy(text, m->data, (size_t)m->n);
    text[m->n] = 0;
    return true;
}

int vmg_weights_meta_int(const vmg_weights *w, const char *key, int64_t *out)
{
    const vmg_meta *m;
    char text[64], *end;
    int rc = find_meta(w, key, &m);
    if (rc != VMG_OK)
        return rc;
    if (m->kind == VMG_META_INT) {
        *out = m->integer;
        return VMG_OK;
    }
    if (short_text(m, text)) {
        errno = 0;
        long long v = strtoll(text, &end, 10);
        if (!errno && end != text && !*end) {
            *out = v;
            return VMG_OK;
        }
    }
    return wrong_kind(w, key, "a whole number");
}

int vmg_weights_meta_bool(const vmg_weights *w, const char *key, bool *out)
{
    const vmg_meta *m;
    char text[64];
    int rc = find_meta(w, key, &m);
    if (rc != VMG_OK)
        return rc;
    bool is_text = short_text(m, text);
    if (m->kind == VMG_META_BOOL)
        *out = m->integer != 0;
    else if (is_text && (!strcmp(text, "true") || !strcmp(text, "false")))
        *out = text[0] == 't';
    else
        return wrong_kind(w, key, "true or false");
    return VMG_OK;
}

int vmg_weights_meta_real(const vmg_weights *w, const char *key, double *out)
{
    const vmg_meta *m;
    char text[64], *end;
    int rc = find_meta(w, key, &m);
    if (rc != VMG_OK)
        return rc;
    if (m->kind == VMG_META_REAL || m->kind == VMG_META_INT) {
        *out = m->real;
        return VMG_OK;
    }
    if (short_text(m, text)) {
        double v = strtod(text, &end);
        if (end != text && !*end) {
            *out = v;
            return VMG_OK;
        }
    }
    return wrong_kind(w, key, "a number");
}

int vmg_weights_meta_string(const vmg_weights *w, const char *key, size_t max_bytes, char **out)
{
    const vmg_meta *m;
    int rc = find_meta(w, key, &m);
    if (rc != VMG_OK)
        return rc;
    if (m->kind != VMG_META_STRING)
        return wrong_kind(w, key, "a string");
    size_t n = (size_t)m->n;
    if (n > max_bytes || memchr(m->data, 0, n))
        return vmg_fail(VMG_E_FORMAT,
                        "%s: metadata \"%s\" has %zu bytes or a zero byte, expected at "
                        "most %zu bytes of text",
                        w->path, key, n, max_bytes);
    char *copy = vmg_strndup(m->data, n);
    if (!copy)
        return VMG_E_NOMEM;
    *out = copy;
    return VMG_OK;
}

void vmg_weights_release_part(const vmg_weights *w, const vmg_weight *t, size_t off, size_t size)
{
    if (w->ops->release && off <= t->bytes)
        w->ops->release(w, t, off, VMG_MIN(size, t->bytes - off));
}

void vmg_weights_release(const vmg_weights *w, const vmg_weight *t)
{
    vmg_weights_release_part(w, t, 0, t->bytes);
}

void vmg_weights_close(vmg_weights *w)
{
    if (w)
        w->ops->close(w);
}

int vmg_weight_to_f32(const vmg_weight *t, float *dst)
{
    return vmg_dtype_to_f32(t->dtype, t->data, t->n, dst);
}

int vmg_weight_rows_to_f32(const vmg_weight *t, int64_t first, int64_t n_rows, float *dst)
{
    int64_t width = t->rank ? t->dim[t->rank - 1] : 1;
    int64_t rows = width ? t->n / width : 0;
    size_t row_bytes;
    if (first < 0 || n_rows < 0 || n_rows > rows || first > rows - n_rows)
        return vmg_fail(VMG_E_ARG,
                        "%lld rows from row %lld on asked of tensor \"%s\", which has %lld",
                        (long long)n_rows, (long long)first, t->name, (long long)rows);
    int rc = vmg_dtype_bytes(t->dtype, width, &row_bytes);
    if (rc != VMG_OK)
        return rc;
    return vmg_dtype_to_f32(t->dtype, (const uint8_t *)t->data + (size_t)first * row_bytes,
                            n_rows * width, dst);
}
