/* A text's embedding in memory. */
#ifndef VMG_SRC_LIB_EMBEDDING_H
#define VMG_SRC_LIB_EMBEDDING_H

#include <stdbool.h>
#include <stdint.h>

#include "host/dtype.h"

/* (n_rows, text_dim); rows of zeros after them are padding and are only counted. */
typedef struct vmg_embedding {
    float *rows;
    int64_t n_rows, n_zero_rows;
} vmg_embedding;

/* Read one (any file vmg_weights_open knows, holding (rows, text_dim) or (1, rows, text_dim)). */
int vmg_embedding_read(const char *path, int64_t text_dim, vmg_embedding *out);

/* The same from rows in memory, which are copied. */
int vmg_embedding_from_rows(const float *rows, int64_t n_rows, int64_t text_dim,
                            vmg_embedding *out);

/*
 * Write rows as an (n_rows, text_dim) tensor of f32, f16 or bf16. The ending chooses the format:
 * .pt or .pth (a bare tensor, as the published tools read), .safetensors, .npy (which has no bf16:
 * f32 then, unrounded). Errors: VMG_E_ARG (another type or ending), VMG_E_IO, VMG_E_NOMEM.
 */
int vmg_embedding_write(const char *path, vmg_dtype dtype, const float *rows, int64_t n_rows,
                        int64_t text_dim);

/* Whether that path's ending is one that embeddings are written to. */
bool vmg_embedding_can_write(const char *path);

void vmg_embedding_free(vmg_embedding *e); /* accepts NULL; leaves {0} */

#endif
