/*
 * Packing for the matrix units of x86 processors (matmul_bf16.cl): any matrix (I,K) rounded to bf16,
 * in words of two values of K, 2j (low half) and 2j+1. The left operand of a product in panels of P
 * rows, [i/P][K/32][P][16] words; the right one (RIGHT) in tiles of 16 rows, [i/32][K/32][2][16 of
 * j][16 of i]. Rows beyond I and values beyond K are zero. Element (i,k) of src is at
 * i·stride_i + k·stride_k; K_CONTIGUOUS says which of the strides is 1.
 */
#if !defined(T_SRC) || !defined(RIGHT) || !defined(K_CONTIGUOUS)
#error "T_SRC, RIGHT and K_CONTIGUOUS must be defined"
#endif
#include "matmul_round.cl"

/* An item follows what is contiguous: 8 steps of one panel, or one step of 8 panels. */
#define PANELS_PER_ITEM (K_CONTIGUOUS ? 1 : 8)
#define STEPS_PER_ITEM (K_CONTIGUOUS ? 8 : 1)

/* Sixteen values from element i on, of which n exist. */
#define ld16_f32(p, i) vload16(0, (__global const float *)(p) + (i))
#define ld16_f16(p, i) vload_half16(0, (__global const half *)(p) + (i))
#define ld16_bf16(p, i)                                                                            \
    as_float16(convert_uint16(vload16(0, (__global const ushort *)(p) + (i))) << 16)
#define HAVE_LD16_f32 1
#define HAVE_LD16_f16 1
#define HAVE_LD16_bf16 1
ROUND float16 ld16(__global const uchar *p, ulong i, long n)
{
#if CAT(HAVE_LD16_, T_SRC)
    if (n >= 16)
        return CAT(ld16_, T_SRC)(p, i);
#endif
    float v[16];
    for (int j = 0; j < 16; j++)
        v[j] = j < n ? LD(T_SRC, p, i + j) : 0.0f;
    return vload16(0, v);
}

/* What lies side by side in src of a square of 16 rows × 16 pairs of K: row r, or pair r. */
ROUND uint16 line(__global const uchar *src, int r, long i0, long k0, long I, long K,
                  long stride_i, long stride_k, uint16 order)
{
#if K_CONTIGUOUS
    const ulong at = (ulong)((i0 + r) * stride_i + k0);
    const long n = i0 + r < I ? K - k0 : 0;
    return round_row(ld16(src, at, n), ld16(src, at + 16, n - 16));
#else
    const ulong at = (ulong)(i0 + (k0 + 2 * r) * stride_k);
    return round_pairs(ld16(src, at, k0 + 2 * r < K ? I - i0 : 0),
                       ld16(src, at + stride_k, k0 + 2 * r + 1 < K ? I - i0 : 0), order);
#endif
}

/* Four rounds, each moving the row's highest bit into the column. */
ROUND void transpose(uint16 *v)
{
#pragma unroll
    for (int round = 0; round < 4; round++) {
        uint16 u[16];
#pragma unroll
        for (int i = 0; i < 8; i++) {
            u[2 * i].even = v[i].lo;
            u[2 * i].odd = v[i + 8].lo;
            u[2 * i + 1].even = v[i].hi;
            u[2 * i + 1].odd = v[i + 8].hi;
        }
#pragma unroll
        for (int i = 0; i < 16; i++)
            v[i] = u[i];
    }
}

/* The first n rows of the square. */
inline void pack_square(__global uint *to, __global const uchar *src, int n, long i0, long k0,
                        long I, long K, long stride_i, long stride_k)
{
    const uint16 order = PAIR_ORDER;
#if K_CONTIGUOUS != RIGHT
    for (int r = 0; r < n; r++)
        vstore16(line(src, r, i0, k0, I, K, stride_i, stride_k, order), r, to);
#else
    uint16 v[16];
#pragma unroll
    for (int r = 0; r < 16; r++)
        v[r] = line(src, r, i0, k0, I, K, stride_i, stride_k, order);
    transpose(v);
#pragma unroll
    for (int r = 0; r < 16; r++)
        if (r < n)
            vstore16(v[r], r, to);
#endif
}

__kernel void pack_bf16(CTENSOR(src), TENSOR(dst), long I, long K, long stride_i, long stride_k,
                        int P)
{
    const long p0 = (long)get_global_id(1) * PANELS_PER_ITEM,
               s0 = (long)get_global_id(0) * STEPS_PER_ITEM;
    const long panels = (I + P - 1) / P, steps = (K + 31) / 32;
    for (long p = p0; p < min(p0 + PANELS_PER_ITEM, panels); p++)
        for (long s = s0; s < min(s0 + STEPS_PER_ITEM, steps); s++)
            for (int i = 0; i < P; i += 16)
                pack_square((__global uint *)AT(dst) + ((p * steps + s) * P + i) * 16, AT(src),
                            min(16, P - i), p * P + i, s * 32, I, K, stride_i, stride_k);
}
