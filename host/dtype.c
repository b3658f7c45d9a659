/* Element types: the table of facts, and conversions to and from float. */
#include "host/dtype.h"

#include <stdio.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/quant.h"

static const vmg_dtype_info infos[VMG_N_DTYPES] = {
    [VMG_F32] = {"f32", 1, 4, true},       [VMG_F16] = {"f16", 1, 2, true},
    [VMG_BF16] = {"bf16", 1, 2, true},     [VMG_Q8_0] = {"q8_0", 32, 34, true},
    [VMG_Q4_0] = {"q4_0", 32, 18, true},   [VMG_I32] = {"i32", 1, 4, false},
    [VMG_I64] = {"i64", 1, 8, false},      [VMG_I16] = {"i16", 1, 2, false},
    [VMG_I8] = {"i8", 1, 1, false},        [VMG_U8] = {"u8", 1, 1, false},
    [VMG_U16] = {"u16", 1, 2, false},      [VMG_U32] = {"u32", 1, 4, false},
    [VMG_U64] = {"u64", 1, 8, false},      [VMG_BOOL] = {"bool", 1, 1, false},
    [VMG_F64] = {"f64", 1, 8, true},       [VMG_Q4_1] = {"q4_1", 32, 20, true},
    [VMG_Q5_0] = {"q5_0", 32, 22, true},   [VMG_Q5_1] = {"q5_1", 32, 24, true},
    [VMG_Q2_K] = {"q2_k", 256, 84, true},  [VMG_Q3_K] = {"q3_k", 256, 110, true},
    [VMG_Q4_K] = {"q4_k", 256, 144, true}, [VMG_Q5_K] = {"q5_k", 256, 176, true},
    [VMG_Q6_K] = {"q6_k", 256, 210, true},
};

vmg_dtype_info vmg_dtype_get(vmg_dtype dtype)
{
    if ((unsigned)dtype >= VMG_N_DTYPES)
        return (vmg_dtype_info){"unknown", 1, 0, false};
    return infos[dtype];
}

const char *vmg_dtype_name(vmg_dtype dtype)
{
    return vmg_dtype_get(dtype).name;
}

bool vmg_dtype_is_plain_float(vmg_dtype dtype)
{
    return dtype == VMG_F32 || dtype == VMG_F16 || dtype == VMG_BF16;
}

int vmg_dtype_parse(const char *name, vmg_dtype *out)
{
    char list[256] = "";
    size_t len = 0;
    for (int i = 0; i < VMG_N_DTYPES; i++) {
        if (!strcmp(infos[i].name, name)) {
            *out = (vmg_dtype)i;
            return VMG_OK;
        }
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "",
                                infos[i].name);
    }
    return vmg_fail(VMG_E_ARG, "there is no element type \"%s\" (types: %s)", name, list);
}

int vmg_dtype_bytes(vmg_dtype dtype, int64_t n, size_t *out)
{
    vmg_dtype_info info = vmg_dtype_get(dtype);
    if (!info.block_bytes)
        return vmg_fail(VMG_E_ARG, "element type %d does not exist", (int)dtype);
    if (n < 0 || n % info.block_len)
        return vmg_fail(VMG_E_ARG, "%lld values of %s asked for: not a multiple of its block of %d",
                        (long long)n, info.name, info.block_len);
    if (!vmg_mul_size((size_t)(n / info.block_len), (size_t)info.block_bytes, out))
        return vmg_fail(VMG_E_ARG, "%lld values of %s do not fit in memory", (long long)n,
                        info.name);
    return VMG_OK;
}

static uint32_t float_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static float bits_float(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* The four conversions are written without branches, so that the loops below become vector code. */

static inline uint32_t f16_to_bits(uint32_t h)
{
    const uint32_t exponent = 0x7c00u << 13;
    uint32_t u = ((h & 0x7fff) << 13) + ((127 - 15) << 23), e = (h << 13) & exponent;
    /* Subnormal: set the exponent of 2^-14 and let the subtraction normalise. */
    uint32_t subnormal = float_bits(bits_float(u + (1u << 23)) - bits_float(113u << 23));
    u = e == 0 ? subnormal : u;
    u = e == exponent ? u + ((128 - 16) << 23) : u;
    return u | (h & 0x8000) << 16;
}

static inline uint32_t bits_to_f16(uint32_t u)
{
    uint32_t sign = (u >> 16) & 0x8000;
    u &= 0x7fffffff;
    uint32_t normal = (u + 0xc8000fffu + ((u >> 13) & 1)) >> 13;
    /* Below 2^-14: adding 1/2 aligns the mantissa to f16's subnormal grid, rounding to even. */
    uint32_t small = u < 0x38800000u ? u : 0;
    uint32_t subnormal = float_bits(bits_float(small) + 0.5f) - 0x3f000000u;
    uint32_t special = u > 0x7f800000u ? 0x7e00u | ((u >> 13) & 0x3ff) : 0x7c00u;
    uint32_t h = u < 0x38800000u ? subnormal : normal;
    h = u >= 0x47800000u ? special : h;
    return h | sign;
}

static inline uint32_t bits_to_bf16(uint32_t u)
{
    uint32_t rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
    return (u & 0x7fffffff) > 0x7f800000u ? (u >> 16) | 0x40 : rounded;
}

float vmg_f16_to_f32(uint16_t h)
{
    return bits_float(f16_to_bits(h));
}

uint16_t vmg_f32_to_f16(float f)
{
    return (uint16_t)bits_to_f16(float_bits(f));
}

float vmg_bf16_to_f32(uint16_t b)
{
    return bits_float((uint32_t)b << 16);
}

uint16_t vmg_f32_to_bf16(float f)
{
    return (uint16_t)bits_to_bf16(float_bits(f));
}

/* Values per pass of the 16-bit loops: a constant count lets compilers vectorise at -O2, and the
 * copies in and out make any alignment correct. */
enum { LANES = 64 };

/* Convert `n` 16-bit values with EXPR(h), the float's bits. */
#define WIDEN(name, expr)                                                                          \
    static void name(const uint8_t *src, size_t n, float *dst)                                     \
    {                                                                                              \
        uint16_t in[LANES];                                                                        \
        uint32_t out[LANES];                                                                       \
        memset(in, 0, sizeof in);                                                                  \
        for (size_t i = 0; i < n; i += LANES) {                                                    \
            size_t m = VMG_MIN(n - i, (size_t)LANES);                                              \
            memcpy(in, src + 2 * i, 2 * m);                                                        \
            for (int k = 0; k < LANES; k++) {                                                      \
                uint32_t h = in[k];                                                                \
                out[k] = (expr);                                                                   \
            }                                                                                      \
            memcpy(dst + i, out, 4 * m);                                                           \
        }                                                                                          \
    }

#define NARROW(name, expr)                                                                         \
    static void name(const float *src, size_t n, uint8_t *dst)                                     \
    {                                                                                              \
        uint32_t in[LANES];                                                                        \
        uint16_t out[LANES];                                                                       \
        memset(in, 0, sizeof in);                                                                  \
        for (size_t i = 0; i < n; i += LANES) {                                                    \
            size_t m = VMG_MIN(n - i, (size_t)LANES);                                              \
            memcpy(in, src + i, 4 * m);                                                            \
            for (int k = 0; k < LANES; k++) {                                                      \
                uint32_t u = in[k];                                                                \
                out[k] = (uint16_t)(expr);                                                         \
            }                                                                                      \
            memcpy(dst + 2 * i, out, 2 * m);                                                       \
        }                                                                                          \
    }

WIDEN(widen_f16, f16_to_bits(h))
WIDEN(widen_bf16, h << 16)
NARROW(narrow_f16, bits_to_f16(u))
NARROW(narrow_bf16, bits_to_bf16(u))

#define CONVERT(type)                                                                              \
    for (size_t i = 0; i < n; i++) {                                                               \
        type v;                                                                                    \
        memcpy(&v, src + i * sizeof v, sizeof v);                                                  \
        dst[i] = (float)v;                                                                         \
    }                                                                                              \
    return

static void widen_plain(vmg_dtype dtype, const uint8_t *src, size_t n, float *dst)
{
    switch (dtype) {
    case VMG_I32: CONVERT(int32_t);
    case VMG_I64: CONVERT(int64_t);
    case VMG_I16: CONVERT(int16_t);
    case VMG_I8: CONVERT(int8_t);
    case VMG_U8: CONVERT(uint8_t);
    case VMG_U16: CONVERT(uint16_t);
    case VMG_U32: CONVERT(uint32_t);
    case VMG_U64: CONVERT(uint64_t);
    case VMG_F64: CONVERT(double);
    case VMG_BOOL:
        for (size_t i = 0; i < n; i++)
            dst[i] = src[i] != 0;
        return;
    case VMG_F16: widen_f16(src, n, dst); return;
    case VMG_BF16: widen_bf16(src, n, dst); return;
    default: memcpy(dst, src, n * sizeof *dst); return;
    }
}

int vmg_dtype_to_f32(vmg_dtype dtype, const void *src, int64_t n, float *dst)
{
    size_t bytes;
    int rc = vmg_dtype_bytes(dtype, n, &bytes);
    if (rc != VMG_OK || n == 0)
        return rc;
    vmg_dequantize_fn *decode = vmg_quant_decoder(dtype);
    if (decode)
        decode(src, bytes / (size_t)infos[dtype].block_bytes, dst);
    else
        widen_plain(dtype, src, (size_t)n, dst);
    return VMG_OK;
}

int vmg_dtype_from_f32(vmg_dtype dtype, const float *src, int64_t n, void *dst)
{
    size_t bytes;
    int rc = vmg_dtype_bytes(dtype, n, &bytes);
    if (rc != VMG_OK || n == 0)
        return rc;
    switch (dtype) {
    case VMG_F32: memcpy(dst, src, bytes); return VMG_OK;
    case VMG_F16: narrow_f16(src, (size_t)n, dst); return VMG_OK;
    case VMG_BF16: narrow_bf16(src, (size_t)n, dst); return VMG_OK;
    case VMG_Q8_0: return vmg_quantize_q8_0(src, (size_t)(n / 32), dst);
    case VMG_Q4_0: return vmg_quantize_q4_0(src, (size_t)(n / 32), dst);
    default:
        return vmg_fail(VMG_E_UNSUPPORTED, "floats cannot be converted to %s (only to f32, f16, "
                        "bf16, q8_0, q4_0)", vmg_dtype_name(dtype));
    }
}
