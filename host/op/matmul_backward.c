/* Gradients of linear layers, from the general product. */
#include "host/op/elementwise.h"
#include "host/op/matmul.h"

void vmg_op_linear_backward(vmg_ctx *ctx, vmg_tensor x, vmg_tensor w, vmg_tensor dy, vmg_tensor dx,
                            vmg_tensor dw, vmg_tensor dbias)
{
    if (vmg_tensor_given(dx))
        vmg_op_matmul(ctx, &(vmg_matmul){.a = dy, .b = w, .out = dx});
    if (vmg_tensor_given(dw))
        vmg_op_matmul(
            ctx, &(vmg_matmul){.a = dy, .b = x, .out = dw, .trans_a = true, .accumulate = true});
    if (vmg_tensor_given(dbias))
        vmg_op_bias_backward(ctx, dy, dbias);
}
