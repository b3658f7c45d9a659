/* Counter-based random numbers: Philox 4x32-10; the same on every device for a seed. */
#ifndef VMG_HOST_OP_RANDOM_H
#define VMG_HOST_OP_RANDOM_H

#include "host/kernel.h"

/* Element i of out (any shape, dense f32) = N(0,1) from Philox (Salmon et al. 2011) with key = seed and counter =
 * (offset + i)/4, stream; Box-Muller in integer arithmetic (cl/random.cl), so that bits agree between devices. */
void vmg_op_normal(vmg_ctx *ctx, uint64_t seed, uint64_t stream, uint64_t offset, vmg_tensor out);

extern const vmg_kernel_def vmg_random_kernels[]; /* for tests */

/* The same numbers on the host, bit for bit; uniforms in [0,1) (24 bits) from the same words; and the four words that
 * Philox gives for one counter. */
void vmg_random_normal(uint64_t seed, uint64_t stream, uint64_t offset, int64_t n, float *out);
void vmg_random_uniform(uint64_t seed, uint64_t stream, uint64_t offset, int64_t n, float *out);
void vmg_random_words(uint64_t seed, uint64_t stream, uint64_t counter, uint32_t word[4]);

#endif
