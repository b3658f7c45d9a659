/* One spelling for the tensors of T5 encoders, which are published under three. */
#ifndef VMG_MODELS_T5_NAMES_H
#define VMG_MODELS_T5_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "host/dtype.h"

/*
 * The canonical (llama.cpp's) name of a tensor: "enc.blk.3.attn_q.weight" for the published umT5's
 * "blocks.3.attn.q.weight", for transformers' "encoder.block.3.layer.0.SelfAttention.q.weight" and
 * for itself. Written to out[n] (terminated); false for names of none of the three, or too long
 * ones.
 */
bool vmg_t5_canonical_name(const char *name, char *out, size_t n);

/*
 * The type in which a weight of an encoder kept as `wanted` is stored: q8_0 for the projections of attention when q4_0 is wanted, else
 * `wanted`. umT5's scores are not divided by sqrt(D), so errors of q and k reach the softmax in full. With everything in q4_0 the
 * golden sets' embeddings keep a cosine of 0.971 to the published ones, with this rule 0.984.
 */
vmg_dtype vmg_t5_weight_dtype(const char *canonical_name, vmg_dtype wanted);

#endif
