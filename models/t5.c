/* The umT5 text encoder, as a straight list of ops (spec/model.md §2). */
#include "models/t5_saved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/dict.h"
#include "host/base/mem.h"
#include "models/t5_names.h"

const char vmg_t5_token_table[] = "token_embedding.weight";
static const char shared_bias[] = "pos_embedding.embedding.weight";

/* ---- parameters ---- */

static void declare_layer(vmg_t5 *t5, int i, vmg_dtype dtype, vmg_t5_layer *l)
{
    const vmg_t5_config *c = &t5->config;
    vmg_params *ps = &t5->params;
    char prefix[64];
    vmg_dtype attention = vmg_t5_weight_dtype("enc.blk.0.attn_q.weight", dtype);
#define NAME(tail) (snprintf(prefix, sizeof prefix, "blocks.%d." tail, i), prefix)
    l->norm1 = vmg_params_vector(ps, i, c->dim, NAME("norm1"), "", ".weight");
    l->qkv_w = vmg_params_weight(ps, i, attention, c->dim_attn, c->dim, NAME("attn."), "q k v", ".weight");
    l->o_w = vmg_params_weight(ps, i, attention, c->dim, c->dim_attn, NAME("attn.o"), "", ".weight");
    if (!c->shared_pos)
        l->rel_bias = vmg_params_table(ps, i, c->num_buckets, c->num_heads, NAME("pos_embedding.embedding.weight"));
    l->norm2 = vmg_params_vector(ps, i, c->dim, NAME("norm2"), "", ".weight");
    l->gate_w = vmg_params_weight(ps, i, dtype, c->dim_ffn, c->dim, NAME("ffn.gate.0"), "", ".weight");
    l->fc1_w = vmg_params_weight(ps, i, dtype, c->dim_ffn, c->dim, NAME("ffn.fc1"), "", ".weight");
    l->fc2_w = vmg_params_weight(ps, i, dtype, c->dim, c->dim_ffn, NAME("ffn.fc2"), "", ".weight");
#undef NAME
}

static int create(vmg_ctx *ctx, const vmg_t5_config *config, vmg_dtype dtype, bool trainable, vmg_t5 **out)
{
    *out = NULL;
    if (config->max_dist != 128)
        return vmg_fail(VMG_E_UNSUPPORTED, "relative positions up to %lld: only 128 is supported", (long long)config->max_dist);
    vmg_t5 *t5 = vmg_calloc(1, sizeof *t5);
    if (!t5)
        return VMG_E_NOMEM;
    t5->ctx = ctx;
    t5->config = *config;
    t5->layers = vmg_calloc((size_t)config->num_layers, sizeof *t5->layers);
    int rc = vmg_params_init(&t5->params, ctx, (int)config->num_layers);
    if (!t5->layers || rc != VMG_OK) {
        vmg_t5_free(t5);
        return VMG_E_NOMEM;
    }
    t5->params.trainable = trainable;
    if (trainable)
        t5->tokens = vmg_params_table(&t5->params, -1, config->vocab_size, config->dim, vmg_t5_token_table);
    vmg_param *shared = NULL;
    if (config->shared_pos)
        shared = vmg_params_table(&t5->params, -1, config->num_buckets, config->num_heads, shared_bias);
    for (int i = 0; i < config->num_layers; i++) {
        t5->layers[i].rel_bias = shared;
        declare_layer(t5, i, dtype, &t5->layers[i]);
    }
    t5->norm = vmg_params_vector(&t5->params, -1, config->dim, "norm", "", ".weight");
    rc = vmg_ctx_status(ctx);
    if (rc != VMG_OK)
        vmg_t5_free(t5);
    else
        *out = t5;
    return rc;
}

int vmg_t5_create(vmg_ctx *ctx, const vmg_t5_config *config, vmg_dtype dtype, vmg_t5 **out)
{
    return create(ctx, config, dtype, false, out);
}

int vmg_t5_create_trainable(vmg_ctx *ctx, const vmg_t5_config *config, vmg_t5 **out)
{
    int rc = create(ctx, config, VMG_F32, true, out);
    if (rc == VMG_OK)
        rc = vmg_params_allocate(&(*out)->params);
    if (rc != VMG_OK) {
        vmg_t5_free(*out);
        *out = NULL;
    }
    return rc;
}

void vmg_t5_free(vmg_t5 *t5)
{
    if (!t5)
        return;
    vmg_params_free(&t5->params);
    free(t5->layers);
    free(t5);
}

/* canonical name -> the source's own tensor name */
static int index_names(const vmg_weights *w, vmg_dict *names)
{
    for (size_t i = 0; i < w->n_tensors; i++) {
        char canonical[96];
        if (vmg_t5_canonical_name(w->tensors[i].name, canonical, sizeof canonical) &&
            !vmg_dict_set(names, canonical, (void *)(uintptr_t)w->tensors[i].name))
            return VMG_E_NOMEM;
    }
    return VMG_OK;
}

static const char *own_name(void *names, const char *name)
{
    char canonical[96];
    if (!strcmp(name, shared_bias))
        name = "blocks.0.pos_embedding.embedding.weight";
    return vmg_t5_canonical_name(name, canonical, sizeof canonical) ? vmg_dict_get(names, canonical) : NULL;
}

int vmg_t5_load(vmg_t5 *t5, const vmg_weights *w, const vmg_params_load_options *o)
{
    const int64_t dim[2] = {t5->config.vocab_size, t5->config.dim};
    vmg_params_load_options with_alias = o ? *o : (vmg_params_load_options){0};
    vmg_dict names = {0};
    int rc = index_names(w, &names);
    const char *table = rc == VMG_OK ? own_name(&names, vmg_t5_token_table) : NULL;
    if (rc == VMG_OK)
        rc = vmg_weights_need(w, table ? table : vmg_t5_token_table, 2, dim, &t5->table);
    with_alias.alias = own_name;
    with_alias.alias_user = &names;
    if (rc == VMG_OK)
        rc = vmg_params_load(&t5->params, w, &with_alias, NULL);
    vmg_dict_free(&names, NULL);
    return rc;
}

int vmg_t5_load_random(vmg_t5 *t5, uint64_t seed, const vmg_params_load_options *o)
{
    t5->table = NULL;
    return vmg_params_load_random(&t5->params, seed, o);
}

/* ---- encoding ---- */

/* x (R,dim): each row its token's embedding. Without a table (random weights) a row depends on its id alone. */
static int look_up(const vmg_t5 *t5, const int32_t *ids, int64_t R, float *x)
{
    int64_t C = t5->config.dim;
    for (int64_t r = 0; r < R; r++) {
        if (ids[r] < 0 || ids[r] >= t5->config.vocab_size)
            return vmg_fail(VMG_E_ARG, "token %d is outside the encoder's vocabulary of %lld", ids[r],
                            (long long)t5->config.vocab_size);
        if (t5->table) {
            int rc = vmg_weight_rows_to_f32(t5->table, ids[r], 1, x + r * C);
            if (rc != VMG_OK)
                return rc;
        } else {
            uint32_t state = (uint32_t)ids[r] * 2654435761u + 1;
            for (int64_t c = 0; c < C; c++) {
                state = state * 1664525u + 1013904223u;
                x[r * C + c] = (float)(int32_t)state / 2147483648.0f;
            }
        }
    }
    return VMG_OK;
}

static void rms(vmg_t5 *t5, vmg_tensor x, const vmg_param *weight, vmg_tensor stats, vmg_tensor y)
{
    vmg_op_norm(t5->ctx, &(vmg_norm){.kind = VMG_NORM_RMS, .x = x, .y = y, .weight = weight->value, .stats = stats,
                                     .eps = (float)t5->config.eps});
}

vmg_attention vmg_t5_attention(const vmg_t5 *t5, const vmg_t5_layer *l, const vmg_t5_layer_saved *s, vmg_segments segments)
{
    int64_t A = t5->config.dim_attn;
    return (vmg_attention){.q = vmg_tensor_view_cols(s->qkv, 0, A), .k = vmg_tensor_view_cols(s->qkv, A, A),
                           .v = vmg_tensor_view_cols(s->qkv, 2 * A, A), .out = s->a, .n_heads = t5->config.num_heads,
                           .scale = 1.0f, .segments = segments, .rel_bias = l->rel_bias->value, .lse = s->lse};
}

/* out = x + attention(norm(x)). Without `saved` out may be x. */
static void attention_forward(vmg_t5 *t5, const vmg_t5_layer *l, vmg_arena *arena, vmg_tensor x, vmg_segments segments,
                              vmg_t5_layer_saved *saved, vmg_tensor out)
{
    vmg_ctx *ctx = t5->ctx;
    int64_t R = x.dim[0], A = t5->config.dim_attn;
    vmg_t5_layer_saved s = saved ? *saved : (vmg_t5_layer_saved){0};
    s.h1 = vmg_arena_matrix(arena, VMG_F32, R, t5->config.dim);
    s.qkv = vmg_arena_matrix(arena, VMG_F32, R, 3 * A);
    s.a = vmg_arena_matrix(arena, VMG_F32, R, A);
    if (saved) {
        s.stats1 = vmg_arena_matrix(arena, VMG_F32, R, 2);
        s.lse = vmg_arena_matrix(arena, VMG_F32, R, t5->config.num_heads);
        *saved = s;
    }
    rms(t5, x, l->norm1, s.stats1, s.h1);
    vmg_op_linear(ctx, s.h1, l->qkv_w->value, NULL, s.qkv);
    const vmg_attention attention = vmg_t5_attention(t5, l, &s, segments);
    vmg_op_attention(ctx, &attention);
    vmg_op_linear(ctx, s.a, l->o_w->value, &(vmg_epilogue){.residual = x}, out);
}

/* out = x + ffn(norm(x)). Without `saved` out may be x. */
static void feed_forward(vmg_t5 *t5, const vmg_t5_layer *l, vmg_arena *arena, vmg_tensor x, vmg_t5_layer_saved *saved,
                         vmg_tensor out)
{
    vmg_ctx *ctx = t5->ctx;
    int64_t R = x.dim[0], F = t5->config.dim_ffn;
    vmg_t5_layer_saved s = saved ? *saved : (vmg_t5_layer_saved){0};
    s.h2 = vmg_arena_matrix(arena, VMG_F32, R, t5->config.dim);
    s.up = vmg_arena_matrix(arena, VMG_F32, R, F);
    s.f = vmg_arena_matrix(arena, VMG_F32, R, F);
    if (saved) {
        s.stats2 = vmg_arena_matrix(arena, VMG_F32, R, 2);
        s.gate = vmg_arena_matrix(arena, VMG_F32, R, F);
        *saved = s;
    }
    rms(t5, x, l->norm2, s.stats2, s.h2);
    vmg_op_linear(ctx, s.h2, l->fc1_w->value, NULL, s.up);
    vmg_op_linear(ctx, s.h2, l->gate_w->value, &(vmg_epilogue){.preact = s.gate, .act = VMG_ACT_GELU_TANH, .mul = s.up}, s.f);
    vmg_op_linear(ctx, s.f, l->fc2_w->value, &(vmg_epilogue){.residual = x}, out);
}

/* x += attention(norm(x)); x += ffn(norm(x)) */
static void layer_forward(vmg_t5 *t5, const vmg_t5_layer *l, vmg_arena *arena, vmg_tensor x, vmg_segments segments)
{
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    attention_forward(t5, l, arena, x, segments, NULL, x);
    vmg_arena_reset(arena, mark);
    feed_forward(t5, l, arena, x, NULL, x);
    vmg_arena_reset(arena, mark);
}

/* Training keeps the token table on the device. */
static vmg_tensor embed_on_device(vmg_t5 *t5, vmg_arena *arena, const int32_t *ids, vmg_tensor x)
{
    vmg_tensor on_device = vmg_arena_vector(arena, VMG_I32, x.dim[0]);
    for (int64_t r = 0; r < x.dim[0]; r++)
        if (ids[r] < 0 || ids[r] >= t5->config.vocab_size)
            vmg_ctx_fail(t5->ctx, VMG_E_ARG, "token %d is outside the encoder's vocabulary of %lld", ids[r],
                         (long long)t5->config.vocab_size);
    vmg_upload(t5->ctx, on_device, ids);
    vmg_op_embed(t5->ctx, t5->tokens->value, on_device, x);
    return on_device;
}

static vmg_segments pack_segments(vmg_t5 *t5, vmg_arena *arena, const int64_t *lens, int64_t n, vmg_segment *host)
{
    int32_t row = 0;
    for (int64_t i = 0; i < n; i++) {
        host[i] = (vmg_segment){row, (int32_t)lens[i], row, (int32_t)lens[i]};
        row += (int32_t)lens[i];
    }
    vmg_segments s = {.n = n, .host = host, .device = vmg_arena_matrix(arena, VMG_I32, n, 4)};
    vmg_upload(t5->ctx, s.device, host);
    return s;
}

static int run_layers(vmg_t5 *t5, vmg_arena *arena, vmg_tensor x, vmg_segments segments, vmg_params_progress *progress,
                      void *progress_user)
{
    int64_t N = t5->config.num_layers;
    for (int64_t i = 0; i < N; i++) {
        vmg_params_need(&t5->params, (int)i);
        layer_forward(t5, &t5->layers[i], arena, x, segments);
        vmg_params_done(&t5->params, (int)i);
        if (progress) {
            int rc = vmg_ctx_finish(t5->ctx);
            if (rc != VMG_OK)
                return rc;
            if (!progress(progress_user, (size_t)i + 1, (size_t)N))
                return vmg_fail(VMG_E_INTERRUPTED, "interrupted after %lld of %lld layers", (long long)i + 1, (long long)N);
        }
    }
    return vmg_ctx_status(t5->ctx);
}

int vmg_t5_encode(vmg_t5 *t5, const int32_t *ids, const int64_t *lens, int64_t n, vmg_params_progress *progress,
                  void *progress_user, float *out)
{
    vmg_ctx *ctx = t5->ctx;
    int64_t R = 0, C = t5->config.dim;
    for (int64_t i = 0; i < n; i++)
        R += lens[i];
    vmg_segment *host = vmg_calloc((size_t)n, sizeof *host);
    float *embedded = vmg_calloc((size_t)(R * C), sizeof *embedded);
    vmg_arena arena = vmg_arena_make(ctx, 8 << 20);
    int rc = host && embedded ? VMG_OK : VMG_E_NOMEM;
    if (rc == VMG_OK && !ctx->plan && !t5->tokens)
        rc = look_up(t5, ids, R, embedded);
    if (rc == VMG_OK && R > 0) {
        vmg_tensor x = vmg_arena_matrix(&arena, VMG_F32, R, C), y = vmg_arena_matrix(&arena, VMG_F32, R, C);
        vmg_segments segments = pack_segments(t5, &arena, lens, n, host);
        if (t5->tokens)
            embed_on_device(t5, &arena, ids, x);
        else
            vmg_upload(ctx, x, embedded);
        rc = run_layers(t5, &arena, x, segments, progress, progress_user);
        if (rc == VMG_OK) {
            rms(t5, x, t5->norm, VMG_NONE, y);
            vmg_download(ctx, y, out);
            rc = vmg_ctx_finish(ctx);
        }
    }
    vmg_arena_free(&arena);
    free(embedded);
    free(host);
    return rc;
}

void vmg_t5_forward_saved(vmg_t5 *t5, vmg_arena *arena, const int32_t *ids, const int64_t *lens, int64_t n,
                          vmg_t5_saved *s)
{
    vmg_ctx *ctx = t5->ctx;
    int64_t N = t5->config.num_layers, R = 0;
    for (int64_t i = 0; i < n; i++)
        R += lens[i];
    s->segment = vmg_calloc((size_t)n, sizeof *s->segment);
    s->layers = vmg_calloc((size_t)N, sizeof *s->layers);
    if (!s->segment || !s->layers) {
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return;
    }
    vmg_tensor x = vmg_arena_matrix(arena, VMG_F32, R, t5->config.dim);
    s->ids = embed_on_device(t5, arena, ids, x);
    s->segments = pack_segments(t5, arena, lens, n, s->segment);
    for (int64_t i = 0; i < N; i++) {
        vmg_t5_layer_saved *l = &s->layers[i];
        l->x = x;
        l->x1 = vmg_arena_matrix(arena, VMG_F32, R, t5->config.dim);
        x = vmg_arena_matrix(arena, VMG_F32, R, t5->config.dim);
        attention_forward(t5, &t5->layers[i], arena, l->x, s->segments, l, l->x1);
        feed_forward(t5, &t5->layers[i], arena, l->x1, l, x);
    }
    s->x = x;
    s->stats = vmg_arena_matrix(arena, VMG_F32, R, 2);
    s->out = vmg_arena_matrix(arena, VMG_F32, R, t5->config.dim);
    rms(t5, x, t5->norm, s->stats, s->out);
}

void vmg_t5_saved_free(vmg_t5_saved *s)
{
    if (!s)
        return;
    free(s->segment);
    free(s->layers);
    *s = (vmg_t5_saved){0};
}

double vmg_t5_flops(const vmg_t5 *t5, const int64_t *lens, int64_t n)
{
    const vmg_t5_config *c = &t5->config;
    double macs = 0, C = (double)c->dim, A = (double)c->dim_attn, F = (double)c->dim_ffn;
    for (int64_t i = 0; i < n; i++)
        macs += (double)lens[i] * (4 * C * A + 3 * C * F) + 2 * A * (double)lens[i] * (double)lens[i];
    return 2 * macs * (double)c->num_layers;
}
