/* Opening a motion model: a GGUF file, or a folder of published files. */
#ifndef VMG_SRC_LIB_MODEL_H
#define VMG_SRC_LIB_MODEL_H

#include "models/config.h"
#include "models/weights.h"

/*
 * What the metadata of our GGUF files is called, beside the configuration's own keys ("vimogen.dim", ... and "t5.dim", ..., see
 * models/config.h): statistics of the features, (in_dim) f32 tensors, and the unconditional context, (rows, text_dim).
 */
#define VMG_MODEL_TENSOR_MEAN "vimogen.mean"
#define VMG_MODEL_TENSOR_STD "vimogen.std"
#define VMG_MODEL_TENSOR_NULL "vimogen.null_context"

typedef struct vmg_model {
    char *path;
    vmg_weights *weights;
    vmg_dit_config config;
    float *mean, *std;       /* (in_dim), NULL when the model carries none */
    vmg_dtype stored;        /* type of its largest tensor */
} vmg_model;

/*
 * path: a .gguf (or any weights file whose metadata holds the configuration), or a folder with config.json, weights
 * (model.safetensors, model.pt, ...) and, if there, mean.npy and std.npy. NULL: $VMG_MODEL, else the model that came with the
 * installation. One sentence on failure.
 */
int vmg_model_open(const char *path, vmg_model *out);
void vmg_model_close(vmg_model *m);

/* A file's only array as float: (rows, cols) or (1, rows, cols). cols -1 takes any and is filled in; else it must agree.
 * VMG_E_FORMAT names file, expected and found shape. Fresh memory. */
int vmg_read_matrix(const char *path, const char *what, int64_t *rows, int64_t *cols, float **out);

/* mean.npy / std.npy: n values in any shape of n values. Fresh memory. */
int vmg_read_vector(const char *path, const char *what, int64_t n, float **out);

#endif
