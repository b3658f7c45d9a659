/* Matrix products: checks, the choice of a path, scratch memory. */
#include "host/op/matmul.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/matmul_path.h"

/* ---- the table of paths ---- */

enum { ROUND_MIN_ROWS = 6, SKINNY_MAX_ROWS = 16 };

const vmg_matmul_path *const vmg_matmul_paths[] = {
    &vmg_matmul_tiled,    &vmg_matmul_clblast, &vmg_matmul_skinny,        &vmg_matmul_packed, &vmg_matmul_amx, &vmg_matmul_avx512,
    &vmg_matmul_subgroup, &vmg_matmul_half,    &vmg_matmul_half_subgroup, NULL};
/* For vmg_variants. */
static const char *const path_names[] = {"tiled",    "clblast", "skinny",        "packed", "amx", "avx512",
                                         "subgroup", "half",    "half_subgroup", NULL};

/*
 * May the operands be rounded to bf16? A bf16 weight is no better itself, a block type's own error
 * is larger; f32 and f16 lose bits, which only vmg_matmul_allow_bf16 permits.
 */
bool vmg_matmul_may_round(const vmg_ctx *ctx, vmg_dtype dtype)
{
    return ctx->allow_bf16 || dtype == VMG_BF16 || vmg_dtype_get(dtype).block_len > 1;
}

/* Neither the tuner nor a test may choose a path that rounds what must not be rounded. */
static bool path_valid(vmg_ctx *ctx, int i, const void *arg)
{
    const vmg_matmul_path *path = vmg_matmul_paths[i];
    const vmg_product *p = arg;
    bool allowed = path->rounds == VMG_ROUNDS_NOT || vmg_matmul_may_round(ctx, p->b.dtype);
    if (path->rounds == VMG_ROUNDS_TO_BF16)
        allowed |= p->b.layout == VMG_LAYOUT_TILE;
    if (path->rounds == VMG_ROUNDS_TO_F16) /* three bits more than bf16, and as good as an f16 weight */
        allowed |= p->b.dtype == VMG_F16;
    return allowed && path->valid(ctx, p);
}

static void path_run(vmg_ctx *ctx, int i, const void *arg)
{
    vmg_matmul_paths[i]->run(ctx, arg);
}

static int path_named(const char *name)
{
    for (int i = 0; path_names[i]; i++)
        if (!strcmp(path_names[i], name))
            return i;
    return -1;
}

static int default_path(vmg_ctx *ctx, const void *arg)
{
    const vmg_product *p = arg;
    if (p->M <= SKINNY_MAX_ROWS && vmg_matmul_skinny.valid(ctx, p))
        return path_named("skinny");
    if (ctx->dev.device_class != VMG_CLASS_CPU)
        return path_named(vmg_matmul_clblast.valid(ctx, p) ? "clblast" : "tiled");
    /* Rounding a block of a packed weight pays when enough rows use it. */
    const bool rounds =
        p->b.layout == VMG_LAYOUT_TILE || (vmg_matmul_may_round(ctx, p->b.dtype) && p->M >= ROUND_MIN_ROWS);
    if (rounds && vmg_matmul_amx.valid(ctx, p))
        return path_named("amx");
    /* Asked last: the first question probes the unit and times it. */
    return path_named(rounds && vmg_matmul_avx512.valid(ctx, p) &&
                              (p->b.layout == VMG_LAYOUT_TILE || vmg_matmul_unit_pays(ctx, VMG_UNIT_AVX512))
                          ? "avx512"
                          : "packed");
}

const vmg_variants vmg_matmul_variants = {.name = "matmul",
                                          .variant = path_names,
                                          .valid = path_valid,
                                          .default_variant = default_path,
                                          .run = path_run};

static void run_product(vmg_ctx *ctx, const vmg_product *p)
{
    static const char *const layout_name[] = {"row", "panel", "tile"};
    char tag[64];
    if (p->M == 0 || p->N == 0 || p->K == 0)
        return;
    int n = snprintf(tag, sizeof tag, "%s %s %c%c%s", vmg_dtype_name(p->b.dtype), layout_name[p->b.layout],
                     p->trans_a ? 't' : 'n', p->trans_b ? 't' : 'n', ctx->allow_bf16 ? " bf16" : "");
    if (p->a.dtype != VMG_F32 || p->out.dtype != VMG_F32)
        snprintf(tag + n, sizeof tag - (size_t)n, " %s to %s", vmg_dtype_name(p->a.dtype), vmg_dtype_name(p->out.dtype));
    vmg_variants_run(ctx, &vmg_matmul_variants, tag, (int64_t[VMG_MAX_SHAPE]){p->M, p->N, p->K}, p,
                     (vmg_tensor[]){p->out, p->epilogue.preact},
                     vmg_tensor_given(p->epilogue.preact) ? 2 : 1);
}

/* ---- checks ---- */

/* A dense tensor of any rank as a matrix; other tensors as they are. */
static vmg_tensor as_matrix(vmg_tensor t)
{
    return t.rank != 2 && t.rank > 0 && vmg_tensor_dense(t)
               ? vmg_tensor_reshape2(t, vmg_tensor_rows(t), vmg_tensor_cols(t))
               : t;
}

static bool is_matrix_of(vmg_dtype dtype, vmg_tensor t, int64_t rows, int64_t cols)
{
    return t.rank == 2 && t.dtype == dtype && t.layout == VMG_LAYOUT_ROW && t.dim[0] == rows &&
           t.dim[1] == cols;
}

static bool is_matrix(vmg_tensor t, int64_t rows, int64_t cols)
{
    return is_matrix_of(VMG_F32, t, rows, cols);
}

/* Of a dtype that activations may be stored in. */
static bool is_activation(vmg_tensor t, int64_t rows, int64_t cols)
{
    return is_matrix_of(t.dtype, t, rows, cols) && vmg_dtype_is_plain_float(t.dtype);
}

/* Fails, naming the tensor, unless it is absent or what is wanted. */
static bool check_optional(vmg_ctx *ctx, const char *name, vmg_tensor t, bool right,
                           const char *want, int64_t M, int64_t N)
{
    char text[96];
    if (!vmg_tensor_given(t) || right)
        return true;
    vmg_ctx_fail(ctx, VMG_E_ARG, "linear: %s of a (%lld,%lld) product must be %s, is %s", name,
                 (long long)M, (long long)N, want, vmg_tensor_describe(t, text, sizeof text));
    return false;
}

static bool check_epilogue(vmg_ctx *ctx, vmg_epilogue *e, vmg_dtype out, int64_t M, int64_t N)
{
    e->preact = as_matrix(e->preact);
    e->mul = as_matrix(e->mul);
    e->gate = as_matrix(e->gate);
    e->residual = as_matrix(e->residual);
    const vmg_tensor g = e->gate, i = e->group;
    return check_optional(ctx, "bias", e->bias,
                          e->bias.dtype == VMG_F32 && vmg_tensor_dense(e->bias) &&
                              vmg_tensor_count(e->bias) == N,
                          "dense f32 (N)", M, N) &&
           check_optional(ctx, "preact", e->preact,
                          is_matrix(e->preact, M, N) && vmg_tensor_dense(e->preact),
                          "dense f32 (M,N)", M, N) &&
           check_optional(ctx, "mul", e->mul, is_matrix_of(out, e->mul, M, N) && vmg_tensor_dense(e->mul),
                          "dense (M,N) of the result's dtype", M, N) &&
           check_optional(ctx, "gate", g, is_matrix(g, g.dim[0], N) && g.dim[0] > 0, "f32 (G,N)", M,
                          N) &&
           check_optional(ctx, "group", i,
                          vmg_tensor_given(g) && i.dtype == VMG_I32 && vmg_tensor_dense(i) &&
                              vmg_tensor_count(i) == M,
                          "i32 (M), beside a gate", M, N) &&
           check_optional(ctx, "residual", e->residual, is_matrix(e->residual, M, N), "f32 (M,N)",
                          M, N);
}

/* ---- entry points ---- */

void vmg_op_linear(vmg_ctx *ctx, vmg_tensor x, vmg_tensor w, const vmg_epilogue *e, vmg_tensor out)
{
    if (ctx->error)
        return;
    x = as_matrix(x);
    out = as_matrix(out);
    const vmg_dtype_info info = vmg_dtype_get(w.dtype);
    if (w.rank != 2 || w.dtype > VMG_Q4_0 || !is_activation(x, x.dim[0], w.dim[1]) ||
        !is_activation(out, x.dim[0], w.dim[0]) || w.dim[1] % info.block_len || w.ld % info.block_len) {
        char tx[96], tw[96], to[96];
        vmg_ctx_fail(
            ctx, VMG_E_ARG,
            "linear: x %s, weight %s and out %s are not (M,K), a weight (N,K), (M,N), x and out of f32, f16 or bf16",
            vmg_tensor_describe(x, tx, sizeof tx), vmg_tensor_describe(w, tw, sizeof tw),
            vmg_tensor_describe(out, to, sizeof to));
        return;
    }
    vmg_product p = {.a = x,
                     .b = w,
                     .out = out,
                     .trans_b = true,
                     .alpha = 1.0f,
                     .M = x.dim[0],
                     .N = w.dim[0],
                     .K = w.dim[1]};
    if (e)
        p.epilogue = *e;
    if (check_epilogue(ctx, &p.epilogue, out.dtype, p.M, p.N))
        run_product(ctx, &p);
}

void vmg_op_matmul(vmg_ctx *ctx, const vmg_matmul *m)
{
    if (ctx->error)
        return;
    const vmg_tensor a = as_matrix(m->a), b = as_matrix(m->b), out = as_matrix(m->out);
    const int64_t M = a.dim[m->trans_a], K = a.dim[!m->trans_a], N = b.dim[!m->trans_b];
    if (!is_matrix(a, a.dim[0], a.dim[1]) ||
        !is_matrix(b, m->trans_b ? N : K, m->trans_b ? K : N) || !is_matrix(out, M, N)) {
        char ta[96], tb[96], to[96];
        vmg_ctx_fail(ctx, VMG_E_ARG, "matmul: %s%s times %s%s does not give %s (all f32)",
                     vmg_tensor_describe(a, ta, sizeof ta), m->trans_a ? "^T" : "",
                     vmg_tensor_describe(b, tb, sizeof tb), m->trans_b ? "^T" : "",
                     vmg_tensor_describe(out, to, sizeof to));
        return;
    }
    const vmg_product p = {.a = a,
                           .b = b,
                           .out = out,
                           .trans_a = m->trans_a,
                           .trans_b = m->trans_b,
                           .alpha = m->alpha == 0.0f ? 1.0f : m->alpha,
                           .epilogue.accumulate = m->accumulate,
                           .M = M,
                           .N = N,
                           .K = K};
    run_product(ctx, &p);
}

void vmg_matmul_allow_bf16(vmg_ctx *ctx, bool allow)
{
    ctx->allow_bf16 = allow;
}

/* ---- what the paths share ---- */

enum {
    EPI_BIAS = 4,
    EPI_PREACT = 8,
    EPI_MUL = 16,
    EPI_GATE = 32,
    EPI_GROUP = 64,
    EPI_RESIDUAL = 128,
    EPI_ACCUMULATE = 256
}; /* cl/common.cl */

void vmg_matmul_add_epilogue(vmg_launch *l, const vmg_product *p)
{
    const vmg_epilogue *e = &p->epilogue;
    const struct {
        vmg_tensor t;
        int flag;
    } parts[] = {{e->bias, EPI_BIAS}, {e->preact, EPI_PREACT}, {e->mul, EPI_MUL},
                 {e->gate, EPI_GATE}, {e->group, EPI_GROUP},   {e->residual, EPI_RESIDUAL}};
    const double mn = (double)p->M * (double)p->N, a_size = vmg_dtype_get(p->a.dtype).block_bytes,
                 out_size = vmg_dtype_get(p->out.dtype).block_bytes;
    int flags = (int)e->act | (e->accumulate ? EPI_ACCUMULATE : 0);
    if (e->accumulate)
        vmg_arg_inout(l, p->out);
    else
        vmg_arg_out(l, p->out);
    vmg_define_dtype(l, "T_OUT", p->out.dtype);
    l->bytes = mn * out_size * (e->accumulate ? 2 : 1) + a_size * (double)p->M * (double)p->K;
    for (size_t i = 0; i < VMG_COUNT(parts); i++) {
        if (parts[i].flag == EPI_PREACT)
            vmg_arg_out(l, parts[i].t);
        else
            vmg_arg_in(l, parts[i].t);
        if (vmg_tensor_given(parts[i].t)) {
            flags |= parts[i].flag;
            l->bytes += (double)vmg_tensor_bytes(parts[i].t);
        }
    }
    vmg_arg_i64(l, p->out.ld);
    vmg_arg_i64(l, e->gate.ld);
    vmg_arg_i64(l, e->residual.ld);
    vmg_arg_i64(l, p->N);
    vmg_arg_f32(l, p->alpha);
    vmg_arg_i32(l, flags);
    l->flops = 2.0 * mn * (double)p->K;
    l->bytes += (double)vmg_matmul_weight_bytes(VMG_LAYOUT_ROW, p->b.dtype, p->N, p->K);
    l->shape[0] = p->M;
    l->shape[1] = p->N;
    l->shape[2] = p->K;
}

bool vmg_matmul_enough_groups(const vmg_device *dev, int64_t m_panels, int mb, int64_t n_panels,
                              int nb)
{
    const int64_t groups = ((m_panels + mb - 1) / mb) * ((n_panels + nb - 1) / nb);
    return groups >= VMG_MIN(4 * (int64_t)dev->n_compute_units, m_panels * n_panels);
}

struct scratch {
    cl_mem buf[VMG_MATMUL_N_USES];
    size_t bytes[VMG_MATMUL_N_USES];
};

static void free_scratch(vmg_ctx *ctx, void *state)
{
    struct scratch *s = state;
    for (int i = 0; i < VMG_MATMUL_N_USES; i++)
        vmg_ctx_buffer_free(ctx, s->buf[i], s->bytes[i]);
    free(s);
}

vmg_tensor vmg_matmul_scratch(vmg_ctx *ctx, vmg_matmul_use use, vmg_dtype dtype, size_t bytes)
{
    const vmg_dtype_info info = vmg_dtype_get(dtype);
    struct scratch *s = vmg_ctx_slot(ctx, VMG_SLOT_MATMUL);
    if (!s) {
        s = vmg_calloc(1, sizeof *s);
        if (!s) {
            vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
            return VMG_NONE;
        }
        vmg_ctx_slot_set(ctx, VMG_SLOT_MATMUL, s, free_scratch);
    }
    if (s->bytes[use] < bytes) {
        vmg_ctx_buffer_free(ctx, s->buf[use], s->bytes[use]);
        s->bytes[use] = 0;
        s->buf[use] = vmg_ctx_buffer(ctx, bytes);
        if (s->buf[use] || ctx->plan)
            s->bytes[use] = bytes;
    }
    return vmg_tensor_make(
        s->buf[use], 0, dtype, 1,
        (int64_t[]){(int64_t)(bytes / (size_t)info.block_bytes) * info.block_len});
}
