/* Masked, weighted mean squared error: check and launch of cl/loss.cl. */
#include "host/op/loss.h"

#include "host/base/mem.h"
#include "host/op/elementwise.h"
#include "host/op/grid.h"
#include "host/op/reduce.h"
#include "host/op/want.h"

static bool mse_valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    (void)shape;
    return vmg_grid_suits_class(dev, v[0], v[1]);
}

static void mse_geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    local[0] = (size_t)v[0];
    global[0] = (size_t)shape[2] * local[0];
}

const vmg_kernel_def vmg_loss_kernels[] = {{.file = "loss",
                                            .name = "mse",
                                            .tunables = {{"WG", {128, 64, 256, 1}}, {"VW", {4, 16, 8, 1}}},
                                            .valid = mse_valid,
                                            .geometry = mse_geometry}};

void vmg_op_mse(vmg_ctx *ctx, vmg_tensor pred, vmg_tensor target, vmg_tensor row_weight, vmg_tensor col_weight,
                vmg_tensor mask, double denominator, vmg_tensor loss, vmg_tensor d_pred)
{
    const int64_t R = vmg_tensor_rows(pred), C = vmg_tensor_cols(pred);
    const vmg_want want[] = {{"pred", pred, R, C, VMG_F32, 0},
                             {"target", target, R, C, VMG_F32, 0},
                             {"row_weight", row_weight, 1, R, VMG_F32, 0},
                             {"col_weight", col_weight, 1, C, VMG_F32, 0},
                             {"mask", mask, R, C, VMG_F32, VMG_WANT_OPTIONAL},
                             {"d_pred", d_pred, R, C, VMG_F32, VMG_WANT_OPTIONAL},
                             {"loss", loss, 1, 1, VMG_F32, 0}};
    if (!vmg_want_all(ctx, "mse", want, VMG_COUNT(want)))
        return;
    if (!R || !C) {
        vmg_op_fill(ctx, loss, 0.0f);
        return;
    }
    if (!(denominator > 0)) {
        vmg_ctx_fail(ctx, VMG_E_ARG, "mse: the denominator is %g, it must be above 0", denominator);
        return;
    }
    const int64_t n_parts = VMG_MIN(R, 1024);
    vmg_tensor parts = vmg_reduce_scratch(ctx, n_parts);
    vmg_launch l = VMG_LAUNCH(&vmg_loss_kernels[0]);
    vmg_define(&l, "MASKED=%d", vmg_tensor_given(mask));
    vmg_define(&l, "GRADIENT=%d", vmg_tensor_given(d_pred));
    for (size_t i = 0; i < 5; i++)
        vmg_arg_in(&l, want[i].t);
    vmg_arg_out(&l, d_pred);
    vmg_arg_out(&l, parts);
    vmg_arg_i64(&l, R);
    vmg_arg_i64(&l, C);
    vmg_arg_i64(&l, n_parts);
    vmg_arg_f32(&l, (float)(2.0 / denominator));
    l.shape[0] = R;
    l.shape[1] = C;
    l.shape[2] = n_parts;
    l.flops = 6.0 * (double)R * (double)C;
    l.bytes = 4.0 * (2 + vmg_tensor_given(mask) + vmg_tensor_given(d_pred)) * (double)R * (double)C;
    vmg_launch_run(ctx, &l);
    vmg_reduce_sum_parts(ctx, parts, (float)(1.0 / denominator), loss);
}
