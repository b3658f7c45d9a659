/* Making a SentencePiece vocabulary from sentences, for text encoders that are trained here. */
#ifndef VMG_MODELS_VOCABULARY_H
#define VMG_MODELS_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ids of the pieces that every vocabulary starts with, as in T5's. */
enum { VMG_VOCABULARY_PADDING = 0, VMG_VOCABULARY_END = 1, VMG_VOCABULARY_UNKNOWN = 2 };

/*
 * Train a unigram model (Kudo 2018) on n sentences that vmg_text_clean made; equal ones count as often as they occur.
 * At most `size` pieces: few sentences give fewer. Text is folded to lower case and NFKC by the model itself, so that
 * "Walks" is "walks". The bytes are those of a spiece.model file (models/tokenizer.h reads them), in fresh memory, and
 * the same for the same sentences. Errors: VMG_E_ARG (no sentences, or a size too small for their characters; the
 * library's sentence says which), VMG_E_NOMEM.
 */
int vmg_vocabulary_train(const char *const *sentences, size_t n, int64_t size, uint8_t **model, size_t *n_bytes);

#ifdef __cplusplus
}
#endif

#endif
