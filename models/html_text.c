/* HTML character references ("&amp;", "&#233;") to the characters they stand for. */
#include "models/html_text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "models/codepages.h"
#include "models/html_entities.h"

enum { MAX_NAME = 32, MAX_CERTAIN = 24 };

/* The part of a text after an ampersand. */
typedef struct view {
    const uint32_t *c;
    size_t n;
} view;

static int compare_entity(const void *key, const void *entity)
{
    return strcmp(key, ((const vmg_html_entity *)entity)->name);
}

static const vmg_html_entity *find_entity(const char *name)
{
    return bsearch(name, html_entities, VMG_COUNT(html_entities), sizeof html_entities[0],
                   compare_entity);
}

static void push_entity(vmg_codepoints *out, const vmg_html_entity *e)
{
    vmg_codepoints_push(out, e->character[0]);
    if (e->character[1])
        vmg_codepoints_push(out, e->character[1]);
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex_digit(uint32_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Length of "#233", "#233;", "#xE9;" at the view's start with its number, 0 if there is none.
 * Numbers beyond Unicode saturate. */
static size_t parse_number(view v, uint32_t *number)
{
    if (v.n < 2 || v.c[0] != '#')
        return 0;
    bool hex = v.c[1] == 'x' || v.c[1] == 'X';
    size_t begin = hex ? 2 : 1, i = begin;
    *number = 0;
    for (; i < v.n && (hex ? is_hex_digit(v.c[i]) : is_digit(v.c[i])); i++) {
        uint32_t digit = is_digit(v.c[i]) ? v.c[i] - '0' : (v.c[i] | 0x20) - 'a' + 10;
        *number = VMG_MIN(*number * (hex ? 16 : 10) + digit, 0x110000u);
    }
    if (i == begin)
        return 0;
    return i + (i < v.n && v.c[i] == ';');
}

static bool is_noncharacter(uint32_t c)
{
    return (c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFE) == 0xFFFE;
}

static void push_number(vmg_codepoints *out, uint32_t c)
{
    if (c == 0 || (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF)
        vmg_codepoints_push(out, VMG_REPLACEMENT_CHARACTER);
    else if (c >= 0x80 && c <= 0x9F)
        vmg_codepoints_push(out, codepage_windows_1252[c - 0x80]);
    else if (!(c < 0x20 && c != '\t' && c != '\n' && c != '\f' && c != '\r') && c != 0x7F &&
             !is_noncharacter(c))
        vmg_codepoints_push(out, c);
}

/* Replaces the name at the view's start (after '&'); returns the length consumed, 0 if none. */
static size_t unescape_name(view v, vmg_codepoints *out)
{
    size_t n = 0, n_ascii = 0;
    char name[MAX_NAME + 2];
    for (; n < v.n && n < MAX_NAME; n++) {
        uint32_t c = v.c[n];
        if (c == '\t' || c == '\n' || c == '\f' || c == ' ' || c == '<' || c == '&' || c == '#' ||
            c == ';')
            break;
        if (c < 0x80 && c && n_ascii == n)
            name[n_ascii++] = (char)c;
    }
    if (n == 0)
        return 0;
    if (n < v.n && v.c[n] == ';' && n_ascii == n)
        name[n_ascii++] = ';';
    for (size_t len = n_ascii; len > 1; len--) {
        name[len] = 0;
        const vmg_html_entity *e = find_entity(name);
        if (e) {
            push_entity(out, e);
            return len;
        }
    }
    return 0;
}

void vmg_html_unescape(const vmg_codepoints *in, vmg_codepoints *out)
{
    for (size_t i = 0; i < in->n;) {
        view rest = {in->c + i + 1, in->n - i - 1};
        uint32_t number;
        size_t used = 0;
        if (in->c[i] == '&') {
            used = parse_number(rest, &number);
            if (used)
                push_number(out, number);
            else
                used = unescape_name(rest, out);
        }
        if (!used)
            vmg_codepoints_push(out, in->c[i]);
        i += used + 1;
    }
    out->failed |= in->failed;
}

/* Capitals of a character; German's and the ligatures' take several letters (SpecialCasing.txt). */
static void push_upper(vmg_codepoints *out, uint32_t c)
{
    static const struct {
        uint32_t c, upper[3];
    } special[] = {
        {0xDF, {'S', 'S', 0}},     {0x149, {0x2BC, 'N', 0}}, {0xFB00, {'F', 'F', 0}},
        {0xFB01, {'F', 'I', 0}},   {0xFB02, {'F', 'L', 0}},  {0xFB03, {'F', 'F', 'I'}},
        {0xFB04, {'F', 'F', 'L'}},
    };
    for (size_t i = 0; i < VMG_COUNT(special); i++) {
        if (special[i].c != c)
            continue;
        for (size_t k = 0; k < 3 && special[i].upper[k]; k++)
            vmg_codepoints_push(out, special[i].upper[k]);
        return;
    }
    vmg_codepoints_push(out, (uint32_t)utf8proc_toupper((utf8proc_int32_t)c));
}

/* Whether browsers would already read something into a name in capitals ("&LTCIR;" is "<CIR;"). */
static bool begins_with_entity(const char *name)
{
    char prefix[MAX_NAME + 2];
    for (size_t len = strlen(name) - 1; len > 1; len--) {
        memcpy(prefix, name, len);
        prefix[len] = 0;
        if (find_entity(prefix))
            return true;
    }
    return false;
}

static bool unescape_certain_name(const char *name, vmg_codepoints *out)
{
    char lower[MAX_CERTAIN + 2];
    const vmg_html_entity *e = find_entity(name);
    if (e) {
        push_entity(out, e);
        return true;
    }
    size_t n = strlen(name);
    for (size_t i = 0; i <= n; i++) {
        if (name[i] >= 'a' && name[i] <= 'z')
            return false;
        lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
    }
    e = find_entity(lower);
    if (!e || begins_with_entity(name))
        return false;
    push_upper(out, e->character[0]);
    if (e->character[1])
        push_upper(out, e->character[1]);
    return true;
}

/* Replaces "&name;" or "&#1;" whose view starts after '&'; returns the length consumed, 0 if none.
 */
static size_t unescape_certain(view v, vmg_codepoints *out)
{
    size_t begin = v.n && v.c[0] == '#', i = begin, n = 0;
    char name[MAX_CERTAIN + 2];
    for (; i < v.n && n < MAX_CERTAIN && (is_digit(v.c[i]) || is_letter(v.c[i])); i++)
        name[n++] = (char)v.c[i];
    if (n == 0 || i == v.n || v.c[i] != ';')
        return 0;
    name[n] = ';';
    name[n + 1] = 0;
    i++;
    if (!begin)
        return unescape_certain_name(name, out) ? i : 0;
    uint32_t number;
    /* ftfy takes a result with a semicolon for a half-read reference, even "&#59;". */
    if (parse_number(v, &number) != i || number == ';')
        return 0;
    push_number(out, number);
    return i;
}

void vmg_html_unescape_certain(const vmg_codepoints *in, vmg_codepoints *out)
{
    for (size_t i = 0; i < in->n;) {
        size_t used =
            in->c[i] == '&' ? unescape_certain((view){in->c + i + 1, in->n - i - 1}, out) : 0;
        if (!used)
            vmg_codepoints_push(out, in->c[i]);
        i += used + 1;
    }
    out->failed |= in->failed;
}
