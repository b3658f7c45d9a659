/* Clips and their files: every format there and back, edits, and bad input. */
#include "src/motion/clip.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/writer.h"
#include "src/motion/capsules.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"
#include "tests/harness.h"
#include "tests/motion_fixture.h"

static bool make(enum vmg_test_motion kind, int64_t T, vmg_clip *clip)
{
    vmg_poses p;
    if (!CHECK_OK(vmg_test_motion_make(kind, T, 0, &p)))
        return false;
    bool ok = CHECK_OK(vmg_clip_from_poses(&p, 20, clip));
    vmg_poses_free(&p);
    return ok;
}

/* Joints and (where asked) rotations of two clips agree. */
static void check_same(const vmg_clip *got, const vmg_clip *want, double joint_tol, double rot_tol)
{
    vmg_poses a, b;
    CHECK_INT(got->T, want->T);
    CHECK_CLOSE(got->fps, want->fps, 1e-6);
    REQUIRE_OK(vmg_clip_poses(got, true, &a));
    REQUIRE_OK(vmg_clip_poses(want, true, &b));
    CHECK_CLOSE(vmg_test_joint_error(&a, &b), 0, joint_tol);
    if (rot_tol > 0)
        CHECK_CLOSE(vmg_test_rot_error(&a, &b), 0, rot_tol);
    vmg_poses_free(&a);
    vmg_poses_free(&b);
}

static void poses_keep_their_frames(void)
{
    for (int64_t T = 1; T < 4; T++) {
        vmg_clip clip;
        if (!make(VMG_TEST_WALK, T, &clip))
            return;
        CHECK_INT(clip.T, T);
        vmg_clip_free(&clip);
    }
    vmg_clip clip;
    CHECK_FAILS(vmg_clip_from_poses(&(vmg_poses){0}, 20, &clip), VMG_E_ARG, "0 frames");
}

static void every_format_round_trips(void)
{
    static const struct {
        const char *file;
        double joint_tol, rot_tol;
        vmg_clip_write_options write;
        vmg_clip_read_options read;
    } formats[] = {
        {"a.npy", 1e-9, 1e-9, {.up_axis = 0}, {.fps = 0}},
        {"j.npy", 2e-6, 0, {.joints = true}, {.fps = 0}},
        {"y.npy", 3e-6, 0, {.joints = true, .up_axis = 1}, {.up_axis = 1}},
        {"a.pt", 1e-9, 1e-9, {.up_axis = 0}, {.fps = 0}},
        {"a.npz", 3e-6, 3e-6, {.up_axis = 0}, {.fps = 0}},
        {"a.bvh", 3e-6, 3e-6, {.up_axis = 0}, {.fps = 0}},
        {"z.bvh", 3e-6, 3e-6, {.up_axis = 2, .order = {0, 1, 2}, .unit_per_m = 100}, {.fps = 0}},
        {"a.csv", 3e-6, 3e-6, {.up_axis = 0}, {.fps = 0}},
        {"y.csv", 3e-6, 3e-6, {.up_axis = 1}, {.up_axis = 1}},
        {"a.glb", 1e-5, 1e-5, {.up_axis = 0}, {.fps = 0}},
    };
    for (int kind = VMG_TEST_WALK; kind <= VMG_TEST_TUMBLE; kind++) {
        vmg_clip clip;
        if (!make((enum vmg_test_motion)kind, 130, &clip))
            return;
        for (size_t i = 0; i < VMG_COUNT(formats); i++) {
            vmg_clip back;
            const char *path = vmg_test_tmp(formats[i].file);
            REQUIRE_OK(vmg_clip_write(path, &clip, &formats[i].write));
            REQUIRE_OK(vmg_clip_read(path, &formats[i].read, &back));
            CHECK(back.format && vmg_clip_readable(path));
            CHECK_INT(back.fitted, formats[i].rot_tol == 0);
            check_same(&back, &clip, formats[i].joint_tol, formats[i].rot_tol);
            vmg_clip_free(&back);
        }
        vmg_clip_free(&clip);
    }
}

/* One real clip: what comes back from BVH is what was retargeted, and a second trip changes nothing (2 cm on average
 * and 1e-4 m are asked), canonicalised on the way in. Joints that rotations cannot give differ by their noise only. */
static void real_trip(const char *source)
{
    vmg_clip a, b, c;
    vmg_clip_read_options canonical = {.canonical = true};
    REQUIRE_OK(vmg_clip_read(source, &canonical, &a));
    REQUIRE_OK(vmg_clip_write(vmg_test_tmp("1.bvh"), &a, NULL));
    REQUIRE_OK(vmg_clip_read(vmg_test_tmp("1.bvh"), &canonical, &b));
    check_same(&b, &a, 2e-5, 1e-4);
    REQUIRE_OK(vmg_clip_write(vmg_test_tmp("2.bvh"), &b, NULL));
    REQUIRE_OK(vmg_clip_read(vmg_test_tmp("2.bvh"), &canonical, &c));
    check_same(&c, &b, 2e-5, 1e-4);
    vmg_clip_free(&a);
    vmg_clip_free(&b);
    vmg_clip_free(&c);
}

static void real_clips_round_trip(void)
{
    enum { N = 16 };
    char **names, *dir = NULL, *path;
    size_t n;
    const char *shared = vmg_test_shared("data/cmu/bvh");
    if (!shared || !(dir = vmg_strdup(shared)))
        return;
    REQUIRE_OK(vmg_list_dir(dir, &names, &n));
    for (size_t i = 0; i < n; i += VMG_MAX(n / N, (size_t)1)) {
        path = vmg_path_join(dir, names[i]);
        real_trip(path);
        free(path);
    }
    vmg_list_free(names, n);
    free(dir);
}

static void edits(void)
{
    vmg_clip clip, copy;
    if (!make(VMG_TEST_WALK, 101, &clip))
        return;
    REQUIRE_OK(vmg_clip_from_features(clip.x, clip.T, 20, &copy));
    REQUIRE_OK(vmg_clip_trim(&copy, 10, 50));
    CHECK_ARRAY(copy.x, clip.x + 10 * 276, 50 * 276, 0);
    CHECK_FAILS(vmg_clip_trim(&copy, 0, 51), VMG_E_ARG, "51");
    CHECK_FAILS(vmg_clip_trim(&copy, 0, 0), VMG_E_ARG, "not all");
    vmg_clip_free(&copy);

    REQUIRE_OK(vmg_clip_from_features(clip.x, clip.T, 20, &copy));
    REQUIRE_OK(vmg_clip_mirror(&copy));
    CHECK_CLOSE(copy.x[276 * 50 + VMG_REP_POS + 3 * VMG_L_WRIST],
                -clip.x[276 * 50 + VMG_REP_POS + 3 * VMG_R_WRIST], 1e-6);
    REQUIRE_OK(vmg_clip_mirror(&copy));
    check_same(&copy, &clip, 1e-6, 1e-6);

    REQUIRE_OK(vmg_clip_resample(&copy, 60, VMG_RESAMPLE_BETTER));
    CHECK_INT(copy.T, 303);
    CHECK_CLOSE(copy.fps, 60, 0);
    REQUIRE_OK(vmg_clip_resample(&copy, 20, VMG_RESAMPLE_BETTER));
    check_same(&copy, &clip, 2e-6, 2e-6);

    REQUIRE_OK(vmg_clip_scale(&copy, 2));
    CHECK_CLOSE(copy.x[VMG_REP_POS + 5], 2 * clip.x[VMG_REP_POS + 5], 1e-6);
    CHECK_CLOSE(copy.x[VMG_REP_VEL + 5], 2 * clip.x[VMG_REP_VEL + 5], 1e-6);
    CHECK_FAILS(vmg_clip_scale(&copy, 0), VMG_E_ARG, "scaled by 0");
    vmg_clip_free(&copy);

    REQUIRE_OK(vmg_clip_from_features(clip.x, clip.T, 20, &copy));
    REQUIRE_OK(vmg_clip_canonicalise(&copy, true));
    float low = INFINITY;
    for (int64_t i = 0; i < copy.T; i++)
        for (int j = 0; j < 22; j++)
            low = fminf(low, copy.x[276 * i + VMG_REP_POS + 3 * j + 2]);
    CHECK_CLOSE(low, 0, 1e-6);
    CHECK_CLOSE(copy.x[VMG_REP_POS + 1], 0, 1e-6);
    vmg_clip_free(&copy);
    vmg_clip_free(&clip);
}

/* The camera of a published file goes through trimming, resampling and writing. */
static void cameras(void)
{
    vmg_clip clip, back;
    if (!make(VMG_TEST_WALK, 64, &clip))
        return;
    clip.extrinsic = calloc(64 * 9, sizeof(float));
    for (int i = 0; i < 64 * 9; i++)
        clip.extrinsic[i] = (float)(i / 9);
    clip.intrinsic[0] = 1234;
    REQUIRE_OK(vmg_clip_trim(&clip, 16, 32));
    REQUIRE_OK(vmg_clip_write(vmg_test_tmp("camera.pt"), &clip, NULL));
    REQUIRE_OK(vmg_clip_read(vmg_test_tmp("camera.pt"), NULL, &back));
    CHECK_STR(back.format, "as published (pt)");
    REQUIRE(back.extrinsic != NULL);
    CHECK_CLOSE(back.extrinsic[0], 16, 0);
    CHECK_CLOSE(back.intrinsic[0], 1234, 0);
    back.fps = 16;
    REQUIRE_OK(vmg_clip_resample(&back, 20, VMG_RESAMPLE_PUBLISHED));
    CHECK_INT(back.T, 40);
    CHECK_CLOSE(back.extrinsic[9 * 39], 16 + 31, 0);
    vmg_clip_free(&back);
    vmg_clip_free(&clip);
}

/* The golden vectors as a pose estimator's file: T poses give the T-1 frames of hmr_floor1. */
static void pose_estimates(void)
{
    vmg_clip clip;
    vmg_writer *w = NULL;
    float orient[4 * 3] = {0}, body[4 * 69] = {0}, transl[4 * 3] = {0},
                     K[9] = {900, 0, 1, 0, 900, 2, 0, 0, 1};
    for (int t = 0; t < 4; t++) {
        orient[3 * t] = (float)M_PI; /* upright in camera axes, y down: facing the camera */
        transl[3 * t] = 0.1f * (float)t;
        transl[3 * t + 2] = 4;
        body[69 * t + 3 * (VMG_L_KNEE - 1)] = 0.3f;
    }
    const char *path = vmg_test_tmp("hmr.pt");
    static const char *const prefixes[] = {"", "smpl_params_incam."};
    for (int i = 0; i < 2; i++) {
        char names[3][64];
        static const char *const parts[] = {"global_orient", "body_pose", "transl"};
        for (int k = 0; k < 3; k++)
            snprintf(names[k], sizeof names[k], "%s%s", prefixes[i], parts[k]);
        REQUIRE_OK(vmg_writer_open(path, &w));
        CHECK_OK(vmg_writer_declare(w, names[0], VMG_F32, 2, (int64_t[]){4, 3}));
        CHECK_OK(vmg_writer_declare(w, names[1], VMG_F32, 2, (int64_t[]){4, 69}));
        CHECK_OK(vmg_writer_declare(w, names[2], VMG_F32, 2, (int64_t[]){4, 3}));
        CHECK_OK(vmg_writer_declare(w, "K_fullimg", VMG_F32, 3, (int64_t[]){1, 3, 3}));
        CHECK_OK(vmg_writer_data(w, orient, sizeof orient));
        CHECK_OK(vmg_writer_data(w, body, sizeof body));
        CHECK_OK(vmg_writer_data(w, transl, sizeof transl));
        CHECK_OK(vmg_writer_data(w, K, sizeof K));
        CHECK_OK(vmg_writer_commit(w));
        vmg_writer_free(w);
        REQUIRE_OK(vmg_clip_read(path, &(vmg_clip_read_options){.fps = 16}, &clip));
        CHECK_INT(clip.T, 3);
        CHECK_CLOSE(clip.fps, 16, 0);
        CHECK_STR(clip.format, "pose estimate (pt)");
        CHECK_CLOSE(clip.intrinsic[0], 900, 0);
        /* faces the camera and moves to the image's right, which is its left: -x facing +y */
        CHECK_CLOSE(clip.x[VMG_REP_TRANSL_VEL], -0.1, 1e-3);
        CHECK_CLOSE(clip.x[VMG_REP_TRANSL_VEL + 2], 0, 1e-5);
        CHECK(clip.x[VMG_REP_POS + 3 * VMG_HEAD + 2] > 1.4f);
        CHECK(clip.extrinsic != NULL);
        vmg_clip_free(&clip);
    }
}

static void write_npy(const char *path, const char *descr, bool fortran, const char *shape,
                      size_t bytes)
{
    vmg_buf b = {0};
    vmg_buf_append(&b, "\x93NUMPY\1\0\x76\0", 10);
    vmg_buf_printf(&b, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr,
                   fortran ? "True" : "False", shape);
    while (b.len < 127)
        vmg_buf_puts(&b, " ");
    vmg_buf_puts(&b, "\n");
    /* values 0, 1, 2, ... as big- or little-endian floats */
    for (size_t i = 0; i < bytes / 4; i++) {
        float f = (float)i;
        uint8_t v[4];
        memcpy(v, &f, 4);
        for (int k = 0; k < 4; k++)
            vmg_buf_append(&b, &v[descr[0] == '>' ? 3 - k : k], 1);
    }
    CHECK_OK(vmg_write_file(path, b.data, b.len));
    vmg_buf_free(&b);
}

static void odd_and_bad_arrays(void)
{
    const char *path = vmg_test_tmp("odd.npy");
    vmg_clip clip;
    write_npy(path, ">f4", false, "(2, 276)", 2 * 276 * 4);
    REQUIRE_OK(vmg_clip_read(path, NULL, &clip));
    CHECK_CLOSE(clip.x[277], 277, 0);
    vmg_clip_free(&clip);
    write_npy(path, "<f4", true, "(2, 276)", 2 * 276 * 4);
    REQUIRE_OK(vmg_clip_read(path, NULL, &clip));
    CHECK_CLOSE(clip.x[1], 2, 0);
    CHECK_CLOSE(clip.x[276], 1, 0);
    vmg_clip_free(&clip);
    static const struct {
        const char *shape;
        size_t bytes;
        const char *word;
    } bad[] = {{"(0, 276)", 0, "no frames"},
               {"(276,)", 276 * 4, "found (276)"},
               {"(2, 22, 4)", 2 * 22 * 4 * 4, "found (2, 22, 4)"},
               {"(1, 2, 276)", 2 * 276 * 4, "expected features (T, 276)"},
               {"(1, 426)", 426 * 4, "older layout of 426 features"},
               {"(3, 276)", 2 * 276 * 4, "odd.npy"}};
    for (size_t i = 0; i < VMG_COUNT(bad); i++) {
        write_npy(path, "<f4", false, bad[i].shape, bad[i].bytes);
        int rc = vmg_clip_read(path, NULL, &clip);
        CHECK(rc == VMG_E_FORMAT || rc == VMG_E_UNSUPPORTED);
        CHECK_FAILS(rc, rc, bad[i].word);
        CHECK(clip.x == NULL);
    }
    float x[2 * 276] = {0};
    x[300] = NAN;
    REQUIRE_OK(vmg_array_write(path, VMG_F32, 2, (int64_t[]){2, 276}, x));
    CHECK_FAILS(vmg_clip_read(path, NULL, &clip), VMG_E_FORMAT,
                "value 24 of frame 1 is not finite");
    CHECK_FAILS(vmg_clip_read("motion.fbx", NULL, &clip), VMG_E_UNSUPPORTED, "motion.fbx");
    CHECK_FAILS(vmg_clip_read(vmg_test_tmp("none.npy"), NULL, &clip), VMG_E_IO, "none.npy");
    CHECK_FAILS(vmg_clip_write("motion.fbx", &clip, NULL), VMG_E_UNSUPPORTED, "motion.fbx");
    const char *old = vmg_test_shared("official/dummy_motion.pt");
    if (old)
        CHECK_FAILS(vmg_clip_read(old, NULL, &clip), VMG_E_UNSUPPORTED, "older layout of 426");
}

static void bad_tables(void)
{
    vmg_clip clip, got;
    const char *path = vmg_test_tmp("t.csv");
    char *text;
    size_t size;
    if (!make(VMG_TEST_WALK, 3, &clip))
        return;
    REQUIRE_OK(vmg_clip_write(path, &clip, NULL));
    REQUIRE_OK(vmg_read_file(path, 1 << 20, &text, &size));
    /* cut anywhere: an exact message or fewer frames, never more */
    for (size_t n = 0; n < size; n += 37) {
        REQUIRE_OK(vmg_write_file(path, text, n));
        int rc = vmg_clip_read(path, NULL, &got);
        CHECK(rc == VMG_OK ? got.T < 3 : rc == VMG_E_FORMAT);
        vmg_clip_free(&got);
    }
    static const struct {
        const char *find, *put, *word;
    } bad[] = {{"pelvis_x", "pelvis_q", "no column pelvis_x"},
               {"pelvis_y", "pelvis_x", "pelvis_x occurs twice"},
               {"\n0.05,", "\n0.05,nan,", "found \"nan\""},
               {"\n0.05,", "\n0.05,1,", "more than 133 fields"},
               {"\n0.05,", "\n", "132 fields, expected 133"}};
    for (size_t i = 0; i < VMG_COUNT(bad); i++) {
        char *at = strstr(text, bad[i].find);
        REQUIRE(at != NULL);
        vmg_buf b = {0};
        vmg_buf_append(&b, text, (size_t)(at - text));
        vmg_buf_puts(&b, bad[i].put);
        vmg_buf_puts(&b, at + strlen(bad[i].find));
        REQUIRE_OK(vmg_write_file(path, b.data, b.len));
        vmg_buf_free(&b);
        CHECK_FAILS(vmg_clip_read(path, NULL, &got), VMG_E_FORMAT, bad[i].word);
    }
    free(text);
    vmg_clip_free(&clip);
}

/* The capsule body: closed, normals outward, every vertex at its radius from a bone. */
static void capsule_mesh(void)
{
    double offset[VMG_N_JOINTS][3];
    vmg_capsule_mesh m;
    vmg_rest_offsets(offset);
    REQUIRE_OK(vmg_capsules_mesh((const double(*)[3])offset, &m));
    CHECK(m.n_vertices > 1000 && m.n_triangles > 2000);
    int64_t inward = 0;
    double volume = 0;
    for (int64_t i = 0; i < m.n_triangles; i++) {
        double v[3][3], a[3], b[3], n[3], mean[3];
        for (int k = 0; k < 3; k++)
            for (int c = 0; c < 3; c++)
                v[k][c] = m.position[3 * m.index[3 * i + k] + c];
        for (int c = 0; c < 3; c++) {
            a[c] = v[1][c] - v[0][c];
            b[c] = v[2][c] - v[0][c];
            mean[c] = m.normal[3 * m.index[3 * i] + c];
        }
        vmg_vec_cross(a, b, n);
        inward += vmg_vec_dot(n, mean) < 0;
        volume += vmg_vec_dot(v[0], n) / 6;
    }
    CHECK_INT(inward, 0);
    CHECK(volume > 0.06 && volume < 0.14); /* cubic metres, overlaps counted twice */
    vmg_capsules_mesh_free(&m);
}

static const vmg_test_case cases[] = {
    {"poses_keep_their_frames", poses_keep_their_frames},
    {"every_format_round_trips", every_format_round_trips},
    {"real_clips_round_trip", real_clips_round_trip},
    {"edits", edits},
    {"cameras", cameras},
    {"pose_estimates", pose_estimates},
    {"odd_and_bad_arrays", odd_and_bad_arrays},
    {"bad_tables", bad_tables},
    {"capsule_mesh", capsule_mesh},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
