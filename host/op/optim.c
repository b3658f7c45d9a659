/* AdamW and moving averages: checks and launches of cl/optim.cl. */
#include "host/op/optim.h"

#include <math.h>

#include "host/base/mem.h"
#include "host/op/elementwise.h"
#include "host/op/grid.h"
#include "host/op/want.h"

const vmg_kernel_def vmg_optim_kernels[] = {{.file = "optim", .name = "adamw", VMG_GRID_FLAT}};

void vmg_op_adamw(vmg_ctx *ctx, const vmg_adamw *o, vmg_tensor param, vmg_tensor grad, vmg_tensor m, vmg_tensor v,
                  vmg_tensor grad_scale_buf)
{
    const int64_t R = vmg_tensor_rows(param), C = vmg_tensor_cols(param);
    const vmg_want want[] = {{"param", param, R, C, VMG_F32, 0},
                             {"grad", grad, R, C, VMG_F32, 0},
                             {"m", m, R, C, VMG_F32, 0},
                             {"v", v, R, C, VMG_F32, 0},
                             {"grad_scale_buf", grad_scale_buf, 1, 1, VMG_F32, VMG_WANT_OPTIONAL}};
    if (!vmg_want_all(ctx, "adamw", want, VMG_COUNT(want)))
        return;
    if (o->step < 1) {
        vmg_ctx_fail(ctx, VMG_E_ARG, "adamw: step %lld, the first is 1", (long long)o->step);
        return;
    }
    const double correction1 = 1.0 - pow(o->beta1, (double)o->step);
    const double correction2 = 1.0 - pow(o->beta2, (double)o->step);
    vmg_launch l = VMG_LAUNCH(&vmg_optim_kernels[0]);
    vmg_define(&l, "SCALE_GIVEN=%d", vmg_tensor_given(grad_scale_buf));
    vmg_arg_inout(&l, param);
    vmg_arg_in(&l, grad);
    vmg_arg_inout(&l, m);
    vmg_arg_inout(&l, v);
    vmg_arg_in(&l, grad_scale_buf);
    /* In the kernel's order. */
    const double scalar[] = {o->grad_scale,   1.0 - o->lr * o->weight_decay, 1.0 - o->beta1,    o->beta2,
                             1.0 - o->beta2, o->lr / correction1,            sqrt(correction2), o->eps};
    for (size_t i = 0; i < VMG_COUNT(scalar); i++)
        vmg_arg_f32(&l, (float)scalar[i]);
    l.shape[0] = vmg_tensor_count(param);
    vmg_arg_i64(&l, l.shape[0]);
    l.flops = 14.0 * (double)l.shape[0];
    l.bytes = 28.0 * (double)l.shape[0];
    vmg_launch_run(ctx, &l);
}

void vmg_op_ema(vmg_ctx *ctx, double decay, vmg_tensor param, vmg_tensor ema)
{
    vmg_op_combine(ctx, (float)decay, ema, (float)(1.0 - decay), param, 0.0f, VMG_NONE, ema);
}
