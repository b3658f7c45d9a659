/*
 * The block product of AVX512-BF16 (matmul_bf16.cl): PANEL_ROWS × 2 vectors of sums in registers; an
 * instruction adds the products of one word of A and sixteen words of W.
 */
#ifndef PANEL_ROWS
#error "PANEL_ROWS must be defined"
#endif

/* s + the products of the pairs of values in each word of x and w */
#ifdef EMULATED
#define AVX512
#define ADD_PAIRS(s, x, w)                                                                                             \
    ((s) + as_float16((x) << 16) * as_float16((w) << 16) + as_float16((x) & (int)0xffff0000) * as_float16((w) & (int)0xffff0000))
#else
/* Put on a kernel the attribute would be lost; inlined into one, too. */
#define AVX512 __attribute__((noinline, target("avx512f,avx512bf16")))
#define ADD_PAIRS(s, x, w) __builtin_ia32_dpbf16ps_512(s, x, w)
#endif
typedef float16 vec_f __attribute__((aligned(4)));
typedef int16 vec_w __attribute__((aligned(4)));
#define VEC_F(x) ((vec_f *)(ulong)(x))
#define VEC_W(x) ((const vec_w *)(ulong)(x))
#define WORD(x) ((const int *)(ulong)(x))

AVX512 void avx512_block(ulong c, ulong a, ulong b, int steps, int add)
{
    float16 s[PANEL_ROWS][2];
#pragma unroll
    for (int r = 0; r < PANEL_ROWS; r++)
#pragma unroll
        for (int v = 0; v < 2; v++)
            s[r][v] = add ? VEC_F(c)[r * 2 + v] : (float16)(0.0f);
    for (; steps > 0; steps--, a += PANEL_ROWS * 64, b += 2048) {
#pragma unroll 4
        for (int j = 0; j < 16; j++) {
            const int16 w0 = VEC_W(b)[j], w1 = VEC_W(b)[16 + j];
#pragma unroll
            for (int r = 0; r < PANEL_ROWS; r++) {
                const int16 x = (int16)(WORD(a)[r * 16 + j]);
                s[r][0] = ADD_PAIRS(s[r][0], x, w0);
                s[r][1] = ADD_PAIRS(s[r][1], x, w1);
            }
        }
    }
#pragma unroll
    for (int r = 0; r < PANEL_ROWS; r++)
#pragma unroll
        for (int v = 0; v < 2; v++)
            VEC_F(c)[r * 2 + v] = s[r][v];
}

#define UNIT_BEGIN()
#define UNIT_BLOCK(c, a, b, steps, rows, add, ahead) avx512_block(c, a, b, steps, add)
#define UNIT_END()
#include "matmul_bf16.cl"
