/* A 5x8 dot font whose neighbouring dots are joined into round strokes, so that it scales. */
#include "src/render/caption.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "host/base/mem.h"

enum { COLUMNS = 5, ROWS = 8, SPACE = 3, GAP = 1, LINE = 11, FIRST = 0x20, LAST = 0x7e };

/* Columns from left to right; bit 0 is the top row, bit 6 the base line, bit 7 below it. */
static const uint8_t glyphs[LAST - FIRST + 1][COLUMNS] = {
    {0x00, 0x00, 0x00, 0x00, 0x00}, {0x00, 0x00, 0x5f, 0x00, 0x00}, {0x00, 0x07, 0x00, 0x07, 0x00},
    {0x14, 0x7f, 0x14, 0x7f, 0x14}, {0x24, 0x2a, 0x7f, 0x2a, 0x12}, {0x23, 0x13, 0x08, 0x64, 0x62},
    {0x36, 0x49, 0x56, 0x20, 0x50}, {0x00, 0x00, 0x07, 0x00, 0x00}, {0x00, 0x1c, 0x22, 0x41, 0x00},
    {0x00, 0x41, 0x22, 0x1c, 0x00}, {0x2a, 0x1c, 0x7f, 0x1c, 0x2a}, {0x08, 0x08, 0x3e, 0x08, 0x08},
    {0x00, 0x80, 0x60, 0x00, 0x00}, {0x08, 0x08, 0x08, 0x08, 0x08}, {0x00, 0x00, 0x40, 0x00, 0x00},
    {0x20, 0x10, 0x08, 0x04, 0x02}, {0x3e, 0x51, 0x49, 0x45, 0x3e}, {0x00, 0x42, 0x7f, 0x40, 0x00},
    {0x62, 0x51, 0x49, 0x49, 0x46}, {0x22, 0x41, 0x49, 0x49, 0x36}, {0x18, 0x14, 0x12, 0x7f, 0x10},
    {0x27, 0x45, 0x45, 0x45, 0x39}, {0x3c, 0x4a, 0x49, 0x49, 0x30}, {0x01, 0x71, 0x09, 0x05, 0x03},
    {0x36, 0x49, 0x49, 0x49, 0x36}, {0x06, 0x49, 0x49, 0x29, 0x1e}, {0x00, 0x00, 0x24, 0x00, 0x00},
    {0x00, 0x80, 0x64, 0x00, 0x00}, {0x08, 0x14, 0x22, 0x41, 0x00}, {0x14, 0x14, 0x14, 0x14, 0x14},
    {0x00, 0x41, 0x22, 0x14, 0x08}, {0x02, 0x01, 0x59, 0x09, 0x06}, {0x3e, 0x41, 0x5d, 0x59, 0x4e},
    {0x7c, 0x12, 0x11, 0x12, 0x7c}, {0x7f, 0x49, 0x49, 0x49, 0x36}, {0x3e, 0x41, 0x41, 0x41, 0x22},
    {0x7f, 0x41, 0x41, 0x41, 0x3e}, {0x7f, 0x49, 0x49, 0x49, 0x41}, {0x7f, 0x09, 0x09, 0x09, 0x01},
    {0x3e, 0x41, 0x41, 0x51, 0x72}, {0x7f, 0x08, 0x08, 0x08, 0x7f}, {0x00, 0x41, 0x7f, 0x41, 0x00},
    {0x20, 0x40, 0x41, 0x3f, 0x01}, {0x7f, 0x08, 0x14, 0x22, 0x41}, {0x7f, 0x40, 0x40, 0x40, 0x40},
    {0x7f, 0x02, 0x1c, 0x02, 0x7f}, {0x7f, 0x04, 0x08, 0x10, 0x7f}, {0x3e, 0x41, 0x41, 0x41, 0x3e},
    {0x7f, 0x09, 0x09, 0x09, 0x06}, {0x3e, 0x41, 0x51, 0x21, 0x5e}, {0x7f, 0x09, 0x19, 0x29, 0x46},
    {0x26, 0x49, 0x49, 0x49, 0x32}, {0x01, 0x01, 0x7f, 0x01, 0x01}, {0x3f, 0x40, 0x40, 0x40, 0x3f},
    {0x1f, 0x20, 0x40, 0x20, 0x1f}, {0x3f, 0x40, 0x38, 0x40, 0x3f}, {0x63, 0x14, 0x08, 0x14, 0x63},
    {0x03, 0x04, 0x78, 0x04, 0x03}, {0x61, 0x51, 0x49, 0x45, 0x43}, {0x00, 0x7f, 0x41, 0x41, 0x00},
    {0x02, 0x04, 0x08, 0x10, 0x20}, {0x00, 0x41, 0x41, 0x7f, 0x00}, {0x04, 0x02, 0x01, 0x02, 0x04},
    {0x40, 0x40, 0x40, 0x40, 0x40}, {0x00, 0x01, 0x02, 0x04, 0x00}, {0x20, 0x54, 0x54, 0x54, 0x78},
    {0x7f, 0x48, 0x44, 0x44, 0x38}, {0x38, 0x44, 0x44, 0x44, 0x28}, {0x38, 0x44, 0x44, 0x48, 0x7f},
    {0x38, 0x54, 0x54, 0x54, 0x18}, {0x00, 0x08, 0x7e, 0x09, 0x02}, {0x18, 0xa4, 0xa4, 0xa4, 0x7c},
    {0x7f, 0x08, 0x04, 0x04, 0x78}, {0x00, 0x44, 0x7d, 0x40, 0x00}, {0x40, 0x80, 0x84, 0x7d, 0x00},
    {0x7f, 0x10, 0x28, 0x44, 0x00}, {0x00, 0x41, 0x7f, 0x40, 0x00}, {0x7c, 0x04, 0x78, 0x04, 0x78},
    {0x7c, 0x08, 0x04, 0x04, 0x78}, {0x38, 0x44, 0x44, 0x44, 0x38}, {0xfc, 0x24, 0x24, 0x24, 0x18},
    {0x18, 0x24, 0x24, 0x24, 0xfc}, {0x7c, 0x08, 0x04, 0x04, 0x08}, {0x48, 0x54, 0x54, 0x54, 0x24},
    {0x04, 0x3f, 0x44, 0x40, 0x20}, {0x3c, 0x40, 0x40, 0x20, 0x7c}, {0x1c, 0x20, 0x40, 0x20, 0x1c},
    {0x3c, 0x40, 0x30, 0x40, 0x3c}, {0x44, 0x28, 0x10, 0x28, 0x44}, {0x1c, 0xa0, 0xa0, 0xa0, 0x7c},
    {0x44, 0x64, 0x54, 0x4c, 0x44}, {0x00, 0x08, 0x36, 0x41, 0x00}, {0x00, 0x00, 0x7f, 0x00, 0x00},
    {0x00, 0x41, 0x36, 0x08, 0x00}, {0x02, 0x01, 0x02, 0x04, 0x02}};

/* Half the width of strokes and of the halo, in dots. */
static const double ink_radius = 0.52, halo_radius = 1.15;

static const uint8_t *glyph_of(char c)
{
    return glyphs[(c >= FIRST && c <= LAST ? c : '?') - FIRST];
}

/* Columns first..last of a glyph hold dots; returns its width. */
static int extent(char c, int *first)
{
    const uint8_t *g = glyph_of(c);
    int last = COLUMNS - 1;
    *first = 0;
    while (*first < COLUMNS && !g[*first])
        (*first)++;
    while (last > *first && !g[last])
        last--;
    return *first < COLUMNS ? last - *first + 1 : SPACE;
}

static int text_width(const char *s, size_t n)
{
    int width = 0, first;
    for (size_t i = 0; i < n; i++)
        width += extent(s[i], &first) + GAP;
    return width;
}

/* ASCII as near to the text as it gets, in fresh memory. */
static char *to_ascii(const char *text)
{
    utf8proc_uint8_t *decomposed = NULL;
    const utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, 0, &decomposed,
                                            UTF8PROC_NULLTERM | UTF8PROC_COMPAT |
                                                UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK);
    char *out = vmg_strdup(n >= 0 ? (const char *)decomposed : text), *to = out;
    free(decomposed);
    for (const char *from = out; out && *from; from++)
        if ((*from & 0xc0) != 0x80) /* the first byte of a character */
            *to++ = *from >= FIRST && *from <= LAST ? *from : *from == '\n' || *from == '\t' ? ' ' : '?';
    if (out)
        *to = 0;
    return out;
}

/* ---- strokes ---- */

typedef struct pen {
    vmg_caption *to;
    double dot; /* pixels between dots */
} pen;

static void keep_most(uint8_t *p, double coverage)
{
    const int v = (int)lrint(255 * fmin(fmax(coverage, 0), 1));
    *p = (uint8_t)VMG_MAX(*p, v);
}

static void stroke(const pen *p, double ax, double ay, double bx, double by)
{
    const double reach = halo_radius * p->dot + 1, dx = bx - ax, dy = by - ay;
    const double d2 = dx * dx + dy * dy;
    const int64_t x0 = (int64_t)fmax(floor(fmin(ax, bx) - reach), 0);
    const int64_t y0 = (int64_t)fmax(floor(fmin(ay, by) - reach), 0);
    const int64_t x1 = VMG_MIN((int64_t)(fmax(ax, bx) + reach) + 1, p->to->width);
    const int64_t y1 = VMG_MIN((int64_t)(fmax(ay, by) + reach) + 1, p->to->height);
    for (int64_t y = y0; y < y1; y++)
        for (int64_t x = x0; x < x1; x++) {
            const double px = (double)x + 0.5 - ax, py = (double)y + 0.5 - ay;
            const double u = d2 > 0 ? fmin(fmax((px * dx + py * dy) / d2, 0), 1) : 0;
            const double distance = hypot(px - u * dx, py - u * dy);
            const int64_t at = y * p->to->width + x;
            keep_most(p->to->ink + at, ink_radius * p->dot + 0.5 - distance);
            keep_most(p->to->halo + at, 1.3 - distance / (halo_radius * p->dot));
        }
}

/* Joins dots that touch; diagonally only where no third dot joins them already. */
static void draw_glyph(const pen *p, char c, double x0, double y0)
{
    static const int to[4][2] = {{1, 0}, {0, 1}, {1, 1}, {1, -1}};
    const uint8_t *g = glyph_of(c);
    int first;
    extent(c, &first);
#define DOT(x, y) ((x) >= 0 && (x) < COLUMNS && (y) >= 0 && (y) < ROWS && (g[x] >> (y) & 1))
    for (int x = 0; x < COLUMNS; x++)
        for (int y = 0; y < ROWS; y++) {
            if (!DOT(x, y))
                continue;
            const double ax = x0 + (x - first + 0.5) * p->dot, ay = y0 + (y + 0.5) * p->dot;
            stroke(p, ax, ay, ax, ay);
            for (int k = 0; k < 4; k++) {
                const int u = x + to[k][0], v = y + to[k][1];
                const bool cut = k >= 2 && (DOT(u, y) || DOT(x, v));
                if (DOT(u, v) && !cut)
                    stroke(p, ax, ay, ax + to[k][0] * p->dot, ay + to[k][1] * p->dot);
            }
        }
#undef DOT
}

/* ---- lines ---- */

/* Length of the line that begins at s and fits into `max` dots: up to a space if there is one. */
static size_t line_length(const char *s, int max)
{
    size_t n = strlen(s), fits = n;
    while (fits > 1 && text_width(s, fits) > max)
        fits--;
    if (fits == n)
        return n;
    for (size_t i = fits; i > 0; i--)
        if (s[i] == ' ')
            return i;
    return fits;
}

static void draw_lines(const pen *p, const char *s, int max)
{
    for (double y = 1.5 * p->dot; *s; y += LINE * p->dot) {
        const size_t n = line_length(s, max);
        double x = ((double)p->to->width - text_width(s, n) * p->dot) / 2;
        for (size_t i = 0; i < n; i++) {
            int first;
            draw_glyph(p, s[i], x, y);
            x += (extent(s[i], &first) + GAP) * p->dot;
        }
        for (s += n; *s == ' ';)
            s++;
    }
}

int vmg_caption_make(const char *text, int64_t max_width, double size, vmg_caption *out)
{
    pen p = {.to = out, .dot = size / ROWS};
    int lines = 0, widest = 0;
    *out = (vmg_caption){0};
    if (max_width < 1 || !(size >= 1))
        return vmg_fail(VMG_E_ARG, "a caption of %g pixels' size", size);
    char *s = to_ascii(text);
    if (!s)
        return VMG_E_NOMEM;
    const int max = (int)fmax((double)max_width / p.dot - 4, 1);
    for (const char *at = s; *at; lines++) {
        const size_t n = line_length(at, max);
        widest = VMG_MAX(widest, text_width(at, n));
        for (at += n; *at == ' ';)
            at++;
    }
    int rc = VMG_OK;
    if (lines) {
        out->width = (int64_t)ceil((widest + 3) * p.dot);
        out->height = (int64_t)ceil((LINE * lines + 1) * p.dot);
        out->ink = vmg_calloc((size_t)out->width, (size_t)out->height);
        out->halo = vmg_calloc((size_t)out->width, (size_t)out->height);
        rc = out->ink && out->halo ? VMG_OK : VMG_E_NOMEM;
        if (!rc)
            draw_lines(&p, s, max);
    }
    free(s);
    if (rc)
        vmg_caption_free(out);
    return rc;
}

void vmg_caption_free(vmg_caption *caption)
{
    if (!caption)
        return;
    free(caption->ink);
    free(caption->halo);
    *caption = (vmg_caption){0};
}

void vmg_caption_draw(const vmg_caption *caption, uint8_t *rgba, int64_t width, int64_t height,
                      int64_t x, int64_t y)
{
    static const int dark = 38, light = 245;
    for (int64_t v = VMG_MAX(-y, 0); v < caption->height && y + v < height; v++)
        for (int64_t u = VMG_MAX(-x, 0); u < caption->width && x + u < width; u++) {
            const int ink = caption->ink[v * caption->width + u];
            const int halo = caption->halo[v * caption->width + u] * 3 / 4;
            uint8_t *p = rgba + 4 * ((y + v) * width + x + u);
            for (int c = 0; c < 3; c++) {
                const int lighter = (p[c] * (255 - halo) + light * halo) / 255;
                p[c] = (uint8_t)((lighter * (255 - ink) + dark * ink) / 255);
            }
        }
}
