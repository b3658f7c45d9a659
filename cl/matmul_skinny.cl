/*
 * Matrix product of few rows, bound by reading W once: out (M,N) = epilogue(alpha · A · W^T), A
 * (M,K) of T_A (f32, f16, bf16) and W (N,K) of any dtype T_B, both row-major.
 *
 * A work-group of WG items computes MT rows × NT columns: item l sums values l·VW.., (l + WG)·VW..
 * of K, then the items' sums are added in local memory as a tree. Block types: a vector never
 * crosses a block of 32 values.
 */
#if !defined(WG) || !defined(MT) || !defined(NT) || !defined(VW) || !defined(T_A) || !defined(T_B)
#error "WG, MT, NT, VW, T_A and T_B must be defined"
#endif
#include "matmul_epilogue.cl"
EPILOGUE_FUNCTION(finish1, 1)

typedef FV(VW) fvec;
#define CONVERT_F(v) CAT(convert_float, VW)(v)
#define LOADW(p) CAT(vload, VW)(0, p)

/* Elements i..i+VW-1. */
inline fvec row_f32(__global const uchar *p, ulong i)
{
    return LOADW((__global const float *)p + i);
}
inline fvec row_f16(__global const uchar *p, ulong i)
{
    return CAT(vload_half, VW)(0, (__global const half *)p + i);
}
inline fvec row_bf16(__global const uchar *p, ulong i)
{
    return CAT(as_float, VW)(CAT(convert_uint, VW)(LOADW((__global const ushort *)p + i)) << 16);
}
inline fvec row_q8_0(__global const uchar *p, ulong i)
{
    p += i / 32 * 34;
    return CONVERT_F(LOADW((__global const char *)p + 2 + i % 32)) *
           vload_half(0, (__global const half *)p);
}
inline fvec row_q4_0(__global const uchar *p, ulong i)
{
    p += i / 32 * 18;
    const CAT(uchar, VW) q = LOADW(p + 2 + i % 16) >> (uchar)(i % 32 / 16 * 4) & (uchar)15;
    return (CONVERT_F(q) - 8.0f) * vload_half(0, (__global const half *)p);
}
#define ROW_(T) row_##T
#define ROW(T) ROW_(T)

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
matmul_skinny(CTENSOR(a), CTENSOR(w), EPILOGUE_PARAMS, long M, long K, long a_ld, long w_ld)
{
    __local float sums[MT * NT][WG];
    const int lid = get_local_id(0);
    const long n0 = (long)get_group_id(0) * NT, m0 = (long)get_group_id(1) * MT;
    const epilogue e = EPILOGUE_INIT;
    fvec c[MT][NT];
    long row[MT], col[NT]; /* the last row or column stands in for those beyond the end */
#pragma unroll
    for (int i = 0; i < MT; i++)
        row[i] = min(m0 + i, M - 1) * a_ld;
#pragma unroll
    for (int j = 0; j < NT; j++)
        col[j] = min(n0 + j, e.cols - 1) * w_ld;
#pragma unroll
    for (int i = 0; i < MT; i++)
#pragma unroll
        for (int j = 0; j < NT; j++)
            c[i][j] = (fvec)(0.0f);

    const long whole = K - K % VW;
    for (long k = lid * VW; k < whole; k += WG * VW) {
        fvec x[MT];
#pragma unroll
        for (int i = 0; i < MT; i++)
            x[i] = ROW(T_A)(AT(a), (ulong)(row[i] + k));
#pragma unroll
        for (int j = 0; j < NT; j++) {
            const fvec v = ROW(T_B)(AT(w), (ulong)(col[j] + k));
#pragma unroll
            for (int i = 0; i < MT; i++)
                c[i][j] += x[i] * v;
        }
    }
#pragma unroll
    for (int i = 0; i < MT; i++)
#pragma unroll
        for (int j = 0; j < NT; j++) {
            float sum = SUMV(VW, c[i][j]);
            for (long k = whole + lid; k < K; k += WG)
                sum += LD(T_A, AT(a), (ulong)(row[i] + k)) * LD(T_B, AT(w), (ulong)(col[j] + k));
            sums[i * NT + j][lid] = sum;
        }
    for (int half_n = WG / 2; half_n > 0; half_n /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lid < half_n)
            for (int t = 0; t < MT * NT; t++)
                sums[t][lid] += sums[t][lid + half_n];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int t = lid; t < MT * NT; t += WG)
        if (m0 + t / NT < M && n0 + t % NT < e.cols)
            finish1(&e, m0 + t / NT, n0 + t % NT, sums[t][0]);
}
