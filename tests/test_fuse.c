/* Positions and velocities brought to agree: nothing changes where they do, noise goes where they do not. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/motion/fuse.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"
#include "tests/harness.h"
#include "tests/motion_fixture.h"

enum { T = 90 };

static float *make(void)
{
    vmg_poses p;
    float *x = vmg_calloc(T, VMG_REP_DIM * sizeof *x);
    if (x && !(vmg_test_motion_make(VMG_TEST_WALK, T + 1, 0.7, &p) == VMG_OK && vmg_rep276_encode(&p, x) == VMG_OK)) {
        free(x);
        x = NULL;
    }
    vmg_poses_free(&p);
    return x;
}

/* Standard deviations as data sets have: velocities are small. */
static void make_std(float *std)
{
    for (int i = 0; i < VMG_REP_DIM; i++) {
        bool velocity = (i >= VMG_REP_VEL && i < VMG_REP_ROOT_ROT) || (i >= VMG_REP_ROOT_ROT_VEL && i < VMG_REP_TRANSL) ||
                        i >= VMG_REP_TRANSL_VEL;
        std[i] = velocity ? 0.02f : 0.5f;
    }
}

static double error(const float *x, const float *y, int first, int n)
{
    double sum = 0;
    for (int64_t t = 0; t < T; t++)
        for (int i = first; i < first + n; i++)
            sum += pow((double)x[t * VMG_REP_DIM + i] - y[t * VMG_REP_DIM + i], 2);
    return sqrt(sum / (T * (double)n));
}

static void keeps_what_agrees(void)
{
    float std[VMG_REP_DIM], *x = make(), *y = make();
    REQUIRE(x && y);
    make_std(std);
    CHECK_OK(vmg_rep276_fuse(y, T, std));
    CHECK_CLOSE(error(x, y, 0, VMG_REP_DIM), 0, 2e-5);
    for (int64_t t = 0; t < T; t++)
        for (int j = 1; j < VMG_N_JOINTS; j++) { /* hips and shoulders alone are turned at all */
            const float *was = x + t * VMG_REP_DIM + 6 * (j - 1), *is = y + t * VMG_REP_DIM + 6 * (j - 1);
            const bool turned = j == VMG_L_HIP || j == VMG_R_HIP || j == VMG_L_SHOULDER || j == VMG_R_SHOULDER;
            CHECK(turned || !memcmp(was, is, 6 * sizeof *was));
        }
    CHECK_OK(vmg_rep276_fuse(y, 1, std));
    free(x);
    free(y);
}

static void removes_noise(void)
{
    float std[VMG_REP_DIM], *x = make(), *y = make();
    REQUIRE(x && y);
    make_std(std);
    for (int64_t i = 0; i < T * VMG_REP_DIM; i++)
        y[i] += 0.1f * std[i % VMG_REP_DIM] * 1.7f * vmg_test_uniform(); /* a tenth of the standard deviation */
    double positions = error(x, y, VMG_REP_POS, 66), root = error(x, y, VMG_REP_ROOT_ROT, 6), transl = error(x, y, VMG_REP_TRANSL, 3);
    CHECK_OK(vmg_rep276_fuse(y, T, std));
    CHECK(error(x, y, VMG_REP_POS, 66) < 0.3 * positions);
    CHECK(error(x, y, VMG_REP_ROOT_ROT, 6) < 0.4 * root);
    CHECK(error(x, y, VMG_REP_TRANSL, 3) < 0.3 * transl);
    for (int64_t t = 0; t + 1 < T; t++) /* velocities are differences again */
        for (int i = 0; i < 66; i++) {
            const float *row = y + t * VMG_REP_DIM, *next = row + VMG_REP_DIM;
            CHECK_CLOSE(row[VMG_REP_VEL + i], next[VMG_REP_POS + i] - row[VMG_REP_POS + i], 1e-6);
        }
    free(x);
    free(y);
}

/* What swings fast in velocities alone, positions and rotations being smoothed away, swings in the rotations afterwards. */
static void rotations_follow_velocities(void)
{
    enum { N = 60, ELBOW = VMG_L_ELBOW, WRIST = VMG_L_WRIST };
    static float x[N * VMG_REP_DIM];
    const double swing_m = 0.1, per_frame = 1.3; /* 4 swings a second */
    double offset[VMG_N_JOINTS][3], seen = 0, wanted = 0;
    float std[VMG_REP_DIM];
    vmg_poses p, before, after;
    make_std(std);
    vmg_rest_offsets(offset);
    REQUIRE_OK(vmg_poses_alloc(N + 1, &p));
    for (int64_t t = 0; t <= N; t++)
        memcpy(vmg_poses_joint(&p, t, VMG_PELVIS), (const double[3]){0, 0, 1}, 3 * sizeof(double));
    vmg_poses_fk(&p, (const double(*)[3])offset);
    vmg_poses_set_transl(&p, vmg_rest_joint[VMG_PELVIS]);
    REQUIRE_OK(vmg_rep276_encode(&p, x));
    for (int64_t t = 0; t < N; t++)
        x[t * VMG_REP_DIM + VMG_REP_VEL + 3 * WRIST + 1] +=
            (float)(swing_m * (sin(per_frame * (double)(t + 1)) - sin(per_frame * (double)t)));
    REQUIRE_OK(vmg_rep276_decode(x, N, VMG_REP_STORED, false, &before));
    CHECK_OK(vmg_rep276_fuse(x, N, std));
    REQUIRE_OK(vmg_rep276_decode(x, N, VMG_REP_STORED, false, &after));
    vmg_poses_fk(&after, (const double(*)[3])offset);
    for (int64_t t = 10; t < N - 10; t++) {
        const double moved = vmg_poses_joint(&after, t, WRIST)[1] - vmg_poses_joint(&before, t, WRIST)[1];
        const double want = swing_m * sin(per_frame * (double)t);
        seen += moved * want;
        wanted += want * want;
        /* The elbow does not bend for it. */
        CHECK_CLOSE(vmg_rot_angle(vmg_poses_rot(&before, t, ELBOW), vmg_poses_rot(&after, t, ELBOW)), 0, 1e-3);
    }
    CHECK(seen > 0.8 * wanted && seen < 1.1 * wanted);
    vmg_poses_free(&p);
    vmg_poses_free(&before);
    vmg_poses_free(&after);
}

/* A vertical velocity that is wrong by the same 2 cm a frame for long lifts nobody; the path on the floor follows its velocity. */
static void height_outlives_wrong_velocities(void)
{
    const int z = VMG_REP_POS + 3 * VMG_PELVIS + 2;
    float std[VMG_REP_DIM], *x = make(), *y = make();
    REQUIRE(x && y);
    make_std(std);
    for (int64_t t = 0; t < T; t++) {
        y[t * VMG_REP_DIM + VMG_REP_VEL + 3 * VMG_PELVIS + 2] -= 0.02f;
        y[t * VMG_REP_DIM + VMG_REP_TRANSL_VEL + 2] -= 0.02f;
    }
    CHECK_OK(vmg_rep276_fuse(y, T, std));
    for (int64_t t = 0; t < T; t++)
        CHECK_CLOSE(y[t * VMG_REP_DIM + z], x[t * VMG_REP_DIM + z], 0.01);
    free(x);
    free(y);
}

/* The minimum, against the normal equations solved densely for one coordinate. */
static void is_the_least_squares_solution(void)
{
    enum { N = 7 };
    static float x[N * VMG_REP_DIM];
    float std[VMG_REP_DIM];
    double A[N][N + 1] = {{0}};
    const int position = VMG_REP_POS + 1, velocity = VMG_REP_VEL + 1;
    make_std(std);
    const double l = pow((double)std[velocity] / std[position], 2);
    vmg_test_fill(x, VMG_COUNT(x));
    for (int t = 0; t < N; t++) { /* the pelvis, observed twice alike */
        x[t * VMG_REP_DIM + VMG_REP_TRANSL + 1] = x[t * VMG_REP_DIM + position] - (float)vmg_rest_joint[VMG_PELVIS][1];
        x[t * VMG_REP_DIM + VMG_REP_TRANSL_VEL + 1] = x[t * VMG_REP_DIM + velocity];
    }
    for (int t = 0; t < N; t++) {
        A[t][t] += l;
        A[t][N] += l * x[t * VMG_REP_DIM + position];
        if (t + 1 == N)
            break;
        const double v = x[t * VMG_REP_DIM + velocity];
        A[t][t] += 1, A[t + 1][t + 1] += 1, A[t][t + 1] -= 1, A[t + 1][t] -= 1;
        A[t][N] -= v, A[t + 1][N] += v;
    }
    for (int k = 0; k < N; k++)
        for (int r = 0; r < N; r++)
            if (r != k) {
                const double f = A[r][k] / A[k][k];
                for (int c = k; c <= N; c++)
                    A[r][c] -= f * A[k][c];
            }
    CHECK_OK(vmg_rep276_fuse(x, N, std));
    for (int t = 0; t < N; t++)
        CHECK_CLOSE(x[t * VMG_REP_DIM + position], A[t][N] / A[t][t], 1e-5);
}

static const vmg_test_case cases[] = {{"keeps_what_agrees", keeps_what_agrees},
                                      {"removes_noise", removes_noise},
                                      {"rotations_follow_velocities", rotations_follow_velocities},
                                      {"height_outlives_wrong_velocities", height_outlives_wrong_velocities},
                                      {"is_the_least_squares_solution", is_the_least_squares_solution}};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
