/* Attention by work-groups with tiles in local memory: the tunables of cl/attention_tiled.cl. */
#include "host/base/mem.h"
#include "host/op/attention_impl.h"

/* Indices of the tunables; TX items lie along a row of a work-group. */
enum { WG, RR, RC };
enum { TX = 8 };

static int64_t rows_per_group(const int *v)
{
    return v[WG] / TX * v[RR];
}

/* Local memory as the kernel declares it, and accumulators that registers can hold; wide columns only
 * for many rows. */
static bool fits(const vmg_device *dev, const int *v, const int64_t *shape, int64_t n_accumulators)
{
    const int64_t d = shape[VMG_ATTENTION_HEAD_DIM], rows = rows_per_group(v), cols = TX * v[RC];
    const int64_t depth = d % 16 ? 8 : 16;
    const int64_t n_local = depth * VMG_MAX(rows + cols + 2, d) + rows * (cols + 1) + rows * TX;
    return (v[RR] == 1 || n_accumulators * v[RR] * d / TX <= 64) && (v[RC] == 4 || v[RR] == 4) &&
           (uint64_t)n_local * sizeof(float) <= dev->local_mem_bytes;
}

static bool one_matrix_valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    return fits(dev, v, shape, 1);
}

static bool dkv_valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    return fits(dev, v, shape, 2);
}

static void geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3],
                     size_t local[3])
{
    (void)dev;
    const int64_t rows = rows_per_group(v);
    local[0] = (size_t)v[WG];
    global[0] = (size_t)((shape[VMG_ATTENTION_ROWS] + rows - 1) / rows) * local[0];
    global[1] = (size_t)shape[VMG_ATTENTION_HEADS];
    global[2] = local[1] = local[2] = 1;
}

#define KERNEL(kernel, when)                                                                       \
    {.file = "attention_tiled", .name = kernel,                                                    \
     .tunables = {{"WG", {128, 64, 256}}, {"RR", {4, 2, 1}}, {"RC", {4, 8}}}, .valid = when,       \
     .geometry = geometry}

const vmg_kernel_def vmg_attention_tiled_kernel = KERNEL("attention_tiled", one_matrix_valid);
const vmg_kernel_def vmg_attention_tiled_dq_kernel = KERNEL("attention_tiled_dq", one_matrix_valid);
const vmg_kernel_def vmg_attention_tiled_dkv_kernel = KERNEL("attention_tiled_dkv", dkv_valid);
