/* Softmax: checks and launches of cl/softmax.cl. */
#include "host/op/softmax.h"

#include "host/base/mem.h"
#include "host/op/grid.h"
#include "host/op/want.h"

enum { FORWARD, BACKWARD };

const vmg_kernel_def vmg_softmax_kernels[2] = {
    [FORWARD] = {.file = "softmax", .name = "softmax", VMG_GRID_ROWS},
    [BACKWARD] = {.file = "softmax", .name = "softmax_backward", VMG_GRID_ROWS},
};

static void set_shape(vmg_launch *l, int64_t R, int64_t C, double bytes)
{
    l->shape[0] = R;
    l->shape[1] = C;
    l->bytes = bytes * (double)R * (double)C;
}

void vmg_op_softmax(vmg_ctx *ctx, vmg_tensor x, vmg_tensor n_valid, vmg_tensor y)
{
    const int64_t R = vmg_tensor_rows(x), C = vmg_tensor_cols(x);
    const vmg_want want[] = {{"x", x, R, C, VMG_F32, VMG_WANT_LD},
                             {"n_valid", n_valid, 1, R, VMG_I32, VMG_WANT_OPTIONAL},
                             {"y", y, R, C, VMG_F32, VMG_WANT_LD}};
    if (!vmg_want_all(ctx, "softmax", want, VMG_COUNT(want)))
        return;
    vmg_launch l = VMG_LAUNCH(&vmg_softmax_kernels[FORWARD]);
    vmg_define(&l, "FORWARD");
    vmg_arg_in(&l, x);
    vmg_arg_in(&l, n_valid);
    vmg_arg_out(&l, y);
    const int64_t sizes[] = {R, C, x.ld, y.ld};
    for (size_t i = 0; i < VMG_COUNT(sizes); i++)
        vmg_arg_i64(&l, sizes[i]);
    set_shape(&l, R, C, 8);
    vmg_launch_run(ctx, &l);
}

void vmg_op_softmax_backward(vmg_ctx *ctx, vmg_tensor y, vmg_tensor dy, vmg_tensor dx)
{
    const int64_t R = vmg_tensor_rows(y), C = vmg_tensor_cols(y);
    const vmg_want want[] = {{"y", y, R, C, VMG_F32, VMG_WANT_LD},
                             {"dy", dy, R, C, VMG_F32, VMG_WANT_LD},
                             {"dx", dx, R, C, VMG_F32, VMG_WANT_LD}};
    if (!vmg_want_all(ctx, "softmax_backward", want, VMG_COUNT(want)))
        return;
    vmg_launch l = VMG_LAUNCH(&vmg_softmax_kernels[BACKWARD]);
    vmg_define(&l, "BACKWARD");
    vmg_arg_in(&l, y);
    vmg_arg_in(&l, dy);
    vmg_arg_out(&l, dx);
    const int64_t sizes[] = {R, C, y.ld, dy.ld, dx.ld};
    for (size_t i = 0; i < VMG_COUNT(sizes); i++)
        vmg_arg_i64(&l, sizes[i]);
    set_shape(&l, R, C, 12);
    vmg_launch_run(ctx, &l);
}
