/*
 * Packing matrices for the processor kernels. A panel is P rows of a matrix (I,K): [i/P][K][P], so
 * that a step of K finds its P values side by side; rows beyond I are zero.
 *
 * Block types keep GGUF's blocks of 32 values along K, 32 rows together: [n/32][K/32]{32 scales
 * (f16), then q8_0: [32 k][32 rows] bytes; q4_0: [16 k][32 rows] bytes, low nibble k, high nibble k
 * + 16}. That is GGUF's block transposed byte by byte, so the size stays the same.
 */
#ifdef T_SRC
#if !defined(VW) || !defined(T_DST) || !defined(WIDENS)
#error "VW, T_DST and WIDENS must be defined"
#endif
#define ELEMENT_f32 uint
#define ELEMENT_f16 ushort
#define ELEMENT_bf16 ushort
#define ELEMENT CAT(ELEMENT_, T_DST)

/* n elements of src, from element i on, as T_DST's bits: T_DST is T_SRC or (WIDENS) f32. */
#if WIDENS
#define BITS(n, from, i) WIDE(as_uint, n)(LDTV(T_SRC, n, from, i))
#else
#define BITS(n, from, i) LDV(n, (__global const ELEMENT *)(from), i)
#endif

/*
 * src element (i,k) at i·stride_i + k·stride_k; K_CONTIGUOUS says which stride is 1. An item
 * follows what is contiguous: 128 values of K of one panel, or 16 values of K of 8 panels.
 */
#define ITEM_PANELS (K_CONTIGUOUS ? 1 : 8)
#define ITEM_K (K_CONTIGUOUS ? 128 : 16)

#if K_CONTIGUOUS
#define VEC CAT(ELEMENT, VW)
#include "transpose.cl"
TRANSPOSE_FUNCTION(transpose, VEC, VW)

/* Values k..k+VW-1 of VW rows at most, from the panel's row i on. What is written beyond the panel's P values of a k is
 * overwritten by the next one, as long as that is this item's. */
inline void pack_block(__global ELEMENT *to, __global const uchar *from, int i, int rows, int k, int kn, long stride_i, int P)
{
    VEC v[VW];
#pragma unroll
    for (int r = 0; r < VW; r++)
        v[r] = i + r < rows ? BITS(VW, from, (i + r) * stride_i + k) : (VEC)(0);
    transpose(v);
#pragma unroll
    for (int r = 0; r < VW; r++) {
        const int at = (k + r) * P + i;
        if (at + VW <= kn * P) {
            STV(VW, v[r], to, at);
        } else {
            ELEMENT last[VW];
            STV(VW, v[r], last, 0);
            for (int j = 0; i + j < P; j++)
                to[at + j] = last[j];
        }
    }
}
#endif

/* `to` (kn, P) = rows i0..i0+P-1, values k0..k0+kn-1 of src. */
inline void pack_piece(__global ELEMENT *to, __global const uchar *from, int rows, int kn,
                       long stride_i, long stride_k, int P, bool whole)
{
    int k = 0;
#if K_CONTIGUOUS
    if (P <= VW || P % VW == 0)
        for (; k + VW <= kn; k += VW)
            for (int i = 0; i < P; i += VW)
                pack_block(to, from, i, rows, k, kn, stride_i, P);
#endif
    for (; k < kn; k++) {
#if !K_CONTIGUOUS
        /* Sixteen at once where they exist in src; what that writes beyond the panel's P values of
         * this k is overwritten by the next ones, as long as they are this item's. */
        if (whole && k * P + (P + 15) / 16 * 16 <= kn * P) {
            for (int i = 0; i < P; i += 16)
                STORE_16(BITS(16, from, k * stride_k + i), to + k * P + i);
            continue;
        }
#endif
        for (int i = 0; i < P; i++)
            to[k * P + i] = i < rows ? BITS(1, from, i * stride_i + k * stride_k) : 0;
    }
}

__kernel void pack_panels(CTENSOR(src), TENSOR(dst), long I, long K, long stride_i, long stride_k,
                          int P)
{
    const long p0 = (long)get_global_id(1) * ITEM_PANELS, k0 = (long)get_global_id(0) * ITEM_K;
    const int kn = (int)min((long)ITEM_K, K - k0);
    for (long p = p0; p < p0 + ITEM_PANELS && p * P < I; p++) {
        const long i0 = p * P, span = (P + 15) / 16 * 16;
        pack_piece((__global ELEMENT *)AT(dst) + i0 * K + k0 * P,
                   AT(src) + (i0 * stride_i + k0 * stride_k) * BYTES(T_SRC),
                   (int)min((long)P, I - i0), kn, stride_i, stride_k, P, i0 + span <= I);
    }
}
#endif

#ifdef QUANT_BYTES /* bytes of a block after its scale: 32 (q8_0) or 16 (q4_0) */
/* One item packs the blocks at column get_global_id(0) of panel get_global_id(1). */
__kernel void pack_blocks(CTENSOR(src), TENSOR(dst), long N, long n_blocks)
{
    const long b = get_global_id(0), n0 = (long)get_global_id(1) * 32;
    const int rows = (int)min(32L, N - n0);
    __global uchar *to =
        AT(dst) + ((long)get_global_id(1) * n_blocks + b) * (32 * (2 + QUANT_BYTES));
    for (int i = 0; i < 32; i++) {
        __global const uchar *from =
            AT(src) + ((n0 + min(i, rows - 1)) * n_blocks + b) * (2 + QUANT_BYTES);
        to[2 * i] = i < rows ? from[0] : 0;
        to[2 * i + 1] = i < rows ? from[1] : 0;
        for (int k = 0; k < QUANT_BYTES; k++)
            to[64 + k * 32 + i] = i < rows ? from[2 + k] : 0;
    }
}
#endif
