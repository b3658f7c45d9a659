/* Element types: facts, 16-bit conversions checked against exact arithmetic, GGUF's block types. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/sha256.h"
#include "host/dtype.h"
#include "tests/harness.h"

static void knows_its_types(void)
{
    vmg_dtype d;
    for (int i = 0; i < VMG_N_DTYPES; i++) {
        CHECK_OK(vmg_dtype_parse(vmg_dtype_name((vmg_dtype)i), &d));
        CHECK_INT(d, i);
        CHECK(vmg_dtype_get((vmg_dtype)i).block_bytes > 0);
    }
    CHECK_INT(VMG_F32, 0);
    CHECK_INT(VMG_I32, 5);
    CHECK_FAILS(vmg_dtype_parse("f8", &d), VMG_E_ARG, "q4_0");
    CHECK_STR(vmg_dtype_name((vmg_dtype)99), "unknown");
}

static void counts_bytes(void)
{
    size_t n;
    CHECK_OK(vmg_dtype_bytes(VMG_F32, 5, &n));
    CHECK_INT(n, 20);
    CHECK_OK(vmg_dtype_bytes(VMG_Q4_K, 512, &n));
    CHECK_INT(n, 288);
    CHECK_FAILS(vmg_dtype_bytes(VMG_Q8_0, 33, &n), VMG_E_ARG, "block of 32");
    CHECK_FAILS(vmg_dtype_bytes(VMG_F32, -1, &n), VMG_E_ARG, "-1");
    CHECK_FAILS(vmg_dtype_bytes(VMG_F64, INT64_MAX, &n), VMG_E_ARG, "memory");
    CHECK_FAILS(vmg_dtype_bytes((vmg_dtype)99, 1, &n), VMG_E_ARG, "99");
}

/* The value of an IEEE half from its definition. */
static double half_value(uint16_t h)
{
    int e = (h >> 10) & 31, m = h & 1023;
    double v = e == 31 ? (m ? NAN : INFINITY) : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
    return h & 0x8000 ? -v : v;
}

static void widens_every_half(void)
{
    for (unsigned h = 0; h < 65536; h++) {
        double want = half_value((uint16_t)h);
        float got = vmg_f16_to_f32((uint16_t)h);
        bool same = isnan(want) ? isnan(got) : got == want && !signbit(got) == !signbit(want);
        if (!same)
            CHECK_INT(h, -1);
        uint16_t back = vmg_f32_to_f16(got);
        if (isnan(want) ? !isnan(half_value(back)) : back != h)
            CHECK_INT(back, h);
    }
}

/* Between two neighbouring halves: below the middle, the middle (to even), above the middle. */
static void rounds_to_nearest_even_half(void)
{
    int n_bad = 0;
    for (unsigned h = 0; h < 0x7c00; h++) {
        double a = half_value((uint16_t)h);
        double b = h == 0x7bff ? 65536.0 : half_value((uint16_t)(h + 1));
        float middle = (float)((a + b) / 2);
        unsigned even = h & 1 ? h + 1 : h;
        n_bad += vmg_f32_to_f16(middle) != even;
        n_bad += vmg_f32_to_f16(nextafterf(middle, 0)) != h;
        n_bad += vmg_f32_to_f16(nextafterf(middle, INFINITY)) != h + 1;
        n_bad += vmg_f32_to_f16(-middle) != (even | 0x8000);
    }
    CHECK_INT(n_bad, 0);
    CHECK_INT(vmg_f32_to_f16(INFINITY), 0x7c00);
    CHECK_INT(vmg_f32_to_f16(-1e30f), 0xfc00);
    CHECK_INT(vmg_f32_to_f16(65519.996f), 0x7bff);
    CHECK_INT(vmg_f32_to_f16(65520.0f), 0x7c00);
    CHECK_INT(vmg_f32_to_f16(1e-30f), 0);
    CHECK(isnan(half_value(vmg_f32_to_f16(NAN))));
}

static void rounds_to_nearest_even_bf16(void)
{
    static const struct {
        uint32_t bits;
        uint16_t want;
    } cases[] = {
        {0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f808001, 0x3f81}, {0x3f818000, 0x3f82},
        {0x3f817fff, 0x3f81}, {0x7f7fffff, 0x7f80}, {0x7f800000, 0x7f80}, {0xff800000, 0xff80},
        {0x7f800001, 0x7fc0}, {0xffffffff, 0xffff}, {0x00000001, 0x0000}, {0x00018000, 0x0002},
        {0x80008000, 0x8000},
    };
    for (size_t i = 0; i < VMG_COUNT(cases); i++) {
        float f;
        memcpy(&f, &cases[i].bits, sizeof f);
        CHECK_INT(vmg_f32_to_bf16(f), cases[i].want);
    }
    CHECK_CLOSE(vmg_bf16_to_f32(0xc040), -3.0, 0);
}

/* Arrays of every length around the vector width, from and to odd addresses. */
static void converts_arrays_like_single_values(void)
{
    static const vmg_dtype types[] = {VMG_F16, VMG_BF16};
    float x[200], y[200];
    uint8_t raw[401];
    vmg_test_fill(x, 200);
    x[3] = INFINITY, x[70] = -0.0f, x[71] = 1e-7f, x[140] = 1e6f;
    for (size_t t = 0; t < 2; t++)
        for (int n = 0; n <= 200; n++) {
            memset(raw, 0xa5, sizeof raw);
            y[n < 200 ? n : 0] = 42;
            CHECK_OK(vmg_dtype_from_f32(types[t], x, n, raw + 1));
            CHECK_OK(vmg_dtype_to_f32(types[t], raw + 1, n, y));
            int n_bad = 0;
            for (int i = 0; i < n; i++)
                n_bad += y[i] != (types[t] == VMG_F16 ? vmg_f16_to_f32(vmg_f32_to_f16(x[i]))
                                                      : vmg_bf16_to_f32(vmg_f32_to_bf16(x[i])));
            CHECK_INT(n_bad, 0);
            CHECK(n == 200 || (raw[1 + 2 * n] == 0xa5 && y[n] == 42));
        }
}

static void converts_integers(void)
{
    static const int64_t wide[] = {-3, 16777217, INT64_MAX};
    static const uint8_t bytes[] = {0, 1, 255};
    float y[3];
    CHECK_OK(vmg_dtype_to_f32(VMG_I64, wide, 3, y));
    CHECK(y[0] == -3 && y[1] == 16777216 && y[2] == 9223372036854775808.0f);
    CHECK_OK(vmg_dtype_to_f32(VMG_U8, bytes, 3, y));
    CHECK(y[2] == 255);
    CHECK_OK(vmg_dtype_to_f32(VMG_I8, bytes, 3, y));
    CHECK(y[2] == -1);
    CHECK_OK(vmg_dtype_to_f32(VMG_BOOL, bytes, 3, y));
    CHECK(y[0] == 0 && y[2] == 1);
    CHECK_OK(vmg_dtype_to_f32(VMG_F64, (double[]){0.1, 1e300, -2}, 3, y));
    CHECK(y[0] == 0.1f && isinf(y[1]) && y[2] == -2);
    CHECK_FAILS(vmg_dtype_from_f32(VMG_I32, y, 3, y), VMG_E_UNSUPPORTED, "i32");
}

static uint32_t lcg(uint32_t *s)
{
    return *s = *s * 1664525u + 1013904223u;
}

static void digest(const void *data, size_t n, char hex[65])
{
    vmg_sha256 s;
    uint8_t d[32];
    vmg_sha256_init(&s);
    vmg_sha256_update(&s, data, n);
    vmg_sha256_final(&s, d);
    vmg_sha256_hex(d, hex);
}

/* 64 blocks of random bits with finite scales; digests of what PyPI gguf 0.19.0 makes of them. */
static void decodes_blocks_like_gguf(void)
{
    static const struct {
        vmg_dtype type;
        int scales[2]; /* offsets of the f16 scales; -1 = none */
        const char *sha256;
    } cases[] = {
        {VMG_Q8_0, {0, -1}, "5cd30fbd5c5638425ca4d93fd54f9940b1f1c1e4c3f60f285f19c4f37e27f8c1"},
        {VMG_Q4_0, {0, -1}, "b898027311482795e3b3ec86f2c507c723e26e0dc6928abbb93065dd56d30a4c"},
        {VMG_Q4_1, {0, 2}, "d85182e3542dad27df10af4ff5cf3885e73b5be8ca540df928f612c4de0ce0b8"},
        {VMG_Q5_0, {0, -1}, "b6f81b395603fa9598b52515cd365058012c42a9adccd49c54ae55285d5a5cf0"},
        {VMG_Q5_1, {0, 2}, "af296a3c3eaba5b00b390bf5aa1eb3cfddd4e2515319eecf4d760313cc0cf81d"},
        {VMG_Q2_K, {80, 82}, "cf016eaa7a2756907febdd6d36568fe6af591f78b1a87598f19692cc62e34bb0"},
        {VMG_Q3_K, {108, -1}, "db7d6ecb54fd5d148f9ce7f1f124f7d20362ae967cb403f50fcb74c140c5dabe"},
        {VMG_Q4_K, {0, 2}, "31ef4ef4b1ba3983278064e1b2b10cd22f1184a565833a7ae9d517bda9e1c07b"},
        {VMG_Q5_K, {0, 2}, "c47acdcad141e20b68ebf360b6910a81e17d548b15ce4561e3c662858a4bb39e"},
        {VMG_Q6_K, {208, -1}, "d9b070473ff7851ad3a30bc804f3424c2cb8fcabd2960a0ae058772ae6cda1a6"},
    };
    enum { N = 64 };
    for (size_t c = 0; c < VMG_COUNT(cases); c++) {
        vmg_dtype_info info = vmg_dtype_get(cases[c].type);
        size_t bytes = (size_t)(N * info.block_bytes), n = (size_t)(N * info.block_len);
        uint8_t *raw = vmg_calloc(bytes, 1);
        float *y = vmg_calloc(n, sizeof *y);
        char hex[65];
        uint32_t s = 1;
        REQUIRE(raw && y);
        for (size_t i = 0; i < bytes; i++)
            raw[i] = (uint8_t)(lcg(&s) >> 24);
        for (int b = 0; b < N; b++)
            for (int k = 0; k < 2; k++)
                if (cases[c].scales[k] >= 0)
                    raw[b * info.block_bytes + cases[c].scales[k] + 1] &= 0xbf;
        CHECK_OK(vmg_dtype_to_f32(cases[c].type, raw, (int64_t)n, y));
        digest(y, n * sizeof *y, hex);
        CHECK_STR(hex, cases[c].sha256);
        free(raw);
        free(y);
    }
}

static void encodes_blocks_like_gguf(void)
{
    enum { N = 64 };
    float x[32 * N];
    uint8_t raw[34 * N];
    char hex[65];
    uint32_t s = 7;
    for (int i = 0; i < 32 * N; i++) {
        float r = (float)((int32_t)(lcg(&s) >> 8) - (1 << 23)) / (float)(1 << 20);
        x[i] = i / 32 == 2 ? 0.0f : ldexpf(r, i / 32 % 20 - 10);
    }
    CHECK_OK(vmg_dtype_from_f32(VMG_Q8_0, x, 32 * N, raw));
    digest(raw, 34 * N, hex);
    CHECK_STR(hex, "cd9ec44ad3f51a9c34dd15a7fb96727017d870ea3ffadbc57e1d7109ce91865e");
    CHECK_OK(vmg_dtype_from_f32(VMG_Q4_0, x, 32 * N, raw));
    digest(raw, 18 * N, hex);
    CHECK_STR(hex, "9ec650d5502e0c12d91375b9a9e74892a5dee13869ff4719b5428fcdd7754bd0");
}

static void refuses_to_quantise_the_impossible(void)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f};
    float x[64] = {0};
    uint8_t raw[68];
    for (size_t i = 0; i < VMG_COUNT(bad); i++) {
        x[50] = bad[i];
        CHECK_FAILS(vmg_dtype_from_f32(VMG_Q8_0, x, 64, raw), VMG_E_ARG, "q8_0");
        CHECK_FAILS(vmg_dtype_from_f32(VMG_Q4_0, x, 64, raw), VMG_E_ARG, "q4_0");
    }
    x[50] = 1e-44f;
    CHECK_OK(vmg_dtype_from_f32(VMG_Q8_0, x, 64, raw));
    CHECK_OK(vmg_dtype_to_f32(VMG_Q8_0, raw, 64, x));
    CHECK(x[50] == 0);
    CHECK_FAILS(vmg_dtype_from_f32(VMG_Q8_0, x, 40, raw), VMG_E_ARG, "block");
}

static const vmg_test_case cases[] = {
    {"knows_its_types", knows_its_types},
    {"counts_bytes", counts_bytes},
    {"widens_every_half", widens_every_half},
    {"rounds_to_nearest_even_half", rounds_to_nearest_even_half},
    {"rounds_to_nearest_even_bf16", rounds_to_nearest_even_bf16},
    {"converts_arrays_like_single_values", converts_arrays_like_single_values},
    {"converts_integers", converts_integers},
    {"decodes_blocks_like_gguf", decodes_blocks_like_gguf},
    {"encodes_blocks_like_gguf", encodes_blocks_like_gguf},
    {"refuses_to_quantise_the_impossible", refuses_to_quantise_the_impossible},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
