/* The trainer's parameters: enumeration by checkpoint name, flat vectors, initial values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "models/train_facts.h"
#include "models/train_impl.h"

/* ---- enumeration ---- */

int vmg_train_index_params(vmg_train *t)
{
    size_t n = 0;
    for (int net = 0; net < VMG_TRAIN_N_NETS; net++)
        for (size_t i = 0; t->net[net].ps && i < t->net[net].ps->n; i++)
            n += (size_t)t->net[net].ps->list[i]->n_parts;
    t->places = vmg_calloc(n, sizeof *t->places);
    if (!t->places)
        return VMG_E_NOMEM;
    for (int net = 0; net < VMG_TRAIN_N_NETS; net++)
        for (size_t i = 0; t->net[net].ps && i < t->net[net].ps->n; i++)
            for (int k = 0; k < t->net[net].ps->list[i]->n_parts; k++)
                t->places[t->n_params++] = (vmg_train_place){net, t->net[net].ps->list[i], k};
    return VMG_OK;
}

size_t vmg_train_n_params(const vmg_train *t)
{
    return t->n_params;
}

vmg_train_param vmg_train_get_param(const vmg_train *t, size_t i)
{
    const vmg_train_place *at = &t->places[i];
    const vmg_param *p = at->param;
    vmg_train_param out = {.name = p->part[at->k], .is_t5 = at->net == VMG_TRAIN_T5};
    for (int part = 0; part < VMG_TRAIN_N_PARTS; part++)
        out.part[part] = vmg_trainable_tensor(&t->net[at->net], p, at->k, part);
    if (strstr(out.name, "modulation")) /* published with a leading 1, to be added to (B,6,C) */
        out.dim[out.rank++] = 1;
    for (int d = 0; d < out.part[VMG_TRAIN_VALUE].rank; d++)
        out.dim[out.rank++] = out.part[VMG_TRAIN_VALUE].dim[d];
    return out;
}

/* ---- flat vectors ---- */

int64_t vmg_train_n_values(const vmg_train *t)
{
    int64_t n = 0;
    for (int net = 0; net < VMG_TRAIN_N_NETS; net++)
        if (t->net[net].ps)
            n += (int64_t)(vmg_params_bytes(t->net[net].ps) / sizeof(float));
    return n;
}

int vmg_train_read(vmg_train *t, enum vmg_train_part part, float *out)
{
    for (int net = 0; net < VMG_TRAIN_N_NETS; net++)
        for (int g = 0; g < vmg_trainable_n_groups(&t->net[net]); g++) {
            vmg_tensor group = vmg_trainable_group(&t->net[net], g, part);
            vmg_download(t->ctx, group, out);
            out += vmg_tensor_count(group);
        }
    return vmg_ctx_finish(t->ctx);
}

int vmg_train_write(vmg_train *t, enum vmg_train_part part, const float *in)
{
    for (int net = 0; net < VMG_TRAIN_N_NETS; net++)
        for (int g = 0; g < vmg_trainable_n_groups(&t->net[net]); g++) {
            vmg_tensor group = vmg_trainable_group(&t->net[net], g, part);
            vmg_upload(t->ctx, group, in);
            in += vmg_tensor_count(group);
        }
    return vmg_ctx_finish(t->ctx);
}

int vmg_train_swap_ema(vmg_train *t)
{
    if (!t->options.ema)
        return vmg_fail(VMG_E_ARG, "this training keeps no moving average");
    for (int net = 0; net < VMG_TRAIN_N_NETS; net++)
        if (t->net[net].ps)
            vmg_trainable_swap_ema(&t->net[net]);
    return vmg_ctx_status(t->ctx);
}

const char *vmg_train_find_nonfinite(vmg_train *t, enum vmg_train_part part)
{
    for (size_t i = 0; i < t->n_params; i++) {
        vmg_train_param p = vmg_train_get_param(t, i);
        if (vmg_tensor_given(p.part[part]) && vmg_find_nonfinite(t->ctx, p.part[part]) >= 0)
            return p.name;
    }
    return NULL;
}

int64_t vmg_train_n_updates(const vmg_train *t)
{
    return t->n_updates;
}

void vmg_train_set_n_updates(vmg_train *t, int64_t n)
{
    t->n_updates = n;
}

/* ---- initial values ---- */

enum rule { CONSTANT, NORMAL, XAVIER };

/* What a parameter starts as: a constant, N(0, scale²), or uniform within ±sqrt(6/(fan in + fan out)). */
struct start {
    enum rule rule;
    double scale;
};

static bool ends_with(const char *name, const char *tail)
{
    size_t n = strlen(name), m = strlen(tail);
    return n >= m && !strcmp(name + n - m, tail);
}

static struct start dit_start(const vmg_train *t, const char *name, int rank)
{
    if (!strncmp(name, VMG_TRAIN_FACTS_PREFIX, strlen(VMG_TRAIN_FACTS_PREFIX)))
        return (struct start){CONSTANT, 0.0}; /* so that it does not push the encoder before it knows anything */
    if (strstr(name, "modulation"))
        return (struct start){NORMAL, 1.0 / sqrt((double)t->dit->config.dim)};
    if (rank == 2)
        return (struct start){XAVIER, 0};
    return (struct start){CONSTANT, strstr(name, "norm") && ends_with(name, ".weight") ? 1.0 : 0.0};
}

static struct start t5_start(const vmg_train *t, const char *name, int rank)
{
    const vmg_t5_config *c = &t->t5->config;
    const double dim = (double)c->dim, head = (double)c->dim_attn / (double)c->num_heads;
    const struct { const char *tail; double scale; } normal[] = {
        {"token_embedding.weight", 1.0},
        {"pos_embedding.embedding.weight", 1.0 / sqrt(dim)},
        {".attn.q.weight", 1.0 / sqrt(dim * head)},
        {".attn.o.weight", 1.0 / sqrt((double)c->dim_attn)},
        {".ffn.fc2.weight", 1.0 / sqrt((double)c->dim_ffn)},
    };
    for (size_t i = 0; i < VMG_COUNT(normal); i++)
        if (ends_with(name, normal[i].tail))
            return (struct start){NORMAL, normal[i].scale};
    return rank == 1 ? (struct start){CONSTANT, 1.0} : (struct start){NORMAL, 1.0 / sqrt(dim)};
}

static void make_values(struct start s, vmg_tensor like, uint64_t seed, uint64_t stream, float *x)
{
    int64_t n = vmg_tensor_count(like);
    double scale = s.scale;
    if (s.rule == NORMAL)
        vmg_random_normal(seed, stream, 0, n, x);
    if (s.rule == XAVIER) {
        vmg_random_uniform(seed, stream, 0, n, x);
        scale = sqrt(6.0 / (double)(vmg_tensor_rows(like) + vmg_tensor_cols(like)));
    }
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(scale * (s.rule == CONSTANT ? 1.0 : s.rule == NORMAL ? x[i] : 2.0 * x[i] - 1.0));
}

/* Moments and gradients zero, average = values. */
static int fresh_start(vmg_train *t)
{
    for (int net = 0; net < VMG_TRAIN_N_NETS; net++)
        for (int g = 0; g < vmg_trainable_n_groups(&t->net[net]); g++) {
            const vmg_trainable *tr = &t->net[net];
            for (int part = VMG_TRAIN_GRAD; part <= VMG_TRAIN_V; part++)
                vmg_op_fill(t->ctx, vmg_trainable_group(tr, g, part), 0.0f);
            if (tr->ema)
                vmg_op_copy(t->ctx, vmg_trainable_group(tr, g, VMG_TRAIN_VALUE), vmg_trainable_group(tr, g, VMG_TRAIN_EMA));
        }
    t->n_updates = 0;
    return vmg_ctx_finish(t->ctx);
}

int vmg_train_init(vmg_train *t, uint64_t seed)
{
    for (size_t i = 0; i < t->n_params; i++) {
        vmg_tensor value = vmg_train_get_param(t, i).part[VMG_TRAIN_VALUE];
        const vmg_train_place *at = &t->places[i];
        const char *name = at->param->part[at->k];
        struct start s = at->net == VMG_TRAIN_T5 ? t5_start(t, name, value.rank) : dit_start(t, name, value.rank);
        float *x = vmg_calloc((size_t)vmg_tensor_count(value), sizeof *x);
        if (!x)
            return VMG_E_NOMEM;
        make_values(s, value, seed, i, x);
        vmg_upload(t->ctx, value, x);
        free(x);
    }
    return fresh_start(t);
}

int vmg_train_load(vmg_train *t, const vmg_weights *dit, const vmg_weights *t5)
{
    int rc = vmg_dit_load(t->dit, dit, NULL);
    if (rc == VMG_OK && t->t5)
        rc = t5 ? vmg_t5_load(t->t5, t5, NULL) : vmg_fail(VMG_E_ARG, "an encoder is trained but none is loaded");
    return rc == VMG_OK ? fresh_start(t) : rc;
}
