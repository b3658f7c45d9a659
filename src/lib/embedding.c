/* A text's embedding in memory. */
#include "src/lib/embedding.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/writer.h"
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

bool vmg_embedding_can_write(const char *path)
{
    static const char *const endings[] = {"pt", "pth", "npy", "safetensors"};
    char ending[16];
    vmg_path_ending(path, ending, sizeof ending);
    for (size_t i = 0; i < VMG_COUNT(endings); i++)
        if (!strcmp(ending, endings[i]))
            return true;
    return false;
}

int vmg_embedding_write(const char *path, vmg_dtype dtype, const float *rows, int64_t n_rows,
                        int64_t text_dim)
{
    const int64_t dim[2] = {n_rows, text_dim}, n = n_rows * text_dim;
    size_t bytes;
    char ending[8];
    vmg_path_ending(path, ending, sizeof ending);
    if (dtype == VMG_BF16 && !strcmp(ending, "npy"))
        dtype = VMG_F32;
    if (dtype != VMG_F32 && dtype != VMG_F16 && dtype != VMG_BF16)
        return vmg_fail(VMG_E_ARG, "embeddings are written as f32, f16 or bf16, not %s",
                        vmg_dtype_name(dtype));
    if (!vmg_embedding_can_write(path))
        return vmg_fail(VMG_E_ARG, "%s: embeddings are written to .pt, .npy or .safetensors", path);
    int rc = vmg_dtype_bytes(dtype, n, &bytes);
    if (rc != VMG_OK)
        return rc;
    void *values = vmg_calloc(bytes, 1);
    rc = values ? vmg_dtype_from_f32(dtype, rows, n, values) : VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = vmg_array_write(path, dtype, 2, dim, values);
    free(values);
    return rc;
}

void vmg_embedding_free(vmg_embedding *e)
{
    if (!e)
        return;
    free(e->rows);
    *e = (vmg_embedding){0};
}
