/* Random numbers: launch of cl/random.cl, and the same numbers on the host from the same source. */
#include "host/op/random.h"

#include <math.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/grid.h"
#include "host/op/want.h"

static float float_of_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* What OpenCL C has and C has not. */
#define uint uint32_t
#define ulong uint64_t
#define as_float(u) float_of_bits(u)
#define clz(v) __builtin_clzll(v)
#define sqrt(v) sqrtf(v)
#include "cl/random.cl"
#undef uint
#undef ulong
#undef as_float
#undef clz
#undef sqrt

static bool item_per_counter_valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    (void)shape;
    return dev->device_class == VMG_CLASS_CPU || v[0] > 16;
}

static void item_per_counter(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    local[0] = (size_t)v[0];
    global[0] = shape[0] ? vmg_grid_groups(shape[0], 4 * v[0]) * local[0] : 0;
}

const vmg_kernel_def vmg_random_kernels[] = {{.file = "random",
                                              .name = "normal",
                                              .tunables = {{"WG", {64, 256, 128, 16}}},
                                              .valid = item_per_counter_valid,
                                              .geometry = item_per_counter}};

void vmg_op_normal(vmg_ctx *ctx, uint64_t seed, uint64_t stream, uint64_t offset, vmg_tensor out)
{
    const int64_t n = vmg_tensor_count(out);
    const vmg_want want = {"out", out, vmg_tensor_rows(out), vmg_tensor_cols(out), VMG_F32, 0};
    if (!vmg_want_all(ctx, "normal", &want, 1))
        return;
    vmg_launch l = VMG_LAUNCH(&vmg_random_kernels[0]);
    vmg_arg_out(&l, out);
    vmg_arg_u64(&l, seed);
    vmg_arg_u64(&l, stream);
    vmg_arg_u64(&l, offset);
    vmg_arg_i64(&l, n);
    l.shape[0] = n ? n + (int64_t)(offset % 4) : 0;
    l.bytes = 4.0 * (double)n;
    vmg_launch_run(ctx, &l);
}

void vmg_random_normal(uint64_t seed, uint64_t stream, uint64_t offset, int64_t n, float *out)
{
    float z[4] = {0};
    for (int64_t i = 0; i < n; i++) {
        const uint64_t at = offset + (uint64_t)i;
        if (i == 0 || at % 4 == 0)
            normal4(seed, stream, at / 4, z);
        out[i] = z[at % 4];
    }
}

void vmg_random_words(uint64_t seed, uint64_t stream, uint64_t counter, uint32_t word[4])
{
    const uint32_t c[4] = {(uint32_t)counter, (uint32_t)(counter >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    memcpy(word, c, sizeof c);
    philox(word, (uint32_t)seed, (uint32_t)(seed >> 32));
}

void vmg_random_uniform(uint64_t seed, uint64_t stream, uint64_t offset, int64_t n, float *out)
{
    uint32_t word[4] = {0};
    for (int64_t i = 0; i < n; i++) {
        const uint64_t at = offset + (uint64_t)i;
        if (i == 0 || at % 4 == 0)
            vmg_random_words(seed, stream, at / 4, word);
        out[i] = (float)(word[at % 4] >> 8) * 0x1p-24f;
    }
}
