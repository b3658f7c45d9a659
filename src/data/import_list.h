/* What there is to import: the files below a folder, or the entries of a list. */
#ifndef VMG_SRC_DATA_IMPORT_LIST_H
#define VMG_SRC_DATA_IMPORT_LIST_H

#include "src/data/captions_table.h"
#include "src/data/import.h"

typedef struct vmg_import_item {
    char *path, *id, *subject;
    vmg_captions_row *row; /* its captions; clip is NULL in them */
    size_t n_rows;
    bool held_out;
} vmg_import_item;

typedef struct vmg_import_list {
    vmg_import_item *item;
    size_t n, n_rows_unused;
} vmg_import_list;

/* Errors as vmg_import. */
int vmg_import_list_read(const char *in, const vmg_import_options *o, vmg_import_list *out);
void vmg_import_list_free(vmg_import_list *list);

#endif
