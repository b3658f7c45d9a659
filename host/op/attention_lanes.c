/* Attention with queries (or keys) across the lanes of vectors: the tunables of cl/attention_lanes.cl. */
#include "host/base/mem.h"
#include "host/op/attention_impl.h"

/* Indices of the tunables. */
enum { VW, LANES, BK };

/* Scratch as the kernels declare it, and no vectors wider than the device's (halves would be spilled). */
static bool fits(const vmg_device *dev, const int *v, const int64_t *shape, size_t n_matrices,
                 size_t n_scores)
{
    const size_t lanes = (size_t)v[LANES], block = (size_t)v[BK];
    const size_t rows = n_matrices * (size_t)shape[VMG_ATTENTION_HEAD_DIM] + n_scores * block;
    return v[LANES] % v[VW] == 0 && (v[VW] == 4 || (uint32_t)v[VW] <= dev->vector_width_f32) &&
           sizeof(float) * (rows * lanes + lanes + block) <= dev->local_mem_bytes;
}

static bool forward_valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    return fits(dev, v, shape, 3, 1);
}

static bool dq_valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    return fits(dev, v, shape, 4, 2);
}

static bool dkv_valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    return fits(dev, v, shape, 5, 2);
}

static void geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3],
                     size_t local[3])
{
    (void)dev;
    const int64_t lanes = v[LANES];
    global[0] = (size_t)((shape[VMG_ATTENTION_ROWS] + lanes - 1) / lanes);
    global[1] = (size_t)shape[VMG_ATTENTION_HEADS];
    global[2] = local[0] = local[1] = local[2] = 1;
}

#define KERNEL(kernel, when, ...)                                                                  \
    {.file = "attention_lanes", .name = kernel,                                                    \
     .tunables = {{"VW", {16, 8, 4}}, {"LANES", {16, 32, 8, 4}}, {"BK", {__VA_ARGS__}}},           \
     .valid = when, .geometry = geometry}

const vmg_kernel_def vmg_attention_lanes_kernel = KERNEL("attention_lanes", forward_valid, 64, 32);
/* More than one block of keys is computed twice here. */
const vmg_kernel_def vmg_attention_lanes_dq_kernel =
    KERNEL("attention_lanes_dq", dq_valid, 128, 64, 32);
const vmg_kernel_def vmg_attention_lanes_dkv_kernel =
    KERNEL("attention_lanes_dkv", dkv_valid, 64, 32);
