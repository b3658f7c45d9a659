/* Gaussian smoothing along time. */
#ifndef VMG_HOST_OP_FILTER_H
#define VMG_HOST_OP_FILTER_H

#include "host/kernel.h"

/* Every column of x (R,C) f32 smoothed along its segment's rows: width 5, sigma 1, normalised; the first and last two rows
 * of each segment are copied (spec/model.md §3). starts (n+1) i32: segment s is rows [starts[s], starts[s+1]). y != x. */
void vmg_op_gaussian_time(vmg_ctx *ctx, vmg_tensor x, vmg_tensor starts, vmg_tensor y);

extern const vmg_kernel_def vmg_filter_kernels[]; /* for tests */

#endif
