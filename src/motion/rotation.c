/* Rotations in 3D: 6D, matrix, quaternion, axis-angle and Euler angles. */
#include "src/motion/rotation.h"

#include <math.h>
#include <string.h>

const double vmg_rot_identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};

/* ---- vectors ---- */

double vmg_vec_dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

double vmg_vec_norm(const double a[3])
{
    return sqrt(vmg_vec_dot(a, a));
}

void vmg_vec_cross(const double a[3], const double b[3], double out[3])
{
    double x = a[1] * b[2] - a[2] * b[1], y = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
    out[0] = x;
    out[1] = y;
}

double vmg_vec_normalise(double a[3])
{
    double n = vmg_vec_norm(a);
    if (n > 1e-12)
        for (int i = 0; i < 3; i++)
            a[i] /= n;
    return n;
}

/* Unit vector perpendicular to unit u: the coordinate axis least aligned with it, made
 * orthogonal. */
static void perpendicular(const double u[3], double out[3])
{
    int least = fabs(u[0]) < fabs(u[1]) ? 0 : 1;
    least = fabs(u[2]) < fabs(u[least]) ? 2 : least;
    double e[3] = {0};
    e[least] = 1;
    vmg_vec_cross(u, e, out);
    vmg_vec_normalise(out);
}

/* ---- matrices ---- */

void vmg_rot_mul(const double A[9], const double B[9], double out[9])
{
    double C[9];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            C[3 * i + j] = A[3 * i] * B[j] + A[3 * i + 1] * B[3 + j] + A[3 * i + 2] * B[6 + j];
    memcpy(out, C, sizeof C);
}

void vmg_rot_tmul(const double A[9], const double B[9], double out[9])
{
    double At[9];
    vmg_rot_transpose(A, At);
    vmg_rot_mul(At, B, out);
}

void vmg_rot_mult(const double A[9], const double B[9], double out[9])
{
    double Bt[9];
    vmg_rot_transpose(B, Bt);
    vmg_rot_mul(A, Bt, out);
}

void vmg_rot_transpose(const double A[9], double out[9])
{
    double C[9] = {A[0], A[3], A[6], A[1], A[4], A[7], A[2], A[5], A[8]};
    memcpy(out, C, sizeof C);
}

void vmg_rot_apply(const double R[9], const double v[3], double out[3])
{
    double w[3];
    for (int i = 0; i < 3; i++)
        w[i] = R[3 * i] * v[0] + R[3 * i + 1] * v[1] + R[3 * i + 2] * v[2];
    memcpy(out, w, sizeof w);
}

void vmg_rot_tapply(const double R[9], const double v[3], double out[3])
{
    double w[3];
    for (int i = 0; i < 3; i++)
        w[i] = R[i] * v[0] + R[3 + i] * v[1] + R[6 + i] * v[2];
    memcpy(out, w, sizeof w);
}

double vmg_rot_angle(const double A[9], const double B[9])
{
    double D[9], a[3];
    vmg_rot_tmul(A, B, D);
    vmg_rot_to_axis_angle(D, a);
    return vmg_vec_norm(a);
}

/* ---- 6D ---- */

/* Columns a, b -> R. The published decoder gives NaN or zero columns where this gives a rotation */
static void from_columns(double a[3], double b[3], double R[9])
{
    double c[3], scale = vmg_vec_norm(b);
    if (!(vmg_vec_normalise(a) > 1e-12))
        memcpy(a, vmg_rot_identity, 3 * sizeof *a);
    /* Twice: nearly parallel columns lose half their digits in one projection. */
    for (int pass = 0; pass < 2; pass++) {
        double d = vmg_vec_dot(a, b);
        for (int i = 0; i < 3; i++)
            b[i] -= d * a[i];
        if (pass == 0 && !(vmg_vec_normalise(b) > 1e-9 * scale && scale > 1e-12))
            perpendicular(a, b);
    }
    vmg_vec_normalise(b);
    vmg_vec_cross(a, b, c);
    for (int i = 0; i < 3; i++) {
        R[3 * i] = a[i];
        R[3 * i + 1] = b[i];
        R[3 * i + 2] = c[i];
    }
}

void vmg_rot_from_6d(const float d6[6], double R[9])
{
    double a[3] = {d6[0], d6[2], d6[4]}, b[3] = {d6[1], d6[3], d6[5]};
    from_columns(a, b, R);
}

void vmg_rot_to_6d(const double R[9], float d6[6])
{
    for (int i = 0; i < 3; i++) {
        d6[2 * i] = (float)R[3 * i];
        d6[2 * i + 1] = (float)R[3 * i + 1];
    }
}

void vmg_rot_orthonormalise(double R[9])
{
    double a[3] = {R[0], R[3], R[6]}, b[3] = {R[1], R[4], R[7]};
    from_columns(a, b, R);
}

/* ---- quaternions and axis-angle ---- */

void vmg_rot_from_quat(const double q[4], double R[9])
{
    double n = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3];
    if (!(n > 1e-24)) {
        memcpy(R, vmg_rot_identity, sizeof vmg_rot_identity);
        return;
    }
    double s = 2 / n, w = q[0], x = q[1], y = q[2], z = q[3];
    double C[9] = {1 - s * (y * y + z * z), s * (x * y - w * z),     s * (x * z + w * y),
                   s * (x * y + w * z),     1 - s * (x * x + z * z), s * (y * z - w * x),
                   s * (x * z - w * y),     s * (y * z + w * x),     1 - s * (x * x + y * y)};
    memcpy(R, C, sizeof C);
}

/* Shepperd's method: divides by the largest component, so nothing cancels at half a turn. */
void vmg_rot_to_quat(const double R[9], double q[4])
{
    double trace = R[0] + R[4] + R[8];
    int big = 0;
    double best = trace;
    for (int i = 0; i < 3; i++)
        if (R[4 * i] > best) {
            best = R[4 * i];
            big = i + 1;
        }
    double p[4];
    if (big == 0) {
        p[0] = 1 + trace;
        p[1] = R[7] - R[5];
        p[2] = R[2] - R[6];
        p[3] = R[3] - R[1];
    } else {
        int i = big - 1, j = (i + 1) % 3, k = (i + 2) % 3;
        p[1 + i] = 1 + R[4 * i] - R[4 * j] - R[4 * k];
        p[1 + j] = R[3 * i + j] + R[3 * j + i];
        p[1 + k] = R[3 * i + k] + R[3 * k + i];
        p[0] = R[3 * k + j] - R[3 * j + k];
    }
    double n = sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2] + p[3] * p[3]);
    n = p[0] < 0 ? -n : n;
    for (int i = 0; i < 4; i++)
        q[i] = p[i] / n;
}

/* One Jacobi rotation that zeroes A[p][q] of a symmetric 4x4 matrix, accumulated in V's columns. */
static void jacobi_step(double A[4][4], double V[4][4], int p, int q)
{
    if (fabs(A[p][q]) < 1e-300)
        return;
    double theta = (A[q][q] - A[p][p]) / (2 * A[p][q]);
    double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < 4; k++) {
        double a = A[k][p], b = A[k][q], v = V[k][p], w = V[k][q];
        A[k][p] = c * a - s * b;
        A[k][q] = s * a + c * b;
        V[k][p] = c * v - s * w;
        V[k][q] = s * v + c * w;
    }
    for (int k = 0; k < 4; k++) {
        double a = A[p][k], b = A[q][k];
        A[p][k] = c * a - s * b;
        A[q][k] = s * a + c * b;
    }
}

/* tr(R(q)^T M) is a quadratic form in the quaternion q: its largest eigenvector is the answer. */
void vmg_rot_nearest(const double M[9], double R[9])
{
    double wx = M[7] - M[5], wy = M[2] - M[6], wz = M[3] - M[1];
    double xy = M[1] + M[3], xz = M[2] + M[6], yz = M[5] + M[7];
    double A[4][4] = {{M[0] + M[4] + M[8], wx, wy, wz},
                      {wx, M[0] - M[4] - M[8], xy, xz},
                      {wy, xy, M[4] - M[0] - M[8], yz},
                      {wz, xz, yz, M[8] - M[0] - M[4]}};
    double V[4][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}, q[4];
    for (int sweep = 0; sweep < 12; sweep++) /* converges quadratically: 5 or 6 suffice */
        for (int i = 0; i < 3; i++)
            for (int j = i + 1; j < 4; j++)
                jacobi_step(A, V, i, j);
    int best = 0;
    for (int i = 1; i < 4; i++)
        best = A[i][i] > A[best][best] ? i : best;
    for (int i = 0; i < 4; i++)
        q[i] = V[i][best];
    vmg_rot_from_quat(q, R);
}

void vmg_rot_from_axis_angle(const double a[3], double R[9])
{
    double angle = vmg_vec_norm(a);
    /* sin(angle/2)/angle, by its series where the quotient would be 0/0. */
    double k = angle < 1e-8 ? 0.5 - angle * angle / 48 : sin(angle / 2) / angle;
    double q[4] = {cos(angle / 2), k * a[0], k * a[1], k * a[2]};
    vmg_rot_from_quat(q, R);
}

void vmg_rot_to_axis_angle(const double R[9], double a[3])
{
    double q[4];
    vmg_rot_to_quat(R, q);
    double s = vmg_vec_norm(q + 1);
    double k = s < 1e-12 ? 2 : 2 * atan2(s, q[0]) / s;
    for (int i = 0; i < 3; i++)
        a[i] = k * q[1 + i];
}

void vmg_rot_about_axis(int axis, double angle_rad, double R[9])
{
    int j = (axis + 1) % 3, k = (axis + 2) % 3;
    double c = cos(angle_rad), s = sin(angle_rad);
    memset(R, 0, 9 * sizeof *R);
    R[4 * axis] = 1;
    R[4 * j] = R[4 * k] = c;
    R[3 * j + k] = -s;
    R[3 * k + j] = s;
}

/* ---- Euler angles ---- */

bool vmg_euler_parse_order(const char *text, int axes[3])
{
    int seen = 0;
    for (int i = 0; i < 3; i++) {
        const char *const letters = "xyzXYZ";
        const char *p = text[i] ? strchr(letters, text[i]) : NULL;
        if (!p)
            return false;
        axes[i] = (int)(p - letters) % 3;
        seen |= 1 << axes[i];
    }
    return seen == 7 && !text[3];
}

void vmg_rot_from_euler(const int axes[3], const double rad[3], double R[9])
{
    double B[9];
    vmg_rot_about_axis(axes[0], rad[0], R);
    for (int i = 1; i < 3; i++) {
        vmg_rot_about_axis(axes[i], rad[i], B);
        vmg_rot_mul(R, B, R);
    }
}

/* x plus whole turns, closest to `near`. */
static double unwrap(double x, double near)
{
    return x + 2 * M_PI * nearbyint((near - x) / (2 * M_PI));
}

void vmg_rot_to_euler(const double R[9], const int axes[3], const double near[3], double rad[3])
{
    int i = axes[0], j = axes[1], k = axes[2];
    double s = (i + 1) % 3 == j ? 1 : -1, M[9];
    double cos_b = hypot(R[3 * i + i], R[3 * i + j]);
    double a = near ? near[0] : 0;
    double b = atan2(s * R[3 * i + k], cos_b);
    if (cos_b > 1e-9)
        a = atan2(-s * R[3 * j + k], R[3 * k + k]);
    /* The last angle from what the first leaves over: right at gimbal lock too, where only a+-c
     * counts. */
    vmg_rot_about_axis(i, -a, M);
    vmg_rot_mul(M, R, M);
    double c = atan2(s * M[3 * j + i], M[3 * j + j]);
    if (!near) {
        rad[0] = a;
        rad[1] = b;
        rad[2] = c;
        return;
    }
    double one[3] = {a, b, c}, two[3] = {a + M_PI, M_PI - b, c + M_PI}, d1 = 0, d2 = 0;
    for (int n = 0; n < 3; n++) {
        one[n] = unwrap(one[n], near[n]);
        two[n] = unwrap(two[n], near[n]);
        d1 += fabs(one[n] - near[n]);
        d2 += fabs(two[n] - near[n]);
    }
    memcpy(rad, d2 < d1 ? two : one, sizeof one);
}

/* ---- interpolation, alignment ---- */

void vmg_rot_slerp(const double A[9], const double B[9], double t, double out[9])
{
    double D[9], a[3];
    vmg_rot_tmul(A, B, D);
    vmg_rot_to_axis_angle(D, a);
    for (int i = 0; i < 3; i++)
        a[i] *= t;
    vmg_rot_from_axis_angle(a, D);
    vmg_rot_mul(A, D, out);
}

void vmg_rot_between(const double u[3], const double v[3], double R[9])
{
    double a[3] = {u[0], u[1], u[2]}, b[3] = {v[0], v[1], v[2]}, axis[3];
    memcpy(R, vmg_rot_identity, sizeof vmg_rot_identity);
    if (!(vmg_vec_normalise(a) > 1e-12) || !(vmg_vec_normalise(b) > 1e-12))
        return;
    vmg_vec_cross(a, b, axis);
    double s = vmg_vec_norm(axis), angle = atan2(s, vmg_vec_dot(a, b));
    if (s < 1e-9) {
        if (angle < 1)
            return;
        perpendicular(a, axis);
        s = 1;
    }
    for (int i = 0; i < 3; i++)
        axis[i] *= angle / s;
    vmg_rot_from_axis_angle(axis, R);
}

void vmg_rot_mirror_x(const double R[9], double out[9])
{
    double C[9] = {R[0], -R[1], -R[2], -R[3], R[4], R[5], -R[6], R[7], R[8]};
    memcpy(out, C, sizeof C);
}
