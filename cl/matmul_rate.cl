/*
 * How fast a processor multiplies: chains of independent sums in registers, `rounds` times. With PAIRS the dot products of
 * AVX512-BF16, else FMA. What they come to is stored, or the compiler would leave them out.
 */
#define CHAINS 12
#define EACH _Pragma("unroll") for (int i = 0; i < CHAINS; i++)

#if PAIRS
#define TARGET __attribute__((noinline, target("avx512f,avx512bf16")))
#define ONE 0x3f803f80 /* two ones in bf16 */
#define ADD(s) __builtin_ia32_dpbf16ps_512(s, a, b)
typedef int16 operand;
#else
#define TARGET __attribute__((noinline, target("avx512f")))
#define ONE 1.0f
#define ADD(s) fma(a, b, s)
typedef float16 operand;
#endif

TARGET float sums(int rounds)
{
    float16 s[CHAINS], all = (float16)(0);
    const operand a = (operand)(ONE), b = (operand)(ONE);
    EACH s[i] = (float16)(i);
    for (int r = 0; r < rounds; r++)
        EACH s[i] = ADD(s[i]);
    EACH all += s[i];
    return all.s0 + all.sf;
}

__kernel void multiply(__global float *out, int rounds)
{
    out[get_global_id(0)] = sums(rounds);
}
