/*
 * Packing matrices for the processor kernels. A panel is P rows of a matrix (I,K): [i/P][K][P], so that a
 * step of K finds its P values side by side; rows beyond I are zero.
 *
 * Block types keep GGUF's blocks of 32 values along K, 32 rows together: [n/32][K/32]{32 scales (f16),
 * then q8_0: [32 k][32 rows] bytes; q4_0: [16 k][32 rows] bytes, low nibble k, high nibble k + 16}.
 * That is GGUF's block transposed byte by byte, so the size stays the same.
 */
#ifdef T_SRC
/*
 * src element (i,k) at i·stride_i + k·stride_k. One item packs panel get_global_id(1), KB values of K.
 */
#define K_CHUNK 128
__kernel void pack_panels(CTENSOR(src), TENSOR(dst), long I, long K, long stride_i, long stride_k, int P)
{
    const long i0 = (long)get_global_id(1) * P, k0 = (long)get_global_id(0) * K_CHUNK;
    const int rows = (int)min((long)P, I - i0), kn = (int)min((long)K_CHUNK, K - k0);
    const ulong from = (ulong)(i0 * stride_i + k0 * stride_k), to = (ulong)(i0 * K + k0 * P);
    if (stride_k == 1) {
        for (int i = 0; i < rows; i++)
            for (int k = 0; k < kn; k++)
                ST(T_SRC, AT(dst), to + k * P + i, LD(T_SRC, AT(src), from + i * stride_i + k));
    } else {
        for (int k = 0; k < kn; k++)
            for (int i = 0; i < rows; i++)
                ST(T_SRC, AT(dst), to + k * P + i, LD(T_SRC, AT(src), from + i * stride_i + k * stride_k));
    }
    for (int k = 0; k < kn; k++)
        for (int i = rows; i < P; i++)
            ST(T_SRC, AT(dst), to + k * P + i, 0.0f);
}
#endif

#ifdef QUANT_BYTES /* bytes of a block after its scale: 32 (q8_0) or 16 (q4_0) */
/* One item packs the blocks at column get_global_id(0) of panel get_global_id(1). */
__kernel void pack_blocks(CTENSOR(src), TENSOR(dst), long N, long n_blocks)
{
    const long b = get_global_id(0), n0 = (long)get_global_id(1) * 32;
    const int rows = (int)min(32L, N - n0);
    __global uchar *to = AT(dst) + ((long)get_global_id(1) * n_blocks + b) * (32 * (2 + QUANT_BYTES));
    for (int i = 0; i < 32; i++) {
        __global const uchar *from = AT(src) + ((n0 + min(i, rows - 1)) * n_blocks + b) * (2 + QUANT_BYTES);
        to[2 * i] = i < rows ? from[0] : 0;
        to[2 * i + 1] = i < rows ? from[1] : 0;
        for (int k = 0; k < QUANT_BYTES; k++)
            to[64 + k * 32 + i] = i < rows ? from[2 + k] : 0;
    }
}
#endif
