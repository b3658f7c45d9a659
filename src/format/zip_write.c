/* Writes zip archives of stored entries, with 64-bit sizes where they are needed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/bytes.h"
#include "src/format/zip.h"

#define MAX32 0xffffffffu

void vmg_zip_writer_init(vmg_zip_writer *w, FILE *f)
{
    *w = (vmg_zip_writer){.f = f};
    /* CRC-32 (IEEE 802.3, reflected), eight bytes per step: table k is a byte k places further on.
     */
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
        w->crc_table[0][i] = c;
    }
    for (int k = 1; k < 8; k++)
        for (int i = 0; i < 256; i++)
            w->crc_table[k][i] = w->crc_table[k - 1][i] >> 8 ^
                                 w->crc_table[0][w->crc_table[k - 1][i] & 255];
}

static uint32_t update_crc(const vmg_zip_writer *w, uint32_t crc, const uint8_t *p, size_t n)
{
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t lo = crc ^ (uint32_t)vmg_le_load(p, 4), next = 0;
        for (int k = 0; k < 4; k++)
            next ^= w->crc_table[7 - k][lo >> (8 * k) & 255] ^ w->crc_table[3 - k][p[4 + k]];
        crc = next;
    }
    for (; n; n--, p++)
        crc = crc >> 8 ^ w->crc_table[0][(crc ^ *p) & 255];
    return ~crc;
}

static int put(vmg_zip_writer *w, const void *data, size_t n)
{
    if (n && fwrite(data, 1, n, w->f) != n)
        return vmg_fail(VMG_E_IO, "cannot write a zip archive: %s", strerror(errno));
    w->at += n;
    return VMG_OK;
}

/* The checksum is known only after the data: goes back to write it into the local header. */
static int close_entry(vmg_zip_writer *w)
{
    if (w->missing)
        return vmg_fail(VMG_E_ARG, "%llu bytes of zip entry \"%s\" were not written",
                        (unsigned long long)w->missing, w->records[w->n - 1].name);
    if (!w->n)
        return VMG_OK;
    uint8_t crc[4];
    vmg_le_store(crc, w->records[w->n - 1].crc, 4);
    if (fseeko(w->f, (off_t)(w->records[w->n - 1].offset + 14), SEEK_SET) != 0 ||
        fwrite(crc, 1, 4, w->f) != 4 || fseeko(w->f, (off_t)w->at, SEEK_SET) != 0)
        return vmg_fail(VMG_E_IO, "cannot write a zip archive: %s", strerror(errno));
    return VMG_OK;
}

/* Fields that local and central headers share, from "version needed" to the name's length. */
static void common_fields(uint8_t *p, const vmg_zip_record *r, bool zip64)
{
    memset(p, 0, 24);
    vmg_le_store(p, zip64 ? 45 : 20, 2);
    vmg_le_store(p + 2, 0x800, 2); /* names are UTF-8 */
    vmg_le_store(p + 8, 0x21, 2);  /* 1980-01-01: the same input gives the same file */
    vmg_le_store(p + 10, r->crc, 4);
    vmg_le_store(p + 14, zip64 ? MAX32 : r->size, 4);
    vmg_le_store(p + 18, zip64 ? MAX32 : r->size, 4);
    vmg_le_store(p + 22, strlen(r->name), 2);
}

int vmg_zip_writer_begin(vmg_zip_writer *w, const char *name, uint64_t size, unsigned align)
{
    uint8_t head[30] = {'P', 'K', 3, 4}, extra[20] = {1, 0, 16, 0};
    static const uint8_t zeros[4096];
    int rc = close_entry(w);
    if (rc != VMG_OK)
        return rc;
    if (strlen(name) > 65535 || align < 1 || align > 4096)
        return vmg_fail(VMG_E_ARG,
                        "zip entries need a name below 64 KiB and an alignment of 1..4096");
    if (w->n == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 64;
        vmg_zip_record *more = vmg_realloc(w->records, cap, sizeof *more);
        if (!more)
            return VMG_E_NOMEM;
        w->records = more;
        w->cap = cap;
    }
    vmg_zip_record *r = &w->records[w->n];
    *r = (vmg_zip_record){vmg_strdup(name), w->at, size, 0};
    if (!r->name)
        return VMG_E_NOMEM;
    w->n++;
    w->missing = size;
    bool zip64 = size >= MAX32;
    size_t extra_bytes = zip64 ? 20 : 0;
    vmg_le_store(extra + 4, size, 8);
    vmg_le_store(extra + 12, size, 8);
    /* Padding is a field of its own ("FB", as PyTorch's), which takes at least 4 bytes. */
    uint64_t start = w->at + sizeof head + strlen(name) + extra_bytes;
    size_t pad = (size_t)((align - start % align) % align);
    if (pad && pad < 4)
        pad += (4 - pad + align - 1) / align * align;
    common_fields(head + 4, r, zip64);
    vmg_le_store(head + 28, extra_bytes + pad, 2);
    rc = put(w, head, sizeof head);
    if (rc == VMG_OK)
        rc = put(w, name, strlen(name));
    if (rc == VMG_OK)
        rc = put(w, extra, extra_bytes);
    if (rc == VMG_OK && pad) {
        uint8_t field[4] = {'F', 'B'};
        vmg_le_store(field + 2, pad - 4, 2);
        rc = put(w, field, 4);
        if (rc == VMG_OK)
            rc = put(w, zeros, pad - 4);
    }
    return rc;
}

int vmg_zip_writer_write(vmg_zip_writer *w, const void *data, size_t n)
{
    if (n > w->missing)
        return vmg_fail(VMG_E_ARG, "%zu bytes too many for a zip entry", n - (size_t)w->missing);
    vmg_zip_record *r = &w->records[w->n - 1];
    r->crc = update_crc(w, r->crc, data, n);
    w->missing -= n;
    return put(w, data, n);
}

static int put_central(vmg_zip_writer *w, const vmg_zip_record *r)
{
    uint8_t head[46] = {'P', 'K', 1, 2}, extra[28] = {1, 0, 24, 0};
    bool zip64 = r->size >= MAX32 || r->offset >= MAX32;
    vmg_le_store(head + 4, 45, 2);
    common_fields(head + 6, r, zip64);
    vmg_le_store(head + 30, zip64 ? sizeof extra : 0, 2);
    vmg_le_store(head + 42, zip64 ? MAX32 : r->offset, 4);
    vmg_le_store(extra + 4, r->size, 8);
    vmg_le_store(extra + 12, r->size, 8);
    vmg_le_store(extra + 20, r->offset, 8);
    int rc = put(w, head, sizeof head);
    if (rc == VMG_OK)
        rc = put(w, r->name, strlen(r->name));
    return rc == VMG_OK && zip64 ? put(w, extra, sizeof extra) : rc;
}

int vmg_zip_writer_finish(vmg_zip_writer *w)
{
    uint8_t end64[56] = {'P', 'K', 6, 6}, locator[20] = {'P', 'K', 6, 7},
            end[22] = {'P', 'K', 5, 6};
    int rc = close_entry(w);
    uint64_t start = w->at;
    for (size_t i = 0; rc == VMG_OK && i < w->n; i++)
        rc = put_central(w, &w->records[i]);
    uint64_t size = w->at - start, end64_at = w->at;
    bool zip64 = start >= MAX32 || size >= MAX32 || w->n >= 0xffff;
    vmg_le_store(end64 + 4, sizeof end64 - 12, 8);
    vmg_le_store(end64 + 12, 45, 2);
    vmg_le_store(end64 + 14, 45, 2);
    vmg_le_store(end64 + 24, w->n, 8);
    vmg_le_store(end64 + 32, w->n, 8);
    vmg_le_store(end64 + 40, size, 8);
    vmg_le_store(end64 + 48, start, 8);
    vmg_le_store(locator + 8, end64_at, 8);
    vmg_le_store(locator + 16, 1, 4);
    vmg_le_store(end + 8, zip64 ? 0xffff : w->n, 2);
    vmg_le_store(end + 10, zip64 ? 0xffff : w->n, 2);
    vmg_le_store(end + 12, zip64 ? MAX32 : size, 4);
    vmg_le_store(end + 16, zip64 ? MAX32 : start, 4);
    if (rc == VMG_OK && zip64)
        rc = put(w, end64, sizeof end64);
    if (rc == VMG_OK && zip64)
        rc = put(w, locator, sizeof locator);
    return rc == VMG_OK ? put(w, end, sizeof end) : rc;
}

void vmg_zip_writer_free(vmg_zip_writer *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->records[i].name);
    free(w->records);
    *w = (vmg_zip_writer){0};
}
