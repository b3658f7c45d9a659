/* `eval`'s reading and summing: the same motion gives the same values from every file. */
#include "src/mbench/eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/motion/clip.h"
#include "tests/harness.h"
#include "tests/motion_fixture.h"

static bool write_clip(const char *path, double heading, const vmg_clip_write_options *o)
{
    vmg_poses p;
    vmg_clip clip;
    bool ok = CHECK_OK(vmg_test_motion_make(VMG_TEST_WALK, 100, heading, &p)) &&
              CHECK_OK(vmg_clip_from_poses(&p, 20, &clip)) &&
              CHECK_OK(vmg_clip_write(path, &clip, o));
    vmg_clip_free(&clip);
    vmg_poses_free(&p);
    return ok;
}

static void files_agree(void)
{
    char *paths[5];
    const vmg_clip_write_options joints = {.joints = true}, y_up = {.joints = true, .up_axis = 1};
    for (int i = 0; i < 5; i++) {
        static const char *const names[] = {"f.npy", "j.npy", "b.bvh", "p.pt", "y.npy"};
        paths[i] = vmg_strdup(vmg_test_tmp(names[i]));
        if (!write_clip(paths[i], 0.4, i == 1 ? &joints : i == 4 ? &y_up : NULL))
            return;
    }
    vmg_eval e, y;
    REQUIRE_OK(vmg_eval_run((const char *const *)paths, 4, &(vmg_eval_options){0}, &e));
    CHECK_INT(e.n_failed, 0);
    for (int k = 0; k < VMG_N_JOINT_METRICS; k++) {
        for (int i = 1; i < 4; i++)
            CHECK_CLOSE(e.clip[i].value[k], e.clip[0].value[k], 2e-5);
        CHECK_CLOSE(e.summary[k].mean, e.clip[0].value[k], 2e-5);
        CHECK_INT(e.summary[k].n, 4);
    }
    CHECK(e.summary[VMG_DYNAMIC_DEGREE].mean > 0.05);
    /* y-up joints: declared, they agree; official reads the wrong axis, and so does it for
     * features */
    REQUIRE_OK(
        vmg_eval_run((const char *const *)&paths[4], 1, &(vmg_eval_options){.up_axis = 1}, &y));
    CHECK_CLOSE(y.clip[0].value[VMG_FOOT_SLIDING], e.clip[0].value[VMG_FOOT_SLIDING], 2e-5);
    vmg_eval_free(&y);
    const char *both[] = {paths[0], paths[4]};
    REQUIRE_OK(vmg_eval_run(both, 2, &(vmg_eval_options){.mode = VMG_MBENCH_OFFICIAL}, &y));
    for (int k = 0; k < VMG_N_JOINT_METRICS; k++)
        CHECK_CLOSE(y.clip[0].value[k], y.clip[1].value[k], 2e-5);
    CHECK(y.clip[0].value[VMG_GROUND_PENETRATION] != e.clip[0].value[VMG_GROUND_PENETRATION]);
    vmg_eval_free(&y);
    vmg_eval_free(&e);
    for (int i = 0; i < 5; i++)
        free(paths[i]);
}

static void bad_clips_leave_the_sums(void)
{
    const char *good = vmg_test_tmp("1.npy");
    if (!write_clip(good, 0, NULL))
        return;
    const char *paths[] = {good, "/nonexistent/2.npy"};
    vmg_eval e;
    REQUIRE_OK(vmg_eval_run(paths, 2, &(vmg_eval_options){0}, &e));
    CHECK_INT(e.n_failed, 1);
    CHECK(e.clip[1].error && strstr(e.clip[1].error, "2.npy"));
    CHECK_INT(e.summary[0].n, 1);
    vmg_eval_free(&e);
}

static void info_selects_ids(void)
{
    const char *paths[3], *info = vmg_test_tmp("info.json");
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d.npy", 7 + i);
        paths[i] = vmg_test_tmp(name);
        if (!write_clip(paths[i], 0, NULL))
            return;
    }
    const char *text =
        "[{\"dimension\":\"Jitter_Degree\",\"id\":7},{\"dimension\":\"Jitter_Degree\",\"id\":9},"
        "{\"dimension\":\"Foot_Sliding\",\"id\":8},{\"dimension\":\"Other\",\"id\":8}]";
    REQUIRE_OK(vmg_write_file(info, text, strlen(text)));
    vmg_eval e;
    REQUIRE_OK(vmg_eval_run(paths, 3, &(vmg_eval_options){.info = info}, &e));
    CHECK_INT(e.summary[VMG_JITTER_DEGREE].n, 2);
    CHECK_INT(e.summary[VMG_FOOT_SLIDING].n, 1);
    CHECK_INT(e.summary[VMG_DYNAMIC_DEGREE].n, 0);
    CHECK(e.clip[1].counts[VMG_FOOT_SLIDING] && !e.clip[1].counts[VMG_JITTER_DEGREE]);
    vmg_eval_free(&e);
    REQUIRE_OK(vmg_write_file(info, "{}", 2));
    CHECK_FAILS(vmg_eval_run(paths, 3, &(vmg_eval_options){.info = info}, &e), VMG_E_FORMAT,
                "not a JSON list");
}

static void spectral_columns(void)
{
    const char *path = vmg_test_tmp("s.npy");
    REQUIRE_OK(vmg_mkdirs(vmg_test_tmp("ref")));
    if (!write_clip(path, 0, NULL) || !write_clip(vmg_test_tmp("ref/s.npy"), 0.5, NULL))
        return;
    const char *paths[] = {path, vmg_test_tmp("ref/s.npy")};
    vmg_eval e;
    vmg_eval_options o = {.spectral = true, .reference = vmg_test_tmp("ref")};
    REQUIRE_OK(vmg_eval_run(paths, 2, &o, &e));
    CHECK(e.measured[VMG_EVAL_SPARC] && e.measured[VMG_EVAL_NPSS]);
    CHECK(e.clip[0].value[VMG_EVAL_SPARC] < -1 && e.clip[0].value[VMG_EVAL_SPARC] > -8);
    CHECK(e.clip[0].value[VMG_EVAL_HIGH_FREQUENCY] < 0.05);
    CHECK(e.clip[0].value[VMG_EVAL_NPSS] > 0);
    CHECK_CLOSE(e.clip[1].value[VMG_EVAL_NPSS], 0, 1e-9);
    CHECK_INT(e.summary[VMG_EVAL_NPSS].n, 2);
    vmg_eval_free(&e);
    o.reference = vmg_test_tmp("none");
    REQUIRE_OK(vmg_eval_run(paths, 1, &o, &e));
    CHECK_INT(e.summary[VMG_EVAL_NPSS].n, 0);
    vmg_eval_free(&e);
    o = (vmg_eval_options){0};
    REQUIRE_OK(vmg_eval_run(paths, 1, &o, &e));
    CHECK(!e.measured[VMG_EVAL_SPARC] && e.summary[VMG_EVAL_SPARC].n == 0);
    vmg_eval_free(&e);
}

static const vmg_test_case cases[] = {
    {"files_agree", files_agree},
    {"bad_clips_leave_the_sums", bad_clips_leave_the_sums},
    {"info_selects_ids", info_selects_ids},
    {"spectral_columns", spectral_columns},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
