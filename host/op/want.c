/* Checks of an op's tensors, as a table: one row per argument, one message for all ops. */
#include "host/op/want.h"

static bool fits(const vmg_want *w)
{
    vmg_tensor t = w->t;
    if (!vmg_tensor_given(t))
        return w->flags & VMG_WANT_OPTIONAL;
    bool dtype = w->flags & VMG_WANT_FLOAT ? vmg_dtype_is_plain_float(t.dtype) : t.dtype == w->dtype;
    return dtype && t.layout == VMG_LAYOUT_ROW && vmg_tensor_rows(t) == w->rows && vmg_tensor_cols(t) == w->cols &&
           (w->flags & VMG_WANT_LD || vmg_tensor_dense(t));
}

bool vmg_want_all(vmg_ctx *ctx, const char *op, const vmg_want *want, size_t n)
{
    for (size_t i = 0; i < n && !ctx->error; i++) {
        const vmg_want *w = &want[i];
        char text[96];
        if (!fits(w))
            vmg_ctx_fail(ctx, VMG_E_ARG, "%s: %s is %s, a %s%s matrix (%lld,%lld) is needed", op, w->name,
                         vmg_tensor_given(w->t) ? vmg_tensor_describe(w->t, text, sizeof text) : "absent",
                         w->flags & VMG_WANT_LD ? "" : "dense ",
                         w->flags & VMG_WANT_FLOAT ? "f32, f16 or bf16" : vmg_dtype_name(w->dtype), (long long)w->rows,
                         (long long)w->cols);
    }
    return !ctx->error;
}
