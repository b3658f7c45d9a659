/* Text that was UTF-8 and was read in a single-byte encoding: recognised and decoded. */
#include "models/mojibake.h"

#include <stdlib.h>
#include <string.h>

#include "models/codepages.h"
#include "models/mojibake_rules.h"

enum { MAX_LAYERS = 64, MAX_NESTING = 16 };

/* Encodings in the order they are tried. A sloppy one gives unassigned bytes their Latin-1
 * character, and U+FFFD the byte 1A: the character whose byte was lost. */
static const struct {
    const uint16_t *high; /* NULL = Latin-1 */
    bool sloppy, like_latin1, restores_a0;
} encodings[] = {
    {NULL, false, true, true},
    {codepage_windows_1252, true, true, true},
    {codepage_windows_1251, true, true, true},
    {codepage_windows_1250, true, true, true},
    {codepage_windows_1253, true, true, true},
    {codepage_windows_1254, true, true, true},
    {codepage_windows_1257, true, true, true},
    {codepage_iso_8859_2, false, false, true},
    {codepage_mac_roman, false, false,
     false}, /* has an en dash at D0: "– " would become a letter */
    {codepage_cp437, false, false, true},
};

enum { N_ENCODINGS = VMG_COUNT(encodings), BYTE_LOST = 0x1A };

/* Characters the tables know: all below 0x2600, four above, and one slot for all others. */
enum { N_LOW = 0x2600, N_SLOTS = N_LOW + 5 };

typedef struct tables {
    uint64_t classes[N_SLOTS];
    uint8_t byte[N_ENCODINGS][N_SLOTS]; /* 0 = the encoding lacks the character */
} tables;

typedef struct bytes {
    uint8_t *b;
    size_t n;
} bytes;

static size_t slot_of(uint32_t cp)
{
    static const uint32_t high[] = {0xF8FF, 0xFB01, 0xFB02, VMG_REPLACEMENT_CHARACTER};
    if (cp < N_LOW)
        return cp;
    for (size_t i = 0; i < VMG_COUNT(high); i++)
        if (high[i] == cp)
            return N_LOW + i;
    return N_SLOTS - 1;
}

static uint32_t character_of(size_t encoding, unsigned byte)
{
    const uint16_t *high = encodings[encoding].high;
    if (byte == BYTE_LOST && encodings[encoding].sloppy)
        return VMG_REPLACEMENT_CHARACTER;
    return high && byte >= 0x80 ? high[byte - 0x80] : byte;
}

/* What a byte of UTF-8 can be. F0 leads emoji and F3 their tags; other four-byte leads are unused.
 */
static uint64_t utf8_role(unsigned byte, uint32_t cp)
{
    if (byte >= 0xC2 && byte <= 0xDF)
        return FIRST_OF_2;
    if (byte >= 0xE0 && byte <= 0xEF)
        return FIRST_OF_3;
    if (byte == 0xF0 || byte == 0xF3)
        return FIRST_OF_4;
    if (byte < 0x80 || byte > 0xBF)
        return 0;
    /* Dashes, quotation marks, bullets and ellipses stand for themselves beside mojibake. */
    bool punctuation = (cp >= 0x2013 && cp <= 0x201E) || cp == 0x2022 || cp == 0x2026;
    return punctuation ? CONTINUATION : CONTINUATION | CONTINUATION_STRICT;
}

static tables *make_tables(void)
{
    tables *t = vmg_calloc(1, sizeof *t);
    if (!t)
        return NULL;
    for (size_t k = 0; k < VMG_COUNT(character_classes); k++) {
        const char32_t *s = character_classes[k].chars;
        for (size_t i = 0; s[i]; i++) {
            bool range = s[i + 1] == '-' && s[i + 2];
            for (uint32_t cp = s[i]; cp <= s[i + (range ? 2 : 0)]; cp++)
                t->classes[slot_of(cp)] |= character_classes[k].bit;
            i += range ? 2 : 0;
        }
    }
    for (size_t e = 0; e < N_ENCODINGS; e++) {
        for (unsigned b = 1; b < 256; b++) {
            uint32_t cp = character_of(e, b);
            t->byte[e][slot_of(cp)] = (uint8_t)b;
            if (encodings[e].like_latin1)
                t->classes[slot_of(cp)] |= utf8_role(b, cp);
        }
        t->byte[e][N_SLOTS - 1] = 0;
    }
    t->classes[' '] |= CONTINUATION; /* a no-break space may have become a plain one */
    return t;
}

/* ---- recognising ---- */

static bool part_matches(const tables *t, const rule_part *part, uint32_t cp)
{
    if (t->classes[slot_of(cp)] & part->classes)
        return true;
    for (const char32_t *s = part->chars; *s; s++)
        if (*s == cp)
            return true;
    return ((part->classes & SPACE) && vmg_is_space(cp)) ||
           ((part->classes & WORD) && vmg_is_word(cp)) ||
           ((part->classes & NOT_ASCII_LETTER) && !(t->classes[slot_of(cp)] & ASCII_LETTER)) ||
           ((part->classes & NOT_NEWLINE) && cp != '\n');
}

static bool rule_matches(const tables *t, const rule_part *parts, const vmg_codepoints *text,
                         size_t at)
{
    size_t k = 0;
    if (parts[0].classes & TEXT_START) {
        if (at != 0)
            return false;
        k = 1;
    }
    for (; k < MAX_RULE_PARTS && parts[k].chars; k++, at++)
        if (at >= text->n || !part_matches(t, &parts[k], text->c[at]))
            return false;
    return true;
}

static bool is_bad(const tables *t, const vmg_codepoints *text)
{
    for (size_t i = 0; i < text->n; i++)
        for (size_t r = 0; r < VMG_COUNT(mojibake_rules); r++)
            if (rule_matches(t, mojibake_rules[r], text, i))
                return true;
    return false;
}

/* ---- encoding and decoding whole texts ---- */

static bool encode(const tables *t, size_t encoding, const vmg_codepoints *text, bytes *out)
{
    for (size_t i = 0; i < text->n; i++)
        if (text->c[i] && !t->byte[encoding][slot_of(text->c[i])])
            return false;
    for (size_t i = 0; i < text->n; i++)
        out->b[i] = t->byte[encoding][slot_of(text->c[i])];
    out->n = text->n;
    return true;
}

static bool is_continuation(uint8_t b)
{
    return b >= 0x80 && b <= 0xBF;
}

/* A byte that makes a likely character together with a space that was A0. */
static bool is_likely_beside_a0(uint8_t b)
{
    return is_continuation(b) && b != 0x85 && b != 0xA0;
}

/* Length of a UTF-8 sequence at p in which one byte A0 became a space, or 0. Leads are chosen so
 * that common characters result: "à", "Š", Greek and Cyrillic capitals, general punctuation, emoji.
 */
static size_t altered_length(const uint8_t *p, size_t n)
{
    if (n >= 2 && p[0] && strchr("\xC2\xC3\xC5\xCE\xD0\xD9", p[0]) && p[1] == ' ')
        return 2;
    if (n >= 3 && (p[0] == 0xE2 || p[0] == 0xE3) && p[1] == ' ' && is_likely_beside_a0(p[2]))
        return 3;
    if (n >= 3 && p[0] >= 0xE0 && p[0] <= 0xE3 && is_likely_beside_a0(p[1]) && p[2] == ' ')
        return 3;
    if (n < 4 || p[0] != 0xF0)
        return 0;
    int n_spaces = 0;
    for (int i = 1; i < 4; i++) {
        if (p[i] != ' ' && !is_continuation(p[i]))
            return 0;
        n_spaces += p[i] == ' ';
    }
    return n_spaces == 1 ? 4 : 0;
}

static bool has_altered(const bytes *in)
{
    for (size_t i = 0; i < in->n; i++)
        if (altered_length(in->b + i, in->n - i))
            return true;
    return false;
}

/* "Ã la mode" means "à la mode": the space stays beside the restored A0. Except before a second
 * space and in the Portuguese contractions "às", "àquele", "àquela", "àquilo". */
static bool is_a_grave_word(const uint8_t *p, size_t n)
{
    static const char *const joined[] = {" ", "quele", "quela", "quilo", "s "};
    if (n < 2 || p[0] != 0xC3 || p[1] != ' ')
        return false;
    for (size_t i = 0; i < VMG_COUNT(joined); i++) {
        size_t len = strlen(joined[i]);
        if (n - 2 >= len && !memcmp(p + 2, joined[i], len))
            return false;
    }
    return true;
}

/* Puts A0 back where a space stands in its place. `scratch` holds up to twice the bytes. */
static void restore_a0(bytes *text, bytes *scratch)
{
    scratch->n = 0;
    for (size_t i = 0; i < text->n;) {
        bool word = is_a_grave_word(text->b + i, text->n - i);
        scratch->b[scratch->n++] = text->b[i++];
        if (word) {
            scratch->b[scratch->n++] = 0xA0;
            scratch->b[scratch->n++] = text->b[i++];
        }
    }
    for (size_t i = 0; i < scratch->n;) {
        size_t n = altered_length(scratch->b + i, scratch->n - i);
        for (size_t k = 0; k < n; k++)
            if (scratch->b[i + k] == ' ')
                scratch->b[i + k] = 0xA0;
        i += n ? n : 1;
    }
    bytes old = *text;
    *text = *scratch;
    *scratch = old;
}

/* Length of a UTF-8 sequence at p of which bytes were lost (1A, or one '?'), or 0. */
static size_t lossy_length(const uint8_t *p, size_t n)
{
    if (n >= 2 && ((p[0] >= 0xC2 && p[0] <= 0xDF && p[1] == BYTE_LOST) ||
                   ((p[0] == 0xC2 || p[0] == 0xC3) && p[1] == '?')))
        return 2;
    if (n >= 6 && p[0] == 0xED && p[1] >= 0xA0 && p[1] <= 0xAF && p[3] == 0xED && p[4] >= 0xB0 &&
        p[4] <= 0xBF) { /* a pair of surrogates */
        bool lost2 = p[2] == BYTE_LOST || p[2] == '?', lost5 = p[5] == BYTE_LOST || p[5] == '?';
        if ((lost2 || lost5) && (lost2 || is_continuation(p[2])) &&
            (lost5 || is_continuation(p[5])))
            return 6;
    }
    size_t len = p[0] >= 0xE0 && p[0] <= 0xEF ? 3 : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4 : 0;
    if (len && n >= len) {
        int n_lost = 0, n_marks = 0;
        for (size_t i = 1; i < len; i++) {
            n_lost += p[i] == BYTE_LOST;
            n_marks += p[i] == '?';
            if (p[i] != BYTE_LOST && p[i] != '?' && !is_continuation(p[i]))
                return p[0] == BYTE_LOST;
        }
        if (n_marks <= 1 && n_lost + n_marks > 0)
            return len;
    }
    return p[0] == BYTE_LOST;
}

/* Decodes UTF-8 with its two misuses, Java's C0 80 and pairs of surrogates (CESU-8). Where
 * `lossy`, sequences with lost bytes become U+FFFD. False when anything is malformed. */
static bool decode(const bytes *in, bool lossy, vmg_codepoints *out)
{
    out->n = 0;
    for (size_t i = 0; i < in->n;) {
        const uint8_t *p = in->b + i;
        size_t left = in->n - i, n = lossy ? lossy_length(p, left) : 0;
        uint32_t cp = VMG_REPLACEMENT_CHARACTER;
        if (!n && left >= 2 && p[0] == 0xC0 && p[1] == 0x80) {
            cp = 0;
            n = 2;
        } else if (!n && left >= 6 && p[0] == 0xED && p[1] >= 0xA0 && p[1] <= 0xAF &&
                   is_continuation(p[2]) && p[3] == 0xED && p[4] >= 0xB0 && p[4] <= 0xBF &&
                   is_continuation(p[5])) {
            cp = 0x10000u + ((p[1] & 0x0Fu) << 16 | (p[2] & 0x3Fu) << 10 | (p[4] & 0x0Fu) << 6 |
                             (p[5] & 0x3Fu));
            n = 6;
        } else if (!n) {
            int len = vmg_utf8_next(p, left, &cp);
            if (len < 0)
                return false;
            n = (size_t)len;
        }
        vmg_codepoints_push(out, cp);
        i += n;
    }
    return !out->failed;
}

/* Reads the whole text anew in the first encoding that turns it into UTF-8. */
static bool decode_whole(const tables *t, vmg_codepoints *text)
{
    bytes encoded = {vmg_calloc(text->n, 2), 0}, scratch = {vmg_calloc(text->n, 2), 0};
    vmg_codepoints decoded = {0};
    bool found = false;
    if (!encoded.b || !scratch.b)
        text->failed = true;
    for (size_t e = 0; e < N_ENCODINGS && !found && !text->failed; e++) {
        if (!encode(t, e, text, &encoded))
            continue;
        if (encodings[e].restores_a0 && has_altered(&encoded))
            restore_a0(&encoded, &scratch);
        found = decode(&encoded, encodings[e].sloppy, &decoded);
        text->failed |= decoded.failed;
    }
    if (found)
        vmg_codepoints_swap(text, &decoded);
    free(encoded.b);
    free(scratch.b);
    vmg_codepoints_free(&decoded);
    return found;
}

/* ---- texts in which only parts are mojibake ---- */

static void fix(const tables *t, vmg_codepoints *text, int nesting);

/* Length of a run of sequences that look like UTF-8, at `at`. */
static size_t utf8_like_length(const tables *t, const vmg_codepoints *text, size_t at)
{
    static const uint64_t first[] = {FIRST_OF_2, FIRST_OF_3, FIRST_OF_4};
    if (at > 0 && (t->classes[slot_of(text->c[at - 1])] & CONTINUATION_STRICT))
        return 0;
    size_t end = at;
    for (;;) {
        size_t len = 0;
        for (size_t k = 0; k < VMG_COUNT(first) && !len && end < text->n; k++) {
            if (!(t->classes[slot_of(text->c[end])] & first[k]) || text->n - end < k + 2)
                continue;
            len = k + 2;
            for (size_t i = 1; i < k + 2; i++)
                if (!(t->classes[slot_of(text->c[end + i])] & CONTINUATION))
                    len = 0;
        }
        if (!len)
            return end - at;
        end += len;
    }
}

static void fix_parts(const tables *t, vmg_codepoints *text, int nesting)
{
    vmg_codepoints out = {0}, part = {0};
    for (size_t i = 0; i < text->n && !out.failed;) {
        size_t n = utf8_like_length(t, text, i);
        if (n && n < text->n) {
            part.n = 0;
            vmg_codepoints_append(&part, text->c + i, n);
            if (is_bad(t, &part))
                fix(t, &part, nesting + 1);
            vmg_codepoints_append(&out, part.c, part.n);
            out.failed |= part.failed;
        } else {
            n = n ? n : 1;
            vmg_codepoints_append(&out, text->c + i, n);
        }
        i += n;
    }
    out.failed |= text->failed;
    vmg_codepoints_swap(text, &out);
    vmg_codepoints_free(&out);
    vmg_codepoints_free(&part);
}

static bool equal(const vmg_codepoints *a, const vmg_codepoints *b)
{
    return a->n == b->n && (a->n == 0 || !memcmp(a->c, b->c, a->n * sizeof *a->c));
}

/* Takes one layer off; false when there is none. */
static bool fix_layer(const tables *t, vmg_codepoints *text, int nesting)
{
    if (!is_bad(t, text))
        return false;
    vmg_codepoints before = {0};
    vmg_codepoints_append(&before, text->c, text->n);
    if (!decode_whole(t, text) && nesting < MAX_NESTING)
        fix_parts(t, text, nesting);
    /* What is left of C1 controls: Windows-1252 that was taken for Latin-1. */
    if (equal(&before, text))
        for (size_t i = 0; i < text->n; i++)
            text->c[i] = vmg_mojibake_c1(text->c[i]);
    bool changed = !equal(&before, text);
    text->failed |= before.failed;
    vmg_codepoints_free(&before);
    return changed;
}

static void fix(const tables *t, vmg_codepoints *text, int nesting)
{
    for (int layer = 0; layer < MAX_LAYERS && !text->failed && fix_layer(t, text, nesting); layer++)
        ;
}

void vmg_mojibake_fix(vmg_codepoints *t)
{
    size_t i = 0;
    while (i < t->n && t->c[i] < 0x80)
        i++;
    if (i == t->n || t->failed)
        return;
    tables *made = make_tables();
    if (made)
        fix(made, t, 0);
    else
        t->failed = true;
    free(made);
}

uint32_t vmg_mojibake_c1(uint32_t cp)
{
    return cp >= 0x80 && cp <= 0x9F ? codepage_windows_1252[cp - 0x80] : cp;
}
