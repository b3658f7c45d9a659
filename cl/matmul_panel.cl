/*
 * Reading a weight in panels of 32 columns, [n/32][K][32] values of T_W, VW columns at a time, as
 * floats. Block types keep GGUF's blocks of 32 values along K, 32 columns together
 * (matmul_pack.cl): [n/32][K/32]{32 scales, 32 × 32 values}.
 */
#define INLINE inline __attribute__((always_inline))
typedef FV(VW) fvec;
#define LOADW(p) CAT(vload, VW)(0, p)
#define STOREW(v, p) CAT(vstore, VW)(v, 0, p)
#define CONVERT_F(v) CAT(convert_float, VW)(v)

/* Not through CAT, which the pieces use themselves. */
#define OF_TYPE_(piece, T) piece##T
#define OF_TYPE(piece, T) OF_TYPE_(piece, T)

/* Bytes of k values of K in a panel. */
#define panel_bytes_f32(k) ((k)*128)
#define panel_bytes_f16(k) ((k)*64)
#define panel_bytes_bf16(k) ((k)*64)
#define panel_bytes_q8_0(k) ((k) / 32 * 1088)
#define panel_bytes_q4_0(k) ((k) / 32 * 576)
#define PANEL_BYTES(k) OF_TYPE(panel_bytes_, T_W)(k)

#define panel_blocks_f32 0
#define panel_blocks_f16 0
#define panel_blocks_bf16 0
#define panel_blocks_q8_0 1
#define panel_blocks_q4_0 1
#define PANEL_BLOCKS OF_TYPE(panel_blocks_, T_W)

INLINE fvec load_f32(__global const uchar *p)
{
    return LOADW((__global const float *)p);
}
INLINE fvec load_f16(__global const uchar *p)
{
    return CAT(vload_half, VW)(0, (__global const half *)p);
}
INLINE fvec load_bf16(__global const uchar *p)
{
    return CAT(as_float, VW)(CAT(convert_uint, VW)(LOADW((__global const ushort *)p)) << 16);
}
INLINE fvec load_q8_0(__global const uchar *p)
{
    return CONVERT_F(LOADW((__global const char *)p));
}
INLINE fvec load_q4_0(__global const uchar *p, int high)
{
    /* Widened first: processors have no shift of bytes. */
    return CONVERT_F((CAT(convert_int, VW)(LOADW(p)) >> 4 * high & 15) - 8);
}

/* Value k, from column col on, of a panel at p (plain types) or of one block at p with scales s. */
#define panel_row_f32(p, k, col, s) load_f32((p) + ((k)*32 + (col)) * 4)
#define panel_row_f16(p, k, col, s) load_f16((p) + ((k)*32 + (col)) * 2)
#define panel_row_bf16(p, k, col, s) load_bf16((p) + ((k)*32 + (col)) * 2)
#define panel_row_q8_0(p, k, col, s) (load_q8_0((p) + 64 + (k)*32 + (col)) * (s))
#define panel_row_q4_0(p, k, col, s) (load_q4_0((p) + 64 + (k) % 16 * 32 + (col), (k) / 16) * (s))
#define PANEL_ROW(p, k, col, s) OF_TYPE(panel_row_, T_W)(p, k, col, s)

/* The scales of a block's columns from col on. */
#define PANEL_SCALE(p, col) load_f16((p) + 2 * (col))

/* For k = 0..kn-1 of the panel at w: STEP(k, columns col.., columns col+VW..). */
#if PANEL_BLOCKS
#define PANEL_STEPS(w, kn, col)                                                                    \
    for (int kb = 0; kb < (kn); kb += 32) {                                                        \
        __global const uchar *block = (w) + PANEL_BYTES(kb);                                       \
        const fvec s0 = PANEL_SCALE(block, col), s1 = PANEL_SCALE(block, (col) + VW);              \
        for (int i = 0; i < 32; i++) {                                                             \
            const fvec w0 = PANEL_ROW(block, i, col, s0),                                          \
                       w1 = PANEL_ROW(block, i, (col) + VW, s1);                                   \
            STEP(kb + i, w0, w1)                                                                   \
        }                                                                                          \
    }
#else
#define PANEL_STEPS(w, kn, col)                                                                    \
    for (int k = 0; k < (kn); k++) {                                                               \
        const fvec w0 = PANEL_ROW(w, k, col, ), w1 = PANEL_ROW(w, k, (col) + VW, );                \
        STEP(k, w0, w1)                                                                            \
    }
#endif
