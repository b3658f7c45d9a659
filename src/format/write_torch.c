/* Writes PyTorch archives: a pickle of protocol 2 in torch.save's own words, then the storages. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/bytes.h"
#include "src/format/torch.h"
#include "src/format/writer_formats.h"

/* Every record lies in one folder; torch takes any name. */
#define FOLDER "archive/"
enum { ALIGNMENT = 64 };

static bool has_dtype(vmg_dtype dtype)
{
    return vmg_torch_storage_name(dtype) != NULL;
}

static void put_string(vmg_buf *b, const char *text, size_t n)
{
    uint8_t head[5] = {'X'};
    vmg_le_store(head + 1, n, 4);
    vmg_buf_append(b, head, sizeof head);
    vmg_buf_append(b, text, n);
}

static void put_int(vmg_buf *b, int64_t v)
{
    uint8_t raw[10] = {'J'};
    bool wide = v < INT32_MIN || v > INT32_MAX;
    if (wide)
        memcpy(raw, "\x8a\x08", 2);
    vmg_le_store(raw + (wide ? 2 : 1), (uint64_t)v, wide ? 8 : 4);
    vmg_buf_append(b, raw, wide ? 10 : 5);
}

static void put_real(vmg_buf *b, double v)
{
    uint8_t raw[9] = {'G'};
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    for (int i = 0; i < 8; i++)
        raw[1 + i] = (uint8_t)(bits >> (56 - 8 * i));
    vmg_buf_append(b, raw, sizeof raw);
}

static void put_tuple(vmg_buf *b, int n, const int64_t *values)
{
    vmg_buf_puts(b, "(");
    for (int i = 0; i < n; i++)
        put_int(b, values[i]);
    vmg_buf_puts(b, "t");
}

/* _rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict()) */
static void put_tensor(vmg_buf *b, const vmg_writer_item *t, size_t key)
{
    char text[32];
    int64_t stride[VMG_WEIGHT_MAX_RANK], step = 1;
    for (int i = t->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= VMG_MAX(t->dim[i], 1);
    }
    vmg_buf_puts(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_string(b, "storage", 7);
    vmg_buf_printf(b, "ctorch\n%s\n", vmg_torch_storage_name(t->dtype));
    put_string(b, text, (size_t)snprintf(text, sizeof text, "%zu", key));
    put_string(b, "cpu", 3);
    put_int(b, t->n);
    vmg_buf_puts(b, "tQ");
    put_int(b, 0);
    put_tuple(b, t->rank, t->dim);
    put_tuple(b, t->rank, stride);
    vmg_buf_puts(b, "\x89" "ccollections\nOrderedDict\n)RtR");
}

/* Number i of a metadata array. */
static void put_number(vmg_buf *b, const vmg_meta *m, int64_t i)
{
    int size = vmg_dtype_get(m->dtype).block_bytes;
    const uint8_t *p = (const uint8_t *)m->data + i * size;
    if (vmg_dtype_get(m->dtype).is_float) {
        double real = 0;
        float narrow = 0;
        if (m->dtype == VMG_F64)
            memcpy(&real, p, sizeof real);
        else if (vmg_dtype_to_f32(m->dtype, p, 1, &narrow) == VMG_OK)
            real = narrow;
        put_real(b, real);
        return;
    }
    uint64_t bits = vmg_le_load(p, size);
    bool is_signed = m->dtype == VMG_I8 || m->dtype == VMG_I16 || m->dtype == VMG_I32;
    if (is_signed && bits >> (8 * size - 1))
        bits |= UINT64_MAX << (8 * size);
    put_int(b, (int64_t)bits);
}

static void put_value(vmg_buf *b, const vmg_meta *m)
{
    const char *text;
    size_t at = 0, n;
    switch (m->kind) {
    case VMG_META_NONE: vmg_buf_puts(b, "N"); break;
    case VMG_META_BOOL: vmg_buf_puts(b, m->integer ? "\x88" : "\x89"); break;
    case VMG_META_INT: put_int(b, m->integer); break;
    case VMG_META_REAL: put_real(b, m->real); break;
    case VMG_META_STRING: put_string(b, m->data, (size_t)m->n); break;
    case VMG_META_NUMBERS:
        vmg_buf_puts(b, "](");
        for (int64_t i = 0; i < m->n; i++)
            put_number(b, m, i);
        vmg_buf_puts(b, "e");
        break;
    case VMG_META_STRINGS:
        vmg_buf_puts(b, "](");
        while (vmg_meta_next_string(m, &at, &text, &n))
            put_string(b, text, n);
        vmg_buf_puts(b, "e");
        break;
    }
}

static void put_pickle(vmg_buf *b, const vmg_writer *w)
{
    bool bare = w->n_items == 1 && !w->n_meta && !strcmp(w->items->name, VMG_WEIGHT_UNNAMED);
    vmg_buf_append(b, "\x80\x02", 2);
    vmg_buf_puts(b, bare ? "" : "}(");
    for (size_t i = 0; i < w->n_items; i++) {
        if (!bare)
            put_string(b, w->items[i].name, strlen(w->items[i].name));
        put_tensor(b, &w->items[i], i);
    }
    for (size_t i = 0; i < w->n_meta; i++) {
        put_string(b, w->meta[i].key, strlen(w->meta[i].key));
        put_value(b, &w->meta[i]);
    }
    vmg_buf_puts(b, bare ? "." : "u.");
}

static int put_record(vmg_writer *w, const char *name, const char *data, size_t n)
{
    int rc = vmg_zip_writer_begin(&w->zip, name, n, ALIGNMENT);
    return rc == VMG_OK ? vmg_zip_writer_write(&w->zip, data, n) : rc;
}

static int header(vmg_writer *w)
{
    vmg_buf b = {0};
    vmg_zip_writer_init(&w->zip, w->file.f);
    put_pickle(&b, w);
    int rc = b.failed ? VMG_E_NOMEM : put_record(w, FOLDER "data.pkl", b.data, b.len);
    vmg_buf_free(&b);
    return rc == VMG_OK ? put_record(w, FOLDER "byteorder", "little", 6) : rc;
}

static int start(vmg_writer *w, size_t i)
{
    char name[48];
    snprintf(name, sizeof name, FOLDER "data/%zu", i);
    return vmg_zip_writer_begin(&w->zip, name, w->items[i].bytes, ALIGNMENT);
}

static int put(vmg_writer *w, const void *data, size_t n)
{
    return vmg_zip_writer_write(&w->zip, data, n);
}

static int finish(vmg_writer *w)
{
    int rc = put_record(w, FOLDER "version", "3\n", 2);
    return rc == VMG_OK ? vmg_zip_writer_finish(&w->zip) : rc;
}

const vmg_writer_format vmg_writer_torch = {
    .ending = "pt", .takes_meta = true, .has_dtype = has_dtype, .header = header, .start = start,
    .put = put, .finish = finish};
