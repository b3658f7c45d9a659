/* Text embeddings on disk: a prompt that was encoded once needs no encoder again. */
#ifndef VMG_SRC_LIB_EMBED_CACHE_H
#define VMG_SRC_LIB_EMBED_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "models/weights.h"

enum { VMG_EMBED_HASH_BYTES = 32 };

/* What the folder holds unless somebody asks for another size: one number for program and library, for the smaller would throw away what the
 * larger keeps. */
#define VMG_EMBED_CACHE_BYTES ((uint64_t)1 << 30)

/* What an embedding depends on: which encoder (its weights, the type they are computed in, its
 * tokenizer; vmg_embed_cache_model) and which text (cleaned, vmg_text_clean). */
typedef struct vmg_embed_key {
    uint8_t hash[VMG_EMBED_HASH_BYTES];
} vmg_embed_key;

/*
 * A folder of entries, one file each, named by its key and checked by a digest. Any number of
 * processes and threads may use one folder at once: entries appear whole (temporary file and
 * rename) and may disappear at any time. Immutable once opened.
 */
typedef struct vmg_embed_cache vmg_embed_cache;

/*
 * Open the folder `dir` (NULL: the user's cache directory), created if missing, to hold at most
 * max_bytes: beyond that the entries that were not used for the longest time are removed.
 * Errors: VMG_E_IO, VMG_E_NOMEM; callers then work without a cache.
 */
int vmg_embed_cache_open(const char *dir, uint64_t max_bytes, vmg_embed_cache **out);
void vmg_embed_cache_close(vmg_embed_cache *c);

/*
 * Digest that tells an encoder from others: names, types and shapes of all tensors, bytes taken
 * from all over each (reading gigabytes would cost more than it saves), the type that weights are
 * computed in, and the tokenizer's vocabulary as `tokenizer_bytes` of anything that names it.
 */
void vmg_embed_cache_model(const vmg_weights *w, vmg_dtype computed, const void *tokenizer,
                           size_t tokenizer_bytes, uint8_t hash[VMG_EMBED_HASH_BYTES]);

vmg_embed_key vmg_embed_cache_key(const uint8_t model[VMG_EMBED_HASH_BYTES], const char *text,
                                  size_t n);

/*
 * The embedding (n_rows, dim) kept under a key, in fresh memory; using it makes it young.
 * VMG_E_NOTFOUND when there is none, or a damaged one (which is removed) or one of another dim.
 * Other errors: VMG_E_NOMEM.
 */
int vmg_embed_cache_get(const vmg_embed_cache *c, const vmg_embed_key *key, int64_t dim,
                        int64_t *n_rows, float **rows);

/* Keep an embedding; one larger than the whole cache is silently left out. Errors: VMG_E_IO,
 * VMG_E_NOMEM: the caller may go on, nothing depends on it. */
int vmg_embed_cache_put(const vmg_embed_cache *c, const vmg_embed_key *key, const float *rows,
                        int64_t n_rows, int64_t dim);

#endif
