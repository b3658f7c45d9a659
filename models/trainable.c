/* Gradients, moments and averages beside a trainable parameter table. */
#include "models/trainable.h"

#include <stdlib.h>

#include "host/base/mem.h"
#include "host/op.h"

/* ps->groups has group -1 last. */
static int group_index(const vmg_params *ps, int group)
{
    return group < 0 ? ps->n_groups : group;
}

static bool kept(const vmg_trainable *tr, int part)
{
    return part != VMG_TRAIN_EMA || tr->ema;
}

int vmg_trainable_init(vmg_trainable *tr, vmg_params *ps, bool ema)
{
    vmg_ctx *ctx = ps->ctx;
    *tr = (vmg_trainable){.ps = ps, .ema = ema};
    int n = vmg_trainable_n_groups(tr);
    for (int part = VMG_TRAIN_GRAD; part < VMG_TRAIN_N_PARTS; part++) {
        tr->buf[part] = vmg_calloc((size_t)n, sizeof *tr->buf[part]);
        if (!tr->buf[part])
            return VMG_E_NOMEM;
        for (int g = 0; kept(tr, part) && g < n; g++) {
            tr->buf[part][g] = vmg_ctx_buffer(ctx, ps->groups[g].bytes);
            vmg_op_fill(ctx, vmg_trainable_group(tr, g, part), 0.0f);
        }
    }
    for (size_t i = 0; i < ps->n; i++) {
        vmg_param *p = ps->list[i];
        p->grad = p->value;
        p->grad.buf = tr->buf[VMG_TRAIN_GRAD][group_index(ps, p->group)];
    }
    return vmg_ctx_status(ctx);
}

void vmg_trainable_free(vmg_trainable *tr)
{
    if (!tr || !tr->ps)
        return;
    for (int part = VMG_TRAIN_GRAD; part < VMG_TRAIN_N_PARTS; part++) {
        for (int g = 0; tr->buf[part] && kept(tr, part) && g < vmg_trainable_n_groups(tr); g++)
            vmg_ctx_buffer_free(tr->ps->ctx, tr->buf[part][g], tr->ps->groups[g].bytes);
        free(tr->buf[part]);
    }
    *tr = (vmg_trainable){0};
}

static cl_mem buffer(const vmg_trainable *tr, int g, int part)
{
    return part == VMG_TRAIN_VALUE ? tr->ps->groups[g].buf : tr->buf[part][g];
}

vmg_tensor vmg_trainable_group(const vmg_trainable *tr, int g, enum vmg_train_part part)
{
    if (!kept(tr, part))
        return VMG_NONE;
    return vmg_tensor_make(buffer(tr, g, part), 0, VMG_F32, 1, (int64_t[]){(int64_t)(tr->ps->groups[g].bytes / 4)});
}

vmg_tensor vmg_trainable_tensor(const vmg_trainable *tr, const vmg_param *p, int k, enum vmg_train_part part)
{
    if (!kept(tr, part))
        return VMG_NONE;
    size_t off_bytes = p->off_bytes;
    for (int before = 0; before < k; before++)
        off_bytes += (size_t)(p->part_rows[before] * p->cols) * sizeof(float);
    cl_mem buf = buffer(tr, group_index(tr->ps, p->group), part);
    if (p->value.rank == 1)
        return vmg_tensor_make(buf, off_bytes, VMG_F32, 1, (int64_t[]){p->cols});
    return vmg_tensor_make(buf, off_bytes, VMG_F32, 2, (int64_t[]){p->part_rows[k], p->cols});
}

void vmg_trainable_swap_ema(vmg_trainable *tr)
{
    vmg_params *ps = tr->ps;
    for (int g = 0; g < vmg_trainable_n_groups(tr); g++) {
        cl_mem value = ps->groups[g].buf;
        ps->groups[g].buf = tr->buf[VMG_TRAIN_EMA][g];
        tr->buf[VMG_TRAIN_EMA][g] = value;
    }
    for (size_t i = 0; i < ps->n; i++)
        ps->list[i]->value.buf = ps->groups[group_index(ps, ps->list[i]->group)].buf;
}
