/* What the DiT's forward pass keeps for training, and its backward pass. */
#ifndef VMG_MODELS_DIT_SAVED_H
#define VMG_MODELS_DIT_SAVED_H

#include "models/dit_block.h"

/* Of the texts: everything lies in the arena. */
typedef struct vmg_dit_text_saved {
    vmg_tensor rows;          /* (rows, text_dim): input of text_embedding */
    vmg_tensor preact, hidden; /* (rows, C): around its activation */
    vmg_tensor c;             /* (rows, C): its output */
    vmg_tensor kv_raw;        /* (num_layers·rows, 2C): before the keys' norm */
    vmg_tensor k_stats;       /* (num_layers·rows, 2) */
} vmg_dit_text_saved;

/*
 * Of the rest. Start from {.keep = ...}: whether blocks keep everything, else only their inputs, and the backward pass computes the
 * rest again. Tensors lie in the arena; vmg_dit_saved_free frees the host part.
 */
typedef struct vmg_dit_saved {
    bool keep;
    vmg_tensor x, ref;                           /* the network's inputs */
    vmg_tensor sinusoid, time_preact, time_hidden; /* (S, freq_dim), (S,C), (S,C): time_embedding.0 */
    vmg_tensor e, e_act, e0;                     /* (S,C), SiLU(e), (S,6,C) */
    vmg_tensor *block_x, *ref_x;                 /* input of every block, and the last one's output */
    vmg_dit_block_saved *blocks, *ref_blocks;    /* filled when keeping */
    vmg_tensor head_m, head_h, head_stats;       /* (2,S,C) modulation, normalised rows, their statistics */
} vmg_dit_saved;
void vmg_dit_saved_free(vmg_dit_saved *s);

/*
 * vmg_dit_text_make in two parts, for training. Rows of contexts without `rows` stay zero in saved->rows until the caller fills them (with
 * an encoder's output) between the two.
 */
void vmg_dit_text_begin(vmg_dit *dit, vmg_arena *arena, const vmg_dit_context *contexts, int64_t n, bool merge_padding,
                        vmg_dit_text *out, vmg_tensor *rows);
void vmg_dit_text_forward(vmg_dit *dit, vmg_arena *arena, vmg_tensor rows, const vmg_dit_taps *taps,
                          vmg_dit_text_saved *saved, vmg_dit_text *out);

/* vmg_dit_forward that fills `saved`, which keeps its place in the arena. */
void vmg_dit_forward_saved(vmg_dit *dit, vmg_arena *arena, const vmg_dit_batch *batch, const vmg_dit_text *text,
                           vmg_tensor x, vmg_tensor ref, const double *t, int64_t n_t, vmg_tensor out,
                           vmg_dit_saved *saved);

/* Parameters' gradients (vmg_param.grad) accumulate for d_out (rows, out_dim), the gradient at the output. d_text_kv
 * (num_layers·text rows, 2C) is assigned. */
void vmg_dit_backward(vmg_dit *dit, vmg_arena *arena, const vmg_dit_batch *batch, const vmg_dit_text *text,
                      const vmg_dit_saved *saved, vmg_tensor d_out, vmg_tensor d_text_kv);

/* The texts' part: from d_text_kv (overwritten) to parameters and, if given, d_rows (rows, text_dim), assigned. */
void vmg_dit_text_backward(vmg_dit *dit, vmg_arena *arena, const vmg_dit_text *text, const vmg_dit_text_saved *saved,
                           vmg_tensor d_text_kv, vmg_tensor d_rows);

/* Tell `taps` of a tensor, as "name" or "name.i" (i >= 0). */
void vmg_dit_tap(const vmg_dit_taps *taps, const char *name, int64_t i, vmg_tensor t);

#endif
