/* One transformer block of the DiT: inside models/, between dit.c and dit_block.c. */
#ifndef VMG_MODELS_DIT_BLOCK_H
#define VMG_MODELS_DIT_BLOCK_H

#include "models/dit.h"

/* x, out: (rows, C), different tensors. e0 (S,6,C). text_kv (text rows, 2C) of this block; ref (ref_rows, C) encoded. */
typedef struct vmg_dit_block_args {
    vmg_tensor x, e0, out;
    vmg_tensor text_kv, text_key_bias, ref;
    const vmg_dit_batch *batch;
} vmg_dit_block_args;

void vmg_dit_block_forward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a);

/* A block of the reference encoder: self-attention and feed-forward over the reference's rows. */
void vmg_dit_ref_block_forward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a);

#endif
