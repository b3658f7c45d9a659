/* What a data set's computed captions state: numbers for the text encoder to foretell (models/train_facts.h). */
#ifndef VMG_SRC_TRAIN_FACTS_H
#define VMG_SRC_TRAIN_FACTS_H

#include "src/data/dataset.h"
#include "src/data/events.h"

/* For each behaviour: 1 if the caption tells it (what both sides do: of both), and then its value as standard deviations from the
 * mean of all that tell it, within ±2.5; else 0 and 0. */
enum { VMG_N_FACTS = 2 * VMG_N_BEHAVIOURS };

typedef struct vmg_stated vmg_stated;

/* The computed captions of the given trials, in the data set's order. Damaged trials are left out. VMG_E_ARG when there is none. */
int vmg_stated_read(const vmg_dataset *ds, const int64_t *trials, int64_t n, vmg_stated **out);
void vmg_stated_free(vmg_stated *s); /* accepts NULL */

int64_t vmg_stated_count(const vmg_stated *s);
/* Caption i: its text, the table's own, and its facts. */
const char *vmg_stated_get(const vmg_stated *s, int64_t i, float facts[VMG_N_FACTS]);

#endif
