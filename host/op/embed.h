/* Token and sinusoid embeddings. */
#ifndef VMG_HOST_OP_EMBED_H
#define VMG_HOST_OP_EMBED_H

#include "host/kernel.h"

/* out (R,C) = table (V,C)[ids (R) i32]; table f32, f16, bf16. Ids outside [0,V) give zeros. */
void vmg_op_embed(vmg_ctx *ctx, vmg_tensor table, vmg_tensor ids, vmg_tensor out);
/* d_table (V,C) f32 += rows of dy scattered by id; deterministic (sums in row order). */
void vmg_op_embed_backward(vmg_ctx *ctx, vmg_tensor ids, vmg_tensor dy, vmg_tensor d_table);

/* Host: sinusoid of timestep t (S) into out (S, freq_dim): [cos(s), sin(s)], s_i = t·10000^(-i/(freq_dim/2)),
 * computed in double (spec/model.md §1). freq_dim even. */
void vmg_timestep_sinusoid(const double *t, int64_t S, int64_t freq_dim, float *out);
/* Host: PE (T,C) interleaved, computed in float32 as published (spec/model.md §1). C even. */
void vmg_position_table(int64_t T, int64_t C, float *out);

/* x (R,C) += table (T,C)[pos (R) i32]. */
void vmg_op_add_position(vmg_ctx *ctx, vmg_tensor x, vmg_tensor table, vmg_tensor pos);

extern const vmg_kernel_def vmg_embed_kernels[]; /* for tests */

#endif
