/* The cache of embeddings: hits, misses, damage, bounds, several processes at once. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/lib/embed_cache.h"
#include "tests/harness.h"

enum { DIM = 16, ENTRY_OVERHEAD = 8 + 32 + 16 + 32 };

static const uint8_t model[VMG_EMBED_HASH_BYTES] = {1, 2, 3};

static vmg_embed_key key_of(const char *text)
{
    return vmg_embed_cache_key(model, text, strlen(text));
}

static vmg_embed_cache *open_cache(const char *name, uint64_t max_bytes)
{
    vmg_embed_cache *c = NULL;
    CHECK_OK(vmg_embed_cache_open(vmg_test_tmp(name), max_bytes, &c));
    return c;
}

/* Rows that tell their text. */
static void fill(float *rows, int64_t n, const char *text)
{
    for (int64_t i = 0; i < n * DIM; i++)
        rows[i] = (float)text[(size_t)i % strlen(text)] + 0.25f * (float)i;
}

static void put(const vmg_embed_cache *c, const char *text, int64_t n)
{
    float rows[64 * DIM];
    vmg_embed_key key = key_of(text);
    fill(rows, n, text);
    CHECK_OK(vmg_embed_cache_put(c, &key, rows, n, DIM));
}

/* 1 = the right rows, 0 = a miss, -1 = anything else. */
static int look(const vmg_embed_cache *c, const char *text, int64_t n)
{
    float want[64 * DIM], *rows;
    int64_t n_rows;
    vmg_embed_key key = key_of(text);
    int rc = vmg_embed_cache_get(c, &key, DIM, &n_rows, &rows);
    if (rc != VMG_OK)
        return rc == VMG_E_NOTFOUND && !rows ? 0 : -1;
    fill(want, n, text);
    bool same = n_rows == n && !memcmp(rows, want, (size_t)(n * DIM) * sizeof *rows);
    free(rows);
    return same ? 1 : -1;
}

/* The only entry's path in a cache's folder. */
static char *only_entry(const char *dir)
{
    char **names, *path = NULL;
    size_t n;
    if (vmg_list_dir(dir, &names, &n) == VMG_OK) {
        CHECK_INT(n, 1);
        path = n == 1 ? vmg_path_join(dir, names[0]) : NULL;
        vmg_list_free(names, n);
    }
    return path;
}

static void keeps_embeddings(void)
{
    vmg_embed_cache *c = open_cache("keep/deeper", 1 << 20);
    REQUIRE(c);
    CHECK_INT(look(c, "a", 3), 0);
    put(c, "a", 3);
    put(c, "b", 64);
    CHECK_INT(look(c, "a", 3), 1);
    CHECK_INT(look(c, "b", 64), 1);
    vmg_embed_cache_close(c);
    c = open_cache("keep/deeper", 1 << 20); /* another run */
    CHECK_INT(look(c, "a", 3), 1);
    put(c, "a", 5);
    CHECK_INT(look(c, "a", 5), 1);
    float *rows;
    int64_t n;
    vmg_embed_key key = key_of("a");
    CHECK_FAILS(vmg_embed_cache_get(c, &key, DIM + 1, &n, &rows), VMG_E_NOTFOUND, "no cached");
    CHECK_INT(look(c, "a", 5), 1); /* still there for those that want it */
    float one[DIM] = {0};
    CHECK_FAILS(vmg_embed_cache_put(c, &key, one, 0, DIM), VMG_E_ARG, "(0, 16)");
    vmg_embed_cache_close(c);
    vmg_embed_cache_close(NULL);
}

static void keys_differ(void)
{
    static const uint8_t other[VMG_EMBED_HASH_BYTES] = {1, 2, 4};
    vmg_embed_key a = key_of("a"), again = key_of("a"), b = key_of("b");
    vmg_embed_key c = vmg_embed_cache_key(other, "a", 1), empty = key_of("");
    CHECK(!memcmp(&a, &again, sizeof a));
    CHECK(memcmp(&a, &b, sizeof a) && memcmp(&a, &c, sizeof a) && memcmp(&a, &empty, sizeof a));
}

static void models_differ(void)
{
    uint8_t data[4096] = {0};
    uint32_t by_name[] = {0};
    vmg_weight t = {.name = "w",
                    .dtype = VMG_U8,
                    .rank = 1,
                    .dim = {4096},
                    .n = 4096,
                    .data = data,
                    .bytes = sizeof data};
    static const vmg_weights_ops ops = {0};
    vmg_weights w = {.ops = &ops, .n_tensors = 1, .tensors = &t, .by_name = by_name};
    uint8_t first[32], h[32];
    vmg_embed_cache_model(&w, VMG_F16, "tok", 3, first);
    vmg_embed_cache_model(&w, VMG_F16, "tok", 3, h);
    CHECK(!memcmp(first, h, 32));
    vmg_embed_cache_model(&w, VMG_Q8_0, "tok", 3, h);
    CHECK(memcmp(first, h, 32) != 0);
    vmg_embed_cache_model(&w, VMG_F16, "to", 2, h);
    CHECK(memcmp(first, h, 32) != 0);
    data[sizeof data - 1] = 1;
    vmg_embed_cache_model(&w, VMG_F16, "tok", 3, h);
    CHECK(memcmp(first, h, 32) != 0);
    data[sizeof data - 1] = 0;
    t.name = "v";
    vmg_embed_cache_model(&w, VMG_F16, "tok", 3, h);
    CHECK(memcmp(first, h, 32) != 0);
    t.name = "w";
    t.bytes = t.dim[0] = t.n = 0; /* an empty tensor is no trouble */
    vmg_embed_cache_model(&w, VMG_F16, "tok", 3, h);
    CHECK(memcmp(first, h, 32) != 0);
}

static void rewrites_damaged_entries(void)
{
    vmg_embed_cache *c = open_cache("damage", 1 << 20);
    REQUIRE(c);
    char *text;
    size_t size;
    put(c, "a", 2);
    char *path = only_entry(vmg_test_tmp("damage"));
    REQUIRE(path);
    REQUIRE_OK(vmg_read_file(path, 1 << 20, &text, &size));
    CHECK_INT(size, 2 * DIM * 4 + ENTRY_OVERHEAD);
    for (size_t at = 0; at < size + 3; at++) {
        FILE *f = fopen(path, "wb");
        REQUIRE(f != NULL);
        if (at < size) { /* one byte changed */
            text[at] ^= 0x10;
            fwrite(text, 1, size, f);
            text[at] ^= 0x10;
        } else if (at == size) { /* cut, empty, longer */
            fwrite(text, 1, size - 1, f);
        } else if (at == size + 2) {
            fwrite(text, 1, size, f);
            fputc(0, f);
        }
        fclose(f);
        CHECK_INT(look(c, "a", 2), 0);
        CHECK(!vmg_path_exists(path));
    }
    put(c, "a", 2);
    CHECK_INT(look(c, "a", 2), 1);
    free(text);
    free(path);
    vmg_embed_cache_close(c);
}

/* The path of a text's entry; each call overwrites the last one's. */
static const char *entry_path(const char *dir, const char *text)
{
    static char path[1024];
    vmg_embed_key key = key_of(text);
    int n = snprintf(path, sizeof path, "%s/", dir);
    for (size_t i = 0; i < sizeof key.hash; i++)
        n += snprintf(path + n, sizeof path - (size_t)n, "%02x", key.hash[i]);
    snprintf(path + n, sizeof path - (size_t)n, ".emb");
    return path;
}

static void make_older(const char *path, time_t seconds)
{
    struct timespec t[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
    CHECK_INT(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void removes_the_longest_unused(void)
{
    const uint64_t entry = 4 * DIM * 4 + ENTRY_OVERHEAD;
    vmg_embed_cache *c = open_cache("lru", 3 * entry);
    const char *dir = vmg_test_tmp("lru");
    REQUIRE(c);
    put(c, "a", 4);
    put(c, "b", 4);
    put(c, "c", 4);
    make_older(entry_path(dir, "a"), 30);
    make_older(entry_path(dir, "b"), 20);
    make_older(entry_path(dir, "c"), 10);
    CHECK_INT(look(c, "a", 4), 1); /* young again */
    put(c, "d", 4);
    CHECK_INT(look(c, "b", 4), 0);
    CHECK_INT(look(c, "a", 4), 1);
    CHECK_INT(look(c, "c", 4), 1);
    CHECK_INT(look(c, "d", 4), 1);
    put(c, "large", 64); /* larger than everything: left out, nothing lost */
    CHECK_INT(look(c, "large", 64), 0);
    CHECK_INT(look(c, "d", 4), 1);
    /* Other files are none of its business, unless a dead writer left them. */
    const char *mine = vmg_test_tmp("lru/notes.txt"), *left = vmg_test_tmp("lru/"
                                                                           "00000000000000000000000"
                                                                           "00000000000000000000000"
                                                                           "000000000000000000.emb."
                                                                           "tmp.1.abcdef");
    REQUIRE_OK(vmg_write_file(mine, "x", 1));
    REQUIRE_OK(vmg_write_file(left, "x", 1));
    put(c, "e", 4);
    CHECK(vmg_path_exists(mine) && vmg_path_exists(left));
    make_older(left, 7200);
    put(c, "f", 4);
    CHECK(vmg_path_exists(mine) && !vmg_path_exists(left));
    vmg_embed_cache_close(c);
}

/* What one of several processes does: the exit status is the number of wrong answers. */
static int hammer(const char *dir, uint64_t max_bytes, unsigned seed)
{
    vmg_embed_cache *c;
    int wrong = 0;
    if (vmg_embed_cache_open(dir, max_bytes, &c) != VMG_OK)
        return 100;
    for (int i = 0; i < 60; i++) {
        char text[16];
        float rows[8 * DIM];
        seed = seed * 1103515245u + 12345u;
        unsigned which = seed >> 16 & 15;
        int64_t n = 1 + which % 8;
        snprintf(text, sizeof text, "text %u", which);
        wrong += look(c, text, n) < 0;
        vmg_embed_key key = key_of(text);
        fill(rows, n, text);
        wrong += vmg_embed_cache_put(c, &key, rows, n, DIM) != VMG_OK;
        if (i % 10 == 0) { /* and someone damages what is there */
            int fd = open(entry_path(dir, text), O_WRONLY);
            if (fd >= 0) {
                wrong += pwrite(fd, "x", 1, 60) != 1;
                close(fd);
            }
        }
    }
    vmg_embed_cache_close(c);
    return wrong > 99 ? 99 : wrong;
}

static void many_processes_share_it(void)
{
    enum { PROCESSES = 6 };
    const uint64_t max_bytes = 8 * (4 * DIM * 4 + ENTRY_OVERHEAD);
    const char *dir = vmg_test_tmp("shared");
    pid_t pids[PROCESSES];
    fflush(stdout);
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(hammer(dir, max_bytes, (unsigned)i + 1));
        REQUIRE(pids[i] > 0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        REQUIRE(waitpid(pids[i], &status, 0) == pids[i]);
        CHECK(WIFEXITED(status));
        CHECK_INT(WEXITSTATUS(status), 0);
    }
    /* No temporary file is left; the last put leaves no more than allowed. */
    vmg_embed_cache *c = open_cache("shared", max_bytes);
    put(c, "last", 4);
    char **names;
    size_t n, total = 0;
    REQUIRE_OK(vmg_list_dir(dir, &names, &n));
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        char *path = vmg_path_join(dir, names[i]);
        CHECK(strstr(names[i], ".tmp.") == NULL);
        CHECK(stat(path, &st) == 0);
        total += (size_t)st.st_size;
        free(path);
    }
    CHECK(total > 0 && total <= max_bytes);
    CHECK_INT(look(c, "last", 4), 1);
    vmg_list_free(names, n);
    vmg_embed_cache_close(c);
}

static void refuses_bad_folders(void)
{
    vmg_embed_cache *c;
    REQUIRE_OK(vmg_write_file(vmg_test_tmp("file"), "x", 1));
    CHECK_FAILS(vmg_embed_cache_open(vmg_test_tmp("file/below"), 1000, &c), VMG_E_IO, "file");
    CHECK(c == NULL);
}

static const vmg_test_case cases[] = {
    {"keeps_embeddings", keeps_embeddings},
    {"keys_differ", keys_differ},
    {"models_differ", models_differ},
    {"rewrites_damaged_entries", rewrites_damaged_entries},
    {"removes_the_longest_unused", removes_the_longest_unused},
    {"many_processes_share_it", many_processes_share_it},
    {"refuses_bad_folders", refuses_bad_folders},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
