/* Captions for whole data sets, and what they are worth. */
#ifndef VMG_SRC_DATA_CAPTION_SET_H
#define VMG_SRC_DATA_CAPTION_SET_H

#include <stdint.h>

#include "host/base/log.h"
#include "src/data/events.h"

/* How often sentences agree with a fact that trial labels state. */
typedef struct vmg_agreement {
    const char *fact;             /* "turns left" */
    int64_t n_clips, n_clips_said; /* labelled so; of them, clips with a sentence that says it */
    int64_t n_agree, n_contradict; /* sentences; those that say neither are not counted */
} vmg_agreement;

enum { VMG_MAX_AGREEMENTS = 24, VMG_CAPTION_MOST_TIMES = 16 };

typedef struct vmg_caption_report {
    int64_t n_samples, n_captions, n_damaged;
    double behaviour_s[VMG_N_BEHAVIOURS];     /* training half: how long each behaviour lasts */
    int64_t behaviour_captions[VMG_N_BEHAVIOURS]; /* captions made from it, training half */
    vmg_agreement agreement[VMG_MAX_AGREEMENTS];
    int n_agreements;
} vmg_caption_report;

typedef struct vmg_caption_set_options {
    uint64_t seed;
    int wordings; /* captions where one would do; 0 = 1 */
    /* Behaviours with fewer captions in the training half get up to VMG_CAPTION_MOST_TIMES as many in windows about their
     * events (of those that have such windows), so that a table's wordings of what is rare are said often enough to be learnt. 0: no such. */
    int64_t at_least;
    bool dry; /* count and compare only, leave the set as it is */
    vmg_log log; /* damaged samples: left out of the new generation, named */
    int (*progress)(void *user, int64_t done, int64_t total); /* not 0 stops */
    void *user;
} vmg_caption_set_options;

/* Give all samples of the set in `dir` new computed captions (src/data/caption.h). */
int vmg_caption_set(const char *dir, const vmg_caption_set_options *o, vmg_caption_report *report);

#endif
