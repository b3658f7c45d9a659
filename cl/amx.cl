/*
 * The block product of AMX, sums in tile registers. A file that includes this one may define STREAM_STEPS: its operands come from
 * the second-level cache or beyond, and their lines are asked for that many steps early. A tile is 16 × 16 words of 64 bytes a row, a word
 * holds two values of K; four tiles hold the 32 × 32 sums of a block.
 */
#define PTR(x) ((void *)(ulong)(x))

#ifdef EMULATED
/* The same sums of the same words in plain C, for tests on processors without tiles. */
void amx_begin(void)
{
}
void amx_end(void)
{
}
void amx_block(ulong c, ulong a, ulong b, int steps, int row_tiles, int add, ulong ahead)
{
    float16 *sum = (float16 *)PTR(c);
    const uint *left = (const uint *)PTR(a);
    const uint16 *right = (const uint16 *)PTR(b);
    for (int r = 0; r < 16 * row_tiles; r++)
        for (int t = 0; t < 2; t++) {
            float16 y = add ? sum[r * 2 + t] : (float16)(0.0f);
            for (int s = 0; s < steps; s++)
                for (int j = 0; j < 16; j++) {
                    const uint x = left[(s * 32 + r) * 16 + j];
                    const uint16 w = right[(s * 2 + t) * 16 + j];
                    y += as_float(x << 16) * as_float16(w << 16) + as_float(x & 0xffff0000u) * as_float16(w & 0xffff0000u);
                }
            sum[r * 2 + t] = y;
        }
}
#else
/* Put on a kernel the attribute would be lost; inlined into one, too. */
#define AMX __attribute__((noinline, target("amx-tile,amx-bf16")))

AMX void amx_begin(void)
{
    /* Palette 1; eight tiles of 16 rows of 64 bytes. */
    ulong config[8] = {1, 0, 0x0040004000400040UL, 0x0040004000400040UL,
                       0, 0, 0x1010101010101010UL, 0};
    __builtin_ia32_tile_loadconfig(config);
}
AMX void amx_end(void)
{
    __builtin_ia32_tilerelease();
}

#ifdef STREAM_STEPS
#define NEAR(from, i) __builtin_prefetch(PTR((from) + 2048 * STREAM_STEPS + 64 * (i)), 0, 3)
#define NEAR4(i) NEAR(a, i); NEAR(a, i + 1); NEAR(a, i + 2); NEAR(a, i + 3); NEAR(b, i); NEAR(b, i + 1); NEAR(b, i + 2); NEAR(b, i + 3)
#else
#define NEAR4(i)
#endif
/* An eighth of what a step asks for. */
#define EXPECT(i) __builtin_prefetch(PTR(ahead + 64 * (i)), 0, 2); NEAR4(4 * (i))

/* c (32,32) = [c +] `steps` steps of 32 values of K; with one row tile, only its upper half. Two row tiles: meanwhile 512 bytes for each
 * step are brought near from `ahead` on. */
AMX void amx_block(ulong c, ulong a, ulong b, int steps, int row_tiles, int add, ulong ahead)
{
    if (add) {
        __builtin_ia32_tileloadd64(0, PTR(c), 128);
        __builtin_ia32_tileloadd64(1, PTR(c + 64), 128);
        __builtin_ia32_tileloadd64(2, PTR(c + 2048), 128);
        __builtin_ia32_tileloadd64(3, PTR(c + 2112), 128);
    } else {
        __builtin_ia32_tilezero(0);
        __builtin_ia32_tilezero(1);
        __builtin_ia32_tilezero(2);
        __builtin_ia32_tilezero(3);
    }
    if (row_tiles == 2) {
        for (int s = 0; s < steps; s++, a += 2048, b += 2048, ahead += 512) {
            __builtin_ia32_tileloadd64(4, PTR(a), 64);
            __builtin_ia32_tileloadd64(6, PTR(b), 64);
            __builtin_ia32_tileloadd64(7, PTR(b + 1024), 64);
            EXPECT(0);
            EXPECT(1);
            __builtin_ia32_tdpbf16ps(0, 4, 6);
            EXPECT(2);
            EXPECT(3);
            __builtin_ia32_tdpbf16ps(1, 4, 7);
            __builtin_ia32_tileloadd64(5, PTR(a + 1024), 64);
            EXPECT(4);
            EXPECT(5);
            __builtin_ia32_tdpbf16ps(2, 5, 6);
            EXPECT(6);
            EXPECT(7);
            __builtin_ia32_tdpbf16ps(3, 5, 7);
        }
    } else {
        for (int s = 0; s < steps; s++, a += 2048, b += 2048) {
            __builtin_ia32_tileloadd64(4, PTR(a), 64);
            __builtin_ia32_tileloadd64(6, PTR(b), 64);
            __builtin_ia32_tileloadd64(7, PTR(b + 1024), 64);
            __builtin_ia32_tdpbf16ps(0, 4, 6);
            __builtin_ia32_tdpbf16ps(1, 4, 7);
        }
    }
    __builtin_ia32_tilestored64(0, PTR(c), 128);
    __builtin_ia32_tilestored64(1, PTR(c + 64), 128);
    __builtin_ia32_tilestored64(2, PTR(c + 2048), 128);
    __builtin_ia32_tilestored64(3, PTR(c + 2112), 128);
}
#endif
