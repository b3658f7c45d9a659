/* One file to one sample: for src/data/import.c and tests. */
#ifndef VMG_SRC_DATA_IMPORT_CLIP_H
#define VMG_SRC_DATA_IMPORT_CLIP_H

#include "src/data/dataset.h"
#include "src/data/import_list.h"

/* The sample of an item, with captions, as vmg_import describes. *cut_s (start and end of what was
 * kept, seconds of the file) tells whether it was cut. */
int vmg_import_clip(const vmg_import_item *item, const vmg_import_options *o, vmg_sample *out,
                    double cut_s[2], bool *was_cut);

/* The longest moment of standing still (src/data/loop.h), hold_s seconds of it, without captions: id + "_h"; x is NULL where there is none. */
int vmg_import_held(const vmg_sample *s, double hold_s, vmg_sample *out);

/* The mirrored copy: id + "_m". */
int vmg_import_mirrored(const vmg_sample *s, vmg_sample *out);

/* Longest run of frames of x (T,276) in which the body does not jump. */
void vmg_import_clean_stretch(const float *x, int64_t T, int64_t *first, int64_t *n);

#endif
