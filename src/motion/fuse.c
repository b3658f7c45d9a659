/* Positions and velocities of generated features brought to agree. */
#include "src/motion/fuse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/motion/fit.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"

static const double least_lambda = 1e-6, most_lambda = 1e6;

static double lambda(double velocity_error, double position_error)
{
    double ratio = velocity_error / fmax(position_error, 1e-12);
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

/* Velocities v (T) without what they differ by from the steps of p (T) for longer than a few frames; work (T). */
static void trust_briefly(double *v, const double *p, int64_t T, double *work)
{
    const double sigma = 5;
    const int64_t reach = 15;
    for (int64_t t = 0; t + 1 < T; t++) {
        double sum = 0, weight = 0;
        for (int64_t u = VMG_MAX(t - reach, (int64_t)0); u <= VMG_MIN(t + reach, T - 2); u++) {
            double w = exp(-0.5 * (double)((u - t) * (u - t)) / (sigma * sigma));
            sum += w * (v[u] - (p[u + 1] - p[u]));
            weight += w;
        }
        work[t] = sum / weight;
    }
    for (int64_t t = 0; t + 1 < T; t++)
        v[t] -= work[t];
}

/* Positions and velocities on their way: (T) each. */
typedef struct track {
    double *p, *v, *work;
} track;

/* p and its differences into the features; the last velocity stays. */
static void store(float *x, int64_t T, int position, int velocity, double offset, const double *p)
{
    for (int64_t t = 0; t < T; t++) {
        float *row = x + t * VMG_REP_DIM;
        row[position] = (float)(p[t] - offset);
        if (t + 1 < T)
            row[velocity] = (float)(p[t + 1] - p[t]);
    }
}

/* Coordinate c of the pelvis, from two observations of it. */
static void fuse_pelvis(float *x, int64_t T, const float *std, int c, track k)
{
    const double rest = vmg_rest_joint[VMG_PELVIS][c];
    const int position = VMG_REP_POS + 3 * VMG_PELVIS + c, velocity = VMG_REP_VEL + 3 * VMG_PELVIS + c;
    for (int64_t t = 0; t < T; t++) {
        const float *row = x + t * VMG_REP_DIM;
        k.p[t] = 0.5 * (row[position] + (row[VMG_REP_TRANSL + c] + rest));
        k.v[t] = 0.5 * ((double)row[velocity] + row[VMG_REP_TRANSL_VEL + c]);
    }
    if (c == 2)
        trust_briefly(k.v, k.p, T, k.work);
    solve(k.p, k.v, T, lambda(std[velocity], std[position]), k.work);
    store(x, T, position, velocity, 0, k.p);
    store(x, T, VMG_REP_TRANSL + c, VMG_REP_TRANSL_VEL + c, rest, k.p);
}

/* Coordinate c of joint j relative to the pelvis, seen in `poses`, which rotations made. */
static void fuse_joint(float *x, int64_t T, const float *std, const vmg_poses *poses, int j, int c, double error, track k)
{
    const int position = VMG_REP_POS + 3 * j + c, velocity = VMG_REP_VEL + 3 * j + c;
    for (int64_t t = 0; t < T; t++) {
        const float *row = x + t * VMG_REP_DIM;
        k.p[t] = vmg_poses_joint(poses, t, j)[c] - vmg_poses_joint(poses, t, VMG_PELVIS)[c];
        k.v[t] = (double)row[velocity] - row[VMG_REP_VEL + 3 * VMG_PELVIS + c];
    }
    solve(k.p, k.v, T, lambda(std[velocity], error), k.work);
    for (int64_t t = 0; t < T; t++)
        k.p[t] += vmg_poses_joint(poses, t, VMG_PELVIS)[c];
    store(x, T, position, velocity, 0, k.p);
}

/* Rotations, those of `poses`, point arms and legs where the joints are now; all others stay as they are. */
static void turn_limbs(float *x, int64_t T, vmg_poses *poses)
{
    static const int turned[] = {VMG_L_HIP, VMG_R_HIP, VMG_L_SHOULDER, VMG_R_SHOULDER};
    for (int64_t t = 0; t < T; t++)
        for (int i = 0; i < 3 * VMG_N_JOINTS; i++)
            vmg_poses_joint(poses, t, 0)[i] = x[t * VMG_REP_DIM + VMG_REP_POS + i];
    vmg_poses_point_limbs(poses);
    for (int64_t t = 0; t < T; t++)
        for (size_t i = 0; i < VMG_COUNT(turned); i++)
            vmg_rot_to_6d(vmg_poses_rot(poses, t, turned[i]), x + t * VMG_REP_DIM + VMG_REP_BODY_ROT + 6 * (turned[i] - 1));
}

/* All joints but the pelvis, once pelvis and orientation are done. */
static int fuse_joints(float *x, int64_t T, const float *std, track k)
{
    double offset[VMG_N_JOINTS][3], rotation_error = 0;
    vmg_poses poses;
    int rc = vmg_rep276_decode(x, T, VMG_REP_STORED, false, &poses);
    if (rc != VMG_OK)
        return rc;
    vmg_rest_offsets(offset);
    vmg_poses_fk(&poses, (const double(*)[3])offset);
    for (int i = VMG_REP_BODY_ROT; i < VMG_REP_POS; i++)
        rotation_error += (double)std[i] / (VMG_REP_POS - VMG_REP_BODY_ROT);
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        double reach = 0; /* where a turn of the joint's parents moves it by */
        for (int c = 0; c < 3; c++)
            reach = hypot(reach, vmg_rest_joint[j][c] - vmg_rest_joint[VMG_PELVIS][c]);
        for (int c = 0; c < 3 && j != VMG_PELVIS; c++)
            fuse_joint(x, T, std, &poses, j, c, rotation_error * reach, k);
    }
    turn_limbs(x, T, &poses);
    vmg_poses_free(&poses);
    return VMG_OK;
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
        l += log(lambda(std[VMG_REP_ROOT_ROT_VEL + i], std[VMG_REP_ROOT_ROT + i])) / 6;
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
    double *memory = vmg_calloc((size_t)T, 3 * sizeof *memory);
    if (!memory)
        return VMG_E_NOMEM;
    const track k = {memory, memory + T, memory + 2 * T};
    for (int c = 0; c < 3; c++)
        fuse_pelvis(x, T, std, c, k);
    int rc = fuse_orientation(x, T, std);
    if (rc == VMG_OK)
        rc = fuse_joints(x, T, std, k);
    free(memory);
    return rc;
}
