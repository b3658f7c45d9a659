/* Attention with queries (or keys) across the lanes of vectors: launches cl/attention_lanes.cl. */
#include "host/base/mem.h"
#include "host/op/attention_impl.h"

/* Indices of the tunables and of the shape. */
enum { VW, NV, BK };
enum { ROWS, OTHER_ROWS, HEADS, HEAD_DIM };

static size_t scratch_bytes(const int *v, const int64_t *shape, size_t n_matrices, size_t n_scores)
{
    size_t lanes = (size_t)v[VW] * (size_t)v[NV];
    size_t rows = n_matrices * (size_t)shape[HEAD_DIM] + n_scores * (size_t)v[BK];
    return sizeof(float) * (rows * lanes + 2 * (lanes + (size_t)v[BK]));
}

/* Vectors wider than the device's are spilled halves. */
static bool fits(const vmg_device *dev, const int *v, const int64_t *shape, size_t n_matrices,
                 size_t n_scores)
{
    return (v[VW] == 4 || (uint32_t)v[VW] <= dev->vector_width_f32) &&
           scratch_bytes(v, shape, n_matrices, n_scores) <= dev->local_mem_bytes;
}

static bool forward_valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    return fits(dev, v, shape, 2, 1);
}

static void geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3],
                     size_t local[3])
{
    (void)dev;
    const int64_t lanes = v[VW] * v[NV];
    global[0] = (size_t)((shape[ROWS] + lanes - 1) / lanes);
    global[1] = (size_t)shape[HEADS];
    global[2] = local[0] = local[1] = local[2] = 1;
}

#define TUNABLES {{"VW", {16, 8, 4}}, {"NV", {1, 2}}, {"BK", {64, 32, 128}}}

const vmg_kernel_def vmg_attention_lanes_kernel = {
    .file = "attention_lanes",
    .name = "attention_lanes",
    .tunables = TUNABLES,
    .valid = forward_valid,
    .geometry = geometry,
};

static void add_inputs(vmg_ctx *ctx, vmg_launch *l, const vmg_attention *a, const vmg_attention_work *w)
{
    vmg_define(l, "D=%d", (int)w->head_dim);
    vmg_define(l, "REL=%d", w->n_buckets > 0);
    vmg_define(l, "MAX_DISTANCE=%d", VMG_T5_MAX_DISTANCE);
    vmg_arg_in(l, a->q);
    vmg_arg_in(l, a->k);
    vmg_arg_in(l, a->v);
    vmg_arg_in(l, a->key_bias);
    vmg_arg_in(l, a->rel_bias);
    vmg_arg_in(l, vmg_attention_buckets(ctx, w->n_buckets));
    vmg_arg_in(l, a->segments.device);
}

void vmg_attention_lanes(vmg_ctx *ctx, const vmg_attention *a, const vmg_attention_work *w)
{
    vmg_launch l = VMG_LAUNCH(&vmg_attention_lanes_kernel);
    add_inputs(ctx, &l, a, w);
    vmg_arg_out(&l, a->out);
    vmg_arg_out(&l, a->lse);
    vmg_arg_i64(&l, a->q.ld);
    vmg_arg_i64(&l, a->k.ld);
    vmg_arg_i64(&l, a->v.ld);
    vmg_arg_i64(&l, a->out.ld);
    vmg_arg_i32(&l, (int32_t)a->n_heads);
    vmg_arg_f32(&l, a->scale);
    l.shape[ROWS] = w->max_q;
    l.shape[OTHER_ROWS] = w->max_k;
    l.shape[HEADS] = a->n_heads * a->segments.n;
    l.shape[HEAD_DIM] = w->head_dim;
    l.flops = 4.0 * w->n_pairs * (double)(w->head_dim * a->n_heads);
    l.bytes = 8.0 * (double)(vmg_tensor_count(a->q) + vmg_tensor_count(a->k));
    vmg_launch_run(ctx, &l);
}
