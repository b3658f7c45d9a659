/* Elementwise ops: checks and launches of cl/elementwise.cl. */
#include "host/op/elementwise.h"

#include "host/base/mem.h"
#include "host/op/grid.h"
#include "host/op/reduce.h"
#include "host/op/want.h"

enum { MAP, COPY, GATE, BIAS, MODULATION, MODULATION_BACKWARD };

const vmg_kernel_def vmg_elementwise_kernels[] = {
    [MAP] = {.file = "elementwise", .name = "map", VMG_GRID_FLAT},
    [COPY] = {.file = "elementwise", .name = "copy_rows", VMG_GRID_ROWS},
    [GATE] = {.file = "elementwise", .name = "gate", VMG_GRID_ROWS},
    [BIAS] = {.file = "elementwise", .name = "add_bias", VMG_GRID_ROWS},
    [MODULATION] = {.file = "elementwise", .name = "modulation", VMG_GRID_ROWS},
    [MODULATION_BACKWARD] = {.file = "elementwise", .name = "modulation_backward", VMG_GRID_ROWS},
};

/* ---- flat arrays ---- */

/* out = expression(x, y, z; a, b, c); y and z may be VMG_NONE where the expression has none. */
static void map(vmg_ctx *ctx, const char *expression, const vmg_tensor in[3], const float scalar[3], vmg_tensor out)
{
    vmg_launch l = VMG_LAUNCH(&vmg_elementwise_kernels[MAP]);
    vmg_define(&l, "MAP=%s", expression);
    vmg_define_dtype(&l, "T_X", vmg_tensor_given(in[0]) ? in[0].dtype : VMG_F32);
    vmg_define_dtype(&l, "T_OUT", out.dtype);
    l.shape[0] = vmg_tensor_count(out);
    for (int i = 0; i < 3; i++) {
        vmg_arg_in(&l, in[i]);
        l.bytes += vmg_tensor_given(in[i]) ? (double)vmg_tensor_bytes(in[i]) : 0;
    }
    vmg_arg_out(&l, out);
    for (int i = 0; i < 3; i++)
        vmg_arg_f32(&l, scalar[i]);
    vmg_arg_i64(&l, l.shape[0]);
    l.flops = 2.0 * (double)l.shape[0];
    l.bytes += (double)vmg_tensor_bytes(out);
    vmg_launch_run(ctx, &l);
}

/* x is given and f32 dense like `out`, y and z too if given. */
static bool same_shapes(vmg_ctx *ctx, const char *op, vmg_tensor x, vmg_tensor y, vmg_tensor z, vmg_tensor out)
{
    const int64_t R = vmg_tensor_rows(x), C = vmg_tensor_cols(x);
    const vmg_want want[] = {{"x", x, R, C, VMG_F32, 0},
                             {"the second operand", y, R, C, VMG_F32, VMG_WANT_OPTIONAL},
                             {"the third operand", z, R, C, VMG_F32, VMG_WANT_OPTIONAL},
                             {"out", out, R, C, VMG_F32, 0}};
    return vmg_want_all(ctx, op, want, VMG_COUNT(want));
}

void vmg_op_fill(vmg_ctx *ctx, vmg_tensor t, float value)
{
    if (same_shapes(ctx, "fill", t, VMG_NONE, VMG_NONE, t))
        map(ctx, "fill", (vmg_tensor[3]){VMG_NONE}, (float[3]){value}, t);
}

void vmg_op_combine(vmg_ctx *ctx, float a, vmg_tensor x, float b, vmg_tensor y, float c, vmg_tensor z, vmg_tensor out)
{
    if (!same_shapes(ctx, "combine", x, y, z, out))
        return;
    if (!vmg_tensor_given(y)) {
        y = z;
        b = c;
        z = VMG_NONE;
    }
    map(ctx, vmg_tensor_given(z) ? "combine3" : vmg_tensor_given(y) ? "combine2" : "combine1", (vmg_tensor[3]){x, y, z},
        (float[3]){a, b, c}, out);
}

static const struct {
    const char *forward, *backward;
} activation[] = {
    [VMG_ACT_NONE] = {"copy", "mul"}, /* never launched: see below */
    [VMG_ACT_GELU_TANH] = {"gelu_tanh", "gelu_tanh_backward"},
    [VMG_ACT_SILU] = {"silu", "silu_backward"},
};

void vmg_op_activation(vmg_ctx *ctx, vmg_act act, vmg_tensor x, vmg_tensor out)
{
    if (same_shapes(ctx, "activation", x, VMG_NONE, VMG_NONE, out))
        map(ctx, activation[act].forward, (vmg_tensor[3]){x}, (float[3]){0}, out);
}

void vmg_op_activation_backward(vmg_ctx *ctx, vmg_act act, vmg_tensor x, vmg_tensor dy, vmg_tensor dx)
{
    const vmg_want want = {"dy", dy, vmg_tensor_rows(x), vmg_tensor_cols(x), VMG_F32, 0};
    if (!vmg_want_all(ctx, "activation_backward", &want, 1) ||
        !same_shapes(ctx, "activation_backward", x, dy, VMG_NONE, dx))
        return;
    if (act == VMG_ACT_NONE)
        map(ctx, "copy", (vmg_tensor[3]){dy}, (float[3]){0}, dx);
    else
        map(ctx, activation[act].backward, (vmg_tensor[3]){x, dy}, (float[3]){0}, dx);
}

void vmg_op_mul(vmg_ctx *ctx, vmg_tensor a, vmg_tensor b, vmg_tensor out)
{
    const vmg_want want = {"b", b, vmg_tensor_rows(a), vmg_tensor_cols(a), VMG_F32, 0};
    if (vmg_want_all(ctx, "mul", &want, 1) && same_shapes(ctx, "mul", a, b, VMG_NONE, out))
        map(ctx, "mul", (vmg_tensor[3]){a, b}, (float[3]){0}, out);
}

/* ---- rows ---- */

static void run_rows(vmg_ctx *ctx, vmg_launch *l, int64_t R, int64_t C, double n_matrices)
{
    l->shape[0] = R;
    l->shape[1] = C;
    l->flops = (double)R * (double)C;
    l->bytes = 4.0 * n_matrices * (double)R * (double)C;
    vmg_launch_run(ctx, l);
}

static void add_sizes(vmg_launch *l, const int64_t *size, size_t n)
{
    for (size_t i = 0; i < n; i++)
        vmg_arg_i64(l, size[i]);
}

void vmg_op_copy(vmg_ctx *ctx, vmg_tensor src, vmg_tensor dst)
{
    const int64_t R = vmg_tensor_rows(src), C = vmg_tensor_cols(src);
    const vmg_want want[] = {{"src", src, R, C, VMG_F32, VMG_WANT_LD | VMG_WANT_FLOAT},
                             {"dst", dst, R, C, VMG_F32, VMG_WANT_LD | VMG_WANT_FLOAT}};
    if (!vmg_want_all(ctx, "copy", want, VMG_COUNT(want)))
        return;
    if (vmg_tensor_dense(src) && vmg_tensor_dense(dst)) {
        map(ctx, "copy", (vmg_tensor[3]){src}, (float[3]){0}, dst);
        return;
    }
    vmg_launch l = VMG_LAUNCH(&vmg_elementwise_kernels[COPY]);
    vmg_define(&l, "COPY");
    vmg_define_dtype(&l, "T_X", src.dtype);
    vmg_define_dtype(&l, "T_OUT", dst.dtype);
    vmg_arg_in(&l, src);
    vmg_arg_out(&l, dst);
    const int64_t size[] = {R, C, src.ld, dst.ld};
    add_sizes(&l, size, VMG_COUNT(size));
    run_rows(ctx, &l, R, C, 2);
}

void vmg_op_gate(vmg_ctx *ctx, vmg_tensor x, vmg_tensor y, vmg_tensor gate, vmg_tensor group, vmg_tensor out)
{
    const int64_t R = vmg_tensor_rows(y), C = vmg_tensor_cols(y);
    const bool residual = vmg_tensor_given(x), grouped = vmg_tensor_given(group);
    const vmg_want want[] = {{"x", x, R, C, VMG_F32, VMG_WANT_LD | VMG_WANT_OPTIONAL},
                             {"y", y, R, C, VMG_F32, VMG_WANT_LD},
                             {"gate", gate, grouped ? vmg_tensor_rows(gate) : 1, C, VMG_F32, VMG_WANT_LD},
                             {"group", group, 1, R, VMG_I32, VMG_WANT_OPTIONAL},
                             {"out", out, R, C, VMG_F32, VMG_WANT_LD}};
    if (!vmg_want_all(ctx, "gate", want, VMG_COUNT(want)))
        return;
    vmg_launch l = VMG_LAUNCH(&vmg_elementwise_kernels[GATE]);
    vmg_define(&l, "GATE");
    vmg_define(&l, "RESIDUAL=%d", residual);
    vmg_define(&l, "GROUPED=%d", grouped);
    for (size_t i = 0; i < 4; i++)
        vmg_arg_in(&l, want[i].t);
    vmg_arg_out(&l, out);
    const int64_t size[] = {R, C, x.ld, y.ld, gate.ld, out.ld};
    add_sizes(&l, size, VMG_COUNT(size));
    run_rows(ctx, &l, R, C, residual ? 3 : 2);
}

void vmg_op_gate_backward(vmg_ctx *ctx, vmg_tensor d_out, vmg_tensor y, vmg_tensor gate, vmg_tensor group, vmg_tensor dy,
                          vmg_tensor d_gate)
{
    const int64_t G = vmg_tensor_given(group) ? vmg_tensor_rows(gate) : 1, C = vmg_tensor_cols(d_out);
    const vmg_want want[] = {{"d_gate", d_gate, G, C, VMG_F32, VMG_WANT_LD | VMG_WANT_OPTIONAL}};
    if (!vmg_want_all(ctx, "gate_backward", want, VMG_COUNT(want)))
        return;
    /* d_gate first: dy may take d_out's place. */
    if (vmg_tensor_given(d_gate))
        vmg_op_column_sums_acc(ctx, d_out, y, group, d_gate);
    if (vmg_tensor_given(dy))
        vmg_op_gate(ctx, VMG_NONE, d_out, gate, group, dy);
}

void vmg_op_add_bias(vmg_ctx *ctx, vmg_tensor x, vmg_tensor bias)
{
    const int64_t R = vmg_tensor_rows(x), C = vmg_tensor_cols(x);
    const vmg_want want[] = {{"x", x, R, C, VMG_F32, 0}, {"bias", bias, 1, C, VMG_F32, 0}};
    if (!vmg_want_all(ctx, "add_bias", want, VMG_COUNT(want)))
        return;
    vmg_launch l = VMG_LAUNCH(&vmg_elementwise_kernels[BIAS]);
    vmg_define(&l, "BIAS");
    vmg_arg_inout(&l, x);
    vmg_arg_in(&l, bias);
    add_sizes(&l, (int64_t[]){R, C}, 2);
    run_rows(ctx, &l, R, C, 2);
}

void vmg_op_bias_backward(vmg_ctx *ctx, vmg_tensor dy, vmg_tensor d_bias)
{
    const vmg_want want = {"d_bias", d_bias, 1, vmg_tensor_cols(dy), VMG_F32, 0};
    if (vmg_want_all(ctx, "bias_backward", &want, 1))
        vmg_op_column_sums_acc(ctx, dy, VMG_NONE, VMG_NONE, d_bias);
}

/* ---- modulation ---- */

/* J tables, S samples, C columns; n_e rows of e per sample. */
struct modulation {
    int64_t J, S, C, n_e;
};

static bool modulation_shape(vmg_ctx *ctx, const char *op, vmg_tensor table, vmg_tensor e, vmg_tensor out,
                             struct modulation *m)
{
    *m = (struct modulation){vmg_tensor_rows(table), e.rank == 3 ? e.dim[0] : 0, vmg_tensor_cols(table),
                             e.rank == 3 ? e.dim[1] : 0};
    const vmg_want want[] = {{"the table", table, m->J, m->C, VMG_F32, 0},
                             {"e", e, m->S * m->n_e, m->C, VMG_F32, 0},
                             {"out", out, m->J * m->S, m->C, VMG_F32, 0}};
    if (!vmg_want_all(ctx, op, want, VMG_COUNT(want)))
        return false;
    if (e.rank == 3 && (m->n_e == 1 || m->n_e == m->J))
        return true;
    char text[96];
    vmg_ctx_fail(ctx, VMG_E_ARG, "%s: e is %s, the shape (samples, 1 or %lld, %lld) is needed", op,
                 vmg_tensor_describe(e, text, sizeof text), (long long)m->J, (long long)m->C);
    return false;
}

void vmg_op_modulation(vmg_ctx *ctx, vmg_tensor table, vmg_tensor e, vmg_tensor out)
{
    struct modulation m;
    if (!modulation_shape(ctx, "modulation", table, e, out, &m))
        return;
    vmg_launch l = VMG_LAUNCH(&vmg_elementwise_kernels[MODULATION]);
    vmg_define(&l, "MODULATION");
    vmg_arg_in(&l, table);
    vmg_arg_in(&l, e);
    vmg_arg_out(&l, out);
    add_sizes(&l, (int64_t[]){m.J * m.S, m.C, m.S, m.n_e}, 4);
    run_rows(ctx, &l, m.J * m.S, m.C, 2);
}

void vmg_op_modulation_backward(vmg_ctx *ctx, vmg_tensor d_out, vmg_tensor d_table, vmg_tensor d_e)
{
    struct modulation m;
    if (!modulation_shape(ctx, "modulation_backward", d_table, d_e, d_out, &m))
        return;
    vmg_op_column_sums_acc(ctx, vmg_tensor_reshape2(d_out, m.J * m.S, m.C), VMG_NONE, VMG_NONE, d_table);
    vmg_launch l = VMG_LAUNCH(&vmg_elementwise_kernels[MODULATION_BACKWARD]);
    vmg_define(&l, "MODULATION_BACKWARD");
    vmg_arg_in(&l, d_out);
    vmg_arg_inout(&l, d_e);
    add_sizes(&l, (int64_t[]){m.S * m.n_e, m.C, m.S, m.n_e, m.J}, 5);
    run_rows(ctx, &l, m.S * m.n_e, m.C, 3);
}
