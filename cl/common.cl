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

#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define CAT3(a, b, c) CAT(CAT(a, b), c)

/* ---- scalars ---- */

inline float ld_f32(__global const uchar *p, ulong i) { return ((__global const float *)p)[i]; }
inline float ld_f16(__global const uchar *p, ulong i) { return vload_half(i, (__global const half *)p); }
inline float ld_bf16(__global const uchar *p, ulong i)
{
    return as_float((uint)((__global const ushort *)p)[i] << 16);
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

/* ---- vectors: FV(n) is float<n>; LDV(n, p, i) reads n floats from element i (any alignment) ---- */

#define FV(n) CAT(float, n)
#define LDV(n, p, i) CAT(vload, n)(0, (p) + (i))
#define STV(n, v, p, i) CAT(vstore, n)(v, 0, (p) + (i))

inline float sum4(float4 v) { return (v.x + v.y) + (v.z + v.w); }
inline float sum8(float8 v) { return sum4(v.lo + v.hi); }
inline float sum16(float16 v) { return sum8(v.lo + v.hi); }
#define SUMV(n, v) CAT(sum, n)(v)

/* ---- activations (scalar or vector) ---- */

#define ACT_NONE 0
#define ACT_GELU_TANH 1
#define ACT_SILU 2

/* x/2·(1 + tanh(u)) = x·sigmoid(2u), u = sqrt(2/pi)(x + 0.044715 x³). */
#define GELU_TANH(x) ((x) / (1.0f + exp(-1.5957691216057308f * ((x) + 0.044715f * (x) * (x) * (x)))))
#define SILU(x) ((x) / (1.0f + exp(-(x))))
