/* Bins primitives into the tiles of a picture. */
#include "src/render/tiles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"

enum { MAX_ITEMS = 1 << 28 };

void vmg_tiles_init(vmg_tiles *t, const vmg_view *view, int64_t width, int64_t height)
{
    *t = (vmg_tiles){.view = view,
                     .width = (double)width,
                     .height = (double)height,
                     .n_x = (width + VMG_TILE - 1) / VMG_TILE,
                     .n_y = (height + VMG_TILE - 1) / VMG_TILE};
}

void vmg_tiles_free(vmg_tiles *t)
{
    free(t->entries);
    free(t->starts);
    free(t->items);
    *t = (vmg_tiles){0};
}

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* Tangents between which a disc of radius r at (x,z) is seen from the origin; false when it is not
 * wholly before the eye. */
static bool tangents(double x, double z, double r, double *low, double *high)
{
    const double d2 = x * x + z * z - r * r, q = z * z - r * r;
    if (!(d2 > 0) || !(q > 1e-9 * r * r) || z <= 0)
        return false;
    const double root = r * sqrt(d2);
    *low = (x * z - root) / q;
    *high = (x * z + root) / q;
    return true;
}

void vmg_box_add(vmg_box *box, const vmg_tiles *t, const double centre[3], double radius)
{
    const vmg_view *v = t->view;
    const double x = dot(centre, v->right), y = -dot(centre, v->up), z = dot(centre, v->forward);
    double low[2] = {-INFINITY, -INFINITY}, high[2] = {INFINITY, INFINITY};
    if (z < -radius)
        return;
    if (tangents(x, z, radius, &low[0], &high[0])) {
        low[0] = (low[0] / v->tan_x + 1) * t->width / 2;
        high[0] = (high[0] / v->tan_x + 1) * t->width / 2;
    }
    if (tangents(y, z, radius, &low[1], &high[1])) {
        low[1] = (low[1] / v->tan_y + 1) * t->height / 2;
        high[1] = (high[1] / v->tan_y + 1) * t->height / 2;
    }
    for (int c = 0; c < 2; c++) {
        box->low[c] = box->any ? fmin(box->low[c], low[c]) : low[c];
        box->high[c] = box->any ? fmax(box->high[c], high[c]) : high[c];
    }
    box->any = true;
}

/* Tile of a pixel coordinate, kept within [0, n]. */
static int64_t tile_of(double pixel, int64_t n)
{
    const double tile = floor(pixel / VMG_TILE);
    return tile < 0 ? 0 : tile > (double)n ? n : (int64_t)tile;
}

void vmg_tiles_add(vmg_tiles *t, enum vmg_tile_list list, int64_t item, const vmg_box *box)
{
    if (!box->any || box->high[0] < 0 || box->high[1] < 0 || box->low[0] > t->width ||
        box->low[1] > t->height || t->failed)
        return;
    if (t->n_entries == t->cap) {
        const size_t cap = VMG_MAX(2 * t->cap, (size_t)256);
        struct vmg_tile_entry *entries = vmg_realloc(t->entries, cap, sizeof *entries);
        if (!entries) {
            t->failed = true;
            return;
        }
        t->entries = entries;
        t->cap = cap;
    }
    /* half a pixel of margin for the kernel's floats */
    t->entries[t->n_entries++] = (struct vmg_tile_entry){
        .x0 = tile_of(box->low[0] - 0.5, t->n_x),
        .y0 = tile_of(box->low[1] - 0.5, t->n_y),
        .x1 = VMG_MIN(tile_of(box->high[0] + 0.5, t->n_x) + 1, t->n_x),
        .y1 = VMG_MIN(tile_of(box->high[1] + 0.5, t->n_y) + 1, t->n_y),
        .list = (int32_t)list,
        .item = (int32_t)item};
}

int vmg_tiles_finish(vmg_tiles *t)
{
    const int64_t n_lists = VMG_N_LISTS * t->n_x * t->n_y;
    t->n_starts = n_lists + 1;
    if (t->failed || !(t->starts = vmg_calloc((size_t)n_lists + 2, sizeof *t->starts)))
        return VMG_E_NOMEM;
    /* starts[i + 2] counts list i, then becomes where its next item goes: starts[i + 1] in the end */
    for (size_t e = 0; e < t->n_entries; e++) {
        const struct vmg_tile_entry *q = &t->entries[e];
        for (int64_t y = q->y0; y < q->y1; y++)
            for (int64_t x = q->x0; x < q->x1; x++)
                t->starts[VMG_N_LISTS * (y * t->n_x + x) + q->list + 2]++;
        t->n_items += (q->y1 - q->y0) * (q->x1 - q->x0);
        if (t->n_items > MAX_ITEMS)
            return vmg_fail(VMG_E_ARG, "a picture's tiles have too much to look at");
    }
    for (int64_t i = 2; i <= n_lists; i++)
        t->starts[i] += t->starts[i - 1];
    if (!(t->items = vmg_calloc((size_t)t->n_items + 1, sizeof *t->items)))
        return VMG_E_NOMEM;
    for (size_t e = 0; e < t->n_entries; e++) {
        const struct vmg_tile_entry *q = &t->entries[e];
        for (int64_t y = q->y0; y < q->y1; y++)
            for (int64_t x = q->x0; x < q->x1; x++)
                t->items[t->starts[VMG_N_LISTS * (y * t->n_x + x) + q->list + 1]++] = q->item;
    }
    return VMG_OK;
}
