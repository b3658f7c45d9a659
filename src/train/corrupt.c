/* What training does to reference motions. */
#include "src/train/corrupt.h"

#include <stdbool.h>
#include <string.h>

static const double zero_rate = 0.02;

vmg_corruption vmg_corruption_draw(vmg_draw *d)
{
    vmg_corruption c;
    c.noise_rate = 0.4 * vmg_draw_uniform(d);
    c.noise_scale = 0.05 + 0.1 * vmg_draw_uniform(d);
    c.replace_rate = 0.03 + 0.05 * vmg_draw_uniform(d);
    return c;
}

int64_t vmg_corrupt(const vmg_corruption *c, vmg_draw *d, const float *ref, int64_t T, int64_t n_row, int64_t D, float *out)
{
    int64_t kept = 0;
    for (int64_t t = 0; t < T; t++) {
        float *row = out + t * D;
        int64_t before = (t + n_row - 1) % n_row, after = (t + 1) % n_row;
        bool noisy = vmg_draw_uniform(d) < c->noise_rate, replaced = vmg_draw_uniform(d) < c->replace_rate;
        bool zeroed = vmg_draw_uniform(d) < zero_rate;
        float alpha = (float)(0.5 + 0.3 * (vmg_draw_uniform(d) - 0.5));
        memcpy(row, ref + t * D, (size_t)D * sizeof *row);
        before = before < T ? before : t;
        after = after < T ? after : t;
        if (replaced) {
            for (int64_t i = 0; i < D; i++)
                row[i] = alpha * ref[before * D + i] + (1 - alpha) * ref[after * D + i];
        } else if (noisy) {
            for (int64_t i = 0; i < D; i++)
                row[i] += (float)(c->noise_scale * vmg_draw_normal(d));
        }
        if (zeroed)
            memset(row, 0, (size_t)D * sizeof *row);
        kept += !zeroed;
    }
    return kept;
}

void vmg_corrupt_everywhere(double scale, vmg_draw *d, int64_t n, float *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] += (float)(scale * vmg_draw_normal(d));
}
