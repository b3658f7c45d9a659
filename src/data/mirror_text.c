/* Exchanging left and right in captions. */
#include "src/data/mirror_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/base/mem.h"

/* Exchanges; longer words first where one begins another. */
static const struct {
    const char *from, *to;
    bool prefix; /* also begins longer words: leftwards */
} swaps[] = {
    {"counterclockwise", "clockwise", false}, {"counter-clockwise", "clockwise", false},
    {"anticlockwise", "clockwise", false},    {"anti-clockwise", "clockwise", false},
    {"clockwise", "counterclockwise", false}, {"left", "right", true},
    {"right", "left", true},
};

/* "right" followed by one of these is no side. */
static const char *const no_side[] = {"away", "now", "angle", "after", "before", "there", "into"};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) != 0;
}

static bool stays(const char *after)
{
    if (*after != ' ')
        return false;
    for (size_t i = 0; i < VMG_COUNT(no_side); i++) {
        size_t n = strlen(no_side[i]);
        if (!strncasecmp(after + 1, no_side[i], n) && !is_word(after[1 + n]))
            return true;
    }
    return false;
}

/* Words that begin like a side but are none. */
static bool continues_side(const char *rest)
{
    static const char *const ends[] = {"ward", "wards", "y", "ies", "most", "hand", "handed",
                                       "foot", "footed", "s", "side"};
    size_t n = 0;
    while (is_word(rest[n]))
        n++;
    for (size_t i = 0; i < VMG_COUNT(ends); i++)
        if (strlen(ends[i]) == n && !strncasecmp(rest, ends[i], n))
            return true;
    return n == 0;
}

/* Append `to` in the case of `from`: all capitals, first letter, or small. */
static void put_like(vmg_buf *b, const char *from, const char *to)
{
    bool first = isupper((unsigned char)from[0]), all = first && isupper((unsigned char)from[1]);
    for (size_t i = 0; to[i]; i++) {
        char c = all || (first && i == 0) ? (char)toupper((unsigned char)to[i]) : to[i];
        vmg_buf_append(b, &c, 1);
    }
}

char *vmg_mirror_text(const char *text)
{
    vmg_buf b = {0};
    vmg_buf_puts(&b, "");
    for (const char *p = text; *p;) {
        bool begins = p == text || !is_word(p[-1]);
        size_t i = 0, n = 0;
        for (; begins && i < VMG_COUNT(swaps); i++) {
            n = strlen(swaps[i].from);
            if (strncasecmp(p, swaps[i].from, n))
                continue;
            if (swaps[i].prefix ? continues_side(p + n) && !stays(p + n) : !is_word(p[n]))
                break;
        }
        if (begins && i < VMG_COUNT(swaps)) {
            put_like(&b, p, swaps[i].to);
            p += n;
        } else {
            vmg_buf_append(&b, p++, 1);
        }
    }
    if (b.failed) {
        vmg_buf_free(&b);
        return NULL;
    }
    return b.data;
}
