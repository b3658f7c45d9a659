/* What a data set stores about a sample beside its motion: ID.json. */
#ifndef VMG_SRC_DATA_SAMPLE_JSON_H
#define VMG_SRC_DATA_SAMPLE_JSON_H

#include "src/data/dataset.h"

enum { VMG_SAMPLE_JSON_MAX_BYTES = 16 << 20 };

/* The sample's JSON (one line) in fresh memory; VMG_E_ARG for captions outside the clip or facts
 * that are no JSON. */
int vmg_sample_json_write(const vmg_sample *s, char **out, size_t *size);

/* Everything but x from JSON; expects `id` and `T` frames. VMG_E_FORMAT names what is wrong. */
int vmg_sample_json_read(const char *text, size_t size, const char *id, int64_t T, vmg_sample *out);

/* One more caption (texts copied; facts may be NULL). VMG_E_ARG outside the clip, VMG_E_NOMEM. */
int vmg_sample_add_caption(vmg_sample *s, const char *text, int64_t first, int64_t n,
                           const char *source, const char *facts);

/* Drop the captions of a source. */
void vmg_sample_drop_captions(vmg_sample *s, const char *source);

#endif
