/* One spelling for the tensors of T5 encoders, which are published under three. */
#include "models/t5_names.h"

#include <stdio.h>
#include <string.h>

#include "host/base/mem.h"

/* '#' stands for the block's number. */
static const struct {
    const char *canonical, *published, *transformers;
} names[] = {
    {"token_embd.weight", "token_embedding.weight", "shared.weight"},
    {"enc.output_norm.weight", "norm.weight", "encoder.final_layer_norm.weight"},
    {"enc.blk.#.attn_norm.weight", "blocks.#.norm1.weight",
     "encoder.block.#.layer.0.layer_norm.weight"},
    {"enc.blk.#.attn_q.weight", "blocks.#.attn.q.weight",
     "encoder.block.#.layer.0.SelfAttention.q.weight"},
    {"enc.blk.#.attn_k.weight", "blocks.#.attn.k.weight",
     "encoder.block.#.layer.0.SelfAttention.k.weight"},
    {"enc.blk.#.attn_v.weight", "blocks.#.attn.v.weight",
     "encoder.block.#.layer.0.SelfAttention.v.weight"},
    {"enc.blk.#.attn_o.weight", "blocks.#.attn.o.weight",
     "encoder.block.#.layer.0.SelfAttention.o.weight"},
    {"enc.blk.#.attn_rel_b.weight", "blocks.#.pos_embedding.embedding.weight",
     "encoder.block.#.layer.0.SelfAttention.relative_attention_bias.weight"},
    {"enc.blk.#.ffn_norm.weight", "blocks.#.norm2.weight",
     "encoder.block.#.layer.1.layer_norm.weight"},
    {"enc.blk.#.ffn_gate.weight", "blocks.#.ffn.gate.0.weight",
     "encoder.block.#.layer.1.DenseReluDense.wi_0.weight"},
    {"enc.blk.#.ffn_up.weight", "blocks.#.ffn.fc1.weight",
     "encoder.block.#.layer.1.DenseReluDense.wi_1.weight"},
    {"enc.blk.#.ffn_down.weight", "blocks.#.ffn.fc2.weight",
     "encoder.block.#.layer.1.DenseReluDense.wo.weight"},
};

/* True when `name` is `pattern` with a number of up to six digits for '#', which is given. */
static bool matches(const char *pattern, const char *name, const char **digits, int *n_digits)
{
    *digits = "";
    *n_digits = 0;
    const char *hash = strchr(pattern, '#');
    if (!hash)
        return !strcmp(pattern, name);
    size_t before = (size_t)(hash - pattern);
    if (strncmp(pattern, name, before))
        return false;
    size_t n = strspn(name + before, "0123456789");
    *digits = name + before;
    *n_digits = (int)n;
    return n >= 1 && n <= 6 && !strcmp(hash + 1, name + before + n);
}

bool vmg_t5_canonical_name(const char *name, char *out, size_t n)
{
    for (size_t i = 0; i < VMG_COUNT(names); i++) {
        const char *const spellings[] = {names[i].canonical, names[i].published,
                                         names[i].transformers};
        for (size_t k = 0; k < VMG_COUNT(spellings); k++) {
            const char *digits, *hash = strchr(names[i].canonical, '#');
            int n_digits;
            if (!matches(spellings[k], name, &digits, &n_digits))
                continue;
            int before = hash ? (int)(hash - names[i].canonical) : 0;
            int len = snprintf(out, n, "%.*s%.*s%s", before, names[i].canonical, n_digits, digits,
                               hash ? hash + 1 : names[i].canonical);
            return len > 0 && (size_t)len < n;
        }
    }
    return false;
}

vmg_dtype vmg_t5_weight_dtype(const char *canonical_name, vmg_dtype wanted)
{
    static const char *const projections[] = {".attn_q.", ".attn_k.", ".attn_v.", ".attn_o."};
    for (size_t i = 0; wanted == VMG_Q4_0 && i < VMG_COUNT(projections); i++)
        if (strstr(canonical_name, projections[i]))
            return VMG_Q8_0;
    return wanted;
}
