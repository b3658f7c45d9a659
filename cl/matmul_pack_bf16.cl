/*
 * Packing for the matrix units of x86 processors (matmul_bf16.cl): any matrix (I,K) rounded to bf16,
 * in words of two values of K, 2j (low half) and 2j+1. The left operand of a product in panels of P
 * rows, [i/P][K/32][P][16] words; the right one (RIGHT) in tiles of 16 rows, [i/32][K/32][2][16 of
 * j][16 of i]. Rows beyond I and values beyond K are zero. Element (i,k) of src is at
 * i·stride_i + k·stride_k; K_CONTIGUOUS says which of the strides is 1.
 *
 * An item packs what is contiguous in src: ITEM_STEPS steps of 32 values of K of one panel, or one
 * step of as many panels as ITEM_ROWS rows make.
 */
#if !defined(T_SRC) || !defined(RIGHT) || !defined(K_CONTIGUOUS) || !defined(ITEM_STEPS) ||       \
    !defined(ITEM_ROWS)
#error "T_SRC, RIGHT, K_CONTIGUOUS, ITEM_STEPS and ITEM_ROWS must be defined"
#endif
#include "matmul_round.cl"

/* Sixteen values from element i on, of which n exist. */
#define ld16_f32(p, i) LOAD_16((__global const float *)(p) + (i))
#define ld16_f16(p, i) vload_half16(0, (__global const half *)(p) + (i))
#define ld16_bf16(p, i)                                                                            \
    as_float16(convert_uint16(LOAD_16((__global const ushort *)(p) + (i))) << 16)
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
    return LOAD_16(v);
}

/* The first n rows of 16 × 16 words transposed; `ld` words from one row of `from` to the next. */
inline void pack_transposed(__global uint *to, const uint *from, int ld, int n)
{
    uint16 v[16];
#pragma unroll
    for (int r = 0; r < 16; r++)
        v[r] = LOAD_16(from + r * ld);
    transpose(v);
#pragma unroll
    for (int r = 0; r < 16; r++)
        if (r < n)
            STORE_16(v[r], to + 16 * r);
}

#if K_CONTIGUOUS
ROUND uint16 row_words(__global const uchar *src, ulong at, long n)
{
    return round_row(ld16(src, at, n), ld16(src, at + 16, n - 16));
}

/* Sixteen rows at most of one step, n of them of the panel. */
inline void pack_rows(__global uint *to, __global const uchar *src, int n, long i0, long k0, long I,
                      long K, long stride_i)
{
#if RIGHT
    uint words[256];
#endif
    for (int r = 0; r < n; r++) {
        const uint16 v =
            row_words(src, (ulong)((i0 + r) * stride_i + k0), i0 + r < I ? K - k0 : 0);
#if RIGHT
        STORE_16(v, words + 16 * r);
#else
        STORE_16(v, to + 16 * r);
#endif
    }
#if RIGHT
    pack_transposed(to, words, 16, 16);
#endif
}
#endif

__kernel void pack_bf16(CTENSOR(src), TENSOR(dst), long I, long K, long stride_i, long stride_k,
                        int P)
{
    const long panels = (I + P - 1) / P, steps = (K + 31) / 32;
#if K_CONTIGUOUS
    const long p = get_global_id(1), s0 = (long)get_global_id(0) * ITEM_STEPS;
    for (long s = s0; s < min(s0 + ITEM_STEPS, steps); s++)
        for (int i = 0; i < P; i += 16)
            pack_rows((__global uint *)AT(dst) + ((p * steps + s) * P + i) * 16, AT(src),
                      min(16, P - i), p * P + i, s * 32, I, K, stride_i);
#else
    const long p0 = (long)get_global_id(0) * (ITEM_ROWS / P), s = get_global_id(1);
    const int n_p = (int)min((long)(ITEM_ROWS / P), panels - p0);
    const uint16 order = PAIR_ORDER;
    /* Row by row into the cache: strides of a power of 2 would drive panels out of it. */
    uint words[16][ITEM_ROWS + 16];
    for (int r = 0; r < 16; r++)
        for (int i = 0; i < n_p * P; i += 16) {
            const long k = s * 32 + 2 * r, left = I - p0 * P - i;
            const ulong at = (ulong)(p0 * P + i + k * stride_k);
            STORE_16(round_pairs(ld16(AT(src), at, k < K ? left : 0),
                                 ld16(AT(src), at + stride_k, k + 1 < K ? left : 0), order),
                     words[r] + i);
        }
    for (int p = 0; p < n_p; p++)
        for (int i = 0; i < P; i += 16) {
            __global uint *to = (__global uint *)AT(dst) + (((p0 + p) * steps + s) * P + i) * 16;
            const uint *from = words[0] + p * P + i;
#if RIGHT
            for (int r = 0; r < 16; r++)
                STORE_16(LOAD_16(from + r * (ITEM_ROWS + 16)), to + 16 * r);
#else
            pack_transposed(to, from, ITEM_ROWS + 16, min(16, P - i));
#endif
        }
#endif
}
