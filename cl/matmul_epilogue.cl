/*
 * The epilogue of matrix products (host/op/matmul.h): every part optional, chosen at run time by
 * flags, so that one program serves every layer. A kernel takes EPILOGUE_PARAMS, gathers them by
 * EPILOGUE_INIT and defines, for each vector width it needs, a function that finishes a piece of a
 * row. The product and what it is multiplied with have dtype T_OUT, all else f32.
 */
#ifndef T_OUT
#error "T_OUT must be defined"
#endif
#define EPI_ACT 3 /* mask of the activation */
#define EPI_BIAS 4
#define EPI_PREACT 8
#define EPI_MUL 16
#define EPI_GATE 32
#define EPI_GROUP 64
#define EPI_RESIDUAL 128
#define EPI_ACCUMULATE 256

/* No restrict: the residual may be the output itself. */
#define EPI_TENSOR(x) __global uchar *x, ulong x##_off
#define EPILOGUE_PARAMS                                                                            \
    EPI_TENSOR(out), EPI_TENSOR(bias), EPI_TENSOR(preact), EPI_TENSOR(mul), EPI_TENSOR(gate),      \
        EPI_TENSOR(group), EPI_TENSOR(residual), long out_ld, long gate_ld, long residual_ld,      \
        long epi_cols, float alpha, int epi_flags

typedef struct epilogue {
    __global uchar *out, *mul; /* of T_OUT */
    __global float *bias, *preact, *gate, *residual;
    __global int *group;
    long out_ld, gate_ld, residual_ld, cols;
    float alpha;
    int flags;
} epilogue;

#define EPILOGUE_INIT                                                                              \
    {                                                                                              \
        AT(out), AT(mul), (__global float *)AT(bias), (__global float *)AT(preact),                \
            (__global float *)AT(gate), (__global float *)AT(residual), (__global int *)AT(group), \
            out_ld, gate_ld, residual_ld, epi_cols, alpha, epi_flags                               \
    }

/* Defines `name`(e, m, n, y): finishes y, the product at row m and VW columns from n, and stores it. */
#define EPILOGUE_FUNCTION(name, VW)                                                                \
    inline void name(const epilogue *e, long m, long n, FV(VW) y)                                  \
    {                                                                                              \
        y *= e->alpha;                                                                             \
        if (e->flags & EPI_BIAS)                                                                   \
            y += LDV(VW, e->bias, n);                                                              \
        if (e->flags & EPI_PREACT)                                                                 \
            STV(VW, y, e->preact, m * e->cols + n);                                                \
        if (e->flags & EPI_ACT)                                                                    \
            y = y / (1.0f + exp(-((e->flags & EPI_ACT) == ACT_SILU ? y : GELU_TANH_ARG(y))));      \
        if (e->flags & EPI_MUL)                                                                    \
            y *= LDTV(T_OUT, VW, e->mul, m * e->cols + n);                                         \
        if (e->flags & EPI_GATE)                                                                   \
            y *= LDV(VW, e->gate, (e->flags & EPI_GROUP ? e->group[m] : 0) * e->gate_ld + n);      \
        if (e->flags & EPI_RESIDUAL)                                                               \
            y += LDV(VW, e->residual, m * e->residual_ld + n);                                     \
        if (e->flags & EPI_ACCUMULATE)                                                             \
            y += LDTV(T_OUT, VW, e->out, m * e->out_ld + n);                                       \
        STTV(T_OUT, VW, y, e->out, m * e->out_ld + n);                                             \
    }

/* Rows m.. before m_end of `cols` columns from n will be finished in a while: their lines are asked for.
 * (Waiting for each took as long as half the sums of the AMX product.) */
inline void expect_rows(const epilogue *e, long m, long m_end, long n, int cols)
{
    for (; m < m_end; m++)
        for (int v = 0; v < cols; v += 16) {
            WILL_WRITE(e->out + (m * e->out_ld + n + v) * BYTES(T_OUT))
            if (e->flags & EPI_RESIDUAL) {
                WILL_READ(e->residual + m * e->residual_ld + n + v)
            }
        }
}
