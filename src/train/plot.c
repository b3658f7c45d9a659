/* The curves of a training log as a picture. */
#include "src/train/plot.h"

#include <math.h>
#include <stdlib.h>

#include "host/base/mem.h"

enum { WIDTH = 800, HEIGHT = 450, LEFT = 70, RIGHT = 20, TOP = 40, BOTTOM = 50 };

/* From data to the page. */
typedef struct axes {
    double x1;     /* steps from 0 */
    double y0, y1; /* log10 of the loss */
} axes;

static double page_x(const axes *a, double step)
{
    return LEFT + step / a->x1 * (WIDTH - LEFT - RIGHT);
}

static double page_y(const axes *a, double loss)
{
    return TOP + (a->y1 - log10(loss)) / (a->y1 - a->y0) * (HEIGHT - TOP - BOTTOM);
}

static void put_escaped(vmg_buf *b, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<': vmg_buf_puts(b, "&lt;"); break;
        case '>': vmg_buf_puts(b, "&gt;"); break;
        case '&': vmg_buf_puts(b, "&amp;"); break;
        default:
            if ((unsigned char)*text >= ' ')
                vmg_buf_append(b, text, 1);
        }
    }
}

static axes fit(const vmg_journal_line *lines, size_t n)
{
    axes a = {.x1 = 1, .y0 = INFINITY, .y1 = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        const double losses[2] = {lines[i].loss, lines[i].held_out_loss};
        a.x1 = fmax(a.x1, (double)lines[i].step);
        for (int k = 0; k < 2; k++)
            if (isfinite(losses[k]) && losses[k] > 0) {
                a.y0 = fmin(a.y0, log10(losses[k]));
                a.y1 = fmax(a.y1, log10(losses[k]));
            }
    }
    if (!(a.y1 >= a.y0))
        a.y0 = a.y1 = 0;
    double margin = 0.05 * (a.y1 - a.y0) + 0.02;
    a.y0 -= margin;
    a.y1 += margin;
    return a;
}

/* The largest of 1, 2, 5 times a power of ten that gives at least four steps over `span`. */
static double tick(double span)
{
    static const double nice[] = {5, 2, 1};
    double power = pow(10, floor(log10(span / 4)));
    for (size_t i = 0; i < VMG_COUNT(nice); i++)
        if (nice[i] * power <= span / 4)
            return nice[i] * power;
    return power;
}

static void put_loss_line(vmg_buf *b, const axes *a, double y)
{
    if (!(y > 0) || log10(y) < a->y0 || log10(y) > a->y1)
        return;
    vmg_buf_printf(b, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>", LEFT, page_y(a, y), WIDTH - RIGHT, page_y(a, y));
    vmg_buf_printf(b, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3g</text>\n", LEFT - 6, page_y(a, y) + 4, y);
}

static void put_grid(vmg_buf *b, const axes *a)
{
    double dx = tick(a->x1), low = pow(10, a->y0), high = pow(10, a->y1), dy = tick(high - low);
    for (double x = 0; x <= a->x1 * 1.0001; x += dx) {
        vmg_buf_printf(b, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>", page_x(a, x), TOP, page_x(a, x), HEIGHT - BOTTOM);
        vmg_buf_printf(b, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n", page_x(a, x), HEIGHT - BOTTOM + 18, x);
    }
    /* 1, 2 and 5 of every decade; even steps where the curve spans less than one. */
    if (a->y1 - a->y0 < 0.7) {
        for (double y = ceil(low / dy) * dy; y <= high; y += dy)
            put_loss_line(b, a, y);
        return;
    }
    for (double power = pow(10, floor(a->y0)); power <= high; power *= 10) {
        put_loss_line(b, a, power);
        put_loss_line(b, a, 2 * power);
        put_loss_line(b, a, 5 * power);
    }
}

/* One curve: the values at `offset` of the lines, smoothed over `reach` reports before and behind. */
static void put_curve(vmg_buf *b, const axes *a, const vmg_journal_line *lines, size_t n, size_t offset, size_t reach,
                      const char *style)
{
    vmg_buf_printf(b, "<polyline fill=\"none\" %s points=\"", style);
    for (size_t i = 0; i < n; i++) {
        double sum = 0, count = 0;
        if (!isfinite(*(const double *)((const char *)&lines[i] + offset)))
            continue;
        for (size_t k = i > reach ? i - reach : 0; k < n && k <= i + reach; k++) {
            double v = *(const double *)((const char *)&lines[k] + offset);
            if (isfinite(v) && v > 0) {
                sum += log(v);
                count++;
            }
        }
        if (count > 0)
            vmg_buf_printf(b, "%.1f,%.1f ", page_x(a, (double)lines[i].step), page_y(a, exp(sum / count)));
    }
    vmg_buf_puts(b, "\"/>\n");
}

static void put_legend(vmg_buf *b, int at, const char *colour, const char *text)
{
    int x = WIDTH - RIGHT - 190, y = TOP + 18 + 20 * at;
    vmg_buf_printf(b, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\" stroke-width=\"2\"/>", x, y - 4, x + 24, y - 4,
                   colour);
    vmg_buf_printf(b, "<text x=\"%d\" y=\"%d\">%s</text>\n", x + 32, y, text);
}

char *vmg_plot_svg(const char *title, const vmg_journal_line *lines, size_t n)
{
    const size_t loss = offsetof(vmg_journal_line, loss), held_out = offsetof(vmg_journal_line, held_out_loss);
    axes a = fit(lines, n);
    vmg_buf b = {0};
    vmg_buf_printf(&b,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                   "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
                   "<text x=\"%d\" y=\"24\" font-size=\"15\">",
                   WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT);
    put_escaped(&b, title);
    vmg_buf_puts(&b, "</text>\n<style>.grid line{stroke:#ddd}</style>\n<g class=\"grid\" fill=\"#444\">\n");
    put_grid(&b, &a);
    vmg_buf_printf(&b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">step</text>\n", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10);
    vmg_buf_puts(&b, "</g>\n");
    put_curve(&b, &a, lines, n, loss, 0, "stroke=\"#9ecae1\" stroke-width=\"1\"");
    put_curve(&b, &a, lines, n, loss, n / 50 + 1, "stroke=\"#2171b5\" stroke-width=\"2\"");
    put_curve(&b, &a, lines, n, held_out, 0, "stroke=\"#d94801\" stroke-width=\"2\"");
    put_legend(&b, 0, "#2171b5", "loss, smoothed");
    put_legend(&b, 1, "#d94801", "loss on held-out trials");
    vmg_buf_puts(&b, "</svg>\n");
    if (b.failed)
        vmg_buf_free(&b);
    return b.data;
}
