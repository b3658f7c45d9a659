/* Launching cl/matmul_rate.cl. */
#include "host/op/rate.h"

#include "host/base/mem.h"
#include "host/kernel.h"

/* Independent sums, all in registers with their operands: tiles make four. */
static const int chains[] = {[VMG_RATE_FMA] = 12, [VMG_RATE_PAIRS] = 24, [VMG_RATE_TILES] = 4};

static void rate_geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    (void)v;
    global[0] = (size_t)shape[0];
    local[0] = (size_t)shape[1];
}

static const vmg_kernel_def rate_def = {.file = "matmul_rate", .name = "multiply", .geometry = rate_geometry};

double vmg_op_rate(vmg_ctx *ctx, enum vmg_rate by, int rounds, vmg_tensor out)
{
    const bool cpu = ctx->dev.device_class == VMG_CLASS_CPU;
    const int width = cpu ? VMG_MAX((int)ctx->dev.vector_width_f32, 4) : 4;
    const int64_t items = vmg_tensor_count(out);
    const double sum_flops = 2.0 * (by == VMG_RATE_FMA ? width : by == VMG_RATE_PAIRS ? 16 * 2 : 16 * 16 * 32);
    vmg_launch l = VMG_LAUNCH(&rate_def);
    vmg_define(&l, "RATE_FMA=%d", VMG_RATE_FMA);
    vmg_define(&l, "RATE_PAIRS=%d", VMG_RATE_PAIRS);
    vmg_define(&l, "RATE_TILES=%d", VMG_RATE_TILES);
    vmg_define(&l, "RATE_BY=%d", by);
    vmg_define(&l, "CHAINS=%d", chains[by]);
    vmg_define(&l, "VW=%d", width);
    vmg_arg_out(&l, out);
    vmg_arg_i32(&l, rounds);
    l.shape[0] = items;
    l.shape[1] = cpu; /* 0: OpenCL chooses */
    l.flops = sum_flops * chains[by] * rounds * (double)items;
    vmg_launch_run(ctx, &l);
    return l.flops;
}
