/* Which primitives each tile of a picture has to look at. For src/render/raycast.c. */
#ifndef VMG_SRC_RENDER_TILES_H
#define VMG_SRC_RENDER_TILES_H

#include "src/render/raycast.h"

enum { VMG_TILE = 16 }; /* cl/render.cl's TILE */

/* A tile's lists, in this order. */
enum vmg_tile_list {
    VMG_LIST_CONES,
    VMG_LIST_BLOCKERS,
    VMG_LIST_MARKS,
    VMG_LIST_TRIANGLES,
    VMG_N_LISTS
};

/* A rectangle of the picture in pixels, empty at first. */
typedef struct vmg_box {
    double low[2], high[2];
    bool any;
} vmg_box;

typedef struct vmg_tiles {
    const vmg_view *view;
    double width, height; /* of the picture */
    int64_t n_x, n_y;
    struct vmg_tile_entry {
        int64_t x0, y0, x1, y1; /* tiles, ends excluded */
        int32_t list, item;
    } *entries;
    size_t n_entries, cap;
    bool failed;
    int32_t *starts, *items; /* items of list k of tile i: starts[4i+k] .. starts[4i+k+1] */
    int64_t n_starts, n_items;
} vmg_tiles;

/* `view` must outlive t. */
void vmg_tiles_init(vmg_tiles *t, const vmg_view *view, int64_t width, int64_t height);
void vmg_tiles_free(vmg_tiles *t);

/* Widen the box by where a sphere, relative to the eye, may appear: its exact bounds; everything
 * when the eye is in it or it reaches beside the eye; nothing when it is behind. */
void vmg_box_add(vmg_box *box, const vmg_tiles *t, const double centre[3], double radius);

/* Put `item` on that list of every tile that the box touches. */
void vmg_tiles_add(vmg_tiles *t, enum vmg_tile_list list, int64_t item, const vmg_box *box);

/* Fill starts and items; order of items is that of adding. Errors: VMG_E_NOMEM, VMG_E_ARG (lists
 * beyond 2^28 items). */
int vmg_tiles_finish(vmg_tiles *t);

#endif
