/* One spelling for the tensors of T5 encoders, which are published under three. */
#ifndef VMG_MODELS_T5_NAMES_H
#define VMG_MODELS_T5_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The canonical (llama.cpp's) name of a tensor: "enc.blk.3.attn_q.weight" for the published umT5's
 * "blocks.3.attn.q.weight", for transformers' "encoder.block.3.layer.0.SelfAttention.q.weight" and
 * for itself. Written to out[n] (terminated); false for names of none of the three, or too long
 * ones.
 */
bool vmg_t5_canonical_name(const char *name, char *out, size_t n);

#endif
