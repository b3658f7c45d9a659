/* How good generated motion is beside real clips that the model never saw. */
#ifndef VMG_BENCH_BEHAVIOUR_QUALITY_H
#define VMG_BENCH_BEHAVIOUR_QUALITY_H

#include "src/data/dataset.h"
#include "src/lib/generate.h"
#include "src/mbench/joints.h"

typedef struct bench_quality {
    double made[VMG_N_JOINT_METRICS], real[VMG_N_JOINT_METRICS]; /* MBench's metrics, means */
    int64_t n_made, n_real;
    /* Mean joint distance over a window to the nearest window of the training half: of samples, of
     * held-out clips, and the median of samples; share of samples closer than the closest held-out
     * window. */
    double nearest_made_m, nearest_real_m, nearest_median_m, closer_share;
    /* Root mean square difference of normalised reference features to the clean clip: of the noised
     * input, of the output; clips improved. */
    double noised, restored;
    int64_t n_restored, n_references;
} bench_quality;

/* x (n, frames, 276) generated motions, canonical. */
int bench_quality_measure(vmg_ctx *ctx, const vmg_model *model, const vmg_generate_options *o,
                          const vmg_dataset *data, const float *x, int64_t n, int64_t frames,
                          bench_quality *out);

void bench_quality_print(const bench_quality *q);
void bench_quality_print_json(const bench_quality *q);

#endif
