/* Text as Unicode code points: UTF-8 in and out, canonical composition, character properties. */
#include "models/codepoints.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static bool reserve(vmg_codepoints *t, size_t extra)
{
    if (t->failed)
        return false;
    if (extra <= t->cap - t->n)
        return true;
    size_t need, cap = t->cap ? t->cap : 64;
    bool fits = vmg_add_size(t->n, extra, &need);
    while (fits && cap < need)
        fits = vmg_mul_size(cap, 2, &cap);
    uint32_t *grown = fits ? vmg_realloc(t->c, cap, sizeof *grown) : NULL;
    if (!grown) {
        t->failed = true;
        return false;
    }
    t->c = grown;
    t->cap = cap;
    return true;
}

void vmg_codepoints_push(vmg_codepoints *t, uint32_t cp)
{
    if (reserve(t, 1))
        t->c[t->n++] = cp;
}

void vmg_codepoints_append(vmg_codepoints *t, const uint32_t *c, size_t n)
{
    if (n && reserve(t, n)) {
        memcpy(t->c + t->n, c, n * sizeof *c);
        t->n += n;
    }
}

void vmg_codepoints_free(vmg_codepoints *t)
{
    if (!t)
        return;
    free(t->c);
    *t = (vmg_codepoints){0};
}

void vmg_codepoints_swap(vmg_codepoints *a, vmg_codepoints *b)
{
    vmg_codepoints old = *a;
    *a = *b;
    *b = old;
}

int vmg_utf8_next(const uint8_t *p, size_t n, uint32_t *cp)
{
    uint8_t b = p[0], low = 0x80, high = 0xBF;
    int n_more;
    *cp = b;
    if (b < 0x80)
        return 1;
    if (b >= 0xC2 && b <= 0xDF) {
        n_more = 1;
        *cp = b & 0x1F;
    } else if (b >= 0xE0 && b <= 0xEF) {
        n_more = 2;
        *cp = b & 0x0F;
        low = b == 0xE0 ? 0xA0 : 0x80;
        high = b == 0xED ? 0x9F : 0xBF;
    } else if (b >= 0xF0 && b <= 0xF4) {
        n_more = 3;
        *cp = b & 0x07;
        low = b == 0xF0 ? 0x90 : 0x80;
        high = b == 0xF4 ? 0x8F : 0xBF;
    } else {
        *cp = VMG_REPLACEMENT_CHARACTER;
        return -1;
    }
    for (int i = 1; i <= n_more; i++) {
        if ((size_t)i >= n || p[i] < low || p[i] > high) {
            *cp = VMG_REPLACEMENT_CHARACTER;
            return -i;
        }
        *cp = *cp << 6 | (p[i] & 0x3F);
        low = 0x80;
        high = 0xBF;
    }
    return n_more + 1;
}

void vmg_codepoints_append_utf8(vmg_codepoints *t, const char *bytes, size_t n)
{
    const uint8_t *p = (const uint8_t *)bytes;
    for (size_t i = 0; i < n && !t->failed;) {
        uint32_t cp;
        i += (size_t)abs(vmg_utf8_next(p + i, n - i, &cp));
        vmg_codepoints_push(t, cp);
    }
}

void vmg_codepoints_to_utf8(const vmg_codepoints *t, vmg_buf *out)
{
    for (size_t i = 0; i < t->n; i++) {
        utf8proc_uint8_t bytes[4];
        utf8proc_ssize_t n = utf8proc_encode_char((utf8proc_int32_t)t->c[i], bytes);
        vmg_buf_append(out, bytes, (size_t)n);
    }
    out->failed |= t->failed;
}

/* Appends the canonical or compatibility decomposition of one character. */
static void decompose(vmg_codepoints *t, uint32_t cp, int options)
{
    utf8proc_int32_t parts[32]; /* the longest decomposition, U+FDFA's, has 18 */
    int boundary = UTF8PROC_BOUNDCLASS_START;
    utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)cp, parts, VMG_COUNT(parts),
                                UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | options, &boundary);
    if (n < 1 || n > (utf8proc_ssize_t)VMG_COUNT(parts))
        vmg_codepoints_push(t, cp);
    for (utf8proc_ssize_t i = 0; i < n && n <= (utf8proc_ssize_t)VMG_COUNT(parts); i++)
        vmg_codepoints_push(t, (uint32_t)parts[i]);
}

void vmg_codepoints_append_nfkd(vmg_codepoints *t, uint32_t cp)
{
    decompose(t, cp, UTF8PROC_COMPAT);
}

static uint8_t combining_class(uint32_t cp)
{
    return (uint8_t)utf8proc_get_property((utf8proc_int32_t)cp)->combining_class;
}

/* Stable counting sort of one run of combining marks by class. utf8proc's own ordering takes
 * quadratic time on long runs, which a megabyte of marks would turn into hours. */
static void sort_marks(uint32_t *c, size_t n, vmg_codepoints *scratch)
{
    size_t begin[257] = {0};
    scratch->n = 0;
    vmg_codepoints_append(scratch, c, n);
    if (scratch->failed)
        return;
    for (size_t i = 0; i < n; i++)
        begin[combining_class(c[i]) + 1]++;
    for (size_t k = 1; k < VMG_COUNT(begin); k++)
        begin[k] += begin[k - 1];
    for (size_t i = 0; i < n; i++)
        c[begin[combining_class(scratch->c[i])]++] = scratch->c[i];
}

static void order_marks(vmg_codepoints *t, vmg_codepoints *scratch)
{
    for (size_t i = 0; i < t->n;) {
        size_t end = i;
        bool sorted = true;
        uint8_t last = 0;
        for (uint8_t class; end < t->n && (class = combining_class(t->c[end])) != 0; end++) {
            sorted = sorted && class >= last;
            last = class;
        }
        if (!sorted)
            sort_marks(t->c + i, end - i, scratch);
        i = end + (end < t->n);
    }
}

void vmg_codepoints_nfc(vmg_codepoints *t)
{
    size_t first = 0;
    while (first < t->n && t->c[first] < 0x300) /* everything below is its own form C */
        first++;
    if (first == t->n || t->failed)
        return;
    vmg_codepoints parts = {0}, scratch = {0};
    for (size_t i = 0; i < t->n; i++)
        decompose(&parts, t->c[i], 0);
    order_marks(&parts, &scratch);
    if (parts.failed || scratch.failed) {
        t->failed = true;
    } else {
        utf8proc_ssize_t n =
            utf8proc_normalize_utf32((utf8proc_int32_t *)parts.c, (utf8proc_ssize_t)parts.n,
                                     UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        parts.n = n < 0 ? 0 : (size_t)n;
        parts.failed = n < 0;
        vmg_codepoints_swap(t, &parts);
    }
    vmg_codepoints_free(&parts);
    vmg_codepoints_free(&scratch);
}

bool vmg_is_space(uint32_t cp)
{
    return (cp >= 0x09 && cp <= 0x0D) || (cp >= 0x1C && cp <= 0x20) || cp == 0x85 || cp == 0xA0 ||
           cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200A) || cp == 0x2028 || cp == 0x2029 ||
           cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

bool vmg_is_word(uint32_t cp)
{
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return true;
    default: return cp == '_';
    }
}

bool vmg_is_decimal(uint32_t cp)
{
    return utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_ND;
}
