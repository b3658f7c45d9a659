/* The packed path: both operands in panels, for processors (cl/matmul_packed.cl). */
#include "host/base/mem.h"
#include "host/op/matmul_path.h"

/* Tile heights of one row panel, and the vector width, are decided here because the packing depends
 * on them. */
enum { SHAPE_MR = 3 };
enum { KB, NB, MB };

static int64_t m_panels(const int64_t *shape)
{
    return (shape[0] + shape[SHAPE_MR] - 1) / shape[SHAPE_MR];
}

static int64_t n_panels(const int64_t *shape)
{
    return (shape[1] + VMG_PANEL - 1) / VMG_PANEL;
}

static bool packed_valid_values(const vmg_device *dev, const int *v, const int64_t *shape)
{
    const uint64_t sums = (uint64_t)v[MB] * (uint64_t)shape[SHAPE_MR], decoded = (uint64_t)v[KB];
    return 4ull * (uint64_t)v[NB] * VMG_PANEL * (sums + decoded) <= dev->local_mem_bytes &&
           vmg_matmul_enough_groups(dev, m_panels(shape), v[MB], n_panels(shape), v[NB]);
}

static void packed_geometry(const vmg_device *dev, const int *v, const int64_t *shape,
                            size_t global[3], size_t local[3])
{
    (void)dev;
    global[0] = (size_t)((n_panels(shape) + v[NB] - 1) / v[NB]);
    global[1] = (size_t)((m_panels(shape) + v[MB] - 1) / v[MB]);
    local[0] = local[1] = 1;
}

static const vmg_kernel_def packed_def = {
    .file = "matmul_packed",
    .name = "matmul_packed",
    .tunables = {{"KB", {384, 256, 512, 1024, 64}}, {"NB", {4, 2, 8, 1}}, {"MB", {64, 32, 8, 4, 2, 1}}},
    .valid = packed_valid_values,
    .geometry = packed_geometry};

int vmg_matmul_vector_width(const vmg_device *dev)
{
    return dev->vector_width_f32 >= 16 ? 16 : dev->vector_width_f32 >= 8 ? 8 : 4;
}

int vmg_matmul_tile_rows(int64_t M, int vector_width)
{
    const int64_t most = vector_width == 16 ? 14 : 6, least = (M + most - 1) / most;
    int64_t n_panels = least, rows = (M + least - 1) / VMG_MAX(least, 1);
    for (int64_t n = least + 1; n <= 2 * least; n++)
        if (10 * n * ((M + n - 1) / n) <= 9 * n_panels * rows) {
            n_panels = n;
            rows = (M + n - 1) / n;
        }
    return (int)(rows > 2 && n_panels == 1 ? vmg_round_up(rows, 2) : rows);
}

static bool packed_valid(vmg_ctx *ctx, const vmg_product *p)
{
    return ctx->dev.device_class == VMG_CLASS_CPU && p->b.layout != VMG_LAYOUT_TILE;
}

static void packed_run(vmg_ctx *ctx, const vmg_product *p)
{
    const int vw = vmg_matmul_vector_width(&ctx->dev), mr = vmg_matmul_tile_rows(p->M, vw);
    const int64_t m_padded = vmg_round_up(p->M, mr);
    const vmg_tensor w = vmg_matmul_panels(ctx, p);
    vmg_tensor x = p->a;
    /* A single row of floats is a panel already. */
    if (p->M > 1 || p->trans_a || p->a.dtype != VMG_F32) {
        x = vmg_matmul_scratch(ctx, VMG_MATMUL_A, VMG_F32,
                               (size_t)m_padded * (size_t)p->K * sizeof(float));
        vmg_matmul_pack_panels(ctx, p->a, p->M, p->K, p->trans_a ? 1 : p->a.ld,
                               p->trans_a ? p->a.ld : 1, mr, x);
    }
    vmg_launch l = VMG_LAUNCH(&packed_def);
    vmg_define_dtype(&l, "T_W", p->b.dtype);
    vmg_define(&l, "VW=%d", vw);
    vmg_define(&l, "MR=%d", mr);
    /* Decoding a block of W pays when several row panels use it; f32 that a tile reads whole is as
     * good as decoded. */
    vmg_define(&l, "DIRECT=%d",
               m_padded <= 2 * mr || (p->b.dtype == VMG_F32 && 2 * vw == VMG_PANEL));
    vmg_arg_in(&l, x);
    vmg_arg_in(&l, w);
    vmg_matmul_add_epilogue(&l, p);
    vmg_arg_i64(&l, p->M);
    vmg_arg_i64(&l, p->K);
    l.shape[SHAPE_MR] = mr;
    vmg_launch_run(ctx, &l);
}

const vmg_matmul_path vmg_matmul_packed = {
    .name = "packed", .kernel = &packed_def, .valid = packed_valid, .run = packed_run};
