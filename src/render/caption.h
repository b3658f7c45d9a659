/* Lines of text over pictures, in a plotter's hand. */
#ifndef VMG_SRC_RENDER_CAPTION_H
#define VMG_SRC_RENDER_CAPTION_H

#include <stddef.h>
#include <stdint.h>

/* Text drawn once: per pixel how much ink and how much halo around it there is, 0..255. */
typedef struct vmg_caption {
    int64_t width, height;
    uint8_t *ink, *halo; /* (height,width) */
} vmg_caption;

/*
 * UTF-8 `text`, centred, broken into lines of at most `max_width` pixels; characters are about
 * `size` pixels high. Accents are dropped, characters beyond ASCII without a base letter become
 * '?'. An empty text gives an empty caption. Errors: VMG_E_ARG (sizes below 1), VMG_E_NOMEM.
 */
int vmg_caption_make(const char *text, int64_t max_width, double size, vmg_caption *out);
void vmg_caption_free(vmg_caption *caption);

/* Put it on a picture (height,width,4) with its top left corner at (x,y); what lies outside is cut. */
void vmg_caption_draw(const vmg_caption *caption, uint8_t *rgba, int64_t width, int64_t height,
                      int64_t x, int64_t y);

#endif
