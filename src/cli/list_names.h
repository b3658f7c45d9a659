/* What the files that are made from a prompt list are called. */
#ifndef VMG_SRC_CLI_LIST_NAMES_H
#define VMG_SRC_CLI_LIST_NAMES_H

#include "src/data/prompts.h"

/*
 * A name for each entry, without ending: its own sample_id, global_id or id, the first of these that all entries have, that tells them
 * apart and that is a whole number or a text fit for a file. Otherwise its position from 0, with `slugs` followed by
 * the first words of its text ("07-a-person-walks-forward"). Fresh, freed with vmg_list_free (host/base/fs.h); VMG_E_NOMEM.
 */
int vmg_list_names(const vmg_prompts *p, bool slugs, char ***names);

/* A path that a list gives: as it is if there is such a file (the published lists count from where the program runs), else, if there is
 * one, beside the list. Fresh; NULL on exhaustion. */
char *vmg_list_resolve(const char *list, const char *path);

/* "DIR/name", DIR being the folder that `list` is in. Fresh; NULL on exhaustion. */
char *vmg_list_beside(const char *list, const char *name);

#endif
