/* Turns published weights into one file that is a whole model. */
#ifndef VMG_SRC_LIB_CONVERT_MODEL_H
#define VMG_SRC_LIB_CONVERT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/dtype.h"
#include "models/tokenizer.h"

/* Names under which a whole-model file keeps what is not a network's weight. */
#define VMG_MODEL_MEAN "vimogen.mean"                 /* tensor (features), f32 */
#define VMG_MODEL_STD "vimogen.std"                   /* tensor (features), f32 */
#define VMG_MODEL_NULL_CONTEXT "vimogen.null_context" /* tensor (rows, text_dim) */
/* The SentencePiece model's bytes: in GGUF metadata, an array of u8; elsewhere a tensor of u8. */
#define VMG_MODEL_TOKENIZER VMG_TOKENIZER_NAME

typedef struct vmg_convert_options {
    /* Weight files or model folders. A folder may also hold config.json, mean.npy, std.npy,
     * context_null_padded.pth and spiece.model, which then need not be named. */
    const char *const *from;
    size_t n_from;
    const char *to;     /* ending .gguf or .safetensors */
    bool convert_dtype; /* false: every tensor keeps its type */
    vmg_dtype dtype;    /* f32, f16, bf16, q8_0 or q4_0 */
    /* Override or replace what the folders hold; NULL: not given. */
    const char *config, *mean, *std, *null_embedding, *tokenizer;
    /* Called now and then with bytes read and bytes in all; a return of true stops the work. */
    bool (*progress)(void *user, int64_t done, int64_t total);
    void *user;
} vmg_convert_options;

/*
 * Write the model. Sources are recognised by their tensors' names:
 * - the motion network ("motion_embedding.weight", also below one prefix as in training
 * checkpoints): names are kept, "*.pe" tables left out; metadata "general.architecture" = "vimogen"
 * and each entry of config.json as "vimogen.<key>";
 * - the text encoder (umT5 in any of three spellings, models/t5_names.h): llama.cpp's names and
 * keys; alone, the architecture is "t5encoder";
 * - other weights: as they are.
 * With a dtype, matrices whose rows are multiples of 32 get it; everything of one dimension, norms,
 * biases, modulation and position tables become f32, and q4_0 is q8_0 for some
 * of an encoder (vmg_t5_weight_dtype). Integers stay integers.
 * Memory is bounded by a few MB, whatever the files' size. Errors name file and tensor; nothing is
 * left behind on failure. VMG_E_INTERRUPTED when progress asked to stop.
 */
int vmg_convert_model(const vmg_convert_options *o);

#endif
