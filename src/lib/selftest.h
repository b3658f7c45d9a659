/* Conformance checks against golden vectors: one checker per kind of set, one report for all. */
#ifndef VMG_SRC_LIB_SELFTEST_H
#define VMG_SRC_LIB_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "host/base/status.h"

/*
 * Where results go. The runner fills `set`; checkers call vmg_selftest_row() (or _compare), once
 * per tensor, and read `device` and `dtype` if they run on a device. A row that says why a check
 * could not be made carries the reason as its tensor, an infinite error and pass = false.
 */
typedef struct vmg_selftest_report {
    void (*row)(void *user, const char *set, const char *tensor, double error, double tolerance,
                bool pass);
    void *user;
    const char *device; /* as --device names it; NULL = default */
    const char *dtype;  /* "f32", "f16", "bf16"; NULL = f32 */
    const char *activations; /* the same, of what passes from op to op inside the network's blocks */
    const char *set;    /* folder of the set being checked */
    int64_t n_rows, n_failed;
} vmg_selftest_report;

/* Emit one row; it passes when error <= tolerance (NaN fails). */
void vmg_selftest_row(vmg_selftest_report *report, const char *tensor, double error,
                      double tolerance);

/* Emit a failed row for something that could not be checked. */
void vmg_selftest_failed(vmg_selftest_report *report, const char *fmt, ...) VMG_PRINTF(2, 3);

/* Largest error over n values as a row: max|a-b| / max|b| (max|a-b| if `absolute` or b is all
 * zero); NaN or infinity anywhere gives infinity. */
void vmg_selftest_compare(vmg_selftest_report *report, const char *tensor, const float *got,
                          const float *want, size_t n, bool absolute, double tolerance);

/*
 * A checker reads the set in `dir`, whose parsed manifest.json is `manifest`, and emits rows. It
 * returns VMG_OK even if rows fail, or an error status with the thread's message if it could not go
 * on: the runner makes a failed row of that.
 */
typedef int vmg_selftest_fn(const char *dir, const cJSON *manifest, vmg_selftest_report *report);

vmg_selftest_fn vmg_selftest_dit;    /* kind "dit": src/lib/selftest_dit.c */
vmg_selftest_fn vmg_selftest_t5;     /* kind "umt5": src/lib/selftest_t5.c */
vmg_selftest_fn vmg_selftest_motion; /* kind "motion": src/lib/selftest_motion.c */
vmg_selftest_fn vmg_selftest_mbench; /* kind "mbench": src/lib/selftest_mbench.c */

/*
 * Without vectors: the kinds of kernels that the networks use, on report->device, against double precision on the host, in a
 * second. The first thing to run on new hardware. Returns an error only when the device cannot be opened.
 */
int vmg_selftest_device(vmg_selftest_report *report);

/* The number manifest["tolerance"][name]; false, with the thread's message, if absent or not
 * positive. */
bool vmg_selftest_tolerance(const cJSON *manifest, const char *name, double *out);

/* The file dir/manifest[key] in fresh memory; NULL, with the thread's message, if the key is absent
 * or leads out of the folder. */
char *vmg_selftest_path(const char *dir, const cJSON *manifest, const char *key);

/*
 * Walk `dir` (depth at most 8) for manifest.json and run the checker of each set's kind (the table
 * is in selftest.c). An unreadable manifest, a format number other than 1, or an unknown kind is a
 * failed row. Returns an error only if `dir` cannot be read or holds no set.
 */
int vmg_selftest_run(const char *dir, vmg_selftest_report *report);

#endif
