/* GGUF's block-quantised types: decoding of all that occur in files, encoding of q8_0 and q4_0. */
#include "host/quant.h"

#include <math.h>
#include <string.h>

/* ---- encoding ---- */

static uint16_t load_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static float load_f16(const uint8_t *p)
{
    return vmg_f16_to_f32(load_u16(p));
}

/* Writes the block's scale; gives 1/d, or 0 where the block is (next to) all zero. */
static int store_scale(float d, const char *type, uint8_t *dst, float *inverse)
{
    uint16_t h = vmg_f32_to_f16(d);
    if ((h & 0x7fff) >= 0x7c00)
        return vmg_fail(VMG_E_ARG, "values that are not finite, or too large for %s's f16 scale",
                        type);
    dst[0] = (uint8_t)h;
    dst[1] = (uint8_t)(h >> 8);
    *inverse = d != 0 ? 1.0f / d : 0.0f;
    /* A subnormal scale has no finite inverse; as f16 it is zero, so any integers do. */
    if (isinf(*inverse))
        *inverse = 0.0f;
    return VMG_OK;
}

/* Bits of the largest magnitude among 32 values. Without their sign, floats order as their bits do,
 * and NaN is above everything. */
static uint32_t largest_bits(const float *x)
{
    int32_t bits[32], best = 0;
    memcpy(bits, x, sizeof bits);
    for (int i = 0; i < 32; i++) {
        int32_t magnitude = bits[i] & 0x7fffffff;
        best = magnitude > best ? magnitude : best;
    }
    return (uint32_t)best;
}

/* The first value of largest magnitude among 32; NaN if there is one. */
static float extreme(const float *x)
{
    uint32_t best = largest_bits(x), bits;
    for (int i = 0; i < 32; i++) {
        memcpy(&bits, &x[i], sizeof bits);
        if ((bits & 0x7fffffff) == best)
            return x[i];
    }
    return 0;
}

int vmg_quantize_q8_0(const float *src, size_t n_blocks, uint8_t *dst)
{
    for (size_t b = 0; b < n_blocks; b++, src += 32, dst += 34) {
        uint32_t bits = largest_bits(src);
        float largest, inverse = 0;
        memcpy(&largest, &bits, sizeof largest);
        int rc = store_scale(largest / 127.0f, "q8_0", dst, &inverse);
        if (rc != VMG_OK)
            return rc;
        /* roundf, halves away from zero, in a form that becomes vector code: x - t is exact. */
        for (int i = 0; i < 32; i++) {
            float x = src[i] * inverse;
            int32_t t = (int32_t)x;
            float rest = x - (float)t;
            dst[2 + i] = (uint8_t)(t + (rest >= 0.5f) - (rest <= -0.5f));
        }
    }
    return VMG_OK;
}

int vmg_quantize_q4_0(const float *src, size_t n_blocks, uint8_t *dst)
{
    for (size_t b = 0; b < n_blocks; b++, src += 32, dst += 18) {
        float inverse = 0;
        int rc = store_scale(extreme(src) / -8.0f, "q4_0", dst, &inverse);
        if (rc != VMG_OK)
            return rc;
        int32_t q[32];
        for (int i = 0; i < 32; i++) {
            int32_t t = (int32_t)(src[i] * inverse + 8.5f);
            q[i] = t < 15 ? t : 15;
        }
        for (int i = 0; i < 16; i++)
            dst[2 + i] = (uint8_t)(q[i] | q[16 + i] << 4);
    }
    return VMG_OK;
}

/* ---- decoding: blocks of 32 ---- */

static void decode_q8_0(const uint8_t *src, size_t n_blocks, float *dst)
{
    for (; n_blocks; n_blocks--, src += 34, dst += 32) {
        float d = load_f16(src);
        for (int i = 0; i < 32; i++)
            dst[i] = (float)(int8_t)src[2 + i] * d;
    }
}

/* d*(q - offset) + m with 4-bit q, low nibbles first; `high` holds a fifth bit per value. */
static inline void decode_nibbles(const uint8_t *qs, uint32_t high, float d, int offset, float m,
                                  float *dst)
{
    for (int i = 0; i < 16; i++) {
        int lo = (qs[i] & 15) | (int)((high >> i) & 1) << 4;
        int hi = (qs[i] >> 4) | (int)((high >> (i + 16)) & 1) << 4;
        dst[i] = d * (float)(lo - offset) + m;
        dst[16 + i] = d * (float)(hi - offset) + m;
    }
}

static void decode_q4_0(const uint8_t *src, size_t n_blocks, float *dst)
{
    for (; n_blocks; n_blocks--, src += 18, dst += 32) {
        float d = load_f16(src);
        for (int i = 0; i < 16; i++) {
            dst[i] = d * (float)((src[2 + i] & 15) - 8);
            dst[16 + i] = d * (float)((src[2 + i] >> 4) - 8);
        }
    }
}

static uint32_t load_u32(const uint8_t *p)
{
    return (uint32_t)load_u16(p) | (uint32_t)load_u16(p + 2) << 16;
}

static void decode_q4_1(const uint8_t *src, size_t n_blocks, float *dst)
{
    for (; n_blocks; n_blocks--, src += 20, dst += 32)
        decode_nibbles(src + 4, 0, load_f16(src), 0, load_f16(src + 2), dst);
}

static void decode_q5_0(const uint8_t *src, size_t n_blocks, float *dst)
{
    /* Adding -0 leaves every product's bits alone. */
    for (; n_blocks; n_blocks--, src += 22, dst += 32)
        decode_nibbles(src + 6, load_u32(src + 2), load_f16(src), 16, -0.0f, dst);
}

static void decode_q5_1(const uint8_t *src, size_t n_blocks, float *dst)
{
    for (; n_blocks; n_blocks--, src += 24, dst += 32)
        decode_nibbles(src + 8, load_u32(src + 4), load_f16(src), 0, load_f16(src + 2), dst);
}

/* ---- decoding: super-blocks of 256 ---- */

static void decode_q2_k(const uint8_t *src, size_t n_blocks, float *dst)
{
    for (; n_blocks; n_blocks--, src += 84) {
        const uint8_t *scales = src, *qs = src + 16;
        float d = load_f16(src + 80), dmin = load_f16(src + 82);
        for (int g = 0; g < 16; g++) {
            float dl = d * (float)(scales[g] & 15), ml = dmin * (float)(scales[g] >> 4);
            const uint8_t *q = qs + 32 * (g / 8) + 16 * (g % 2);
            int shift = 2 * (g / 2 % 4);
            for (int i = 0; i < 16; i++)
                *dst++ = dl * (float)((q[i] >> shift) & 3) - ml;
        }
    }
}

static void decode_q3_k(const uint8_t *src, size_t n_blocks, float *dst)
{
    for (; n_blocks; n_blocks--, src += 110) {
        const uint8_t *high = src, *qs = src + 32, *scales = src + 96;
        float d = load_f16(src + 108);
        for (int g = 0; g < 16; g++) {
            int low = (scales[g % 8] >> (g / 8 * 4)) & 15;
            int scale = (low | ((scales[8 + g % 4] >> (g / 4 * 2)) & 3) << 4) - 32;
            float dl = d * (float)scale;
            const uint8_t *q = qs + 32 * (g / 8) + 16 * (g % 2), *h = high + 16 * (g % 2);
            int shift = 2 * (g / 2 % 4), bit = g / 2;
            /* A clear high bit means minus four. */
            for (int i = 0; i < 16; i++)
                *dst++ = dl * (float)(((q[i] >> shift) & 3) - ((h[i] >> bit & 1) ? 0 : 4));
        }
    }
}

/* Eight 6-bit scales and minima, packed in 12 bytes. */
static void unpack_scales(const uint8_t *p, uint8_t scale[8], uint8_t minimum[8])
{
    for (int i = 0; i < 4; i++) {
        scale[i] = p[i] & 63;
        minimum[i] = p[4 + i] & 63;
        scale[4 + i] = (uint8_t)((p[8 + i] & 15) | ((p[i] >> 2) & 48));
        minimum[4 + i] = (uint8_t)((p[8 + i] >> 4) | ((p[4 + i] >> 2) & 48));
    }
}

static void decode_q4_k(const uint8_t *src, size_t n_blocks, float *dst)
{
    for (; n_blocks; n_blocks--, src += 144) {
        uint8_t scale[8], minimum[8];
        float d = load_f16(src), dmin = load_f16(src + 2);
        unpack_scales(src + 4, scale, minimum);
        for (int g = 0; g < 8; g++) {
            float dl = d * (float)scale[g], ml = dmin * (float)minimum[g];
            const uint8_t *q = src + 16 + 32 * (g / 2);
            int shift = 4 * (g % 2);
            for (int i = 0; i < 32; i++)
                *dst++ = dl * (float)((q[i] >> shift) & 15) - ml;
        }
    }
}

static void decode_q5_k(const uint8_t *src, size_t n_blocks, float *dst)
{
    for (; n_blocks; n_blocks--, src += 176) {
        uint8_t scale[8], minimum[8];
        float d = load_f16(src), dmin = load_f16(src + 2);
        unpack_scales(src + 4, scale, minimum);
        for (int g = 0; g < 8; g++) {
            float dl = d * (float)scale[g], ml = dmin * (float)minimum[g];
            const uint8_t *h = src + 16, *q = src + 48 + 32 * (g / 2);
            int shift = 4 * (g % 2);
            for (int i = 0; i < 32; i++)
                *dst++ = dl * (float)(((q[i] >> shift) & 15) | (h[i] >> g & 1) << 4) - ml;
        }
    }
}

static void decode_q6_k(const uint8_t *src, size_t n_blocks, float *dst)
{
    for (; n_blocks; n_blocks--, src += 210) {
        const int8_t *scales = (const int8_t *)(src + 192);
        float d = load_f16(src + 208);
        for (int g = 0; g < 16; g++) {
            int half = g / 8, part = g / 2 % 4, first = 16 * (g % 2);
            const uint8_t *low = src + 64 * half + 32 * (part % 2) + first;
            const uint8_t *high = src + 128 + 32 * half + first;
            float dl = d * (float)scales[g];
            for (int i = 0; i < 16; i++) {
                int q = ((low[i] >> (4 * (part / 2))) & 15) | ((high[i] >> (2 * part)) & 3) << 4;
                *dst++ = dl * (float)(q - 32);
            }
        }
    }
}

vmg_dequantize_fn *vmg_quant_decoder(vmg_dtype dtype)
{
    switch (dtype) {
    case VMG_Q8_0: return decode_q8_0;
    case VMG_Q4_0: return decode_q4_0;
    case VMG_Q4_1: return decode_q4_1;
    case VMG_Q5_0: return decode_q5_0;
    case VMG_Q5_1: return decode_q5_1;
    case VMG_Q2_K: return decode_q2_k;
    case VMG_Q3_K: return decode_q3_k;
    case VMG_Q4_K: return decode_q4_k;
    case VMG_Q5_K: return decode_q5_k;
    case VMG_Q6_K: return decode_q6_k;
    default: return NULL;
    }
}
