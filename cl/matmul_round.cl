/* For the kernels of x86 processors' matrix units: rounding to bf16 by the instruction of AVX512-BF16
 * (denormals become zero), and transposition of words. */
#define ROUND inline __attribute__((always_inline))

#ifdef EMULATED
/* In plain C, for tests on processors without. */
inline uint16 rounded(float16 x)
{
    const uint16 u = as_uint16(x);
    return isnan(x) ? (u | 0x400000u) >> 16 : fabs(x) < FLT_MIN ? (u & 0x80000000u) >> 16 : (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
}
ROUND uint16 round_row(float16 lo, float16 hi)
{
    const uint16 l = rounded(lo), h = rounded(hi);
    return (uint16)(l.even | l.odd << 16, h.even | h.odd << 16);
}
#define PAIR_ORDER ((uint16)(0))
ROUND uint16 round_pairs(float16 lo, float16 hi, uint16 order)
{
    return rounded(lo) | rounded(hi) << 16;
}
#else
/* Sixteen words of two bf16 values each: lo and, after it, hi. */
ROUND uint16 round_row(float16 lo, float16 hi)
{
    uint16 v;
    __asm__("vcvtne2ps2bf16 %1, %2, %0" : "=v"(v) : "v"(lo), "v"(hi));
    return v;
}

/* Puts the halves of such a row side by side: lo's value in the low half of each word, hi's in the
 * high one. */
#define PAIR_ORDER                                                                                 \
    ((uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) * 0x10001u + 0x100000u)
ROUND uint16 round_pairs(float16 lo, float16 hi, uint16 order)
{
    uint16 v = round_row(lo, hi);
    __asm__("vpermw %0, %1, %0" : "+v"(v) : "v"(order));
    return v;
}
#endif

#include "transpose.cl"
TRANSPOSE_FUNCTION(transpose, uint16, 16)
