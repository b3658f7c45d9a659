/* Reading golden vectors: tensors of a set's files as host arrays. */
#include "src/lib/golden.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/lib/selftest.h"

char *vmg_golden_path(const char *dir, const cJSON *value)
{
    if (!cJSON_IsString(value)) {
        vmg_fail(VMG_E_FORMAT, "manifest.json: a file's name is not text");
        return NULL;
    }
    if (value->valuestring[0] == '/' || strstr(value->valuestring, "..")) {
        vmg_fail(VMG_E_FORMAT, "manifest.json: \"%s\" leads out of its folder", value->valuestring);
        return NULL;
    }
    return vmg_path_join(dir, value->valuestring);
}

float *vmg_golden_f32(const vmg_weights *w, const char *name, int rank, const vmg_weight **t)
{
    static const int64_t any[VMG_WEIGHT_MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const vmg_weight *found;
    if (vmg_weights_need(w, name, rank, any, &found) != VMG_OK)
        return NULL;
    float *x = vmg_calloc((size_t)found->n, sizeof *x);
    if (x && vmg_weight_to_f32(found, x) != VMG_OK) {
        free(x);
        return NULL;
    }
    if (t)
        *t = found;
    return x;
}

int vmg_golden_ints(const vmg_weights *w, const char *name, int64_t n, int64_t *out)
{
    const vmg_weight *t;
    int rc = vmg_weights_need(w, name, 1, &n, &t);
    if (rc != VMG_OK)
        return rc;
    for (int64_t i = 0; i < n; i++) {
        int32_t narrow;
        if (t->dtype == VMG_I64) {
            memcpy(&out[i], (const char *)t->data + 8 * i, 8);
        } else if (t->dtype == VMG_I32) {
            memcpy(&narrow, (const char *)t->data + 4 * i, 4);
            out[i] = narrow;
        } else {
            return vmg_fail(VMG_E_FORMAT, "%s: \"%s\" is not i32 or i64", w->path, name);
        }
    }
    return VMG_OK;
}

int64_t vmg_golden_real_rows(const float *x, int64_t rows, int64_t cols)
{
    while (rows > 0) {
        for (int64_t c = 0; c < cols; c++)
            if (x[(rows - 1) * cols + c] != 0)
                return rows;
        rows--;
    }
    return 0;
}

float *vmg_golden_download(vmg_ctx *ctx, vmg_tensor t)
{
    float *x = vmg_calloc((size_t)vmg_tensor_count(t), sizeof *x);
    if (x)
        vmg_download(ctx, t, x);
    if (x && vmg_ctx_finish(ctx) != VMG_OK) {
        free(x);
        return NULL;
    }
    return x;
}

int vmg_golden_forward_tolerance(const cJSON *manifest, vmg_dtype stored, vmg_dtype computed, double *out)
{
    const char *name = "forward_f16";
    if (stored == VMG_F32 && computed == VMG_F32)
        name = "forward_f32";
    else if ((stored == VMG_BF16 || computed == VMG_BF16) &&
             cJSON_HasObjectItem(cJSON_GetObjectItemCaseSensitive(manifest, "tolerance"), "forward_bf16"))
        name = "forward_bf16";
    return vmg_selftest_tolerance(manifest, name, out) ? VMG_OK : VMG_E_FORMAT;
}
