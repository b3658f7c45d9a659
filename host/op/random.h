/* Counter-based random numbers: Philox 4x32-10; the same on every device for a seed. */
#ifndef VMG_HOST_OP_RANDOM_H
#define VMG_HOST_OP_RANDOM_H

#include "host/ctx.h"

/* Element i of out (any shape, dense f32) = N(0,1) from Philox (Salmon et al. 2011) with key = seed and counter =
 * (offset + i)/4, stream; Box-Muller with our own log, sine and cosine so that bits agree between devices. */
void vmg_op_normal(vmg_ctx *ctx, uint64_t seed, uint64_t stream, uint64_t offset, vmg_tensor out);

/* The same numbers on the host, bit for bit; and uniforms in [0,1) from the same generator. */
void vmg_random_normal(uint64_t seed, uint64_t stream, uint64_t offset, int64_t n, float *out);
void vmg_random_uniform(uint64_t seed, uint64_t stream, uint64_t offset, int64_t n, float *out);

#endif
