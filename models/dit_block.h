/* One transformer block of the DiT, forward and backward: inside models/, between the network and the ops. */
#ifndef VMG_MODELS_DIT_BLOCK_H
#define VMG_MODELS_DIT_BLOCK_H

#include "models/dit.h"

/* Rows of a modulation table (6,S,C): shift, scale and gate of the attention, then of the feed-forward. */
enum {
    VMG_DIT_SHIFT_ATTN,
    VMG_DIT_SCALE_ATTN,
    VMG_DIT_GATE_ATTN,
    VMG_DIT_SHIFT_FFN,
    VMG_DIT_SCALE_FFN,
    VMG_DIT_GATE_FFN
};
vmg_tensor vmg_dit_modulation_row(vmg_tensor m, int row);

/* What one attention keeps for its backward pass. k and v of cross-attention to text belong to vmg_dit_text_saved. */
typedef struct vmg_dit_attention_saved {
    vmg_tensor h, h_stats;      /* (R,C): the normalised input; its norm's statistics */
    vmg_tensor raw;             /* self (R,3C): q, k, v before q's and k's norms; reference (ref_rows,2C): k, v */
    vmg_tensor q_raw, q, k;     /* (R,C), after the norms (q, k); q_raw lies in `raw` for self-attention */
    vmg_tensor q_stats, k_stats;
    vmg_tensor out, lse;        /* (R,C), (R,H): of the attention itself */
    vmg_tensor y;               /* self (R,C): the output projection before the gate */
} vmg_dit_attention_saved;

/* What a block keeps, all of it in the caller's arena. */
typedef struct vmg_dit_block_saved {
    vmg_tensor m;               /* (6,S,C) modulation */
    vmg_dit_attention_saved self, text, ref;
    vmg_tensor x1, x2;          /* (R,C): x after self-attention, after cross-attention */
    vmg_tensor h, h_stats;      /* feed-forward: its normalised input */
    vmg_tensor preact, f;       /* (R,F): before and after the activation */
    vmg_tensor y;               /* (R,C): before the gate */
} vmg_dit_block_saved;

/*
 * x, out: (rows, C), different tensors. e0 (S,6,C). text_kv (text rows, 2C) of this block; ref (ref_rows, C) encoded. `saved` is NULL in
 * inference, else filled with tensors of the arena that the caller gives back after the backward pass. Only when saving may out be
 * VMG_NONE: computing again what was not kept.
 */
typedef struct vmg_dit_block_args {
    vmg_tensor x, e0, out;
    vmg_tensor text_kv, text_key_bias, ref;
    const vmg_dit_batch *batch;
    vmg_dit_block_saved *saved;
} vmg_dit_block_args;

void vmg_dit_block_forward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a);

/* A block of the reference encoder: self-attention and feed-forward over the reference's rows. */
void vmg_dit_ref_block_forward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a);

/*
 * Backward of either kind, `a` as the forward had it, a->saved filled. d (rows, C): the gradient at out, becomes the one at x. d_e0
 * (S,6,C) and d_ref (ref_rows,C) accumulate; d_text_kv (text rows, 2C) is assigned, with respect to the keys after their norm.
 * Parameters' gradients accumulate.
 */
typedef struct vmg_dit_block_grads {
    vmg_tensor d, d_e0, d_text_kv, d_ref;
} vmg_dit_block_grads;
void vmg_dit_block_backward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a,
                            const vmg_dit_block_grads *g);
void vmg_dit_ref_block_backward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a,
                                const vmg_dit_block_grads *g);

#endif
