/*
 * Sums in a fixed order: of whole arrays, and of the columns of a matrix, by group of rows.
 *
 * -D: SUM_CHUNKS | COLUMN_SUMS | FOLD_PARTS | CLIP_FACTOR | FIND_NONFINITE chooses the kernel.
 */

#ifdef SUM_CHUNKS
/*
 * out[g] = factor * (sum of chunk g of x, or of its squares); ADD: out[g] += it. A chunk is CHUNK elements; element i of it
 * belongs to lane i % LANES; a lane adds in order and the lanes meet in a binary tree. So the order does not depend on the
 * tunables, which only share the lanes out: WG items, VW neighbouring lanes at a time. Local memory: LANES floats.
 */
#if !defined(WG) || !defined(VW) || !defined(CHUNK) || !defined(LANES)
#error "sum_chunks needs -DWG -DVW -DCHUNK -DLANES"
#endif
#define PER_ITEM (LANES / (WG * VW))
#if SQUARE
#define TERM(v) ((v) * (v))
#else
#define TERM(v) (v)
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void sum_chunks(CTENSOR(x), TENSOR(out), long n, float factor)
{
    __local float lanes[LANES];
    const int lid = get_local_id(0);
    __global const float *chunk = CF32(x) + (long)get_group_id(0) * CHUNK;
    const long n_here = min(n - (long)get_group_id(0) * CHUNK, (long)CHUNK), n_full = n_here / LANES * LANES;
    FV(VW) sum[PER_ITEM];
    for (int j = 0; j < PER_ITEM; j++)
        sum[j] = 0.0f;
    for (long i = 0; i < n_full; i += LANES) {
#pragma unroll
        for (int j = 0; j < PER_ITEM; j++) {
            const FV(VW) v = LDV(VW, chunk, i + (j * WG + lid) * VW);
            sum[j] += TERM(v);
        }
    }
    for (int j = 0; j < PER_ITEM; j++)
        STV(VW, sum[j], lanes, (j * WG + lid) * VW);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = lid; i < n_here - n_full; i += WG) {
        const float v = chunk[n_full + i];
        lanes[i] += TERM(v);
    }
    for (int s = LANES / 2; s > 0; s /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = lid; i < s; i += WG)
            lanes[i] += lanes[i + s];
    }
    if (lid == 0) {
        __global float *to = F32(out) + get_group_id(0);
#if ADD
        *to += factor * lanes[0];
#else
        *to = factor * lanes[0];
#endif
    }
}
#endif

#ifdef COLUMN_SUMS
/*
 * out[part,g,:] = (or +=, with ADD) sum over part of n_parts of group g's rows of a, or of a * b with PRODUCT. Groups:
 * PER_GROUP 1: rows r with group[r] = g, group non-decreasing; 0: n_groups equal shares of the rows.
 * A work-group owns WG*VW*NV columns and walks rows in order, four at a time, so that running sums that lie in memory are
 * read and written less; dimension 1 is the group, 2 the part.
 */
#if !defined(WG) || !defined(VW) || !defined(NV)
#error "column_sums needs -DWG -DVW -DNV"
#endif
#if PRODUCT
#define TERM(n, k) (LDV(n, a_row + (k) * ld_a, c) * LDV(n, b_row + (k) * ld_b, c))
#else
#define TERM(n, k) LDV(n, a_row + (k) * ld_a, c)
#endif
#define FOUR_TERMS(n) ((TERM(n, 0) + TERM(n, 1)) + (TERM(n, 2) + TERM(n, 3)))
#if ADD
#define START(n) LDV(n, to, c)
#else
#define START(n) 0.0f
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void column_sums(CTENSOR(a), CTENSOR(b), CTENSOR(group), TENSOR(out), long n_rows, long n_cols, long n_groups, long n_parts,
                 long ld_a, long ld_b, long ld_out)
{
    const long g = get_global_id(1), part = get_global_id(2);
#if PER_GROUP
    const long begin = lower_bound(I32(group), n_rows, g), end = lower_bound(I32(group), n_rows, g + 1);
#else
    const long begin = n_rows / n_groups * g, end = begin + n_rows / n_groups;
#endif
    const long first = begin + (end - begin) * part / n_parts, last = begin + (end - begin) * (part + 1) / n_parts;
    __global float *to = F32(out) + (part * n_groups + g) * ld_out;
    OWN_COLUMNS(n_cols)
    FV(VW) sum[NV];
    float left[VW];
    EACH_OWN(j, sum[j] = START(VW);)
    EACH_LEFT(k, left[k] = START(1);)
    __global const float *a_row = CF32(a) + first * ld_a;
#if PRODUCT
    __global const float *b_row = CF32(b) + first * ld_b;
#define NEXT_ROWS(k) a_row += (k) * ld_a, b_row += (k) * ld_b
#else
#define NEXT_ROWS(k) a_row += (k) * ld_a
#endif
    long r = first;
    for (; r + 4 <= last; r += 4, NEXT_ROWS(4)) {
        EACH_OWN(j, sum[j] += FOUR_TERMS(VW);)
        EACH_LEFT(k, left[k] += FOUR_TERMS(1);)
    }
    for (; r < last; r++, NEXT_ROWS(1)) {
        EACH_OWN(j, sum[j] += TERM(VW, 0);)
        EACH_LEFT(k, left[k] += TERM(1, 0);)
    }
    EACH_OWN(j, STV(VW, sum[j], to, c);)
    EACH_LEFT(k, to[c] = left[k];)
}
#endif

#ifdef FOLD_PARTS
/* out[g,:] += sum_part parts[part,g,:], in order. An item owns VW columns; dimension 1 is the group. */
#if !defined(WG) || !defined(VW)
#error "fold_parts needs -DWG -DVW"
#endif
#define SUM_PARTS(n)                                                        \
    {                                                                       \
        FV(n) sum = 0.0f;                                                   \
        for (long p = 0; p < n_parts; p++)                                  \
            sum += LDV(n, CF32(parts) + (p * n_groups + g) * n_cols, c);    \
        STV(n, sum + LDV(n, to, c), to, c);                                 \
    }
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void fold_parts(CTENSOR(parts), TENSOR(out), long n_cols, long n_groups, long n_parts, long ld_out)
{
    const long g = get_global_id(1);
    __global float *to = F32(out) + g * ld_out;
    FOR_OWN_COLUMNS(SUM_PARTS, n_cols)
}
#endif

#ifdef CLIP_FACTOR
/* scale = min(1, max_norm / (sqrt(sum of squares) + 1e-6)); one item. */
__kernel void clip_factor(CTENSOR(sum_squares), TENSOR(scale), float max_norm)
{
    F32(scale)[0] = fmin(1.0f, max_norm / (sqrt(CF32(sum_squares)[0]) + 1e-6f));
}
#endif

#ifdef FIND_NONFINITE
/*
 * found[g] = index within chunk g (of CHUNK elements) of its first NaN or infinity, or -1. The exponent's bits
 * tell, which no compiler assumes away; only a chunk that has any is searched. Local memory: WG floats.
 */
#if !defined(WG) || !defined(VW) || !defined(CHUNK)
#error "find_nonfinite needs -DWG -DVW -DCHUNK"
#endif
#define NONFINITE(n, v) ((WIDE(as_uint, n)(v) & 0x7f800000u) == 0x7f800000u)
#define COUNT(n, s) count_##s += NONFINITE(n, LDV(n, chunk, i)) ? (FV(n))(1.0f) : (FV(n))(0.0f);

__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void find_nonfinite(CTENSOR(x), TENSOR(found), long n)
{
    const uint lid = get_local_id(0);
    const long first = (long)get_group_id(0) * CHUNK, n_here = min(n - first, (long)CHUNK);
    __global const float *chunk = CF32(x) + first;
    FV(VW) count_v = 0.0f;
    float count_t = 0.0f;
    FOR_RANGE(COUNT, i, n_here, lid)
    float count = SUMV(VW, count_v) + count_t;
#if WG > 1
    __local float lanes[WG];
    count = group_sum(count, lanes, lid, WG);
#endif
    if (lid == 0) {
        int at = 0;
        while (count > 0.0f && at < n_here && !NONFINITE(1, chunk[at]))
            at++;
        ((__global int *)AT(found))[get_group_id(0)] = count > 0.0f ? at : -1;
    }
}
#endif
