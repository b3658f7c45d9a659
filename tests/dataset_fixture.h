/* Made-up features, folders and files for tests of data sets. */
#ifndef VMG_TESTS_DATASET_FIXTURE_H
#define VMG_TESTS_DATASET_FIXTURE_H

#include <stdint.h>

/* (T,276) of a body that walks and turns, all groups of features consistent; fresh memory. */
float *vmg_test_walking_features(int64_t T);

/* A folder or a text file in this process's scratch folder, made. */
const char *vmg_test_folder(const char *name);
const char *vmg_test_text_file(const char *name, const char *text);

#endif
