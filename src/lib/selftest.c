/* Finds golden sets, runs the checker of each one's kind, and turns results into rows. */
#include "src/lib/selftest.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/lib/golden.h"

enum { MAX_DEPTH = 8, MAX_MANIFEST_BYTES = 1 << 20 };

static const struct {
    const char *kind;
    vmg_selftest_fn *check;
} kinds[] = {
    {"dit", vmg_selftest_dit},
    {"mbench", vmg_selftest_mbench},
    {"motion", vmg_selftest_motion},
    {"umt5", vmg_selftest_t5},
};

void vmg_selftest_row(vmg_selftest_report *report, const char *tensor, double error,
                      double tolerance)
{
    bool pass = error <= tolerance;
    report->n_rows++;
    report->n_failed += !pass;
    if (report->row)
        report->row(report->user, report->set ? report->set : "", tensor, error, tolerance, pass);
}

void vmg_selftest_failed(vmg_selftest_report *report, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    vmg_selftest_row(report, text, INFINITY, 0);
}

void vmg_selftest_compare(vmg_selftest_report *report, const char *tensor, const float *got,
                          const float *want, size_t n, bool absolute, double tolerance)
{
    double diff = 0, scale = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)got[i] - (double)want[i]);
        diff = isfinite(d) ? fmax(diff, d) : INFINITY;
        scale = fmax(scale, fabs((double)want[i]));
        if (!isfinite(d))
            break;
    }
    vmg_selftest_row(report, tensor, absolute || !(scale > 0) ? diff : diff / scale, tolerance);
}

bool vmg_selftest_tolerance(const cJSON *manifest, const char *name, double *out)
{
    const cJSON *tolerance = cJSON_GetObjectItemCaseSensitive(manifest, "tolerance");
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(tolerance, name);
    if (!cJSON_IsNumber(v) || !(v->valuedouble > 0)) {
        vmg_fail(VMG_E_FORMAT, "manifest.json has no positive tolerance.%s", name);
        return false;
    }
    *out = v->valuedouble;
    return true;
}

char *vmg_selftest_path(const char *dir, const cJSON *manifest, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(manifest, key);
    if (!v)
        vmg_fail(VMG_E_FORMAT, "manifest.json has no \"%s\"", key);
    return v ? vmg_golden_path(dir, v) : NULL;
}

static int check_kind(const char *dir, const cJSON *manifest, vmg_selftest_report *report)
{
    const cJSON *kind = cJSON_GetObjectItemCaseSensitive(manifest, "kind");
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(manifest, "format");
    if (!cJSON_IsNumber(format) || format->valuedouble != 1)
        return vmg_fail(VMG_E_FORMAT, "manifest.json is not of format 1");
    if (!cJSON_IsString(kind))
        return vmg_fail(VMG_E_FORMAT, "manifest.json has no text \"kind\"");
    for (size_t i = 0; i < VMG_COUNT(kinds); i++)
        if (!strcmp(kinds[i].kind, kind->valuestring))
            return kinds[i].check(dir, manifest, report);
    return vmg_fail(VMG_E_UNSUPPORTED, "no checker for kind \"%s\"", kind->valuestring);
}

static void check_set(const char *dir, const char *manifest_path, vmg_selftest_report *report)
{
    char *text = NULL;
    size_t size;
    cJSON *manifest = NULL;
    report->set = dir;
    int rc = vmg_read_file(manifest_path, MAX_MANIFEST_BYTES, &text, &size);
    if (!rc && !(manifest = cJSON_ParseWithLength(text, size)))
        rc = vmg_fail(VMG_E_FORMAT, "%s is not JSON", manifest_path);
    if (!rc)
        rc = check_kind(dir, manifest, report);
    if (rc)
        vmg_selftest_failed(report, "%s", vmg_error_message());
    cJSON_Delete(manifest);
    free(text);
    report->set = NULL;
}

/* Sets below `dir`, in byte order of their names; *n_sets counts them. */
static int walk(const char *dir, int depth, vmg_selftest_report *report, int64_t *n_sets)
{
    char **names = NULL;
    size_t n = 0;
    int rc = vmg_list_dir(dir, &names, &n);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < n; i++) {
        char *path = vmg_path_join(dir, names[i]);
        if (!path) {
            rc = VMG_E_NOMEM;
        } else if (!strcmp(names[i], "manifest.json") && !vmg_path_is_dir(path)) {
            ++*n_sets;
            check_set(dir, path, report);
        } else if (depth < MAX_DEPTH && vmg_path_is_dir(path)) {
            rc = walk(path, depth + 1, report, n_sets);
        }
        free(path);
    }
    vmg_list_free(names, n);
    return rc;
}

int vmg_selftest_run(const char *dir, vmg_selftest_report *report)
{
    int64_t n_sets = 0;
    int rc = walk(dir, 0, report, &n_sets);
    if (!rc && n_sets == 0)
        rc = vmg_fail(VMG_E_NOTFOUND, "%s holds no manifest.json", dir);
    return rc;
}
