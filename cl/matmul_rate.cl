/*
 * How fast a device multiplies, nothing but registers in use: `rounds` times CHAINS independent sums, which hide the latency of
 * each. RATE_BY says in what: fused multiply-adds of floatVW, AVX512-BF16's dot products of pairs, AMX's tiles. What sums come to is
 * stored, or the compiler would leave them out.
 */
#if !defined(RATE_BY) || !defined(CHAINS) || !defined(VW)
#error "RATE_BY, CHAINS and VW must be defined"
#endif
#define EACH _Pragma("unroll") for (int i = 0; i < CHAINS; i++)

#if RATE_BY == RATE_TILES
#include "amx.cl"

/* Sums in four tiles, two of each operand. */
AMX void tiles(int rounds)
{
    for (int r = 0; r < rounds; r++) {
        __builtin_ia32_tdpbf16ps(0, 4, 6);
        __builtin_ia32_tdpbf16ps(1, 4, 7);
        __builtin_ia32_tdpbf16ps(2, 5, 6);
        __builtin_ia32_tdpbf16ps(3, 5, 7);
    }
}
inline float multiplied(int rounds)
{
    amx_begin();
    tiles(rounds);
    amx_end();
    return rounds;
}
#elif RATE_BY == RATE_PAIRS
#define ONES 0x3f803f80 /* two ones in bf16 */
__attribute__((noinline, target("avx512f,avx512bf16"))) float multiplied(int rounds)
{
    float16 s[CHAINS], all = (float16)(0);
    const int16 a = (int16)(ONES), b = (int16)(ONES);
    EACH s[i] = (float16)(i);
    for (int r = 0; r < rounds; r++)
        EACH s[i] = __builtin_ia32_dpbf16ps_512(s[i], a, b);
    EACH all += s[i];
    return all.s0 + all.sf;
}
#else
#define V CAT(float, VW)
inline float multiplied(int rounds)
{
    V s[CHAINS], a = (V)(0.999f), b = (V)(1e-3f * get_global_id(0)), all = (V)(0);
    float v[VW], sum = 0;
    EACH s[i] = (V)(i);
    for (int r = 0; r < rounds; r++)
        EACH s[i] = fma(s[i], a, b);
    EACH all += s[i];
    CAT(vstore, VW)(all, 0, v);
    for (int i = 0; i < VW; i++)
        sum += v[i];
    return sum;
}
#endif

__kernel void multiply(TENSOR(out), int rounds)
{
    F32(out)[get_global_id(0)] = multiplied(rounds);
}
