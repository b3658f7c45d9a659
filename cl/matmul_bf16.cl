/*
 * Matrix product in the matrix unit of an x86 processor: out (M,N) = epilogue(alpha · A · W^T),
 * operands rounded to bf16, sums in f32. For OpenCL devices that compile with clang and run on the
 * host's processor (PoCL). A unit's file includes this one and defines, for panels of
 * PANEL_ROWS rows of A,
 *   UNIT_BEGIN(), UNIT_END()                 around everything
 *   UNIT_BLOCK(c, a, b, steps, rows, add, ahead)
 *                                            c (PANEL_ROWS,32) = [c +] `steps` steps of 32 values of
 *                                            K; addresses; rows of c from `rows` on do not matter;
 *                                            512 bytes for each step, from `ahead` on, will be read soon
 *
 * A word holds two values of K, k/2 counts words. A: [m/PANEL_ROWS][K/32][PANEL_ROWS][16] words; W
 * in the TILE layout: [n/32][K/32][2] tiles of 16 × 16 words (k/2, n). Both zero-padded
 * (matmul_pack_bf16.cl). With T_W, W comes in panels of that type instead, and a block of it is
 * rounded into tiles for all row panels.
 *
 * One work-group of one item owns MB panels of rows × NB panels of columns and walks K in blocks of
 * KB values; sums live in registers during a block, in local memory between blocks.
 */
#if !defined(KB) || !defined(NB) || !defined(MB) || !defined(PANEL_ROWS)
#error "KB, NB, MB and PANEL_ROWS must be defined"
#endif
#include "matmul_epilogue.cl"
EPILOGUE_FUNCTION(finish1, 1)
EPILOGUE_FUNCTION(finish16, 16)

#define SUMS (PANEL_ROWS * 32)

#ifdef T_W
#define VW 16
#include "matmul_panel.cl"
#include "matmul_round.cl"

#ifdef EMULATED
#define ROUNDS
#else
#define ROUNDS __attribute__((noinline, target("avx512f,avx512bw,avx512bf16")))
#endif
/* `steps` steps of the panel at w, which has K values from there on, as tiles. */
ROUNDS void round_panel(__local uint *to, __global const uchar *w, int steps, long K)
{
    const uint16 order = PAIR_ORDER;
    for (int s = 0; s < steps; s++, to += 512)
        for (int t = 0; t < 2; t++) {
            const int col = 16 * t;
#if PANEL_BLOCKS
            __global const uchar *block = w + PANEL_BYTES(s * 32);
            const float16 scale = PANEL_SCALE(block, col);
#pragma unroll
            for (int j = 0; j < 16; j++)
                STORE_16(round_pairs(PANEL_ROW(block, 2 * j, col, scale),
                                     PANEL_ROW(block, 2 * j + 1, col, scale), order),
                         to + t * 256 + j * 16);
#else
            for (int j = 0; j < 16; j++) {
                const int k = s * 32 + 2 * j;
                const float16 lo = k < K ? PANEL_ROW(w, k, col, ) : (float16)(0.0f);
                const float16 hi = k + 1 < K ? PANEL_ROW(w, k + 1, col, ) : (float16)(0.0f);
                STORE_16(round_pairs(lo, hi, order), to + t * 256 + j * 16);
            }
#endif
        }
}
#endif

/* Finishes the (PANEL_ROWS,32) sums c at row m, column n; rows at and beyond M and columns at and
 * beyond e->cols do not exist. */
inline void finish(const epilogue *e, __local const float *c, long m, long M, long n)
{
    for (int r = 0; r < PANEL_ROWS && m + r < M; r++)
        for (int v = 0; v < 32; v += 16) {
            if (n + v + 16 <= e->cols)
                finish16(e, m + r, n + v, LOAD_16(c + r * 32 + v));
            else
                for (int j = v; j < v + 16 && n + j < e->cols; j++)
                    finish1(e, m + r, n + j, c[r * 32 + j]);
        }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
matmul_bf16(CTENSOR(x), CTENSOR(w), EPILOGUE_PARAMS, long M, long K)
{
    __local float sums[MB * NB * SUMS] __attribute__((aligned(64)));
#ifdef T_W
    __local uint rounded[NB * KB * 16] __attribute__((aligned(64)));
#endif
    const epilogue e = EPILOGUE_INIT;
    const long p0 = (long)get_global_id(0) * NB, q0 = (long)get_global_id(1) * MB,
               all_steps = (K + 31) / 32;
    const int n_p = (int)min((long)NB, (e.cols + 31) / 32 - p0),
              n_q = (int)min((long)MB, (M + PANEL_ROWS - 1) / PANEL_ROWS - q0);

    UNIT_BEGIN();
    for (long s0 = 0; s0 < all_steps; s0 += KB / 32) {
        const int steps = (int)min((long)(KB / 32), all_steps - s0);
#ifdef T_W
        for (int p = 0; p < n_p; p++)
            round_panel(rounded + p * (KB * 16),
                        AT(w) + (p0 + p) * PANEL_BYTES(K) + PANEL_BYTES(s0 * 32), steps,
                        K - s0 * 32);
#endif
        for (int q = 0; q < n_q; q++) {
            const long m = (q0 + q) * PANEL_ROWS;
            const ulong panel = (ulong)(AT(x) + ((q0 + q) * all_steps + s0) * (PANEL_ROWS * 64)),
                        next_panel = panel + all_steps * (PANEL_ROWS * 64);
            for (int p = 0; p < n_p; p++) {
                __local float *c = sums + (q * NB + p) * SUMS;
#ifdef T_W
                const ulong b = (ulong)(rounded + p * (KB * 16));
#else
                const ulong b = (ulong)(AT(w) + ((p0 + p) * all_steps + s0) * 2048);
#endif
                const bool last = s0 + steps == all_steps;
                if (last)
                    expect_rows(&e, m, min(m + PANEL_ROWS, M), (p0 + p) * 32, 32);
                UNIT_BLOCK((ulong)c, panel, b, steps, M - m, s0 != 0, next_panel + p * (steps * 512));
                if (last)
                    finish(&e, c, m, M, (p0 + p) * 32);
            }
        }
    }
    UNIT_END();
}
