/* Files made to mislead: pickles that call, lie or never end, tensors outside their file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/bytes.h"
#include "src/format/gguf.h"
#include "src/format/npy.h"
#include "src/format/pyobject.h"
#include "src/format/safetensors.h"
#include "src/format/torch.h"
#include "src/format/weights_file.h"
#include "src/format/zip.h"
#include "tests/harness.h"

/* ---- pickles inside torch archives ---- */

/* What the tensors of these archives lie in: 24 floats 0, 1, 2, ... */
enum { N_VALUES = 24 };

/* A torch archive around the given pickle, in fresh memory. */
static bool make_torch(const void *pickle, size_t n, const char *byte_order, char **data,
                       size_t *size)
{
    static const char *const names[] = {"a/data.pkl", "a/byteorder", "a/data/0", "a/version"};
    float x[N_VALUES];
    for (int i = 0; i < N_VALUES; i++)
        x[i] = (float)i;
    const struct {
        const void *data;
        size_t n;
    } records[] = {{pickle, n}, {byte_order, strlen(byte_order)}, {x, sizeof x}, {"3\n", 2}};
    const char *path = vmg_test_tmp("hostile.pt");
    FILE *f = fopen(path, "wb");
    vmg_zip_writer w;
    bool ok = f != NULL;
    vmg_zip_writer_init(&w, f);
    for (size_t i = 0; ok && i < 4; i++)
        ok = vmg_zip_writer_begin(&w, names[i], records[i].n, 64) == VMG_OK &&
             vmg_zip_writer_write(&w, records[i].data, records[i].n) == VMG_OK;
    ok = ok && vmg_zip_writer_finish(&w) == VMG_OK && fclose(f) == 0;
    vmg_zip_writer_free(&w);
    return ok && vmg_test_ok(vmg_read_file(path, 64 << 20, data, size), __FILE__, __LINE__, path);
}

/* Opens an archive around the pickle; the caller frees *data after closing *w. */
static int open_pickle(const void *pickle, size_t n, char **data, vmg_weights **w)
{
    size_t size;
    *data = NULL;
    *w = NULL;
    if (!make_torch(pickle, n, "little", data, &size))
        return VMG_E_IO;
    return vmg_weights_open_memory("hostile.pt", *data, size, w);
}

#define STORAGE(type, count)                                                                       \
    "((X\7\0\0\0storagectorch\n" type "\nX\1\0\0\0"                                                \
    "0X\3\0\0\0cpu" count "tQ"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n"
#define TAIL "\x89" "ccollections\nOrderedDict\n)RtR"
#define TENSOR(count, offset, size, stride)                                                        \
    REBUILD STORAGE("FloatStorage", count) offset "(" size "t(" stride "t" TAIL

/* A bare tensor: pickle, then what opening must say (NULL: fine). */
static void checks_every_tensor_against_its_storage(void)
{
#define CASE(text, word) {text, sizeof text - 1, word}
    static const struct {
        const char *pickle;
        size_t n;
        const char *word;
    } list[] = {
        CASE("\x80\2" TENSOR("K\x18", "K\0", "K\4K\6", "K\6K\1") ".", NULL),
        CASE("\x80\2" TENSOR("K\x18", "K\4", "K\4K\5", "K\5K\1") ".", NULL),
        CASE("\x80\2" TENSOR("K\x18", "K\0", "", "") ".", NULL),
        CASE("\x80\2" TENSOR("K\x18", "K\x17", "", "") ".", NULL),
        CASE("\x80\2" TENSOR("K\x18", "K\x18", "", "") ".", "reaches beyond"),
        CASE("\x80\2" TENSOR("K\x18", "K\5", "K\4K\5", "K\5K\1") ".", "reaches beyond"),
        CASE("\x80\2" TENSOR("K\x18", "K\0", "K\4K\6", "K\7K\1") ".", "reaches beyond"),
        CASE("\x80\2" TENSOR("K\x19", "K\0", "K\4K\6", "K\6K\1") ".", "expected 25 values"),
        CASE("\x80\2" TENSOR("J\xff\xff\xff\xff", "K\0", "K\1", "K\1") ".", "storage"),
        CASE("\x80\2" TENSOR("\x8a\x08\0\0\0\0\0\0\0\x7f", "K\0", "K\1", "K\1") ".", "expected"),
        CASE("\x80\2" TENSOR("K\x18", "J\xff\xff\xff\xff", "K\1", "K\1") ".", "offset"),
        CASE("\x80\2" TENSOR("K\x18", "K\0", "J\xff\xff\xff\xff", "K\1") ".", "offset"),
        CASE("\x80\2" TENSOR("K\x18", "K\0", "K\2", "J\xff\xff\xff\xff") ".", "offset"),
        CASE("\x80\2" TENSOR("K\x18", "K\0", "K\2K\2", "K\1") ".", "offset"),
        CASE("\x80\2" TENSOR("K\x18", "K\0", "\x8a\x08\0\0\0\0\0\0\0\x40K\4", "K\0K\0") ".",
             "impossible"),
        CASE("\x80\2" TENSOR("K\x18", "K\0", "\x8a\x08\0\0\0\0\0\0\0\x10", "K\0") ".", "rearrange"),
        CASE("\x80\2" TENSOR("K\x18", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "K\2", "K\1") ".",
             "reaches beyond"),
        CASE("\x80\2" TENSOR("K\x18", "K\0", "K\2", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f") ".",
             "reaches beyond"),
        CASE("\x80\2" TENSOR("K\x18", "K\0", "K\0\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
                             "K\1K\1") ".",
             NULL),
        CASE("\x80\2" REBUILD STORAGE("FloatStorage", "K\x18") "tR.", "offset"),
        CASE("\x80\2" REBUILD "(K\1tR.", "storage"),
        CASE("\x80\2" REBUILD STORAGE("ComplexFloatStorage", "K\x18") "tR.", "ComplexFloatStorage"),
    };
    for (size_t i = 0; i < VMG_COUNT(list); i++) {
        vmg_weights *w;
        char *data;
        int rc = open_pickle(list[i].pickle, list[i].n, &data, &w);
        if (!list[i].word)
            CHECK_OK(rc);
        else if (rc == VMG_OK || !strstr(vmg_error_message(), list[i].word))
            CHECK_STR(rc == VMG_OK ? "opened" : vmg_error_message(), list[i].word);
        vmg_weights_close(w);
        free(data);
    }
}

static void rearranges_strided_tensors(void)
{
    static const char transposed[] = "\x80\2" TENSOR("K\x18", "K\0", "K\6K\4", "K\1K\6") ".";
    static const char expanded[] = "\x80\2" TENSOR("K\x18", "K\3", "K\2K\3", "K\0K\2") ".";
    vmg_weights *w;
    const vmg_weight *t;
    char *data;
    CHECK_OK(open_pickle(transposed, sizeof transposed - 1, &data, &w));
    REQUIRE(w);
    CHECK_OK(vmg_weights_need(w, VMG_WEIGHT_UNNAMED, 2, (int64_t[]){6, 4}, &t));
    int n_wrong = 0;
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 4; k++)
            n_wrong += ((const float *)t->data)[i * 4 + k] != (float)(k * 6 + i);
    CHECK_INT(n_wrong, 0);
    vmg_weights_close(w);
    free(data);
    CHECK_OK(open_pickle(expanded, sizeof expanded - 1, &data, &w));
    REQUIRE(w);
    CHECK_ARRAY(w->tensors[0].data, ((float[]){3, 5, 7, 3, 5, 7}), 6, 0);
    vmg_weights_close(w);
    free(data);
}

static void flattens_nested_objects(void)
{
    /* {"m": OrderedDict(w=tensor), "l": [1, 2.5], "n": (None, tensor), 7: "s", "t": ["a"]} */
#define FIRST TENSOR("K\x18", "K\0", "K\2", "K\1")
#define SECOND TENSOR("K\x18", "K\2", "K\3", "K\1")
    static const char pickle[] = "\x80\2}("
                                 "X\1\0\0\0mccollections\nOrderedDict\n)R(X\1\0\0\0w" FIRST
                                 "u}X\t\0\0\0_metadataK\1sb"
                                 "X\1\0\0\0l](K\1G\x40\4\0\0\0\0\0\0e"
                                 "X\1\0\0\0n(N" SECOND "t"
                                 "K\7X\1\0\0\0s"
                                 "X\1\0\0\0t](X\1\0\0\0ae"
                                 "u.";
    vmg_weights *w;
    char *data, *text = NULL;
    CHECK_OK(open_pickle(pickle, sizeof pickle - 1, &data, &w));
    REQUIRE(w);
    CHECK_INT(w->n_tensors, 2);
    CHECK(vmg_weights_find(w, "m.w") && vmg_weights_find(w, "n.1"));
    const vmg_meta *m = vmg_weights_meta(w, "l");
    REQUIRE(m && m->kind == VMG_META_NUMBERS && m->dtype == VMG_F64 && m->n == 2);
    CHECK(((const double *)m->data)[1] == 2.5);
    m = vmg_weights_meta(w, "n.0");
    CHECK(m && m->kind == VMG_META_NONE);
    m = vmg_weights_meta(w, "t");
    CHECK(m && m->kind == VMG_META_STRINGS && m->n == 1);
    CHECK_OK(vmg_weights_meta_string(w, "7", 10, &text));
    CHECK_STR(text, "s");
    CHECK(vmg_weights_meta(w, "m._metadata") == NULL);
    free(text);
    vmg_weights_close(w);
    free(data);
}

static void calls_nothing(void)
{
    static const struct {
        const char *pickle;
        size_t n;
        const char *word;
    } list[] = {
        CASE("\x80\2cos\nsystem\nX\4\0\0\0echo\x85R.", "os.system"),
        CASE("\x80\4\x8c\5posix\x8c\6system\x93\x8c\4echo\x85R.", "posix.system"),
        CASE("\x80\2cbuiltins\neval\n(tR.", "builtins.eval"),
        CASE("\x80\2ctorch._utils\n_rebuild_tensor_v2\n.", NULL),
        CASE("\x80\2(X\1\0\0\0aios\nsystem\n.", "0x69 'i'"),
        CASE("\x80\2(cos\nsystem\no.", "os.system"),
        CASE("\x80\2K\1K\2R.", "calls something"),
        CASE("\x80\2K\1}b.", "sets the state"),
        CASE("\x80\2\x82\1.", "0x82"),
        CASE("\x80\6N.", "newer than 5"),
        CASE("\x80\2" "I1\n.", "protocol 2"),
        CASE("\x80\2cos", "two lines"),
        CASE("\x80\2", "before its end"),
        CASE("\x80\2.", "exactly one value"),
        CASE("\x80\2NN.", "exactly one value"),
        CASE("\x80\2(N.", "exactly one value"),
        CASE("\x80\2X\xff\xff\xff\xff" "a.", "needs more bytes"),
        CASE("\x80\2\x8d\xff\xff\xff\xff\xff\xff\xff\xff" "a.", "needs more bytes"),
        CASE("\x80\4\x95\xff\0\0\0\0\0\0\0N.", "needs more bytes"),
        CASE("\x80\2h\1.", "never remembered"),
        CASE("\x80\2j\xff\xff\xff\xff.", "never remembered"),
        CASE("\x80\2Nr\xff\xff\xff\xff.", "too large a number"),
        CASE("\x80\2q\1.", "remembers nothing"),
        CASE("\x80\2N(R.", "too few"),
        CASE("\x80\2](N0Na.", "too few"),
        CASE("\x80\2t.", "no mark"),
        CASE("\x80\2}(Nu.", "something else"),
        CASE("\x80\2NNa.", "something else"),
        CASE("\x80\2}NNs.", "neither a string"),
        CASE("\x80\2}X\2\0\0\0\xff\xfeNs.", "not text"),
        CASE("\x80\2}X\3\0\0\0a\nbNs.", "not text"),
        CASE("\x80\2K\1Q.", "bare storage"),
        CASE("\x80\2ccollections\nOrderedDict\n]K\1a\x85R.", "something else than pairs"),
        CASE("\x80\2ccollections\nOrderedDict\nK\1\x85R.", "something else than pairs"),
        CASE("\x80\2ccollections\nOrderedDict\n](K\1K\2\x86" "e\x85R.", NULL),
        CASE("\x80\2]q\0h\0a.", "deeper than"),
        CASE("\x80\2}q\0X\1\0\0\0kh\0s.", "deeper than"),
    };
    for (size_t i = 0; i < VMG_COUNT(list); i++) {
        vmg_weights *w;
        char *data;
        int rc = open_pickle(list[i].pickle, list[i].n, &data, &w);
        if (!list[i].word)
            CHECK_OK(rc);
        else if (rc == VMG_OK || !strstr(vmg_error_message(), list[i].word))
            CHECK_STR(rc == VMG_OK ? "opened" : vmg_error_message(), list[i].word);
        vmg_weights_close(w);
        free(data);
    }
}

/* Small pickles that stand for enormous objects. */
static void bounds_what_small_pickles_ask_for(void)
{
    vmg_buf b = {0};
    vmg_weights *w;
    char *data;
    /* Each level is a list of the level below, ten times: 10^40 leaves. */
    vmg_buf_puts(&b, "\x80\2Nq");
    vmg_buf_append(&b, "\0" "0", 2);
    for (char level = 0; level < 40; level++) {
        vmg_buf_puts(&b, "](");
        for (int i = 0; i < 10; i++)
            vmg_buf_append(&b, (char[]){'h', level}, 2);
        vmg_buf_append(&b, (char[]){'e', 'q', (char)(level + 1), '0'}, 4);
    }
    vmg_buf_append(&b, (char[]){'h', 40, '.'}, 3);
    CHECK_FAILS(open_pickle(b.data, b.len, &data, &w), VMG_E_FORMAT, "names are longer");
    free(data);
    /* A long list, made into a dictionary again and again. */
    b.len = 0;
    vmg_buf_puts(&b, "\x80\2](");
    for (int i = 0; i < 100000; i++)
        vmg_buf_puts(&b, "NN\x86");
    vmg_buf_puts(&b, "eq");
    vmg_buf_append(&b, "\0](", 3);
    for (int i = 0; i < 10000; i++)
        vmg_buf_append(&b, "ccollections\nOrderedDict\nh\0\x85R", 29);
    vmg_buf_puts(&b, "e\x86.");
    CHECK_FAILS(open_pickle(b.data, b.len, &data, &w), VMG_E_FORMAT, "in sum");
    free(data);
    /* Deep nesting. */
    b.len = 0;
    vmg_buf_puts(&b, "\x80\2");
    for (int i = 0; i < 100000; i++)
        vmg_buf_puts(&b, "]");
    for (int i = 1; i < 100000; i++)
        vmg_buf_puts(&b, "a");
    vmg_buf_puts(&b, ".");
    CHECK_FAILS(open_pickle(b.data, b.len, &data, &w), VMG_E_FORMAT, "deeper");
    free(data);
    /* More values than any weight file has. */
    b.len = 0;
    vmg_buf_puts(&b, "\x80\2(");
    for (int i = 0; i < VMG_PICKLE_MAX_VALUES; i++)
        vmg_buf_append(&b, "N", 1);
    vmg_buf_puts(&b, "t.");
    CHECK_FAILS(open_pickle(b.data, b.len, &data, &w), VMG_E_FORMAT, "more than");
    free(data);
    vmg_buf_free(&b);
}

static void refuses_big_endian_archives(void)
{
    static const char pickle[] = "\x80\2" TENSOR("K\x18", "K\0", "K\4K\6", "K\6K\1") ".";
    char *data = NULL;
    size_t n;
    vmg_weights *w = NULL;
    REQUIRE(make_torch(pickle, sizeof pickle - 1, "big", &data, &n));
    CHECK_FAILS(vmg_weights_open_memory("x", data, n, &w), VMG_E_UNSUPPORTED, "byte order");
    free(data);
}

/* ---- numpy ---- */

/* A version 1 file with this header and 24 bytes of values 0..23. */
static int open_npy(const char *header, char *out, vmg_weights **w)
{
    size_t n = strlen(header);
    memcpy(out, "\x93NUMPY\1\0", 8);
    vmg_le_store((uint8_t *)out + 8, n, 2);
    memcpy(out + 10, header, n);
    for (int i = 0; i < 24; i++)
        out[10 + n + (size_t)i] = (char)i;
    return vmg_weights_open_memory("x.npy", out, 10 + n + 24, w);
}

#define NPY(descr, fortran, shape)                                                                 \
    "{'descr': " descr ", 'fortran_order': " fortran ", 'shape': " shape ", }"

static void reads_arrays_in_any_order(void)
{
    static const struct {
        const char *header;
        float first[4];
    } list[] = {
        {NPY("'|u1'", "False", "(4, 6)"), {0, 1, 2, 3}},
        {NPY("'|u1'", "True", "(4, 6)"), {0, 4, 8, 12}},
        {NPY("'>i2'", "False", "(12,)"), {1, 0x203, 0x405, 0x607}},
        {NPY("'<i2'", "False", "(12L,)"), {0x100, 0x302, 0x504, 0x706}},
        {NPY("'>u4'", "True", "(2, 3)"), {0x10203, (float)0x8090a0b, (float)0x10111213, (float)0x4050607}},
        {"{\"shape\":(2,2,6),\"descr\":\"|i1\",\"fortran_order\":False}\n", {0, 1, 2, 3}},
        {NPY("'|b1'", "False", "(24)"), {0, 1, 1, 1}},
    };
    char file[256];
    for (size_t i = 0; i < VMG_COUNT(list); i++) {
        vmg_weights *w = NULL;
        float x[24];
        CHECK_OK(open_npy(list[i].header, file, &w));
        REQUIRE(w);
        CHECK_OK(vmg_weight_to_f32(&w->tensors[0], x));
        CHECK_ARRAY(x, list[i].first, 4, 0);
        vmg_weights_close(w);
    }
}

static void refuses_strange_arrays(void)
{
    static const struct {
        const char *header;
        int code;
        const char *word;
    } list[] = {
        {NPY("'<f4'", "False", "(7,)"), VMG_E_FORMAT, "stop after 24 of 28"},
        {NPY("'<c8'", "False", "(2,)"), VMG_E_UNSUPPORTED, "<c8"},
        {NPY("[('a', '<f4')]", "False", "(2,)"), VMG_E_UNSUPPORTED, "records"},
        {NPY("'<f4'", "False", "(-1,)"), VMG_E_FORMAT, "header"},
        {NPY("'<f4'", "False", "(99999999999999999999,)"), VMG_E_FORMAT, "header"},
        {NPY("'<f4'", "False", "(9223372036854775807, 9)"), VMG_E_FORMAT, "impossible"},
        {NPY("'>f4'", "True", "(4611686018427387904,)"), VMG_E_FORMAT, "impossible"},
        {NPY("'<f4'", "False", "(1,1,1,1,1,1,1,1,1)"), VMG_E_FORMAT, "header"},
        {NPY("'<f4'", "Perhaps", "(6,)"), VMG_E_FORMAT, "header"},
        {"{'descr': '<f4', 'shape': (6,)}", VMG_E_FORMAT, "header"},
        {"{'descr': '<f4", VMG_E_FORMAT, "header"},
        {"{'other': 1}", VMG_E_FORMAT, "header"},
        {"", VMG_E_FORMAT, "header"},
    };
    char file[256];
    for (size_t i = 0; i < VMG_COUNT(list); i++) {
        vmg_weights *w = NULL;
        CHECK_FAILS(open_npy(list[i].header, file, &w), list[i].code, list[i].word);
    }
    vmg_weights *w = NULL;
    CHECK_OK(open_npy(NPY("'>f4'", "True", "(0, 4611686018427387904, 4)"), file, &w));
    vmg_weights_close(w);
}

/* ---- safetensors ---- */

static int open_safetensors(const char *header, vmg_weights **w, char *out)
{
    size_t n = strlen(header);
    vmg_le_store((uint8_t *)out, n, 8);
    memcpy(out + 8, header, n);
    memset(out + 8 + n, 1, 16);
    *w = NULL;
    return vmg_weights_open_memory("x.safetensors", out, 8 + n + 16, w);
}

#define ST(name, dtype, shape, offsets)                                                            \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void checks_safetensors_headers(void)
{
    static const struct {
        const char *header;
        int code;
        const char *word;
    } list[] = {
        {"{" ST("a", "F32", "[2]", "[0,8]") "," ST("b", "F16", "[4]", "[8,16]") "}  ", VMG_OK,
         NULL},
        {"{" ST("a", "F32", "[2]", "[0,8]") "," ST("b", "F32", "[2]", "[4,12]") "}", VMG_E_FORMAT,
         "overlap"},
        {"{" ST("a", "F32", "[2]", "[0,8]") "," ST("b", "F32", "[1]", "[12,16]") "}", VMG_E_FORMAT,
         "belong to no tensor"},
        {"{" ST("a", "F32", "[2]", "[0,8]") "}", VMG_E_FORMAT, "after the last"},
        {"{" ST("a", "F32", "[5]", "[0,20]") "}", VMG_E_FORMAT, "ends at byte"},
        {"{" ST("a", "F32", "[4]", "[0,12]") "}", VMG_E_FORMAT, "has 12 bytes, expected 16"},
        {"{" ST("a", "F32", "[4]", "[16,0]") "}", VMG_E_FORMAT, "data_offsets"},
        {"{" ST("a", "F32", "[4]", "[-16,0]") "}", VMG_E_FORMAT, "data_offsets"},
        {"{" ST("a", "F32", "[4]", "[0,1e300]") "}", VMG_E_FORMAT, "data_offsets"},
        {"{" ST("a", "F32", "[4]", "[0,16,0]") "}", VMG_E_FORMAT, "data_offsets"},
        {"{" ST("a", "F32", "[-4]", "[0,16]") "}", VMG_E_FORMAT, "shape"},
        {"{" ST("a", "F32", "[0.5]", "[0,16]") "}", VMG_E_FORMAT, "shape"},
        {"{" ST("a", "F32", "[4503599627370496,4503599627370496]", "[0,16]") "}", VMG_E_FORMAT,
         "impossible"},
        {"{" ST("a", "F32", "[1,1,1,1,1,1,1,1,4]", "[0,16]") "}", VMG_E_FORMAT, "shape"},
        {"{" ST("a", "F8_E4M3", "[16]", "[0,16]") "}", VMG_E_UNSUPPORTED, "F8_E4M3"},
        {"{" ST("a", "F32", "[4]", "[0,16]") "," ST("a", "F32", "[0]", "[16,16]") "}", VMG_E_FORMAT,
         "occurs twice"},
        {"{" ST("", "F32", "[4]", "[0,16]") "}", VMG_E_FORMAT, "empty"},
        {"{\"a\":1}", VMG_E_FORMAT, "dtype"},
        {"{\"__metadata__\":{\"k\":1}," ST("a", "F32", "[4]", "[0,16]") "}", VMG_E_FORMAT,
         "__metadata__"},
        {"{\"__metadata__\":[]," ST("a", "F32", "[4]", "[0,16]") "}", VMG_E_FORMAT, "__metadata__"},
        {"{" ST("a", "F32", "[4]", "[0,16]") "}x", VMG_E_FORMAT, "JSON"},
    };
    for (size_t i = 0; i < VMG_COUNT(list); i++) {
        vmg_weights *w;
        char file[512];
        int rc = open_safetensors(list[i].header, &w, file);
        if (list[i].code == VMG_OK)
            CHECK_OK(rc);
        else
            CHECK_FAILS(rc, list[i].code, list[i].word);
        vmg_weights_close(w);
    }
}

static void survives_deep_json(void)
{
    enum { DEPTH = 100000 };
    char *header = vmg_calloc(6 + DEPTH + 1, 1), *file = vmg_calloc(6 + DEPTH + 64, 1);
    vmg_weights *w = NULL;
    REQUIRE(header && file);
    strcpy(header, "{\"a\":");
    memset(header + 5, '[', DEPTH);
    CHECK_FAILS(open_safetensors(header, &w, file), VMG_E_FORMAT, "JSON");
    free(header);
    free(file);
}

/* ---- zip ---- */

static void checks_zip_directories(void)
{
    static const char pickle[] = "\x80\2" TENSOR("K\x18", "K\0", "K\4K\6", "K\6K\1") ".";
    char *data = NULL;
    size_t n;
    vmg_weights *w = NULL;
    REQUIRE(make_torch(pickle, sizeof pickle - 1, "little", &data, &n));
    char *end = data + n - 22, *directory = data + vmg_le_load((uint8_t *)end + 16, 4);
    const struct {
        char *at;
        int n_bytes;
        uint64_t value;
        int code;
        const char *word;
    } list[] = {
        {end + 16, 4, 0xfffffff0, VMG_E_FORMAT, "does not fit"},
        {end + 12, 4, 0x7fffffff, VMG_E_FORMAT, "does not fit"},
        {end + 10, 2, 0xfff0, VMG_E_FORMAT, "does not fit"},
        {end, 4, 0, VMG_E_FORMAT, "no directory"},
        {directory, 4, 0, VMG_E_FORMAT, "damaged"},
        {directory + 8, 2, 1, VMG_E_UNSUPPORTED, "encrypted"},
        {directory + 10, 2, 8, VMG_E_UNSUPPORTED, "compressed (method 8)"},
        {directory + 20, 4, 5, VMG_E_FORMAT, "two sizes"},
        {directory + 24, 4, 0xffffffff, VMG_E_FORMAT, "64-bit size"},
        {directory + 28, 2, 0xffff, VMG_E_FORMAT, "reaches beyond"},
        {directory + 42, 4, 1, VMG_E_FORMAT, "should start at byte 1"},
        {directory + 42, 4, 0xfffffff0, VMG_E_FORMAT, "should start"},
    };
    for (size_t i = 0; i < VMG_COUNT(list); i++) {
        char saved[8];
        memcpy(saved, list[i].at, 8 < data + n - list[i].at ? 8 : (size_t)(data + n - list[i].at));
        vmg_le_store((uint8_t *)list[i].at, list[i].value, list[i].n_bytes);
        CHECK_FAILS(vmg_weights_open_memory("x", data, n, &w), list[i].code, list[i].word);
        memcpy(list[i].at, saved, (size_t)list[i].n_bytes);
    }
    /* Both sizes of the first entry: beyond the file, then over the second entry. */
    static const uint64_t sizes[] = {0x7fffffff, 300};
    static const char *const words[] = {"entries end", "overlap"};
    for (int i = 0; i < 2; i++) {
        vmg_le_store((uint8_t *)directory + 20, sizes[i], 4);
        vmg_le_store((uint8_t *)directory + 24, sizes[i], 4);
        CHECK_FAILS(vmg_weights_open_memory("x", data, n, &w), VMG_E_FORMAT, words[i]);
    }
    free(data);
}

/* Readers chosen without a look at the bytes, as the fuzz targets do. */
static void readers_refuse_what_is_not_theirs(void)
{
    static vmg_source_reader *const readers[] = {
        vmg_npy_read,   vmg_npz_read,         vmg_gguf_read,
        vmg_torch_read, vmg_safetensors_read, vmg_pickle_file_read,
    };
    static const uint8_t fills[] = {0, 'G', 0x93, 0xff};
    vmg_weights *w = NULL;
    for (size_t r = 0; r < VMG_COUNT(readers); r++)
        for (size_t f = 0; f < VMG_COUNT(fills); f++)
            for (size_t n = 0; n <= 64; n++) {
                uint8_t *data = malloc(n + 1);
                REQUIRE(data);
                memset(data, fills[f], n + 1);
                CHECK(vmg_source_open_memory("x", data, n, readers[r], &w) != VMG_OK && !w);
                free(data);
            }
}

static const vmg_test_case cases[] = {
    {"checks_every_tensor_against_its_storage", checks_every_tensor_against_its_storage},
    {"rearranges_strided_tensors", rearranges_strided_tensors},
    {"flattens_nested_objects", flattens_nested_objects},
    {"calls_nothing", calls_nothing},
    {"bounds_what_small_pickles_ask_for", bounds_what_small_pickles_ask_for},
    {"refuses_big_endian_archives", refuses_big_endian_archives},
    {"reads_arrays_in_any_order", reads_arrays_in_any_order},
    {"refuses_strange_arrays", refuses_strange_arrays},
    {"checks_safetensors_headers", checks_safetensors_headers},
    {"survives_deep_json", survives_deep_json},
    {"checks_zip_directories", checks_zip_directories},
    {"readers_refuse_what_is_not_theirs", readers_refuse_what_is_not_theirs},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
