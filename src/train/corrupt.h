/* What training does to reference motions, so that the network learns to repair them (spec/model.md §4). */
#ifndef VMG_SRC_TRAIN_CORRUPT_H
#define VMG_SRC_TRAIN_CORRUPT_H

#include "src/train/draw.h"

/* Drawn once per batch. */
typedef struct vmg_corruption {
    double noise_rate;  /* c ~ U(0, 0.4): frames that get noise */
    double noise_scale; /* a ~ U(0.05, 0.15): its standard deviation */
    double replace_rate; /* p ~ U(0.03, 0.08): frames replaced by a mean of their neighbours */
} vmg_corruption;

vmg_corruption vmg_corruption_draw(vmg_draw *d);

/*
 * out (T,D) from the clean reference ref (T,D), normalised. Each frame gets N(0, a²) with probability c; with probability
 * p it becomes α·previous + (1-α)·next of the clean reference instead (α = 0.5 + 0.3(u - 0.5); indices wrap over the row of
 * n_row >= T frames that the published batch pads to, and the frame itself stands for a neighbour beyond T); with probability 0.02 it is zeroed. Returns how many frames were not zeroed: the published code uses its mask
 * only through this sum, as the number of keys.
 */
int64_t vmg_corrupt(const vmg_corruption *c, vmg_draw *d, const float *ref, int64_t T, int64_t n_row, int64_t D, float *out);

/* Adds N(0, scale²) to every feature of x (n): ours, for references that are noisy throughout. */
void vmg_corrupt_everywhere(double scale, vmg_draw *d, int64_t n, float *x);

#endif
