/* The self-test passes on the golden sets of this machine, and fails when anything is off. */
#include "src/lib/selftest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "tests/harness.h"

static char last_failed[1024];

static void on_row(void *user, const char *set, const char *tensor, double error, double tolerance,
                   bool pass)
{
    (void)set;
    if (pass)
        return;
    snprintf(last_failed, sizeof last_failed, "%s", tensor);
    if (user)
        vmg_test_note("%s: error %g, at most %g", tensor, error, tolerance);
}

/* Run on a folder; number of failed rows. */
static int64_t failures(const char *dir, bool note, int64_t min_rows)
{
    static int loud;
    vmg_selftest_report r = {.row = on_row, .user = note ? &loud : NULL};
    last_failed[0] = 0;
    CHECK_OK(vmg_selftest_run(dir, &r));
    CHECK(r.n_rows >= min_rows);
    return r.n_failed;
}

static void golden_motion(void)
{
    const char *dir = vmg_test_shared("golden/motion_rep");
    if (dir)
        CHECK_INT(failures(dir, true, 21), 0);
}

static void golden_mbench(void)
{
    if (vmg_test_shared("golden/mbench/motions/0.npy"))
        CHECK_INT(failures(vmg_test_shared("golden/mbench"), true, 20), 0);
}

/* Copy the files of a folder; shared data is never linked to from a scratch folder. */
static bool copy_folder(const char *from, const char *to)
{
    char **names = NULL;
    size_t n = 0;
    bool ok = CHECK_OK(vmg_list_dir(from, &names, &n)) && CHECK_OK(vmg_mkdirs(to));
    for (size_t i = 0; ok && i < n; i++) {
        char *source = vmg_path_join(from, names[i]), *target = vmg_path_join(to, names[i]), *data;
        size_t size;
        ok = CHECK_OK(vmg_read_file(source, 1 << 20, &data, &size));
        if (ok) {
            ok = CHECK_OK(vmg_write_file(target, data, size));
            free(data);
        }
        free(source);
        free(target);
    }
    vmg_list_free(names, n);
    return ok;
}

/* The golden mbench set with one expected value changed by 0.1 % must fail. */
static void wrong_value_fails(void)
{
    if (!vmg_test_shared("golden/mbench/motions/0.npy"))
        return;
    char dir[4096], path[4200], *text = NULL;
    size_t size;
    snprintf(dir, sizeof dir, "%s", vmg_test_shared("golden/mbench"));
    snprintf(path, sizeof path, "%s/motions", dir);
    if (!copy_folder(path, vmg_test_tmp("wrong/motions")))
        return;
    snprintf(path, sizeof path, "%s/expected.json", dir);
    REQUIRE_OK(vmg_read_file(path, 1 << 20, &text, &size));
    cJSON *e = cJSON_Parse(text);
    free(text);
    cJSON *sliding = cJSON_GetObjectItem(cJSON_GetObjectItem(e, "Foot_Sliding"), "per_motion");
    cJSON *value = cJSON_GetObjectItem(cJSON_GetArrayItem(sliding, 7), "value");
    REQUIRE(cJSON_IsNumber(value));
    cJSON_SetNumberValue(value, value->valuedouble * 1.001);
    text = cJSON_Print(e);
    cJSON_Delete(e);
    REQUIRE_OK(vmg_write_file(vmg_test_tmp("wrong/expected.json"), text, strlen(text)));
    free(text);
    const char *manifest =
        "{\"format\":1,\"kind\":\"mbench\",\"motions\":\"motions\",\"expected\":"
        "\"expected.json\",\"mode\":\"official\",\"tolerance\":{\"relative\":1e-4}}";
    REQUIRE_OK(vmg_write_file(vmg_test_tmp("wrong/manifest.json"), manifest, strlen(manifest)));
    CHECK_INT(failures(vmg_test_tmp("wrong"), false, 20), 1);
    CHECK_STR(last_failed, "Foot_Sliding");
}

static void bad_sets_are_failed_rows(void)
{
    static const struct {
        const char *manifest, *word;
    } sets[] = {
        {"{\"format\":1,\"kind\":\"tea\"}", "\"tea\""},
        {"{\"format\":2,\"kind\":\"motion\"}", "format 1"},
        {"{\"format\":1}", "\"kind\""},
        {"{\"format\":1,", "not JSON"},
        {"{\"format\":1,\"kind\":\"motion\",\"vectors\":\"../x\"}", "out of its folder"},
        {"{\"format\":1,\"kind\":\"motion\",\"vectors\":\"x\"}", "tolerance"},
        {"{\"format\":1,\"kind\":\"motion\",\"vectors\":\"x\",\"tolerance\":{\"absolute\":1}}",
         "x"},
        {"{\"format\":1,\"kind\":\"mbench\",\"motions\":\"m\"}", "expected"},
    };
    REQUIRE_OK(vmg_mkdirs(vmg_test_tmp("bad/deeper")));
    for (size_t i = 0; i < VMG_COUNT(sets); i++) {
        const char *path = vmg_test_tmp("bad/deeper/manifest.json");
        REQUIRE_OK(vmg_write_file(path, sets[i].manifest, strlen(sets[i].manifest)));
        CHECK_INT(failures(vmg_test_tmp("bad"), false, 1), 1);
        CHECK(strstr(last_failed, sets[i].word) != NULL);
    }
    vmg_selftest_report r = {0};
    REQUIRE_OK(vmg_mkdirs(vmg_test_tmp("none")));
    CHECK_FAILS(vmg_selftest_run(vmg_test_tmp("none"), &r), VMG_E_NOTFOUND, "manifest.json");
    CHECK_FAILS(vmg_selftest_run(vmg_test_tmp("nowhere"), &r), VMG_E_IO, "nowhere");
}

static void errors_are_measured(void)
{
    const float a[] = {1, 2, 4.1f}, b[] = {1, 2, 4}, nan[] = {1, NAN, 4};
    vmg_selftest_report r = {0};
    vmg_selftest_compare(&r, "close", a, b, 3, false, 0.026);
    CHECK_INT(r.n_failed, 0);
    vmg_selftest_compare(&r, "relative", a, b, 3, false, 0.024);
    CHECK_INT(r.n_failed, 1);
    vmg_selftest_compare(&r, "absolute", a, b, 3, true, 0.09);
    CHECK_INT(r.n_failed, 2);
    vmg_selftest_compare(&r, "nan", nan, b, 3, false, 1e30);
    vmg_selftest_compare(&r, "nan wanted", b, nan, 3, false, 1e30);
    vmg_selftest_row(&r, "nan error", NAN, 1);
    CHECK_INT(r.n_failed, 5);
    CHECK_INT(r.n_rows, 6);
}

static const vmg_test_case cases[] = {
    {"golden_motion", golden_motion},
    {"golden_mbench", golden_mbench},
    {"wrong_value_fails", wrong_value_fails},
    {"bad_sets_are_failed_rows", bad_sets_are_failed_rows},
    {"errors_are_measured", errors_are_measured},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
