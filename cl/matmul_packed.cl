/*
 * Matrix product for processors: out (M,N) = epilogue(alpha · A · W^T), both operands in panels.
 *
 * A: f32 [m/MR][K][MR], W: [n/32][K][32] of T_W (block types: see matmul_pack.cl), both
 * zero-padded. One work-group of one item owns up to MB panels of rows × NB panels of columns and walks K
 * in blocks of KB values, so that a block of W stays in the second-level cache while every row
 * panel passes. A tile of MR rows × 2 vectors of VW columns lives in registers; sums of unfinished
 * K blocks wait in local memory. DIRECT reads W in its own type and place; otherwise a block of W is
 * decoded once for all row panels, to f32 and so that a tile's columns lie one after the other: with
 * every other half of a panel skipped, a tile would use half the sets of the first-level cache.
 */
#if !defined(MR) || !defined(VW) || !defined(KB) || !defined(NB) || !defined(MB) || !defined(DIRECT)
#error "MR, VW, KB, NB, MB and DIRECT must be defined"
#endif

#include "matmul_epilogue.cl"
#include "matmul_panel.cl"

EPILOGUE_FUNCTION(finish1, 1)
EPILOGUE_FUNCTION(finishv, VW)

#define TILE_COLS (2 * VW)

/* c (MR, 2 vectors) += a (kn, MR)^T · kn values of a panel from column col. */
#define STEP(k, w0, w1)                                                                            \
    _Pragma("unroll") for (int r = 0; r < MR; r++)                                                 \
    {                                                                                              \
        c[r][0] += a[(k)*MR + r] * w0;                                                             \
        c[r][1] += a[(k)*MR + r] * w1;                                                             \
    }
#if DIRECT
INLINE void tile(fvec (*c)[2], __global const float *a, __global const uchar *w, int kn,
                 int col){PANEL_STEPS(w, kn, col)}
#else
INLINE void tile(fvec (*c)[2], __global const float *a, __local const float *w, int kn, int col)
{
    w += col * KB;
#pragma unroll 4
    for (int k = 0; k < kn; k++) {
        const fvec w0 = LOADW(w + k * TILE_COLS), w1 = LOADW(w + k * TILE_COLS + VW);
        STEP(k, w0, w1)
    }
}
#endif
#undef STEP

#if !DIRECT
/* `to` (32 / TILE_COLS, KB, TILE_COLS) */
#define STEP(k, w0, w1)                                                                            \
    STOREW(w0, to + col * KB + (k)*TILE_COLS);                                                     \
    STOREW(w1, to + col * KB + (k)*TILE_COLS + VW);
INLINE void decode(__local float *to, __global const uchar *w, int kn)
{
    for (int col = 0; col < 32; col += TILE_COLS) {
        PANEL_STEPS(w, kn, col)
    }
}
#undef STEP
#endif

/* Finishes the tile c at row m, column n: columns at and beyond e->cols and rows at and beyond M do
 * not exist. From memory, because indexing a tile by a loop would keep it out of registers. */
inline void finish(const epilogue *e, __local const float *c, long m, long M, long n)
{
    for (int r = 0; r < MR && m + r < M; r++)
        for (int v = 0; v < 2; v++, c += VW) {
            const long n0 = n + v * VW;
            if (n0 + VW <= e->cols)
                finishv(e, m + r, n0, LOADW(c));
            else
                for (int j = 0; j < VW && n0 + j < e->cols; j++)
                    finish1(e, m + r, n0 + j, c[j]);
        }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
matmul_packed(CTENSOR(x), CTENSOR(w), EPILOGUE_PARAMS, long M, long K)
{
    __local float sums[MB * MR * NB * 32];
#if !DIRECT
    __local float decoded[NB * KB * 32];
#endif
    const epilogue e = EPILOGUE_INIT;
    /* Row panels are dealt out evenly, or a few left over would be a group of their own. */
    const long m_panels = (M + MR - 1) / MR, groups = get_global_size(1),
               mb = (m_panels + groups - 1) / groups;
    const long p0 = (long)get_global_id(0) * NB, q0 = (long)get_global_id(1) * mb;
    const int n_p = (int)min((long)NB, (e.cols + 31) / 32 - p0),
              n_q = (int)min(mb, m_panels - q0);

    for (long k0 = 0; k0 < K; k0 += KB) {
        const int kn = (int)min((long)KB, K - k0);
#if !DIRECT
        for (int p = 0; p < n_p; p++)
            decode(decoded + p * (KB * 32), AT(w) + (p0 + p) * PANEL_BYTES(K) + PANEL_BYTES(k0),
                   kn);
#endif
#if !DIRECT
        /* The next block of W is on its way into the cache while this one is multiplied, some lines with every tile. */
        const int next_n = (int)PANEL_BYTES(clamp(K - k0 - KB, 0L, (long)KB)), n_tiles = n_q * n_p * (32 / TILE_COLS),
                  share = (n_p * next_n + n_tiles - 1) / n_tiles;
        int expected = 0;
#endif
        for (int q = 0; q < n_q; q++) {
            __global const float *a = CF32(x) + ((q0 + q) * K + k0) * MR;
            for (int i = 0; i < n_p * (32 / TILE_COLS); i++) {
                const int p = i * TILE_COLS / 32, col = i * TILE_COLS % 32;
                __local float *sum = sums + (q * NB * 32 + i * TILE_COLS) * MR;
                fvec c[MR][2];
#pragma unroll
                for (int r = 0; r < MR; r++)
#pragma unroll
                    for (int v = 0; v < 2; v++)
                        c[r][v] = k0 ? LOADW(sum + (r * 2 + v) * VW) : (fvec)(0.0f);
                if (k0 + KB >= K)
                    expect_rows(&e, (q0 + q) * MR, min((q0 + q + 1) * MR, M), (p0 + p) * 32 + col, TILE_COLS);
#if DIRECT
                tile(c, a, AT(w) + (p0 + p) * PANEL_BYTES(K) + PANEL_BYTES(k0), kn, col);
#else
                for (const int end = min(expected + share, n_p * next_n); expected < end; expected += 64) {
                    WILL_READ(AT(w) + (p0 + expected / next_n) * PANEL_BYTES(K) + PANEL_BYTES(k0 + KB) + expected % next_n)
                }
                tile(c, a, decoded + p * (KB * 32), kn, col);
#endif
#pragma unroll
                for (int r = 0; r < MR; r++)
#pragma unroll
                    for (int v = 0; v < 2; v++)
                        STOREW(c[r][v], sum + (r * 2 + v) * VW);
                if (k0 + KB >= K)
                    finish(&e, sum, (q0 + q) * MR, M, (p0 + p) * 32 + col);
            }
        }
    }
}
