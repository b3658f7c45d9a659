/* Weight files of every format: written and read back, damaged in every way we can think of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/bytes.h"
#include "src/format/weights_file.h"
#include "src/format/writer.h"
#include "tests/harness.h"

static const char *const endings[] = {"gguf", "safetensors", "pt"};

/* ---- writing and reading back ---- */

static void fill(uint8_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (uint8_t)(i * 37 + 11);
}

/* Three tensors of mixed types and metadata, in PATH's format. */
static void write_sample(const char *path)
{
    vmg_writer *w = NULL;
    uint8_t data[64 * 34];
    bool gguf = strstr(path, "gguf") != NULL;
    vmg_dtype second = gguf ? VMG_Q8_0 : VMG_BF16;
    size_t bytes[3] = {3 * 5 * 4, 0, 4}, n_written = 0;
    fill(data, sizeof data);
    REQUIRE_OK(vmg_writer_open(path, &w));
    CHECK_OK(vmg_writer_meta_string(w, "sample.name", "a \"name\" \xc3\xa9"));
    CHECK_OK(vmg_writer_meta_int(w, "sample.count", VMG_U32, 30));
    CHECK_OK(vmg_writer_meta_real(w, "sample.eps", VMG_F64, 1e-6));
    CHECK_OK(
        vmg_writer_meta(w, &(vmg_meta){.key = "sample.flag", .kind = VMG_META_BOOL, .integer = 1}));
    CHECK_OK(vmg_writer_declare(w, "a.half", VMG_F16, 0, NULL));
    CHECK_OK(vmg_writer_declare(w, "b.weight", second, 2, (int64_t[]){2, 64}));
    CHECK_OK(vmg_writer_declare(w, "c.empty", VMG_F32, 2, (int64_t[]){0, 3}));
    CHECK_OK(vmg_writer_declare(w, "d.weight", VMG_F32, 3, (int64_t[]){3, 1, 5}));
    bytes[0] = 2;
    REQUIRE_OK(vmg_dtype_bytes(second, 128, &bytes[1]));
    bytes[2] = 60;
    for (int t = 0; t < 3; t++)
        for (size_t at = 0; at < bytes[t]; at += 7, n_written += 7)
            CHECK_OK(vmg_writer_data(w, data + at, VMG_MIN(bytes[t] - at, (size_t)7)));
    CHECK_OK(vmg_writer_commit(w));
    vmg_writer_free(w);
}

static void writes_what_it_reads(void)
{
    uint8_t data[64 * 34];
    fill(data, sizeof data);
    for (size_t e = 0; e < VMG_COUNT(endings); e++) {
        char name[32], *text = NULL;
        vmg_weights *w = NULL;
        const vmg_weight *t;
        snprintf(name, sizeof name, "sample.%s", endings[e]);
        const char *path = vmg_test_tmp(name);
        write_sample(path);
        REQUIRE_OK(vmg_weights_open(path, &w));
        CHECK_INT(w->n_tensors, 4);
        CHECK_INT(w->n_meta, 4);
        CHECK_OK(vmg_weights_need(w, "a.half", 0, NULL, &t));
        CHECK(t->n == 1 && !memcmp(t->data, data, 2));
        CHECK_OK(vmg_weights_need(w, "b.weight", 2, (int64_t[]){2, 64}, &t));
        CHECK(t->bytes >= 128 && !memcmp(t->data, data, t->bytes));
        CHECK_OK(vmg_weights_need(w, "c.empty", 2, (int64_t[]){0, 3}, &t));
        CHECK_INT(t->bytes, 0);
        CHECK_OK(vmg_weights_need(w, "d.weight", 3, (int64_t[]){3, 1, 5}, &t));
        CHECK(!memcmp(t->data, data, 60));
        CHECK_OK(vmg_weights_meta_string(w, "sample.name", 100, &text));
        CHECK_STR(text, "a \"name\" \xc3\xa9");
        free(text);
        if (strcmp(endings[e], "safetensors")) {
            int64_t count = 0;
            double eps = 0;
            bool flag = false;
            CHECK_OK(vmg_weights_meta_int(w, "sample.count", &count));
            CHECK_OK(vmg_weights_meta_real(w, "sample.eps", &eps));
            CHECK_OK(vmg_weights_meta_bool(w, "sample.flag", &flag));
            CHECK(count == 30 && eps == 1e-6 && flag);
            CHECK_FAILS(vmg_weights_meta_int(w, "sample.eps", &count), VMG_E_FORMAT,
                        "whole number");
            CHECK_FAILS(vmg_weights_meta_int(w, "sample.none", &count), VMG_E_NOTFOUND,
                        "sample.none");
        } else {
            CHECK_OK(vmg_weights_meta_string(w, "sample.eps", 100, &text));
            CHECK_STR(text, "1e-06");
            free(text);
        }
        vmg_weights_close(w);
    }
}

static void writes_single_arrays(void)
{
    static const char *const names[] = {"one.npy", "one.pt", "one.safetensors", "one.gguf"};
    float x[24], y[24];
    uint16_t b[24];
    vmg_test_fill(x, 24);
    CHECK_OK(vmg_dtype_from_f32(VMG_BF16, x, 24, b));
    for (size_t i = 0; i < VMG_COUNT(names); i++)
        for (int bf16 = 0; bf16 < 2; bf16++) {
            const char *path = vmg_test_tmp(names[i]);
            vmg_weights *w = NULL;
            const vmg_weight *t;
            CHECK_OK(vmg_array_write(path, bf16 ? VMG_BF16 : VMG_F32, 3, (int64_t[]){2, 3, 4},
                                     bf16 ? (void *)b : (void *)x));
            REQUIRE_OK(vmg_weights_open(path, &w));
            CHECK_OK(vmg_weights_need(w, VMG_WEIGHT_UNNAMED, 3, (int64_t[]){2, 3, 4}, &t));
            CHECK_INT(t->dtype, bf16 && i > 0 ? VMG_BF16 : VMG_F32);
            CHECK_OK(vmg_weight_to_f32(t, y));
            CHECK_ARRAY(y, x, 24, bf16 ? 0.004 : 0);
            vmg_weights_close(w);
        }
}

/* The metadata that only some formats have: arrays. */
static void writes_arrays_of_metadata(void)
{
    static const uint8_t strings[] = {2, 0, 0, 0, 0, 0, 0, 0, 'h', 'i', 0, 0, 0, 0, 0, 0, 0, 0};
    static const int16_t numbers[] = {-3, 300};
    for (size_t e = 0; e < VMG_COUNT(endings); e += 2) {
        char name[32];
        vmg_writer *w = NULL;
        vmg_weights *r = NULL;
        snprintf(name, sizeof name, "meta.%s", endings[e]);
        const char *path = vmg_test_tmp(name), *text;
        REQUIRE_OK(vmg_writer_open(path, &w));
        CHECK_OK(vmg_writer_meta(w, &(vmg_meta){.key = "words", .kind = VMG_META_STRINGS,
                                                .data = strings, .n = 2, .data_bytes = 18}));
        CHECK_OK(vmg_writer_meta(w, &(vmg_meta){.key = "numbers", .kind = VMG_META_NUMBERS,
                                                .dtype = VMG_I16, .data = numbers, .n = 2,
                                                .data_bytes = 4}));
        CHECK_OK(vmg_writer_commit(w));
        vmg_writer_free(w);
        REQUIRE_OK(vmg_weights_open(path, &r));
        const vmg_meta *m = vmg_weights_meta(r, "words");
        size_t at = 0, n = 9;
        REQUIRE(m && m->kind == VMG_META_STRINGS && m->n == 2);
        CHECK(vmg_meta_next_string(m, &at, &text, &n) && n == 2 && !memcmp(text, "hi", 2));
        CHECK(vmg_meta_next_string(m, &at, &text, &n) && n == 0);
        CHECK(!vmg_meta_next_string(m, &at, &text, &n));
        m = vmg_weights_meta(r, "numbers");
        float y[2];
        REQUIRE(m && m->kind == VMG_META_NUMBERS && m->n == 2);
        CHECK_OK(vmg_dtype_to_f32(m->dtype, m->data, 2, y));
        CHECK(y[0] == -3 && y[1] == 300);
        vmg_weights_close(r);
    }
}

static void writer_refuses_nonsense(void)
{
    vmg_writer *w = NULL;
    float x[4] = {0};
    CHECK_FAILS(vmg_writer_open(vmg_test_tmp("x.onnx"), &w), VMG_E_UNSUPPORTED, ".gguf");
    CHECK_FAILS(vmg_array_write(vmg_test_tmp("x.npy"), VMG_Q8_0, 1, (int64_t[]){32}, x),
                VMG_E_UNSUPPORTED, "q8_0");
    REQUIRE_OK(vmg_writer_open(vmg_test_tmp("x.safetensors"), &w));
    CHECK_FAILS(vmg_writer_declare(w, "q", VMG_Q4_0, 1, (int64_t[]){32}), VMG_E_UNSUPPORTED,
                "q4_0");
    CHECK_FAILS(vmg_writer_declare(w, "q", VMG_F32, 1, (int64_t[]){-1}), VMG_E_ARG, "impossible");
    CHECK_OK(vmg_writer_declare(w, "a", VMG_F32, 1, (int64_t[]){2}));
    CHECK_FAILS(vmg_writer_data(w, x, 12), VMG_E_ARG, "more bytes");
    CHECK_OK(vmg_writer_data(w, x, 4));
    CHECK_FAILS(vmg_writer_declare(w, "b", VMG_F32, 1, (int64_t[]){2}), VMG_E_ARG, "after");
    CHECK_FAILS(vmg_writer_commit(w), VMG_E_ARG, "missing");
    vmg_writer_free(w);
    CHECK(!vmg_path_exists(vmg_test_tmp("x.safetensors")));
    REQUIRE_OK(vmg_writer_open(vmg_test_tmp("y.gguf"), &w));
    CHECK_OK(vmg_writer_declare(w, "a", VMG_F32, 1, (int64_t[]){1}));
    CHECK_OK(vmg_writer_declare(w, "a", VMG_F32, 1, (int64_t[]){1}));
    CHECK_FAILS(vmg_writer_commit(w), VMG_E_ARG, "twice");
    vmg_writer_free(w);
}

static void joins_files(void)
{
    vmg_weights *w = NULL;
    const vmg_weight *t;
    float x[2] = {1, 2};
    char *a = vmg_strdup(vmg_test_tmp("a.npy")), *b = vmg_strdup(vmg_test_tmp("b.safetensors"));
    CHECK_OK(vmg_array_write(a, VMG_F32, 1, (int64_t[]){2}, x));
    write_sample(b);
    CHECK_OK(vmg_weights_open_many((const char *[]){b, a}, 2, &w));
    REQUIRE(w);
    CHECK_INT(w->n_tensors, 5);
    CHECK_OK(vmg_weights_need(w, "d.weight", 3, (int64_t[]){3, 1, 5}, &t));
    CHECK_OK(vmg_weights_need(w, VMG_WEIGHT_UNNAMED, 1, (int64_t[]){2}, &t));
    vmg_weights_release(w, t);
    CHECK(!memcmp(t->data, x, sizeof x));
    vmg_weights_close(w);
    CHECK_FAILS(vmg_weights_open_many((const char *[]){b, a, b}, 3, &w), VMG_E_FORMAT,
                "occurs in both");
    CHECK_FAILS(vmg_weights_open_many((const char *[]){b, "/nowhere/x"}, 2, &w), VMG_E_IO,
                "nowhere");
    free(a);
    free(b);
}

static void opens_shards_by_index_and_folder(void)
{
    static const char index[] = "{\"weight_map\": {\"a.half\": \"w-00001-of-00002.safetensors\", "
                                "\"t\": \"w-00002-of-00002.safetensors\"}}";
    static const char escaping[] = "{\"weight_map\": {\"x\": \"../../etc/passwd\"}}";
    char *dir = vmg_strdup(vmg_test_tmp("shards"));
    char *first = vmg_path_join(dir, "w-00001-of-00002.safetensors");
    char *second = vmg_path_join(dir, "w-00002-of-00002.safetensors");
    char *list = vmg_path_join(dir, "w.safetensors.index.json");
    float x[2] = {1, 2};
    vmg_weights *w = NULL;
    CHECK_OK(vmg_mkdirs(dir));
    write_sample(first);
    CHECK_OK(vmg_array_write(second, VMG_F32, 1, (int64_t[]){2}, x));
    CHECK_OK(vmg_weights_open_dir(dir, &w));
    CHECK(w && w->n_tensors == 5);
    vmg_weights_close(w);
    CHECK_OK(vmg_write_file(list, index, strlen(index)));
    CHECK_OK(vmg_weights_open(list, &w));
    CHECK(w && w->n_tensors == 5);
    vmg_weights_close(w);
    CHECK_OK(vmg_write_file(list, escaping, strlen(escaping)));
    CHECK_FAILS(vmg_weights_open(list, &w), VMG_E_FORMAT, "not the name of a shard");
    CHECK_OK(vmg_write_file(list, "[]", 2));
    CHECK_FAILS(vmg_weights_open(list, &w), VMG_E_FORMAT, "weight_map");
    char *third = vmg_path_join(dir, "other.pt");
    CHECK_OK(vmg_array_write(third, VMG_F32, 1, (int64_t[]){2}, x));
    CHECK_FAILS(vmg_weights_open_dir(dir, &w), VMG_E_NOTFOUND, "several");
    free(dir);
    free(first);
    free(second);
    free(third);
    free(list);
}

/* ---- damage ---- */

/* Opens bytes lying at the very end of their allocation, and uses whatever comes out. A reader that
 * looks outside is caught by the sanitizers or by the checks here. */
static int open_bytes(const uint8_t *data, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    vmg_weights *w = NULL;
    if (!exact)
        return VMG_E_NOMEM;
    memcpy(exact, data, n);
    int rc = vmg_weights_open_memory("damaged", exact, n, &w);
    if (rc == VMG_OK) {
        unsigned sum = 0;
        for (size_t i = 0; i < w->n_tensors; i++) {
            const uint8_t *p = w->tensors[i].data;
            for (size_t k = 0; k < w->tensors[i].bytes; k++)
                sum += p[k];
            CHECK(vmg_weights_find(w, w->tensors[i].name) == &w->tensors[i]);
        }
        for (size_t i = 0; i < w->n_meta; i++) {
            const char *text;
            size_t at = 0, len;
            while (vmg_meta_next_string(&w->meta[i], &at, &text, &len))
                sum += len ? (unsigned char)text[len - 1] : 0;
        }
        CHECK(sum < UINT32_MAX);
    } else {
        CHECK(vmg_error_message()[0] != 0);
    }
    vmg_weights_close(w);
    free(exact);
    return rc;
}

/* Sample files of every format, in fresh memory. */
static bool load_sample(const char *ending, char **data, size_t *n)
{
    char name[32];
    float x[6] = {1, 2, 3, 4, 5, 6};
    snprintf(name, sizeof name, "damage.%s", ending);
    const char *path = vmg_test_tmp(name);
    if (strcmp(ending, "npy"))
        write_sample(path);
    else
        CHECK_OK(vmg_array_write(path, VMG_F32, 2, (int64_t[]){2, 3}, x));
    return vmg_test_ok(vmg_read_file(path, 1 << 20, data, n), __FILE__, __LINE__, path);
}

static const char *const all_endings[] = {"gguf", "safetensors", "pt", "npy"};

static void survives_truncation_at_every_byte(void)
{
    for (size_t e = 0; e < VMG_COUNT(all_endings); e++) {
        char *data = NULL;
        size_t n, n_opened = 0;
        REQUIRE(load_sample(all_endings[e], &data, &n));
        CHECK_OK(open_bytes((uint8_t *)data, n));
        for (size_t k = 0; k < n; k++)
            n_opened += open_bytes((uint8_t *)data, k) == VMG_OK;
        /* Only the padding after GGUF's last tensor may be missing. */
        CHECK(n_opened <= (strcmp(all_endings[e], "gguf") ? 0 : 31));
        free(data);
    }
}

static void survives_flipped_bits(void)
{
    for (size_t e = 0; e < VMG_COUNT(all_endings); e++) {
        char *data = NULL;
        size_t n, n_refused = 0;
        REQUIRE(load_sample(all_endings[e], &data, &n));
        for (size_t bit = 0; bit < 8 * n; bit++) {
            data[bit / 8] ^= (char)(1 << bit % 8);
            n_refused += open_bytes((uint8_t *)data, n) != VMG_OK;
            data[bit / 8] ^= (char)(1 << bit % 8);
        }
        CHECK(n_refused > 100);
        for (int round = 0; round < 3000; round++) {
            uint8_t *copy = malloc(n);
            REQUIRE(copy);
            memcpy(copy, data, n);
            for (uint32_t k = 1 + vmg_test_below(6); k; k--)
                copy[vmg_test_below((uint32_t)n)] =
                    (uint8_t)(vmg_test_below(2) ? 0xff : vmg_test_below(256));
            open_bytes(copy, n);
            free(copy);
        }
        free(data);
    }
}

static void names_what_stops(void)
{
    static const struct {
        const char *what;
        const char *bytes;
        size_t n;
        int code;
        const char *word;
    } bad[] = {
        {"nothing", "", 0, VMG_E_FORMAT, "empty"},
        {"text", "hello, world, this is no weight file", 36, VMG_E_FORMAT, "none of GGUF"},
        {"GGUF's magic alone", "GGUF", 4, VMG_E_FORMAT, "stop at 4"},
        {"GGUF 1", "GGUF\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, VMG_E_UNSUPPORTED,
         "version 1"},
        {"big-endian GGUF", "GGUF\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, VMG_E_UNSUPPORTED,
         "big-endian"},
        {"GGUF of 2^40 tensors", "GGUF\3\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0", 24, VMG_E_FORMAT,
         "announced"},
        {"safetensors cut in its header", "\x40\0\0\0\0\0\0\0{\"a\":", 13, VMG_E_FORMAT,
         "ends at byte 13"},
        {"safetensors with a bad header", "\x08\0\0\0\0\0\0\0{\"a\":xx}", 16, VMG_E_FORMAT, "JSON"},
        {"npy of objects",
         "\x93NUMPY\1\0\x36\0{'descr': '|O', 'fortran_order': False, 'shape': (1,)} ", 64,
         VMG_E_UNSUPPORTED, "|O"},
        {"old torch file", "\x80\2\x8a\nl\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15,
         VMG_E_UNSUPPORTED, "1.6"},
    };
    for (size_t i = 0; i < VMG_COUNT(bad); i++) {
        vmg_weights *w = NULL;
        CHECK_FAILS(vmg_weights_open_memory("bad.bin", bad[i].bytes, bad[i].n, &w), bad[i].code,
                    bad[i].word);
        CHECK(w == NULL && strstr(vmg_error_message(), "bad.bin: "));
    }
}

static const vmg_test_case cases[] = {
    {"writes_what_it_reads", writes_what_it_reads},
    {"writes_single_arrays", writes_single_arrays},
    {"writes_arrays_of_metadata", writes_arrays_of_metadata},
    {"writer_refuses_nonsense", writer_refuses_nonsense},
    {"joins_files", joins_files},
    {"opens_shards_by_index_and_folder", opens_shards_by_index_and_folder},
    {"survives_truncation_at_every_byte", survives_truncation_at_every_byte},
    {"survives_flipped_bits", survives_flipped_bits},
    {"names_what_stops", names_what_stops},
};

/* Leaves samples for tests/format_witness.py in DIR. */
static int write_samples(const char *dir)
{
    static const struct {
        const char *name;
        int64_t dim[3];
    } arrays[] = {{"one.npy", {2, 3, 4}}, {"one.pt", {2, 3, 4}}, {"matrix.pt", {1, 2, 64}}};
    float x[128];
    int rc = VMG_OK;
    for (int i = 0; i < 128; i++)
        x[i] = (float)i;
    for (size_t i = 0; i < VMG_COUNT(arrays); i++) {
        char *path = vmg_path_join(dir, arrays[i].name);
        rc |= vmg_array_write(path, VMG_F32, 3, arrays[i].dim, x);
        free(path);
    }
    for (size_t e = 0; e < VMG_COUNT(endings); e++) {
        char name[32];
        snprintf(name, sizeof name, "sample.%s", endings[e]);
        char *path = vmg_path_join(dir, name);
        write_sample(path);
        free(path);
    }
    return rc == VMG_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--write"))
        return write_samples(argv[2]);
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
