/* Data sets: tables of captions, splits, mirrored words, shards and their index. */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/data/captions_table.h"
#include "src/data/dataset.h"
#include "src/data/dataset_index.h"
#include "src/data/dataset_scan.h"
#include "src/data/dataset_write.h"
#include "src/data/mirror_text.h"
#include "src/data/sample_json.h"
#include "src/data/split.h"
#include "src/data/tar.h"
#include "src/data/window.h"
#include "src/motion/canonical.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"
#include "tests/dataset_fixture.h"
#include "tests/harness.h"

enum { DIM = VMG_REP_DIM };

/* ---- words ---- */

static void mirrors_words(void)
{
    static const char *const pairs[][2] = {
        {"a person turns left.", "a person turns right."},
        {"Left arm, RIGHT leg", "Right arm, LEFT leg"},
        {"steps leftward and rightwards", "steps rightward and leftwards"},
        {"raises the left-hand side", "raises the right-hand side"},
        {"spins clockwise", "spins counterclockwise"},
        {"stands upright in bright light", "stands upright in bright light"},
        {"right away he turns right", "right away he turns left"},
        {"walks with a left-right sway", "walks with a right-left sway"},
        {"", ""},
    };
    for (size_t i = 0; i < VMG_COUNT(pairs); i++) {
        char *once = vmg_mirror_text(pairs[i][0]), *twice = vmg_mirror_text(once);
        CHECK_STR(once, pairs[i][1]);
        CHECK_STR(twice, pairs[i][0]);
        free(once);
        free(twice);
    }
}

static void reads_tables(void)
{
    static const char *const files[][2] = {
        {"t.tsv", "clip\tstart_s\tend_s\tsource\tcaption\nb\t0\t2.5\tlabel\twalk, \"fast\"\n"
                  "a\t1\t\tparaphrase\ta person runs.\nb\t\t\t\tsecond\n"},
        {"t.csv", "\xEF\xBB\xBFid,caption,other,start_s,end_s,source\r\n"
                  "b,\"walk, \"\"fast\"\"\",x,0,2.5,label\r\na,a person runs.,,1,,paraphrase\r\n"
                  "b,second,,,,\r\n"},
        {"t.json", "[{\"clip\":\"b\",\"start_s\":0,\"end_s\":2.5,\"source\":\"label\","
                   "\"caption\":\"walk, \\\"fast\\\"\"},{\"clip\":\"a\",\"start\":1,\"text\":"
                   "\"a person runs.\",\"source\":\"paraphrase\"},{\"clip\":\"b\",\"text\":"
                   "\"second\"}]"},
    };
    for (size_t i = 0; i < VMG_COUNT(files); i++) {
        vmg_captions_table t;
        size_t first;
        REQUIRE_OK(vmg_captions_table_read(vmg_test_text_file(files[i][0], files[i][1]), &t));
        CHECK_INT(t.n, 3);
        CHECK_INT(vmg_captions_table_find(&t, "b", &first), 2);
        CHECK_STR(t.row[first].text, "walk, \"fast\"");
        CHECK_CLOSE(t.row[first].end_s, 2.5, 0);
        CHECK_STR(t.row[first + 1].text, "second");
        CHECK_STR(t.row[first + 1].source, "label");
        CHECK_INT(vmg_captions_table_find(&t, "a", &first), 1);
        CHECK_CLOSE(t.row[first].start_s, 1, 0);
        CHECK(isinf(t.row[first].end_s));
        CHECK_INT(vmg_captions_table_find(&t, "c", &first), 0);
        vmg_captions_table_free(&t);
    }
    vmg_captions_table t;
    CHECK_OK(vmg_captions_table_read(vmg_test_text_file("o.json", "{\"a\":\"x\",\"b\":[\"y\",\"z\"]}"), &t));
    CHECK_INT(t.n, 3);
    vmg_captions_table_free(&t);
}

static void refuses_bad_tables(void)
{
    static const struct {
        const char *name, *text, *word;
    } bad[] = {
        {"1.tsv", "clip\tcaption\na\n", "line 2"},
        {"2.tsv", "name\tend_s\na\t1\n", "caption"},
        {"3.tsv", "clip\tcaption\tend_s\na\tx\tsoon\n", "line 2"},
        {"4.csv", "clip,caption\na,\"open\n", "line 2"},
        {"5.json", "[{\"clip\":\"a\"}]", "entry 1"},
        {"6.json", "[1", "JSON"},
        {"7.tsv", "clip\tcaption\tstart_s\tend_s\na\tx\t3\t2\n", "line 2"},
    };
    vmg_captions_table t;
    for (size_t i = 0; i < VMG_COUNT(bad); i++)
        CHECK_FAILS(vmg_captions_table_read(vmg_test_text_file(bad[i].name, bad[i].text), &t), VMG_E_FORMAT,
                    bad[i].word);
    CHECK_FAILS(vmg_captions_table_read(vmg_test_text_file("x.xml", "a"), &t), VMG_E_UNSUPPORTED, ".tsv");
}

/* ---- splits ---- */

static void splits_groups_evenly(void)
{
    enum { N = 400 };
    static char names[N][16];
    vmg_split_item items[N], again[N];
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "t%d", i / 2);
        items[i] = (vmg_split_item){names[i], i < 300 ? "walk" : i < 396 ? "run" : "rare", false};
        again[N - 1 - i] = items[i];
    }
    REQUIRE_OK(vmg_split(items, N, 0.1, 7));
    REQUIRE_OK(vmg_split(again, N, 0.1, 7));
    int walk = 0, run = 0, rare = 0, differ = 0;
    for (int i = 0; i < N; i++) {
        int *n = i < 300 ? &walk : i < 396 ? &run : &rare;
        *n += items[i].held_out;
        differ += items[i].held_out != again[N - 1 - i].held_out;
        CHECK(items[i].held_out == items[i ^ 1].held_out);
    }
    CHECK_INT(differ, 0);
    CHECK_INT(walk, 30);
    CHECK(run >= 8 && run <= 12);
    CHECK_INT(rare, 0);
    CHECK_FAILS(vmg_split(items, N, 1.5, 0), VMG_E_ARG, "0.9");
}

/* ---- windows ---- */

static void windows_are_canonical_as_poses_are(void)
{
    enum { T = 30, FIRST = 7, N = 20 };
    float *x = vmg_test_walking_features(T), got[N * DIM], want[N * DIM];
    vmg_poses p;
    vmg_window_cut(x, FIRST, N, got);
    REQUIRE_OK(vmg_rep276_decode(x + FIRST * DIM, N + 1, VMG_REP_STORED, false, &p));
    double z = p.joints[2];
    vmg_canonicalise(&p, false, vmg_rest_joint[VMG_PELVIS], NULL);
    vmg_poses_translate(&p, (double[3]){0, 0, z});
    REQUIRE_OK(vmg_rep276_encode(&p, want));
    CHECK_ARRAY(got, want, N * DIM, 2e-6);
    CHECK_CLOSE(got[VMG_REP_POS], 0, 1e-6);
    CHECK_CLOSE(got[VMG_REP_POS + 2], x[FIRST * DIM + VMG_REP_POS + 2], 0);
    vmg_poses_free(&p);
    free(x);
}

/* ---- sets ---- */

static void make_sample(const char *id, int64_t T, vmg_sample *s)
{
    *s = (vmg_sample){.id = vmg_strdup(id), .T = T, .fps = 20, .x = vmg_test_walking_features(T),
                      .group = vmg_strdup("trial"), .source = vmg_strdup("file.bvh")};
    CHECK_OK(vmg_sample_add_caption(s, "walks \"left\" \xC3\xA9", 0, T, "label", NULL));
    CHECK_OK(vmg_sample_add_caption(s, "turns", 2, 5, "kinematic", "{\"yaw_deg\":12.5}"));
}

/* n samples of 10, 11, ... frames, every third held out; small shards. */
static void make_set(const char *dir, int n)
{
    vmg_dataset_writer *w;
    float mean[DIM], std[DIM];
    for (int i = 0; i < DIM; i++) {
        mean[i] = (float)i;
        std[i] = 1 + (float)i;
    }
    REQUIRE_OK(vmg_dataset_writer_open(dir, 40000, &w));
    for (int i = 0; i < n; i++) {
        char id[16];
        vmg_sample s;
        snprintf(id, sizeof id, "s%d", i);
        make_sample(id, 10 + i, &s);
        CHECK_OK(vmg_dataset_writer_add(w, &s, i % 3 == 0));
        vmg_sample_free(&s);
    }
    CHECK_OK(vmg_dataset_writer_commit(w, mean, std));
    vmg_dataset_writer_free(w);
}

static void writes_and_reads_sets(void)
{
    enum { N = 7 };
    const char *dir = vmg_test_folder("set");
    vmg_dataset *ds;
    make_set(dir, N);
    REQUIRE_OK(vmg_dataset_open(dir, &ds));
    CHECK_INT(vmg_dataset_count(ds), N);
    CHECK(vmg_dataset_get_index(ds)->n_shards > 1);
    CHECK_CLOSE(vmg_dataset_mean(ds)[5], 5, 0);
    CHECK_CLOSE(vmg_dataset_std(ds)[5], 6, 0);
    CHECK_INT(vmg_dataset_find(ds, "s4"), 4);
    CHECK_INT(vmg_dataset_find(ds, "none"), -1);
    for (int k = 0; k < N; k++) {
        int i = (k * 3) % N;
        vmg_sample s, c;
        float *x = vmg_test_walking_features(10 + i);
        REQUIRE_OK(vmg_dataset_read(ds, i, &s));
        REQUIRE_OK(vmg_dataset_read_captions(ds, i, &c));
        CHECK_INT(vmg_dataset_n_frames(ds, i), 10 + i);
        CHECK(vmg_dataset_held_out(ds, i) == (i % 3 == 0));
        CHECK_INT(s.T, 10 + i);
        CHECK_ARRAY(s.x, x, (size_t)s.T * DIM, 0);
        CHECK_INT(c.n_captions, 2);
        CHECK(c.x == NULL);
        CHECK_STR(s.captions[0].text, "walks \"left\" \xC3\xA9");
        CHECK_STR(s.captions[1].source, "kinematic");
        CHECK_STR(s.captions[1].facts, "{\"yaw_deg\":12.5}");
        CHECK_INT(s.captions[1].first, 2);
        CHECK_INT(s.captions[1].n, 5);
        CHECK_STR(s.group, "trial");
        free(x);
        vmg_sample_free(&s);
        vmg_sample_free(&c);
    }
    vmg_dataset_close(ds);
}

/* A rewrite with other captions: an open set goes on, the new one has the same motion. */
static void rewrites_captions(void)
{
    const char *dir = vmg_test_folder("again");
    vmg_dataset *ds, *now;
    vmg_dataset_writer *w;
    vmg_sample s;
    make_set(dir, 3);
    REQUIRE_OK(vmg_dataset_open(dir, &ds));
    REQUIRE_OK(vmg_dataset_writer_open(dir, 0, &w));
    for (int i = 0; i < 3; i++) {
        REQUIRE_OK(vmg_dataset_read_captions(ds, i, &s));
        vmg_sample_drop_captions(&s, "kinematic");
        CHECK_OK(vmg_dataset_writer_copy(w, ds, i, &s, vmg_dataset_held_out(ds, i)));
        vmg_sample_free(&s);
    }
    CHECK_OK(vmg_dataset_writer_commit(w, vmg_dataset_mean(ds), vmg_dataset_std(ds)));
    vmg_dataset_writer_free(w);
    REQUIRE_OK(vmg_dataset_read(ds, 1, &s));
    CHECK_INT(s.n_captions, 2);
    vmg_sample_free(&s);
    REQUIRE_OK(vmg_dataset_open(dir, &now));
    REQUIRE_OK(vmg_dataset_read(now, 1, &s));
    CHECK_INT(s.n_captions, 1);
    float *x = vmg_test_walking_features(11);
    CHECK_ARRAY(s.x, x, 11 * DIM, 0);
    free(x);
    vmg_sample_free(&s);
    vmg_dataset_close(ds);
    vmg_dataset_close(now);
    /* a writer that gives up leaves what was there */
    REQUIRE_OK(vmg_dataset_writer_open(dir, 0, &w));
    make_sample("x", 10, &s);
    CHECK_OK(vmg_dataset_writer_add(w, &s, false));
    CHECK_FAILS(vmg_dataset_writer_add(w, &s, false), VMG_E_ARG, "two samples");
    vmg_sample_free(&s);
    vmg_dataset_writer_free(w);
    REQUIRE_OK(vmg_dataset_open(dir, &now));
    CHECK_INT(vmg_dataset_count(now), 3);
    vmg_dataset_close(now);
}

/* Flip one byte of sample s1's motion: it is refused by name, the others are read. */
static void names_damaged_samples(void)
{
    const char *dir = vmg_test_folder("damaged");
    vmg_dataset *ds;
    vmg_sample s;
    make_set(dir, 3);
    REQUIRE_OK(vmg_dataset_open(dir, &ds));
    const vmg_dataset_entry *e = &vmg_dataset_get_index(ds)->entry[1];
    char *path = vmg_path_join(dir, vmg_dataset_get_index(ds)->shard[e->shard].name);
    int fd = open(path, O_RDWR);
    for (int at = 0; at < 2; at++) {
        uint8_t byte;
        off_t off = (off_t)(e->offset + (at ? e->motion_bytes + 20 : e->motion_bytes / 2));
        REQUIRE(pread(fd, &byte, 1, off) == 1);
        byte ^= 0x10;
        REQUIRE(pwrite(fd, &byte, 1, off) == 1);
        CHECK_FAILS(vmg_dataset_read(ds, 1, &s), VMG_E_FORMAT, "sample s1");
        CHECK_OK(vmg_dataset_read(ds, 0, &s));
        vmg_sample_free(&s);
        CHECK_OK(vmg_dataset_read(ds, 2, &s));
        vmg_sample_free(&s);
        byte ^= 0x10;
        REQUIRE(pwrite(fd, &byte, 1, off) == 1);
        CHECK_OK(vmg_dataset_read(ds, 1, &s));
        vmg_sample_free(&s);
    }
    close(fd);
    vmg_dataset_close(ds);
    CHECK_OK(truncate(path, 100));
    CHECK_FAILS(vmg_dataset_open(dir, &ds), VMG_E_FORMAT, "bytes");
    free(path);
}

static int note_message(void *user, int64_t i, const vmg_sample *s, int rc)
{
    (void)i;
    (void)s;
    if (rc)
        snprintf(user, 256, "%s", vmg_error_message());
    return 0;
}

static int stop_early(void *user, int64_t i, const vmg_sample *s, int rc)
{
    (void)i;
    (void)s;
    (void)rc;
    return ++*(int *)user == 3 ? vmg_fail(VMG_E_INTERRUPTED, "enough") : 0;
}

/* Several threads read everything; a damaged sample is counted and named, not fatal. */
static void scans_sets(void)
{
    enum { N = 24 };
    const char *dir = vmg_test_folder("scanned");
    vmg_dataset *ds;
    vmg_dataset_report r;
    make_set(dir, N);
    REQUIRE_OK(vmg_dataset_open(dir, &ds));
    REQUIRE_OK(vmg_dataset_scan(ds, true, 3, (vmg_log){0}, NULL, NULL, &r));
    CHECK_INT(r.n_samples, N);
    CHECK_INT(r.n_held_out, N / 3);
    CHECK_INT(r.n_captions, 2 * N);
    CHECK_INT(r.n_kinematic, N);
    CHECK_INT(r.n_damaged, 0);
    CHECK_INT(r.n_leaks, 1); /* they share one group here */
    CHECK_CLOSE(r.seconds, N * (10 + (N - 1) / 2.) / 20, 1e-9);
    CHECK_CLOSE(r.shortest_s, 0.5, 1e-9);
    int calls = 0;
    CHECK_FAILS(vmg_dataset_visit(ds, NULL, 0, false, 4, stop_early, &calls), VMG_E_INTERRUPTED,
                "enough");
    CHECK_INT(calls, 3);
    const vmg_dataset_entry *e = &vmg_dataset_get_index(ds)->entry[5];
    char *path = vmg_path_join(dir, vmg_dataset_get_index(ds)->shard[e->shard].name), said[256] = "";
    int fd = open(path, O_RDWR);
    REQUIRE(pwrite(fd, "damage", 6, (off_t)(e->offset + 40)) == 6);
    close(fd);
    free(path);
    REQUIRE_OK(vmg_dataset_scan(ds, true, 2, (vmg_log){0}, NULL, NULL, &r));
    CHECK_INT(r.n_damaged, 1);
    CHECK_INT(r.n_samples, N - 1);
    REQUIRE_OK(vmg_dataset_visit(ds, (int64_t[]){4, 5, 6}, 3, true, 2, note_message, said));
    CHECK(strstr(said, "sample s5") != NULL);
    vmg_dataset_close(ds);
    REQUIRE_OK(vmg_dataset_resplit(dir, 0.5, false, 1, 2));
    REQUIRE_OK(vmg_dataset_open(dir, &ds));
    REQUIRE_OK(vmg_dataset_scan(ds, false, 2, (vmg_log){0}, NULL, NULL, &r));
    CHECK_INT(r.n_leaks, 0);
    CHECK(fabs(vmg_dataset_mean(ds)[VMG_REP_POS + 2] - vmg_dataset_mean(ds)[0]) < 5);
    vmg_dataset_close(ds);
}

static void refuses_bad_indices(void)
{
    static const char *const bad[] = {
        "",
        "something\n",
        "vimogen-dataset\t1\nsample\ta\t0\t0\t1\t1\t1\ttrain\n",
        "vimogen-dataset\t1\nshard\t../x\t10\n",
        "vimogen-dataset\t1\nshard\ts\t10\nsample\ta\t0\t5\t5\t5\t1\ttrain\n",
        "vimogen-dataset\t1\nshard\ts\t10\nsample\ta/b\t0\t0\t5\t5\t1\ttrain\n",
        "vimogen-dataset\t1\nshard\ts\t10\nsample\ta\t0\t0\t5\t5\t0\ttrain\n",
        "vimogen-dataset\t1\nshard\ts\t10\nsample\ta\t0\t0\t5\t5\t1\tboth\n",
        "vimogen-dataset\t1\nshard\ts\t10\nsample\ta\t0\t0\t5\t5\t1\ttrain",
        "vimogen-dataset\t1\nshard\ts\t10\nsample\ta\t0\t0\t99999999999999999999\t5\t1\ttrain\n",
    };
    const char *dir = vmg_test_folder("index");
    char *path = vmg_path_join(dir, VMG_DATASET_INDEX);
    for (size_t i = 0; i < VMG_COUNT(bad); i++) {
        vmg_dataset *ds;
        REQUIRE_OK(vmg_write_file(path, bad[i], strlen(bad[i])));
        CHECK_FAILS(vmg_dataset_open(dir, &ds), VMG_E_FORMAT, "index.tsv");
    }
    free(path);
}

static void checks_tar_members(void)
{
    uint8_t block[2 * VMG_TAR_BLOCK] = {0};
    const uint8_t *content;
    size_t n;
    REQUIRE_OK(vmg_tar_header("a.json", 5, block));
    CHECK_OK(vmg_tar_open(block, sizeof block, "a.json", &content, &n));
    CHECK_INT(n, 5);
    CHECK(content == block + VMG_TAR_BLOCK);
    CHECK_FAILS(vmg_tar_open(block, sizeof block, "b.json", &content, &n), VMG_E_FORMAT, "a.json");
    CHECK_FAILS(vmg_tar_open(block, 100, "a.json", &content, &n), VMG_E_FORMAT, "100");
    CHECK_FAILS(vmg_tar_open(block, VMG_TAR_BLOCK + 3, "a.json", &content, &n), VMG_E_FORMAT,
                "more bytes");
    block[3] ^= 1;
    CHECK_FAILS(vmg_tar_open(block, sizeof block, "a.json", &content, &n), VMG_E_FORMAT,
                "checksum");
}

static const vmg_test_case cases[] = {
    {"mirrors_words", mirrors_words},
    {"reads_tables", reads_tables},
    {"refuses_bad_tables", refuses_bad_tables},
    {"splits_groups_evenly", splits_groups_evenly},
    {"windows_are_canonical_as_poses_are", windows_are_canonical_as_poses_are},
    {"writes_and_reads_sets", writes_and_reads_sets},
    {"rewrites_captions", rewrites_captions},
    {"names_damaged_samples", names_damaged_samples},
    {"scans_sets", scans_sets},
    {"refuses_bad_indices", refuses_bad_indices},
    {"checks_tar_members", checks_tar_members},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
