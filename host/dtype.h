/* Element types shared by files, host memory and kernels, and conversions to and from float. */
#ifndef VMG_HOST_DTYPE_H
#define VMG_HOST_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/base/status.h"

/*
 * Values are stored little-endian. The block types are GGUF's: a row is cut into blocks of
 * `block_len` values (blocks never cross a row), each `block_bytes` long.
 * Devices compute with the first six; the rest occur in files only.
 */
typedef enum vmg_dtype {
    VMG_F32,
    VMG_F16,
    VMG_BF16,
    VMG_Q8_0,
    VMG_Q4_0,
    VMG_I32,
    VMG_I64,
    VMG_I16,
    VMG_I8,
    VMG_U8,
    VMG_U16,
    VMG_U32,
    VMG_U64,
    VMG_BOOL,
    VMG_F64,
    VMG_Q4_1,
    VMG_Q5_0,
    VMG_Q5_1,
    VMG_Q2_K,
    VMG_Q3_K,
    VMG_Q4_K,
    VMG_Q5_K,
    VMG_Q6_K,
    VMG_N_DTYPES
} vmg_dtype;

typedef struct vmg_dtype_info {
    const char *name; /* "f32", "q8_0", ...: as options and messages spell it */
    int block_len;    /* values per block; 1 for plain types */
    int block_bytes;
    bool is_float;    /* holds real numbers, plain or block-quantised */
} vmg_dtype_info;

/* Facts about a type; a value outside the enum gives {"unknown", 1, 0, false}. */
vmg_dtype_info vmg_dtype_get(vmg_dtype dtype);
const char *vmg_dtype_name(vmg_dtype dtype);

/* f32, f16 or bf16: what activations may be stored as. */
bool vmg_dtype_is_plain_float(vmg_dtype dtype);

/* "f16" -> VMG_F16. Error VMG_E_ARG naming the text and the names that exist. */
int vmg_dtype_parse(const char *name, vmg_dtype *out);

/* Bytes of n values (n >= 0, a multiple of the block length). Errors: VMG_E_ARG (negative, not a
 * multiple of the block length, overflow). */
int vmg_dtype_bytes(vmg_dtype dtype, int64_t n, size_t *out);

/*
 * n values to float. `src` needs no alignment and may be a map of a file. Any bits are accepted.
 * Block types follow GGUF's reference bit for bit; integers and f64 round to nearest even.
 * Errors: VMG_E_ARG as vmg_dtype_bytes.
 */
int vmg_dtype_to_f32(vmg_dtype dtype, const void *src, int64_t n, float *dst);

/*
 * n floats to f32, f16, bf16 (round to nearest even; NaN stays NaN), q8_0 or q4_0 (as GGUF's
 * reference; rows must be whole blocks). `dst` needs no alignment. Errors: VMG_E_UNSUPPORTED for
 * other types; VMG_E_ARG as vmg_dtype_bytes, and for NaN, infinity or a scale above f16's range in
 * a block type.
 */
int vmg_dtype_from_f32(vmg_dtype dtype, const float *src, int64_t n, void *dst);

/* One value. */
float vmg_f16_to_f32(uint16_t h);
uint16_t vmg_f32_to_f16(float f);
float vmg_bf16_to_f32(uint16_t b);
uint16_t vmg_f32_to_bf16(float f);

#endif
