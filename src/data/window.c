/* Windows of a sample in the canonical frame, made on the features themselves. */
#include "src/data/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"

static const double min_std = 1e-3;

/* Turn the x and y of n points (n,3) by the rotation with cosine c and sine s, then add d. */
static void turn(float *v, int n, double c, double s, const double d[2])
{
    for (int i = 0; i < n; i++, v += 3) {
        double x = v[0], y = v[1];
        v[0] = (float)(c * x - s * y + d[0]);
        v[1] = (float)(s * x + c * y + d[1]);
    }
}

void vmg_window_canonicalise(float *x, int64_t T)
{
    const float *l = x + VMG_REP_POS + 3 * VMG_L_HIP, *r = x + VMG_REP_POS + 3 * VMG_R_HIP;
    const double *rest = vmg_rest_joint[VMG_PELVIS], none[2] = {0, 0};
    double across[3] = {(double)r[0] - l[0], (double)r[1] - l[1], 0};
    if (!(vmg_vec_normalise(across) > 1e-9)) {
        across[0] = 1;
        across[1] = 0;
    }
    double c = across[0], s = -across[1], M[9] = {c, -s, 0, s, c, 0, 0, 0, 1};
    double px = x[VMG_REP_POS], py = x[VMG_REP_POS + 1];
    const double d[2] = {-(c * px - s * py), -(s * px + c * py)};
    /* transl <- M (transl + j0) - j0 + d */
    const double dt[2] = {c * rest[0] - s * rest[1] - rest[0] + d[0],
                          s * rest[0] + c * rest[1] - rest[1] + d[1]};
    for (int64_t t = 0; t < T; t++, x += VMG_REP_DIM) {
        double R[9];
        turn(x + VMG_REP_POS, VMG_N_JOINTS, c, s, d);
        turn(x + VMG_REP_VEL, VMG_N_JOINTS, c, s, none);
        turn(x + VMG_REP_TRANSL, 1, c, s, dt);
        turn(x + VMG_REP_TRANSL_VEL, 1, c, s, none);
        vmg_rot_from_6d(x + VMG_REP_ROOT_ROT, R);
        vmg_rot_mul(M, R, R);
        vmg_rot_to_6d(R, x + VMG_REP_ROOT_ROT);
        vmg_rot_from_6d(x + VMG_REP_ROOT_ROT_VEL, R);
        vmg_rot_mul(M, R, R);
        vmg_rot_mult(R, M, R);
        vmg_rot_to_6d(R, x + VMG_REP_ROOT_ROT_VEL);
    }
}

void vmg_window_cut(const float *x, int64_t first, int64_t n, float *out)
{
    memcpy(out, x + first * VMG_REP_DIM, (size_t)n * VMG_REP_DIM * sizeof *out);
    vmg_window_canonicalise(out, n);
}

static void add_frames(vmg_window_statistics *s, const float *x, int64_t n)
{
    for (int64_t t = 0; t < n; t++)
        for (int i = 0; i < VMG_REP_DIM; i++) {
            double v = x[t * VMG_REP_DIM + i];
            s->sum[i] += v;
            s->sum2[i] += v * v;
        }
    s->n += n;
}

int vmg_window_statistics_add(vmg_window_statistics *s, const float *x, int64_t T)
{
    int64_t n = VMG_MIN(T, VMG_WINDOW_STATISTICS);
    float *window = vmg_calloc((size_t)n, VMG_REP_DIM * sizeof *window);
    if (!window)
        return VMG_E_NOMEM;
    for (int64_t first = 0; n > 0 && first + n <= T; first += VMG_MAX(n / 2, 1)) {
        vmg_window_cut(x, first, n, window);
        add_frames(s, window, n);
        if (n == T)
            break;
    }
    free(window);
    return VMG_OK;
}

void vmg_window_statistics_finish(const vmg_window_statistics *s, float mean[276], float std[276])
{
    double n = s->n > 0 ? (double)s->n : 1;
    for (int i = 0; i < VMG_REP_DIM; i++) {
        double m = s->sum[i] / n, var = s->sum2[i] / n - m * m;
        mean[i] = (float)m;
        std[i] = (float)VMG_MAX(var > 0 ? sqrt(var) : 0, min_std);
    }
}
