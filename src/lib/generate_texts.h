/* Motions from sentences in one call, for batches: encoding, sampling, features. */
#ifndef VMG_SRC_LIB_GENERATE_TEXTS_H
#define VMG_SRC_LIB_GENERATE_TEXTS_H

#include "src/lib/generate.h"

typedef struct vmg_text_item {
    int64_t text; /* index into texts */
    int64_t n_frames;
    uint64_t seed;
    float *out;   /* (n_frames, in_dim), written: features in metres */
} vmg_text_item;

/*
 * texts are encoded by the model's own text encoder (VMG_E_NOTFOUND when it carries none), the items
 * sampled at most `batch` at a time (0 = all at once). o: as vmg_generate takes them.
 */
int vmg_generate_texts(vmg_ctx *ctx, const vmg_model *model, const char *const *texts,
                       int64_t n_texts, const vmg_text_item *items, int64_t n, int64_t batch,
                       const vmg_generate_options *o);

#endif
