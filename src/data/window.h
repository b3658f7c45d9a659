/* Windows of a sample as the network sees them: cut out, turned to +y, moved to the origin. */
#ifndef VMG_SRC_DATA_WINDOW_H
#define VMG_SRC_DATA_WINDOW_H

#include <stdint.h>

/* Length of the windows that statistics are taken over, in frames at 20 fps. */
enum { VMG_WINDOW_STATISTICS = 100 };

/*
 * Make features x (T,276) canonical in place (src/motion/canonical.h): rotated about z so that frame
 * 0 faces +y, the pelvis of frame 0 at x = y = 0. Heights stay: the floor of the whole trial is
 * z = 0 already, and a window that begins in a jump must not be put on the ground. Works on the
 * features themselves, all groups, without decoding. T >= 1.
 */
void vmg_window_canonicalise(float *x, int64_t T);

/* Frames [first, first+n) of x (T,276), copied to out (n,276) and made canonical. The caller keeps
 * them inside. */
void vmg_window_cut(const float *x, int64_t first, int64_t n, float *out);

/* Running statistics of canonical windows of 276 features. Start from {0}. */
typedef struct vmg_window_statistics {
    int64_t n;
    double sum[276], sum2[276];
} vmg_window_statistics;

/* Adds windows of VMG_WINDOW_STATISTICS frames, half overlapping (the whole clip if shorter).
 * VMG_E_NOMEM. */
int vmg_window_statistics_add(vmg_window_statistics *s, const float *x, int64_t T);

/* Mean and standard deviation, the latter at least 1e-3 so that constant features stay finite when
 * normalised. */
void vmg_window_statistics_finish(const vmg_window_statistics *s, float mean[276], float std[276]);

#endif
