/*
 * What every kernel shares: loads and stores of any dtype, vectors of a chosen width, activations.
 * Put before every other file by the program cache. OpenCL C 1.2, ASCII only.
 *
 * A tensor arrives as two arguments, `__global uchar *x, ulong x_off`, off in bytes (TENSOR and CTENSOR below).
 * Its dtype arrives as -DT_X=f32|f16|bf16; LD(T_X, x, i) reads element i as float and ST writes it. Pass
 * `AT(x)` for x: the base address with the offset added.
 */
#define TENSOR(x) __global uchar *restrict x, ulong x##_off
#define CTENSOR(x) __global const uchar *restrict x, ulong x##_off
#define AT(x) (x + x##_off)
#define F32(x) ((__global float *)(x + x##_off))
#define CF32(x) ((__global const float *)(x + x##_off))
#define I32(x) ((__global const int *)(x + x##_off))
/* For an operand that may be the same memory as another one (in-place ops). */
#define ALIASED(x) __global uchar *x, ulong x##_off

#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define CAT3(a, b, c) CAT(CAT(a, b), c)

/*
 * On processors: a line of memory that is read or written in a while is asked for. Their own prefetchers follow one walk through
 * memory; a row that is walked twice before the next one begins, or a tile of many rows, stops them, and a line that is only
 * written is fetched no sooner than it is written.
 */
#define WILL_READ(p)
#define WILL_WRITE(p)
#if defined(PREFETCH) && defined(__has_builtin)
#if __has_builtin(__builtin_prefetch)
#undef WILL_READ
#undef WILL_WRITE
#define WILL_READ(p) __builtin_prefetch((__global const void *)(p), 0);
#define WILL_WRITE(p) __builtin_prefetch((__global const void *)(p), 1);
#endif
#endif

/* ---- scalars ---- */

inline float ld_f32(__global const uchar *p, ulong i) { return ((__global const float *)p)[i]; }
inline float ld_f16(__global const uchar *p, ulong i) { return vload_half(i, (__global const half *)p); }
inline float ld_bf16(__global const uchar *p, ulong i)
{
    return as_float((uint)((__global const ushort *)p)[i] << 16);
}
/* Block types (GGUF): element i of rows of whole blocks of 32 values, each a scale (f16) and 32 bytes or 16
 * pairs of nibbles (low: values 0..15, high: 16..31). */
inline float ld_q8_0(__global const uchar *p, ulong i)
{
    p += i / 32 * 34;
    return vload_half(0, (__global const half *)p) * (float)(char)p[2 + i % 32];
}
inline float ld_q4_0(__global const uchar *p, ulong i)
{
    p += i / 32 * 18;
    return vload_half(0, (__global const half *)p) * (float)((p[2 + i % 16] >> (i % 32 / 16 * 4) & 15) - 8);
}
inline void st_f32(__global uchar *p, ulong i, float v) { ((__global float *)p)[i] = v; }
inline void st_f16(__global uchar *p, ulong i, float v) { vstore_half_rte(v, i, (__global half *)p); }

/* Round to nearest even; a NaN stays a NaN. */
inline ushort bf16_of(float v)
{
    uint u = as_uint(v);
    return (ushort)(isnan(v) ? (u >> 16 | 0x40u) : (u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}
inline void st_bf16(__global uchar *p, ulong i, float v) { ((__global ushort *)p)[i] = bf16_of(v); }

#define LD(T, p, i) CAT(ld_, T)(p, i)
#define ST(T, p, i, v) CAT(st_, T)(p, i, v)

/* ---- vectors: FV(n) is float<n>, n = 1 included; LDV(n, p, i) reads n elements from element i (any alignment) ---- */

/* Names of built-ins and types with the width, which is nothing for 1. */
#define WIDTH_1
#define WIDTH_2 2
#define WIDTH_4 4
#define WIDTH_8 8
#define WIDTH_16 16
#define WIDE(name, n) CAT(name, CAT(WIDTH_, n))

#define LOAD_1(p) (*(p))
#define LOAD_2(p) vload2(0, p)
#if defined(DEVICE_CPU) && defined(__clang__)
/* One load, one store. PoCL's vload16 is eight, of two elements, which its compiler does not always join again: sums of columns
 * took half as long again. Its vstore16 becomes three stores, of which fewer lines fit into the queue that waits for memory: norms
 * of large matrices ran at 63 % of copying, with one store at 74 %. */
#define LOADER(n, type, space)                                                                      \
    inline type##n __attribute__((overloadable)) load##n(const space type *p)                       \
    {                                                                                               \
        return *(const space type##n##_anywhere *)p;                                                \
    }
#define STORER(n, type, space)                                                                      \
    inline void __attribute__((overloadable)) store##n(type##n v, space type *p)                    \
    {                                                                                               \
        *(space type##n##_anywhere *)p = v;                                                         \
    }
#define ACCESSORS(n, type)                                                                          \
    typedef type##n type##n##_anywhere __attribute__((aligned(sizeof(type))));                      \
    LOADER(n, type, __global)                                                                       \
    LOADER(n, type, __local)                                                                        \
    LOADER(n, type, __private)                                                                      \
    STORER(n, type, __global)                                                                       \
    STORER(n, type, __local)                                                                        \
    STORER(n, type, __private)
ACCESSORS(4, float)
ACCESSORS(8, float)
ACCESSORS(16, float)
ACCESSORS(4, ushort)
ACCESSORS(8, ushort)
ACCESSORS(16, ushort)
ACCESSORS(4, uint)
ACCESSORS(8, uint)
ACCESSORS(16, uint)
#define LOAD_4(p) load4(p)
#define LOAD_8(p) load8(p)
#define LOAD_16(p) load16(p)
#define STORE_4(v, p) store4(v, p)
#define STORE_8(v, p) store8(v, p)
#define STORE_16(v, p) store16(v, p)
#else
#define LOAD_4(p) vload4(0, p)
#define LOAD_8(p) vload8(0, p)
#define LOAD_16(p) vload16(0, p)
#define STORE_4(v, p) vstore4(v, 0, p)
#define STORE_8(v, p) vstore8(v, 0, p)
#define STORE_16(v, p) vstore16(v, 0, p)
#endif
#define STORE_1(v, p) (*(p) = (v))
#define STORE_2(v, p) vstore2(v, 0, p)

#define FV(n) WIDE(float, n)
#define LDV(n, p, i) CAT(LOAD_, n)((p) + (i))
#define STV(n, v, p, i) CAT(STORE_, n)(v, (p) + (i))

/* The same from memory of any plain dtype T; p as AT(x). */
#define ldv_f32(n, p, i) LDV(n, (__global const float *)(p), i)
#define ldv_f16(n, p, i) WIDE(vload_half, n)(0, (__global const half *)(p) + (i))
#define ldv_bf16(n, p, i) \
    WIDE(as_float, n)(WIDE(convert_uint, n)(LDV(n, (__global const ushort *)(p), i)) << 16)
#define stv_f32(n, v, p, i) STV(n, v, (__global float *)(p), i)
#define stv_f16(n, v, p, i) CAT(WIDE(vstore_half, n), _rte)(v, 0, (__global half *)(p) + (i))
#define stv_bf16(n, v, p, i) STV(n, BF16_OF(n, WIDE(as_uint, n)(v)), (__global ushort *)(p), i)
/* Of a float's bits: round to nearest even; a NaN stays a NaN. */
#define BF16_OF(n, u) \
    WIDE(convert_ushort, n)(((u) & 0x7fffffffu) > 0x7f800000u ? ((u) >> 16 | 0x40u) \
                                                              : ((u) + 0x7fffu + ((u) >> 16 & 1u)) >> 16)
#define LDTV(T, n, p, i) CAT(ldv_, T)(n, p, i)
#define STTV(T, n, v, p, i) CAT(stv_, T)(n, v, p, i)

#define bytes_f32 4
#define bytes_f16 2
#define bytes_bf16 2
#define BYTES(T) CAT(bytes_, T)

inline float sum1(float v) { return v; }
inline float sum2(float2 v) { return v.x + v.y; }
inline float sum4(float4 v) { return (v.x + v.y) + (v.z + v.w); }
/* sum4(lo + hi) and sum8(lo + hi), spelt out: oclgrind takes a half of a vector for uninitialised in a call. */
inline float sum8(float8 v) { return ((v.s0 + v.s4) + (v.s1 + v.s5)) + ((v.s2 + v.s6) + (v.s3 + v.s7)); }
inline float sum16(float16 v)
{
    return (((v.s0 + v.s8) + (v.s4 + v.sc)) + ((v.s1 + v.s9) + (v.s5 + v.sd))) +
           (((v.s2 + v.sa) + (v.s6 + v.se)) + ((v.s3 + v.sb) + (v.s7 + v.sf)));
}
#define SUMV(n, v) CAT(sum, n)(v)

/*
 * Kernels over rows: WG work-items (lid 0..WG-1) walk indices i of [0, n), VW at a time, the last few singly.
 * BODY(m, s) handles m elements from i; s is v in the vector loop and t in the tail, to name accumulators: sum_##s.
 */
#define FOR_RANGE(BODY, i, n, lid)                                                         \
    for (long i = (long)(lid) * VW; i + VW <= (n); i += WG * VW) { BODY(VW, v) }           \
    for (long i = (n) / VW * VW + (lid); i < (n); i += WG) { BODY(1, t) }
#define FOR_COLUMNS(BODY, n_cols, lid) FOR_RANGE(BODY, c, n_cols, lid)

/*
 * The same for sums and the like, that would wait for each other in one accumulator: BODY's s is v0 to v3 in turn, and t.
 * RUNNING declares the five accumulators of a name; RUNNING_SUM is their sum.
 */
#define RUNNING(name, start)                                                                                       \
    FV(VW) name##_v0 = start, name##_v1 = start, name##_v2 = start, name##_v3 = start;                             \
    float name##_t = start;
#define RUNNING_SUM(name) (SUMV(VW, (name##_v0 + name##_v1) + (name##_v2 + name##_v3)) + name##_t)
#define AT_COLUMN(BODY, s, first) { const long c = first; BODY(VW, s) }
#define FOR_COLUMNS_RUNNING(BODY, n_cols, lid)                                                                     \
    {                                                                                                              \
        long at = (long)(lid) * VW;                                                                                \
        for (; at + (3 * WG + 1) * VW <= (n_cols); at += 4 * WG * VW) {                                            \
            AT_COLUMN(BODY, v0, at)                                                                                \
            AT_COLUMN(BODY, v1, at + WG * VW)                                                                      \
            AT_COLUMN(BODY, v2, at + 2 * WG * VW)                                                                  \
            AT_COLUMN(BODY, v3, at + 3 * WG * VW)                                                                  \
        }                                                                                                          \
        for (; at + VW <= (n_cols); at += WG * VW) { AT_COLUMN(BODY, v0, at) }                                     \
        for (long c = (n_cols) / VW * VW + (lid); c < (n_cols); c += WG) { BODY(1, t) }                            \
    }

/* The same for kernels where an item owns VW columns, the last item also what is left, singly. BODY(n). */
#define FOR_OWN_COLUMNS(BODY, n_cols)                                                      \
    {                                                                                      \
        long c = (long)get_global_id(0) * VW;                                              \
        if (c + VW <= (n_cols)) { BODY(VW) }                                               \
        else for (; c < (n_cols); c++) { BODY(1) }                                         \
    }

/*
 * And for sums of columns: a work-group owns WG*VW*NV neighbouring columns, an item up to NV vectors of them (EACH_OWN) and
 * item 0 of the last group the n_cols % VW columns left (EACH_LEFT); both set c. Running sums live in arrays of NV vectors
 * and VW floats. NV is 1 where they must be registers, large where whole rows should be read at a time.
 */
#define OWN_COLUMNS(n_cols)                                                                                        \
    const long c_first = ((long)get_group_id(0) * NV * WG + get_local_id(0)) * VW, c_left = (n_cols) / VW * VW;    \
    const int n_own = c_first + VW > (n_cols) ? 0 : (int)min((long)NV, ((n_cols) - VW - c_first) / (WG * VW) + 1); \
    const int n_left =                                                                                             \
        get_local_id(0) == 0 && c_left >= c_first && c_left < c_first + WG * VW * NV ? (int)((n_cols) - c_left) : 0;
#define EACH_LEFT(k, BODY)                                                                                         \
    for (int k = 0; k < n_left; k++) {                                                                             \
        const long c = c_left + k;                                                                                 \
        BODY                                                                                                       \
    }
#if defined(NV) && NV <= 4
/* Constant bounds, so that the loop is unrolled. */
#define EACH_OWN(j, BODY)                                                                                          \
    for (int j = 0; j < NV; j++)                                                                                   \
        if (j < n_own) {                                                                                           \
            const long c = c_first + j * (WG * VW);                                                                \
            BODY                                                                                                   \
        }
#else
#define EACH_OWN(j, BODY)                                                                                          \
    for (int j = 0; j < n_own; j++) {                                                                              \
        const long c = c_first + j * (WG * VW);                                                                    \
        BODY                                                                                                       \
    }
#endif

/* Sum over the wg (a power of 2) items of a work-group, in a fixed order, for all of them; lanes has wg floats. */
inline float group_sum(float v, __local float *lanes, uint lid, uint wg)
{
    lanes[lid] = v;
    for (uint s = wg / 2; s > 0; s /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lid < s)
            lanes[lid] += lanes[lid + s];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    v = lanes[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return v;
}

/* The largest of them, likewise; a NaN is left out. */
inline float group_max(float v, __local float *lanes, uint lid, uint wg)
{
    lanes[lid] = v;
    for (uint s = wg / 2; s > 0; s /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lid < s)
            lanes[lid] = fmax(lanes[lid], lanes[lid + s]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    v = lanes[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return v;
}

/* Index of the first of n non-decreasing values that is not below `value`. */
inline long lower_bound(__global const int *values, long n, int value)
{
    long first = 0;
    while (n > 0) {
        const long half_n = n / 2;
        if (values[first + half_n] < value) {
            first += half_n + 1;
            n -= half_n + 1;
        } else {
            n = half_n;
        }
    }
    return first;
}

/* ---- exponentials and activations, of FV(n) ---- */

/*
 * EXPV(n, x) = e^x for every float: relative error below 2^-23 where the result is normal, error below 2^-149 where it is not; 1
 * for 0, 0 below -103.98, infinity above 88.73, NaN for NaN.
 * EXP2V(n, a, b) = 2^(ab) for |ab| <= 126: relative error below 2^-22 + 2^-24 |ab|; any number for NaN.
 * GPUs have units for the built-ins, which OpenCL holds to 3 units in the last place. Processors have not, and what stands in
 * their place takes longer.
 */
#ifdef DEVICE_CPU
/*
 * Adding 3*2^22 rounds to an integer k, which is then in the last bits of the sum z.
 * exp_reduced(x, &z) = e^r, and EXPV: x = k ln 2 + r with |r| <= ln(2)/2; ln 2 in two parts, of which k times the first is exact; e^r by a minimax polynomial
 * (2^-28). The factor 2^k is two products, for it may be no float; they round to subnormals, overflow and keep a NaN.
 * EXP2V: ab = k + r with |r| <= 1/2; 2^r by a minimax polynomial (2^-23), to whose exponent k is added.
 */
#define ROUNDER 12582912.0f
#define DEFINE_EXPONENTIALS(n)                                                                      \
    inline FV(n) CAT(exp_reduced, n)(FV(n) x, FV(n) * z)                                            \
    {                                                                                               \
        *z = x * 1.44269504f + ROUNDER;                                                             \
        const FV(n) k = *z - ROUNDER;                                                               \
        const FV(n) r = (x - k * 0.693359375f) + k * 2.12194440e-4f;                                \
        FV(n) p = r * 1.38209469e-3f + 8.36868398e-3f;                                              \
        p = p * r + 4.16682661e-2f;                                                                 \
        p = p * r + 1.66665211e-1f;                                                                 \
        p = p * r + 4.9999994e-1f;                                                                  \
        p = p * r + 1.0f;                                                                           \
        return p * r + 1.0f;                                                                        \
    }                                                                                               \
    inline FV(n) CAT(expv, n)(FV(n) x)                                                              \
    {                                                                                               \
        FV(n) z;                                                                                    \
        x = x < -104.0f ? (FV(n))(-104.0f) : x;                                                     \
        x = x > 89.0f ? (FV(n))(89.0f) : x;                                                         \
        const FV(n) p = CAT(exp_reduced, n)(x, &z);                                                 \
        const WIDE(uint, n) bits = WIDE(as_uint, n)(z), half_bits = bits >> 1;                      \
        return p * WIDE(as_float, n)((half_bits << 23) + 0x3f800000u) *                             \
               WIDE(as_float, n)(((bits - half_bits) << 23) + 0x3f800000u);                         \
    }                                                                                               \
    inline FV(n) CAT(exp2v, n)(FV(n) a, FV(n) b)                                                    \
    {                                                                                               \
        const FV(n) z = a * b + ROUNDER, k = z - ROUNDER, r = a * b - k;                            \
        FV(n) p = r * 1.32690091e-3f + 9.67131369e-3f;                                              \
        p = p * r + 5.55071235e-2f;                                                                 \
        p = p * r + 2.40222469e-1f;                                                                 \
        p = p * r + 6.93147004e-1f;                                                                 \
        p = p * r + 1.0f;                                                                           \
        return WIDE(as_float, n)(WIDE(as_uint, n)(p) + (WIDE(as_uint, n)(z) << 23));                \
    }
DEFINE_EXPONENTIALS(1)
DEFINE_EXPONENTIALS(2)
DEFINE_EXPONENTIALS(4)
DEFINE_EXPONENTIALS(8)
DEFINE_EXPONENTIALS(16)
#define EXPV(n, x) CAT(expv, n)(x)
#define EXP2V(n, a, b) CAT(exp2v, n)(a, b)
#else
#define EXPV(n, x) exp(x)
#define EXP2V(n, a, b) exp2((a) * (b))
#endif

#define ACT_NONE 0
#define ACT_GELU_TANH 1
#define ACT_SILU 2

/* x/2·(1 + tanh(u)) = x·sigmoid(2u), u = sqrt(2/pi)(x + 0.044715 x³). */
#define GELU_TANH_ARG(x) (1.5957691216057308f * ((x) + 0.044715f * (x) * (x) * (x)))
