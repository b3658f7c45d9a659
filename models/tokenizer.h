/* SentencePiece tokenization of cleaned text: pieces' ids as the text encoder takes them. */
#ifndef VMG_MODELS_TOKENIZER_H
#define VMG_MODELS_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vmg_weights vmg_weights; /* models/weights.h */

enum {
    VMG_TOKENIZER_MAX_IDS = 512, /* of one text, the end's included: as the pipeline was trained */
    VMG_TOKENIZER_MAX_BYTES = 64 << 10
};

/* Name of a SentencePiece model file's bytes in our own weight files: metadata or a tensor of u8.
 */
#define VMG_TOKENIZER_NAME "vimogen.tokenizer"

/* Immutable once made: any number of threads may encode. */
typedef struct vmg_tokenizer vmg_tokenizer;

/*
 * Make a tokenizer from a file (spiece.model), from such a file's bytes (`where` names them in
 * messages), or from the metadata of a weights file: VMG_TOKENIZER_NAME, else llama.cpp's
 * arrays (tokenizer.ggml.model = "t5", .tokens, .scores, .token_type, .precompiled_charsmap,
 * .add_space_prefix, .remove_extra_whitespaces). The model must be a unigram model with a piece
 * "</s>". Errors: VMG_E_IO, VMG_E_NOMEM, VMG_E_FORMAT (damaged), VMG_E_UNSUPPORTED (another kind of
 * tokenizer), VMG_E_NOTFOUND (metadata without a tokenizer).
 */
int vmg_tokenizer_open(const char *path, vmg_tokenizer **out);
int vmg_tokenizer_from_memory(const void *model, size_t n, const char *where, vmg_tokenizer **out);
int vmg_tokenizer_from_weights(const vmg_weights *w, vmg_tokenizer **out);
void vmg_tokenizer_free(vmg_tokenizer *t);

/* The SentencePiece model that a weights file carries as VMG_TOKENIZER_NAME: its bytes, the file's own. VMG_E_NOTFOUND if it
 * has none, VMG_E_FORMAT if that is no array of bytes. */
int vmg_tokenizer_stored(const vmg_weights *w, const uint8_t **model, size_t *bytes);

/* ---- encoding ---- */

/* A text's ids in fresh memory; the last is "</s>". */
typedef struct vmg_token_ids {
    int32_t *id;
    int64_t n;
    size_t text_bytes; /* of the text that was given */
    size_t kept_bytes; /* of its beginning, that the ids stand for: fewer when it was cut */
} vmg_token_ids;

/*
 * Encode `n` bytes of text that vmg_text_clean made. What does not fit in max_ids (>= 1) ids is
 * cut, and what lies beyond VMG_TOKENIZER_MAX_BYTES, which only nonsense reaches before 512 ids are
 * full (libsentencepiece takes quadratic time on long runs of unknown characters). An empty text
 * gives
 * "</s>" alone. Control pieces are never recognised in the text: "</s>" written there is plain
 * characters. Malformed UTF-8 is encoded as U+FFFD. Free with vmg_token_ids_free. Errors:
 * VMG_E_ARG, VMG_E_NOMEM.
 */
int vmg_tokenizer_encode(const vmg_tokenizer *t, const char *text, size_t n, int64_t max_ids,
                         vmg_token_ids *out);
void vmg_token_ids_free(vmg_token_ids *ids);

/* One sentence for the user about what was cut from `text`, in fresh memory; NULL on exhaustion.
 * Only for kept_bytes < text_bytes. */
char *vmg_token_ids_describe_cut(const vmg_token_ids *ids, const char *text);

/* ---- vocabulary ---- */

/* Pieces; ids are 0 to one below. */
int64_t vmg_tokenizer_size(const vmg_tokenizer *t);

int32_t vmg_tokenizer_end_id(const vmg_tokenizer *t);

/* A piece's text ("▁walk"), until the tokenizer is freed; NULL for an id outside. */
const char *vmg_tokenizer_piece(const vmg_tokenizer *t, int32_t id);

/* The id of a piece; -1 if there is none. */
int32_t vmg_tokenizer_id(const vmg_tokenizer *t, const char *piece);

#ifdef __cplusplus
}
#endif

#endif
