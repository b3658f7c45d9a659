/* Whether a motion does what it was told: the measurements by which a model is judged. */
#ifndef VMG_SRC_DATA_CRITERIA_H
#define VMG_SRC_DATA_CRITERIA_H

#include <stdbool.h>
#include <stdint.h>

#include "src/data/dataset.h"
#include "src/data/events.h"

enum vmg_criterion {
#define VMG_CRITERION(id, ...) VMG_MUST_##id,
#include "src/data/criteria.def"
#undef VMG_CRITERION
    VMG_N_CRITERIA
};

typedef struct vmg_criterion_info {
    const char *name, *prompts;
    enum vmg_behaviour behaviour; /* in the training data */
    double low, high;             /* its values that count */
    int64_t n_frames;
} vmg_criterion_info;
const vmg_criterion_info *vmg_criterion_get(enum vmg_criterion c);

/* Prompt number k into out: by the first VMG_CRITERION_JUDGING a model is judged, the VMG_CRITERION_CHOOSING after
 * them are for choosing settings and for tests. */
enum { VMG_CRITERION_JUDGING = 8, VMG_CRITERION_CHOOSING = 8, VMG_CRITERION_PROMPTS = VMG_CRITERION_JUDGING + VMG_CRITERION_CHOOSING };
void vmg_criterion_prompt(enum vmg_criterion c, int k, char *out, size_t n);

/* Whether two texts have the same words, letters and digits compared alone; the second ends at a '|' too. */
bool vmg_criterion_same_words(const char *text, const char *prompt);

/* Whether a text is prompt *k of *c, in its words: nothing may be trained on those that judge. */
bool vmg_criterion_find_prompt(const char *text, enum vmg_criterion *c, int *k);

/*
 * Judge features x (T,276). *value is what is measured:
 *   walks forward   metres ahead along the facing in 4 s (at least 1)
 *   turns           degrees of the facing, to the side asked for positive (45)
 *   jumps up        metres that the pelvis rises over its start while both feet are off (0.15)
 *   jumps forward   metres ahead, both feet off the floor for 0.1 s or more (0.4)
 *   sits down       metres that the pelvis is lower over the last half second than at its highest in
 *                   the first second, and stays within 0.12 (0.2)
 *   squats          metres down, when the end is within 0.15 of the start (0.2)
 *   waves           times that a wrist goes above its shoulder, or swings there (2)
 *   boxes           times that the leading hand changes, by 0.15 m, both wrists less than 0.2 under
 *                   their shoulders (3: four of five real windows of boxing, no walk or run)
 *   kicks           highest foot, upright, the other foot lower than 0.3 (0.5)
 *   cartwheel       metres of the head under the pelvis (0)
 *   balances        longest seconds on one foot, standing (1)
 * and for paired criteria (slowly, briskly, runs: metres a second; still: mean joint speed) the
 * value alone: see vmg_criterion_passes. VMG_E_NOMEM.
 */
int vmg_criterion_measure(enum vmg_criterion c, const float *x, int64_t T, double fps,
                          double *value);

/* Passed? `with` is what values are compared with (may be NULL for the others): slowly must be
 * slower than briskly by 0.05 m/s and the reverse, running faster than walking by 0.3 m/s, standing
 * still the least busy of all. */
typedef struct vmg_criterion_context {
    double slow_mps, brisk_mps, walk_mps; /* of the same seed */
    double least_busy_mps;                /* of all other criteria's motions of the same seed */
} vmg_criterion_context;
bool vmg_criterion_passes(enum vmg_criterion c, double value, const vmg_criterion_context *with);

/* Mean speed of all joints, and of the pelvis in the plane, for the comparisons. VMG_E_NOMEM. */
int vmg_criterion_speeds(const float *x, int64_t T, double fps, double *busy_mps,
                         double *speed_mps);

/* What a data set's training half holds of a criterion. */
typedef struct vmg_criterion_evidence {
    double seconds;                /* of events that it asks for */
    int64_t n_windows, n_obeying;  /* windows whose computed caption tells it and nothing else, and
                                      those of them that pass; 0 of what is judged by comparing, and of
                                      boxing, which only labels tell */
} vmg_criterion_evidence;
int vmg_criterion_find_evidence(const vmg_dataset *ds, vmg_criterion_evidence out[VMG_N_CRITERIA]);

#endif
