/* The metadata of a whole-model file: from config.json, from shapes, from the source file itself.
 */
#ifndef VMG_SRC_LIB_CONVERT_META_H
#define VMG_SRC_LIB_CONVERT_META_H

#include "models/weights.h"
#include "src/format/writer.h"

/* Entries go to the writer once per key: the first one counts. */
typedef struct vmg_convert_meta {
    vmg_writer *w;
    char **keys;
    size_t n, cap;
} vmg_convert_meta;

int vmg_convert_meta_add(vmg_convert_meta *c, const vmg_meta *m);
void vmg_convert_meta_free(vmg_convert_meta *c);

/* Each number, truth value, string and list of strings of a JSON object as PREFIX.<key>; nested
 * objects are joined with '.', null and other lists are left out. Error VMG_E_FORMAT naming the
 * file. */
int vmg_convert_meta_config(vmg_convert_meta *c, const char *path, const char *prefix);
/* The same of JSON text; `name` is for the message. */
int vmg_convert_meta_json(vmg_convert_meta *c, const char *name, const char *json, size_t size,
                          const char *prefix);

/* The n strings as a list. */
int vmg_convert_meta_strings(vmg_convert_meta *c, const char *key, const char *const *text,
                             size_t n);

/* llama.cpp's t5encoder.* keys, from the shapes of the encoder's tensors (under their canonical
 * names) and, where `config` is not NULL, "eps" and "max_dist" of that JSON file. */
int vmg_convert_meta_t5(vmg_convert_meta *c, const vmg_weights *w, const char *config);

/* Everything that the source file says about itself but what only holds for that file, and arrays
 * unless asked for. */
int vmg_convert_meta_copy(vmg_convert_meta *c, const vmg_weights *w, bool arrays);

#endif
