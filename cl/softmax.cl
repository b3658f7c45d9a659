/*
 * Softmax over rows: y = exp(x - max) / sum, over the first n_valid[r] columns, 0 beyond; its gradient
 * dx = y (dy - sum y dy); and the softmax of attention's scores, in place, with their biases.
 *
 * A work-group of WG items takes ROWS rows one after another, its items along the columns; maxima and sums
 * meet in local memory (WG floats).
 */
#if !defined(WG) || !defined(VW) || !defined(ROWS)
#error "softmax.cl needs -DWG -DVW -DROWS"
#endif

#if WG == 1
#define LANES
#define GROUP_SUM(v) (v)
#define GROUP_MAX(v) (v)
#else
#define LANES __local float lanes[WG];
#define GROUP_SUM(v) group_sum(v, lanes, lid, WG)
#define GROUP_MAX(v) group_max(v, lanes, lid, WG)
#endif

#define FOR_ROWS                                                                                   \
    const int lid = get_local_id(0);                                                               \
    LANES                                                                                          \
    const long first = (long)get_group_id(0) * ROWS, last = min(first + ROWS, n_rows);             \
    for (long r = first; r < last; r++)

#if defined FORWARD || defined SCORES
/* By components, once a row: oclgrind takes halves of vectors for uninitialised when a function gets them. */
#define MAX4(a, b, c, d) fmax(fmax(a, b), fmax(c, d))
inline float greatest1(float v) { return v; }
inline float greatest2(float2 v) { return fmax(v.x, v.y); }
inline float greatest4(float4 v) { return MAX4(v.x, v.y, v.z, v.w); }
inline float greatest8(float8 v) { return fmax(MAX4(v.s0, v.s1, v.s2, v.s3), MAX4(v.s4, v.s5, v.s6, v.s7)); }
inline float greatest16(float16 v)
{
    return MAX4(MAX4(v.s0, v.s1, v.s2, v.s3), MAX4(v.s4, v.s5, v.s6, v.s7), MAX4(v.s8, v.s9, v.sa, v.sb),
                MAX4(v.sc, v.sd, v.se, v.sf));
}
#define MAXV(n, v) CAT(greatest, n)(v)

#define GREATEST(n, s) m_##s = fmax(m_##s, LDV(n, from, c));
#define EXPONENTIALS(n, s)                                                                         \
    {                                                                                              \
        FV(n) e = EXPV(n, LDV(n, from, c) - m);                                                    \
        STV(n, e, to, c);                                                                          \
        sum_##s += e;                                                                              \
    }
#define DIVIDE(n, s) STV(n, LDV(n, to, c) * factor, to, c);
#endif

#ifdef FORWARD
/* y may be x: every item reads and writes its own columns. The maximum begins at a finite number, so that a row of
 * -infinities gives zeros. */
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void softmax(ALIASED(x), CTENSOR(n_valid), ALIASED(y), long n_rows, long n_cols, long ld_x, long ld_y)
{
    FOR_ROWS {
        __global const float *from = CF32(x) + r * ld_x;
        __global float *to = F32(y) + r * ld_y;
        const long n = n_valid ? clamp((long)I32(n_valid)[r], 0L, n_cols) : n_cols;
        RUNNING(m, -FLT_MAX)
        RUNNING(sum, 0.0f)
        FOR_COLUMNS_RUNNING(GREATEST, n, lid)
        const float m = GROUP_MAX(fmax(MAXV(VW, fmax(fmax(m_v0, m_v1), fmax(m_v2, m_v3))), m_t));
        FOR_COLUMNS_RUNNING(EXPONENTIALS, n, lid)
        const float sum = GROUP_SUM(RUNNING_SUM(sum));
        const float factor = sum == 0.0f ? 0.0f : 1.0f / sum;
        FOR_COLUMNS(DIVIDE, n, lid)
        for (long c = n + lid; c < n_cols; c += WG)
            to[c] = 0.0f;
    }
}
#endif

#ifdef SCORES
/*
 * Row h*n_q + i of s (heads * n_q, n_keys): the scores of query i and head first_head + h become probabilities.
 * key_bias, and the bias of the distance key - query, come first; lse (rows, n_heads) if given.
 */
#if REL
#define REL_BIAS(distance) \
    (CF32(rel_bias)[(long)I32(bucket)[clamp((int)(distance), -MAX_DISTANCE, MAX_DISTANCE) + MAX_DISTANCE] * n_heads + head])
#else
#define REL_BIAS(distance) 0.0f
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void attention_softmax(TENSOR(s), CTENSOR(key_bias), CTENSOR(rel_bias), CTENSOR(bucket), TENSOR(lse), long n_rows,
                       long n_keys, long n_q, long first_query, long first_head, long n_heads)
{
    FOR_ROWS {
        const long i = r % n_q, head = first_head + r / n_q;
        __global float *to = F32(s) + r * n_keys;
        __global const float *from = to;
        if (key_bias || REL) {
            for (long j = lid; j < n_keys; j += WG)
                to[j] += (key_bias ? CF32(key_bias)[j] : 0.0f) + REL_BIAS(j - i);
            barrier(CLK_GLOBAL_MEM_FENCE);
        }
        RUNNING(m, -FLT_MAX)
        RUNNING(sum, 0.0f)
        FOR_COLUMNS_RUNNING(GREATEST, n_keys, lid)
        const float m = GROUP_MAX(fmax(MAXV(VW, fmax(fmax(m_v0, m_v1), fmax(m_v2, m_v3))), m_t));
        FOR_COLUMNS_RUNNING(EXPONENTIALS, n_keys, lid)
        const float sum = GROUP_SUM(RUNNING_SUM(sum));
        const float factor = sum == 0.0f ? 0.0f : 1.0f / sum;
        FOR_COLUMNS(DIVIDE, n_keys, lid)
        if (lse && lid == 0)
            F32(lse)[(first_query + i) * n_heads + head] = m + log(sum);
    }
}
#endif

#ifdef BACKWARD
#define PRODUCTS(n, s) sum_##s += LDV(n, y_row, c) * LDV(n, dy_row, c);
#define WRITE(n, s) STV(n, LDV(n, y_row, c) * (LDV(n, dy_row, c) - mean), dx_row, c);

/* dx may be dy. */
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void softmax_backward(CTENSOR(y), ALIASED(dy), ALIASED(dx), long n_rows, long n_cols, long ld_y, long ld_dy,
                      long ld_dx)
{
    FOR_ROWS {
        __global const float *y_row = CF32(y) + r * ld_y;
        __global const float *dy_row = CF32(dy) + r * ld_dy;
        __global float *dx_row = F32(dx) + r * ld_dx;
        RUNNING(sum, 0.0f)
        FOR_COLUMNS_RUNNING(PRODUCTS, n_cols, lid)
        const float mean = GROUP_SUM(RUNNING_SUM(sum));
        FOR_COLUMNS(WRITE, n_cols, lid)
    }
}
#endif
