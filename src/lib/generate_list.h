/* Motions of a list: encoding, sampling in batches, by one process or by several that share the work. */
#ifndef VMG_SRC_LIB_GENERATE_LIST_H
#define VMG_SRC_LIB_GENERATE_LIST_H

#include "host/base/comm.h"
#include "src/lib/embed_cache.h"
#include "src/lib/generate.h"

/* One motion to make. */
typedef struct vmg_list_item {
    const char *prompt;
    const char *embedding; /* file of its embedding, for models of that width; NULL, absent or of another width: the prompt is encoded */
    const char *reference; /* a motion to follow instead of the prompt; NULL: none */
    int64_t n_frames;      /* 0: the reference's, or the options' */
    uint64_t seed;
    bool wanted;           /* false: it exists already */
} vmg_list_item;

typedef struct vmg_list_options {
    vmg_generate_options generate; /* its progress is the list's */
    vmg_reference_options reference;
    const char *encoder, *tokenizer;    /* vmg_encoder_open_for's */
    const char *encoder_dtype;          /* NULL: as stored */
    const vmg_embed_cache *cache;       /* of embeddings; may be NULL */
    const vmg_embedding *null_text;     /* of the empty text; NULL: encoded where guidance needs it */
    int64_t n_frames;                   /* of a text's motion where the item does not say */
    int64_t at_once;                    /* items of a batch */
    size_t kept_bytes;                  /* of embeddings in memory at once, about; 0 = 512 MiB */
    const vmg_comm *comm;

    /* Hands over a motion, (n_frames, in_dim), on the process that made it. A failure ends the work. */
    int (*take)(void *user, int64_t i, const float *x, int64_t n_frames);
    /* On rank 0, in the order of the list: item i was taken, or (error != NULL) could not be made. */
    void (*report)(void *user, int64_t i, int64_t n_frames, const char *error);
    /* On rank 0: "encoding", "loading", "generating", the latter in motions times sampling steps. False ends the work. On other
     * ranks `what` is NULL and only the answer counts. */
    bool (*progress)(void *user, const char *what, int64_t done, int64_t total);
    void *user;
} vmg_list_options;

/*
 * Make every wanted item of items[n]. Items [k·at_once, (k+1)·at_once) are sampled together and batches are dealt out to the processes in
 * turn, so that a motion does not depend, not even in rounding, on how many they are: a batch with a wanted item is sampled whole.
 * Texts are encoded one by one and padded as if they were alone. The encoder is released before the network is loaded; lists whose embeddings are too
 * many for memory are worked off in parts. What is wrong with one item (its files, its length) is reported and the others go on. Errors: those
 * of the device, the model, the encoder, and of take, on all processes; VMG_E_INTERRUPTED. What was taken stays.
 */
int vmg_generate_list(vmg_ctx *ctx, const vmg_model *model, const vmg_list_item *items, int64_t n, const vmg_list_options *o);

#endif
