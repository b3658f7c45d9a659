/* Text that was UTF-8 and was read in a single-byte encoding: recognised and decoded. */
#ifndef VMG_MODELS_MOJIBAKE_H
#define VMG_MODELS_MOJIBAKE_H

#include "models/codepoints.h"

/*
 * Replace mojibake in `t` where it is certain ("cafÃ©" to "café", "â€œ" to a quotation mark), as
 * ftfy 6.3's fix_encoding does: only when the text holds sequences of characters that real text
 * does not have, and then by the first of ten encodings in which the whole text turns into valid
 * UTF-8, or piece by piece where it was mixed. Other text stays as it is. Layers are taken off one
 * by one, at most 64.
 */
void vmg_mojibake_fix(vmg_codepoints *t);

/* The character Windows-1252 has at a C1 control's place (U+0080..9F); others give themselves. */
uint32_t vmg_mojibake_c1(uint32_t cp);

#endif
