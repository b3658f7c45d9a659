/* Checks golden sets of kind "umt5": the text encoder's output, packed and text by text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "models/t5.h"
#include "src/format/weights_file.h"
#include "src/lib/golden.h"
#include "src/lib/selftest.h"

enum { MAX_TEXTS = 256 };

typedef struct vectors {
    int64_t n, L, C, total;
    int64_t lens[MAX_TEXTS];
    int32_t *ids;  /* packed */
    float *want;   /* packed (total, C) */
} vectors;

static int read_vectors(const vmg_weights *w, vectors *v)
{
    static const int64_t any[2] = {-1, -1};
    const vmg_weight *ids, *out;
    int rc = vmg_weights_need(w, "ids", 2, any, &ids);
    if (rc != VMG_OK)
        return rc;
    v->n = ids->dim[0];
    v->L = ids->dim[1];
    if (ids->dtype != VMG_I32 || v->n < 1 || v->n > MAX_TEXTS)
        return vmg_fail(VMG_E_FORMAT, "%s: \"ids\" is not (up to %d, L) i32", w->path, MAX_TEXTS);
    if ((rc = vmg_golden_ints(w, "lens", v->n, v->lens)) != VMG_OK)
        return rc;
    float *padded = vmg_golden_f32(w, "out", 3, &out);
    if (!padded)
        return VMG_E_FORMAT;
    v->C = out->dim[2];
    v->ids = vmg_calloc((size_t)ids->n, sizeof *v->ids);
    v->want = vmg_calloc((size_t)out->n, sizeof *v->want);
    bool fits = out->dim[0] == v->n && out->dim[1] == v->L && v->ids && v->want;
    for (int64_t i = 0; fits && i < v->n; i++) {
        fits = v->lens[i] >= 0 && v->lens[i] <= v->L;
        if (!fits)
            break;
        memcpy(v->ids + v->total, (const char *)ids->data + i * v->L * 4, (size_t)v->lens[i] * 4);
        memcpy(v->want + v->total * v->C, padded + i * v->L * v->C, (size_t)(v->lens[i] * v->C) * sizeof *padded);
        v->total += v->lens[i];
    }
    free(padded);
    return fits ? VMG_OK : vmg_fail(VMG_E_FORMAT, "%s: ids, lens and out do not fit together", w->path);
}

/* 1 - the cosine between two embeddings, each seen as one vector of n values. */
static double direction_error(const float *got, const float *want, int64_t n)
{
    double dot = 0, gg = 0, ww = 0;
    for (int64_t i = 0; i < n; i++) {
        dot += (double)got[i] * want[i];
        gg += (double)got[i] * got[i];
        ww += (double)want[i] * want[i];
    }
    return 1 - dot / sqrt(gg * ww);
}

/*
 * Quantised weights are other numbers than the published ones, so what their embeddings are held to is the direction: a
 * cosine of at least 0.999 with q8_0 and 0.98 with q4_0.
 */
static void report_rows(vmg_selftest_report *report, vmg_dtype dtype, const char *weights, const char *text, const float *got,
                        const float *want, int64_t n, int64_t C, double tolerance)
{
    char label[160];
    bool coarse = vmg_dtype_get(dtype).block_len > 1;
    snprintf(label, sizeof label, "%s %s: %s", weights, text, coarse ? "1 - cosine" : "out");
    if (coarse)
        vmg_selftest_row(report, label, direction_error(got, want, n * C), dtype == VMG_Q8_0 ? 0.001 : 0.02);
    else
        vmg_selftest_compare(report, label, got, want, (size_t)(n * C), false, tolerance);
}

static int check_encoder(vmg_t5 *t5, vmg_dtype dtype, const vectors *v, const char *name, vmg_selftest_report *report,
                         double tolerance)
{
    char text[32];
    float *got = vmg_calloc((size_t)(v->total * v->C), sizeof *got);
    if (!got)
        return VMG_E_NOMEM;
    if (t5->config.dim != v->C) {
        free(got);
        return vmg_fail(VMG_E_FORMAT, "the vectors have %lld channels, the configuration %lld", (long long)v->C,
                        (long long)t5->config.dim);
    }
    int rc = vmg_t5_encode(t5, v->ids, v->lens, v->n, NULL, NULL, got);
    if (rc == VMG_OK)
        report_rows(report, dtype, name, "all texts packed", got, v->want, v->total, v->C, tolerance);
    int64_t row = 0;
    for (int64_t i = 0; rc == VMG_OK && i < v->n; row += v->lens[i], i++) {
        rc = vmg_t5_encode(t5, v->ids + row, &v->lens[i], 1, NULL, NULL, got);
        snprintf(text, sizeof text, "text %lld alone", (long long)i);
        if (rc == VMG_OK)
            report_rows(report, dtype, name, text, got, v->want + row * v->C, v->lens[i], v->C, tolerance);
    }
    free(got);
    return rc;
}

static int check_weights(vmg_ctx *ctx, const vmg_t5_config *config, const char *dir, const cJSON *manifest,
                         const cJSON *file, vmg_dtype dtype, const vectors *v, vmg_selftest_report *report)
{
    vmg_weights *w = NULL;
    vmg_t5 *t5 = NULL;
    double tolerance = 0;
    char *path = vmg_golden_path(dir, file);
    int rc = path ? vmg_weights_open(path, &w) : VMG_E_FORMAT;
    const vmg_weight *table = rc == VMG_OK ? vmg_weights_find(w, "token_embedding.weight") : NULL;
    if (rc == VMG_OK)
        rc = vmg_golden_forward_tolerance(manifest, table ? table->dtype : VMG_F32, dtype, &tolerance);
    if (rc == VMG_OK)
        rc = vmg_t5_create(ctx, config, dtype, &t5);
    if (rc == VMG_OK)
        rc = vmg_t5_load(t5, w, NULL);
    if (rc == VMG_OK)
        rc = check_encoder(t5, dtype, v, file->valuestring, report, tolerance);
    vmg_t5_free(t5);
    vmg_weights_close(w);
    free(path);
    return rc;
}

int vmg_selftest_t5(const char *dir, const cJSON *manifest, vmg_selftest_report *report)
{
    vmg_t5_config config;
    vmg_dtype dtype = VMG_F32;
    vmg_ctx *ctx = NULL;
    vmg_weights *w = NULL;
    vectors v = {0};
    char *config_path = vmg_selftest_path(dir, manifest, "config");
    char *forward = vmg_selftest_path(dir, manifest, "forward");
    int rc = config_path && forward ? vmg_t5_config_read(config_path, &config) : VMG_E_FORMAT;
    if (rc == VMG_OK && report->dtype)
        rc = vmg_dtype_parse(report->dtype, &dtype);
    if (rc == VMG_OK)
        rc = vmg_weights_open(forward, &w);
    if (rc == VMG_OK)
        rc = read_vectors(w, &v);
    if (rc == VMG_OK)
        rc = vmg_ctx_open(&(vmg_ctx_options){.device = report->device}, &ctx);
    const cJSON *file;
    cJSON_ArrayForEach(file, cJSON_GetObjectItemCaseSensitive(manifest, "weights")) {
        if (rc == VMG_OK)
            rc = check_weights(ctx, &config, dir, manifest, file, dtype, &v, report);
    }
    vmg_ctx_close(ctx);
    vmg_weights_close(w);
    free(v.ids);
    free(v.want);
    free(config_path);
    free(forward);
    return rc;
}
