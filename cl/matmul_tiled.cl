/*
 * Matrix product for any device: out (M,N) = epilogue(alpha · op(A) · op(B)), row-major operands.
 *
 * A is (M,K) of T_A (f32, f16, bf16), with TRANS_A stored as (K,M); B is (K,N), with TRANS_B stored
 * as (N,K) and then of any dtype T_B. A work-group of (BN/TN) × (BM/TM) items computes a tile of BM × BN, walking K in
 * steps of BK through local memory; an item sums TM consecutive rows × TN columns that lie BN/TN
 * apart, so that neighbours read and write neighbouring columns. A row of a tile in local memory is
 * one value longer than the tile, against bank conflicts while it is filled.
 *
 * SUBGROUPS=1: work-items in subgroups of SUB, which share their rows: each lane holds the rows' values of
 * A at one step of K and hands them to the others; local memory keeps B alone. BN/TN and BK are
 * multiples of SUB.
 * HALF=1: operands in half precision, each row of A and column of B times a power of two that brings
 * it into ±1 (cl/matmul_scale.cl); sums of BK products in half, added up in float.
 */
#if !defined(BM) || !defined(BN) || !defined(BK) || !defined(TM) || !defined(TN) ||                \
    !defined(TRANS_A) || !defined(TRANS_B) || !defined(T_A) || !defined(T_B) || !defined(HALF) ||  \
    !defined(SUBGROUPS)
#error "BM, BN, BK, TM, TN, TRANS_A, TRANS_B, T_A, T_B, HALF and SUBGROUPS must be defined"
#endif
#if SUBGROUPS && !defined(SUB)
#error "SUB must be defined"
#endif
#define LX (BN / TN)
#define LY (BM / TM)
#define WG (LX * LY)

#include "matmul_epilogue.cl"
EPILOGUE_FUNCTION(finish1, 1)

#if HALF
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
typedef half real;
#define REAL(x) convert_half(x)
#define SCALE(x, i) ((__global const float *)AT(x##_scale))[i]
#define SCALES , CTENSOR(a_scale), CTENSOR(b_scale)
#define SUMS s /* of BK products */
#else
typedef float real;
#define REAL(x) (x)
#define SCALE(x, i) 1.0f
#define SCALES
#define SUMS c
#endif

/* Value k of row i of a matrix with I rows, 0 outside. */
#define VALUE(T, x, ld, trans, i, k, I)                                                            \
    REAL((i) < I && (k) < K                                                                        \
             ? LD(T, AT(x), (ulong)(trans ? (k) * ld + (i) : (i) * ld + (k))) * SCALE(x, i)        \
             : 0.0f)

/* Fills tile[BK][B + 1] from rows i0.. and values k0.. of such a matrix; lanes follow what is
 * contiguous. */
#define FILL(tile, B, T, x, ld, trans, i0, I)                                                      \
    for (int t = lid; t < B * BK; t += WG) {                                                       \
        const int i = trans ? t % B : t / BK, k = trans ? t / B : t % BK;                          \
        tile[k][i] = VALUE(T, x, ld, trans, i0 + i, k0 + k, I);                                    \
    }

/* s (TM,TN) += step k of the product: x (TM) of A, TN columns of B. */
#define MULTIPLY(s, x, k)                                                                          \
    {                                                                                              \
        real w[TN];                                                                                \
        _Pragma("unroll") for (int j = 0; j < TN; j++) w[j] = bs[k][j * LX + lx];                  \
        _Pragma("unroll") for (int i = 0; i < TM; i++) _Pragma("unroll") for (int j = 0; j < TN; j++) \
            s[i][j] += x[i] * w[j];                                                                \
    }

#if SUBGROUPS
__attribute__((intel_reqd_sub_group_size(SUB)))
#endif
__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void
matmul_tiled(CTENSOR(a), CTENSOR(b), EPILOGUE_PARAMS, long M, long K, long a_ld, long b_ld SCALES)
{
    __local real bs[BK][BN + 1];
#if SUBGROUPS
    const int lane = get_sub_group_local_id(), lid = get_sub_group_id() * SUB + lane;
    const int lx = lid % LX, ly = lid / LX;
#else
    __local real as[BK][BM + 1];
    const int lx = get_local_id(0), ly = get_local_id(1), lid = ly * LX + lx;
#endif
    const long n0 = (long)get_group_id(0) * BN, m0 = (long)get_group_id(1) * BM;
    const epilogue e = EPILOGUE_INIT;
    float c[TM][TN];
#pragma unroll
    for (int i = 0; i < TM; i++)
#pragma unroll
        for (int j = 0; j < TN; j++)
            c[i][j] = 0.0f;

    for (long k0 = 0; k0 < K; k0 += BK) {
#if HALF
        real s[TM][TN];
#pragma unroll
        for (int i = 0; i < TM; i++)
#pragma unroll
            for (int j = 0; j < TN; j++)
                s[i][j] = 0.0h;
#endif
        FILL(bs, BN, T_B, b, b_ld, !TRANS_B, n0, e.cols)
#if SUBGROUPS
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int part = 0; part < BK; part += SUB) {
            real own[TM];
#pragma unroll
            for (int i = 0; i < TM; i++)
                own[i] = VALUE(T_A, a, a_ld, TRANS_A, m0 + ly * TM + i, k0 + part + lane, M);
#pragma unroll
            for (int k = 0; k < SUB; k++) {
                real x[TM];
#pragma unroll
                for (int i = 0; i < TM; i++)
                    x[i] = sub_group_broadcast(own[i], k);
                MULTIPLY(SUMS, x, part + k)
            }
        }
#else
        FILL(as, BM, T_A, a, a_ld, TRANS_A, m0, M)
        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll 4
        for (int k = 0; k < BK; k++) {
            real x[TM];
#pragma unroll
            for (int i = 0; i < TM; i++)
                x[i] = as[k][ly * TM + i];
            MULTIPLY(SUMS, x, k)
        }
#endif
#if HALF
#pragma unroll
        for (int i = 0; i < TM; i++)
#pragma unroll
            for (int j = 0; j < TN; j++)
                c[i][j] += convert_float(s[i][j]);
#endif
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    /* Row after row, so that only one row's worth of epilogues is unrolled; indexing c by a loop
     * would keep it out of registers. */
    for (int r = 0; r < TM; r++) {
        float row[TN];
#pragma unroll
        for (int j = 0; j < TN; j++) {
            row[j] = c[0][j];
#pragma unroll
            for (int i = 1; i < TM; i++)
                row[j] = i == r ? c[i][j] : row[j];
        }
        const long m = m0 + ly * TM + r;
#pragma unroll
        for (int j = 0; j < TN; j++) {
            const long n = n0 + j * LX + lx;
            if (m < M && n < e.cols)
                finish1(&e, m, n, row[j] / SCALE(a, m) / SCALE(b, n));
        }
    }
}
