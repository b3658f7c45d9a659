/* Training batches out of a data set: trials, captions, windows, branches, noise, all drawn from (seed, batch number). */
#ifndef VMG_SRC_TRAIN_FEED_H
#define VMG_SRC_TRAIN_FEED_H

#include "host/base/log.h"
#include "models/tokenizer.h"
#include "models/train_step.h"
#include "src/data/dataset.h"
#include "src/train/recipe.h"

/* ---- what a caption becomes ---- */

/* Token ids or embedding rows of a text, in fresh memory inside *out (n_padding is left alone). Called by several threads. */
typedef struct vmg_text_source {
    int (*get)(void *user, const char *text, vmg_train_text *out);
    void *user;
} vmg_text_source;

/* Cleaned and tokenised, at most max_ids ids. Both are borrowed while the source is used. */
typedef struct vmg_text_tokens {
    const vmg_tokenizer *tokenizer;
    int64_t max_ids;
} vmg_text_tokens;
vmg_text_source vmg_text_source_tokens(vmg_text_tokens *t);

/* ---- the feed ---- */

typedef struct vmg_feed_options {
    const vmg_dataset *data; /* borrowed */
    const float *mean, *std; /* (276) that motions are normalised with; borrowed */
    vmg_recipe recipe;
    vmg_dit_config dit;
    vmg_text_source texts;
    int64_t n_timesteps;    /* of the training schedule */
    bool held_out;          /* draw from the test half, else from the other */
    int64_t rank, n_ranks;  /* this process makes samples rank, rank + n_ranks, ... of each batch; {0, 0} = all */
    size_t cache_bytes;     /* trials kept in memory, at most */
    vmg_log log;            /* damaged samples are warnings */
} vmg_feed_options;

typedef struct vmg_feed vmg_feed;

/* Trials shorter than recipe.min_frames are left out. VMG_E_ARG when none is left, or when the data's features are not the
 * network's; VMG_E_NOMEM. */
int vmg_feed_open(const vmg_feed_options *o, vmg_feed **out);
void vmg_feed_close(vmg_feed *f); /* accepts NULL */

int64_t vmg_feed_n_trials(const vmg_feed *f);
int64_t vmg_feed_n_frames(const vmg_feed *f);
/* Damaged samples met so far; each was named in the log once and replaced by another draw. */
int64_t vmg_feed_n_damaged(vmg_feed *f);

/* One batch, owning what `batch` points to. */
typedef struct vmg_feed_batch {
    int64_t number;
    vmg_train_batch batch;
    vmg_train_sample *samples;
    vmg_train_text *texts;
    int64_t texts_cap;
    char **texts_said;  /* n_texts: the captions */
    vmg_train_text *fact_texts; /* recipe.facts computed captions, of this process's share, and what they state */
    float *facts;               /* (n_fact_texts, VMG_N_FACTS), src/train/facts.h */
    int64_t n_fact_texts;
    float **owned;      /* n_samples × 2: latents and reference */
    char **names;       /* n_samples: "02_01 frames 30..129: a person walks" */
    float *feature_mask;
} vmg_feed_batch;

/*
 * Batch `number`, the same for the same options and data whatever was made before. Packed by the network, so lengths need
 * no buckets: nothing is padded. Each sample: a trial by recipe.balance; a caption, kinematic with probability
 * recipe.kinematic where the trial has both kinds (with recipe.rarity: such a caption first, src/train/rarity.h); its frames, or, when they are more than max_frames, a random stretch of min..max
 * of them (fewer than min are widened, and with probability recipe.widen any, so that long
 * motions show short acts); canonical and normalised. With probability p_motion (three times that for sources
 * containing "motion31" or "mogen_db", whose captions are noisier) it follows its own corrupted reference, else the text, which
 * is replaced by the empty text with probability p_null or when it has none; its noise level is, with probability
 * recipe.noisy, one of the noisiest fifth, else any. Sources containing "mogen_db" or "vigen" count in the
 * loss with body rotations alone in the text branch. Beside them come recipe.facts computed captions, all alike likely, with what
 * they state (not from the test half). Any number of threads. VMG_E_FORMAT after too many damaged samples in a row.
 */
int vmg_feed_make(vmg_feed *f, int64_t number, vmg_feed_batch *out);
void vmg_feed_batch_free(vmg_feed_batch *b); /* accepts {0} */

/* ---- prefetching ---- */

/* Makes batches first, first+1, ... below `end` ahead of their use, on n_threads threads of its own. */
typedef struct vmg_prefetch vmg_prefetch;
int vmg_prefetch_start(vmg_feed *f, int64_t first, int64_t end, int n_threads, vmg_prefetch **out);
/* The next batch, to be freed by the caller; waits for it. Its failure is returned here, with its message. VMG_E_ARG after the last. */
int vmg_prefetch_next(vmg_prefetch *p, vmg_feed_batch *out);
void vmg_prefetch_stop(vmg_prefetch *p); /* accepts NULL */

#endif
