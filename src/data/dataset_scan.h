/* Going through a whole data set on several threads: checking, counting, dividing anew. */
#ifndef VMG_SRC_DATA_DATASET_SCAN_H
#define VMG_SRC_DATA_DATASET_SCAN_H

#include "host/base/log.h"
#include "src/data/dataset.h"

/*
 * Called once for every sample, one call at a time but on any thread and in any order. rc is what
 * reading gave; s is NULL then. Not 0 stops the scan, which then returns it.
 */
typedef int vmg_dataset_visitor(void *user, int64_t i, const vmg_sample *s, int rc);

/* Read samples order[0..n) (NULL: all of them in their order) on n_threads threads (0 = one a
 * core), with their motion or the captions alone; at most n_threads samples are in memory. */
int vmg_dataset_visit(const vmg_dataset *ds, const int64_t *order, int64_t n, bool motion,
                      int n_threads, vmg_dataset_visitor *visitor, void *user);

typedef struct vmg_dataset_report {
    int64_t n_samples, n_held_out, n_damaged, n_mirrored, n_uncaptioned;
    int64_t n_captions, n_kinematic;
    int64_t n_leaks; /* groups with samples in both halves */
    int64_t n_words; /* different ones, in captions */
    double seconds, held_out_s, shortest_s, longest_s;
    int64_t length[8]; /* samples of up to 1, 2, 4, 8, 16, 32, 64 s, and longer */
} vmg_dataset_report;

/* Read everything (motion: also the motions, else captions alone). Damaged samples are warnings in
 * the log, and counted. Errors: VMG_E_NOMEM, VMG_E_INTERRUPTED. */
int vmg_dataset_scan(const vmg_dataset *ds, bool motion, int n_threads, vmg_log log,
                     int (*progress)(void *user, int64_t done, int64_t total), void *user,
                     vmg_dataset_report *out);

/*
 * Choose anew which trials (or subjects: what stands before the first '_' of a group) are held out
 * (src/data/split.h), and take the statistics of the new training half. Index and statistics are
 * replaced, the shards stay. Damaged samples keep their half.
 */
int vmg_dataset_resplit(const char *dir, double fraction, bool by_subject, uint64_t seed,
                        int n_threads);

#endif
