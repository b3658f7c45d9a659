/* Encoding sentences: an encoder's files, cleaning, tokens, the network, one text's embedding. */
#ifndef VMG_SRC_LIB_ENCODER_H
#define VMG_SRC_LIB_ENCODER_H

#include "host/ctx.h"
#include "models/config.h"
#include "models/params.h"
#include "models/tokenizer.h"
#include "src/lib/embedding.h"

typedef struct vmg_encoder {
    char *path;
    vmg_weights *weights;
    vmg_t5_config config;
    vmg_tokenizer *tokenizer;
    vmg_dtype stored;   /* type of its largest tensor */
} vmg_encoder;

/*
 * Open an encoder: a weights file with its tokenizer inside (our GGUF files, llama.cpp's), or a weights file or folder with
 * spiece.model beside it (`tokenizer` names another; may be NULL). Nothing is loaded yet. VMG_E_NOTFOUND when the file holds no
 * encoder or no tokenizer can be found.
 */
int vmg_encoder_open(const char *path, const char *tokenizer, vmg_encoder *out);
void vmg_encoder_close(vmg_encoder *e);

typedef struct vmg_encode_options {
    vmg_dtype dtype;               /* weights are kept as */
    vmg_params_progress *loading;  /* may be NULL */
    vmg_params_progress *encoding; /* layers done; may be NULL */
    void *user;
} vmg_encode_options;

/*
 * Embeddings of n texts, each (its tokens, dim), freed with vmg_embedding_free. Texts are cleaned (models/text_clean.h); one cut at 512 tokens
 * is a warning in ctx's log. The encoder's memory is released before the return. Layers are streamed from host memory when they and
 * the activations exceed ctx->max_memory_bytes.
 */
int vmg_encode_texts(vmg_ctx *ctx, const vmg_encoder *e, const char *const *texts, int64_t n, const vmg_encode_options *o,
                     vmg_embedding *out);

#endif
