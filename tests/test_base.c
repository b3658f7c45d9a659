/* host/base: sizes, buffers, files, digests, messages. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/base/sha256.h"
#include "host/base/status.h"
#include "tests/harness.h"

static void sizes_overflow(void)
{
    size_t out;
    CHECK(vmg_mul_size(3, 5, &out) && out == 15);
    CHECK(vmg_mul_size(SIZE_MAX, 0, &out) && out == 0);
    CHECK(!vmg_mul_size(SIZE_MAX / 2, 3, &out));
    CHECK(!vmg_add_size(SIZE_MAX, 1, &out));
    void *p = vmg_calloc(SIZE_MAX / 4, 8);
    CHECK(p == NULL);
    CHECK(strstr(vmg_error_message(), "out of memory") != NULL);
    free(p);
}

static void buffers_grow(void)
{
    vmg_buf b = {0};
    for (int i = 0; i < 1000; i++)
        vmg_buf_printf(&b, "%d,", i);
    CHECK(!b.failed);
    CHECK_INT(b.len, 3890);
    CHECK_INT(strlen(b.data), 3890);
    CHECK(strstr(b.data, ",998,999,") != NULL);
    vmg_buf_free(&b);
}

static void messages_prefix(void)
{
    CHECK_INT(vmg_fail(VMG_E_FORMAT, "bad %s", "byte"), VMG_E_FORMAT);
    vmg_fail_prefix(VMG_E_FORMAT, "file %d", 7);
    CHECK_STR(vmg_error_message(), "file 7: bad byte");
}

static void digest(const char *text, size_t repeat, const char *want)
{
    vmg_sha256 s;
    uint8_t d[32];
    char hex[65];
    vmg_sha256_init(&s);
    for (size_t i = 0; i < repeat; i++)
        vmg_sha256_update(&s, text, strlen(text));
    vmg_sha256_final(&s, d);
    vmg_sha256_hex(d, hex);
    CHECK_STR(hex, want);
}

/* Test vectors of FIPS 180-4 / NIST's examples. */
static void sha256_vectors(void)
{
    digest("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
           "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    digest("aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void files_round_trip(void)
{
    const char *path = vmg_test_tmp("a/b/file.bin");
    CHECK_FAILS(vmg_write_file(path, "x", 1), VMG_E_IO, "cannot write");
    REQUIRE_OK(vmg_mkdirs(vmg_test_tmp("a/b")));
    REQUIRE_OK(vmg_write_file(path, "first", 5));
    REQUIRE_OK(vmg_write_file(path, "second", 6));
    char *text;
    size_t size;
    REQUIRE_OK(vmg_read_file(path, 100, &text, &size));
    CHECK_INT(size, 6);
    CHECK_STR(text, "second");
    free(text);
    CHECK_FAILS(vmg_read_file(path, 3, &text, &size), VMG_E_FORMAT, "6 bytes");
    CHECK_FAILS(vmg_read_file(vmg_test_tmp("none"), 3, &text, &size), VMG_E_IO, "none");
    CHECK_FAILS(vmg_read_file(vmg_test_tmp("a"), 3, &text, &size), VMG_E_IO, "directory");
    char **names;
    size_t n;
    REQUIRE_OK(vmg_list_dir(vmg_test_tmp("a/b"), &names, &n));
    CHECK_INT(n, 1);
    vmg_list_free(names, n);
}

static void aborted_file_leaves_nothing(void)
{
    vmg_atomic_file f;
    REQUIRE_OK(vmg_mkdirs(vmg_test_tmp("c")));
    REQUIRE_OK(vmg_atomic_open(vmg_test_tmp("c/x"), &f));
    fputs("half", f.f);
    vmg_atomic_abort(&f);
    char **names;
    size_t n;
    REQUIRE_OK(vmg_list_dir(vmg_test_tmp("c"), &names, &n));
    CHECK_INT(n, 0);
    vmg_list_free(names, n);
}

/* Root may write to /dev/null; it must be there afterwards. */
static void what_is_no_file_stays(void)
{
    const char *path = vmg_test_tmp("pipe");
    struct stat st;
    char text[8] = "";
    REQUIRE(mkfifo(path, 0600) == 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    REQUIRE(reader >= 0);
    CHECK_OK(vmg_write_file(path, "abc", 3));
    CHECK_INT(read(reader, text, sizeof text - 1), 3);
    CHECK_STR(text, "abc");
    CHECK(lstat(path, &st) == 0 && S_ISFIFO(st.st_mode));
    close(reader);
}

static void empty_map(void)
{
    vmg_map map;
    REQUIRE_OK(vmg_write_file(vmg_test_tmp("empty"), "", 0));
    REQUIRE_OK(vmg_map_open(vmg_test_tmp("empty"), &map));
    CHECK(map.data != NULL && map.size == 0);
    vmg_map_close(&map);
}

static void endings(void)
{
    char e[8];
    vmg_path_ending("a.b/C.GGUF", e, sizeof e);
    CHECK_STR(e, "gguf");
    vmg_path_ending("a.b/c", e, sizeof e);
    CHECK_STR(e, "");
}

static const vmg_test_case cases[] = {
    {"sizes_overflow", sizes_overflow},
    {"buffers_grow", buffers_grow},
    {"messages_prefix", messages_prefix},
    {"sha256_vectors", sha256_vectors},
    {"files_round_trip", files_round_trip},
    {"aborted_file_leaves_nothing", aborted_file_leaves_nothing},
    {"what_is_no_file_stays", what_is_no_file_stays},
    {"empty_map", empty_map},
    {"endings", endings},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
