/* Opening weight and array files of any kind as a source of tensors (models/weights.h). */
#ifndef VMG_SRC_FORMAT_WEIGHTS_FILE_H
#define VMG_SRC_FORMAT_WEIGHTS_FILE_H

#include <stddef.h>

#include "models/weights.h"

/*
 * Open a file, recognised by its first bytes: GGUF, safetensors, PyTorch zip (.pt, .pth, .tar),
 * NumPy .npy or .npz, or a safetensors index (*.index.json, whose shards lie beside it).
 * Tensors are read through a map: nothing is copied but what lies in another order than row-major
 * little-endian. Every size is checked before anything is read; the file must not change while
 * open. Errors: VMG_E_IO, VMG_E_NOMEM, VMG_E_FORMAT (damaged: what, where), VMG_E_UNSUPPORTED
 * (valid, but of a kind not read here: what). The message starts with the path.
 */
int vmg_weights_open(const char *path, vmg_weights **out);

/* The same for a file's bytes in memory, which must outlive the source; `label` stands for the path
 * in messages. */
int vmg_weights_open_memory(const char *label, const void *data, size_t size, vmg_weights **out);

/*
 * Several files as one source, in the order given (safetensors shards, weights and a
 * vocabulary...). A tensor that occurs in two of them is an error; of metadata the first file's
 * entry counts.
 */
int vmg_weights_open_many(const char *const *paths, size_t n, vmg_weights **out);

/*
 * A model's folder: model.safetensors, else model.safetensors.index.json, else model.pt, model.pth
 * or pytorch_model.bin, else the only weights file (or the only set
 * NAME-00001-of-000NN.safetensors) in it. Error VMG_E_NOTFOUND names what was looked for.
 */
int vmg_weights_open_dir(const char *dir, vmg_weights **out);

#endif
