/* Positions and velocities of generated features brought to agree. */
#include "src/motion/fuse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"

static const double least_lambda = 1e-6, most_lambda = 1e6;

static double lambda(const float *std, int velocity, int position)
{
    double ratio = (double)std[velocity] / fmax(std[position], 1e-12);
    return fmin(fmax(ratio * ratio, least_lambda), most_lambda);
}

/*
 * The minimum for one coordinate: a symmetric tridiagonal system, solved by elimination from the front (it is diagonally dominant).
 * p (T) holds the positions and becomes the result; v (T); work (T).
 */
static void solve(double *p, const double *v, int64_t T, double l, double *work)
{
    /* Rows: (l + n) p_t - p_{t-1} - p_{t+1} = l position_t + v_{t-1} - v_t, where n counts the neighbours. */
    double before = 0;
    for (int64_t t = 0; t < T; t++) {
        double diagonal = l + (t > 0) + (t + 1 < T), right = l * p[t] + (t > 0 ? v[t - 1] : 0) - (t + 1 < T ? v[t] : 0);
        double pivot = diagonal - (t > 0 ? work[t - 1] : 0);
        work[t] = t + 1 < T ? 1 / pivot : 0;
        before = p[t] = (right + (t > 0 ? before : 0)) / pivot;
    }
    for (int64_t t = T - 2; t >= 0; t--)
        p[t] += work[t] * p[t + 1];
}

/* One position feature with its velocity feature; `other` (or -1) is a second pair that observes the same but for `offset`. */
static void fuse_coordinate(float *x, int64_t T, const float *std, int position, int velocity, int other, double offset, double *p,
                            double *v, double *work)
{
    int other_velocity = other < 0 ? -1 : VMG_REP_TRANSL_VEL + other - VMG_REP_TRANSL;
    for (int64_t t = 0; t < T; t++) {
        const float *row = x + t * VMG_REP_DIM;
        p[t] = row[position];
        v[t] = row[velocity];
        if (other >= 0) {
            p[t] = 0.5 * (p[t] + row[other] + offset);
            v[t] = 0.5 * (v[t] + row[other_velocity]);
        }
    }
    solve(p, v, T, lambda(std, velocity, position), work);
    for (int64_t t = 0; t < T; t++) {
        float *row = x + t * VMG_REP_DIM;
        double d = t + 1 < T ? p[t + 1] - p[t] : v[t];
        row[position] = (float)p[t];
        row[velocity] = (float)d;
        if (other >= 0) {
            row[other] = (float)(p[t] - offset);
            row[other_velocity] = (float)d;
        }
    }
}

/* ---- orientation ---- */

/* out = A⁻¹ for symmetric positive definite A (3,3), by cofactors. */
static void invert(const double A[9], double out[9])
{
    double c0 = A[4] * A[8] - A[5] * A[7], c1 = A[5] * A[6] - A[3] * A[8], c2 = A[3] * A[7] - A[4] * A[6];
    double det = A[0] * c0 + A[1] * c1 + A[2] * c2;
    const double inverse[9] = {c0, A[2] * A[7] - A[1] * A[8], A[1] * A[5] - A[2] * A[4],
                               c1, A[0] * A[8] - A[2] * A[6], A[2] * A[3] - A[0] * A[5],
                               c2, A[1] * A[6] - A[0] * A[7], A[0] * A[4] - A[1] * A[3]};
    for (int i = 0; i < 9; i++)
        out[i] = inverse[i] / det;
}

/* What is kept of one frame while the block tridiagonal system is eliminated. */
typedef struct orientation {
    double R[9], V[9];  /* stored; R becomes the result */
    double G[9];        /* pivot⁻¹ Vᵀ */
} orientation;

/*
 * Rows (3,3 blocks, for all columns of R at once): (λ + n) R_t - V_{t-1} R_{t-1} - V_tᵀ R_{t+1} = λ observed_t, since VᵀV = 1.
 */
static void solve_orientations(orientation *o, int64_t T, double l)
{
    for (int64_t t = 0; t < T; t++) {
        double diagonal = l + (t > 0) + (t + 1 < T), A[9] = {diagonal, 0, 0, 0, diagonal, 0, 0, 0, diagonal}, inverse[9], B[9];
        for (int i = 0; i < 9; i++)
            B[i] = l * o[t].R[i];
        if (t > 0) {
            double VG[9], VR[9];
            vmg_rot_mul(o[t - 1].V, o[t - 1].G, VG);
            vmg_rot_mul(o[t - 1].V, o[t - 1].R, VR);
            for (int i = 0; i < 9; i++) {
                A[i] -= VG[i];
                B[i] += VR[i];
            }
        }
        invert(A, inverse);
        vmg_rot_mult(inverse, o[t].V, o[t].G);
        vmg_rot_mul(inverse, B, o[t].R);
    }
    for (int64_t t = T - 2; t >= 0; t--) {
        double D[9];
        vmg_rot_mul(o[t].G, o[t + 1].R, D);
        for (int i = 0; i < 9; i++)
            o[t].R[i] += D[i];
    }
}

static int fuse_orientation(float *x, int64_t T, const float *std)
{
    orientation *o = vmg_calloc((size_t)T, sizeof *o);
    double l = 0;
    if (!o)
        return VMG_E_NOMEM;
    for (int i = 0; i < 6; i++)
        l += log(lambda(std, VMG_REP_ROOT_ROT_VEL + i, VMG_REP_ROOT_ROT + i)) / 6;
    for (int64_t t = 0; t < T; t++) {
        vmg_rot_from_6d(x + t * VMG_REP_DIM + VMG_REP_ROOT_ROT, o[t].R);
        vmg_rot_from_6d(x + t * VMG_REP_DIM + VMG_REP_ROOT_ROT_VEL, o[t].V);
    }
    solve_orientations(o, T, exp(l));
    for (int64_t t = 0; t < T; t++) {
        double R[9];
        vmg_rot_nearest(o[t].R, R);
        memcpy(o[t].R, R, sizeof R);
        vmg_rot_to_6d(R, x + t * VMG_REP_DIM + VMG_REP_ROOT_ROT);
    }
    for (int64_t t = 0; t + 1 < T; t++) {
        double V[9];
        vmg_rot_mult(o[t + 1].R, o[t].R, V);
        vmg_rot_to_6d(V, x + t * VMG_REP_DIM + VMG_REP_ROOT_ROT_VEL);
    }
    free(o);
    return VMG_OK;
}

int vmg_rep276_fuse(float *x, int64_t T, const float *std)
{
    double *p = vmg_calloc((size_t)T, 3 * sizeof *p);
    if (!p)
        return VMG_E_NOMEM;
    for (int i = 0; i < 3 * VMG_N_JOINTS; i++) {
        bool pelvis = i / 3 == VMG_PELVIS;
        fuse_coordinate(x, T, std, VMG_REP_POS + i, VMG_REP_VEL + i, pelvis ? VMG_REP_TRANSL + i % 3 : -1,
                        pelvis ? vmg_rest_joint[VMG_PELVIS][i % 3] : 0, p, p + T, p + 2 * T);
    }
    free(p);
    return fuse_orientation(x, T, std);
}
