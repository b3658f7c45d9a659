/*
 * Attention by work-groups that share tiles in local memory; the equations are attention_lanes.cl's.
 *
 * A work-group has TX = 8 columns of TY = WG/8 work-items. It owns TY*RR rows (queries; keys in the
 * pass for dk and dv) of one head of one segment and walks the other side TX*RC rows at a time:
 *     product     s[row][col] = a_row . b_col: DC columns of both sides meet in `tile`
 *     accumulate  x[row][d] += sum_col p[row][col] b_col[d]: p lies in `p`, DC rows of b in `tile`
 * Item (tx, ty) holds rows ty*RR + r, columns tx + 8c and dimensions tx + 8u.
 * Work-group (b, s*H + h): rows b*ROWS.. of segment s, head h. Queries, keys and values are of T_IN, the forward pass's
 * result of T_OUT (f32, f16, bf16); gradients are f32, and so is T_IN with them.
 */
#if !defined D || !defined WG || !defined RR || !defined RC || !defined REL || !defined T_IN
#error "attention_tiled needs D, WG, RR, RC, REL, T_IN"
#endif

#define TX 8
#define ROWS (WG / TX * RR)
#define COLS (TX * RC)
#define DU (D / TX)
#if D % 16
#define DC 8
#else
#define DC 16
#endif
#define UC (DU < 8 ? DU : 8)
#define P_LD (COLS + 1)
#define A_LD (ROWS + 1)
#define B_LD (COLS + 1)
#define TILE (DC * (A_LD + B_LD > D ? A_LD + B_LD : D))

#define EACH_R for (int r = 0; r < RR; r++)
#define EACH_C for (int c = 0; c < RC; c++)
#define EACH_U for (int u = 0; u < DU; u++)
#define EACH_UC for (int u = 0; u < min(UC, DU - u0); u++)
#define ROW (ty * RR + r)
#define COL (tx + TX * c)
#define DIM (tx + TX * u)
/* This head's part of x from a row on: `head` is its first column. */
#define ROWS_FROM(x, ld, row) (AT(x) + ((row) * (ld) + head) * BYTES(T_IN))

/* s = products of rows [0, n_a) of a less ua with rows [0, n_b) of b less ub, 0 outside; NULL is nothing to subtract. */
inline void product(__global const uchar *a, ulong lda, int n_a, __global const uchar *ua,
                    __global const uchar *b, ulong ldb, int n_b, __global const uchar *ub,
                    __local float *tile, float s[RR][RC])
{
    const int lid = get_local_id(0), tx = lid % TX, ty = lid / TX;
    __local float *tb = tile + DC * A_LD;
    EACH_R EACH_C s[r][c] = 0.0f;
    for (int d0 = 0; d0 < D; d0 += DC) {
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int x = lid; x < ROWS * DC; x += WG) {
            const int row = x / DC, d = x % DC;
            tile[d * A_LD + row] = row < n_a ? LD(T_IN, a, row * lda + d0 + d) - (ua ? LD(T_IN, ua, d0 + d) : 0.0f) : 0.0f;
        }
        for (int x = lid; x < COLS * DC; x += WG) {
            const int row = x / DC, d = x % DC;
            tb[d * B_LD + row] = row < n_b ? LD(T_IN, b, row * ldb + d0 + d) - (ub ? LD(T_IN, ub, d0 + d) : 0.0f) : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int d = 0; d < DC; d++) {
            float bc[RC];
            EACH_C bc[c] = tb[d * B_LD + COL];
            EACH_R
            {
                const float ar = tile[d * A_LD + ROW];
                EACH_C s[r][c] += ar * bc[c];
            }
        }
    }
}

/*
 * x += p times rows [0, n_b) of b; p is 0 in other columns. A barrier comes first: p may be new. The terms of DC rows are summed
 * by themselves before they meet x, UC columns at a time: one long sum would lose a digit more, and a second x would take
 * too many registers.
 */
inline void accumulate(__local const float *p, __global const uchar *b, ulong ldb, int n_b,
                       __local float *tile, float x[RR][DU])
{
    const int lid = get_local_id(0), tx = lid % TX, ty = lid / TX;
    for (int j0 = 0; j0 < n_b; j0 += DC) {
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = lid; i < DC * D; i += WG) {
            const int row = j0 + i / D;
            tile[i] = row < n_b ? LD(T_IN, b, row * ldb + i % D) : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
        for (int u0 = 0; u0 < DU; u0 += UC) {
            float sum[RR][UC];
            EACH_R EACH_UC sum[r][u] = 0.0f;
            for (int j = 0; j < min(DC, COLS - j0); j++) {
                float pr[RR];
                EACH_R pr[r] = p[ROW * P_LD + j0 + j];
                EACH_UC
                {
                    const float bu = tile[j * D + tx + TX * (u0 + u)];
                    EACH_R sum[r][u] += pr[r] * bu;
                }
            }
            EACH_R EACH_UC x[r][u0 + u] += sum[r][u];
        }
    }
}

/* Sum over the TX items of every row, for all of them. */
inline void row_sums(__local float *lanes, float v[RR])
{
    const int lid = get_local_id(0), tx = lid % TX, ty = lid / TX;
    barrier(CLK_LOCAL_MEM_FENCE);
    EACH_R lanes[ROW * TX + tx] = v[r];
    barrier(CLK_LOCAL_MEM_FENCE);
    EACH_R
    {
        v[r] = 0.0f;
        for (int i = 0; i < TX; i++)
            v[r] += lanes[ROW * TX + i];
    }
}

inline void row_maxima(__local float *lanes, float v[RR])
{
    const int lid = get_local_id(0), tx = lid % TX, ty = lid / TX;
    barrier(CLK_LOCAL_MEM_FENCE);
    EACH_R lanes[ROW * TX + tx] = v[r];
    barrier(CLK_LOCAL_MEM_FENCE);
    EACH_R for (int i = 0; i < TX; i++)
        v[r] = fmax(v[r], lanes[ROW * TX + i]);
}

/* Bias of a head for the distance key - query; `bucket` covers -MAX_DISTANCE to MAX_DISTANCE. */
#if REL
#define BUCKET(distance) (I32(bucket)[clamp(distance, -MAX_DISTANCE, MAX_DISTANCE) + MAX_DISTANCE])
#define REL_BIAS(distance) (CF32(rel_bias)[(ulong)BUCKET(distance) * n_heads + h])
#else
#define REL_BIAS(distance) 0.0f
#endif
#define KEY_BIAS(row) (key_bias ? CF32(key_bias)[row] : 0.0f)
#define IN_SEGMENT(seg, key_row) ((key_row) >= (seg).z && (key_row) < (seg).z + (seg).w)

/* What to subtract from scores; +infinity where there is no probability to recompute. */
inline float usable_lse(float lse)
{
    return lse == -INFINITY ? INFINITY : lse;
}

#define GROUP                                                                                      \
    const int lid = get_local_id(0), tx = lid % TX, ty = lid / TX;                                 \
    const int h = get_group_id(1) % n_heads, s_index = get_group_id(1) / n_heads;                  \
    const int4 seg = vload4(s_index, I32(segments));                                               \
    const ulong head = (ulong)h * D;                                                               \
    __local float tile[TILE], p[ROWS * P_LD], lanes[ROWS * TX];

#ifdef FORWARD

__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void attention_tiled(CTENSOR(q), CTENSOR(k), CTENSOR(v), CTENSOR(key_bias), CTENSOR(rel_bias),
                     CTENSOR(bucket), CTENSOR(segments), TENSOR(out), TENSOR(lse), ulong ldq,
                     ulong ldk, ulong ldv, ulong ldo, int n_heads, float scale)
{
    GROUP
    const int i0 = get_group_id(0) * ROWS, n_i = min(seg.y - i0, ROWS);
    if (n_i <= 0)
        return;
    const ulong row = seg.x + i0;
    float m[RR], l[RR], x[RR][DU];
    EACH_R
    {
        m[r] = -FLT_MAX;
        l[r] = 0.0f;
        EACH_U x[r][u] = 0.0f;
    }
    for (int j0 = 0; j0 < seg.w; j0 += COLS) {
        const int n_j = min(seg.w - j0, COLS);
        const ulong key = seg.z + j0;
        float s[RR][RC], m_new[RR];
        product(ROWS_FROM(q, ldq, row), ldq, n_i, NULL, ROWS_FROM(k, ldk, key), ldk, n_j, NULL, tile, s);
        EACH_R
        {
            m_new[r] = m[r];
            EACH_C
            {
                s[r][c] = COL < n_j ? s[r][c] * scale + KEY_BIAS(key + COL) +
                                          REL_BIAS(j0 + COL - i0 - ROW)
                                    : -INFINITY;
                m_new[r] = fmax(m_new[r], s[r][c]);
            }
        }
        row_maxima(lanes, m_new);
        EACH_R
        {
            const float alpha = exp(m[r] - m_new[r]);
            float sum = 0.0f;
            EACH_C
            {
                const float e = exp(s[r][c] - m_new[r]);
                p[ROW * P_LD + COL] = e;
                sum += e;
            }
            m[r] = m_new[r];
            l[r] = l[r] * alpha + sum;
            EACH_U x[r][u] *= alpha;
        }
        accumulate(p, ROWS_FROM(v, ldv, key), ldv, n_j, tile, x);
    }
    row_sums(lanes, l);
    EACH_R
    {
        if (ROW >= n_i)
            continue;
        EACH_U ST(T_OUT, AT(out), (row + ROW) * ldo + head + DIM, l[r] == 0.0f ? 0.0f : x[r][u] / l[r]);
        if (lse && tx == 0)
            F32(lse)[(row + ROW) * n_heads + h] = m[r] + log(l[r]);
    }
}
#endif

#ifdef DQ
/* dq, delta and rel_rows, as attention_lanes_dq. Rows are queries. */
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void attention_tiled_dq(CTENSOR(q), CTENSOR(k), CTENSOR(v), CTENSOR(key_bias), CTENSOR(rel_bias),
                        CTENSOR(bucket), CTENSOR(segments), CTENSOR(lse), CTENSOR(d_out),
                        TENSOR(delta), TENSOR(dq), TENSOR(rel_rows), ulong ldq, ulong ldk,
                        ulong ldv, ulong ldg, ulong lddq, int n_heads, float scale)
{
    GROUP
    const int i0 = get_group_id(0) * ROWS, n_i = min(seg.y - i0, ROWS);
    if (n_i <= 0)
        return;
    const ulong row = seg.x + i0;
    __global const uchar *g_rows = ROWS_FROM(d_out, ldg, row);
    __global const uchar *k_rows = ROWS_FROM(k, ldk, seg.z), *v_rows = ROWS_FROM(v, ldv, seg.z);
    float minus[RR], dot[RR], p_sum[RR], x[RR][DU], s[RR][RC], ds[RR][RC];
    EACH_R
    {
        minus[r] = ROW < n_i ? usable_lse(CF32(lse)[(row + ROW) * n_heads + h]) : INFINITY;
        dot[r] = p_sum[r] = 0.0f;
        EACH_U x[r][u] = 0.0f;
    }
#if REL
    __global float *sums = F32(rel_rows) + ((row + lid) * n_heads + h) * REL;
    const bool sums_row = rel_rows && lid < n_i;
    for (int b = 0; sums_row && b < REL; b++)
        sums[b] = 0.0f;
#endif
    const int n_blocks = (seg.w + COLS - 1) / COLS, last = n_blocks == 1 ? 1 : 2 * n_blocks;
    for (int b = 0; b < last; b++) {
        const int j0 = b % max(n_blocks, 1) * COLS, n_j = min(seg.w - j0, COLS);
        const ulong key = seg.z + j0;
        product(ROWS_FROM(q, ldq, row), ldq, n_i, NULL, k_rows + j0 * ldk * BYTES(T_IN), ldk, n_j, NULL, tile, s);
        product(g_rows, ldg, n_i, NULL, v_rows + j0 * ldv * BYTES(T_IN), ldv, n_j, v_rows, tile, ds);
        EACH_R EACH_C
        {
            float e = 0.0f;
            if (COL < n_j)
                e = exp(s[r][c] * scale + KEY_BIAS(key + COL) + REL_BIAS(j0 + COL - i0 - ROW) -
                        minus[r]);
            s[r][c] = e;
            if (b < n_blocks) {
                p_sum[r] += e;
                dot[r] += e * ds[r][c];
            }
        }
        if (b == n_blocks - 1) {
            row_sums(lanes, p_sum);
            row_sums(lanes, dot);
            EACH_R dot[r] = p_sum[r] == 0.0f ? 0.0f : dot[r] / p_sum[r];
        }
        if (b < last - n_blocks)
            continue;
        EACH_R EACH_C p[ROW * P_LD + COL] = s[r][c] * (ds[r][c] - dot[r]);
        accumulate(p, k_rows + j0 * ldk * BYTES(T_IN), ldk, n_j, tile, x);
#if REL
        for (int j = 0; sums_row && j < n_j; j++)
            sums[BUCKET(j0 + j - i0 - lid)] += p[lid * P_LD + j];
#endif
    }
    EACH_R if (tx == 0 && ROW < n_i) F32(delta)[(row + ROW) * n_heads + h] = dot[r];
    EACH_R if (ROW < n_i) EACH_U F32(dq)[(row + ROW) * lddq + head + DIM] = scale * x[r][u];
}
#endif

#ifdef DKV
/* dk and dv, as attention_lanes_dkv. Rows are keys. */
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void attention_tiled_dkv(CTENSOR(q), CTENSOR(k), CTENSOR(v), CTENSOR(key_bias), CTENSOR(rel_bias),
                         CTENSOR(bucket), CTENSOR(segments), CTENSOR(lse), CTENSOR(delta),
                         CTENSOR(d_out), TENSOR(dk), TENSOR(dv), ulong ldq, ulong ldk, ulong ldv,
                         ulong ldg, ulong lddk, ulong lddv, int n_heads, int n_segments, float scale)
{
    GROUP
    const int j0 = get_group_id(0) * ROWS, key = seg.z + j0, n_j = min(seg.w - j0, ROWS);
    if (n_j <= 0)
        return;
    bool own[RR];
    EACH_R own[r] = ROW < n_j;
    for (int t = 0; t < s_index; t++) {
        const int4 other = vload4(t, I32(segments));
        if (other.z <= key && key + n_j <= other.z + other.w)
            return; /* all rows are another's: decided alike by every item */
        EACH_R own[r] = own[r] && !IN_SEGMENT(other, key + ROW);
    }
    float xk[RR][DU], xv[RR][DU], bias[RR];
    EACH_R
    {
        bias[r] = own[r] ? KEY_BIAS(key + ROW) : 0.0f;
        EACH_U xk[r][u] = xv[r][u] = 0.0f;
    }
    for (int t = s_index; t < n_segments; t++) {
        const int4 other = vload4(t, I32(segments));
        if (key + n_j <= other.z || key >= other.z + other.w)
            continue;
        for (int i0 = 0; i0 < other.y; i0 += COLS) {
            const int n_i = min(other.y - i0, COLS);
            const ulong row = other.x + i0;
            __global const uchar *q_rows = ROWS_FROM(q, ldq, row);
            __global const uchar *g_rows = ROWS_FROM(d_out, ldg, row);
            float s[RR][RC], ds[RR][RC];
            product(ROWS_FROM(k, ldk, key), ldk, n_j, NULL, q_rows, ldq, n_i, NULL, tile, s);
            product(ROWS_FROM(v, ldv, key), ldv, n_j, ROWS_FROM(v, ldv, other.z), g_rows, ldg, n_i, NULL, tile, ds);
            EACH_R EACH_C
            {
                const ulong stat = (row + min(COL, n_i - 1)) * n_heads + h;
                float e = 0.0f;
                if (COL < n_i && own[r] && IN_SEGMENT(other, key + ROW))
                    e = exp(s[r][c] * scale + bias[r] + REL_BIAS(key + ROW - other.z - i0 - COL) -
                            usable_lse(CF32(lse)[stat]));
                p[ROW * P_LD + COL] = e;
                ds[r][c] = e * (ds[r][c] - CF32(delta)[stat]);
            }
            accumulate(p, g_rows, ldg, n_i, tile, xv);
            barrier(CLK_LOCAL_MEM_FENCE); /* p is read to its end before it is rewritten */
            EACH_R EACH_C p[ROW * P_LD + COL] = ds[r][c];
            accumulate(p, q_rows, ldq, n_i, tile, xk);
        }
    }
    EACH_R
    {
        if (!own[r])
            continue;
        EACH_U
        {
            F32(dk)[(key + ROW) * lddk + head + DIM] = scale * xk[r][u];
            F32(dv)[(key + ROW) * lddv + head + DIM] = xv[r][u];
        }
    }
}
#endif
