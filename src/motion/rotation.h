/* Rotations in 3D: 6D, matrix, quaternion, axis-angle and Euler angles, robust at pi and gimbal
 * lock. */
#ifndef VMG_SRC_MOTION_ROTATION_H
#define VMG_SRC_MOTION_ROTATION_H

#include <stdbool.h>

/*
 * Conventions: matrices are double[9], row-major, and act on column vectors (v' = R v); quaternions
 * are (w,x,y,z) of unit length; axis-angle is axis times angle in radians. Everything is computed
 * in double: features are float, but chains of 22 joints and angles near pi are not float's
 * friends. Outputs may be the same array as inputs.
 */

extern const double vmg_rot_identity[9];

/* out = A B, A^T B, A B^T, A^T. */
void vmg_rot_mul(const double A[9], const double B[9], double out[9]);
void vmg_rot_tmul(const double A[9], const double B[9], double out[9]);
void vmg_rot_mult(const double A[9], const double B[9], double out[9]);
void vmg_rot_transpose(const double A[9], double out[9]);

/* out = R v, R^T v. */
void vmg_rot_apply(const double R[9], const double v[3], double out[3]);
void vmg_rot_tapply(const double R[9], const double v[3], double out[3]);

/* Angle of A^T B in [0, pi]; exact for small angles and near pi. */
double vmg_rot_angle(const double A[9], const double B[9]);

/*
 * 6D: the first two columns, row by row (r00 r01 r10 r11 r20 r21). Decoding is Gram-Schmidt, so any
 * six finite numbers give a rotation; zero or parallel columns get a perpendicular one instead of
 * NaN. Zhou et al. 2019, "On the Continuity of Rotation Representations", with this project's
 * layout.
 */
void vmg_rot_from_6d(const float d6[6], double R[9]);
void vmg_rot_to_6d(const double R[9], float d6[6]);

/* Nearest right-handed orthonormal frame in the Gram-Schmidt sense (first column kept). */
void vmg_rot_orthonormalise(double R[9]);

/* The rotation closest to any matrix M: it maximises tr(R^T M). With M = sum of w b a^T it is the
 * best rotation of vectors a onto b (Horn 1987); with M a sum of rotations it is their mean. */
void vmg_rot_nearest(const double M[9], double R[9]);

void vmg_rot_from_quat(const double q[4],
                       double R[9]); /* q need not be normalised; zero = identity */
void vmg_rot_to_quat(const double R[9], double q[4]); /* w >= 0 */

void vmg_rot_from_axis_angle(const double a[3], double R[9]);
void vmg_rot_to_axis_angle(const double R[9], double a[3]); /* length in [0, pi] */

/* Rotation by `angle_rad` about coordinate axis 0, 1 or 2. */
void vmg_rot_about_axis(int axis, double angle_rad, double R[9]);

/*
 * Euler angles of an order of three distinct axes, in the sense of BVH channels: order (Z,Y,X)
 * means R = Rz(a0) Ry(a1) Rx(a2). parse reads "zyx" (any case); false if it is not a permutation of
 * xyz.
 */
bool vmg_euler_parse_order(const char *text, int axes[3]);
void vmg_rot_from_euler(const int axes[3], const double rad[3], double R[9]);

/*
 * With `near` NULL the middle angle is in [-pi/2, pi/2] and the others in (-pi, pi]. With `near`
 * (angles of the previous frame) the equivalent triple closest to it is returned, unwrapped beyond
 * +-pi, so that programs which interpolate angles see no jump; at gimbal lock the first angle is
 * kept.
 */
void vmg_rot_to_euler(const double R[9], const int axes[3], const double near[3], double rad[3]);

/* Spherical interpolation on the shorter arc: A at t = 0, B at t = 1. */
void vmg_rot_slerp(const double A[9], const double B[9], double t, double out[9]);

/* Smallest rotation that takes direction u onto direction v (lengths ignored; identity if one is 0;
 * half a turn about any perpendicular axis if opposite). */
void vmg_rot_between(const double u[3], const double v[3], double R[9]);

/* Reflection of a rotation in the plane x = 0: diag(-1,1,1) R diag(-1,1,1). */
void vmg_rot_mirror_x(const double R[9], double out[9]);

/* ---- vectors ---- */
double vmg_vec_dot(const double a[3], const double b[3]);
double vmg_vec_norm(const double a[3]);
void vmg_vec_cross(const double a[3], const double b[3], double out[3]);
/* Divide by the length; returns the length (vector unchanged below 1e-12). */
double vmg_vec_normalise(double a[3]);

#endif
