/* A text's embedding in memory. */
#include "src/lib/embedding.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/lib/model.h"

/* Moves trailing rows of zeros from n_rows to n_zero_rows. */
static void count_padding(vmg_embedding *e, int64_t text_dim)
{
    for (bool zero = true; zero && e->n_rows > 0;) {
        const float *row = e->rows + (e->n_rows - 1) * text_dim;
        for (int64_t c = 0; zero && c < text_dim; c++)
            zero = row[c] == 0;
        e->n_rows -= zero;
        e->n_zero_rows += zero;
    }
}

int vmg_embedding_read(const char *path, int64_t text_dim, vmg_embedding *out)
{
    *out = (vmg_embedding){0};
    int rc = vmg_read_matrix(path, "a text embedding", &out->n_rows, &text_dim, &out->rows);
    if (rc == VMG_OK)
        count_padding(out, text_dim);
    return rc;
}

int vmg_embedding_from_rows(const float *rows, int64_t n_rows, int64_t text_dim, vmg_embedding *out)
{
    size_t n = (size_t)(n_rows * text_dim);
    *out = (vmg_embedding){.rows = vmg_calloc(n, sizeof *rows), .n_rows = n_rows};
    if (!out->rows)
        return VMG_E_NOMEM;
    memcpy(out->rows, rows, n * sizeof *rows);
    count_padding(out, text_dim);
    return VMG_OK;
}

void vmg_embedding_free(vmg_embedding *e)
{
    if (!e)
        return;
    free(e->rows);
    *e = (vmg_embedding){0};
}
