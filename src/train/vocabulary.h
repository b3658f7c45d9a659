/* The words of a data set's captions: their vocabulary for a text encoder, and their list for warnings. */
#ifndef VMG_SRC_TRAIN_VOCABULARY_H
#define VMG_SRC_TRAIN_VOCABULARY_H

#include "src/data/dataset.h"

typedef struct vmg_caption_texts {
    char **text; /* cleaned, as often as they occur */
    size_t n, cap;
    int64_t n_damaged; /* samples left out */
} vmg_caption_texts;

/* All captions of the training half, at most `most` (evenly taken from more), in the data set's order. */
int vmg_caption_texts_read(const vmg_dataset *ds, size_t most, vmg_caption_texts *out);
void vmg_caption_texts_free(vmg_caption_texts *t); /* accepts {0} */

/* Their words in lower case (ASCII letters and digits, and all other bytes above 127), each once, sorted, one a line. Fresh memory;
 * NULL on exhaustion. */
char *vmg_caption_words(const vmg_caption_texts *t);

#endif
