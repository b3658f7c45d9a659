/* Compressed .npz files: read like stored ones, refused when anything about them is wrong. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "host/base/mem.h"
#include "src/format/bytes.h"
#include "src/format/npy.h"
#include "src/format/weights_file.h"
#include "src/format/zip.h"
#include "tests/harness.h"

enum { ROWS = 300, COLS = 7 };

/* An archive in the making. */
typedef struct archive {
    vmg_buf bytes, directory;
    int n;
} archive;

static void put(vmg_buf *b, uint64_t v, int n)
{
    uint8_t bytes[8];
    vmg_le_store(bytes, v, n);
    vmg_buf_append(b, bytes, (size_t)n);
}

/* Adds an entry; what is wrong about it is added to the directory's numbers. */
static void add(archive *a, const char *name, const void *data, size_t n, int wrong_size, int wrong_crc, size_t cut)
{
    uLongf room = compressBound(n) + 64;
    uint8_t *packed = vmg_calloc(room, 1);
    z_stream z = {0};
    const size_t offset = a->bytes.len;
    deflateInit2(&z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)n;
    z.next_out = packed;
    z.avail_out = (uInt)room;
    CHECK_INT(deflate(&z, Z_FINISH), Z_STREAM_END);
    const size_t size = z.total_out - cut;
    deflateEnd(&z);
    const uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), data, (uInt)n) + (uint32_t)wrong_crc;
    for (int central = 0; central < 2; central++) {
        vmg_buf *b = central ? &a->directory : &a->bytes;
        put(b, central ? 0x02014b50 : 0x04034b50, 4);
        put(b, 20, central ? 4 : 2); /* versions: made by, needed */
        put(b, 0, 2);                /* flags */
        put(b, 8, 2);                /* method */
        put(b, 0, 4);                /* time */
        put(b, crc, 4);
        put(b, size, 4);
        put(b, (uint64_t)((int64_t)n + wrong_size), 4);
        put(b, strlen(name), 2);
        put(b, 0, 2); /* extra */
        if (central) {
            put(b, 0, 8); /* comment, disk, attributes */
            put(b, 0, 2);
            put(b, offset, 4);
        }
        vmg_buf_puts(b, name);
    }
    vmg_buf_append(&a->bytes, packed, size);
    a->n++;
    free(packed);
}

static void finish(archive *a)
{
    const size_t at = a->bytes.len;
    vmg_buf_append(&a->bytes, a->directory.data, a->directory.len);
    put(&a->bytes, 0x06054b50, 4);
    put(&a->bytes, 0, 4);
    put(&a->bytes, (uint64_t)a->n, 2);
    put(&a->bytes, (uint64_t)a->n, 2);
    put(&a->bytes, a->directory.len, 4);
    put(&a->bytes, at, 4);
    put(&a->bytes, 0, 2);
    vmg_buf_free(&a->directory);
}

/* A .npy of small numbers, in fresh memory. */
static char *npy(const float *x, size_t *size)
{
    char *header, *all;
    size_t n;
    if (!CHECK_OK(vmg_npy_header(VMG_F32, 2, (int64_t[]){ROWS, COLS}, &header, &n)))
        return NULL;
    *size = n + ROWS * COLS * sizeof *x;
    all = vmg_calloc(*size, 1);
    memcpy(all, header, n);
    memcpy(all + n, x, ROWS * COLS * sizeof *x);
    free(header);
    return all;
}

static void unpacks(void)
{
    static float x[ROWS * COLS], y[ROWS * COLS];
    archive a = {0};
    vmg_weights *w;
    size_t n;
    for (int i = 0; i < ROWS * COLS; i++)
        x[i] = (float)(i % 50);
    char *data = npy(x, &n);
    add(&a, "first.npy", data, n, 0, 0, 0);
    x[3] = -1;
    free(data);
    data = npy(x, &n);
    add(&a, "second.npy", data, n, 0, 0, 0);
    finish(&a);
    CHECK(a.bytes.len < n); /* it is packed */
    REQUIRE_OK(vmg_weights_open_memory("x.npz", a.bytes.data, a.bytes.len, &w));
    CHECK_INT(w->n_tensors, 2);
    const vmg_weight *t = vmg_weights_find(w, "second");
    REQUIRE(t && t->rank == 2 && t->dim[0] == ROWS && t->dim[1] == COLS);
    REQUIRE_OK(vmg_weight_to_f32(t, y));
    CHECK(!memcmp(x, y, sizeof x));
    vmg_weights_close(w);
    vmg_buf_free(&a.bytes);
    free(data);
}

static void refuses_what_does_not_fit(void)
{
    static float x[ROWS * COLS];
    static const struct {
        int size, crc;
        size_t cut;
        const char *word;
    } wrong[] = {{1, 0, 0, "does not unpack"},  {-1, 0, 0, "does not unpack"}, {0, 1, 0, "does not unpack"},
                 {0, 0, 3, "does not unpack"},  {-9000, 0, 0, "unpack"},       {1 << 28, 0, 0, "cannot unpack"}};
    vmg_weights *w;
    size_t n;
    char *data = npy(x, &n);
    for (size_t i = 0; i < VMG_COUNT(wrong); i++) {
        archive a = {0};
        add(&a, "x.npy", data, n, wrong[i].size < -1 ? -(int)n : wrong[i].size, wrong[i].crc, wrong[i].cut);
        finish(&a);
        CHECK_FAILS(vmg_weights_open_memory("x.npz", a.bytes.data, a.bytes.len, &w), VMG_E_FORMAT, wrong[i].word);
        vmg_buf_free(&a.bytes);
    }
    free(data);
}

/* PyTorch's archives are mapped, so theirs must be stored. */
static void not_for_torch(void)
{
    archive a = {0};
    vmg_weights *w;
    add(&a, "archive/data.pkl", "\x80\2}.", 4, 0, 0, 0);
    finish(&a);
    CHECK_FAILS(vmg_weights_open_memory("x.pt", a.bytes.data, a.bytes.len, &w), VMG_E_UNSUPPORTED, "compressed");
    vmg_buf_free(&a.bytes);
}

static const vmg_test_case cases[] = {
    {"unpacks", unpacks},
    {"refuses_what_does_not_fit", refuses_what_does_not_fit},
    {"not_for_torch", not_for_torch},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
