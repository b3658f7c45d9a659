/* Starting from weights that are there already. */
#include "src/train/warm_start.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/t5_names.h"
#include "src/format/weights_file.h"
#include "src/train/checkpoint.h"

enum { MAX_NAME = 160 };

/* A parameter's tensor under any of the names it may have: a checkpoint's, the published one, llama.cpp's for encoders. */
static const vmg_weight *find(const vmg_weights *w, const vmg_train_param *p)
{
    char name[MAX_NAME];
    vmg_checkpoint_tensor_name(VMG_TRAIN_EMA, p->is_t5, p->name, name, sizeof name);
    const vmg_weight *t = vmg_weights_find(w, name);
    if (!t && p->is_t5 && vmg_t5_canonical_name(p->name, name, sizeof name))
        t = vmg_weights_find(w, name);
    if (!t && !p->is_t5)
        t = vmg_weights_find(w, p->name);
    return t;
}

static bool same_shape(const vmg_weight *t, const vmg_train_param *p)
{
    bool same = t->rank == p->rank;
    for (int i = 0; same && i < p->rank; i++)
        same = t->dim[i] == p->dim[i];
    return same;
}

static int take(vmg_ctx *ctx, const vmg_weight *t, const vmg_train_param *p)
{
    float *x = vmg_calloc((size_t)t->n, sizeof *x);
    int rc = x ? vmg_weight_to_f32(t, x) : VMG_E_NOMEM;
    if (rc == VMG_OK) {
        vmg_upload(ctx, p->part[VMG_TRAIN_VALUE], x);
        if (vmg_tensor_given(p->part[VMG_TRAIN_EMA]))
            vmg_upload(ctx, p->part[VMG_TRAIN_EMA], x);
        rc = vmg_ctx_status(ctx);
    }
    free(x);
    return rc;
}

int vmg_warm_start(vmg_ctx *ctx, vmg_train *t, const char *path, const vmg_log *log)
{
    vmg_weights *w = NULL;
    size_t taken = 0, n = vmg_train_n_params(t);
    int rc = vmg_path_is_dir(path) ? vmg_weights_open_dir(path, &w) : vmg_weights_open(path, &w);
    for (size_t i = 0; rc == VMG_OK && i < n; i++) {
        vmg_train_param p = vmg_train_get_param(t, i);
        const vmg_weight *x = find(w, &p);
        if (!x || !same_shape(x, &p))
            continue;
        rc = take(ctx, x, &p);
        taken++;
    }
    vmg_weights_close(w);
    if (rc == VMG_OK && !taken)
        return vmg_fail(VMG_E_NOTFOUND, "%s: no tensor has the name and shape of a parameter", path);
    if (rc == VMG_OK)
        vmg_logf(log, VMG_LOG_INFO, "%zu of %zu parameters start from %s", taken, n, path);
    return rc;
}
