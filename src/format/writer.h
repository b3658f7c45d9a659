/* Writing weight and array files: tensors are announced first, then their bytes follow in order, so
 * that files larger than memory can be written. */
#ifndef VMG_SRC_FORMAT_WRITER_H
#define VMG_SRC_FORMAT_WRITER_H

#include <stddef.h>

#include "models/weights.h"

typedef struct vmg_writer vmg_writer;

/*
 * Begin a file whose ending chooses the format: .gguf, .safetensors, .pt/.pth (PyTorch; readable
 * with weights_only=True) or .npy. It appears under its name only when committed. Errors:
 * VMG_E_UNSUPPORTED (another ending), VMG_E_IO, VMG_E_NOMEM.
 */
int vmg_writer_open(const char *path, vmg_writer **out);

/*
 * Announce metadata, before any data. The entry and what it points to are copied. GGUF takes all
 * kinds but NONE, in the entry's own dtype (VMG_F32 stands for unset: integers become i64, reals
 * f64); safetensors takes strings, numbers and truth values as text; PyTorch takes all, as further
 * keys of the dictionary; npy takes none (VMG_E_UNSUPPORTED).
 */
int vmg_writer_meta(vmg_writer *w, const vmg_meta *m);
int vmg_writer_meta_string(vmg_writer *w, const char *key, const char *text);
int vmg_writer_meta_int(vmg_writer *w, const char *key, vmg_dtype dtype, int64_t value);
int vmg_writer_meta_real(vmg_writer *w, const char *key, vmg_dtype dtype, double value);

/* Announce a tensor, before any data. One lone tensor called VMG_WEIGHT_UNNAMED without metadata
 * becomes a bare tensor in a .pt; .npy takes exactly one, of any name. Errors: VMG_E_UNSUPPORTED (a
 * type that the format does not have), VMG_E_ARG (a shape that cannot be, a name that occurs
 * twice). */
int vmg_writer_declare(vmg_writer *w, const char *name, vmg_dtype dtype, int rank,
                       const int64_t *dim);

/* The next bytes of the announced tensors, in the order of their announcement. Pieces may be of any
 * size but must not cross from one tensor into the next. */
int vmg_writer_data(vmg_writer *w, const void *data, size_t bytes);

/* Complete the file and put it in place. Error VMG_E_ARG while bytes are missing. */
int vmg_writer_commit(vmg_writer *w);

/* Frees; an uncommitted file is gone. Accepts NULL. */
void vmg_writer_free(vmg_writer *w);

/* One array as a whole file (.npy, .pt, .safetensors, ...). bf16 becomes f32 in a .npy. */
int vmg_array_write(const char *path, vmg_dtype dtype, int rank, const int64_t *dim,
                    const void *data);

#endif
