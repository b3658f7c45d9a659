/* Clips as one self-contained web page that plays them. */
#ifndef VMG_SRC_RENDER_PAGE_H
#define VMG_SRC_RENDER_PAGE_H

#include "src/render/render.h"

/* Write the page (src/render/viewer.html with the clips inside), put in place when complete. Names are
 * the captions. Errors: VMG_E_IO, VMG_E_NOMEM. */
int vmg_page_write(const char *path, const vmg_render_clip *clips, int64_t n,
                   const vmg_render_options *options);

#endif
