/* Decimal numbers in text files, independent of the process's locale. */
#ifndef VMG_SRC_FORMAT_NUMBER_H
#define VMG_SRC_FORMAT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "host/base/mem.h"

/*
 * Read a decimal number ("-1.5e-3", ".5", "+2.") that fills text[0..n) exactly; within 1 ulp of the
 * nearest double. False for anything else, nan and infinity included, and when it overflows.
 */
bool vmg_number_parse(const char *text, size_t n, double *out);

/* Append x with `decimals` (0..9) digits after the point, trailing zeros dropped ("0", "-1.25").
 * |x| at most 9e8, or it is written as %.17g with a point; x finite. */
void vmg_number_append(vmg_buf *b, double x, int decimals);

#endif
