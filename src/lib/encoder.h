/* Encoding sentences: an encoder's files, cleaning, cache, tokens, the network, embeddings. */
#ifndef VMG_SRC_LIB_ENCODER_H
#define VMG_SRC_LIB_ENCODER_H

#include "host/ctx.h"
#include "models/config.h"
#include "models/params.h"
#include "models/tokenizer.h"
#include "src/lib/embed_cache.h"
#include "src/lib/embedding.h"
#include "src/lib/model.h"

/* One thread at a time uses an encoder. */
typedef struct vmg_encoder {
    char *path;
    vmg_weights *weights;
    vmg_t5_config config;
    char *tokenizer_path;     /* NULL: inside `weights` */
    vmg_tokenizer *tokenizer; /* NULL until a text needs it: large vocabularies take a second */
    vmg_dtype stored;         /* type of its largest tensor */
} vmg_encoder;

/*
 * Open an encoder: a weights file with its tokenizer inside (our GGUF files, llama.cpp's), or a
 * weights file or folder with spiece.model in the folder or where the published trees have it
 * (`tokenizer` names another; may be NULL). Nothing is loaded yet. VMG_E_NOTFOUND when the file
 * holds no encoder or no tokenizer can be found.
 */
int vmg_encoder_open(const char *path, const char *tokenizer, vmg_encoder *out);
void vmg_encoder_close(vmg_encoder *e);

/*
 * The encoder of a motion model's prompts: `path`, or for NULL $VMG_ENCODER, or else the one inside the model (VMG_E_NOTFOUND when
 * there is none). VMG_E_ARG when its embeddings are not as wide as the model's texts.
 */
int vmg_encoder_open_for(const vmg_model *m, const char *path, const char *tokenizer, vmg_encoder *out);

/* Load the tokenizer unless it is there already. */
int vmg_encoder_need_tokenizer(vmg_encoder *e);

/* What embeddings depend on beside the text, for vmg_embed_cache_key: weights, the type they are
 * kept in, tokenizer. Reads a little of every tensor and the tokenizer's bytes. */
int vmg_encoder_identity(const vmg_encoder *e, vmg_dtype dtype, uint8_t hash[VMG_EMBED_HASH_BYTES]);

typedef struct vmg_encode_options {
    vmg_dtype dtype;               /* weights are kept as */
    const vmg_embed_cache *cache;  /* NULL: none is asked and none filled */
    bool apart;                    /* one text after the other: none's rounding depends on the others' sizes */
    vmg_params_progress *loading;  /* may be NULL */
    vmg_params_progress *encoding; /* layers done of all texts; may be NULL */
    void *user;
} vmg_encode_options;

/* Who wants embeddings. */
typedef struct vmg_encode_sink {
    /* The device; asked once, and only when the cache lacks a text. Stays the callee's. */
    int (*open)(void *user, vmg_ctx **ctx);
    /* One text's embedding (n_rows, dim), which lives until the return: the cached ones first. A
     * failure ends the work and is returned. */
    int (*take)(void *user, int64_t i, const float *rows, int64_t n_rows);
    void *user;
    vmg_log log; /* texts cut at 512 tokens, and a cache that cannot be written, are warnings */
} vmg_encode_sink;

/*
 * Embeddings of n texts, cleaned (models/text_clean.h), handed over one by one so that lists of any
 * length fit. Equal texts are computed once. The encoder is loaded once, its layers streamed from
 * host memory when they and the activations exceed ctx->max_memory_bytes, and released before the
 * return. VMG_E_INTERRUPTED when progress asked to stop: what was handed over stays.
 */
int vmg_encode_each(vmg_encoder *e, const char *const *texts, int64_t n,
                    const vmg_encode_options *o, const vmg_encode_sink *sink);

/* The same into out[n], freed with vmg_embedding_free; nothing is left there on failure. Warnings
 * go to ctx's log. */
int vmg_encode_texts(vmg_ctx *ctx, vmg_encoder *e, const char *const *texts, int64_t n,
                     const vmg_encode_options *o, vmg_embedding *out);

#endif
