/* Writes GGUF version 3. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/bytes.h"
#include "src/format/gguf.h"
#include "src/format/writer_formats.h"

static void put_le(vmg_buf *b, uint64_t v, int n_bytes)
{
    uint8_t raw[8];
    vmg_le_store(raw, v, n_bytes);
    vmg_buf_append(b, raw, (size_t)n_bytes);
}

static void put_string(vmg_buf *b, const char *text, size_t n)
{
    put_le(b, n, 8);
    vmg_buf_append(b, text, n);
}

static bool has_dtype(vmg_dtype dtype)
{
    return vmg_gguf_tensor_type(dtype) >= 0;
}

/* Type and bytes of one number or truth value. */
static int put_scalar(vmg_buf *b, const vmg_meta *m)
{
    vmg_dtype dtype = m->dtype;
    uint64_t bits = (uint64_t)m->integer;
    if (m->kind == VMG_META_BOOL) {
        dtype = VMG_BOOL;
        bits = m->integer != 0;
    } else if (m->kind == VMG_META_REAL) {
        float f = (float)m->real;
        uint32_t u;
        memcpy(&u, &f, sizeof u);
        memcpy(&bits, &m->real, sizeof bits);
        /* F32 is also what an unset dtype looks like: use it only where nothing is lost. */
        if (dtype == VMG_F32 && (double)f != m->real && !isnan(m->real))
            dtype = VMG_F64;
        if (dtype == VMG_F32)
            bits = u;
        else if (dtype != VMG_F64 && dtype != VMG_U64)
            dtype = VMG_F64;
        if (dtype == VMG_U64)
            bits = (uint64_t)m->integer;
    } else if (dtype == VMG_F32) {
        dtype = VMG_I64;
    }
    int type = vmg_gguf_value_type(dtype);
    if (type < 0)
        return vmg_fail(VMG_E_UNSUPPORTED, "GGUF has no metadata of type %s (\"%s\")",
                        vmg_dtype_name(dtype), m->key);
    put_le(b, (uint64_t)type, 4);
    put_le(b, bits, vmg_dtype_get(dtype).block_bytes);
    return VMG_OK;
}

static int put_meta(vmg_buf *b, const vmg_meta *m)
{
    put_string(b, m->key, strlen(m->key));
    switch (m->kind) {
    case VMG_META_STRING:
        put_le(b, VMG_GGUF_STRING, 4);
        put_string(b, m->data, (size_t)m->n);
        return VMG_OK;
    case VMG_META_NUMBERS:
    case VMG_META_STRINGS: {
        int type = m->kind == VMG_META_STRINGS ? VMG_GGUF_STRING : vmg_gguf_value_type(m->dtype);
        if (type < 0)
            break;
        put_le(b, VMG_GGUF_ARRAY, 4);
        put_le(b, (uint64_t)type, 4);
        put_le(b, (uint64_t)m->n, 8);
        vmg_buf_append(b, m->data, m->data_bytes);
        return VMG_OK;
    }
    case VMG_META_BOOL:
    case VMG_META_INT:
    case VMG_META_REAL: return put_scalar(b, m);
    case VMG_META_NONE: break;
    }
    return vmg_fail(VMG_E_UNSUPPORTED, "GGUF has no metadata of the kind of \"%s\"", m->key);
}

static int header(vmg_writer *w)
{
    vmg_buf b = {0};
    uint64_t offset = 0;
    int rc = VMG_OK;
    vmg_buf_append(&b, "GGUF\x03\0\0\0", 8);
    put_le(&b, w->n_items, 8);
    put_le(&b, w->n_meta, 8);
    for (size_t i = 0; rc == VMG_OK && i < w->n_meta; i++)
        rc = put_meta(&b, &w->meta[i]);
    for (size_t i = 0; i < w->n_items; i++) {
        vmg_writer_item *t = &w->items[i];
        t->offset = offset;
        put_string(&b, t->name, strlen(t->name));
        put_le(&b, (uint64_t)t->rank, 4);
        for (int k = t->rank - 1; k >= 0; k--)
            put_le(&b, (uint64_t)t->dim[k], 8);
        put_le(&b, (uint64_t)vmg_gguf_tensor_type(t->dtype), 4);
        put_le(&b, offset, 8);
        offset = (uint64_t)vmg_round_up((int64_t)(offset + t->bytes), VMG_GGUF_ALIGNMENT);
    }
    while (!b.failed && b.len % VMG_GGUF_ALIGNMENT)
        vmg_buf_append(&b, "", 1);
    w->data_start = b.len;
    if (rc == VMG_OK)
        rc = b.failed ? VMG_E_NOMEM : vmg_writer_put(w, b.data, b.len);
    vmg_buf_free(&b);
    return rc;
}

/* The data part is padded after every tensor, the last one too, as ggml's own writer does. */
static int pad(vmg_writer *w)
{
    static const char zeros[VMG_GGUF_ALIGNMENT];
    off_t at = ftello(w->file.f);
    if (at < 0)
        return vmg_fail(VMG_E_IO, "cannot write %s: %s", w->file.path, strerror(errno));
    return vmg_writer_put(w, zeros, (size_t)(vmg_round_up(at, VMG_GGUF_ALIGNMENT) - at));
}

static int start(vmg_writer *w, size_t i)
{
    (void)i;
    return pad(w);
}

const vmg_writer_format vmg_writer_gguf = {
    .ending = "gguf", .takes_meta = true, .has_dtype = has_dtype, .header = header, .start = start,
    .put = vmg_writer_put, .finish = pad};
