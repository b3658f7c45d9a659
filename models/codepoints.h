/* Text as Unicode code points: UTF-8 in and out, canonical composition, character properties. */
#ifndef VMG_MODELS_CODEPOINTS_H
#define VMG_MODELS_CODEPOINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/base/mem.h"

#define VMG_REPLACEMENT_CHARACTER 0xFFFDu

/* Growable code points. Start from {0}; `failed` is sticky as in vmg_buf: check it once at the end.
 */
typedef struct vmg_codepoints {
    uint32_t *c;
    size_t n, cap;
    bool failed;
} vmg_codepoints;

void vmg_codepoints_push(vmg_codepoints *t, uint32_t cp);
void vmg_codepoints_append(vmg_codepoints *t, const uint32_t *c, size_t n);
void vmg_codepoints_free(vmg_codepoints *t);

/* Exchange contents: how a step's output becomes the next step's input. */
void vmg_codepoints_swap(vmg_codepoints *a, vmg_codepoints *b);

/*
 * One character of UTF-8 (Unicode 15, table 3-7: shortest forms, no surrogates, at most U+10FFFF)
 * from p[0..n), n > 0. Returns its length; for malformed bytes minus the length of the maximal
 * subpart, which one U+FFFD should stand for (*cp is then U+FFFD).
 */
int vmg_utf8_next(const uint8_t *p, size_t n, uint32_t *cp);

/* Append n bytes of UTF-8, each malformed subpart as U+FFFD. */
void vmg_codepoints_append_utf8(vmg_codepoints *t, const char *bytes, size_t n);

/* Append t[0..n) to `out` as UTF-8. */
void vmg_codepoints_to_utf8(const vmg_codepoints *t, vmg_buf *out);

/* Normalization form C (UAX #15) in place, in time linear in the text. */
void vmg_codepoints_nfc(vmg_codepoints *t);

/* Append the compatibility decomposition of one character. */
void vmg_codepoints_append_nfkd(vmg_codepoints *t, uint32_t cp);

/* White space as Python's str.isspace has it: Unicode's, and U+001C..1F. */
bool vmg_is_space(uint32_t cp);

/* Letters, numbers and the low line: a regular expression's \w. */
bool vmg_is_word(uint32_t cp);

/* Decimal digits of any script. */
bool vmg_is_decimal(uint32_t cp);

#endif
