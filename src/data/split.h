/* Which trials of a data set are held out for testing. */
#ifndef VMG_SRC_DATA_SPLIT_H
#define VMG_SRC_DATA_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Samples of one group (a trial with its mirrored copy, or all of a subject) share a half. */
typedef struct vmg_split_item {
    const char *group;
    const char *label; /* what the group shows, for an even choice; NULL or "" = unknown */
    bool held_out;     /* the result */
} vmg_split_item;

/*
 * Hold out about `fraction` (0 to 0.9) of the groups, evenly over the labels, the same for the same
 * groups and seed whatever the items' order. A label that fewer than VMG_SPLIT_RARE groups have
 * gives none, since a model can only learn what it sees, unless nine tenths of the groups have
 * such labels (free texts): then all groups are alike. A group's label is its first item's. VMG_E_ARG,
 * VMG_E_NOMEM.
 */
enum { VMG_SPLIT_RARE = 4 };
int vmg_split(vmg_split_item *items, size_t n, double fraction, uint64_t seed);

#endif
