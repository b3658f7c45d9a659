/* Random draws that depend on nothing but where they are made. */
#include "src/train/draw.h"

#include <math.h>

#include "host/op/random.h"

vmg_draw vmg_draw_from(uint64_t seed, uint64_t stream)
{
    return (vmg_draw){.seed = seed, .stream = stream};
}

static uint32_t next(vmg_draw *d)
{
    if (!d->left) {
        vmg_random_words(d->seed, d->stream, d->counter++, d->word);
        d->left = 4;
    }
    return d->word[4 - d->left--];
}

uint64_t vmg_draw_u64(vmg_draw *d)
{
    uint64_t high = next(d);
    return high << 32 | next(d);
}

double vmg_draw_uniform(vmg_draw *d)
{
    return (double)(vmg_draw_u64(d) >> 11) * 0x1p-53;
}

int64_t vmg_draw_below(vmg_draw *d, int64_t n)
{
    /* The bias of a remainder is below n/2^64. */
    return (int64_t)(vmg_draw_u64(d) % (uint64_t)n);
}

int64_t vmg_draw_between(vmg_draw *d, int64_t a, int64_t b)
{
    return a + vmg_draw_below(d, b - a + 1);
}

double vmg_draw_normal(vmg_draw *d)
{
    const double two_pi = 6.28318530717958647692;
    double u = 1 - vmg_draw_uniform(d), angle = two_pi * vmg_draw_uniform(d); /* u in (0, 1] */
    return sqrt(-2 * log(u)) * cos(angle);
}
