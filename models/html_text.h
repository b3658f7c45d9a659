/* HTML character references ("&amp;", "&#233;") to the characters they stand for. */
#ifndef VMG_MODELS_HTML_TEXT_H
#define VMG_MODELS_HTML_TEXT_H

#include "models/codepoints.h"

/*
 * Append `in` to `out` with every reference replaced as browsers do (HTML Standard, "named and
 * numeric character reference states"; Python's html.unescape): the semicolon may be missing, the
 * longest known name wins, numbers outside Unicode give U+FFFD and control characters nothing.
 */
void vmg_html_unescape(const vmg_codepoints *in, vmg_codepoints *out);

/*
 * Append `in` to `out` with only the unmistakable references replaced (as ftfy does): they end in a
 * semicolon; lower-case names are also known in capitals ("&EACUTE;" is the capital letter).
 */
void vmg_html_unescape_certain(const vmg_codepoints *in, vmg_codepoints *out);

#endif
