/* Prompts as the text encoder was trained on them: repaired, unescaped, white space folded. */
#ifndef VMG_MODELS_TEXT_CLEAN_H
#define VMG_MODELS_TEXT_CLEAN_H

#include <stddef.h>

enum { VMG_TEXT_MAX_BYTES = 16 << 20 };

/*
 * Clean `n` bytes of text, in the order the published pipeline does:
 *
 *   1. repair each line (ftfy 6's defaults) until nothing changes: HTML references unescaped unless
 * the text holds a '<'; mojibake decoded where certain; C1 controls read as Windows-1252; Latin
 *      ligatures and full- and half-width forms replaced; quotation marks straightened; line breaks
 *      unified; terminal escapes and control characters dropped; normalization form C;
 *   2. HTML references unescaped twice, as browsers do;
 *   3. runs of white space folded to one space, none at either end.
 *
 * Case is kept. Malformed UTF-8 becomes U+FFFD, one per maximal subpart, before all else. The
 * result is UTF-8 in fresh memory, NUL-terminated and without other NULs; *out_n (may be NULL) is
 * its length. An empty text gives "". Errors: VMG_E_ARG above VMG_TEXT_MAX_BYTES, VMG_E_NOMEM.
 */
int vmg_text_clean(const char *text, size_t n, char **out, size_t *out_n);

#endif
