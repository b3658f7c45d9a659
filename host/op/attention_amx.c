/* Attention in AMX tiles, operands rounded to bf16: what cl/attention_amx.cl can do, and its tunable. */
#include "host/base/mem.h"
#include "host/op/attention_impl.h"
#include "host/op/matmul_path.h"

enum { BK };
enum { BLOCK = 32 };

static int64_t blocks(int64_t rows)
{
    return (rows + BLOCK - 1) / BLOCK;
}

/* Local memory as the kernel declares it: rounded keys, values and queries, probabilities; scores, results. */
static bool forward_fits(const vmg_device *dev, const int *v, const int64_t *shape)
{
    const uint64_t d = (uint64_t)shape[VMG_ATTENTION_HEAD_DIM], keys = (uint64_t)v[BK];
    const uint64_t rounded = 2 * (2 * keys * d + BLOCK * d + BLOCK * keys), sums = 4 * (BLOCK * keys + BLOCK * d + BLOCK);
    return rounded + sums <= dev->local_mem_bytes;
}

/* Groups along the first dimension share a segment's blocks of queries: few, as each rounds the keys, but enough for all
 * compute units. */
static void forward_geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3],
                             size_t local[3])
{
    (void)v;
    const int64_t heads = VMG_MAX(shape[VMG_ATTENTION_HEADS], 1), wanted = 4 * (int64_t)dev->n_compute_units;
    global[0] = (size_t)VMG_MIN(blocks(shape[VMG_ATTENTION_ROWS]), (wanted + heads - 1) / heads);
    global[1] = (size_t)shape[VMG_ATTENTION_HEADS];
    global[2] = local[0] = local[1] = local[2] = 1;
}

const vmg_kernel_def vmg_attention_amx_kernel = {.file = "attention_amx",
                                                 .name = "attention_amx",
                                                 .tunables = {{"BK", {256, 128, 64, 32}}},
                                                 .valid = forward_fits,
                                                 .geometry = forward_geometry};

/* The same: rounded keys twice, values, queries and d_out in two forms (one of them of QUERY_BLOCKS blocks), probabilities and
 * ds; scores twice, gradients. */
enum { QUERY_BLOCKS = 4 };
static bool backward_fits(const vmg_device *dev, const int *v, const int64_t *shape)
{
    const uint64_t d = (uint64_t)shape[VMG_ATTENTION_HEAD_DIM], keys = (uint64_t)v[BK];
    const uint64_t rounded = 2 * (3 * keys * d + 2 * BLOCK * d * (1 + QUERY_BLOCKS) + BLOCK * keys * (2 * QUERY_BLOCKS + 1));
    const uint64_t sums = 4 * (2 * BLOCK * keys + BLOCK * d + 2 * keys * d + BLOCK);
    return rounded + sums <= dev->local_mem_bytes;
}

static void backward_geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3],
                              size_t local[3])
{
    (void)dev;
    (void)v;
    global[1] = (size_t)shape[VMG_ATTENTION_HEADS];
    global[0] = global[2] = local[0] = local[1] = local[2] = 1;
}

const vmg_kernel_def vmg_attention_amx_backward_kernel = {.file = "attention_amx",
                                                          .name = "attention_amx_backward",
                                                          .tunables = {{"BK", {256, 128, 64, 32}}},
                                                          .valid = backward_fits,
                                                          .geometry = backward_geometry};

bool vmg_attention_amx_valid(vmg_ctx *ctx, const vmg_attention *a)
{
    const int64_t head_dim = vmg_tensor_cols(a->q) / a->n_heads;
    const int64_t shape[VMG_MAX_SHAPE] = {[VMG_ATTENTION_HEAD_DIM] = head_dim};
    return (a->may_round || ctx->allow_bf16) && head_dim % BLOCK == 0 && !vmg_tensor_given(a->rel_bias) &&
           vmg_matmul_has_unit(ctx, VMG_UNIT_AMX) && forward_fits(&ctx->dev, (const int[]){BLOCK}, shape);
}

bool vmg_attention_amx_backward_valid(vmg_ctx *ctx, const vmg_attention *a)
{
    const vmg_segment *g = a->segments.host;
    const int64_t shape[VMG_MAX_SHAPE] = {[VMG_ATTENTION_HEAD_DIM] = vmg_tensor_cols(a->q) / a->n_heads};
    if (!vmg_attention_amx_valid(ctx, a) || !backward_fits(&ctx->dev, (const int[]){BLOCK}, shape))
        return false;
    for (int64_t s = 0; s < a->segments.n; s++)
        for (int64_t t = 0; t < s && g[s].n_k; t++) {
            const bool apart = !g[t].n_k || g[t].k0 + g[t].n_k <= g[s].k0 || g[s].k0 + g[s].n_k <= g[t].k0;
            if (!apart && (g[t].k0 != g[s].k0 || g[t].n_k != g[s].n_k))
                return false;
        }
    return true;
}

bool vmg_attention_amx_backward_fills(const vmg_ctx *ctx, const vmg_attention *a)
{
    const vmg_segment *g = a->segments.host;
    int64_t groups = 0;
    for (int64_t s = 0; s < a->segments.n; s++) {
        int64_t t = 0;
        while (t < s && (g[t].k0 != g[s].k0 || g[t].n_k != g[s].n_k))
            t++;
        groups += t == s ? a->n_heads : 0;
    }
    return groups >= (int64_t)ctx->dev.n_compute_units;
}
