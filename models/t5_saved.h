/* What the text encoder's forward pass keeps for training, and its backward pass. */
#ifndef VMG_MODELS_T5_SAVED_H
#define VMG_MODELS_T5_SAVED_H

#include "models/t5.h"

/* Of one layer; all (R, …), in the caller's arena. */
typedef struct vmg_t5_layer_saved {
    vmg_tensor x, x1;          /* its input; after attention */
    vmg_tensor h1, stats1;     /* normalised input of attention, statistics of the norm */
    vmg_tensor qkv, a, lse;    /* projections; attention's output, log-sum-exp */
    vmg_tensor h2, stats2;     /* the same for the feed-forward */
    vmg_tensor gate, up, f;    /* gate before its activation; fc1's output; the product */
} vmg_t5_layer_saved;

typedef struct vmg_t5_saved {
    vmg_segment *segment;      /* host */
    vmg_segments segments;
    vmg_tensor ids;            /* (R) i32 */
    vmg_t5_layer_saved *layers;
    vmg_tensor x, stats, out;  /* after the last layer; statistics of the last norm; the encoding (R, dim) */
} vmg_t5_saved;
void vmg_t5_saved_free(vmg_t5_saved *s);

/* As vmg_t5_encode, of a trainable encoder: the encoding stays on the device in s->out. Errors are sticky. */
void vmg_t5_forward_saved(vmg_t5 *t5, vmg_arena *arena, const int32_t *ids, const int64_t *lens, int64_t n,
                          vmg_t5_saved *s);

/* Parameters' gradients accumulate for d_out (R, dim), the gradient at s->out, which is overwritten. */
void vmg_t5_backward(vmg_t5 *t5, vmg_arena *arena, const vmg_t5_saved *s, vmg_tensor d_out);

/* The attention of a layer whose qkv, a and lse are given. */
vmg_attention vmg_t5_attention(const vmg_t5 *t5, const vmg_t5_layer *l, const vmg_t5_layer_saved *s, vmg_segments segments);

#endif
