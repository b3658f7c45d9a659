/* PyTorch's files: zip archives holding a pickle and raw storages (torch.save since 1.6). */
#ifndef VMG_SRC_FORMAT_TORCH_H
#define VMG_SRC_FORMAT_TORCH_H

#include "src/format/source.h"
#include "src/format/zip.h"

/* True when the archive holds a ".../data.pkl". */
bool vmg_torch_recognise(const vmg_zip *zip);

/*
 * Reader: a tensor, or (nested) dictionaries, lists and tuples of tensors and plain values. Views
 * share their storage's bytes; tensors with other strides than row-major are rearranged in memory.
 * Storages of gigabytes are mapped, never copied. numpy arrays and scalars are read too.
 */
vmg_source_reader vmg_torch_read;

/* Reader of the format before 1.6 (five pickles, then storages), which is refused with a sentence
 * that says so, and of a plain pickle otherwise. */
bool vmg_torch_is_legacy(const uint8_t *data, size_t size);

/* torch's storage class of a type ("FloatStorage"); NULL where it has none. */
const char *vmg_torch_storage_name(vmg_dtype dtype);

#endif
