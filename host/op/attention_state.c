/* What attention keeps in the context: the table of buckets, and temporary memory. */
#include <stdlib.h>

#include "host/base/mem.h"
#include "host/op/attention_impl.h"

enum { N_DISTANCES = 2 * VMG_T5_MAX_DISTANCE + 1 };

typedef struct state {
    cl_mem buckets, scratch[VMG_ATTENTION_N_USES]; /* NULL until needed, and while planning */
    int n_buckets;                                 /* that the table was made for */
    int64_t n_scratch[VMG_ATTENTION_N_USES];
} state;

static void free_state(vmg_ctx *ctx, void *slot)
{
    state *s = slot;
    vmg_ctx_buffer_free(ctx, s->buckets, s->n_buckets ? N_DISTANCES * sizeof(int32_t) : 0);
    for (int i = 0; i < VMG_ATTENTION_N_USES; i++)
        vmg_ctx_buffer_free(ctx, s->scratch[i], (size_t)s->n_scratch[i] * sizeof(float));
    free(s);
}

static state *get_state(vmg_ctx *ctx)
{
    state *s = vmg_ctx_slot(ctx, VMG_SLOT_ATTENTION);
    if (s || ctx->error)
        return s;
    s = vmg_calloc(1, sizeof *s);
    if (s)
        vmg_ctx_slot_set(ctx, VMG_SLOT_ATTENTION, s, free_state);
    else
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "no memory for attention's state");
    return s;
}

vmg_tensor vmg_attention_buckets(vmg_ctx *ctx, int64_t n_buckets)
{
    const int64_t n = N_DISTANCES;
    state *s = n_buckets ? get_state(ctx) : NULL;
    if (!s)
        return VMG_NONE;
    if (s->n_buckets != n_buckets) {
        int32_t bucket[N_DISTANCES];
        for (int i = 0; i < N_DISTANCES; i++)
            bucket[i] = vmg_t5_bucket(i - VMG_T5_MAX_DISTANCE, (int)n_buckets, VMG_T5_MAX_DISTANCE);
        if (!s->n_buckets)
            s->buckets = vmg_ctx_buffer(ctx, sizeof bucket);
        vmg_upload(ctx, vmg_tensor_make(s->buckets, 0, VMG_I32, 1, &n), bucket);
        s->n_buckets = ctx->error ? 0 : (int)n_buckets;
    }
    return vmg_tensor_make(s->buckets, 0, VMG_I32, 1, &n);
}

vmg_tensor vmg_attention_scratch(vmg_ctx *ctx, vmg_attention_use use, int64_t n)
{
    state *s = get_state(ctx);
    if (!s)
        return VMG_NONE;
    if (s->n_scratch[use] < n) {
        vmg_ctx_buffer_free(ctx, s->scratch[use], (size_t)s->n_scratch[use] * sizeof(float));
        s->scratch[use] = vmg_ctx_buffer(ctx, (size_t)n * sizeof(float));
        s->n_scratch[use] = ctx->error ? 0 : n;
    }
    return vmg_tensor_make(s->scratch[use], 0, VMG_F32, 1, &n);
}
