/* Rotations and the skeleton: every conversion there and back, at the hard spots too. */
#include "src/motion/rotation.h"

#include <math.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/motion/skeleton.h"
#include "tests/harness.h"

static void random_axis(double a[3])
{
    do
        for (int i = 0; i < 3; i++)
            a[i] = vmg_test_uniform();
    while (vmg_vec_normalise(a) < 0.05);
}

static void random_rotation(double R[9])
{
    double a[3], angle = M_PI * vmg_test_uniform();
    random_axis(a);
    for (int i = 0; i < 3; i++)
        a[i] *= angle;
    vmg_rot_from_axis_angle(a, R);
}

static double distance(const double A[9], const double B[9])
{
    double d = 0;
    for (int i = 0; i < 9; i++)
        d = fmax(d, fabs(A[i] - B[i]));
    return isfinite(d) ? d : INFINITY;
}

/* How far from orthonormal with determinant 1. */
static double defect(const double R[9])
{
    double I[9], c[3], d;
    vmg_rot_tmul(R, R, I);
    d = distance(I, vmg_rot_identity);
    vmg_vec_cross(R, R + 3, c);
    return fmax(d, fabs(vmg_vec_dot(c, R + 6) - 1));
}

static void known_matrices(void)
{
    double R[9], v[3] = {1, 0, 0}, a[3] = {0, 0, M_PI / 2};
    vmg_rot_from_axis_angle(a, R);
    vmg_rot_apply(R, v, v);
    CHECK_CLOSE(v[1], 1, 1e-15);
    double q[4] = {M_SQRT1_2, M_SQRT1_2, 0, 0}, B[9];
    vmg_rot_from_quat(q, R);
    vmg_rot_about_axis(0, M_PI / 2, B);
    CHECK(distance(R, B) < 1e-15);
    float d6[6];
    vmg_rot_to_6d(B, d6);
    const float want[6] = {1, 0, 0, 0, 0, 1};
    for (int i = 0; i < 6; i++)
        CHECK_CLOSE(d6[i], want[i], 1e-7);
}

static void round_trips(void)
{
    double worst = 0, worst6 = 0;
    for (int n = 0; n < 2000; n++) {
        double R[9], B[9], q[4], a[3];
        float d6[6];
        random_rotation(R);
        vmg_rot_to_quat(R, q);
        vmg_rot_from_quat(q, B);
        worst = fmax(worst, distance(R, B));
        vmg_rot_to_axis_angle(R, a);
        vmg_rot_from_axis_angle(a, B);
        worst = fmax(worst, distance(R, B));
        vmg_rot_to_6d(R, d6);
        vmg_rot_from_6d(d6, B);
        worst = fmax(worst, defect(B));
        worst6 = fmax(worst6, distance(R, B));
    }
    CHECK_CLOSE(worst, 0, 1e-13);
    CHECK_CLOSE(worst6, 0, 3e-7);
}

/* Angles from 0 through tiny, ordinary and near pi up to pi itself. */
static void axis_angle_extremes(void)
{
    const double angles[] = {0,   1e-300,      1e-12,       1e-9,         1e-6,
                             0.5, M_PI - 1e-6, M_PI - 1e-9, M_PI - 1e-13, M_PI};
    for (size_t n = 0; n < VMG_COUNT(angles); n++)
        for (int k = 0; k < 50; k++) {
            double a[3], b[3], R[9], B[9], e[3];
            random_axis(a);
            if (k < 3)
                for (int i = 0; i < 3; i++)
                    a[i] = i == k;
            for (int i = 0; i < 3; i++)
                a[i] *= angles[n];
            vmg_rot_from_axis_angle(a, R);
            vmg_rot_to_axis_angle(R, b);
            vmg_rot_from_axis_angle(b, B);
            CHECK(distance(R, B) < 1e-14 && defect(R) < 1e-14);
            CHECK_CLOSE(vmg_vec_norm(b), angles[n], 1e-13);
            for (int i = 0; i < 3; i++)
                e[i] = b[i] - a[i];
            if (angles[n] < M_PI - 1e-10)
                CHECK_CLOSE(vmg_vec_norm(e), 0, 1e-8);
        }
}

static void degenerate_6d(void)
{
    const float bad[][6] = {{0},
                            {1, 2, 0, 0, 0, 0},
                            {0, 1, 0, 0, 0, 0},
                            {1e-30f, 0, 0, 1e-30f, 0, 0},
                            {1e30f, 1e30f, 1e30f, -1e30f, 0, 5},
                            {1, 1, 1, 1, 1, 1.0000001f}};
    for (size_t n = 0; n < VMG_COUNT(bad); n++) {
        double R[9];
        vmg_rot_from_6d(bad[n], R);
        CHECK(defect(R) < 1e-9);
    }
    double R[9], B[9];
    random_rotation(R);
    for (int i = 0; i < 9; i++)
        B[i] = 1.7 * R[i];
    vmg_rot_orthonormalise(B);
    CHECK(distance(R, B) < 1e-14);
}

static const char *const orders[] = {"xyz", "XZY", "yxz", "YZX", "zxy", "ZYX"};

static void euler_orders(void)
{
    for (size_t n = 0; n < VMG_COUNT(orders); n++) {
        int axes[3];
        REQUIRE(vmg_euler_parse_order(orders[n], axes));
        for (int k = 0; k < 300; k++) {
            double R[9], B[9], rad[3],
                e[3] = {3 * vmg_test_uniform(), 1.5 * vmg_test_uniform(), 3 * vmg_test_uniform()};
            vmg_rot_from_euler(axes, e, R);
            vmg_rot_to_euler(R, axes, NULL, rad);
            for (int i = 0; i < 3; i++)
                CHECK_CLOSE(rad[i], e[i], 1e-12);
            /* Gimbal lock and its neighbourhood: angles are not unique, the rotation is. */
            e[1] = (k % 2 ? 1 : -1) * (M_PI / 2 - (k % 3 ? k % 5 * 1e-10 : k * 1e-6));
            vmg_rot_from_euler(axes, e, R);
            vmg_rot_to_euler(R, axes, NULL, rad);
            vmg_rot_from_euler(axes, rad, B);
            CHECK(distance(R, B) < 2e-9);
        }
    }
    int axes[3];
    CHECK(!vmg_euler_parse_order("xxz", axes));
    CHECK(!vmg_euler_parse_order("xy", axes));
    CHECK(!vmg_euler_parse_order("xyzx", axes));
    CHECK(!vmg_euler_parse_order("xyw", axes));
}

/* Three whole turns about each axis, and a path through gimbal lock: no angle may jump. */
static void euler_continuous(void)
{
    for (size_t n = 0; n < VMG_COUNT(orders); n++)
        for (int axis = 0; axis < 3; axis++) {
            int axes[3];
            double prev[3] = {0}, rad[3], R[9], B[9], tilt[9], jump = 0, error = 0;
            vmg_euler_parse_order(orders[n], axes);
            const double a[3] = {0.02, 0.03, 0.01};
            vmg_rot_from_axis_angle(a, tilt);
            for (int k = 0; k <= 600; k++) {
                vmg_rot_about_axis(axis, k * 6 * M_PI / 600, R);
                if (axis != axes[1])
                    vmg_rot_mul(R, tilt, R); /* the middle axis goes through gimbal lock exactly */
                vmg_rot_to_euler(R, axes, prev, rad);
                for (int i = 0; i < 3; i++)
                    jump = fmax(jump, fabs(rad[i] - prev[i]));
                vmg_rot_from_euler(axes, rad, B);
                error = fmax(error, distance(R, B));
                memcpy(prev, rad, sizeof rad);
            }
            CHECK_CLOSE(error, 0, 1e-9);
            CHECK_CLOSE(jump, 0, 0.1);
        }
}

static void slerp_is_uniform(void)
{
    for (int k = 0; k < 100; k++) {
        double A[9], B[9], C[9];
        random_rotation(A);
        random_rotation(B);
        double whole = vmg_rot_angle(A, B);
        vmg_rot_slerp(A, B, 0.3, C);
        CHECK_CLOSE(vmg_rot_angle(A, C), 0.3 * whole, 1e-9);
        CHECK_CLOSE(vmg_rot_angle(C, B), 0.7 * whole, 1e-9);
        vmg_rot_slerp(A, B, 1, C);
        CHECK(distance(B, C) < 1e-12);
    }
}

static void between_directions(void)
{
    for (int k = 0; k < 200; k++) {
        double u[3], v[3], R[9], w[3];
        random_axis(u);
        random_axis(v);
        if (k % 4 == 1)
            for (int i = 0; i < 3; i++)
                v[i] = -u[i]; /* opposite */
        if (k % 4 == 2)
            memcpy(v, u, sizeof v);
        if (k % 4 == 3)
            for (int i = 0; i < 3; i++)
                v[i] = -u[i] + 1e-8 * v[i];
        vmg_rot_between(u, v, R);
        CHECK(defect(R) < 1e-12);
        vmg_vec_normalise(v);
        vmg_rot_apply(R, u, w);
        for (int i = 0; i < 3; i++)
            CHECK_CLOSE(w[i], v[i], 1e-7);
    }
    double zero[3] = {0}, x[3] = {1, 0, 0}, R[9];
    vmg_rot_between(zero, x, R);
    CHECK(distance(R, vmg_rot_identity) == 0);
}

/* Noisy vectors: the best rotation is no worse than any nearby one; a rotation is its own
 * nearest. */
static void nearest_rotation(void)
{
    for (int k = 0; k < 100; k++) {
        double M[9], R[9], S[9], D[9], best = 0;
        random_rotation(M);
        vmg_rot_nearest(M, R);
        CHECK(distance(M, R) < 1e-12);
        for (int i = 0; i < 9; i++)
            M[i] = M[i] + 0.5 * vmg_test_uniform();
        vmg_rot_nearest(M, R);
        CHECK(defect(R) < 1e-12);
        for (int i = 0; i < 9; i++)
            best += R[i] * M[i];
        for (int n = 0; n < 20; n++) {
            double a[3] = {0.2 * vmg_test_uniform(), 0.2 * vmg_test_uniform(),
                           0.2 * vmg_test_uniform()};
            double other = 0;
            vmg_rot_from_axis_angle(a, D);
            vmg_rot_mul(D, R, S);
            for (int i = 0; i < 9; i++)
                other += S[i] * M[i];
            CHECK(other <= best + 1e-12);
        }
    }
    double reflection[9] = {1, 0, 0, 0, 1, 0, 0, 0, -1}, zero[9] = {0}, R[9];
    vmg_rot_nearest(reflection, R);
    CHECK(defect(R) < 1e-12);
    vmg_rot_nearest(zero, R);
    CHECK(defect(R) < 1e-12);
}

static void skeleton_tree(void)
{
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        CHECK(vmg_joint_parent[j] < j);
        int m = vmg_joint_mirror[j];
        CHECK_INT(vmg_joint_mirror[m], j);
        CHECK_INT(vmg_joint_find(vmg_joint_name[j]), j);
        CHECK_INT(strncmp(vmg_joint_name[j], "left_", 5) == 0,
                  strncmp(vmg_joint_name[m], "right_", 6) == 0);
        if (j)
            CHECK_INT(vmg_joint_parent[m], vmg_joint_mirror[vmg_joint_parent[j]]);
        /* +x is the body's left: mirrored joints lie on opposite sides, within 3 cm of each
         * other. */
        CHECK_CLOSE(vmg_rest_joint[j][0], -vmg_rest_joint[m][0], 0.03);
        CHECK_CLOSE(vmg_rest_joint[j][1], vmg_rest_joint[m][1], 0.04);
        if (m != j)
            CHECK((strncmp(vmg_joint_name[j], "left_", 5) == 0) == (vmg_rest_joint[j][0] > 0));
    }
    CHECK_INT(vmg_joint_find("tail"), -1);
    double offset[VMG_N_JOINTS][3];
    vmg_rest_offsets(offset);
    CHECK_CLOSE(vmg_skeleton_leg_length(offset), 0.78, 0.03);
}

static void offsets_recovered(void)
{
    enum { T = 7 };
    static double local[T][VMG_N_JOINTS * 9], joints[T][VMG_N_JOINTS * 3];
    double offset[VMG_N_JOINTS][3], got[VMG_N_JOINTS][3], worst = 0;
    vmg_rest_offsets(offset);
    for (int t = 0; t < T; t++) {
        double pelvis[3] = {t, 2 * t, vmg_test_uniform()};
        for (int j = 0; j < VMG_N_JOINTS; j++)
            random_rotation(local[t] + 9 * j);
        vmg_skeleton_fk(local[t], pelvis, (const double(*)[3])offset, joints[t], NULL);
    }
    vmg_skeleton_recover(local[0], joints[0], T, got);
    for (int j = 0; j < VMG_N_JOINTS; j++)
        for (int c = 0; c < 3; c++)
            worst = fmax(worst, fabs(got[j][c] - offset[j][c]));
    CHECK_CLOSE(worst, 0, 1e-12);
}

static const vmg_test_case cases[] = {
    {"known_matrices", known_matrices},
    {"round_trips", round_trips},
    {"axis_angle_extremes", axis_angle_extremes},
    {"degenerate_6d", degenerate_6d},
    {"euler_orders", euler_orders},
    {"euler_continuous", euler_continuous},
    {"slerp_is_uniform", slerp_is_uniform},
    {"between_directions", between_directions},
    {"nearest_rotation", nearest_rotation},
    {"skeleton_tree", skeleton_tree},
    {"offsets_recovered", offsets_recovered},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
