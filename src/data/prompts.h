/* Prompt lists: text files of one prompt a line, and the published tools' JSON lists. */
#ifndef VMG_SRC_DATA_PROMPTS_H
#define VMG_SRC_DATA_PROMPTS_H

#include <stdbool.h>
#include <stddef.h>

/* The published tools' name of the embedding's path is the prompt's key and this. */
#define VMG_PROMPTS_PATH_SUFFIX "_wanvideot5_embed_path"

enum { VMG_PROMPTS_MAX_BYTES = 64 << 20, VMG_PROMPTS_MAX_DEPTH = 64 };

/* A list in file order. Entries keep whatever else the file says about them. */
typedef struct vmg_prompts vmg_prompts;

/*
 * Read a list. Files that end in .json are JSON, in .txt text; others are JSON when their first
 * character is '[' or '{'. JSON: a list of strings, a list of objects
 * whose `key` (NULL: "prompt") holds the text, or an object that has such a list as its only one.
 * Text: a prompt a line, blank lines left out; CR LF is accepted. Errors: VMG_E_IO,
 * VMG_E_FORMAT (line or entry, expected and found; nothing in the list; more than
 * VMG_PROMPTS_MAX_BYTES or VMG_PROMPTS_MAX_DEPTH), VMG_E_NOTFOUND (an entry without the key: the
 * keys that hold text are named).
 */
int vmg_prompts_read(const char *path, const char *key, vmg_prompts **out);
void vmg_prompts_free(vmg_prompts *p);

size_t vmg_prompts_count(const vmg_prompts *p);
const char *vmg_prompts_text(const vmg_prompts *p, size_t i);

/* The path of entry i's embedding as the file has it (`<key>_wanvideot5_embed_path`); NULL if it
 * has none. */
const char *vmg_prompts_path(const vmg_prompts *p, size_t i);
int vmg_prompts_set_path(vmg_prompts *p, size_t i, const char *path);

/* Other members of entry i: a string (NULL if absent or of another kind), a number or truth value
 * (false if absent). */
const char *vmg_prompts_string(const vmg_prompts *p, size_t i, const char *name);
bool vmg_prompts_number(const vmg_prompts *p, size_t i, const char *name, double *value);

/* Write the list as JSON, a list of objects with the paths that are set and everything else as it
 * was read. */
int vmg_prompts_write(const vmg_prompts *p, const char *path);

#endif
