/* The trainer's update: global norm, clipping, AdamW, moving average (spec/model.md §4). */
#include <math.h>

#include "models/train_impl.h"

void vmg_train_zero_grad(vmg_train *t)
{
    for (int net = 0; net < VMG_TRAIN_N_NETS; net++)
        for (int g = 0; g < vmg_trainable_n_groups(&t->net[net]); g++)
            vmg_op_fill(t->ctx, vmg_trainable_group(&t->net[net], g, VMG_TRAIN_GRAD), 0.0f);
}

/* The global norm of the gradients, before clipping; leaves the clip factor on the device. */
static int gradient_norm(vmg_train *t, double *norm)
{
    float sum = 0;
    bool add = false;
    for (int net = 0; net < VMG_TRAIN_N_NETS; net++)
        for (int g = 0; g < vmg_trainable_n_groups(&t->net[net]); g++) {
            vmg_op_sum_squares(t->ctx, vmg_trainable_group(&t->net[net], g, VMG_TRAIN_GRAD), add, t->sum_squares);
            add = true;
        }
    if (t->options.max_grad_norm > 0)
        vmg_op_clip_factor(t->ctx, t->sum_squares, (float)t->options.max_grad_norm, t->clip);
    vmg_download(t->ctx, t->sum_squares, &sum);
    *norm = sqrt(sum);
    return vmg_ctx_finish(t->ctx);
}

static void update_group(vmg_train *t, const vmg_trainable *tr, int g, const vmg_adamw *o)
{
    vmg_tensor part[VMG_TRAIN_N_PARTS];
    for (int i = 0; i < VMG_TRAIN_N_PARTS; i++)
        part[i] = vmg_trainable_group(tr, g, i);
    vmg_op_adamw(t->ctx, o, part[VMG_TRAIN_VALUE], part[VMG_TRAIN_GRAD], part[VMG_TRAIN_M], part[VMG_TRAIN_V],
                 t->options.max_grad_norm > 0 ? t->clip : VMG_NONE);
    if (tr->ema)
        vmg_op_ema(t->ctx, t->options.ema_decay, part[VMG_TRAIN_VALUE], part[VMG_TRAIN_EMA]);
}

void vmg_train_set_ema_decay(vmg_train *t, double decay)
{
    t->options.ema_decay = decay;
}

int vmg_train_update(vmg_train *t, double lr, double *grad_norm)
{
    const vmg_train_options *o = &t->options;
    double norm;
    int rc = gradient_norm(t, &norm);
    if (rc != VMG_OK)
        return rc;
    if (!isfinite(norm)) {
        const char *name = vmg_train_find_nonfinite(t, VMG_TRAIN_GRAD);
        if (!name)
            return vmg_fail(VMG_E_FORMAT, "the norm of the gradients is %g, though each is finite", norm);
        return vmg_fail(VMG_E_FORMAT, "the gradient of %s is not finite", name);
    }
    if (grad_norm)
        *grad_norm = norm;
    const vmg_adamw adamw = {.lr = lr, .beta1 = o->beta1, .beta2 = o->beta2, .eps = o->eps, .weight_decay = o->weight_decay,
                             .step = ++t->n_updates, .grad_scale = 1.0};
    for (int net = 0; net < VMG_TRAIN_N_NETS; net++)
        for (int g = 0; g < vmg_trainable_n_groups(&t->net[net]); g++)
            update_group(t, &t->net[net], g, &adamw);
    vmg_train_zero_grad(t);
    return vmg_ctx_finish(t->ctx);
}
