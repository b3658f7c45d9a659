/* Drawing rare behaviours more often than they occur: a table of captions by what they show. */
#ifndef VMG_SRC_TRAIN_RARITY_H
#define VMG_SRC_TRAIN_RARITY_H

#include "src/data/dataset.h"

typedef struct vmg_rarity {
    struct vmg_rarity_entry {
        int64_t trial;   /* index into the data set */
        int32_t caption; /* index into the sample's captions */
    } *entry;
    double *cumulated; /* of the weights */
    size_t n, cap;
} vmg_rarity;

/*
 * Every kinematic caption of the n trials. Behaviours are the members "what" of its facts' "behaviours" (src/data/caption.h), those with
 * a "speed_mps" told apart in steps of 0.4 m/s; one that
 * occurs in c of all N captions makes its captions weigh (N/c)^exponent, the rarest counting; captions without any count
 * as one behaviour. Reads all captions once. Damaged samples are left out.
 *
 * `emphasis` (NULL or "": none) multiplies that by the largest factor of the caption's behaviours: "sit_down=4,squat=2.5", names as
 * vmg_behaviour_name. VMG_E_ARG says what in it cannot be.
 */
int vmg_rarity_read(const vmg_dataset *ds, const int64_t *trials, int64_t n, double exponent, const char *emphasis, vmg_rarity *out);
void vmg_rarity_free(vmg_rarity *r); /* accepts {0} */

/* The entry for u in [0, 1); NULL when the table is empty. */
const struct vmg_rarity_entry *vmg_rarity_draw(const vmg_rarity *r, double u);

#endif
