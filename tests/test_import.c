/* Importing: jumps cut off, formats, retargeted real clips, mirrored copies. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/data/dataset.h"
#include "src/data/import.h"
#include "src/data/import_clip.h"
#include "src/motion/clip.h"
#include "src/motion/rep276.h"
#include "tests/dataset_fixture.h"
#include "tests/harness.h"

enum { DIM = VMG_REP_DIM };

static void finds_clean_stretches(void)
{
    enum { T = 40 };
    int64_t first, n;
    float *x = vmg_test_walking_features(T);
    vmg_import_clean_stretch(x, T, &first, &n);
    CHECK_INT(first, 0);
    CHECK_INT(n, T);
    for (int j = 0; j < VMG_N_JOINTS; j++)
        for (int t = 0; t < 3; t++)
            x[t * DIM + VMG_REP_POS + 3 * j] += 0.8f;
    vmg_import_clean_stretch(x, T, &first, &n);
    CHECK_INT(first, 3);
    CHECK_INT(n, T - 3);
    free(x);
}

/* Mean yaw of a sample, from the hips. */
static double yaw_change(const vmg_sample *s)
{
    double sum = 0, before = 0;
    for (int64_t t = 0; t < s->T; t++) {
        const float *l = s->x + t * DIM + VMG_REP_POS + 3 * VMG_L_HIP,
                    *r = s->x + t * DIM + VMG_REP_POS + 3 * VMG_R_HIP;
        double yaw = atan2((double)r[1] - l[1], (double)r[0] - l[0]);
        sum += t ? remainder(yaw - before, 2 * acos(-1.0)) : 0;
        before = yaw;
    }
    return sum * 180 / acos(-1.0);
}

/* Two labelled turns, a run whose first frames are the rest pose, a file that is none: as a list. */
static void imports_real_clips(void)
{
    static const char *const clips[] = {"16_17", "16_19", "09_10"};
    const char *shared = vmg_test_shared("data/cmu/bvh");
    if (!shared)
        return;
    char *root = realpath(shared, NULL);
    vmg_buf list = {0};
    vmg_buf_puts(&list, "[");
    for (size_t i = 0; i < VMG_COUNT(clips); i++)
        vmg_buf_printf(&list, "{\"motion_path\":\"%s/%s.bvh\",\"prompt\":\"walks left %zu\","
                              "\"prompt_wanvideot5_embed_path\":\"x.pt\"},", root, clips[i], i);
    free(root);
    vmg_buf_puts(&list, "{\"motion_path\":\"/nowhere/x.bvh\"}]");
    const char *in = vmg_test_text_file("list.json", list.data), *out = vmg_test_tmp("imported");
    vmg_buf_free(&list);
    vmg_import_report r;
    vmg_dataset *ds;
    vmg_sample s;
    REQUIRE_OK(vmg_import(in, out, &(vmg_import_options){.threads = 2}, &r));
    CHECK_INT(r.n_clips, 4);
    CHECK_INT(r.n_kept, 3);
    CHECK_INT(r.n_cut, 1);
    CHECK_INT(r.n_samples, 6);
    REQUIRE_OK(vmg_dataset_open(out, &ds));
    CHECK_INT(vmg_dataset_count(ds), 6);
    static const double yaw_deg[] = {92, -91};
    for (int64_t i = 0; i < 6; i++) {
        const char *id = vmg_dataset_id(ds, i);
        REQUIRE_OK(vmg_dataset_read(ds, i, &s));
        size_t n = strlen(id);
        bool mirrored = !strcmp(id + n - 2, "_m");
        CHECK(s.mirrored == mirrored);
        for (int k = 0; k < 2; k++)
            if (strstr(id, clips[k]))
                CHECK_CLOSE(yaw_change(&s), mirrored ? -yaw_deg[k] : yaw_deg[k], 4);
        CHECK_INT(s.n_captions, 1);
        CHECK(strstr(s.captions[0].text, mirrored ? "right" : "left") != NULL);
        double low = 1;
        for (int64_t t = 0; t < s.T; t++)
            for (int j = 0; j < VMG_N_JOINTS; j++)
                low = VMG_MIN(low, s.x[t * DIM + VMG_REP_POS + 3 * j + 2]);
        CHECK(low > -0.05 && low < 1e-6);
        vmg_sample_free(&s);
    }
    vmg_dataset_close(ds);
    CHECK_FAILS(vmg_import(vmg_test_folder("empty"), out, &(vmg_import_options){0}, &r), VMG_E_FORMAT,
                "no motion");
}

/* A clip of balancing that begins and ends on both feet: its stillest moment is kept as a sample, mirrored too, of the same trial, and
 * leaves the statistics as they were. */
static void keeps_still_moments(void)
{
    const char *shared = vmg_test_shared("data/cmu/bvh/14_21.bvh");
    if (!shared)
        return;
    char *path = realpath(shared, NULL);
    vmg_buf list = {0};
    vmg_buf_printf(&list, "[{\"motion_path\":\"%s\",\"prompt\":\"stands\"}]", path);
    free(path);
    const char *in = vmg_test_text_file("one.json", list.data);
    vmg_buf_free(&list);
    vmg_dataset *ds[2];
    static const double extend_s[] = {0, 6};
    for (int k = 0; k < 2; k++) {
        vmg_import_report r;
        const char *out = vmg_test_tmp(k ? "held" : "plain");
        REQUIRE_OK(vmg_import(in, out, &(vmg_import_options){.extend_s = extend_s[k]}, &r));
        CHECK_INT(r.n_still, k);
        CHECK_INT(r.n_samples, k ? 4 : 2);
        REQUIRE_OK(vmg_dataset_open(out, &ds[k]));
    }
    CHECK_ARRAY(vmg_dataset_mean(ds[1]), vmg_dataset_mean(ds[0]), DIM, 0);
    CHECK_ARRAY(vmg_dataset_std(ds[1]), vmg_dataset_std(ds[0]), DIM, 0);
    char *group = NULL;
    for (int64_t i = 0; i < vmg_dataset_count(ds[1]); i++) {
        vmg_sample s;
        REQUIRE_OK(vmg_dataset_read(ds[1], i, &s));
        if (group)
            CHECK_STR(s.group, group);
        else
            group = vmg_strdup(s.group);
        if (strstr(s.id, "14_21_h")) {
            CHECK_INT(s.T, 120);
            CHECK_INT(s.n_captions, 0);
            double fastest = 0;
            for (int64_t t = 0; t + 1 < s.T; t++)
                for (int j = 0; j < 3 * VMG_N_JOINTS; j++)
                    fastest = fmax(fastest, fabs(s.x[(t + 1) * DIM + VMG_REP_POS + j] - s.x[t * DIM + VMG_REP_POS + j]));
            CHECK(fastest > 0 && fastest < 0.1 / VMG_REP_FPS);
        } else {
            CHECK_INT(s.n_captions, 1);
        }
        vmg_sample_free(&s);
    }
    free(group);
    vmg_dataset_close(ds[0]);
    vmg_dataset_close(ds[1]);
}

/* The same motion as AMASS .npz, published .pt, features and BVH, in folders: four equal samples;
 * AMASS's other files are passed over. */
static void imports_every_format(void)
{
    enum { T = 50 };
    static const char *const files[] = {"a/x.npz", "a/y.pt", "b/c/z.npy", "w.bvh"};
    const char *dir = vmg_test_folder("formats");
    float *x = vmg_test_walking_features(T);
    vmg_clip clip;
    vmg_import_report r;
    vmg_dataset *ds;
    REQUIRE_OK(vmg_clip_from_features(x, T, 20, &clip));
    free(x);
    for (size_t i = 0; i < VMG_COUNT(files); i++) {
        char *path = vmg_path_join(dir, files[i]), *slash = strrchr(path, '/');
        *slash = 0;
        REQUIRE_OK(vmg_mkdirs(path));
        *slash = '/';
        REQUIRE_OK(vmg_clip_write(path, &clip, NULL));
        free(path);
    }
    vmg_clip_free(&clip);
    static const char *const others[] = {"a/shape.npz", "a/walk_stagei.npz", "a/notes.txt"};
    for (size_t i = 0; i < VMG_COUNT(others); i++) {
        char *path = vmg_path_join(dir, others[i]);
        CHECK_OK(vmg_write_file(path, "no motion", 9));
        free(path);
    }
    const char *out = vmg_test_tmp("formats-set");
    REQUIRE_OK(vmg_import(dir, out, &(vmg_import_options){.no_mirror = true}, &r));
    CHECK_INT(r.n_clips, 4);
    CHECK_INT(r.n_samples, 4);
    REQUIRE_OK(vmg_dataset_open(out, &ds));
    vmg_sample first, s;
    CHECK(vmg_dataset_find(ds, "a_x") >= 0 && vmg_dataset_find(ds, "w") >= 0);
    REQUIRE_OK(vmg_dataset_read(ds, vmg_dataset_find(ds, "b_c_z"), &first));
    for (int64_t i = 0; i < vmg_dataset_count(ds); i++) {
        REQUIRE_OK(vmg_dataset_read(ds, i, &s));
        CHECK(s.T >= T - 2 && s.T <= T);
        double worst = 0;
        for (int64_t k = 0; k < (s.T - 1) * DIM; k++)
            if (k % DIM >= VMG_REP_POS && k % DIM < VMG_REP_VEL)
                worst = VMG_MAX(worst, fabs((double)s.x[k] - first.x[k]));
        if (!CHECK(worst < 0.02))
            vmg_test_note("%s differs by %g m", s.id, worst);
        vmg_sample_free(&s);
    }
    vmg_sample_free(&first);
    vmg_dataset_close(ds);
}

/* A clip that takes off is left out, with the reason; one that climbs for a while is kept. */
static void refuses_clips_that_fly(void)
{
    enum { T = 60 };
    for (int from = 10; from <= 40; from += 30) {
        float *x = vmg_test_walking_features(T);
        vmg_clip clip;
        vmg_sample s;
        double cut_s[2];
        bool was_cut;
        for (int t = from; t < T; t++)
            for (int j = 0; j < VMG_N_JOINTS; j++)
                x[t * DIM + VMG_REP_POS + 3 * j + 2] += 0.25f * (float)VMG_MIN(t - from, 10);
        const char *path = vmg_test_tmp("flies.npy");
        REQUIRE_OK(vmg_clip_from_features(x, T, 20, &clip));
        REQUIRE_OK(vmg_clip_write(path, &clip, NULL));
        char id[] = "flies", own[512];
        snprintf(own, sizeof own, "%s", path);
        vmg_import_item item = {.path = own, .id = id};
        int rc = vmg_import_clip(&item, &(vmg_import_options){0}, &s, cut_s, &was_cut);
        if (from < 20)
            CHECK_FAILS(rc, VMG_E_FORMAT, "up axis");
        else
            CHECK_OK(rc);
        vmg_sample_free(&s);
        vmg_clip_free(&clip);
        free(x);
    }
}

static const vmg_test_case cases[] = {
    {"refuses_clips_that_fly", refuses_clips_that_fly},
    {"finds_clean_stretches", finds_clean_stretches},
    {"keeps_still_moments", keeps_still_moments},
    {"imports_every_format", imports_every_format},
    {"imports_real_clips", imports_real_clips},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
