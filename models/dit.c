/* ViMoGen's diffusion transformer: its parameters and its forward pass. */
#include "models/dit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "models/dit_saved.h"

/* ---- parameters ---- */

/* Clips are at most a few hundred frames; positions are made for this many (20 fps: over three minutes). */

typedef struct declarer {
    vmg_params *ps;
    vmg_dtype dtype;
    int64_t C;
    int group;
} declarer;

static void declare_linear(const declarer *d, vmg_dtype dtype, int64_t n, int64_t k, const char *prefix, const char *parts,
                           const char *suffix, vmg_param **w, vmg_param **b)
{
    char weight[64], bias[64];
    snprintf(weight, sizeof weight, "%s.weight", suffix);
    snprintf(bias, sizeof bias, "%s.bias", suffix);
    *w = vmg_params_weight(d->ps, d->group, dtype, n, k, prefix, parts, weight);
    *b = vmg_params_vector(d->ps, d->group, n, prefix, parts, bias);
}

static void declare_attention(const declarer *d, const char *prefix, bool cross, vmg_dit_attention *a)
{
    int64_t C = d->C;
    if (cross) {
        declare_linear(d, d->dtype, C, C, prefix, "q", "", &a->q_w, &a->q_b);
        declare_linear(d, d->dtype, C, C, prefix, "k v", "", &a->kv_w, &a->kv_b);
    } else {
        declare_linear(d, d->dtype, C, C, prefix, "q k v", "", &a->qkv_w, &a->qkv_b);
    }
    declare_linear(d, d->dtype, C, C, prefix, "o", "", &a->o_w, &a->o_b);
    a->norm_q = vmg_params_vector(d->ps, d->group, C, prefix, "norm_q", ".weight");
    a->norm_k = vmg_params_vector(d->ps, d->group, C, prefix, "norm_k", ".weight");
}

static void declare_block(vmg_dit *dit, vmg_dtype dtype, int group, const char *stem, int64_t i, bool full,
                          vmg_dit_block *b)
{
    const vmg_dit_config *c = &dit->config;
    declarer d = {&dit->params, dtype, c->dim, group};
    char prefix[96];
    b->group = group;
#define NAME(tail) (snprintf(prefix, sizeof prefix, "%s.%lld." tail, stem, (long long)i), prefix)
    b->modulation = vmg_params_table(d.ps, group, 6, c->dim, NAME("modulation"));
    declare_attention(&d, NAME("self_attn."), false, &b->self);
    if (full) {
        declare_attention(&d, NAME("cross_attn."), true, &b->text);
        b->norm3_w = vmg_params_vector(d.ps, group, c->dim, NAME("norm3"), "", ".weight");
        b->norm3_b = vmg_params_vector(d.ps, group, c->dim, NAME("norm3"), "", ".bias");
    }
    if (full && c->ref_motion_dim) {
        declare_attention(&d, NAME("ref_motion_cross_attn."), true, &b->ref);
        b->norm4_w = vmg_params_vector(d.ps, group, c->dim, NAME("norm4"), "", ".weight");
        b->norm4_b = vmg_params_vector(d.ps, group, c->dim, NAME("norm4"), "", ".bias");
    }
    declare_linear(&d, dtype, c->ffn_dim, c->dim, NAME("ffn.0"), "", "", &b->ffn0_w, &b->ffn0_b);
    declare_linear(&d, dtype, c->dim, c->ffn_dim, NAME("ffn.2"), "", "", &b->ffn2_w, &b->ffn2_b);
#undef NAME
}

static void declare_outside(vmg_dit *dit, vmg_dtype dtype)
{
    const vmg_dit_config *c = &dit->config;
    declarer d = {&dit->params, dtype, c->dim, -1};
    int64_t C = c->dim;
    declare_linear(&d, VMG_F32, C, c->in_dim, "motion_embedding", "", "", &dit->motion_w, &dit->motion_b);
    if (c->ref_motion_dim)
        declare_linear(&d, VMG_F32, C, c->ref_motion_dim, "ref_motion_embedding", "", "", &dit->ref_w, &dit->ref_b);
    declare_linear(&d, dtype, C, c->text_dim, "text_embedding.0", "", "", &dit->text0_w, &dit->text0_b);
    declare_linear(&d, dtype, C, C, "text_embedding.2", "", "", &dit->text2_w, &dit->text2_b);
    declare_linear(&d, VMG_F32, C, c->freq_dim, "time_embedding.0", "", "", &dit->time0_w, &dit->time0_b);
    declare_linear(&d, VMG_F32, C, C, "time_embedding.2", "", "", &dit->time2_w, &dit->time2_b);
    declare_linear(&d, dtype, 6 * C, C, "time_projection.1", "", "", &dit->time_proj_w, &dit->time_proj_b);
    dit->head_modulation = vmg_params_table(d.ps, -1, 2, C, "motion_head.modulation");
    declare_linear(&d, VMG_F32, c->out_dim, C, "motion_head.head", "", "", &dit->head_w, &dit->head_b);
}

static int create(vmg_ctx *ctx, const vmg_dit_config *config, vmg_dtype dtype, bool trainable, vmg_dit **out)
{
    vmg_dit *dit = vmg_calloc(1, sizeof *dit);
    *out = NULL;
    if (!dit)
        return VMG_E_NOMEM;
    dit->ctx = ctx;
    dit->config = *config;
    dit->n_ref_blocks = config->ref_motion_dim ? config->num_layers / 2 : 0;
    dit->blocks = vmg_calloc((size_t)config->num_layers, sizeof *dit->blocks);
    dit->ref_blocks = vmg_calloc((size_t)dit->n_ref_blocks, sizeof *dit->ref_blocks);
    /* Groups in the order a forward pass visits them, so that streaming always fetches the next one. */
    int rc = vmg_params_init(&dit->params, ctx, (int)(config->num_layers + dit->n_ref_blocks));
    if (!dit->blocks || !dit->ref_blocks || rc != VMG_OK) {
        vmg_dit_free(dit);
        return VMG_E_NOMEM;
    }
    dit->params.trainable = trainable;
    declare_outside(dit, dtype);
    for (int64_t i = 0; i < dit->n_ref_blocks; i++)
        declare_block(dit, dtype, (int)i, "ref_motion_encoder", i, false, &dit->ref_blocks[i]);
    for (int64_t i = 0; i < config->num_layers; i++)
        declare_block(dit, dtype, (int)(dit->n_ref_blocks + i), "blocks", i, true, &dit->blocks[i]);
    rc = vmg_ctx_status(ctx);
    if (rc != VMG_OK) {
        vmg_dit_free(dit);
        return rc;
    }
    *out = dit;
    return VMG_OK;
}

int vmg_dit_create(vmg_ctx *ctx, const vmg_dit_config *config, vmg_dtype dtype, vmg_dit **out)
{
    return create(ctx, config, dtype, false, out);
}

void vmg_dit_free(vmg_dit *dit)
{
    if (!dit)
        return;
    vmg_ctx_buffer_free(dit->ctx, dit->positions.buf, dit->positions_bytes);
    vmg_params_free(&dit->params);
    free(dit->blocks);
    free(dit->ref_blocks);
    free(dit);
}

static int make_positions(vmg_dit *dit)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t C = dit->config.dim;
    if (dit->n_positions)
        return VMG_OK;
    dit->n_positions = VMG_DIT_MAX_FRAMES;
    dit->positions = vmg_tensor_make(NULL, 0, VMG_F32, 2, (int64_t[]){VMG_DIT_MAX_FRAMES, C});
    dit->positions_bytes = vmg_tensor_bytes(dit->positions);
    dit->positions.buf = vmg_ctx_buffer(ctx, dit->positions_bytes);
    float *table = vmg_calloc(dit->positions_bytes, 1);
    if (table && !ctx->plan && !ctx->error) {
        vmg_position_table(VMG_DIT_MAX_FRAMES, C, table);
        vmg_upload(ctx, dit->positions, table);
    }
    free(table);
    return table ? vmg_ctx_status(ctx) : VMG_E_NOMEM;
}

int vmg_dit_create_trainable(vmg_ctx *ctx, const vmg_dit_config *config, vmg_dit **out)
{
    vmg_dit *dit = NULL;
    int rc = create(ctx, config, VMG_F32, true, &dit);
    if (rc == VMG_OK)
        rc = vmg_params_allocate(&dit->params);
    if (rc == VMG_OK)
        rc = make_positions(dit);
    if (rc != VMG_OK) {
        vmg_dit_free(dit);
        dit = NULL;
    }
    *out = dit;
    return rc;
}

int vmg_dit_load(vmg_dit *dit, const vmg_weights *w, const vmg_params_load_options *o)
{
    int rc = vmg_params_load(&dit->params, w, o, NULL);
    return rc == VMG_OK ? make_positions(dit) : rc;
}

int vmg_dit_load_random(vmg_dit *dit, uint64_t seed, const vmg_params_load_options *o)
{
    int rc = vmg_params_load_random(&dit->params, seed, o);
    return rc == VMG_OK ? make_positions(dit) : rc;
}

/* ---- forward ---- */

/* e (S,C) and e0 (S,6,C) from the timesteps. */
static void embed_time(vmg_dit *dit, vmg_arena *arena, const double *t, int64_t S, vmg_dit_saved *s, bool saving)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t C = dit->config.dim, D = dit->config.freq_dim;
    float *sinusoid = vmg_calloc((size_t)(S * D), sizeof *sinusoid);
    if (!sinusoid) {
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return;
    }
    vmg_timestep_sinusoid(t, S, D, sinusoid);
    s->sinusoid = vmg_arena_matrix(arena, VMG_F32, S, D);
    s->time_preact = saving ? vmg_arena_matrix(arena, VMG_F32, S, C) : VMG_NONE;
    s->time_hidden = vmg_arena_matrix(arena, VMG_F32, S, C);
    s->e_act = vmg_arena_matrix(arena, VMG_F32, S, C);
    vmg_upload(ctx, s->sinusoid, sinusoid);
    free(sinusoid);
    vmg_op_linear(ctx, s->sinusoid, dit->time0_w->value,
                  &(vmg_epilogue){.bias = dit->time0_b->value, .preact = s->time_preact, .act = VMG_ACT_SILU},
                  s->time_hidden);
    vmg_op_linear(ctx, s->time_hidden, dit->time2_w->value, &(vmg_epilogue){.bias = dit->time2_b->value}, s->e);
    vmg_op_activation(ctx, VMG_ACT_SILU, s->e, s->e_act);
    vmg_op_linear(ctx, s->e_act, dit->time_proj_w->value, &(vmg_epilogue){.bias = dit->time_proj_b->value},
                  vmg_tensor_reshape2(s->e0, S, 6 * C));
}

/* One forward pass: what its parts share. */
typedef struct pass {
    vmg_dit *dit;
    vmg_arena *arena;
    const vmg_dit_batch *batch;
    const vmg_dit_text *text;
    const vmg_dit_taps *taps;
    vmg_dit_saved *s;
    bool saving;
} pass;

/* Runs blocks one after another from x. Without saving, two buffers take turns. */
static vmg_tensor run_blocks(const pass *p, bool is_ref, vmg_tensor x, vmg_tensor ref)
{
    vmg_dit *dit = p->dit;
    int64_t n = is_ref ? dit->n_ref_blocks : dit->config.num_layers;
    vmg_tensor *inputs = is_ref ? p->s->ref_x : p->s->block_x;
    vmg_dit_block_saved *kept = is_ref ? p->s->ref_blocks : p->s->blocks;
    vmg_tensor other = p->saving ? VMG_NONE : vmg_arena_matrix(p->arena, VMG_F32, x.dim[0], x.dim[1]);
    for (int64_t i = 0; i < n; i++) {
        vmg_dit_block_args a = {.x = x, .e0 = p->s->e0, .ref = ref, .batch = p->batch};
        a.out = p->saving ? vmg_arena_matrix(p->arena, VMG_F32, x.dim[0], x.dim[1]) : other;
        if (p->saving)
            inputs[i] = x;
        if (p->saving && p->s->keep)
            a.saved = &kept[i];
        if (!is_ref && p->batch->text_rows) {
            a.text_kv = vmg_tensor_view_rows(p->text->kv, i * p->text->rows, p->text->rows);
            a.text_key_bias = p->text->key_bias;
        }
        if (is_ref)
            vmg_dit_ref_block_forward(dit, &dit->ref_blocks[i], p->arena, &a);
        else
            vmg_dit_block_forward(dit, &dit->blocks[i], p->arena, &a);
        other = x;
        x = a.out;
        vmg_dit_tap(p->taps, is_ref ? "ref_motion_encoder" : "blocks", i, x);
    }
    if (p->saving)
        inputs[n] = x;
    return x;
}

static bool shapes_fit(vmg_dit *dit, const vmg_dit_batch *b, vmg_tensor x, vmg_tensor ref, int64_t n_t, vmg_tensor out)
{
    const vmg_dit_config *c = &dit->config;
    bool per_sample = vmg_tensor_given(b->group) || b->n_samples == 1;
    if (vmg_tensor_rows(x) == b->rows && vmg_tensor_cols(x) == c->in_dim && vmg_tensor_rows(out) == b->rows &&
        vmg_tensor_cols(out) == c->out_dim && (n_t == 1 || (per_sample && n_t == b->n_samples)) &&
        (b->ref_rows == 0 || (vmg_tensor_rows(ref) == b->ref_rows && vmg_tensor_cols(ref) == c->ref_motion_dim)))
        return true;
    char sx[64], sr[64], so[64];
    vmg_ctx_fail(dit->ctx, VMG_E_ARG, "the network got x %s, reference %s, out %s and %lld timesteps for a batch of %lld rows "
                 "and %lld reference rows",
                 vmg_tensor_describe(x, sx, sizeof sx), vmg_tensor_describe(ref, sr, sizeof sr),
                 vmg_tensor_describe(out, so, sizeof so), (long long)n_t, (long long)b->rows, (long long)b->ref_rows);
    return false;
}

/* The projection of features to width C, and their positions. */
static vmg_tensor embed_rows(const pass *p, vmg_tensor x, const vmg_param *w, const vmg_param *b, vmg_tensor pos)
{
    vmg_tensor h = vmg_arena_matrix(p->arena, VMG_F32, x.dim[0], p->dit->config.dim);
    vmg_op_linear(p->dit->ctx, x, w->value, &(vmg_epilogue){.bias = b->value}, h);
    vmg_op_add_position(p->dit->ctx, h, p->dit->positions, pos);
    return h;
}

static void head(const pass *p, vmg_tensor h, int64_t n_t, vmg_tensor out)
{
    vmg_dit *dit = p->dit;
    int64_t C = dit->config.dim;
    vmg_dit_saved *s = p->s;
    s->head_m = vmg_arena_tensor(p->arena, VMG_F32, 3, (int64_t[]){2, n_t, C});
    s->head_h = vmg_arena_matrix(p->arena, VMG_F32, h.dim[0], C);
    s->head_stats = p->saving ? vmg_arena_matrix(p->arena, VMG_F32, h.dim[0], 2) : VMG_NONE;
    vmg_op_modulation(dit->ctx, dit->head_modulation->value, vmg_tensor_reshape(s->e, 3, (int64_t[]){n_t, 1, C}), s->head_m);
    vmg_tensor rows = vmg_tensor_reshape2(s->head_m, 2 * n_t, C);
    vmg_op_norm(dit->ctx, &(vmg_norm){.kind = VMG_NORM_LAYER, .x = h, .y = s->head_h, .stats = s->head_stats,
                                      .shift = vmg_tensor_view_rows(rows, 0, n_t),
                                      .scale = vmg_tensor_view_rows(rows, n_t, n_t), .group = p->batch->group,
                                      .eps = (float)dit->config.eps});
    vmg_op_linear(dit->ctx, s->head_h, dit->head_w->value, &(vmg_epilogue){.bias = dit->head_b->value}, out);
}

static void forward(const pass *p, vmg_tensor x, vmg_tensor ref, const double *t, int64_t n_t, vmg_tensor out)
{
    vmg_dit *dit = p->dit;
    vmg_dit_saved *s = p->s;
    int64_t C = dit->config.dim;
    s->x = x;
    s->ref = ref;
    s->e = vmg_arena_matrix(p->arena, VMG_F32, n_t, C);
    s->e0 = vmg_arena_tensor(p->arena, VMG_F32, 3, (int64_t[]){n_t, 6, C});
    embed_time(dit, p->arena, t, n_t, s, p->saving);
    vmg_dit_tap(p->taps, "time_embedding", -1, s->e);
    vmg_dit_tap(p->taps, "time_projection", -1, s->e0);
    vmg_tensor h = embed_rows(p, x, dit->motion_w, dit->motion_b, p->batch->pos), r = VMG_NONE;
    if (p->batch->ref_rows)
        r = run_blocks(p, true, embed_rows(p, ref, dit->ref_w, dit->ref_b, p->batch->ref_pos), VMG_NONE);
    head(p, run_blocks(p, false, h, r), n_t, out);
}

void vmg_dit_forward(vmg_dit *dit, vmg_arena *arena, const vmg_dit_batch *batch, const vmg_dit_text *text, vmg_tensor x,
                     vmg_tensor ref, const double *t, int64_t n_t, vmg_tensor out, const vmg_dit_taps *taps)
{
    vmg_dit_saved unsaved = {0};
    if (dit->ctx->error || !shapes_fit(dit, batch, x, ref, n_t, out))
        return;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    forward(&(pass){.dit = dit, .arena = arena, .batch = batch, .text = text, .taps = taps, .s = &unsaved}, x, ref, t, n_t,
            out);
    vmg_arena_reset(arena, mark);
}

void vmg_dit_forward_saved(vmg_dit *dit, vmg_arena *arena, const vmg_dit_batch *batch, const vmg_dit_text *text,
                           vmg_tensor x, vmg_tensor ref, const double *t, int64_t n_t, vmg_tensor out, vmg_dit_saved *s)
{
    if (dit->ctx->error || !shapes_fit(dit, batch, x, ref, n_t, out))
        return;
    size_t N = (size_t)dit->config.num_layers, n_ref = (size_t)dit->n_ref_blocks;
    s->block_x = vmg_calloc(N + 1, sizeof *s->block_x);
    s->ref_x = vmg_calloc(n_ref + 1, sizeof *s->ref_x);
    s->blocks = vmg_calloc(N, sizeof *s->blocks);
    s->ref_blocks = vmg_calloc(n_ref, sizeof *s->ref_blocks);
    if (!s->block_x || !s->ref_x || !s->blocks || !s->ref_blocks)
        vmg_ctx_fail(dit->ctx, VMG_E_NOMEM, "%s", vmg_error_message());
    else
        forward(&(pass){.dit = dit, .arena = arena, .batch = batch, .text = text, .s = s, .saving = true}, x, ref, t, n_t,
                out);
}

void vmg_dit_saved_free(vmg_dit_saved *s)
{
    if (!s)
        return;
    free(s->block_x);
    free(s->ref_x);
    free(s->blocks);
    free(s->ref_blocks);
    *s = (vmg_dit_saved){0};
}

static double segment_products(vmg_segments s)
{
    double sum = 0;
    for (int64_t i = 0; i < s.n; i++)
        sum += (double)s.host[i].n_q * s.host[i].n_k;
    return sum;
}

double vmg_dit_flops(const vmg_dit *dit, const vmg_dit_batch *b, const vmg_dit_text *text)
{
    (void)text;
    const vmg_dit_config *c = &dit->config;
    double C = (double)c->dim, F = (double)c->ffn_dim, N = (double)c->num_layers, R = (double)b->rows;
    double Rr = (double)b->ref_rows, Nr = b->ref_rows ? (double)dit->n_ref_blocks : 0;
    double groups = vmg_tensor_given(b->group) ? (double)b->n_samples : 1;
    double macs = groups * C * ((double)c->freq_dim + 7 * C);                    /* timestep */
    macs += R * C * (double)(c->in_dim + c->out_dim) + Rr * C * (double)c->ref_motion_dim;
    macs += N * R * (4 * C * C + 2 * C * F) + Nr * Rr * (4 * C * C + 2 * C * F); /* self-attention projections, ffn */
    macs += N * R * 2 * C * C;                                                   /* cross-attention q and o */
    if (b->rows > b->text_rows)
        macs += N * Rr * 2 * C * C;                                              /* reference k and v */
    macs += 2 * C * (N * (segment_products(b->self) + segment_products(b->text) + segment_products(b->ref_cross)) +
                     Nr * segment_products(b->ref_self));
    return 2 * macs;
}
