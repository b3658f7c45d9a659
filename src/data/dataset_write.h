/* Making data sets, and new generations of existing ones. */
#ifndef VMG_SRC_DATA_DATASET_WRITE_H
#define VMG_SRC_DATA_DATASET_WRITE_H

#include "src/data/dataset.h"

typedef struct vmg_dataset_writer vmg_dataset_writer;

/*
 * Begin a new generation in `dir` (made if missing). A set that is there already stays what readers
 * see until the commit, and is removed then. shard_bytes: a shard is ended when it has reached so
 * many; 0 = 128 MiB.
 */
int vmg_dataset_writer_open(const char *dir, int64_t shard_bytes, vmg_dataset_writer **out);

/* Add a sample: id, T, fps, x and captions; group and source may be NULL. Errors: VMG_E_ARG (an id
 * that cannot be a file's name or occurred before, no frames, captions outside), VMG_E_IO. */
int vmg_dataset_writer_add(vmg_dataset_writer *w, const vmg_sample *s, bool held_out);

/* Add sample i of an open set with other captions: s as from vmg_dataset_read_captions. The motion
 * is copied as it lies. */
int vmg_dataset_writer_copy(vmg_dataset_writer *w, const vmg_dataset *ds, int64_t i,
                            const vmg_sample *s, bool held_out);

/* Finish: end the last shard, write the statistics (276 each), put the index in place and remove
 * the generation before. On failure the folder still holds what it held. */
int vmg_dataset_writer_commit(vmg_dataset_writer *w, const float *mean, const float *std);

/* Frees; an uncommitted generation is removed. Accepts NULL. */
void vmg_dataset_writer_free(vmg_dataset_writer *w);

#endif
