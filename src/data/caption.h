/* Captions computed from motion. */
#ifndef VMG_SRC_DATA_CAPTION_H
#define VMG_SRC_DATA_CAPTION_H

#include "src/data/dataset.h"

/* Source of computed captions. */
#define VMG_CAPTION_SOURCE "kinematic"

/*
 * Replace a sample's computed captions (x must be there): windows of 2 to 8 s that overlap, begun
 * and ended where the behaviour changes when that is near, windows around what happens at once
 * (a jump, sitting down, ...), and the whole of short clips. Each caption carries the behaviours
 * that it was made from and the window's measurements (src/data/kinematics.h) as facts. Words that
 * only the trial's label knows (src/data/label_words.def) are worked in. `wordings` (1 or more)
 * times as many captions are made, of the same windows; never one of the prompts by which models
 * are judged (src/data/criteria.h). The same sample, seed and wordings give the same captions. Errors: VMG_E_ARG (no motion), VMG_E_NOMEM.
 */
int vmg_caption_sample(vmg_sample *s, uint64_t seed, int wordings);

/* The database's own words about a sample ("" without): its first caption of source "label". */
const char *vmg_caption_label(const vmg_sample *s);

#endif
