/* NumPy's .npy arrays and .npz collections: the text header, and reading in any order. */
#include "src/format/npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/bytes.h"
#include "src/format/strided.h"
#include "src/format/zip.h"

static const struct {
    const char *code; /* kind and size, as in "<f4" */
    vmg_dtype dtype;
} descrs[] = {
    {"f4", VMG_F32}, {"f2", VMG_F16}, {"f8", VMG_F64}, {"i4", VMG_I32}, {"i8", VMG_I64},
    {"i2", VMG_I16}, {"i1", VMG_I8},  {"u1", VMG_U8},  {"u2", VMG_U16}, {"u4", VMG_U32},
    {"u8", VMG_U64}, {"b1", VMG_BOOL},
};

bool vmg_npy_recognise(const uint8_t *data, size_t size)
{
    return size >= 6 && !memcmp(data, "\x93NUMPY", 6);
}

int vmg_npy_parse_descr(const char *descr, size_t n, vmg_dtype *dtype, bool *big_endian)
{
    size_t at = n && strchr("<>=|", descr[0]) ? 1 : 0;
    *big_endian = at && descr[0] == '>';
    for (size_t i = 0; i < VMG_COUNT(descrs); i++)
        if (n - at == 2 && !memcmp(descr + at, descrs[i].code, 2)) {
            *dtype = descrs[i].dtype;
            return VMG_OK;
        }
    return vmg_fail(VMG_E_UNSUPPORTED, "arrays of numpy's type \"%.*s\" are not read (only plain "
                    "numbers and truth values are)", (int)VMG_MIN(n, (size_t)40), descr);
}

int vmg_npy_add(vmg_source *s, const char *name, size_t name_bytes, const vmg_npy_array *a,
                const uint8_t *data, size_t bytes_left)
{
    vmg_dtype_info info = vmg_dtype_get(a->dtype);
    int64_t stride[VMG_WEIGHT_MAX_RANK], n, step = 1;
    size_t bytes;
    void *copy;
    int rc = vmg_source_tensor_bytes("array", a->dtype, a->rank, a->dim, &n, &bytes);
    if (rc != VMG_OK)
        return rc;
    /* Strides of an empty array could overflow, and nothing is there to rearrange. */
    for (int i = 0; i < a->rank && n; i++) {
        int k = a->fortran ? i : a->rank - 1 - i;
        stride[k] = step;
        step *= a->dim[k];
    }
    bool swap = a->big_endian && info.block_bytes > 1;
    if (n == 0 || bytes > bytes_left || (!swap && vmg_strided_is_dense(a->rank, a->dim, stride)))
        return vmg_source_add(s, name, name_bytes, a->dtype, a->rank, a->dim, data, bytes_left);
    rc = vmg_source_alloc_copy(s, "array", bytes, &copy);
    if (rc != VMG_OK)
        return rc;
    vmg_strided_copy(data, a->rank, a->dim, stride, (size_t)info.block_bytes, swap, copy);
    return vmg_source_add(s, name, name_bytes, a->dtype, a->rank, a->dim, copy, bytes);
}

/* ---- the header: a Python dictionary of three known keys ---- */

static void skip_space(vmg_cursor *c)
{
    while (vmg_cursor_left(c) && strchr(" \t\n\r", c->data[c->at]) && c->data[c->at])
        c->at++;
}

/* Moves past `ch` and the space around it; false when something else comes. */
static bool take_char(vmg_cursor *c, char ch)
{
    skip_space(c);
    if (!vmg_cursor_left(c) || c->data[c->at] != (uint8_t)ch)
        return false;
    c->at++;
    skip_space(c);
    return true;
}

static bool take_word(vmg_cursor *c, const char *word)
{
    size_t n = strlen(word);
    skip_space(c);
    if (vmg_cursor_left(c) < n || memcmp(c->data + c->at, word, n))
        return false;
    c->at += n;
    return true;
}

/* 'text' or "text" without escapes. */
static bool take_string(vmg_cursor *c, const char **text, size_t *n)
{
    skip_space(c);
    if (!vmg_cursor_left(c) || (c->data[c->at] != '\'' && c->data[c->at] != '"'))
        return false;
    uint8_t quote = c->data[c->at++];
    const uint8_t *start = c->data + c->at, *end = memchr(start, quote, vmg_cursor_left(c));
    if (!end)
        return false;
    *text = (const char *)start;
    *n = (size_t)(end - start);
    c->at += *n + 1;
    return true;
}

static bool take_shape(vmg_cursor *c, vmg_npy_array *a)
{
    if (!take_char(c, '('))
        return false;
    while (!take_char(c, ')')) {
        int64_t v = 0;
        int n_digits = 0;
        for (; vmg_cursor_left(c) && c->data[c->at] >= '0' && c->data[c->at] <= '9'; n_digits++) {
            int digit = c->data[c->at++] - '0';
            if (v > (INT64_MAX - digit) / 10)
                return false;
            v = v * 10 + digit;
        }
        take_char(c, 'L'); /* Python 2's long integers */
        if (!n_digits || a->rank == VMG_WEIGHT_MAX_RANK)
            return false;
        a->dim[a->rank++] = v;
        if (!take_char(c, ',')) {
            if (!take_char(c, ')'))
                return false;
            break;
        }
    }
    return true;
}

static int bad_header(const vmg_cursor *c)
{
    return vmg_fail(VMG_E_FORMAT,
                    "the .npy header is not {'descr': ..., 'fortran_order': ..., 'shape': "
                    "...} with at most %d dimensions: it stops making sense at its character %zu",
                    VMG_WEIGHT_MAX_RANK, c->at);
}

static int parse_header(const uint8_t *text, size_t n, vmg_npy_array *a)
{
    vmg_cursor c = {text, 0, n};
    unsigned seen = 0;
    *a = (vmg_npy_array){0};
    if (!take_char(&c, '{'))
        return bad_header(&c);
    while (!take_char(&c, '}')) {
        const char *key, *descr;
        size_t key_bytes, descr_bytes;
        if (!take_string(&c, &key, &key_bytes) || !take_char(&c, ':'))
            return bad_header(&c);
        if (key_bytes == 5 && !memcmp(key, "descr", 5)) {
            if (take_char(&c, '['))
                return vmg_fail(VMG_E_UNSUPPORTED, "arrays of records are not read");
            if (!take_string(&c, &descr, &descr_bytes))
                return bad_header(&c);
            int rc = vmg_npy_parse_descr(descr, descr_bytes, &a->dtype, &a->big_endian);
            if (rc != VMG_OK)
                return rc;
            seen |= 1;
        } else if (key_bytes == 13 && !memcmp(key, "fortran_order", 13)) {
            a->fortran = take_word(&c, "True");
            if (!a->fortran && !take_word(&c, "False"))
                return bad_header(&c);
            seen |= 2;
        } else if (key_bytes == 5 && !memcmp(key, "shape", 5)) {
            a->rank = 0;
            if (!take_shape(&c, a))
                return bad_header(&c);
            seen |= 4;
        } else {
            return bad_header(&c);
        }
        if (!take_char(&c, ',')) {
            if (!take_char(&c, '}'))
                return bad_header(&c);
            break;
        }
    }
    return seen == 7 ? VMG_OK : bad_header(&c);
}

/* One .npy file's bytes, wherever they lie. */
static int add_npy(vmg_source *s, const char *name, size_t name_bytes, const uint8_t *data,
                   size_t size)
{
    vmg_cursor c = {data, 0, size};
    const uint8_t *head = vmg_cursor_take(&c, 8), *text;
    uint64_t header_bytes;
    vmg_npy_array a;
    if (!head || !vmg_npy_recognise(head, 8))
        return vmg_fail(VMG_E_FORMAT, "not a .npy array: its first bytes are not \\x93NUMPY");
    if (head[6] < 1 || head[6] > 3)
        return vmg_fail(VMG_E_UNSUPPORTED, ".npy version %d.%d, expected 1 to 3", head[6], head[7]);
    if (!vmg_cursor_le(&c, head[6] == 1 ? 2 : 4, &header_bytes) ||
        !(text = vmg_cursor_take(&c, header_bytes)))
        return vmg_fail(VMG_E_FORMAT, "the bytes stop at %zu, inside the .npy header", size);
    int rc = parse_header(text, (size_t)header_bytes, &a);
    return rc == VMG_OK ? vmg_npy_add(s, name, name_bytes, &a, c.data + c.at, vmg_cursor_left(&c))
                        : rc;
}

int vmg_npy_read(vmg_source *s)
{
    s->base.format = "npy";
    return add_npy(s, VMG_WEIGHT_UNNAMED, strlen(VMG_WEIGHT_UNNAMED), s->map.data, s->map.size);
}

/* The entry's bytes: in the map, or unpacked into memory of the source. */
static int entry_bytes(vmg_source *s, const vmg_zip_entry *e, const uint8_t **data)
{
    *data = e->data;
    if (!e->deflated)
        return VMG_OK;
    if (e->inflated_size > VMG_SOURCE_MAX_COPY_BYTES - s->inflated_bytes)
        return vmg_fail(VMG_E_FORMAT, "it unpacks to more than %zu bytes in all",
                        VMG_SOURCE_MAX_COPY_BYTES);
    uint8_t *out = vmg_source_alloc(s, e->inflated_size);
    s->inflated_bytes += e->inflated_size;
    *data = out;
    return out ? vmg_zip_inflate(e, out) : VMG_E_NOMEM;
}

int vmg_npz_read(vmg_source *s)
{
    vmg_zip zip;
    s->base.format = "npz";
    int rc = vmg_zip_open_packed(s->map.data, s->map.size, &zip);
    for (size_t i = 0; rc == VMG_OK && i < zip.n; i++) {
        const vmg_zip_entry *e = &zip.entries[i];
        const uint8_t *data = NULL;
        size_t n = e->name_bytes;
        if (n > 4 && !memcmp(e->name + n - 4, ".npy", 4))
            n -= 4;
        rc = entry_bytes(s, e, &data);
        if (rc == VMG_OK)
            rc = add_npy(s, e->name, n, data, e->inflated_size);
        if (rc ==
            VMG_E_UNSUPPORTED) /* text beside the numbers, as AMASS's "gender": noted, not read */
            rc = vmg_source_add_meta(s, e->name, n, &(vmg_meta){.kind = VMG_META_NONE});
        if (rc != VMG_OK)
            vmg_fail_prefix(rc, "%.*s", (int)VMG_MIN(e->name_bytes, (size_t)200), e->name);
    }
    vmg_zip_close(&zip);
    return rc;
}

int vmg_npy_header(vmg_dtype dtype, int rank, const int64_t *dim, char **out, size_t *size)
{
    const char *code = NULL;
    char descr[8];
    *out = NULL;
    for (size_t i = 0; i < VMG_COUNT(descrs); i++)
        if (descrs[i].dtype == dtype)
            code = descrs[i].code;
    if (!code)
        return vmg_fail(VMG_E_UNSUPPORTED, "numpy has no type for %s: write f32, f16, or another "
                        "file format", vmg_dtype_name(dtype));
    snprintf(descr, sizeof descr, "%c%s", vmg_dtype_get(dtype).block_bytes > 1 ? '<' : '|', code);
    return vmg_npy_header_of(descr, rank, dim, out, size);
}

int vmg_npy_header_of(const char *descr, int rank, const int64_t *dim, char **out, size_t *size)
{
    vmg_buf b = {0};
    *out = NULL;
    vmg_buf_append(&b, "\x93NUMPY\x01\x00..", 10);
    vmg_buf_printf(&b, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < rank; i++)
        vmg_buf_printf(&b, rank == 1 ? "%" PRId64 "," : i ? ", %" PRId64 : "%" PRId64, dim[i]);
    vmg_buf_puts(&b, "), }");
    /* NumPy aligns the values to 64 bytes; the padding ends with a newline. */
    while (!b.failed && (b.len + 1) % 64)
        vmg_buf_append(&b, " ", 1);
    vmg_buf_append(&b, "\n", 1);
    if (b.failed) {
        vmg_buf_free(&b);
        return VMG_E_NOMEM;
    }
    vmg_le_store((uint8_t *)b.data + 8, b.len - 10, 2);
    *out = b.data;
    *size = b.len;
    return VMG_OK;
}
