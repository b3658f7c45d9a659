/* SentencePiece model files (protocol buffers, sentencepiece_model.proto): written and checked. */
#ifndef VMG_MODELS_SPIECE_H
#define VMG_MODELS_SPIECE_H

#include "host/base/mem.h"

/* Kinds of pieces; GGUF's `tokenizer.ggml.token_type` has the same numbers. */
enum vmg_spiece_type {
    VMG_SPIECE_NORMAL = 1,
    VMG_SPIECE_UNKNOWN = 2,
    VMG_SPIECE_CONTROL = 3,
    VMG_SPIECE_USER_DEFINED = 4,
    VMG_SPIECE_UNUSED = 5,
    VMG_SPIECE_BYTE = 6
};

/* How a unigram model treats text; {0} with the two flags set is the format's default. */
typedef struct vmg_spiece_settings {
    bool byte_fallback;            /* unknown characters become byte pieces, of which 256 exist */
    bool add_space_prefix;         /* a text starts as if after a space */
    bool remove_extra_whitespaces; /* runs of spaces are one, none at the ends */
    const void *charsmap; /* normalisation rules: the format's own binary form; may be NULL */
    size_t charsmap_bytes;
} vmg_spiece_settings;

/* Append the next piece, whose id is the number of pieces before it; or the settings, once. */
void vmg_spiece_add_piece(vmg_buf *model, const char *piece, size_t n, float score, int type);
void vmg_spiece_add_settings(vmg_buf *model, const vmg_spiece_settings *settings);

/* What a model says that libsentencepiece does not tell. */
typedef struct vmg_spiece_facts {
    uint8_t *types; /* enum vmg_spiece_type of each piece, n of them */
    size_t n;
    bool by_words; /* a space begins every text, is a piece, and occurs nowhere inside pieces: words
                      are encoded independently of each other */
} vmg_spiece_facts;

/*
 * Check what libsentencepiece takes on trust: the bytes are a unigram model (VMG_E_UNSUPPORTED
 * otherwise) whose scores are finite, and no text can lead outside its normalisation rules.
 * Error VMG_E_FORMAT with a message that leaves the file's name to the caller.
 */
int vmg_spiece_read_facts(const void *model, size_t n, vmg_spiece_facts *out);
void vmg_spiece_facts_free(vmg_spiece_facts *facts);

#endif
