/* GGUF's block-quantised types: one function per type and direction, used through host/dtype.h. */
#ifndef VMG_HOST_QUANT_H
#define VMG_HOST_QUANT_H

#include <stddef.h>
#include <stdint.h>

#include "host/dtype.h"

/*
 * Dequantise n_blocks blocks. Layouts and arithmetic: gguf-py's quants.py (MIT), bit for bit. Every
 * product scale x integer below has at most 24 significant bits, so it is exact in float and the
 * result does not depend on whether the compiler fuses the following subtraction.
 */
typedef void vmg_dequantize_fn(const uint8_t *src, size_t n_blocks, float *dst);

/* The function of a block type; NULL for plain types. */
vmg_dequantize_fn *vmg_quant_decoder(vmg_dtype dtype);

/* Quantise n_blocks blocks of 32 values. Errors: VMG_E_ARG for NaN, infinity, or a scale that f16
 * cannot hold. */
int vmg_quantize_q8_0(const float *src, size_t n_blocks, uint8_t *dst);
int vmg_quantize_q4_0(const float *src, size_t n_blocks, uint8_t *dst);

#endif
