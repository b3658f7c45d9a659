/*
 * Matrix product for processors: out (M,N) = epilogue(alpha · A · W^T), both operands in panels.
 *
 * A: f32 [m/MR][K][MR], W: [n/32][K][32] of T_W (block types: see matmul_pack.cl), both zero-padded.
 * One work-group of one item owns MB panels of rows × NB panels of columns and walks K in blocks of KB
 * values, so that a block of W stays in the second-level cache while every row panel passes. A tile of
 * MR rows × 2 vectors of VW columns lives in registers; sums of unfinished K blocks wait in local memory.
 * DIRECT reads W in its own type; otherwise a block of W is decoded to f32 once for all row panels.
 */
#if !defined(MR) || !defined(VW) || !defined(KB) || !defined(NB) || !defined(MB) || !defined(DIRECT)
#error "MR, VW, KB, NB, MB and DIRECT must be defined"
#endif

#define INLINE inline __attribute__((always_inline))
typedef FV(VW) fvec;
#define LOADW(p) CAT(vload, VW)(0, p)
#define STOREW(v, p) CAT(vstore, VW)(v, 0, p)
EPILOGUE_FUNCTION(finish1, float, EPI_LOAD1, EPI_STORE1)
EPILOGUE_FUNCTION(finishv, fvec, LOADW, STOREW)

#define TILE_COLS (2 * VW)

/* ---- W's types: bytes of k values of a panel, and PAIR: run STEP(k, w0, w1) for kn values of K ---- */

#define CONVERT_F(v) CAT(convert_float, VW)(v)

#define panel_bytes_f32(k) ((k) * 128)
#define panel_bytes_f16(k) ((k) * 64)
#define panel_bytes_bf16(k) ((k) * 64)
#define panel_bytes_q8_0(k) ((k) / 32 * 1088)
#define panel_bytes_q4_0(k) ((k) / 32 * 576)
#define PANEL_BYTES(k) CAT(panel_bytes_, T_W)(k)

INLINE fvec load_f32(__global const uchar *p) { return LOADW((__global const float *)p); }
INLINE fvec load_f16(__global const uchar *p) { return CAT(vload_half, VW)(0, (__global const half *)p); }
INLINE fvec load_bf16(__global const uchar *p)
{
    return CAT(as_float, VW)(CAT(convert_uint, VW)(LOADW((__global const ushort *)p)) << 16);
}
INLINE fvec load_i8(__global const uchar *p) { return CONVERT_F(LOADW((__global const char *)p)); }

#define PLAIN_STEPS(T, size)                                                                                 \
    for (int k = 0; k < kn; k++) {                                                                           \
        const fvec w0 = load_##T(w + (k * 32 + col) * size);                                            \
        const fvec w1 = load_##T(w + (k * 32 + col + VW) * size);                                       \
        STEP(k, w0, w1)                                                                                      \
    }
#define steps_f32 PLAIN_STEPS(f32, 4)
#define steps_f16 PLAIN_STEPS(f16, 2)
#define steps_bf16 PLAIN_STEPS(bf16, 2)
#define steps_q8_0                                                                                           \
    for (int kb = 0; kb < kn; kb += 32) {                                                                    \
        __global const uchar *b = w + kb / 32 * 1088 + col;                                                  \
        const fvec s0 = load_f16(b + col), s1 = load_f16(b + col + 2 * VW);                                  \
        for (int i = 0; i < 32; i++) {                                                                       \
            const fvec w0 = load_i8(b + 64 + i * 32) * s0, w1 = load_i8(b + 64 + i * 32 + VW) * s1;          \
            STEP(kb + i, w0, w1)                                                                             \
        }                                                                                                    \
    }
/* Low nibbles are values 0..15 of the block, high nibbles 16..31. */
#define steps_q4_0                                                                                           \
    for (int kb = 0; kb < kn; kb += 32) {                                                                    \
        __global const uchar *b = w + kb / 32 * 576 + col;                                                   \
        const fvec s0 = load_f16(b + col), s1 = load_f16(b + col + 2 * VW);                                  \
        for (int i = 0; i < 16; i++) {                                                                       \
            const CAT(uchar, VW) q0 = LOADW(b + 64 + i * 32), q1 = LOADW(b + 64 + i * 32 + VW);              \
            {                                                                                                \
                const fvec w0 = (CONVERT_F(q0 & (uchar)15) - 8.0f) * s0;                                     \
                const fvec w1 = (CONVERT_F(q1 & (uchar)15) - 8.0f) * s1;                                     \
                STEP(kb + i, w0, w1)                                                                         \
            }                                                                                                \
            {                                                                                                \
                const fvec w0 = (CONVERT_F(q0 >> (uchar)4) - 8.0f) * s0;                                     \
                const fvec w1 = (CONVERT_F(q1 >> (uchar)4) - 8.0f) * s1;                                     \
                STEP(kb + i + 16, w0, w1)                                                                    \
            }                                                                                                \
        }                                                                                                    \
    }

/* Not through CAT, which the steps use themselves. */
#define STEPS_(T) steps_##T
#define STEPS(T) STEPS_(T)

/* c (MR, 2 vectors) += a (kn, MR)^T · kn values of a panel from column col. */
#define STEP(k, w0, w1)                                                                                      \
    _Pragma("unroll") for (int r = 0; r < MR; r++)                                                           \
    {                                                                                                        \
        c[r][0] += a[(k)*MR + r] * w0;                                                                       \
        c[r][1] += a[(k)*MR + r] * w1;                                                                       \
    }
#if DIRECT
INLINE void tile(fvec (*c)[2], __global const float *a, __global const uchar *w, int kn, int col)
{
    STEPS(T_W)
}
#else
INLINE void tile(fvec (*c)[2], __global const float *a, __local const float *w, int kn, int col)
{
    for (int k = 0; k < kn; k++) {
        const fvec w0 = LOADW(w + k * 32 + col), w1 = LOADW(w + k * 32 + col + VW);
        STEP(k, w0, w1)
    }
}
#endif
#undef STEP

#if !DIRECT
#define STEP(k, w0, w1)                                                                                      \
    STOREW(w0, to + (k)*32 + col);                                                                           \
    STOREW(w1, to + (k)*32 + col + VW);
INLINE void decode(__local float *to, __global const uchar *w, int kn)
{
    for (int col = 0; col < 32; col += TILE_COLS) {
        STEPS(T_W)
    }
}
#undef STEP
#endif

/* Finishes the tile c at row m, column n: columns at and beyond e->cols and rows at and beyond M do not exist.
 * From memory, because indexing a tile by a loop would keep it out of registers. */
inline void finish(const epilogue *e, __local const float *c, long m, long M, long n)
{
    for (int r = 0; r < MR && m + r < M; r++)
        for (int v = 0; v < 2; v++, c += VW) {
            const long n0 = n + v * VW;
            if (n0 + VW <= e->cols)
                finishv(e, m + r, n0, LOADW(c));
            else
                for (int j = 0; j < VW && n0 + j < e->cols; j++)
                    finish1(e, m + r, n0 + j, c[j]);
        }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void matmul_packed(CTENSOR(x), CTENSOR(w), EPILOGUE_PARAMS, long M, long K)
{
    __local float sums[MB * MR * NB * 32];
#if !DIRECT
    __local float decoded[NB * KB * 32];
#endif
    const epilogue e = EPILOGUE_INIT;
    const long p0 = (long)get_global_id(0) * NB, q0 = (long)get_global_id(1) * MB;
    const int n_p = (int)min((long)NB, (e.cols + 31) / 32 - p0), n_q = (int)min((long)MB, (M + MR - 1) / MR - q0);

    for (long k0 = 0; k0 < K; k0 += KB) {
        const int kn = (int)min((long)KB, K - k0);
#if !DIRECT
        for (int p = 0; p < n_p; p++)
            decode(decoded + p * (KB * 32), AT(w) + (p0 + p) * PANEL_BYTES(K) + PANEL_BYTES(k0), kn);
#endif
        for (int q = 0; q < n_q; q++) {
            __global const float *a = CF32(x) + ((q0 + q) * K + k0) * MR;
            for (int i = 0; i < n_p * (32 / TILE_COLS); i++) {
                const int p = i * TILE_COLS / 32, col = i * TILE_COLS % 32;
                __local float *sum = sums + (q * NB * 32 + i * TILE_COLS) * MR;
                fvec c[MR][2];
#pragma unroll
                for (int r = 0; r < MR; r++)
#pragma unroll
                    for (int v = 0; v < 2; v++)
                        c[r][v] = k0 ? LOADW(sum + (r * 2 + v) * VW) : (fvec)(0.0f);
#if DIRECT
                tile(c, a, AT(w) + (p0 + p) * PANEL_BYTES(K) + PANEL_BYTES(k0), kn, col);
#else
                tile(c, a, decoded + p * (KB * 32), kn, col);
#endif
#pragma unroll
                for (int r = 0; r < MR; r++)
#pragma unroll
                    for (int v = 0; v < 2; v++)
                        STOREW(c[r][v], sum + (r * 2 + v) * VW);
                if (k0 + KB >= K)
                    finish(&e, sum, (q0 + q) * MR, M, (p0 + p) * 32 + col);
            }
        }
    }
}
