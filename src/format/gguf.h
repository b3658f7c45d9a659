/* GGUF (ggml's docs/gguf.md): metadata, tensor descriptions, aligned tensor data. */
#ifndef VMG_SRC_FORMAT_GGUF_H
#define VMG_SRC_FORMAT_GGUF_H

#include "src/format/source.h"

bool vmg_gguf_recognise(const uint8_t *data, size_t size);

/* Reader of versions 2 and 3, little-endian. Dimensions, which GGUF stores fastest first, are
 * turned into PyTorch's order. Element types that host/dtype.h does not list are refused by name.
 */
vmg_source_reader vmg_gguf_read;

/* Numbers of GGUF's metadata value types. */
enum vmg_gguf_type {
    VMG_GGUF_U8, VMG_GGUF_I8, VMG_GGUF_U16, VMG_GGUF_I16, VMG_GGUF_U32, VMG_GGUF_I32, VMG_GGUF_F32,
    VMG_GGUF_BOOL, VMG_GGUF_STRING, VMG_GGUF_ARRAY, VMG_GGUF_U64, VMG_GGUF_I64, VMG_GGUF_F64
};

/* ggml's number of an element type, -1 where it has none; and of a metadata value of that type. */
int vmg_gguf_tensor_type(vmg_dtype dtype);
int vmg_gguf_value_type(vmg_dtype dtype);

enum { VMG_GGUF_ALIGNMENT = 32 };

#endif
