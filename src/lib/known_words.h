/* What a small model does not know: words of a prompt that its training captions never had. */
#ifndef VMG_SRC_LIB_KNOWN_WORDS_H
#define VMG_SRC_LIB_KNOWN_WORDS_H

#include <stddef.h>

#include "models/weights.h"

/*
 * The model's file lists the words of its training captions ("vimogen.words", strings, in lower
 * case) and what it can do ("vimogen.behaviours", strings: "walks forward"; where it has none, those
 * of src/data/criteria.def). *warning is fresh: one sentence that names the prompt's unknown words
 * and the behaviours closest to them; NULL when all are known or the file has no list. Words as in
 * src/train/vocabulary.h; small words without a meaning of their own (articles, pronouns,
 * prepositions) are never unknown. Errors: VMG_E_NOMEM, VMG_E_FORMAT (a list of another kind).
 */
int vmg_known_words_check(const vmg_weights *w, const char *prompt, char **warning);

/* The same with the lists at hand, for tests: words and behaviours parted by '\n', words sorted. */
int vmg_known_words_compare(const char *const *words, size_t n_words,
                            const char *const *behaviours, size_t n_behaviours,
                            const char *prompt, char **warning);

#endif
