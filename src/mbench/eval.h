/* The joint metrics of many clips: reading, measuring, summing up. */
#ifndef VMG_SRC_MBENCH_EVAL_H
#define VMG_SRC_MBENCH_EVAL_H

#include <stdbool.h>
#include <stddef.h>

#include "host/base/comm.h"
#include "src/mbench/joints.h"

/* Columns: MBench's joint metrics, then this project's own (src/mbench/spectrum.h). */
enum { VMG_EVAL_SPARC = VMG_N_JOINT_METRICS, VMG_EVAL_HIGH_FREQUENCY, VMG_EVAL_NPSS, VMG_N_EVAL };
extern const char *const vmg_eval_name[VMG_N_EVAL];

typedef struct vmg_eval_options {
    enum vmg_mbench_mode mode;
    int up_axis; /* of joint arrays in `physical` mode: 1 = y, 2 = z; 0 = 2 */
    const char
        *info; /* MBench_eval_info.json: a dimension counts only its own ids; NULL = all clips */
    bool spectral;         /* SPARC and the share of high frequencies too */
    const char *reference; /* folder of clips of the same names: NPSS against them; NULL = none */
    const vmg_comm *comm;  /* processes that share the clips; NULL: this one measures all */
} vmg_eval_options;

typedef struct vmg_eval_clip {
    char *path;
    int64_t T;
    double value[VMG_N_EVAL];
    bool counts[VMG_N_EVAL]; /* in the metric's summary */
    char *error;             /* why it could not be measured; NULL if it was */
} vmg_eval_clip;

typedef struct vmg_eval {
    vmg_eval_clip *clip;
    size_t n_clips, n_failed;
    vmg_mbench_summary summary[VMG_N_EVAL];
    bool measured[VMG_N_EVAL]; /* columns that were asked for */
} vmg_eval;

/*
 * Measure the clips. Joint arrays (T,22,3) are taken as they are, at 20 fps; everything else that
 * src/motion/clip.h reads is brought to 20 fps and its joints are integrated from the velocities,
 * in `official` mode turned y up as the published tool exports them. A clip that cannot be read has
 * an error and leaves the sums. NPSS counts clips that have a
 * reference. With `info`, a clip's id is its file name without ending. Of several processes
 * rank 0 gets everything, in the order of the paths, so that sums do not depend on how many they
 * are; the others know their own clips. Errors: those of reading `info`, VMG_E_NOMEM, on all.
 */
int vmg_eval_run(const char *const *paths, size_t n, const vmg_eval_options *options,
                 vmg_eval *out);
void vmg_eval_free(vmg_eval *e);

/* Joints of one file as the metrics see them, fresh (T,22,3), and the index of the height. */
int vmg_eval_load(const char *path, const vmg_eval_options *options, float **joints, int64_t *T,
                  int *up);

#endif
