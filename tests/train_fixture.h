/* A tiny data set for tests of training. */
#ifndef VMG_TESTS_TRAIN_FIXTURE_H
#define VMG_TESTS_TRAIN_FIXTURE_H

#include "host/base/status.h"

/* Eight trials of 45 to 150 frames, six to train on (t0..t5) and two held out, each with a label over all of it, and, but for t0, kinematic
 * captions of parts (one "walk_forward", one of nothing but in t2, where it is "stop" as well); t5 has no caption. Returns a status. */
int vmg_test_make_dataset(const char *dir);

/* A configuration of a DiT of width 32 with a joint T5 encoder, and "training" for a few steps. Returns a status. */
int vmg_test_make_config(const char *path);

/* A folder with both, "set" and "config.json", made once; a path in it, in fresh memory. */
const char *vmg_test_train_folder(void);
char *vmg_test_train_file(const char *name);

/* Runs "vimogen train" with the data set and what `format` says; its output is kept in said.txt of that folder. Returns its status. */
int vmg_test_train(const char *format, ...) VMG_PRINTF(1, 2);

#endif
