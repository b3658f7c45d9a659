/* Captions computed from motion. */
#ifndef VMG_SRC_DATA_CAPTION_H
#define VMG_SRC_DATA_CAPTION_H

#include "src/data/dataset.h"
#include "src/data/events.h"

/* Source of computed captions. */
#define VMG_CAPTION_SOURCE "kinematic"

typedef struct vmg_caption_options {
    uint64_t seed;
    int wordings;               /* captions where one would do; below 1 is 1 */
    int more[VMG_N_BEHAVIOURS]; /* that many times as many about an event of this behaviour; below 1 is 1 */
} vmg_caption_options;

/*
 * Replace a sample's computed captions (x must be there): windows of 2 to 8 s that overlap, begun
 * and ended where the behaviour changes when that is near, windows around what happens at once
 * (a jump, sitting down, ...), and the whole of short clips. Each caption carries the behaviours
 * that it was made from and the window's measurements (src/data/kinematics.h) as facts. Words that
 * only the trial's label knows (src/data/label_words.def) are worked in. None is one of the prompts
 * by which models are judged (src/data/criteria.h). The same sample and options give the same
 * captions. Errors: VMG_E_ARG (no motion), VMG_E_NOMEM.
 */
int vmg_caption_sample(vmg_sample *s, const vmg_caption_options *o);

/* The database's own words about a sample ("" without): its first caption of source "label". */
const char *vmg_caption_label(const vmg_sample *s);

#endif
