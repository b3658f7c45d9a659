/*
 * Elementwise ops, on flat arrays (map) and on rows (copy, gate, bias, modulation).
 *
 * map: a work-group of WG items takes SPAN consecutive elements, VW per step; -DMAP names the expression below.
 * Rows: a work-group takes ROWS rows one after another, its items along the columns (FOR_COLUMNS). No local memory.
 */
#if !defined(WG) || !defined(VW) || !(defined(SPAN) || defined(ROWS))
#error "elementwise.cl needs -DWG -DVW and -DSPAN or -DROWS"
#endif

#ifdef MAP
/* out[i] = MAP(x, y, z)[i], scalars a, b, c; out may be any input. T_X and T_OUT are the dtypes of x and out. */
#define X(n) LDTV(T_X, n, AT(x), i)
#define Y(n) LDV(n, CF32(y), i)
#define Z(n) LDV(n, CF32(z), i)

#define map_fill(n) (FV(n))(a)
#define map_copy(n) X(n)
#define map_combine1(n) (a * X(n))
#define map_combine2(n) (a * X(n) + b * Y(n))
#define map_combine3(n) (a * X(n) + b * Y(n) + c * Z(n))
#define map_mul(n) (X(n) * Y(n))
#define map_gelu_tanh(n) CAT(gelu_tanh, n)(X(n))
#define map_silu(n) CAT(silu, n)(X(n))
#define map_gelu_tanh_backward(n) (Y(n) * CAT(d_gelu_tanh, n)(X(n)))
#define map_silu_backward(n) (Y(n) * CAT(d_silu, n)(X(n)))

/*
 * f = x*s with s = sigmoid(u), u = x*g, g = 2 sqrt(2/pi) (1 + 0.044715 x^2) or 1; f' = s + x*s*(1-s)*u'. Inside s, x is held to
 * [-END, END], beyond which s is 1 or as good as 0, so that exp(u) is finite. For f', with t = exp(-|u|) nothing overflows or
 * cancels: s*(1-s) = t/(1+t)^2, s = 1/(1+t) or, u < 0, t/(1+t). FACTOR is -g*log2(e), SLOPE is u'.
 */
#define GELU_FACTOR(c) (-2.302208198f - 0.1029432396f * ((c) * (c)))
#define GELU_SLOPE(c) (1.5957691216f + 0.2140644488f * ((c) * (c)))
#define SILU_FACTOR(c) (-1.4426950409f)
#define SILU_SLOPE(c) 1.0f
#define GELU_END 10.0f
#define SILU_END 87.0f

#define ACTIVATION(n, name, end, factor, slope)                                                                 \
    inline FV(n) CAT(name, n)(FV(n) x)                                                                          \
    {                                                                                                           \
        const FV(n) c = CAT(within, n)(x, end);                                                                 \
        return x / (1.0f + EXP2V(n, c, (FV(n))(factor(c))));                                                    \
    }                                                                                                           \
    inline FV(n) CAT3(d_, name, n)(FV(n) x)                                                                     \
    {                                                                                                           \
        const FV(n) c = CAT(within, n)(x, end);                                                                 \
        const FV(n) t = EXP2V(n, fabs(c), (FV(n))(factor(c))), over = 1.0f / (1.0f + t);                        \
        return (x >= 0.0f ? over : t * over) + c * (t * over * over) * slope(c);                                \
    }
#define ACTIVATIONS(n)                                                                                          \
    inline FV(n) CAT(within, n)(FV(n) x, float end)                                                             \
    {                                                                                                           \
        x = x < -end ? (FV(n))(-end) : x;                                                                       \
        return x > end ? (FV(n))(end) : x;                                                                      \
    }                                                                                                           \
    ACTIVATION(n, gelu_tanh, GELU_END, GELU_FACTOR, GELU_SLOPE)                                                 \
    ACTIVATION(n, silu, SILU_END, SILU_FACTOR, SILU_SLOPE)
ACTIVATIONS(VW)
#if VW > 1
ACTIVATIONS(1)
#endif

#define STORE(n, s) { const long i = first + k; STTV(T_OUT, n, CAT(map_, MAP)(n), AT(out), i); }

__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void map(ALIASED(x), ALIASED(y), ALIASED(z), ALIASED(out), float a, float b, float c, long n)
{
    const long first = (long)get_group_id(0) * SPAN;
    FOR_RANGE(STORE, k, min(n - first, (long)SPAN), (long)get_local_id(0))
}
#endif

/* Rows of this work-group. */
#define FOR_ROWS(n_rows) \
    for (long r = (long)get_group_id(0) * ROWS, last = min(r + ROWS, (long)(n_rows)); r < last; r++)

#ifdef COPY
/* dst = src, T_X and T_OUT their dtypes. */
#define STORE(n, s) STTV(T_OUT, n, LDTV(T_X, n, AT(src), r * ld_src + c), AT(dst), r * ld_dst + c);
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void copy_rows(CTENSOR(src), TENSOR(dst), long n_rows, long n_cols, long ld_src, long ld_dst)
{
    FOR_ROWS(n_rows) {
        FOR_COLUMNS(STORE, n_cols, get_local_id(0))
    }
}
#endif

#ifdef GATE
/* out = x + y * gate[group[row]], or without x; -DRESIDUAL, -DGROUPED = 0 | 1. */
#if RESIDUAL
#define BASE(n) LDV(n, CF32(x) + r * ld_x, c) +
#else
#define BASE(n)
#endif
#define STORE(n, s) STV(n, BASE(n) LDV(n, CF32(y) + r * ld_y, c) * LDV(n, gate_row, c), F32(out) + r * ld_out, c);
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void gate(ALIASED(x), ALIASED(y), CTENSOR(gate), CTENSOR(group), ALIASED(out), long n_rows, long n_cols, long ld_x,
          long ld_y, long ld_gate, long ld_out)
{
    FOR_ROWS(n_rows) {
#if GROUPED
        __global const float *gate_row = CF32(gate) + I32(group)[r] * ld_gate;
#else
        __global const float *gate_row = CF32(gate);
#endif
        FOR_COLUMNS(STORE, n_cols, get_local_id(0))
    }
}
#endif

#ifdef BIAS
/* x += bias. */
#define STORE(n, s) STV(n, LDV(n, F32(x) + r * n_cols, c) + LDV(n, CF32(bias), c), F32(x) + r * n_cols, c);
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void add_bias(TENSOR(x), CTENSOR(bias), long n_rows, long n_cols)
{
    FOR_ROWS(n_rows) {
        FOR_COLUMNS(STORE, n_cols, get_local_id(0))
    }
}
#endif

#ifdef MODULATION
/* out[j,s,:] = table[j,:] + e[s, j or 0, :]; rows r = j*S + s of out; e has n_e = J or 1 rows per sample. */
#define STORE(n, s) STV(n, LDV(n, table_row, c) + LDV(n, e_row, c), F32(out) + r * n_cols, c);
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void modulation(CTENSOR(table), CTENSOR(e), TENSOR(out), long n_rows, long n_cols, long n_samples, long n_e)
{
    FOR_ROWS(n_rows) {
        const long j = r / n_samples, s = r % n_samples;
        __global const float *table_row = CF32(table) + j * n_cols;
        __global const float *e_row = CF32(e) + (s * n_e + min(j, n_e - 1)) * n_cols;
        FOR_COLUMNS(STORE, n_cols, get_local_id(0))
    }
}
#endif

#ifdef MODULATION_BACKWARD
/* d_e[s,j,:] += d_out[j,s,:], or, n_e = 1, d_e[s,:] += sum_j d_out[j,s,:]; rows r = s*n_e + j of d_e. */
#define STORE(n, s)                                                          \
    {                                                                        \
        FV(n) sum = LDV(n, F32(d_e) + r * n_cols, c);                        \
        for (long j = first; j < end; j++)                                   \
            sum += LDV(n, CF32(d_out) + (j * n_samples + sample) * n_cols, c); \
        STV(n, sum, F32(d_e) + r * n_cols, c);                               \
    }
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void modulation_backward(CTENSOR(d_out), TENSOR(d_e), long n_rows, long n_cols, long n_samples, long n_e, long n_table)
{
    FOR_ROWS(n_rows) {
        const long sample = r / n_e, first = r % n_e, end = n_e == 1 ? n_table : first + 1;
        FOR_COLUMNS(STORE, n_cols, get_local_id(0))
    }
}
#endif
