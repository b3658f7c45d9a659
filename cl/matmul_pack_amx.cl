/*
 * Packing for x86 AMX: any matrix (I,K) rounded to bf16, [i/32][K/32][2] tiles of 16 × 16 words, a
 * word holding values 2j (low half) and 2j+1 of K. Word (i, j) for the left operand (RIGHT 0), (j,
 * i) for the right one. Rows beyond I and values beyond K are zero. Element (i,k) of src is at
 * i·stride_i + k·stride_k; K_CONTIGUOUS says which of the strides is 1.
 */
#if !defined(T_SRC) || !defined(RIGHT) || !defined(K_CONTIGUOUS)
#error "T_SRC, RIGHT and K_CONTIGUOUS must be defined"
#endif
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
inline float16 ld16(__global const uchar *p, ulong i, long n)
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

/* Tile t (16 rows of src) of one step: the words of one row, or of one pair of K, at a time. */
inline void pack_tile(__global uint *to, __global const uchar *src, long i0, long k0, long I,
                      long K, long stride_i, long stride_k)
{
    for (int r = 0; r < 16; r++) {
        uint16 words;
        if (K_CONTIGUOUS) {
            const ulong at = (ulong)((i0 + r) * stride_i + k0);
            const long n = i0 + r < I ? K - k0 : 0;
            const float16 a = ld16(src, at, n), b = ld16(src, at + 16, n - 16);
            words = bf16_pairs((float16)(a.even, b.even), (float16)(a.odd, b.odd));
        } else {
            const ulong at = (ulong)(i0 + (k0 + 2 * r) * stride_k);
            const float16 a = ld16(src, at, k0 + 2 * r < K ? I - i0 : 0);
            const float16 b = ld16(src, at + stride_k, k0 + 2 * r + 1 < K ? I - i0 : 0);
            words = bf16_pairs(a, b);
        }
        if (K_CONTIGUOUS != RIGHT) {
            vstore16(words, r, to);
        } else {
            uint word[16];
            vstore16(words, 0, word);
            for (int j = 0; j < 16; j++)
                to[j * 16 + r] = word[j];
        }
    }
}

__kernel void pack_amx(CTENSOR(src), TENSOR(dst), long I, long K, long stride_i, long stride_k)
{
    const long p0 = (long)get_global_id(1) * PANELS_PER_ITEM,
               s0 = (long)get_global_id(0) * STEPS_PER_ITEM;
    const long panels = (I + 31) / 32, steps = (K + 31) / 32;
    for (long p = p0; p < min(p0 + PANELS_PER_ITEM, panels); p++)
        for (long s = s0; s < min(s0 + STEPS_PER_ITEM, steps); s++)
            for (int t = 0; t < 2; t++)
                pack_tile((__global uint *)AT(dst) + ((p * steps + s) * 2 + t) * 256, AT(src),
                          p * 32 + t * 16, s * 32, I, K, stride_i, stride_k);
}
