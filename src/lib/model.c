/* Opening a motion model: a GGUF file, or a folder of published files. */
#include "src/lib/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/weights_file.h"
#include "src/lib/convert_model.h"

/* The model that comes with the program: where `make install` puts it, and where it lies in the source. */
static const char shipped_name[] = "mini.gguf";
static const char *const shipped_dirs[] = {VMG_DATADIR, VMG_SOURCE_DIR "/models"};

int vmg_read_matrix(const char *path, const char *what, int64_t *rows, int64_t *cols, float **out)
{
    vmg_weights *w = NULL;
    *out = NULL;
    int rc = vmg_weights_open(path, &w);
    if (rc != VMG_OK)
        return rc;
    const vmg_weight *t = w->n_tensors == 1 ? &w->tensors[0] : NULL;
    bool fits = t && (t->rank == 2 || (t->rank == 3 && t->dim[0] == 1)) && t->dim[t->rank - 2] > 0 &&
                t->dim[t->rank - 1] > 0 && (*cols < 0 || t->dim[t->rank - 1] == *cols);
    if (!t) {
        rc = vmg_fail(VMG_E_FORMAT, "%s holds %zu arrays, %s is one", path, w->n_tensors, what);
    } else if (!fits) {
        char shape[128], width[32] = "columns";
        if (*cols >= 0)
            snprintf(width, sizeof width, "%lld", (long long)*cols);
        rc = vmg_fail(VMG_E_FORMAT, "%s: %s must be (rows, %s), this is %s", path, what, width,
                      vmg_shape_text(t->rank, t->dim, shape, sizeof shape));
    } else {
        *rows = t->dim[t->rank - 2];
        *cols = t->dim[t->rank - 1];
        *out = vmg_calloc((size_t)t->n, sizeof **out);
        rc = *out ? vmg_weight_to_f32(t, *out) : VMG_E_NOMEM;
    }
    vmg_weights_close(w);
    if (rc != VMG_OK) {
        free(*out);
        *out = NULL;
    }
    return rc;
}

static int to_vector(const vmg_weight *t, const char *path, const char *what, int64_t n, float **out)
{
    if (t->n != n)
        return vmg_fail(VMG_E_FORMAT, "%s: %s has %lld values, %lld are needed", path, what, (long long)t->n, (long long)n);
    *out = vmg_calloc((size_t)n, sizeof **out);
    return *out ? vmg_weight_to_f32(t, *out) : VMG_E_NOMEM;
}

int vmg_read_vector(const char *path, const char *what, int64_t n, float **out)
{
    vmg_weights *w = NULL;
    *out = NULL;
    int rc = vmg_weights_open(path, &w);
    if (rc == VMG_OK && w->n_tensors != 1)
        rc = vmg_fail(VMG_E_FORMAT, "%s holds %zu arrays, %s is one", path, w->n_tensors, what);
    if (rc == VMG_OK)
        rc = to_vector(&w->tensors[0], path, what, n, out);
    vmg_weights_close(w);
    return rc;
}

static int open_folder(vmg_model *m)
{
    char *config = vmg_path_join(m->path, "config.json");
    char *mean = vmg_path_join(m->path, "mean.npy"), *std = vmg_path_join(m->path, "std.npy");
    int rc = config && mean && std ? vmg_dit_config_read(config, &m->config) : VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = vmg_weights_open_dir(m->path, &m->weights);
    if (rc == VMG_OK && vmg_path_exists(mean) && vmg_path_exists(std)) {
        rc = vmg_read_vector(mean, "the mean", m->config.in_dim, &m->mean);
        if (rc == VMG_OK)
            rc = vmg_read_vector(std, "the standard deviation", m->config.in_dim, &m->std);
    }
    char *null = vmg_path_join(m->path, "context_null_padded.pth");
    if (rc == VMG_OK && null && vmg_path_exists(null))
        rc = vmg_read_matrix(null, "the empty text's embedding", &m->n_null_rows, &m->config.text_dim, &m->null_rows);
    free(config);
    free(mean);
    free(std);
    free(null);
    return rc;
}

static int open_file(vmg_model *m)
{
    int rc = vmg_weights_open(m->path, &m->weights);
    if (rc != VMG_OK)
        return rc;
    rc = vmg_dit_config_from_weights(m->weights, &m->config);
    if (rc == VMG_E_NOTFOUND)
        return vmg_fail(VMG_E_FORMAT, "%s holds weights but no configuration: name its folder (with config.json), or make one "
                                      "file of both with vimogen convert",
                        m->path);
    const vmg_weight *mean = vmg_weights_find(m->weights, VMG_MODEL_MEAN);
    const vmg_weight *std = vmg_weights_find(m->weights, VMG_MODEL_STD);
    if (rc == VMG_OK && mean && std) {
        rc = to_vector(mean, m->path, "the mean", m->config.in_dim, &m->mean);
        if (rc == VMG_OK)
            rc = to_vector(std, m->path, "the standard deviation", m->config.in_dim, &m->std);
    }
    const vmg_weight *null = vmg_weights_find(m->weights, VMG_MODEL_NULL_CONTEXT);
    if (rc == VMG_OK && null && null->rank == 2) {
        m->n_null_rows = null->dim[0];
        rc = to_vector(null, m->path, "the empty text's embedding", m->n_null_rows * m->config.text_dim, &m->null_rows);
    }
    return rc;
}

static vmg_dtype largest_dtype(const vmg_weights *w)
{
    const vmg_weight *largest = NULL;
    for (size_t i = 0; i < w->n_tensors; i++)
        if (!largest || w->tensors[i].n > largest->n)
            largest = &w->tensors[i];
    return largest ? largest->dtype : VMG_F32;
}

/* The shipped model's path in fresh memory. */
static int find_shipped(char **out)
{
    const char *dir = getenv("VMG_MODEL_DIR");
    bool given = dir && *dir;
    for (size_t i = 0; i < (given ? 1 : VMG_COUNT(shipped_dirs)); i++) {
        *out = vmg_path_join(given ? dir : shipped_dirs[i], shipped_name);
        if (!*out)
            return VMG_E_NOMEM;
        if (vmg_path_exists(*out))
            return VMG_OK;
        free(*out);
        *out = NULL;
    }
    return vmg_fail(VMG_E_NOTFOUND, "no model was named (-m, VMG_MODEL) and %s is not in %s", shipped_name,
                    given ? dir : VMG_DATADIR);
}

int vmg_model_open(const char *path, vmg_model *out)
{
    *out = (vmg_model){0};
    if (!path || !*path)
        path = getenv("VMG_MODEL");
    int rc = VMG_OK;
    if (!path || !*path)
        rc = find_shipped(&out->path);
    else if (!vmg_path_exists(path))
        rc = vmg_fail(VMG_E_NOTFOUND, "there is no model at %s", path);
    else if (!(out->path = vmg_strdup(path)))
        rc = VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = vmg_path_is_dir(out->path) ? open_folder(out) : open_file(out);
    if (rc == VMG_OK)
        out->stored = largest_dtype(out->weights);
    else
        vmg_model_close(out);
    return rc;
}

void vmg_model_close(vmg_model *m)
{
    if (!m)
        return;
    vmg_weights_close(m->weights);
    free(m->mean);
    free(m->std);
    free(m->null_rows);
    free(m->path);
    *m = (vmg_model){0};
}

int vmg_model_weight_dtype(const char *name, vmg_dtype stored, vmg_dtype *out)
{
    static const vmg_dtype kept[] = {VMG_F32, VMG_F16, VMG_BF16, VMG_Q8_0, VMG_Q4_0};
    if (name) {
        int rc = vmg_dtype_parse(name, out);
        if (rc != VMG_OK)
            return rc;
    } else {
        *out = stored == VMG_F64 ? VMG_F32 : vmg_dtype_get(stored).block_len > 1 && stored != VMG_Q4_0 ? VMG_Q8_0 : stored;
    }
    for (size_t i = 0; i < VMG_COUNT(kept); i++)
        if (*out == kept[i])
            return VMG_OK;
    return vmg_fail(VMG_E_ARG, "weights are kept as f32, f16, bf16, q8_0 or q4_0, not %s", vmg_dtype_name(*out));
}

int vmg_model_activations(const char *name, vmg_dtype *out)
{
    *out = VMG_F32;
    int rc = name ? vmg_dtype_parse(name, out) : VMG_OK;
    if (rc != VMG_OK || vmg_dtype_is_plain_float(*out))
        return rc;
    return vmg_fail(VMG_E_ARG, "activations are stored as f32, f16 or bf16, not %s", vmg_dtype_name(*out));
}
