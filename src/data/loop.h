/* Steady gaits made longer: a run of one second, as captured, becomes one of five; and moments of standing still. */
#ifndef VMG_SRC_DATA_LOOP_H
#define VMG_SRC_DATA_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Where a clip can go from frame b on as it did from frame a on: the poses around both are the same but for where they
 * are. error_m: root mean square over joints and three frames.
 */
typedef struct vmg_loop {
    int64_t a, b;
    double error_m;
} vmg_loop;

#define VMG_LOOP_ERROR_M 0.08  /* worse loops do not count */
#define VMG_LOOP_MIN_FRAMES 10 /* shortest period */

/*
 * Find the best loop in features x (T,276) at 20 fps of a steady gait: straight on (within 20 degrees), at an even height
 * (pelvis within 0.25 m) and speed (never below 0.4 of its mean of at least 0.5 m/s). *found is false for anything else. Of nearly
 * equal loops the longest. VMG_E_NOMEM.
 */
int vmg_loop_find(const float *x, int64_t T, bool *found, vmg_loop *loop);

/* The clip up to b, then [a, b) again and again, moved on, faded over three frames at each seam; `want` frames in all. Fresh memory. */
int vmg_loop_extend(const float *x, int64_t T, const vmg_loop *loop, int64_t want, float **out);

#define VMG_HOLD_MIN_FRAMES 12 /* shortest moment */

/*
 * The longest moment [a, b) of x (T,276) at 20 fps of somebody standing (one leg at least 0.85 straight) who moves nothing: joints slower than 0.05
 * m/s on average and 0.1 m/s each. *found is false where none lasts VMG_HOLD_MIN_FRAMES. VMG_E_NOMEM.
 */
int vmg_hold_find(const float *x, int64_t T, bool *found, vmg_loop *hold);

/* The moment [a, b) to and fro, nowhere faster than it is; `want` frames in all. Fresh memory. */
int vmg_hold_extend(const float *x, int64_t T, const vmg_loop *hold, int64_t want, float **out);

#endif
