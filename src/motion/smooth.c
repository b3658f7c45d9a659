/* Temporal Gaussian smoothing of features. */
#include "src/motion/smooth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/status.h"

enum { MAX_WIDTH = 255 };

int vmg_smooth_gaussian(float *x, int64_t T, int64_t C, int width, double sigma)
{
    if (width < 1 || width > MAX_WIDTH || width % 2 == 0 || !(sigma > 0))
        return vmg_fail(VMG_E_ARG,
                        "smoothing needs an odd width of 1 to %d frames and a positive sigma, "
                        "not %d and %g",
                        MAX_WIDTH, width, sigma);
    int half = width / 2;
    if (T < width)
        return VMG_OK;
    double tap[MAX_WIDTH], sum = 0;
    for (int k = 0; k < width; k++)
        sum += tap[k] = exp(-0.5 * (k - half) * (k - half) / (sigma * sigma));
    float *y = vmg_calloc((size_t)(T - 2 * half), (size_t)C * sizeof *y);
    if (!y)
        return VMG_E_NOMEM;
    for (int64_t t = 0; t < T - 2 * half; t++)
        for (int64_t i = 0; i < C; i++) {
            double s = 0;
            for (int k = 0; k < width; k++)
                s += tap[k] * x[(t + k) * C + i];
            y[t * C + i] = (float)(s / sum);
        }
    memcpy(x + half * C, y, (size_t)((T - 2 * half) * C) * sizeof *y);
    free(y);
    return VMG_OK;
}
