/* Made-up features, folders and files for tests of data sets. */
#ifndef VMG_TESTS_DATASET_FIXTURE_H
#define VMG_TESTS_DATASET_FIXTURE_H

#include <stdint.h>

/* (T,276) of a body that walks and turns, all groups of features consistent; fresh memory. */
float *vmg_test_walking_features(int64_t T);

/* A folder or a text file in this process's scratch folder, made. */
const char *vmg_test_folder(const char *name);
const char *vmg_test_text_file(const char *name, const char *text);

/* A data set, without captions, of two real clips and their mirrored copies: 14_06 squats twice and does more, 16_15 walks. Its folder, fresh
 * memory; NULL where the clips are absent (the test is skipped then) or after a failed check. */
char *vmg_test_real_set(const char *name);

#endif
