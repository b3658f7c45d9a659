/*
 * AdamW (Loshchilov & Hutter 2019) in PyTorch's order:
 *
 *     p = p * (1 - lr*wd);  m = m + (1 - beta1)(g - m);  v = beta2*v + (1 - beta2) g^2
 *     p = p - step_size * m / (sqrt(v) / root_correction2 + eps)
 *
 * A work-group of WG items takes SPAN consecutive elements, VW per step. No local memory. -DSCALE_GIVEN = 0 | 1.
 */
#if !defined(WG) || !defined(VW) || !defined(SPAN)
#error "optim.cl needs -DWG -DVW -DSPAN"
#endif

#define UPDATE(n, s)                                                                   \
    {                                                                                  \
        const long i = first + k;                                                      \
        const FV(n) g = scale * LDV(n, CF32(grad), i);                                 \
        const FV(n) m0 = LDV(n, F32(m), i), v0 = LDV(n, F32(v), i);                    \
        const FV(n) m1 = fma((FV(n))(one_minus_beta1), g - m0, m0); /* rounded once: m may cancel */ \
        const FV(n) v1 = beta2 * v0 + one_minus_beta2 * g * g;                         \
        STV(n, m1, F32(m), i);                                                         \
        STV(n, v1, F32(v), i);                                                         \
        STV(n, decay * LDV(n, F32(param), i) - step_size * (m1 / (sqrt(v1) / root_correction2 + eps)), F32(param), i); \
    }

__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void adamw(TENSOR(param), CTENSOR(grad), TENSOR(m), TENSOR(v), CTENSOR(scale_buf), float scale, float decay,
           float one_minus_beta1, float beta2, float one_minus_beta2, float step_size, float root_correction2, float eps,
           long n)
{
    const long first = (long)get_group_id(0) * SPAN;
#if SCALE_GIVEN
    scale *= CF32(scale_buf)[0];
#endif
    FOR_RANGE(UPDATE, k, min(n - first, (long)SPAN), (long)get_local_id(0))
}
