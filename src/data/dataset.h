/* A data set of motions with captions in a folder: opening it, reading samples at random. */
#ifndef VMG_SRC_DATA_DATASET_H
#define VMG_SRC_DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The folder, as `vimogen data import` makes it:
 *   gGG-NNNNNN.tar.zst  shards in WebDataset's naming: for every sample the members ID.motion.npy
 *                       ((T,276) float32, metres, z up, not normalised) and ID.json (below), each
 *                       in a zstd frame of its own, so that a sample can be read without the shard
 *   index.tsv           where every sample lies; written last and put in place at once, so that a
 *                       folder is always the old set or the new one
 *   mean.npy, std.npy   (276) float32, of the training half
 * ID.json: {"id", "fps", "n_frames", "group" (the trial that a mirrored copy shares), "source",
 * "mirrored", "captions": [{"text", "source", "first", "n", "facts": {...}}, ...]}.
 * A sample is a whole trial; mirrored copies are samples of their own (ID ends in "_m"), in the same
 * half of the split as their original.
 */
#define VMG_DATASET_INDEX "index.tsv"

/* What a stretch of frames shows. Owned by its sample. */
typedef struct vmg_caption {
    char *text;
    int64_t first, n; /* the frames it describes, at the sample's fps; inside [0, T) */
    char *source;     /* "label", "paraphrase", "kinematic", ... */
    char *facts;      /* JSON object of the measurements it came from; NULL without any */
} vmg_caption;

typedef struct vmg_sample {
    char *id;
    int64_t T;
    double fps;
    float *x; /* (T,276), metres; NULL when only captions were read */
    vmg_caption *captions;
    int64_t n_captions;
    char *group;  /* the trial: shared by a mirrored copy */
    char *source; /* file it was made from */
    bool mirrored;
} vmg_sample;

typedef struct vmg_dataset vmg_dataset;

/*
 * Open a folder. Reads the index alone (about 64 bytes of memory a sample); shards stay open as
 * files until closed, so that a set that is rewritten meanwhile goes on as it was. Errors:
 * VMG_E_IO, VMG_E_FORMAT (file and line), VMG_E_NOMEM.
 */
int vmg_dataset_open(const char *dir, vmg_dataset **out);
void vmg_dataset_close(vmg_dataset *ds); /* accepts NULL */

int64_t vmg_dataset_count(const vmg_dataset *ds);
const char *vmg_dataset_id(const vmg_dataset *ds, int64_t i);
int64_t vmg_dataset_n_frames(const vmg_dataset *ds, int64_t i);
/* True for the test half of the split: never train on it. */
bool vmg_dataset_held_out(const vmg_dataset *ds, int64_t i);
/* Index of a sample by id, -1 if there is none. Linear. */
int64_t vmg_dataset_find(const vmg_dataset *ds, const char *id);

/*
 * Read one sample. Any number of threads may read at the same time. The bytes are checked (zstd's
 * checksum, names, shapes, finite values, captions inside the clip); a damaged one is VMG_E_FORMAT
 * with a message that names shard, sample and what is wrong, and the others stay readable.
 */
int vmg_dataset_read(const vmg_dataset *ds, int64_t i, vmg_sample *out);
/* Everything but the motion: x is NULL. */
int vmg_dataset_read_captions(const vmg_dataset *ds, int64_t i, vmg_sample *out);
void vmg_sample_free(vmg_sample *s); /* accepts NULL and {0} */

/* (276) each, over canonical windows of the training half (src/data/window.h). */
const float *vmg_dataset_mean(const vmg_dataset *ds);
const float *vmg_dataset_std(const vmg_dataset *ds);

#endif
