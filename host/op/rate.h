/* How fast a device multiplies with its operands in registers. */
#ifndef VMG_HOST_OP_RATE_H
#define VMG_HOST_OP_RATE_H

#include "host/ctx.h"

/* In what: fused multiply-adds of f32 vectors; AVX512-BF16's dot products of pairs; AMX's tiles. The last two need a processor
 * that has them (vmg_matmul_has_unit, and not emulated). */
enum vmg_rate { VMG_RATE_FMA, VMG_RATE_PAIRS, VMG_RATE_TILES };

/* Multiplies, `rounds` times in each of the items that out (n) f32 has an element for; what it stores there has no meaning. Returns
 * the floating-point operations that this was. */
double vmg_op_rate(vmg_ctx *ctx, enum vmg_rate by, int rounds, vmg_tensor out);

#endif
