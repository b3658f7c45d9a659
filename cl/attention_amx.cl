/*
 * Attention in AMX tiles: operands of every product rounded to bf16, sums and the softmax in f32
 * (x86 processors through PoCL). Formulas as in attention_lanes.cl, without rel. Queries, keys and values are of T_IN, the forward
 * pass's result of T_OUT (f32, f16, bf16); gradients are f32, and so is T_IN with them.
 *
 * A work-group is one work-item. Scores are made transposed, keys × 32 queries, so that queries lie
 * across lanes and the softmax is vertical. Keys are seen BK at a time. Rows beyond the ends are packed
 * as zeros, and their probabilities are zero.
 *
 * How products read their operands (amx.cl), in rows of 16 words, STEPS = D/32:
 *   left, over D       [row/32][STEPS][32 rows]                  pack_rows
 *   left, over rows    [column/32][row/32][32 columns]           made with the scores
 *   right, over D      [STEPS][2][16 of d/2], words: 32 rows     pack_lanes
 *   right, over rows   [STEPS][row/32][2][16 of row/2]           pack_pairs
 * and write their results: blocks of 32 × 32 floats.
 */
#if !defined D || !defined BK || D % 32 || BK % 32 || !defined T_IN || !defined T_OUT
#error "attention_amx needs D and BK, multiples of 32, T_IN and T_OUT"
#endif
#include "amx.cl"
#include "matmul_round.cl"

#define STEPS (D / 32)

inline int steps_of(int n)
{
    return (n + 31) / 32;
}

/* c (32,32) = [c +] the product of `steps` steps; rows from `rows` on do not matter. */
inline void product(__local float16 *c, __local const uint16 *a, __local const uint16 *b, int steps, int rows, int add)
{
    amx_block((ulong)c, (ulong)a, (ulong)b, steps, rows > 16 ? 2 : 1, add, (ulong)a);
}

/*
 * e^x as EXPV has it, but 0 below -87: subnormal results, of missing keys and queries above all, take a
 * processor a hundred times as long. Below infinity above 88.
 */
inline float16 exp_or_0(float16 x)
{
    float16 z;
    const float16 p = exp_reduced16(x > 88.0f ? (float16)(88.0f) : x, &z);
    return x < -87.0f ? (float16)(0.0f) : as_float16(as_uint16(p) + (as_uint16(z) << 23));
}

/* Sixteen values from number i on. Ahead of them lie those of the next head, whose group comes next: they are fetched meanwhile. */
inline float16 load(__global const uchar *x, ulong i)
{
    WILL_READ(x + (i + D) * BYTES(T_IN))
    return LDTV(T_IN, 16, x, i);
}

#define STORE(T, y, x, i)                                                                                              \
    {                                                                                                                  \
        WILL_WRITE((x) + ((i) + D) * BYTES(T))                                                                         \
        STTV(T, 16, y, x, i);                                                                                          \
    }

/* Address of the head's values in a row of x, a matrix of T_IN. */
#define ROW_OF(x, ld, row) (AT(x) + ((row) * (ld) + head) * BYTES(T_IN))

/* ---- packing of n rows of D values, ld apart ---- */

/* Words of columns d to d + 31 of the row that begins with x's number `row`, less those of u if given. */
ROUND uint16 row_words(__global const uchar *x, ulong row, __global const uchar *u, int d)
{
    float16 lo = load(x, row + d), hi = load(x, row + d + 16);
    if (u) {
        lo -= LDTV(T_IN, 16, u, d);
        hi -= LDTV(T_IN, 16, u, d + 16);
    }
    return round_row(lo, hi);
}

inline void pack_rows(__global const uchar *x, ulong ld, __global const uchar *u, int n, __local uint16 *to)
{
    for (int r = 0; r < steps_of(n) * 32; r++)
        for (int s = 0; s < STEPS; s++)
            to[(r / 32 * STEPS + s) * 32 + r % 32] = r < n ? row_words(x, r * ld, u, s * 32) : (uint16)(0);
}

/* n <= 32 */
inline void pack_lanes(__global const uchar *x, ulong ld, int n, __local uint16 *to)
{
    for (int s = 0; s < STEPS; s++)
        for (int t = 0; t < 2; t++) {
            uint16 v[16];
#pragma unroll
            for (int r = 0; r < 16; r++)
                v[r] = t * 16 + r < n ? row_words(x, (t * 16 + r) * ld, 0, s * 32) : (uint16)(0);
            transpose(v);
#pragma unroll
            for (int r = 0; r < 16; r++)
                to[(s * 2 + t) * 16 + r] = v[r];
        }
}

/* max_rows: those that `to` has room for. */
inline void pack_pairs(__global const uchar *x, ulong ld, int n, int max_rows, __local uint16 *to)
{
    const uint16 order = PAIR_ORDER;
    for (int r = 0; r < steps_of(n) * 32; r += 2)
        for (int c = 0; c < D; c += 16) {
            const float16 lo = r < n ? load(x, r * ld + c) : (float16)(0.0f);
            const float16 hi = r + 1 < n ? load(x, (r + 1) * ld + c) : (float16)(0.0f);
            to[c / 32 * max_rows + r / 32 * 32 + c % 32 + r % 32 / 2] = round_pairs(lo, hi, order);
        }
}

#ifdef FORWARD

/*
 * p (32 queries, n keys) from the scores s (n, 32), less m, as a left operand; returns the sums of one half
 * of the queries. Scores from n to the next multiple of 32 are -infinity.
 */
inline float16 exponentials(__local const float16 *s, float16 m, int n, int half_, __local uint16 *p)
{
    const uint16 order = PAIR_ORDER;
    float16 sum = (float16)(0.0f);
    for (int j = 0; j < n; j += 32) {
        uint16 v[16];
#pragma unroll 2
        for (int r = 0; r < 16; r++) {
            const float16 lo = exp_or_0(s[(j + 2 * r) * 2 + half_] - m);
            const float16 hi = exp_or_0(s[(j + 2 * r + 1) * 2 + half_] - m);
            sum += lo + hi;
            v[r] = round_pairs(lo, hi, order);
        }
        transpose(v);
#pragma unroll
        for (int r = 0; r < 16; r++)
            p[j + half_ * 16 + r] = v[r];
    }
    return sum;
}

/* Work-group (g, s*H + h): segment s, head h, an even part of its blocks of 32 queries. */
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
attention_amx(CTENSOR(q), CTENSOR(k), CTENSOR(v), CTENSOR(key_bias), CTENSOR(rel_bias), CTENSOR(bucket),
              CTENSOR(segments), TENSOR(out), TENSOR(lse), ulong ldq, ulong ldk, ulong ldv, ulong ldo, int n_heads,
              float scale)
{
    __local uint16 kp[BK * STEPS], vp[BK * STEPS], qp[32 * STEPS], p[BK];
    __local float16 s[BK * 2], o[64 * STEPS];
    __local float lane[32];
    const int h = get_group_id(1) % n_heads;
    const int4 seg = vload4(get_group_id(1) / n_heads, I32(segments));
    const int n_blocks = steps_of(seg.y), n_groups = get_num_groups(0);
    const int n_mine = (n_blocks + n_groups - 1) / n_groups, first = get_group_id(0) * n_mine;
    const ulong head = (ulong)h * D;
    int packed = -1; /* the first key of kp and vp */

    amx_begin();
    for (int b = first; b < min(first + n_mine, n_blocks); b++) {
        const int n_i = min(seg.y - b * 32, 32);
        const ulong row = seg.x + b * 32;
        float16 m[2] = {(float16)(-FLT_MAX), (float16)(-FLT_MAX)}, l[2] = {(float16)(0.0f), (float16)(0.0f)};
        pack_lanes(ROW_OF(q, ldq, row), ldq, n_i, qp);
        for (int j0 = 0; j0 < seg.w; j0 += BK) {
            const int n_j = min(seg.w - j0, BK), steps = steps_of(n_j);
            if (packed != j0) {
                packed = j0;
                pack_rows(ROW_OF(k, ldk, seg.z + j0), ldk, 0, n_j, kp);
                pack_pairs(ROW_OF(v, ldv, seg.z + j0), ldv, n_j, BK, vp);
            }
            for (int t = 0; t < steps; t++)
                product(s + t * 64, kp + t * 32 * STEPS, qp, STEPS, n_j - t * 32, 0);
            for (int x = n_j * 2; x < steps * 64; x++)
                s[x] = (float16)(-INFINITY);
            for (int w = 0; w < 2; w++) {
                float16 m_new = m[w];
                for (int j = 0; j < n_j; j++) {
                    const float16 x = s[j * 2 + w] * scale + (key_bias ? CF32(key_bias)[seg.z + j0 + j] : 0.0f);
                    s[j * 2 + w] = x;
                    m_new = x > m_new ? x : m_new;
                }
                const float16 alpha = exp_or_0(m[w] - m_new);
                m[w] = m_new;
                l[w] = l[w] * alpha + exponentials(s, m_new, n_j, w, p);
                STV(16, alpha, lane, w * 16);
            }
            if (j0)
                for (int x = 0; x < 64 * STEPS; x++)
                    o[x] *= lane[x % 64 / 2];
            for (int c = 0; c < STEPS; c++)
                product(o + c * 64, p, vp + c * BK, steps, n_i, j0 != 0);
        }
        for (int w = 0; w < 2; w++)
            STV(16, l[w], lane, w * 16);
        for (int i = 0; i < n_i; i++)
            for (int c = 0; c < 2 * STEPS; c++) {
                const float16 y = lane[i] == 0.0f ? (float16)(0.0f) : o[(c / 2 * 32 + i) * 2 + c % 2] * (1.0f / lane[i]);
                STORE(T_OUT, y, AT(out), (row + i) * ldo + head + c * 16)
            }
        if (lse) {
            for (int w = 0; w < 2; w++)
                STV(16, m[w] + log(l[w]), lane, w * 16);
            for (int i = 0; i < n_i; i++)
                F32(lse)[(row + i) * n_heads + h] = lane[i];
        }
    }
    amx_end();
}
#endif

#ifdef BACKWARD

#define QUERY_BLOCKS 4 /* of 32, whose probabilities wait for one product over queries */

/* The state of a group. Left operands over 32*QUERY_BLOCKS queries are [key/32][QUERY_BLOCKS][32 keys]. */
typedef struct work {
    __local uint16 *k_rows, *k_pairs, *v_rows; /* the block of keys; values less the segment's first one */
    __local uint16 *q_lanes, *g_lanes;         /* the block of queries and of d_out */
    __local uint16 *q_pairs, *g_pairs;         /* of QUERY_BLOCKS blocks */
    __local uint16 *p, *ds;                    /* keys × queries */
    __local uint16 *dst;                       /* 32 queries × keys */
    __local float16 *s, *dp;                   /* (keys, 32) */
    __local float16 *dq, *dk, *dv;             /* 32 × 32 blocks: [STEPS], [key/32][STEPS] */
} work;

/* p (n, 32) in place of scores, and the sums over keys of p and of p dp; bias (n) or NULL. */
inline void probabilities(const work *x, __global const float *bias, float scale, int n, const float16 *lse,
                          float16 *p_sum, float16 *dp_sum)
{
    for (int w = 0; w < 2; w++) {
        float16 sum = (float16)(0.0f), dsum = (float16)(0.0f);
        const float16 lse_w = lse[w];
#pragma unroll 2
        for (int j = 0; j < n; j++) {
            const float16 p = exp_or_0(x->s[j * 2 + w] * scale + (bias ? bias[j] : 0.0f) - lse_w);
            x->s[j * 2 + w] = p;
            sum += p;
            dsum += p * x->dp[j * 2 + w];
        }
        p_sum[w] = sum;
        dp_sum[w] = dsum;
    }
    for (int i = n * 2; i < steps_of(n) * 64; i++)
        x->s[i] = x->dp[i] = (float16)(0.0f);
}

/* Rounds p and ds = p (dp - delta) for the products over queries (as their block `slot`) and over keys. */
inline void round_scores(const work *x, int n, int slot, const float16 *delta)
{
    const uint16 order = PAIR_ORDER;
    const float16 delta0 = delta[0], delta1 = delta[1];
    for (int j = 0; j < n; j += 32) {
        __local uint16 *p = x->p + j * QUERY_BLOCKS + slot * 32, *ds = x->ds + j * QUERY_BLOCKS + slot * 32;
        uint16 v0[16], v1[16];
        for (int r = 0; r < 16; r++) {
            __local const float16 *s = x->s + (j + 2 * r) * 2, *dp = x->dp + (j + 2 * r) * 2;
            const float16 a0 = s[0] * (dp[0] - delta0), a1 = s[1] * (dp[1] - delta1);
            const float16 b0 = s[2] * (dp[2] - delta0), b1 = s[3] * (dp[3] - delta1);
            p[2 * r] = round_row(s[0], s[1]);
            p[2 * r + 1] = round_row(s[2], s[3]);
            ds[2 * r] = round_row(a0, a1);
            ds[2 * r + 1] = round_row(b0, b1);
            v0[r] = round_pairs(a0, b0, order);
            v1[r] = round_pairs(a1, b1, order);
        }
        transpose(v0);
        transpose(v1);
#pragma unroll
        for (int r = 0; r < 16; r++) {
            x->dst[j + r] = v0[r];
            x->dst[j + 16 + r] = v1[r];
        }
    }
}

/* dk, dv of n keys = [dk, dv +] the products over the waiting blocks of queries. */
inline void add_waiting(const work *x, int n, int n_waiting, int add)
{
    for (int j = 0; j < n; j += 32)
        for (int c = 0; c < STEPS; c++) {
            const int to = j * 2 * STEPS + c * 64, left = j * QUERY_BLOCKS, right = c * 32 * QUERY_BLOCKS;
            product(x->dv + to, x->p + left, x->g_pairs + right, n_waiting, n - j, add);
            product(x->dk + to, x->ds + left, x->q_pairs + right, n_waiting, n - j, add);
        }
}

/* Rows of x (n, D), ld apart, from [STEPS] blocks of 32 × 32, times scale; added where `add`. */
inline void store_rows(__local const float16 *from, float scale, int n, int add, __global uchar *x, ulong ld)
{
    for (int r = 0; r < n; r++)
        for (int c = 0; c < 2 * STEPS; c++) {
            float16 y = from[(c / 2 * 32 + r) * 2 + c % 2] * scale;
            if (add)
                y += LDTV(f32, 16, x, r * ld + c * 16);
            STORE(f32, y, x, r * ld + c * 16)
        }
}

/*
 * dq, dk and dv in one pass. Work-group (0, s*H + h): the keys of segment s and head h, with the queries of
 * all segments that have the same keys, if none before s has (ranges of keys are equal or apart). A query's
 * delta needs all its keys first: where they fill more than one block, a first sweep leaves the sums of p
 * and of p dp in `sums` (Rq, 2, H).
 */
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
attention_amx_backward(CTENSOR(q), CTENSOR(k), CTENSOR(v), CTENSOR(key_bias), CTENSOR(rel_bias), CTENSOR(bucket),
                       CTENSOR(segments), CTENSOR(lse), CTENSOR(d_out), TENSOR(sums), TENSOR(dq), TENSOR(dk),
                       TENSOR(dv), ulong ldq, ulong ldk, ulong ldv, ulong ldg, ulong lddq, ulong lddk, ulong lddv,
                       int n_heads, int n_segments, float scale)
{
    __local uint16 k_rows[BK * STEPS], k_pairs[BK * STEPS], v_rows[BK * STEPS];
    __local uint16 q_lanes[32 * STEPS], g_lanes[32 * STEPS];
    __local uint16 q_pairs[32 * STEPS * QUERY_BLOCKS], g_pairs[32 * STEPS * QUERY_BLOCKS];
    __local uint16 p[BK * QUERY_BLOCKS], ds[BK * QUERY_BLOCKS], dst[BK];
    __local float16 s[BK * 2], dp[BK * 2], dq_block[64 * STEPS], dk_block[BK * 2 * STEPS], dv_block[BK * 2 * STEPS];
    __local float lane[32];
    const work x = {k_rows, k_pairs, v_rows, q_lanes, g_lanes, q_pairs, g_pairs, p, ds, dst, s, dp, dq_block, dk_block, dv_block};
    const int h = get_group_id(1) % n_heads, mine = get_group_id(1) / n_heads;
    const int4 seg = vload4(mine, I32(segments));
    const ulong head = (ulong)h * D;
    __global const uchar *u = ROW_OF(v, ldv, seg.z);

    for (int t = 0; t < mine && seg.w; t++) {
        const int4 other = vload4(t, I32(segments));
        if (other.z == seg.z && other.w == seg.w)
            return;
    }
    if (!seg.w)
        for (int i = 0; i < seg.y; i++)
            for (int c = 0; c < D; c += 16)
                STORE(f32, (float16)(0.0f), AT(dq), (seg.x + i) * lddq + head + c)

    amx_begin();
    const int n_key_blocks = (seg.w + BK - 1) / BK;
    for (int b = n_key_blocks > 1 ? 0 : n_key_blocks; b < 2 * n_key_blocks; b++) {
        const int sweep = b / n_key_blocks, j0 = b % n_key_blocks * BK, n_j = min(seg.w - j0, BK);
        const ulong key = seg.z + j0;
        int waiting = 0, begun = 0;
        pack_rows(ROW_OF(k, ldk, key), ldk, 0, n_j, k_rows);
        pack_rows(ROW_OF(v, ldv, key), ldv, u, n_j, v_rows);
        if (sweep)
            pack_pairs(ROW_OF(k, ldk, key), ldk, n_j, BK, k_pairs);
        for (int t = mine; t < n_segments; t++) {
            const int4 other = vload4(t, I32(segments));
            if (other.z != seg.z || other.w != seg.w)
                continue;
            for (int i0 = 0; i0 < other.y; i0 += 32) {
                const int n_i = min(other.y - i0, 32);
                const ulong row = other.x + i0;
                __global const uchar *q_rows = ROW_OF(q, ldq, row), *g_rows = ROW_OF(d_out, ldg, row);
                float16 lse_i[2], p_sum[2], dp_sum[2];

                pack_lanes(q_rows, ldq, n_i, q_lanes);
                pack_lanes(g_rows, ldg, n_i, g_lanes);
                for (int j = 0; j < n_j; j += 32) {
                    product(s + j * 2, k_rows + j * STEPS, q_lanes, STEPS, n_j - j, 0);
                    product(dp + j * 2, v_rows + j * STEPS, g_lanes, STEPS, n_j - j, 0);
                }
                /* Without a probability to recompute: +infinity. */
                for (int i = 0; i < 32; i++) {
                    const float l = i < n_i ? CF32(lse)[(row + i) * n_heads + h] : -INFINITY;
                    lane[i] = l == -INFINITY ? INFINITY : l;
                }
                for (int w = 0; w < 2; w++)
                    lse_i[w] = LDV(16, lane, w * 16);
                probabilities(&x, key_bias ? CF32(key_bias) + key : 0, scale, n_j, lse_i, p_sum, dp_sum);

                if (n_key_blocks > 1)
                    for (int of = 0; of < 2; of++) {
                        float16 *sum = of ? dp_sum : p_sum;
                        for (int w = 0; w < 2; w++)
                            STV(16, sum[w], lane, w * 16);
                        for (int i = 0; i < n_i; i++) {
                            __global float *at = F32(sums) + ((row + i) * 2 + of) * n_heads + h;
                            if (!sweep)
                                *at = lane[i] + (j0 ? *at : 0.0f);
                            lane[i] = *at;
                        }
                        for (int w = 0; w < 2; w++)
                            sum[w] = LDV(16, lane, w * 16);
                    }
                if (!sweep)
                    continue;
                for (int w = 0; w < 2; w++)
                    dp_sum[w] = p_sum[w] == 0.0f ? (float16)(0.0f) : dp_sum[w] / p_sum[w];
                round_scores(&x, n_j, waiting, dp_sum);
                for (int c = 0; c < STEPS; c++)
                    product(dq_block + c * 64, dst, k_pairs + c * BK, steps_of(n_j), n_i, 0);
                store_rows(dq_block, scale, n_i, j0 != 0, ROW_OF(dq, lddq, row), lddq);

                pack_pairs(q_rows, ldq, n_i, 32 * QUERY_BLOCKS, q_pairs + waiting * 32);
                pack_pairs(g_rows, ldg, n_i, 32 * QUERY_BLOCKS, g_pairs + waiting * 32);
                if (++waiting == QUERY_BLOCKS) {
                    add_waiting(&x, n_j, waiting, begun);
                    waiting = 0;
                    begun = 1;
                }
            }
        }
        if (!sweep)
            continue;
        if (waiting)
            add_waiting(&x, n_j, waiting, begun);
        else if (!begun)
            for (int i = 0; i < steps_of(n_j) * 64 * STEPS; i++)
                dk_block[i] = dv_block[i] = (float16)(0.0f);
        for (int j = 0; j < n_j; j += 32) {
            store_rows(dk_block + j * 2 * STEPS, scale, min(n_j - j, 32), 0, ROW_OF(dk, lddk, key + j), lddk);
            store_rows(dv_block + j * 2 * STEPS, 1.0f, min(n_j - j, 32), 0, ROW_OF(dv, lddv, key + j), lddv);
        }
    }
    amx_end();
}
#endif
