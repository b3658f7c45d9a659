/* Reads GGUF files. */
#include "src/format/gguf.h"

#include <inttypes.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/bytes.h"

enum { MAX_KEY_BYTES = 65535 };

/* ggml's numbers of the types that tensors have; gaps are types that nobody publishes any more. */
static const struct {
    int number;
    vmg_dtype dtype;
} tensor_types[] = {
    {0, VMG_F32},   {1, VMG_F16},   {2, VMG_Q4_0},  {3, VMG_Q4_1},  {6, VMG_Q5_0},
    {7, VMG_Q5_1},  {8, VMG_Q8_0},  {10, VMG_Q2_K}, {11, VMG_Q3_K}, {12, VMG_Q4_K},
    {13, VMG_Q5_K}, {14, VMG_Q6_K}, {24, VMG_I8},   {25, VMG_I16},  {26, VMG_I32},
    {27, VMG_I64},  {28, VMG_F64},  {30, VMG_BF16},
};

/* By enum vmg_gguf_type. */
static const vmg_dtype value_types[] = {
    [VMG_GGUF_U8] = VMG_U8,   [VMG_GGUF_I8] = VMG_I8,     [VMG_GGUF_U16] = VMG_U16,
    [VMG_GGUF_I16] = VMG_I16, [VMG_GGUF_U32] = VMG_U32,   [VMG_GGUF_I32] = VMG_I32,
    [VMG_GGUF_F32] = VMG_F32, [VMG_GGUF_BOOL] = VMG_BOOL, [VMG_GGUF_STRING] = VMG_N_DTYPES,
    [VMG_GGUF_ARRAY] = VMG_N_DTYPES, [VMG_GGUF_U64] = VMG_U64, [VMG_GGUF_I64] = VMG_I64,
    [VMG_GGUF_F64] = VMG_F64,
};

bool vmg_gguf_recognise(const uint8_t *data, size_t size)
{
    return size >= 4 && !memcmp(data, "GGUF", 4);
}

int vmg_gguf_tensor_type(vmg_dtype dtype)
{
    for (size_t i = 0; i < VMG_COUNT(tensor_types); i++)
        if (tensor_types[i].dtype == dtype)
            return tensor_types[i].number;
    return -1;
}

int vmg_gguf_value_type(vmg_dtype dtype)
{
    for (size_t i = 0; i < VMG_COUNT(value_types); i++)
        if (value_types[i] == dtype && dtype != VMG_N_DTYPES)
            return (int)i;
    return -1;
}

static int ends_early(const vmg_cursor *c, const char *inside)
{
    return vmg_fail(VMG_E_FORMAT, "the bytes stop at %zu, inside %s", c->size, inside);
}

static int read_string(vmg_cursor *c, const char *what, const char **text, size_t *n)
{
    uint64_t len;
    const uint8_t *p;
    if (!vmg_cursor_le(c, 8, &len) || !(p = vmg_cursor_take(c, len)))
        return ends_early(c, what);
    *text = (const char *)p;
    *n = (size_t)len;
    return VMG_OK;
}

/* ---- metadata ---- */

static int bad_value(const char *key, size_t n, const char *why)
{
    return vmg_fail(VMG_E_FORMAT, "metadata \"%.*s\" %s", (int)VMG_MIN(n, (size_t)200), key, why);
}

/* A number or truth value of `dtype` whose little-endian bits are `bits`. */
static void set_scalar(vmg_meta *m, vmg_dtype dtype, uint64_t bits)
{
    bool is_signed = dtype == VMG_I8 || dtype == VMG_I16 || dtype == VMG_I32 || dtype == VMG_I64;
    int n_bits = 8 * vmg_dtype_get(dtype).block_bytes;
    m->dtype = dtype;
    m->kind = VMG_META_REAL;
    if (dtype == VMG_F32) {
        uint32_t u = (uint32_t)bits;
        float f;
        memcpy(&f, &u, sizeof f);
        m->real = f;
        return;
    }
    if (dtype == VMG_F64) {
        memcpy(&m->real, &bits, sizeof bits);
        return;
    }
    if (is_signed && n_bits < 64 && bits >> (n_bits - 1))
        bits |= UINT64_MAX << n_bits;
    m->integer = (int64_t)bits;
    m->real = is_signed ? (double)m->integer : (double)bits;
    m->kind = dtype == VMG_BOOL ? VMG_META_BOOL : VMG_META_INT;
    /* The few numbers that only an unsigned 64-bit type holds. */
    if (dtype == VMG_U64 && m->integer < 0)
        m->kind = VMG_META_REAL;
}

static int read_array(vmg_cursor *c, const char *key, size_t key_bytes, vmg_meta *m)
{
    uint64_t type, n;
    if (!vmg_cursor_le(c, 4, &type) || !vmg_cursor_le(c, 8, &n))
        return ends_early(c, "an array of metadata");
    if (type >= VMG_COUNT(value_types) || type == VMG_GGUF_ARRAY)
        return bad_value(key, key_bytes, type == VMG_GGUF_ARRAY
                                             ? "is an array of arrays, which is not read"
                                             : "is an array of an unknown type");
    m->data = c->data + c->at;
    m->n = (int64_t)n;
    m->kind = type == VMG_GGUF_STRING ? VMG_META_STRINGS : VMG_META_NUMBERS;
    m->dtype = type == VMG_GGUF_STRING ? VMG_U8 : value_types[type];
    uint64_t least = type == VMG_GGUF_STRING ? 8 : (uint64_t)vmg_dtype_get(m->dtype).block_bytes;
    if (n > vmg_cursor_left(c) / least)
        return ends_early(c, "an array of metadata");
    size_t start = c->at;
    if (type != VMG_GGUF_STRING)
        vmg_cursor_take(c, n * least);
    for (uint64_t i = 0; type == VMG_GGUF_STRING && i < n; i++) {
        const char *text;
        size_t len;
        int rc = read_string(c, "an array of strings", &text, &len);
        if (rc != VMG_OK)
            return rc;
    }
    m->data_bytes = c->at - start;
    return VMG_OK;
}

static int read_value(vmg_cursor *c, const char *key, size_t key_bytes, vmg_meta *m)
{
    uint64_t type, bits;
    *m = (vmg_meta){0};
    if (!vmg_cursor_le(c, 4, &type))
        return ends_early(c, "the metadata");
    if (type >= VMG_COUNT(value_types))
        return bad_value(key, key_bytes, "has an unknown type");
    if (type == VMG_GGUF_ARRAY)
        return read_array(c, key, key_bytes, m);
    if (type == VMG_GGUF_STRING) {
        const char *text;
        int rc = read_string(c, "a string of metadata", &text, &m->data_bytes);
        m->kind = VMG_META_STRING;
        m->data = text;
        m->n = (int64_t)m->data_bytes;
        return rc;
    }
    if (!vmg_cursor_le(c, vmg_dtype_get(value_types[type]).block_bytes, &bits))
        return ends_early(c, "the metadata");
    if (type == VMG_GGUF_BOOL && bits > 1)
        return bad_value(key, key_bytes, "is neither true nor false");
    set_scalar(m, value_types[type], bits);
    return VMG_OK;
}

static int read_metadata(vmg_source *s, vmg_cursor *c, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        const char *key;
        size_t key_bytes;
        vmg_meta m;
        int rc = read_string(c, "the metadata", &key, &key_bytes);
        if (rc == VMG_OK && key_bytes > MAX_KEY_BYTES)
            rc = bad_value(key, key_bytes, "has too long a key");
        if (rc == VMG_OK)
            rc = read_value(c, key, key_bytes, &m);
        if (rc == VMG_OK)
            rc = vmg_source_add_meta(s, key, key_bytes, &m);
        if (rc != VMG_OK)
            return rc;
    }
    return VMG_OK;
}

/* ---- tensors ---- */

/* One description: its values' place is relative to the data's start, which is not known yet. */
typedef struct description {
    const char *name;
    size_t name_bytes;
    vmg_dtype dtype;
    int rank;
    int64_t dim[VMG_WEIGHT_MAX_RANK];
    uint64_t offset;
} description;

static int read_description(vmg_cursor *c, description *d)
{
    uint64_t rank, type, dim;
    *d = (description){0};
    int rc = read_string(c, "the tensor descriptions", &d->name, &d->name_bytes);
    if (rc != VMG_OK)
        return rc;
    int shown = (int)VMG_MIN(d->name_bytes, (size_t)200);
    if (!vmg_cursor_le(c, 4, &rank))
        return ends_early(c, "the tensor descriptions");
    if (rank > VMG_WEIGHT_MAX_RANK)
        return vmg_fail(VMG_E_FORMAT,
                        "tensor \"%.*s\" has %" PRIu64 " dimensions, expected at most %d", shown,
                        d->name, rank, VMG_WEIGHT_MAX_RANK);
    d->rank = (int)rank;
    for (int i = d->rank - 1; i >= 0; i--) {
        if (!vmg_cursor_le(c, 8, &dim))
            return ends_early(c, "the tensor descriptions");
        d->dim[i] = dim > INT64_MAX ? -1 : (int64_t)dim;
    }
    if (!vmg_cursor_le(c, 4, &type) || !vmg_cursor_le(c, 8, &d->offset))
        return ends_early(c, "the tensor descriptions");
    for (size_t i = 0; i < VMG_COUNT(tensor_types); i++)
        if (tensor_types[i].number == (int64_t)type) {
            d->dtype = tensor_types[i].dtype;
            return VMG_OK;
        }
    return vmg_fail(VMG_E_UNSUPPORTED,
                    "tensor \"%.*s\" has ggml's element type %" PRIu64 ", which is not "
                    "read",
                    shown, d->name, type);
}

static int add_tensor(vmg_source *s, const description *d, size_t data_start, uint64_t alignment)
{
    size_t size = s->map.size;
    int shown = (int)VMG_MIN(d->name_bytes, (size_t)200);
    if (d->offset % alignment)
        return vmg_fail(VMG_E_FORMAT,
                        "tensor \"%.*s\" starts at %" PRIu64 ", which is not a multiple of "
                        "the alignment %" PRIu64,
                        shown, d->name, d->offset, alignment);
    if (data_start > size || d->offset > size - data_start)
        return vmg_fail(VMG_E_FORMAT,
                        "the file ends at byte %zu, tensor \"%.*s\" starts at byte %" PRIu64, size,
                        shown, d->name, data_start + d->offset);
    size_t start = data_start + (size_t)d->offset;
    return vmg_source_add(s, d->name, d->name_bytes, d->dtype, d->rank, d->dim, s->map.data + start,
                          size - start);
}

static int read_tensors(vmg_source *s, vmg_cursor *c, uint64_t n)
{
    const vmg_meta *m = vmg_weights_meta(&s->base, "general.alignment");
    int64_t alignment = m ? m->integer : VMG_GGUF_ALIGNMENT;
    if ((m && m->kind != VMG_META_INT) || alignment < 1 || alignment > 1 << 20 ||
        (alignment & (alignment - 1)))
        return vmg_fail(VMG_E_FORMAT, "general.alignment is %" PRId64 ", expected a power of two",
                        alignment);
    int rc;
    /* First pass: where the descriptions end. Second: with that known, the tensors. */
    vmg_cursor again = *c;
    description d;
    for (uint64_t i = 0; i < n; i++) {
        rc = read_description(c, &d);
        if (rc != VMG_OK)
            return rc;
    }
    size_t data_start = (size_t)vmg_round_up((int64_t)c->at, alignment);
    for (uint64_t i = 0; i < n; i++) {
        rc = read_description(&again, &d);
        if (rc == VMG_OK)
            rc = add_tensor(s, &d, data_start, (uint64_t)alignment);
        if (rc != VMG_OK)
            return rc;
    }
    return vmg_source_check_overlap(s, data_start, VMG_MAX(data_start, s->map.size), false);
}

int vmg_gguf_read(vmg_source *s)
{
    vmg_cursor c = {s->map.data, 0, s->map.size};
    uint64_t version, n_tensors, n_meta;
    s->base.format = "gguf";
    if (!vmg_gguf_recognise(c.data, c.size))
        return vmg_fail(VMG_E_FORMAT, "not a GGUF file: its first bytes are not \"GGUF\"");
    c.at = 4;
    if (!vmg_cursor_le(&c, 4, &version) || !vmg_cursor_le(&c, 8, &n_tensors) ||
        !vmg_cursor_le(&c, 8, &n_meta))
        return ends_early(&c, "the GGUF header");
    if ((version & 0xffff) == 0 && version)
        return vmg_fail(VMG_E_UNSUPPORTED, "a big-endian GGUF file, expected little-endian");
    if (version < 2 || version > 3)
        return vmg_fail(VMG_E_UNSUPPORTED, "GGUF version %" PRIu64 ", expected 2 or 3", version);
    if (n_tensors > VMG_SOURCE_MAX_ENTRIES || n_meta > VMG_SOURCE_MAX_ENTRIES)
        return vmg_fail(VMG_E_FORMAT,
                        "%" PRIu64 " tensors and %" PRIu64 " metadata entries are announced, "
                        "expected at most %d",
                        n_tensors, n_meta, VMG_SOURCE_MAX_ENTRIES);
    int rc = read_metadata(s, &c, n_meta);
    return rc == VMG_OK ? read_tensors(s, &c, n_tensors) : rc;
}
