/* Opening a motion model: a GGUF file, or a folder of published files. */
#ifndef VMG_SRC_LIB_MODEL_H
#define VMG_SRC_LIB_MODEL_H

#include "models/config.h"
#include "models/weights.h"

typedef struct vmg_model {
    char *path;
    vmg_weights *weights;
    vmg_dit_config config;
    float *mean, *std;       /* (in_dim), NULL when the model carries none */
    float *null_rows;        /* (n_null_rows, text_dim): the empty text's embedding as stored, NULL when it carries none */
    int64_t n_null_rows;
    vmg_dtype stored;        /* type of its largest tensor */
} vmg_model;

/*
 * path: a .gguf (or any weights file whose metadata holds the configuration), or a folder with config.json, weights
 * (model.safetensors, model.pt, ...) and, if there, mean.npy, std.npy and context_null_padded.pth. Tensor names inside one
 * file: src/lib/convert_model.h. NULL: $VMG_MODEL, else mini.gguf, the model that comes with the program: in $VMG_MODEL_DIR, else
 * where it was installed, else in the source tree that the program was built in. One sentence on failure.
 */
int vmg_model_open(const char *path, vmg_model *out);
void vmg_model_close(vmg_model *m);

/* The type to keep weights in: the named one (f32, f16, bf16, q8_0, q4_0), or, for NULL, the nearest to what is stored. */
int vmg_model_weight_dtype(const char *name, vmg_dtype stored, vmg_dtype *out);

/* The type to store activations in: the named one (f32, f16, bf16), or f32 for NULL. */
int vmg_model_activations(const char *name, vmg_dtype *out);

/* A file's only array as float: (rows, cols) or (1, rows, cols). cols -1 takes any and is filled in; else it must agree.
 * VMG_E_FORMAT names file, expected and found shape. Fresh memory. */
int vmg_read_matrix(const char *path, const char *what, int64_t *rows, int64_t *cols, float **out);

/* mean.npy / std.npy: n values in any shape of n values. Fresh memory. */
int vmg_read_vector(const char *path, const char *what, int64_t n, float **out);

#endif
