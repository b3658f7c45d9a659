/* Moving rows: gather, scatter, scatter-add. */
#ifndef VMG_HOST_OP_ROWS_H
#define VMG_HOST_OP_ROWS_H

#include "host/kernel.h"

/* out[r,:] = x[index[r],:]; an index outside [0,R) gives zeros. x (R,C), out (R2,C) f32, ld ok; index (R2)
 * i32. x and out do not overlap. */
void vmg_op_gather_rows(vmg_ctx *ctx, vmg_tensor x, vmg_tensor index, vmg_tensor out);
/* out[index[r],:] = x[r,:]: x (R,C), index (R), out (R2,C). Indices are distinct; those outside [0,R2) are
 * skipped. */
void vmg_op_scatter_rows(vmg_ctx *ctx, vmg_tensor x, vmg_tensor index, vmg_tensor out);
/* out[index[r],:] += x[r,:], the same otherwise. The gradient of gather_rows whose indices are distinct. */
void vmg_op_scatter_rows_acc(vmg_ctx *ctx, vmg_tensor x, vmg_tensor index, vmg_tensor out);

/* For tests. */
extern const vmg_kernel_def vmg_rows_kernel;

#endif
