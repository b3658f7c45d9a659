/* Random draws that depend on nothing but where they are made: what makes a resumed run repeat. */
#ifndef VMG_SRC_TRAIN_DRAW_H
#define VMG_SRC_TRAIN_DRAW_H

#include <stdint.h>

/* A sequence of numbers named by (seed, stream): Philox words counted from 0 (host/op/random.h). */
typedef struct vmg_draw {
    uint64_t seed, stream, counter;
    uint32_t word[4];
    int left; /* words not yet used */
} vmg_draw;

vmg_draw vmg_draw_from(uint64_t seed, uint64_t stream);

uint64_t vmg_draw_u64(vmg_draw *d);
double vmg_draw_uniform(vmg_draw *d);              /* [0, 1), 53 bits */
int64_t vmg_draw_below(vmg_draw *d, int64_t n);    /* 0..n-1; n >= 1 */
int64_t vmg_draw_between(vmg_draw *d, int64_t a, int64_t b); /* a..b, both possible; a <= b */
double vmg_draw_normal(vmg_draw *d);               /* N(0,1), Box-Muller */

#endif
