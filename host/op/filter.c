/* Gaussian smoothing along time: check and launch of cl/filter.cl. */
#include "host/op/filter.h"

#include "host/base/mem.h"
#include "host/op/grid.h"
#include "host/op/want.h"

const vmg_kernel_def vmg_filter_kernels[] = {{.file = "filter", .name = "gaussian_time", VMG_GRID_ROWS}};

void vmg_op_gaussian_time(vmg_ctx *ctx, vmg_tensor x, vmg_tensor starts, vmg_tensor y)
{
    const int64_t R = vmg_tensor_rows(x), C = vmg_tensor_cols(x), n_starts = vmg_tensor_count(starts);
    const vmg_want want[] = {{"x", x, R, C, VMG_F32, 0},
                             {"starts", starts, 1, VMG_MAX(n_starts, R ? 2 : 1), VMG_I32, 0},
                             {"y", y, R, C, VMG_F32, 0}};
    if (!vmg_want_all(ctx, "gaussian_time", want, VMG_COUNT(want)))
        return;
    if (x.buf && x.buf == y.buf && x.off_bytes == y.off_bytes) {
        vmg_ctx_fail(ctx, VMG_E_ARG, "gaussian_time: y is x, which it must not be");
        return;
    }
    vmg_launch l = VMG_LAUNCH(&vmg_filter_kernels[0]);
    vmg_arg_in(&l, x);
    vmg_arg_in(&l, starts);
    vmg_arg_out(&l, y);
    vmg_arg_i64(&l, R);
    vmg_arg_i64(&l, C);
    vmg_arg_i64(&l, n_starts - 1);
    l.shape[0] = R;
    l.shape[1] = C;
    l.flops = 8.0 * (double)R * (double)C;
    l.bytes = 8.0 * (double)R * (double)C;
    vmg_launch_run(ctx, &l);
}
