/* Checks golden sets of kind "mbench": the joint metrics of every clip and in sum. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/weights_file.h"
#include "src/lib/selftest.h"
#include "src/mbench/joints.h"
#include "src/motion/skeleton.h"

enum { MAX_JSON_BYTES = 64 << 20, POS = 3 * VMG_N_JOINTS };

static double relative(double got, double want)
{
    double d = fabs(got - want);
    d = want != 0 ? d / fabs(want) : d;
    return isfinite(d) ? d : INFINITY;
}

/* All metrics of the clip `motions`/ID.npy, (T,22,3). */
static int clip_metrics(const char *motions, const cJSON *id, int up,
                        double value[VMG_N_JOINT_METRICS])
{
    const vmg_weight *t;
    vmg_weights *w = NULL;
    float *joints = NULL;
    char *path = cJSON_IsNumber(id)   ? vmg_asprintf("%s/%.0f.npy", motions, id->valuedouble)
                 : cJSON_IsString(id) ? vmg_asprintf("%s/%s.npy", motions, id->valuestring)
                                      : NULL;
    if (!path)
        return vmg_fail(VMG_E_FORMAT, "a motion's \"id\" is neither number nor text");
    int rc = vmg_weights_open(path, &w);
    if (!rc)
        rc = vmg_weights_need(w, VMG_WEIGHT_UNNAMED, 3, (int64_t[]){-1, VMG_N_JOINTS, 3}, &t);
    if (!rc && !(joints = vmg_calloc((size_t)t->n, sizeof *joints)))
        rc = VMG_E_NOMEM;
    if (!rc)
        rc = vmg_weight_to_f32(t, joints);
    if (!rc)
        rc = vmg_mbench_joints(joints, t->dim[0], up, value);
    free(joints);
    vmg_weights_close(w);
    free(path);
    return rc;
}

/* One number of the aggregate, as a row METRIC.KEY. */
static void check_number(const cJSON *aggregate, const char *metric, const char *key, double got,
                         double tolerance, vmg_selftest_report *report)
{
    const cJSON *want = cJSON_GetObjectItemCaseSensitive(aggregate, key);
    char name[64];
    snprintf(name, sizeof name, "%s.%s", metric, key);
    if (cJSON_IsNumber(want))
        vmg_selftest_row(report, name, relative(got, want->valuedouble), tolerance);
    else
        vmg_selftest_failed(report, "%s is not a number", name);
}

/* The metric's clips one by one (one row: the largest relative error), then mean, deviation,
 * count. */
static int check_metric(const cJSON *expected, enum vmg_mbench_metric metric, const char *motions,
                        int up, double tolerance, vmg_selftest_report *report)
{
    const char *name = vmg_mbench_metric_name[metric];
    const cJSON *e = cJSON_GetObjectItemCaseSensitive(expected, name);
    const cJSON *aggregate = cJSON_GetObjectItemCaseSensitive(e, "aggregate");
    const cJSON *per_motion = cJSON_GetObjectItemCaseSensitive(e, "per_motion"), *m;
    if (!cJSON_IsArray(per_motion) || !cJSON_IsObject(aggregate))
        return vmg_fail(VMG_E_FORMAT, "%s lacks aggregate or per_motion", name);
    int64_t n = 0;
    int rc = VMG_OK;
    double worst = 0, all[VMG_N_JOINT_METRICS];
    double *values = vmg_calloc((size_t)cJSON_GetArraySize(per_motion), sizeof *values);
    if (!values)
        return VMG_E_NOMEM;
    cJSON_ArrayForEach(m, per_motion)
    {
        const cJSON *want = cJSON_GetObjectItemCaseSensitive(m, "value");
        if (!cJSON_IsNumber(want))
            rc = vmg_fail(VMG_E_FORMAT, "%s: a motion's \"value\" is not a number", name);
        if (!rc)
            rc = clip_metrics(motions, cJSON_GetObjectItemCaseSensitive(m, "id"), up, all);
        if (rc)
            break;
        values[n++] = all[metric];
        worst = fmax(worst, relative(all[metric], want->valuedouble));
    }
    if (!rc) {
        vmg_mbench_summary s = vmg_mbench_summarise(values, n, 1);
        vmg_selftest_row(report, name, worst, tolerance);
        check_number(aggregate, name, "mean", s.mean, tolerance, report);
        check_number(aggregate, name, "std", s.std, tolerance, report);
        check_number(aggregate, name, "num_samples", (double)s.n, 0, report);
    }
    free(values);
    return rc;
}

/* `official` reads index 2 as the height; `physical` the axis "up" of the manifest, z if it has
 * none. */
static int height_axis(const cJSON *manifest, int *up)
{
    enum vmg_mbench_mode mode = VMG_MBENCH_OFFICIAL;
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(manifest, "mode");
    const cJSON *axis = cJSON_GetObjectItemCaseSensitive(manifest, "up");
    int rc = cJSON_IsString(text) ? vmg_mbench_parse_mode(text->valuestring, &mode) : VMG_OK;
    bool y_up = cJSON_IsString(axis) && !strcmp(axis->valuestring, "y");
    *up = mode == VMG_MBENCH_PHYSICAL && y_up ? 1 : 2;
    return rc;
}

int vmg_selftest_mbench(const char *dir, const cJSON *manifest, vmg_selftest_report *report)
{
    double tolerance;
    size_t size;
    int up, rc = height_axis(manifest, &up);
    char *text = NULL, *motions = NULL, *path = NULL;
    cJSON *expected = NULL;
    if (rc)
        return rc;
    motions = vmg_selftest_path(dir, manifest, "motions");
    path = vmg_selftest_path(dir, manifest, "expected");
    if (!motions || !path || !vmg_selftest_tolerance(manifest, "relative", &tolerance)) {
        rc = VMG_E_FORMAT;
        goto out;
    }
    rc = vmg_read_file(path, MAX_JSON_BYTES, &text, &size);
    if (!rc && !(expected = cJSON_ParseWithLength(text, size)))
        rc = vmg_fail(VMG_E_FORMAT, "%s is not JSON", path);
    for (int k = 0; !rc && k < VMG_N_JOINT_METRICS; k++)
        rc = check_metric(expected, (enum vmg_mbench_metric)k, motions, up, tolerance, report);
out:
    cJSON_Delete(expected);
    free(text);
    free(motions);
    free(path);
    return rc;
}
