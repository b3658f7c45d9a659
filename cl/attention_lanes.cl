/*
 * Attention for processors with wide vectors: a work-group is one work-item, and its queries (in
 * the backward pass over keys: its keys) lie across the lanes of vectors.
 *
 *     s_ij = scale q_i.k_j + rel[bucket(j-i)] + key_bias_j
 *     p_ij = exp(s_ij - lse_i),   out_i = sum_j p_ij v_j
 *     dp_ij = d_out_i.(v_j - u),   delta_i = sum_j p_ij dp_ij,   ds_ij = p_ij (dp_ij - delta_i)
 *     dq_i = scale sum_j ds_ij k_j,   dk_j = scale sum_i ds_ij q_i,   dv_j = sum_i p_ij d_out_i
 *
 * u, the segment's first value, changes nothing in exact arithmetic. Values have much in common (their bias), dp and delta would
 * too, and gradients that all but vanish, as that of the keys' bias, would drown in the rounding of the difference.
 *
 * With queries across lanes every step is vertical: scores are broadcast keys times transposed
 * queries, the softmax needs no sum across lanes, and values are broadcast against probabilities.
 * Scores are seen BK rows at a time; the forward pass rescales by a running maximum.
 *
 * Work-group (b, s*H + h): rows b*LANES.. of segment s, head h. Local memory is the scratch of one
 * group: transposed matrices (D, LANES) and scores (BK, LANES).
 */
#if !defined D || !defined VW || !defined LANES || !defined BK || !defined REL
#error "attention_lanes needs D, VW, LANES, BK, REL"
#endif

#define NV (LANES / VW)
typedef FV(VW) vec;

/* Rows that the products take at once: with NV vectors of lanes each, eight sums or factors are in registers. */
#define ROWS (8 / NV)

/* ---- transposition, in registers ---- */

#include "transpose.cl"
TRANSPOSE_FUNCTION(transpose, vec, VW)

/* Rows r < n of x (ld apart) into columns of xt (D, LANES), times `scale`; other lanes hold 0. */
inline void load_transposed(__global const float *x, ulong ld, int n, float scale,
                            __local vec *xt)
{
    for (int w = 0; w < NV; w++) {
        int first = w * VW;
        int d = 0;
        for (; d + VW <= D; d += VW) {
            vec a[VW];
#pragma unroll
            for (int i = 0; i < VW; i++)
                a[i] = first + i < n ? LDV(VW, x, (first + i) * ld + d) * scale : (vec)(0.0f);
            transpose(a);
#pragma unroll
            for (int i = 0; i < VW; i++)
                xt[(d + i) * NV + w] = a[i];
        }
        for (; d < D; d++)
            for (int i = 0; i < VW; i++)
                ((__local float *)xt)[(d * NV + w) * VW + i] =
                    first + i < n ? x[(first + i) * ld + d] * scale : 0.0f;
    }
}

/* Back: lanes of xt (D, LANES) whose bit is set in `lanes`, times factor (LANES), to rows of x. */
inline void store_transposed(__local const vec *xt, const vec *factor, ulong lanes,
                             __global float *x, ulong ld)
{
    for (int w = 0; w < NV; w++) {
        int first = w * VW, d = 0;
        for (; d + VW <= D; d += VW) {
            vec a[VW];
#pragma unroll
            for (int i = 0; i < VW; i++)
                a[i] = xt[(d + i) * NV + w] * factor[w];
            transpose(a);
#pragma unroll
            for (int i = 0; i < VW; i++)
                if (lanes >> (first + i) & 1)
                    STV(VW, a[i], x, (first + i) * ld + d);
        }
        for (; d < D; d++) {
            float column[VW];
            STV(VW, xt[d * NV + w] * factor[w], column, 0);
            for (int i = 0; i < VW; i++)
                if (lanes >> (first + i) & 1)
                    x[(first + i) * ld + d] = column[i];
        }
    }
}

inline ulong first_lanes(int n)
{
    return n < 64 ? (1ul << n) - 1 : ~0ul;
}

/* ---- the two products ---- */

/* s[r] (LANES) = sum_d VALUE xt[d], M rows at once, where VALUE is of row r of a (and of u). */
#define DOT_ROWS(NAME, M, VALUE)                                                                   \
    inline void NAME(__global const float *a, ulong ld, __global const float *u,                   \
                     __local const vec *xt, __local vec *s)                                        \
    {                                                                                              \
        vec acc[M][NV];                                                                            \
        _Pragma("unroll") for (int r = 0; r < M; r++)                                              \
            _Pragma("unroll") for (int w = 0; w < NV; w++) acc[r][w] = (vec)(0.0f);                \
        _Pragma("unroll 4") for (int d = 0; d < D; d++) {                                          \
            _Pragma("unroll") for (int r = 0; r < M; r++)                                          \
                _Pragma("unroll") for (int w = 0; w < NV; w++)                                     \
                    acc[r][w] += (VALUE)*xt[d * NV + w];                                           \
        }                                                                                          \
        _Pragma("unroll") for (int r = 0; r < M; r++)                                              \
            _Pragma("unroll") for (int w = 0; w < NV; w++) s[r * NV + w] = acc[r][w];              \
    }
DOT_ROWS(dot_some, ROWS, a[r * ld + d])
DOT_ROWS(dot_one, 1, a[r * ld + d])
DOT_ROWS(dot_some_centred, ROWS, a[r * ld + d] - u[d])
DOT_ROWS(dot_one_centred, 1, a[r * ld + d] - u[d])

inline void dot_rows(__global const float *a, ulong ld, int n, __local const vec *xt,
                     __local vec *s)
{
    int r = 0;
    for (; r + ROWS <= n; r += ROWS)
        dot_some(a + r * ld, ld, a, xt, s + r * NV);
    for (; r < n; r++)
        dot_one(a + r * ld, ld, a, xt, s + r * NV);
}

/* The same of rows less u. */
inline void dot_rows_centred(__global const float *a, ulong ld, __global const float *u, int n,
                             __local const vec *xt, __local vec *s)
{
    int r = 0;
    for (; r + ROWS <= n; r += ROWS)
        dot_some_centred(a + r * ld, ld, u, xt, s + r * NV);
    for (; r < n; r++)
        dot_one_centred(a + r * ld, ld, u, xt, s + r * NV);
}

inline void clear(__local vec *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = (vec)(0.0f);
}

/*
 * sum[d] (LANES) += sum_r a[r*ld + d] p[r], M rows at once. Rows are read along d, a few at a time: a
 * column of a lies in few sets of the first-level cache and would not stay there.
 */
#define ADD_ROWS(NAME, M)                                                                          \
    inline void NAME(__global const float *a, ulong ld, __local const vec *p, __local vec *sum)    \
    {                                                                                              \
        vec pr[M][NV];                                                                             \
        _Pragma("unroll") for (int r = 0; r < M; r++)                                              \
            _Pragma("unroll") for (int w = 0; w < NV; w++) pr[r][w] = p[r * NV + w];               \
        _Pragma("unroll 4") for (int d = 0; d < D; d++) {                                          \
            vec acc[NV];                                                                           \
            _Pragma("unroll") for (int w = 0; w < NV; w++) acc[w] = sum[d * NV + w];               \
            _Pragma("unroll") for (int r = 0; r < M; r++)                                          \
                _Pragma("unroll") for (int w = 0; w < NV; w++) acc[w] += a[r * ld + d] * pr[r][w]; \
            _Pragma("unroll") for (int w = 0; w < NV; w++) sum[d * NV + w] = acc[w];               \
        }                                                                                          \
    }
ADD_ROWS(add_some, ROWS)
ADD_ROWS(add_one, 1)

/* xt[d] (LANES) = xt[d] alpha + sum_{r<n} a[r*ld + d] p[r], summed in `sum` (D, LANES), so that no sum of rounded terms is longer
 * than a block. */
inline void add_rows(__global const float *a, ulong ld, int n, __local const vec *p,
                     const vec *alpha, __local vec *sum, __local vec *xt)
{
    clear(sum, D * NV);
    int r = 0;
    for (; r + ROWS <= n; r += ROWS)
        add_some(a + r * ld, ld, p + r * NV, sum);
    for (; r < n; r++)
        add_one(a + r * ld, ld, p + r * NV, sum);
    for (int x = 0; x < D * NV; x++)
        xt[x] = xt[x] * alpha[x % NV] + sum[x];
}

inline void scale_rows(float scale, int n, __local vec *s)
{
    for (int x = 0; x < n * NV; x++)
        s[x] *= scale;
}

/* s (n, LANES) += bias[row]. */
inline void add_row_bias(__global const float *bias, int n, __local vec *s)
{
    for (int r = 0; r < n; r++)
        for (int w = 0; w < NV; w++)
            s[r * NV + w] += bias[r];
}

#if REL
/* The bucket of the distance key - query; `bucket` covers -MAX_DISTANCE to MAX_DISTANCE. */
inline int rel_bucket(__global const int *bucket, int distance)
{
    return bucket[clamp(distance, -MAX_DISTANCE, MAX_DISTANCE) + MAX_DISTANCE];
}

/*
 * s (n, LANES) += the bias of the distance d0 + sign*(lane - row). A block's biases lie on its
 * diagonals: `diagonal` (LANES + BK) holds that of lane - row at lane - row + BK - 1.
 */
inline void add_rel_bias(__global const float *bias, __global const int *bucket, int n_heads,
                         int d0, int sign, int n, __local float *diagonal, __local vec *s)
{
    for (int x = 0; x < LANES + BK - 1; x++)
        diagonal[x] = bias[(ulong)rel_bucket(bucket, d0 + sign * (x - BK + 1)) * n_heads];
    for (int r = 0; r < n; r++)
        for (int w = 0; w < NV; w++)
            s[r * NV + w] += LDV(VW, diagonal, w * VW + BK - 1 - r);
}
#endif

#ifdef FORWARD

__kernel void attention_lanes(CTENSOR(q), CTENSOR(k), CTENSOR(v), CTENSOR(key_bias),
                              CTENSOR(rel_bias), CTENSOR(bucket), CTENSOR(segments), TENSOR(out),
                              TENSOR(lse), ulong ldq, ulong ldk, ulong ldv, ulong ldo, int n_heads,
                              float scale)
{
    __local vec qt[D * NV], ot[D * NV], sum[D * NV], s[BK * NV];
#if REL
    __local float diagonal[LANES + BK];
#endif
    const int h = get_group_id(1) % n_heads, i0 = get_group_id(0) * LANES;
    const int4 seg = vload4(get_group_id(1) / n_heads, I32(segments));
    const int n_i = min(seg.y - i0, LANES);
    if (n_i <= 0)
        return;
    const ulong row = seg.x + i0, head = (ulong)h * D;
    __global const float *k_rows = CF32(k) + seg.z * ldk + head;
    __global const float *v_rows = CF32(v) + seg.z * ldv + head;
    vec m[NV], l[NV], alpha[NV];

    load_transposed(CF32(q) + row * ldq + head, ldq, n_i, 1.0f, qt);
    clear(ot, D * NV);
    for (int w = 0; w < NV; w++) {
        m[w] = (vec)(-FLT_MAX);
        l[w] = (vec)(0.0f);
    }
    for (int j0 = 0; j0 < seg.w; j0 += BK) {
        const int n_j = min(seg.w - j0, BK);
        dot_rows(k_rows + j0 * ldk, ldk, n_j, qt, s);
        scale_rows(scale, n_j, s);
        if (key_bias)
            add_row_bias(CF32(key_bias) + seg.z + j0, n_j, s);
#if REL
        add_rel_bias(CF32(rel_bias) + h, I32(bucket), n_heads, j0 - i0, -1, n_j, diagonal, s);
#endif
        for (int w = 0; w < NV; w++) {
            vec m_new = m[w];
            for (int j = 0; j < n_j; j++)
                m_new = fmax(m_new, s[j * NV + w]);
            alpha[w] = EXPV(VW, m[w] - m_new);
            m[w] = m_new;
            vec total = (vec)(0.0f);
            for (int j = 0; j < n_j; j++) {
                vec p = EXPV(VW, s[j * NV + w] - m_new);
                s[j * NV + w] = p;
                total += p;
            }
            l[w] = l[w] * alpha[w] + total;
        }
        add_rows(v_rows + j0 * ldv, ldv, n_j, s, alpha, sum, ot);
    }
    for (int w = 0; w < NV; w++)
        alpha[w] = select(1.0f / l[w], (vec)(0.0f), l[w] == 0.0f);
    store_transposed(ot, alpha, first_lanes(n_i), F32(out) + row * ldo + head, ldo);
    if (lse)
        for (int w = 0; w < NV; w++) {
            float x[VW];
            STV(VW, m[w] + log(l[w]), x, 0);
            for (int i = 0; i < VW && w * VW + i < n_i; i++)
                F32(lse)[(row + w * VW + i) * n_heads + h] = x[i];
        }
}
#endif

/* Lanes of a block whose rows [first, first + LANES) lie in [begin, end). */
inline ulong lanes_within(int first, int begin, int end)
{
    return first_lanes(clamp(end - first, 0, LANES)) & ~first_lanes(clamp(begin - first, 0, LANES));
}

/* What to subtract from scores; +infinity where there is no probability to recompute. */
inline float usable_lse(float lse)
{
    return lse == -INFINITY ? INFINITY : lse;
}

inline void fill(vec *x, float value)
{
    for (int w = 0; w < NV; w++)
        x[w] = (vec)(value);
}

#ifdef DQ
/*
 * dq, and on the way delta (Rq, H), which the pass for dk and dv reads, and rel_rows (Rq, H, REL) if
 * given: each query's sum of ds over the keys of each bucket. Lanes are queries. delta needs all keys first: where they fill more than
 * one block, blocks are computed twice.
 */
__kernel void attention_lanes_dq(CTENSOR(q), CTENSOR(k), CTENSOR(v), CTENSOR(key_bias),
                                 CTENSOR(rel_bias), CTENSOR(bucket), CTENSOR(segments),
                                 CTENSOR(lse), CTENSOR(d_out), TENSOR(delta), TENSOR(dq),
                                 TENSOR(rel_rows), ulong ldq, ulong ldk, ulong ldv, ulong ldg,
                                 ulong lddq, int n_heads, float scale)
{
    __local vec qt[D * NV], gt[D * NV], dqt[D * NV], sum[D * NV], s[BK * NV], ds[BK * NV];
    __local float lane_lse[LANES], lane_delta[LANES];
#if REL
    __local float diagonal[LANES + BK], sums[REL * LANES];
#endif
    const int h = get_group_id(1) % n_heads, i0 = get_group_id(0) * LANES;
    const int4 seg = vload4(get_group_id(1) / n_heads, I32(segments));
    const int n_i = min(seg.y - i0, LANES);
    if (n_i <= 0)
        return;
    const ulong row = seg.x + i0, head = (ulong)h * D;
    __global const float *k_rows = CF32(k) + seg.z * ldk + head;
    __global const float *v_rows = CF32(v) + seg.z * ldv + head;
    vec one[NV], scales[NV], p_sum[NV], dp_sum[NV];

    fill(one, 1.0f);
    fill(scales, scale);
    fill(p_sum, 0.0f);
    fill(dp_sum, 0.0f);
    load_transposed(CF32(q) + row * ldq + head, ldq, n_i, 1.0f, qt);
    load_transposed(CF32(d_out) + row * ldg + head, ldg, n_i, 1.0f, gt);
    clear(dqt, D * NV);
    /* Probabilities of lanes that nobody stores may be anything, but subnormal ones would be slow. */
    for (int i = 0; i < LANES; i++)
        lane_lse[i] = i < n_i ? usable_lse(CF32(lse)[(row + i) * n_heads + h]) : 0.0f;
#if REL
    for (int x = 0; x < REL * LANES; x++)
        sums[x] = 0.0f;
#endif
    const int n_blocks = (seg.w + BK - 1) / BK, last = n_blocks == 1 ? 1 : 2 * n_blocks;
    for (int b = 0; b < last; b++) {
        const int j0 = b % max(n_blocks, 1) * BK, n_j = min(seg.w - j0, BK);
        dot_rows(k_rows + j0 * ldk, ldk, n_j, qt, s);
        scale_rows(scale, n_j, s);
        if (key_bias)
            add_row_bias(CF32(key_bias) + seg.z + j0, n_j, s);
#if REL
        add_rel_bias(CF32(rel_bias) + h, I32(bucket), n_heads, j0 - i0, -1, n_j, diagonal, s);
#endif
        dot_rows_centred(v_rows + j0 * ldv, ldv, v_rows, n_j, gt, ds);
        for (int w = 0; w < NV; w++) {
            const vec lse_w = LDV(VW, lane_lse, w * VW);
            for (int j = 0; j < n_j; j++) {
                const vec p = EXPV(VW, s[j * NV + w] - lse_w);
                s[j * NV + w] = p;
                if (b < n_blocks) {
                    p_sum[w] += p;
                    dp_sum[w] += p * ds[j * NV + w];
                }
            }
        }
        if (b == n_blocks - 1)
            for (int w = 0; w < NV; w++)
                STV(VW, select(dp_sum[w] / p_sum[w], (vec)(0.0f), p_sum[w] == 0.0f), lane_delta, w * VW);
        if (b < last - n_blocks)
            continue;
        for (int w = 0; w < NV; w++) {
            const vec delta_w = LDV(VW, lane_delta, w * VW);
            for (int j = 0; j < n_j; j++)
                ds[j * NV + w] = s[j * NV + w] * (ds[j * NV + w] - delta_w);
        }
#if REL
        if (rel_rows)
            for (int j = 0; j < n_j; j++)
                for (int i = 0; i < n_i; i++)
                    sums[rel_bucket(I32(bucket), j0 + j - i0 - i) * LANES + i] +=
                        ((__local const float *)ds)[j * LANES + i];
#endif
        add_rows(k_rows + j0 * ldk, ldk, n_j, ds, one, sum, dqt);
    }
    store_transposed(dqt, scales, first_lanes(n_i), F32(dq) + row * lddq + head, lddq);
    for (int i = 0; i < n_i; i++)
        F32(delta)[(row + i) * n_heads + h] = n_blocks ? lane_delta[i] : 0.0f;
#if REL
    if (rel_rows)
        for (int i = 0; i < n_i; i++)
            for (int b = 0; b < REL; b++)
                F32(rel_rows)[((row + i) * n_heads + h) * REL + b] = sums[b * LANES + i];
#endif
}
#endif

#ifdef DKV
/*
 * dk and dv. Lanes are keys; a key row that several segments share belongs to the first of them,
 * whose group sums over all of them in their order.
 */
__kernel void attention_lanes_dkv(CTENSOR(q), CTENSOR(k), CTENSOR(v), CTENSOR(key_bias),
                                  CTENSOR(rel_bias), CTENSOR(bucket), CTENSOR(segments),
                                  CTENSOR(lse), CTENSOR(delta), CTENSOR(d_out), TENSOR(dk),
                                  TENSOR(dv), ulong ldq, ulong ldk, ulong ldv, ulong ldg,
                                  ulong lddk, ulong lddv, int n_heads, int n_segments, float scale)
{
    __local vec kt[D * NV], vt[D * NV], dkt[D * NV], dvt[D * NV], sum[D * NV], s[BK * NV], ds[BK * NV];
    __local float lane_bias[LANES];
#if REL
    __local float diagonal[LANES + BK];
#endif
    const int h = get_group_id(1) % n_heads, mine = get_group_id(1) / n_heads;
    const int4 seg = vload4(mine, I32(segments));
    const int j0 = get_group_id(0) * LANES, key = seg.z + j0, n_j = min(seg.w - j0, LANES);
    if (n_j <= 0)
        return;
    ulong own = first_lanes(n_j);
    for (int t = 0; t < mine; t++) {
        const int4 other = vload4(t, I32(segments));
        own &= ~lanes_within(key, other.z, other.z + other.w);
    }
    if (!own)
        return;
    const ulong head = (ulong)h * D;
    vec one[NV], scales[NV];
    int centred_at = -1; /* vt holds values less this row's */

    fill(one, 1.0f);
    fill(scales, scale);
    load_transposed(CF32(k) + key * ldk + head, ldk, n_j, 1.0f, kt);
    clear(dkt, D * NV);
    clear(dvt, D * NV);
    for (int t = mine; t < n_segments; t++) {
        const int4 other = vload4(t, I32(segments));
        const ulong seen = own & lanes_within(key, other.z, other.z + other.w);
        if (!seen)
            continue;
        if (centred_at != other.z) {
            centred_at = other.z;
            load_transposed(CF32(v) + key * ldv + head, ldv, n_j, 1.0f, vt);
            for (int d = 0; d < D; d++)
                for (int w = 0; w < NV; w++)
                    vt[d * NV + w] -= CF32(v)[centred_at * ldv + head + d];
        }
        for (int j = 0; j < LANES; j++) {
            const float unseen = own >> j & 1 ? -INFINITY : 0.0f; /* nobody stores what is not own */
            lane_bias[j] = !(seen >> j & 1) ? unseen : key_bias ? CF32(key_bias)[key + j] : 0.0f;
        }
        for (int i0 = 0; i0 < other.y; i0 += BK) {
            const int n_i = min(other.y - i0, BK);
            const ulong row = other.x + i0;
            __global const float *q_rows = CF32(q) + row * ldq + head;
            __global const float *g_rows = CF32(d_out) + row * ldg + head;
            dot_rows(q_rows, ldq, n_i, kt, s);
            scale_rows(scale, n_i, s);
#if REL
            add_rel_bias(CF32(rel_bias) + h, I32(bucket), n_heads, key - other.z - i0, 1, n_i,
                         diagonal, s);
#endif
            dot_rows(g_rows, ldg, n_i, vt, ds);
            for (int w = 0; w < NV; w++) {
                const vec bias = LDV(VW, lane_bias, w * VW);
                for (int i = 0; i < n_i; i++) {
                    const ulong stat = (row + i) * n_heads + h;
                    vec p = EXPV(VW, s[i * NV + w] + bias - usable_lse(CF32(lse)[stat]));
                    s[i * NV + w] = p;
                    ds[i * NV + w] = p * (ds[i * NV + w] - CF32(delta)[stat]);
                }
            }
            add_rows(g_rows, ldg, n_i, s, one, sum, dvt);
            add_rows(q_rows, ldq, n_i, ds, one, sum, dkt);
        }
    }
    store_transposed(dkt, scales, own, F32(dk) + key * lddk + head, lddk);
    store_transposed(dvt, one, own, F32(dv) + key * lddv + head, lddv);
}
#endif
