/* 256 colours for a picture that has more. */
#ifndef VMG_SRC_RENDER_PALETTE_H
#define VMG_SRC_RENDER_PALETTE_H

#include <stdint.h>

typedef struct vmg_palette {
    uint8_t colour[256][3];
    uint8_t nearest[32 * 32 * 32]; /* entry for the top 5 bits of r, g, b */
} vmg_palette;

/* Median cut (Heckbert 1982) of the picture's colours. rgba (n,4). */
void vmg_palette_make(const uint8_t *rgba, int64_t n, vmg_palette *out);

/* Every pixel's entry, with a small ordered dither against bands. rgba (height,width,4). */
void vmg_palette_map(const vmg_palette *palette, const uint8_t *rgba, int64_t width, int64_t height,
                     uint8_t *index, int64_t stride);

#endif
