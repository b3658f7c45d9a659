/* Captions of clips in a table beside them: TSV, CSV or JSON. */
#ifndef VMG_SRC_DATA_CAPTIONS_TABLE_H
#define VMG_SRC_DATA_CAPTIONS_TABLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct vmg_captions_row {
    char *clip; /* name of the file without folder and ending, or a path below the folder */
    double start_s, end_s; /* of the clip; end_s = infinity: to its end */
    char *source, *text;
} vmg_captions_row;

/* Rows sorted by clip, those of one clip in the table's order. */
typedef struct vmg_captions_table {
    size_t n;
    vmg_captions_row *row;
} vmg_captions_table;

/*
 * Read a table; the ending tells: .tsv or .txt parted by tabs, .csv by commas with quotes (RFC
 * 4180), both with a first line of names: clip (or file, id, name) and caption (or text) are
 * needed, start_s (start), end_s (end) and source may be there. JSON: a list of objects with those
 * members, or one object {"clip": "caption" | ["caption", ...]}. Without a source a caption is a
 * "label". Errors: VMG_E_IO, VMG_E_FORMAT (line or entry, what was expected), VMG_E_UNSUPPORTED
 * (another ending), VMG_E_NOMEM.
 */
int vmg_captions_table_read(const char *path, vmg_captions_table *out);
void vmg_captions_table_free(vmg_captions_table *t);

/* First row of a clip and how many follow; 0 if there are none. */
size_t vmg_captions_table_find(const vmg_captions_table *t, const char *clip, size_t *first);

#endif
