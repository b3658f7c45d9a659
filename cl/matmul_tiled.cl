/*
 * Matrix product for any device: out (M,N) = epilogue(alpha · op(A) · op(B)), row-major operands.
 *
 * A is (M,K), with TRANS_A stored as (K,M); B is (K,N), with TRANS_B stored as (N,K) and then of
 * any dtype T_B. A work-group of (BN/TN) × (BM/TM) items computes a tile of BM × BN, walking K in
 * steps of BK through local memory; an item sums TM consecutive rows × TN columns that lie BN/TN
 * apart, so that neighbours read and write neighbouring columns. A row of a tile in local memory is
 * one value longer than the tile, against bank conflicts while it is filled.
 */
#if !defined(BM) || !defined(BN) || !defined(BK) || !defined(TM) || !defined(TN) ||                \
    !defined(TRANS_A) || !defined(TRANS_B) || !defined(T_B)
#error "BM, BN, BK, TM, TN, TRANS_A, TRANS_B and T_B must be defined"
#endif
#define LX (BN / TN)
#define LY (BM / TM)
#define WG (LX * LY)

#include "matmul_epilogue.cl"
EPILOGUE_FUNCTION(finish1, float, EPI_LOAD1, EPI_STORE1)

/* Fills tile[BK][B + 1] from rows i0.. and values k0.. of a matrix with I rows; lanes follow what
 * is contiguous. */
#define FILL(tile, B, T, x, ld, trans, i0, I)                                                      \
    for (int t = lid; t < B * BK; t += WG) {                                                       \
        const int i = trans ? t % B : t / BK, k = trans ? t / B : t % BK;                          \
        const long gi = i0 + i, gk = k0 + k;                                                       \
        tile[k][i] =                                                                               \
            gi < I && gk < K ? LD(T, x, (ulong)(trans ? gk * ld + gi : gi * ld + gk)) : 0.0f;      \
    }

__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void
matmul_tiled(CTENSOR(a), CTENSOR(b), EPILOGUE_PARAMS, long M, long K, long a_ld, long b_ld)
{
    __local float as[BK][BM + 1], bs[BK][BN + 1];
    const int lx = get_local_id(0), ly = get_local_id(1), lid = ly * LX + lx;
    const long n0 = (long)get_group_id(0) * BN, m0 = (long)get_group_id(1) * BM;
    const epilogue e = EPILOGUE_INIT;
    float c[TM][TN];
#pragma unroll
    for (int i = 0; i < TM; i++)
#pragma unroll
        for (int j = 0; j < TN; j++)
            c[i][j] = 0.0f;

    for (long k0 = 0; k0 < K; k0 += BK) {
        FILL(as, BM, f32, AT(a), a_ld, TRANS_A, m0, M)
        FILL(bs, BN, T_B, AT(b), b_ld, !TRANS_B, n0, e.cols)
        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll 4
        for (int k = 0; k < BK; k++) {
            float x[TM], w[TN];
#pragma unroll
            for (int i = 0; i < TM; i++)
                x[i] = as[k][ly * TM + i];
#pragma unroll
            for (int j = 0; j < TN; j++)
                w[j] = bs[k][j * LX + lx];
#pragma unroll
            for (int i = 0; i < TM; i++)
#pragma unroll
                for (int j = 0; j < TN; j++)
                    c[i][j] += x[i] * w[j];
        }
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
                finish1(&e, m, n, row[j]);
        }
    }
}
