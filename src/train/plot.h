/* The curves of a training log as a picture. */
#ifndef VMG_SRC_TRAIN_PLOT_H
#define VMG_SRC_TRAIN_PLOT_H

#include <stddef.h>

#include "src/train/journal.h"

/*
 * An SVG document of n lines (n >= 1): loss (each report as a point, and their running mean), loss on held-out trials, over
 * steps, on a logarithmic loss axis. Fresh memory; NULL on exhaustion. `title` may hold any text.
 */
char *vmg_plot_svg(const char *title, const vmg_journal_line *lines, size_t n);

#endif
