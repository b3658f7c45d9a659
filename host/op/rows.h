/* Moving rows: gather, scatter, scatter-add. */
#ifndef VMG_HOST_OP_ROWS_H
#define VMG_HOST_OP_ROWS_H

#include "host/ctx.h"

/* out[r,:] = x[index[r],:]; a negative index gives zeros. x (R,C), out (R2,C) f32, ld ok; index (R2) i32. */
void vmg_op_gather_rows(vmg_ctx *ctx, vmg_tensor x, vmg_tensor index, vmg_tensor out);
/* out[index[r],:] = x[r,:] (indices distinct; negative ones are skipped). */
void vmg_op_scatter_rows(vmg_ctx *ctx, vmg_tensor x, vmg_tensor index, vmg_tensor out);
/* out[index[r],:] += x[r,:], indices distinct. */
void vmg_op_scatter_rows_acc(vmg_ctx *ctx, vmg_tensor x, vmg_tensor index, vmg_tensor out);

#endif
