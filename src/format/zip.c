/* Reads zip archives: the directory at the end, checked against the entries. */
#include "src/format/zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "host/base/mem.h"
#include "src/format/bytes.h"

enum {
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    MAX_ENTRIES = 1 << 20,
    STORED = 0,
    DEFLATED = 8,
    MAX_RATIO = 1032 /* of deflate */
};

#define LOCAL_MAGIC 0x04034b50u
#define CENTRAL_MAGIC 0x02014b50u
#define END_MAGIC 0x06054b50u
#define END64_MAGIC 0x06064b50u
#define LOCATOR_MAGIC 0x07064b50u

bool vmg_zip_recognise(const uint8_t *data, size_t size)
{
    return size >= 4 && vmg_le_load(data, 4) == LOCAL_MAGIC;
}

/* Where the directory is. */
typedef struct directory {
    uint64_t n, offset, size;
} directory;

/* The end record stands last, before a comment of up to 65535 bytes. */
static int find_directory(const uint8_t *data, size_t size, directory *d)
{
    size_t lowest = size > END_BYTES + 65535 ? size - END_BYTES - 65535 : 0;
    size_t at = size < END_BYTES ? 0 : size - END_BYTES + 1;
    bool found = false;
    while (!found && at-- > lowest)
        found = vmg_le_load(data + at, 4) == END_MAGIC &&
                vmg_le_load(data + at + 20, 2) <= size - at - END_BYTES;
    if (!found)
        return vmg_fail(VMG_E_FORMAT,
                        "the zip archive has no directory at its end: its bytes stop too "
                        "early, at %zu",
                        size);
    const uint8_t *end = data + at;
    *d = (directory){vmg_le_load(end + 10, 2), vmg_le_load(end + 16, 4), vmg_le_load(end + 12, 4)};
    if (at >= LOCATOR_BYTES && vmg_le_load(end - LOCATOR_BYTES, 4) == LOCATOR_MAGIC) {
        uint64_t at64 = vmg_le_load(end - LOCATOR_BYTES + 8, 8);
        if (at64 > size || size - at64 < END64_BYTES || vmg_le_load(data + at64, 4) != END64_MAGIC)
            return vmg_fail(VMG_E_FORMAT,
                            "the zip archive's 64-bit end record is not where it should "
                            "be");
        *d = (directory){vmg_le_load(data + at64 + 32, 8), vmg_le_load(data + at64 + 48, 8),
                         vmg_le_load(data + at64 + 40, 8)};
    }
    if (d->offset > at || d->size > at - d->offset || d->n > MAX_ENTRIES ||
        d->n * CENTRAL_BYTES > d->size)
        return vmg_fail(VMG_E_FORMAT,
                        "the zip archive's directory (%llu entries, %llu bytes at %llu) "
                        "does not fit into its %zu bytes",
                        (unsigned long long)d->n, (unsigned long long)d->size,
                        (unsigned long long)d->offset, size);
    return VMG_OK;
}

/* Replaces the 32-bit values that say "see the zip64 field" by that field's. */
static bool read_zip64(const uint8_t *extra, size_t extra_bytes, uint64_t *values[3])
{
    bool wanted = false;
    for (int i = 0; i < 3; i++)
        wanted |= *values[i] == 0xffffffffu;
    vmg_cursor c = {extra, 0, extra_bytes};
    uint64_t id, n;
    while (wanted && vmg_cursor_le(&c, 2, &id) && vmg_cursor_le(&c, 2, &n)) {
        const uint8_t *field = vmg_cursor_take(&c, n);
        if (!field)
            return false;
        if (id != 1)
            continue;
        vmg_cursor f = {field, 0, (size_t)n};
        for (int i = 0; i < 3; i++)
            if (*values[i] == 0xffffffffu && !vmg_cursor_le(&f, 8, values[i]))
                return false;
        return true;
    }
    return !wanted;
}

/* Fills *e from one directory entry whose fixed part is `p`. */
static int read_entry(const uint8_t *data, uint64_t data_end, const uint8_t *p,
                      const uint8_t *extra, bool allow_deflate, vmg_zip_entry *e)
{
    uint64_t packed = vmg_le_load(p + 20, 4), size = vmg_le_load(p + 24, 4);
    uint64_t offset = vmg_le_load(p + 42, 4);
    uint64_t flags = vmg_le_load(p + 8, 2), method = vmg_le_load(p + 10, 2);
    int shown = (int)VMG_MIN(e->name_bytes, (size_t)200);
    if (!read_zip64(extra, (size_t)vmg_le_load(p + 30, 2), (uint64_t *[]){&size, &packed, &offset}))
        return vmg_fail(VMG_E_FORMAT, "zip entry \"%.*s\" has no proper 64-bit size", shown,
                        e->name);
    if (flags & 1)
        return vmg_fail(VMG_E_UNSUPPORTED, "zip entry \"%.*s\" is encrypted", shown, e->name);
    if (method != STORED && !(method == DEFLATED && allow_deflate))
        return vmg_fail(VMG_E_UNSUPPORTED,
                        "zip entry \"%.*s\" is compressed (method %d); only stored "
                        "entries are read: save the file again without compression",
                        shown, e->name, (int)method);
    if (method == DEFLATED && size / MAX_RATIO > packed)
        return vmg_fail(VMG_E_FORMAT, "zip entry \"%.*s\" cannot unpack to %llu bytes", shown,
                        e->name, (unsigned long long)size);
    if (method == STORED && packed != size)
        return vmg_fail(VMG_E_FORMAT,
                        "zip entry \"%.*s\" is stored but has two sizes, %llu and %llu", shown,
                        e->name, (unsigned long long)packed, (unsigned long long)size);
    if (offset > data_end || data_end - offset < LOCAL_BYTES ||
        vmg_le_load(data + offset, 4) != LOCAL_MAGIC)
        return vmg_fail(VMG_E_FORMAT, "zip entry \"%.*s\" should start at byte %llu, and does not",
                        shown, e->name, (unsigned long long)offset);
    uint64_t start = offset + LOCAL_BYTES + vmg_le_load(data + offset + 26, 2) +
                     vmg_le_load(data + offset + 28, 2);
    if (start > data_end || packed > data_end - start)
        return vmg_fail(VMG_E_FORMAT,
                        "zip entry \"%.*s\" needs %llu bytes at %llu, and the entries end "
                        "at %llu",
                        shown, e->name, (unsigned long long)packed, (unsigned long long)start,
                        (unsigned long long)data_end);
    e->data = data + start;
    e->size = (size_t)packed;
    e->deflated = method == DEFLATED;
    e->inflated_size = (size_t)size;
    e->crc = (uint32_t)vmg_le_load(p + 16, 4);
    e->header_offset = (size_t)offset;
    return VMG_OK;
}

static int compare_bytes(const char *a, size_t n, const char *b, size_t m)
{
    int order = memcmp(a, b, VMG_MIN(n, m));
    return order ? order : (n > m) - (n < m);
}

static int compare_name(const void *a, const void *b)
{
    const vmg_zip_entry *x = *(const vmg_zip_entry *const *)a,
                        *y = *(const vmg_zip_entry *const *)b;
    return compare_bytes(x->name, x->name_bytes, y->name, y->name_bytes);
}

static int compare_offset(const void *a, const void *b)
{
    const vmg_zip_entry *x = *(const vmg_zip_entry *const *)a,
                        *y = *(const vmg_zip_entry *const *)b;
    return (x->header_offset > y->header_offset) - (x->header_offset < y->header_offset);
}

/* Sorts by_name, and refuses archives in which two entries share bytes or a name. */
static int index_entries(const uint8_t *data, vmg_zip *zip)
{
    for (size_t i = 0; i < zip->n; i++)
        zip->by_name[i] = &zip->entries[i];
    if (zip->n)
        qsort(zip->by_name, zip->n, sizeof *zip->by_name, compare_offset);
    for (size_t i = 1; i < zip->n; i++) {
        const vmg_zip_entry *a = zip->by_name[i - 1], *b = zip->by_name[i];
        if ((size_t)(a->data - data) + a->size > b->header_offset)
            return vmg_fail(VMG_E_FORMAT, "zip entries \"%.*s\" and \"%.*s\" overlap",
                            (int)VMG_MIN(a->name_bytes, (size_t)200), a->name,
                            (int)VMG_MIN(b->name_bytes, (size_t)200), b->name);
    }
    if (zip->n)
        qsort(zip->by_name, zip->n, sizeof *zip->by_name, compare_name);
    for (size_t i = 1; i < zip->n; i++)
        if (compare_name(&zip->by_name[i - 1], &zip->by_name[i]) == 0)
            return vmg_fail(VMG_E_FORMAT, "zip entry \"%.*s\" occurs twice",
                            (int)VMG_MIN(zip->by_name[i]->name_bytes, (size_t)200),
                            zip->by_name[i]->name);
    return VMG_OK;
}

static int open_archive(const uint8_t *data, size_t size, bool allow_deflate, vmg_zip *out)
{
    directory d = {0};
    *out = (vmg_zip){0};
    int rc = find_directory(data, size, &d);
    if (rc != VMG_OK)
        return rc;
    out->entries = vmg_calloc((size_t)d.n, sizeof *out->entries);
    out->by_name = vmg_calloc((size_t)d.n, sizeof *out->by_name);
    rc = out->entries && out->by_name ? VMG_OK : VMG_E_NOMEM;
    vmg_cursor c = {data + d.offset, 0, (size_t)d.size};
    for (uint64_t i = 0; rc == VMG_OK && i < d.n; i++) {
        const uint8_t *p = vmg_cursor_take(&c, CENTRAL_BYTES);
        vmg_zip_entry e = {0};
        if (!p || vmg_le_load(p, 4) != CENTRAL_MAGIC) {
            rc = vmg_fail(VMG_E_FORMAT, "entry %llu of the zip directory is damaged",
                          (unsigned long long)i);
            break;
        }
        e.name_bytes = (size_t)vmg_le_load(p + 28, 2);
        uint64_t extra_bytes = vmg_le_load(p + 30, 2), comment_bytes = vmg_le_load(p + 32, 2);
        e.name = (const char *)vmg_cursor_take(&c, e.name_bytes);
        const uint8_t *extra = vmg_cursor_take(&c, extra_bytes);
        if (!e.name || !extra || !vmg_cursor_take(&c, comment_bytes)) {
            rc = vmg_fail(VMG_E_FORMAT, "entry %llu of the zip directory reaches beyond it",
                          (unsigned long long)i);
            break;
        }
        rc = read_entry(data, d.offset, p, extra, allow_deflate, &e);
        if (rc == VMG_OK && !(e.size == 0 && e.name_bytes && e.name[e.name_bytes - 1] == '/'))
            out->entries[out->n++] = e;
    }
    if (rc == VMG_OK)
        rc = index_entries(data, out);
    if (rc != VMG_OK)
        vmg_zip_close(out);
    return rc;
}

int vmg_zip_open(const uint8_t *data, size_t size, vmg_zip *out)
{
    return open_archive(data, size, false, out);
}

int vmg_zip_open_packed(const uint8_t *data, size_t size, vmg_zip *out)
{
    return open_archive(data, size, true, out);
}

int vmg_zip_inflate(const vmg_zip_entry *e, uint8_t *out)
{
    z_stream z = {0};
    /* zlib counts in unsigned ints: in pieces */
    const size_t most = 1u << 30;
    size_t in = 0, made = 0;
    int shown = (int)VMG_MIN(e->name_bytes, (size_t)200), status = Z_OK;
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return vmg_fail(VMG_E_NOMEM, "zlib cannot begin");
    uint8_t beyond; /* where a byte too many would go, and zlib's next_out when none is wanted */
    while (status == Z_OK) {
        const size_t give = VMG_MIN(e->size - in, most), room = VMG_MIN(e->inflated_size - made, most);
        z.next_in = (Bytef *)(uintptr_t)(e->data + in);
        z.avail_in = (uInt)give;
        z.next_out = room ? out + made : &beyond;
        z.avail_out = (uInt)(room ? room : 1);
        status = inflate(&z, Z_NO_FLUSH);
        in += give - z.avail_in;
        made += (room ? room : 1) - z.avail_out;
        if (made > e->inflated_size)
            status = Z_DATA_ERROR;
    }
    inflateEnd(&z);
    uLong crc = crc32(0, NULL, 0);
    for (size_t at = 0; at < made && status == Z_STREAM_END; at += most)
        crc = crc32(crc, out + at, (uInt)VMG_MIN(made - at, most));
    if (status != Z_STREAM_END || made != e->inflated_size || (uint32_t)crc != e->crc)
        return vmg_fail(VMG_E_FORMAT,
                        "zip entry \"%.*s\" does not unpack to the %zu bytes it should", shown,
                        e->name, e->inflated_size);
    return VMG_OK;
}

void vmg_zip_close(vmg_zip *zip)
{
    free(zip->entries);
    free(zip->by_name);
    *zip = (vmg_zip){0};
}

const vmg_zip_entry *vmg_zip_find(const vmg_zip *zip, const char *name)
{
    size_t lo = 0, hi = zip->n, n = strlen(name);
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const vmg_zip_entry *e = zip->by_name[mid];
        int order = compare_bytes(name, n, e->name, e->name_bytes);
        if (order == 0)
            return e;
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}
