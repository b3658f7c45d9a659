/* MBench's five metrics of joint positions. */
#ifndef VMG_SRC_MBENCH_JOINTS_H
#define VMG_SRC_MBENCH_JOINTS_H

#include <stdint.h>

/*
 * Which coordinate is the height. The published tool exports clips y-up but takes index 2 for the
 * height: `official` does the same (bit-compatible on its own files), `physical` uses the declared
 * up axis. Reports say which.
 */
enum vmg_mbench_mode { VMG_MBENCH_PHYSICAL, VMG_MBENCH_OFFICIAL };

enum vmg_mbench_metric {
    VMG_JITTER_DEGREE,
    VMG_GROUND_PENETRATION,
    VMG_FOOT_FLOATING,
    VMG_FOOT_SLIDING,
    VMG_DYNAMIC_DEGREE,
    VMG_N_JOINT_METRICS
};

extern const char *const vmg_mbench_metric_name[VMG_N_JOINT_METRICS]; /* "Jitter_Degree", ... */

/* "physical" or "official"; VMG_E_ARG otherwise. And back. */
int vmg_mbench_parse_mode(const char *text, enum vmg_mbench_mode *out);
const char *vmg_mbench_mode_name(enum vmg_mbench_mode mode);

/*
 * The metrics of one clip: joints (T,22,3) in metres at 20 fps, height = coordinate up_axis (0..2;
 * `official`: 2), the others horizontal. Computed in float like the published tool, so that its
 * thresholds fall alike.
 *
 * Jitter_Degree       mean over frames and joints of |p[t+2] - 2 p[t+1] + p[t]|, plus the same of
 *                     p - root
 * Dynamic_Degree      mean of |p[t+1] - p[t]|, plus the same of p - root
 * Ground_Penetration  mean of |height| over foot samples with height < -0.005; 0 if there are none
 * Foot_Sliding        per foot sum(|horizontal velocity| contact) / (sum contact + 1e-6); mean of
 * both Foot_Floating       (invalid frames + sum floating runs / 2 + sum mass-floating lengths) / T
 *
 * Contact of a foot: |velocity| < 0.01 or height < 0.02; velocities are forward differences, the
 * last one repeated. Clips too short for a metric (2 frames, 3 for jitter) get 0 for it. Errors:
 * VMG_E_ARG (T < 1, bad axis, positions that are not finite), VMG_E_NOMEM.
 */
int vmg_mbench_joints(const float *joints, int64_t T, int up_axis,
                      double value[VMG_N_JOINT_METRICS]);

/* Mean, population standard deviation and count of n values (mean and std are 0 when n = 0). */
typedef struct vmg_mbench_summary {
    double mean, std;
    int64_t n;
} vmg_mbench_summary;
vmg_mbench_summary vmg_mbench_summarise(const double *value, int64_t n, int64_t stride);

#endif
