/* The index of a data set's samples: reading and writing index.tsv. */
#ifndef VMG_SRC_DATA_DATASET_INDEX_H
#define VMG_SRC_DATA_DATASET_INDEX_H

#include "src/data/dataset.h"

/*
 * index.tsv, fields parted by tabs:
 *   vimogen-dataset 1
 *   generation G
 *   shard NAME BYTES              one line a shard, numbered from 0
 *   sample ID SHARD OFFSET MOTION_BYTES JSON_BYTES FRAMES train|test
 * The motion's zstd frame begins at OFFSET, the JSON's follows it.
 */
typedef struct vmg_dataset_shard {
    const char *name;
    int64_t bytes;
} vmg_dataset_shard;

typedef struct vmg_dataset_entry {
    const char *id;
    int64_t offset, motion_bytes, json_bytes, n_frames;
    int32_t shard;
    bool held_out;
} vmg_dataset_entry;

typedef struct vmg_dataset_index {
    int64_t generation, n_shards, n;
    vmg_dataset_shard *shard;
    vmg_dataset_entry *entry;
    char *text; /* names and ids lie here */
} vmg_dataset_index;

enum {
    VMG_DATASET_MAX_ID = 80,
    VMG_DATASET_MAX_FRAMES = 1 << 22,
    VMG_DATASET_MAX_FRAME_BYTES = 1 << 30 /* of one zstd frame */
};

/* Errors: VMG_E_IO, VMG_E_FORMAT (file, line, what was expected), VMG_E_NOMEM. */
int vmg_dataset_index_read(const char *dir, vmg_dataset_index *out);
void vmg_dataset_index_free(vmg_dataset_index *x);

/* Put an index in place (atomically). */
int vmg_dataset_index_write(const char *dir, const vmg_dataset_index *x);

/* ID.motion.npy or ID.json. */
void vmg_dataset_member_name(const char *id, bool motion, char *out, size_t n);

/* True for names that can be a sample's: letters, digits, '_', '-', '+' alone (a dot would end the
 * name for WebDataset), 1 to VMG_DATASET_MAX_ID of them. */
bool vmg_dataset_id_valid(const char *id);

/* For src/data only: an open set's index, and a member's bytes as they lie in the shard (fresh). */
const vmg_dataset_index *vmg_dataset_get_index(const vmg_dataset *ds);
int vmg_dataset_read_raw(const vmg_dataset *ds, int64_t i, bool motion, uint8_t **out,
                         size_t *size);

#endif
