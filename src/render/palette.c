/* Median cut over a histogram of 5 bits a channel. */
#include "src/render/palette.h"

#include <string.h>

#include "host/base/mem.h"

enum { N = 32, N_BINS = N * N * N };

/* Bins low..high of each channel, inclusive, and how many pixels they hold. */
typedef struct box {
    int low[3], high[3];
    int64_t n;
} box;

static int bin(int r, int g, int b)
{
    return (r * N + g) * N + b;
}

static int64_t at(const uint32_t *count, const int v[3])
{
    return count[bin(v[0], v[1], v[2])];
}

/* Pixels in each slice of the box across `axis`; shrinks the box to what is filled. */
static void slices(const uint32_t *count, const box *b, int axis, int64_t out[N])
{
    int v[3];
    memset(out, 0, N * sizeof *out);
    for (v[0] = b->low[0]; v[0] <= b->high[0]; v[0]++)
        for (v[1] = b->low[1]; v[1] <= b->high[1]; v[1]++)
            for (v[2] = b->low[2]; v[2] <= b->high[2]; v[2]++)
                out[v[axis]] += at(count, v);
}

static void shrink(const uint32_t *count, box *b)
{
    for (int axis = 0; axis < 3; axis++) {
        int64_t n[N];
        slices(count, b, axis, n);
        while (b->low[axis] < b->high[axis] && !n[b->low[axis]])
            b->low[axis]++;
        while (b->low[axis] < b->high[axis] && !n[b->high[axis]])
            b->high[axis]--;
    }
}

/* Cut at the median of the longest side; false for a single bin. */
static bool cut(const uint32_t *count, box *b, box *rest)
{
    int axis = 0, split;
    int64_t n[N], sum = 0;
    for (int c = 1; c < 3; c++)
        axis = b->high[c] - b->low[c] > b->high[axis] - b->low[axis] ? c : axis;
    if (b->high[axis] == b->low[axis])
        return false;
    slices(count, b, axis, n);
    for (split = b->low[axis]; split < b->high[axis] - 1 && 2 * (sum + n[split]) < b->n; split++)
        sum += n[split];
    sum += n[split];
    *rest = *b;
    rest->low[axis] = split + 1;
    rest->n = b->n - sum;
    b->high[axis] = split;
    b->n = sum;
    shrink(count, b);
    shrink(count, rest);
    return true;
}

/* The box whose cut helps most: many pixels over a long side. */
static int widest(const box *boxes, int n)
{
    int best = 0;
    double most = -1;
    for (int i = 0; i < n; i++) {
        int side = 0;
        for (int c = 0; c < 3; c++)
            side = VMG_MAX(side, boxes[i].high[c] - boxes[i].low[c]);
        const double gain = (double)side * side * (double)boxes[i].n;
        if (side && gain > most) {
            most = gain;
            best = i;
        }
    }
    return best;
}

static void mean_colour(const uint32_t *count, const box *b, uint8_t out[3])
{
    double sum[3] = {0}, n = 0;
    int v[3];
    for (v[0] = b->low[0]; v[0] <= b->high[0]; v[0]++)
        for (v[1] = b->low[1]; v[1] <= b->high[1]; v[1]++)
            for (v[2] = b->low[2]; v[2] <= b->high[2]; v[2]++) {
                n += (double)at(count, v);
                for (int c = 0; c < 3; c++)
                    sum[c] += (double)at(count, v) * (v[c] * 8 + 3.5);
            }
    for (int c = 0; c < 3; c++)
        out[c] = (uint8_t)(n > 0 ? sum[c] / n + 0.5 : 0);
}

static void find_nearest(vmg_palette *p)
{
    for (int i = 0; i < N_BINS; i++) {
        const int v[3] = {i / (N * N) * 8 + 4, i / N % N * 8 + 4, i % N * 8 + 4};
        int best = 0, least = INT32_MAX;
        for (int k = 0; k < 256; k++) {
            int d = 0;
            for (int c = 0; c < 3; c++)
                d += (v[c] - p->colour[k][c]) * (v[c] - p->colour[k][c]);
            if (d < least) {
                least = d;
                best = k;
            }
        }
        p->nearest[i] = (uint8_t)best;
    }
}

void vmg_palette_make(const uint8_t *rgba, int64_t n, vmg_palette *out)
{
    uint32_t count[N_BINS] = {0};
    box boxes[256] = {{.low = {0}, .high = {N - 1, N - 1, N - 1}, .n = n}};
    int n_boxes = 1;
    memset(out, 0, sizeof *out);
    for (int64_t i = 0; i < n; i++)
        count[bin(rgba[4 * i] >> 3, rgba[4 * i + 1] >> 3, rgba[4 * i + 2] >> 3)]++;
    shrink(count, &boxes[0]);
    while (n_boxes < 256 && cut(count, &boxes[widest(boxes, n_boxes)], &boxes[n_boxes]))
        n_boxes++;
    for (int i = 0; i < n_boxes; i++)
        mean_colour(count, &boxes[i], out->colour[i]);
    find_nearest(out);
}

void vmg_palette_map(const vmg_palette *palette, const uint8_t *rgba, int64_t width, int64_t height,
                     uint8_t *index, int64_t stride)
{
    static const int bayer[4][4] = {{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            const int shift = (bayer[y % 4][x % 4] - 8) / 2;
            int v[3];
            for (int c = 0; c < 3; c++)
                v[c] = VMG_MIN(VMG_MAX(rgba[4 * (y * width + x) + c] + shift, 0), 255) >> 3;
            index[y * stride + x] = palette->nearest[bin(v[0], v[1], v[2])];
        }
}
