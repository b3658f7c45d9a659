/* Prompts as the text encoder was trained on them: repaired, unescaped, white space folded. */
#include "models/text_clean.h"

#include <string.h>

#include "host/base/status.h"
#include "models/codepoints.h"
#include "models/html_text.h"
#include "models/mojibake.h"

/* A line is repaired until it stays the same; a text that needs more rounds was made to. */
enum { MAX_ROUNDS = 64, MAX_LINE = 1000000 };

/* Letters joined for typography or by old character sets. Ligatures that are letters (æ) stay. */
static const struct {
    uint32_t c, parts[3];
} ligatures[] = {
    {0x0132, {'I', 'J'}},      {0x0133, {'i', 'j'}},      {0x0149, {0x2BC, 'n'}},
    {0x01C4, {'D', 0x17D}},    {0x01C5, {'D', 0x17E}},    {0x01C6, {'d', 0x17E}},
    {0x01C7, {'L', 'J'}},      {0x01C8, {'L', 'j'}},      {0x01C9, {'l', 'j'}},
    {0x01CA, {'N', 'J'}},      {0x01CB, {'N', 'j'}},      {0x01CC, {'n', 'j'}},
    {0x01F1, {'D', 'Z'}},      {0x01F2, {'D', 'z'}},      {0x01F3, {'d', 'z'}},
    {0xFB00, {'f', 'f'}},      {0xFB01, {'f', 'i'}},      {0xFB02, {'f', 'l'}},
    {0xFB03, {'f', 'f', 'i'}}, {0xFB04, {'f', 'f', 'l'}}, {0xFB05, {0x17F, 't'}},
    {0xFB06, {'s', 't'}},
};

static uint32_t straight_quote(uint32_t c)
{
    if (c == 0x2BC || (c >= 0x2018 && c <= 0x201B))
        return '\'';
    return c >= 0x201C && c <= 0x201F ? '"' : c;
}

/* Appends one character with its ligature taken apart, its width standard, its quotes straight. */
static void push_plain(vmg_codepoints *out, uint32_t c)
{
    c = vmg_mojibake_c1(c);
    if (c < 0x132) {
        vmg_codepoints_push(out, c);
        return;
    }
    for (size_t i = 0; i < VMG_COUNT(ligatures); i++) {
        if (ligatures[i].c != c)
            continue;
        for (size_t k = 0; k < 3 && ligatures[i].parts[k]; k++)
            vmg_codepoints_push(out, straight_quote(ligatures[i].parts[k]));
        return;
    }
    if (c == 0x3000) {
        vmg_codepoints_push(out, ' ');
    } else if (c >= 0xFF01 && c <= 0xFFEF) {
        size_t begin = out->n;
        vmg_codepoints_append_nfkd(out, c);
        for (; begin < out->n; begin++)
            out->c[begin] = straight_quote(out->c[begin]);
    } else {
        vmg_codepoints_push(out, straight_quote(c));
    }
}

static bool is_dropped_control(uint32_t c)
{
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\f' && c != '\r') || c == 0x7F ||
           (c >= 0x206A && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFC);
}

/* Length of a terminal's escape sequence (ESC [ digits and semicolons, letter) at `at`, or 0. */
static size_t escape_length(const vmg_codepoints *t, size_t at)
{
    size_t i = at + 2;
    if (t->c[at] != 0x1B || at + 1 >= t->n || t->c[at + 1] != '[')
        return 0;
    while (i < t->n && (t->c[i] == ';' || vmg_is_decimal(t->c[i])))
        i++;
    bool letter =
        i < t->n && ((t->c[i] >= 'a' && t->c[i] <= 'z') || (t->c[i] >= 'A' && t->c[i] <= 'Z'));
    return letter ? i + 1 - at : 0;
}

static void drop_controls(const vmg_codepoints *in, vmg_codepoints *out)
{
    for (size_t i = 0; i < in->n;) {
        uint32_t c = in->c[i];
        size_t escape = escape_length(in, i);
        if (c == '\r' && i + 1 < in->n && in->c[i + 1] == '\n')
            escape = 1;
        if (escape) {
            i += escape;
            continue;
        }
        if (c == '\r' || c == 0x2028 || c == 0x2029 || c == 0x85)
            c = '\n';
        if (!is_dropped_control(c))
            vmg_codepoints_push(out, c);
        i++;
    }
    out->failed |= in->failed;
}

/* One round of repairs over a line, in ftfy's order. */
static void repair_round(vmg_codepoints *line, bool unescape, vmg_codepoints *scratch)
{
    if (unescape) {
        scratch->n = 0;
        vmg_html_unescape_certain(line, scratch);
        vmg_codepoints_swap(line, scratch);
    }
    vmg_mojibake_fix(line);
    scratch->n = 0;
    for (size_t i = 0; i < line->n; i++)
        push_plain(scratch, line->c[i]);
    scratch->failed |= line->failed;
    line->n = 0;
    drop_controls(scratch, line);
    vmg_codepoints_nfc(line);
}

static void repair_line(vmg_codepoints *line, bool unescape)
{
    vmg_codepoints before = {0}, scratch = {0};
    for (int round = 0; round < MAX_ROUNDS && !line->failed && !before.failed; round++) {
        before.n = 0;
        vmg_codepoints_append(&before, line->c, line->n);
        repair_round(line, unescape, &scratch);
        if (line->n == before.n &&
            (line->n == 0 || !memcmp(line->c, before.c, line->n * sizeof *line->c)))
            break;
    }
    line->failed |= before.failed;
    vmg_codepoints_free(&before);
    vmg_codepoints_free(&scratch);
}

static void repair(const vmg_codepoints *in, vmg_codepoints *out)
{
    bool unescape = true;
    vmg_codepoints line = {0};
    for (size_t i = 0, end; i < in->n && !line.failed; i = end) {
        for (end = i; end < in->n && end - i < MAX_LINE;) {
            unescape = unescape && in->c[end] != '<'; /* real HTML: its references are meant */
            if (in->c[end++] == '\n')
                break;
        }
        line.n = 0;
        vmg_codepoints_append(&line, in->c + i, end - i);
        repair_line(&line, unescape);
        vmg_codepoints_append(out, line.c, line.n);
    }
    out->failed |= line.failed || in->failed;
    vmg_codepoints_free(&line);
}

static void fold_spaces(vmg_codepoints *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        bool space = vmg_is_space(t->c[i]);
        if (space && (n == 0 || t->c[n - 1] == ' '))
            continue;
        t->c[n++] = space ? ' ' : t->c[i];
    }
    t->n = n && t->c[n - 1] == ' ' ? n - 1 : n;
}

int vmg_text_clean(const char *text, size_t n, char **out, size_t *out_n)
{
    vmg_codepoints a = {0}, b = {0};
    vmg_buf utf8 = {0};
    *out = NULL;
    if (n > VMG_TEXT_MAX_BYTES)
        return vmg_fail(VMG_E_ARG, "a text of %zu bytes is longer than the %d that are cleaned", n,
                        VMG_TEXT_MAX_BYTES);
    vmg_codepoints_append_utf8(&a, text, n);
    repair(&a, &b);
    for (int i = 0; i < 2; i++) {
        a.n = 0;
        vmg_html_unescape(&b, &a);
        vmg_codepoints_swap(&a, &b);
    }
    fold_spaces(&b);
    vmg_buf_append(&utf8, "", 0);
    vmg_codepoints_to_utf8(&b, &utf8);
    vmg_codepoints_free(&a);
    vmg_codepoints_free(&b);
    if (utf8.failed) {
        vmg_buf_free(&utf8);
        return VMG_E_NOMEM;
    }
    *out = utf8.data;
    if (out_n)
        *out_n = utf8.len;
    return VMG_OK;
}
