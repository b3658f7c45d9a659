/* BVH files: what must be read, what must be refused and how, and what is written. */
#include "src/format/bvh.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/number.h"
#include "tests/harness.h"

#define HEAD                                                                                       \
    "HIERARCHY\nROOT Hips\n{\n OFFSET 0 0 0\n CHANNELS 6 Xposition Yposition Zposition Zrotation " \
    "Yrotation Xrotation\n JOINT Leg\n {\n  OFFSET 0 -1 0\n  CHANNELS 3 Zrotation Yrotation "      \
    "Xrotation\n  End Site\n  {\n   OFFSET 0 -2 0\n  }\n }\n}\n"
#define FRAME "1 2 3 0 0 90 90 0 0\n"

static int parse(const char *text, vmg_bvh *bvh)
{
    return vmg_bvh_parse(text, strlen(text), bvh);
}

static void numbers(void)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},
                {"-0.0", 0},
                {"+2.", 2},
                {".5", 0.5},
                {"1e3", 1000},
                {"-1.5E-3", -0.0015},
                {"1e-310", 1e-310},
                {"0e999999999", 0},
                {"123456789012345678901234567890", 1.2345678901234568e29},
                {"0.00000000000000000000000001234567890123456789", 1.2345678901234567e-26},
                {"10.41900", 10.419}};
    for (size_t i = 0; i < VMG_COUNT(good); i++) {
        double x = NAN;
        CHECK(vmg_number_parse(good[i].text, strlen(good[i].text), &x));
        CHECK_CLOSE(x, good[i].value, 4e-16 * fabs(good[i].value));
    }
    static const char *const bad[] = {"",    "-",   ".",    "e5",    "1e",    "1e+", "nan",
                                      "inf", "1,5", "0x10", "1.2.3", "1e999", "--1", "1 "};
    for (size_t i = 0; i < VMG_COUNT(bad); i++) {
        double x;
        CHECK(!vmg_number_parse(bad[i], strlen(bad[i]), &x));
    }
    vmg_buf b = {0};
    static const double out[] = {0, -0.0000001, 1, -1.25, 3.1415926535, 1e12, -0.5};
    for (size_t i = 0; i < VMG_COUNT(out); i++) {
        vmg_number_append(&b, out[i], 6);
        vmg_buf_puts(&b, " ");
    }
    CHECK_STR(b.data, "0 0 1 -1.25 3.141593 1000000000000 -0.5 ");
    vmg_buf_free(&b);
}

static void reads_a_file(void)
{
    vmg_bvh bvh;
    double G[18], p[6];
    REQUIRE_OK(parse(HEAD "MOTION\nFrames: 2\nFrame Time: 0.05\n" FRAME FRAME, &bvh));
    CHECK_INT(bvh.n_joints, 2);
    CHECK_INT(bvh.n_channels, 9);
    CHECK_INT(bvh.n_frames, 2);
    CHECK_STR(bvh.joint[1].name, "Leg");
    CHECK_INT(bvh.joint[1].parent, 0);
    CHECK(bvh.joint[1].has_end && bvh.joint[1].end[1] == -2);
    CHECK_CLOSE(bvh.frame_time_s, 0.05, 0);
    vmg_bvh_fk(&bvh, 1, G, p);
    /* root turned 90 degrees about x: the leg's offset -y becomes -z */
    CHECK_CLOSE(p[3], 1, 1e-12);
    CHECK_CLOSE(p[4], 2, 1e-12);
    CHECK_CLOSE(p[5], 2, 1e-12);
    /* then its own 90 degrees about z: Rx(90) Rz(90) e_x = e_z */
    CHECK_CLOSE(G[9 + 6], 1, 1e-12);
    vmg_bvh_fk(&bvh, -1, G, p);
    CHECK_CLOSE(p[4], -1, 0);
    CHECK_INT(vmg_bvh_find(&bvh, "Leg"), 1);
    CHECK_INT(vmg_bvh_find(&bvh, "leg"), -1);
    vmg_bvh_free(&bvh);
}

/* The same file as many programs would write it. */
static void tolerates_styles(void)
{
    vmg_bvh a, b;
    REQUIRE_OK(parse(HEAD "MOTION\nFrames: 2\nFrame Time: 0.05\n" FRAME FRAME, &a));
    const char *text = "\xef\xbb\xbf\r\nhierarchy\r\n\r\nROOT   Hips {\r\n\tOFFSET\t0.0 "
                       "0.000000e+00 -0\r\n\tCHANNELS 6 "
                       "XPOSITION yposition Zposition Zrotation\tYrotation Xrotation\r\n\tJOINT "
                       "Leg{\r\n\t\tOFFSET 0 "
                       "-10E-1 0\r\n\t\tCHANNELS 3 Zrotation Yrotation Xrotation \r\n\t\tEnd Site "
                       "Toe { OFFSET 0 -2 0 "
                       "}\r\n\t}}\r\nMOTION\r\nFrames:\t2 \r\nFrame Time: 5e-2\r\n1\t2 3  0 0 9e1 "
                       "90 0 0 \r\n\r\n1 2 3 0 "
                       "0 +90 90. 0 0\r\n \r\n\r\n";
    REQUIRE_OK(parse(text, &b));
    CHECK_INT(b.n_joints, 2);
    CHECK_STR(b.joint[0].name, "Hips");
    CHECK(!memcmp(a.value, b.value, 18 * sizeof *a.value));
    CHECK_CLOSE(b.joint[1].offset[1], -1, 0);
    vmg_bvh_free(&a);
    vmg_bvh_free(&b);
    /* a last line without line feed, names with spaces and colons, joints without channels */
    REQUIRE_OK(
        parse("HIERARCHY\nROOT mixamorig:Hips of Bob\n{\nOFFSET 0 0 0\nCHANNELS 1 Yrotation\n"
              "JOINT fixed\n{\nOFFSET 1 0 0\n}\n}\nMOTION\nFrames: 1\nFrame Time: 1\n5",
              &b));
    CHECK_STR(b.joint[0].name, "mixamorig:Hips of Bob");
    CHECK_INT(b.joint[1].n_channels, 0);
    vmg_bvh_free(&b);
}

static void refuses_bad_files(void)
{
#define TAIL "MOTION\nFrames: 1\nFrame Time: 0.05\n"
#define ROOT "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\n"
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"", "expected HIERARCHY, but the file ends"},
        {"HIERARCH\n", "line 1: expected HIERARCHY, found \"HIERARCH\""},
        {"HIERARCHY\nJOINT a\n", "line 2: expected ROOT"},
        {"HIERARCHY\nROOT\n{\n", "line 2: a joint's name"},
        {"HIERARCHY\nROOT a\nOFFSET", "line 3: expected {"},
        {"HIERARCHY\nROOT a\n{\nOFFSET 0 0\n",
         "line 4: expected a number of OFFSET, but the line ends"},
        {"HIERARCHY\nROOT a\n{\nOFFSET 0 0 nan\n",
         "line 4: expected a number of OFFSET, found \"nan\""},
        {ROOT "CHANNELS 7 Xposition\n", "line 5: joint \"a\" has 7 channels"},
        {ROOT "CHANNELS 2.5 Xposition\n", "2.5 channels"},
        {ROOT "CHANNELS 3 Xrotation Yrotation\n}\n", "line 5: expected a channel"},
        {ROOT "CHANNELS 2 Xrotation Xrotation\n}\n", "channel Xrotation twice"},
        {ROOT "CHANNELS 1 Wrotation\n}\n", "found \"Wrotation\""},
        {ROOT "CHANNELS 1 Xrotation\nJOINT a\n{\n", "line 6: there are two joints called \"a\""},
        {ROOT "CHANNELS 1 Xrotation\nJOINT b\n{\nOFFSET 1 1 1\n}\n", "the file ends"},
        {ROOT "CHANNELS 1 Xrotation\n}\nROOT b\n", "a second ROOT"},
        {ROOT "}\n" TAIL "1\n", "no joint has channels"},
        {ROOT "CHANNELS 1 Xrotation\n}\nMOTION\nFrames: 0\nFrame Time: 1\n", "line 8: 0 frames"},
        {ROOT "CHANNELS 1 Xrotation\n}\nMOTION\nFrames: -3\nFrame Time: 1\n", "-3 frames"},
        {ROOT "CHANNELS 1 Xrotation\n}\nMOTION\nFrames: 1000000000\nFrame Time: 1\n1\n",
         "1000000000 frames of 1 values are announced, but only"},
        {ROOT "CHANNELS 1 Xrotation\n}\nMOTION\nFrames: 1e300\nFrame Time: 1\n1\n",
         "expected the number"},
        {ROOT "CHANNELS 1 Xrotation\n}\nMOTION\nFrames: 1\nFrame Time: 0\n1\n",
         "the frame time is 0 s"},
        {HEAD "MOTION\nFrames: 2\nFrame Time: 0.05\n" FRAME,
         "line 20: the file ends after 1 of 2 frames"},
        {HEAD TAIL "1 2 3 4 5 6 7 8\n",
         "line 19: frame 1 has 8 values, but the joints have 9 channels"},
        {HEAD TAIL "1 2 3 4 5 6 7 8 9 10\n", "frame 1 has more than 9 values"},
        {HEAD TAIL "1 2 3 4 nan 6 7 8 9\n", "line 19: expected a finite number, found \"nan\""},
        {HEAD TAIL "1 2 3 4 1e999 6 7 8 9\n", "found \"1e999\""},
        {HEAD TAIL FRAME FRAME, "line 20: more than the announced 1 frames"},
    };
    for (size_t i = 0; i < VMG_COUNT(bad); i++) {
        vmg_bvh bvh;
        CHECK_FAILS(parse(bad[i].text, &bvh), VMG_E_FORMAT, bad[i].word);
        CHECK(bvh.joint == NULL && bvh.value == NULL);
    }
    vmg_bvh bvh;
    CHECK_FAILS(vmg_bvh_read(vmg_test_tmp("none.bvh"), &bvh), VMG_E_IO, "none.bvh");
    REQUIRE_OK(vmg_write_file(vmg_test_tmp("bad.bvh"), "MOTION", 6));
    CHECK_FAILS(vmg_bvh_read(vmg_test_tmp("bad.bvh"), &bvh), VMG_E_FORMAT, "bad.bvh: line 1");
}

/* A million joints, side by side and nested: refused early, without deep recursion. */
static void refuses_a_million_joints(void)
{
    for (int nested = 0; nested < 2; nested++) {
        vmg_buf b = {0};
        vmg_bvh bvh;
        vmg_buf_puts(&b, "HIERARCHY\nROOT r\n{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n");
        for (int i = 0; i < 1000000; i++)
            vmg_buf_printf(&b, "JOINT j%d\n{\nOFFSET 0 0 0\n%s", i, nested ? "" : "}\n");
        CHECK(!b.failed);
        CHECK_FAILS(vmg_bvh_parse(b.data, b.len, &bvh), VMG_E_FORMAT, "more than 4096 joints");
        vmg_buf_free(&b);
    }
    /* every name the same; a name of a megabyte */
    vmg_buf b = {0};
    vmg_bvh bvh;
    vmg_buf_puts(&b, "HIERARCHY\nROOT ");
    for (int i = 0; i < 1000000; i++)
        vmg_buf_puts(&b, "x");
    CHECK_FAILS(vmg_bvh_parse(b.data, b.len, &bvh), VMG_E_FORMAT, "name has 1 to 255 bytes");
    vmg_buf_free(&b);
}

/* Every prefix of a good file is refused or, when only the end of the last number is gone, read. */
static void truncated_anywhere(void)
{
    static const char text[] = HEAD "MOTION\nFrames: 2\nFrame Time: 0.05\n" FRAME FRAME;
    for (size_t n = 0; n < sizeof text - 3; n++) {
        vmg_bvh bvh;
        char *copy = vmg_strndup(text, n); /* so that a sanitizer sees reads beyond the end */
        CHECK_INT(vmg_bvh_parse(copy, n, &bvh), VMG_E_FORMAT);
        free(copy);
    }
}

static void written_files_read_back(void)
{
    vmg_bvh a, b;
    REQUIRE_OK(parse(
        "HIERARCHY\nROOT r\n{\nOFFSET 0.1 0 0\nCHANNELS 3 Xposition Yposition Zposition\n"
        "JOINT a\n{\nOFFSET 1 2 3\nCHANNELS 2 Yrotation Zrotation\nJOINT b\n{\nOFFSET 0 1 0\n"
        "CHANNELS 6 Zposition Xposition Yposition Xrotation Yrotation Zrotation\n}\n}\n"
        "JOINT c\n{\nOFFSET 4 5 6.5\nCHANNELS 1 Xrotation\nEnd Site\n{\nOFFSET 0 0 7\n}\n}\n}\n"
        "MOTION\nFrames: 1\nFrame Time: 0.0166667\n1 2 3 45 -30 0.5 1.5 2.5 10 20 30 -170.25\n",
        &a));
    const char *path = vmg_test_tmp("out.bvh");
    REQUIRE_OK(vmg_bvh_write(path, &a));
    REQUIRE_OK(vmg_bvh_read(path, &b));
    CHECK_INT(b.n_joints, 4);
    CHECK_CLOSE(b.frame_time_s, 0.0166667, 1e-9);
    CHECK_ARRAY(b.value, a.value, 12, 1e-6);
    double G[36], p[12], H[36], q[12];
    vmg_bvh_fk(&a, 0, G, p);
    vmg_bvh_fk(&b, 0, H, q);
    for (int i = 0; i < 12; i++)
        CHECK_CLOSE(q[i], p[i], 1e-6);
    CHECK(b.joint[2].has_end); /* leaves get an end */
    CHECK_CLOSE(b.joint[3].end[2], 7, 0);
    a.value[3] = NAN;
    CHECK_FAILS(vmg_bvh_write(path, &a), VMG_E_ARG, "not finite");
    a.n_frames = 0;
    CHECK_FAILS(vmg_bvh_write(path, &a), VMG_E_ARG, "0 frames");
    vmg_bvh_free(&a);
    vmg_bvh_free(&b);
}

static void real_files(void)
{
    const char *dir = vmg_test_shared("data/cmu/bvh");
    char **names, folder[4096];
    size_t n;
    if (!dir)
        return;
    snprintf(folder, sizeof folder, "%s", dir);
    REQUIRE_OK(vmg_list_dir(folder, &names, &n));
    int64_t frames = 0;
    for (size_t i = 0; i < n; i++) {
        vmg_bvh bvh;
        char *path = vmg_path_join(folder, names[i]);
        if (CHECK_OK(vmg_bvh_read(path, &bvh))) {
            CHECK_INT(bvh.n_joints, 31);
            CHECK_CLOSE(bvh.frame_time_s, 0.025, 1e-9);
            frames += bvh.n_frames;
        }
        vmg_bvh_free(&bvh);
        free(path);
    }
    vmg_test_note("%zu files, %lld frames", n, (long long)frames);
    vmg_list_free(names, n);
}

static const vmg_test_case cases[] = {
    {"numbers", numbers},
    {"reads_a_file", reads_a_file},
    {"tolerates_styles", tolerates_styles},
    {"refuses_bad_files", refuses_bad_files},
    {"refuses_a_million_joints", refuses_a_million_joints},
    {"truncated_anywhere", truncated_anywhere},
    {"written_files_read_back", written_files_read_back},
    {"real_files", real_files},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
