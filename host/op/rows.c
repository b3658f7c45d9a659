/* Moving rows: checks and launches of cl/rows.cl. */
#include "host/op/rows.h"

#include "host/base/mem.h"
#include "host/op/grid.h"
#include "host/op/want.h"

const vmg_kernel_def vmg_rows_kernel = {.file = "rows", .name = "move_rows", VMG_GRID_ROWS};

/* x and out have the rows that `index` counts or points into, as `how` says. */
static void move(vmg_ctx *ctx, const char *how, vmg_tensor x, vmg_tensor index, vmg_tensor out)
{
    const bool gather = how[0] == 'G';
    const int64_t R = vmg_tensor_count(index), C = vmg_tensor_cols(x);
    const vmg_tensor indexed = gather ? x : out;
    const vmg_want want[] = {{"x", x, gather ? vmg_tensor_rows(x) : R, C, VMG_F32, VMG_WANT_LD},
                             {"index", index, 1, R, VMG_I32, 0},
                             {"out", out, gather ? R : vmg_tensor_rows(out), C, VMG_F32, VMG_WANT_LD}};
    if (!vmg_want_all(ctx, gather ? "gather_rows" : "scatter_rows", want, VMG_COUNT(want)))
        return;
    vmg_launch l = VMG_LAUNCH(&vmg_rows_kernel);
    vmg_define(&l, "%s", how);
    vmg_arg_in(&l, x);
    vmg_arg_in(&l, index);
    vmg_arg_inout(&l, out);
    const int64_t sizes[] = {R, C, x.ld, out.ld, vmg_tensor_rows(indexed)};
    for (size_t i = 0; i < VMG_COUNT(sizes); i++)
        vmg_arg_i64(&l, sizes[i]);
    l.shape[0] = R;
    l.shape[1] = C;
    l.bytes = 8.0 * (double)R * (double)C;
    vmg_launch_run(ctx, &l);
}

void vmg_op_gather_rows(vmg_ctx *ctx, vmg_tensor x, vmg_tensor index, vmg_tensor out)
{
    move(ctx, "GATHER", x, index, out);
}

void vmg_op_scatter_rows(vmg_ctx *ctx, vmg_tensor x, vmg_tensor index, vmg_tensor out)
{
    move(ctx, "SCATTER", x, index, out);
}

void vmg_op_scatter_rows_acc(vmg_ctx *ctx, vmg_tensor x, vmg_tensor index, vmg_tensor out)
{
    move(ctx, "SCATTER_ACC", x, index, out);
}
