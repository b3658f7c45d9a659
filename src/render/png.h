/* Writing pictures as PNG files. */
#ifndef VMG_SRC_RENDER_PNG_H
#define VMG_SRC_RENDER_PNG_H

#include <stdint.h>

/* rgba (height,width,4), written as 8-bit RGB (alpha is dropped), put in place when complete.
 * Errors: VMG_E_IO, VMG_E_NOMEM. */
int vmg_png_write(const char *path, const uint8_t *rgba, int64_t width, int64_t height);

#endif
