/*
 * Matrix product on x86 processors with AMX: out (M,N) = epilogue(alpha · A · W^T), operands
 * rounded to bf16, sums in f32. For OpenCL devices that compile with clang and run on the host's
 * processor (PoCL).
 *
 * A tile is 16 × 16 words of 64 bytes a row, a word holding two values of K. A: [m/32][K/32][2]
 * tiles, word (i, k/2); W in the AMX layout: [n/32][K/32][2] tiles, word (k/2, n). Both zero-padded
 * (matmul_pack_amx.cl). With T_W, W comes in panels of that type instead, and a block of it is
 * rounded into tiles for all row panels.
 *
 * One work-group of one item owns MB panels of rows × NB panels of columns and walks K in blocks of
 * KB values; 32 × 32 sums live in four tile registers during a block, in local memory between
 * blocks.
 */
#if !defined(KB) || !defined(NB) || !defined(MB)
#error "KB, NB and MB must be defined"
#endif
#include "matmul_epilogue.cl"
EPILOGUE_FUNCTION(finish1, float, EPI_LOAD1, EPI_STORE1)
#define LOAD16(p) vload16(0, p)
#define STORE16(v, p) vstore16(v, 0, p)
EPILOGUE_FUNCTION(finish16, float16, LOAD16, STORE16)

/* Put on a kernel the attribute would be lost; inlined into one, too. */
#define AMX __attribute__((noinline, target("amx-tile,amx-bf16")))
#define PTR(x) ((void *)(ulong)(x))

AMX void amx_begin(void)
{
    /* Palette 1; eight tiles of 16 rows of 64 bytes. */
    ulong config[8] = {1, 0, 0x0040004000400040UL, 0x0040004000400040UL,
                       0, 0, 0x1010101010101010UL, 0};
    __builtin_ia32_tile_loadconfig(config);
}
AMX void amx_end(void)
{
    __builtin_ia32_tilerelease();
}

/* c (32,32) = [c +] `steps` steps of 32 values of K; with one row tile, only its upper half. */
AMX void amx_block(ulong c, ulong a, ulong b, int steps, int row_tiles, int add)
{
    if (add) {
        __builtin_ia32_tileloadd64(0, PTR(c), 128);
        __builtin_ia32_tileloadd64(1, PTR(c + 64), 128);
        __builtin_ia32_tileloadd64(2, PTR(c + 2048), 128);
        __builtin_ia32_tileloadd64(3, PTR(c + 2112), 128);
    } else {
        __builtin_ia32_tilezero(0);
        __builtin_ia32_tilezero(1);
        __builtin_ia32_tilezero(2);
        __builtin_ia32_tilezero(3);
    }
    if (row_tiles == 2) {
        for (int s = 0; s < steps; s++, a += 2048, b += 2048) {
            __builtin_ia32_tileloadd64(4, PTR(a), 64);
            __builtin_ia32_tileloadd64(6, PTR(b), 64);
            __builtin_ia32_tileloadd64(7, PTR(b + 1024), 64);
            __builtin_ia32_tdpbf16ps(0, 4, 6);
            __builtin_ia32_tdpbf16ps(1, 4, 7);
            __builtin_ia32_tileloadd64(5, PTR(a + 1024), 64);
            __builtin_ia32_tdpbf16ps(2, 5, 6);
            __builtin_ia32_tdpbf16ps(3, 5, 7);
        }
    } else {
        for (int s = 0; s < steps; s++, a += 2048, b += 2048) {
            __builtin_ia32_tileloadd64(4, PTR(a), 64);
            __builtin_ia32_tileloadd64(6, PTR(b), 64);
            __builtin_ia32_tileloadd64(7, PTR(b + 1024), 64);
            __builtin_ia32_tdpbf16ps(0, 4, 6);
            __builtin_ia32_tdpbf16ps(1, 4, 7);
        }
    }
    __builtin_ia32_tilestored64(0, PTR(c), 128);
    __builtin_ia32_tilestored64(1, PTR(c + 64), 128);
    __builtin_ia32_tilestored64(2, PTR(c + 2048), 128);
    __builtin_ia32_tilestored64(3, PTR(c + 2112), 128);
}

#ifdef T_W
#define VW 16
#include "matmul_panel.cl"

/* Sixteen words: lo rounded to bf16 in the low halves, hi in the high ones. The instruction puts
 * lo's sixteen before hi's; `order` alternates them. */
INLINE uint16 round_pairs(float16 lo, float16 hi, uint16 order)
{
    uint16 v;
    __asm__("vcvtne2ps2bf16 %1, %2, %0" : "=v"(v) : "v"(lo), "v"(hi));
    __asm__("vpermw %0, %1, %0" : "+v"(v) : "v"(order));
    return v;
}

/* `steps` steps of the panel at w, which has K values from there on, as tiles. */
__attribute__((noinline, target("avx512f,avx512bw,avx512bf16"))) void
round_panel(__local uint *to, __global const uchar *w, int steps, long K)
{
    const uint16 order =
        (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) * 0x10001u + 0x100000u;
    for (int s = 0; s < steps; s++, to += 512)
        for (int t = 0; t < 2; t++) {
            const int col = 16 * t;
#if PANEL_BLOCKS
            __global const uchar *block = w + PANEL_BYTES(s * 32);
            const float16 scale = PANEL_SCALE(block, col);
#pragma unroll
            for (int j = 0; j < 16; j++)
                vstore16(round_pairs(PANEL_ROW(block, 2 * j, col, scale),
                                     PANEL_ROW(block, 2 * j + 1, col, scale), order),
                         0, to + t * 256 + j * 16);
#else
            for (int j = 0; j < 16; j++) {
                const int k = s * 32 + 2 * j;
                const float16 lo = k < K ? PANEL_ROW(w, k, col, ) : (float16)(0.0f);
                const float16 hi = k + 1 < K ? PANEL_ROW(w, k + 1, col, ) : (float16)(0.0f);
                vstore16(round_pairs(lo, hi, order), 0, to + t * 256 + j * 16);
            }
#endif
        }
}
#endif

/* Finishes the (32,32) sums c at row m, column n; rows at and beyond M and columns at and beyond
 * e->cols do not exist. */
inline void finish(const epilogue *e, __local const float *c, long m, long M, long n)
{
    for (int r = 0; r < 32 && m + r < M; r++)
        for (int v = 0; v < 32; v += 16) {
            if (n + v + 16 <= e->cols)
                finish16(e, m + r, n + v, vload16(0, c + r * 32 + v));
            else
                for (int j = v; j < v + 16 && n + j < e->cols; j++)
                    finish1(e, m + r, n + j, c[r * 32 + j]);
        }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
matmul_amx(CTENSOR(x), CTENSOR(w), EPILOGUE_PARAMS, long M, long K)
{
    __local float sums[MB * NB * 1024] __attribute__((aligned(64)));
#ifdef T_W
    __local uint rounded[NB * KB * 16] __attribute__((aligned(64)));
#endif
    const epilogue e = EPILOGUE_INIT;
    const long p0 = (long)get_global_id(0) * NB, q0 = (long)get_global_id(1) * MB,
               all_steps = (K + 31) / 32;
    const int n_p = (int)min((long)NB, (e.cols + 31) / 32 - p0),
              n_q = (int)min((long)MB, (M + 31) / 32 - q0);

    amx_begin();
    for (long s0 = 0; s0 < all_steps; s0 += KB / 32) {
        const int steps = (int)min((long)(KB / 32), all_steps - s0);
#ifdef T_W
        for (int p = 0; p < n_p; p++)
            round_panel(rounded + p * (KB * 16),
                        AT(w) + (p0 + p) * PANEL_BYTES(K) + PANEL_BYTES(s0 * 32), steps,
                        K - s0 * 32);
#endif
        for (int q = 0; q < n_q; q++) {
            const long m = (q0 + q) * 32;
            for (int p = 0; p < n_p; p++) {
                __local float *c = sums + (q * NB + p) * 1024;
#ifdef T_W
                const ulong b = (ulong)(rounded + p * (KB * 16));
#else
                const ulong b = (ulong)(AT(w) + ((p0 + p) * all_steps + s0) * 2048);
#endif
                amx_block((ulong)c, (ulong)(AT(x) + ((q0 + q) * all_steps + s0) * 2048), b, steps,
                          M - m > 16 ? 2 : 1, s0 != 0);
                if (s0 + steps == all_steps)
                    finish(&e, c, m, M, (p0 + p) * 32);
            }
        }
    }
    amx_end();
}
