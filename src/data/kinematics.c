/* Signals and measurements of motion. */
#include "src/data/kinematics.h"

#include <math.h>
#include <stdlib.h>

#include "src/motion/rep276.h"
#include "src/motion/rotation.h"
#include "src/motion/skeleton.h"

static const double deg = 57.29577951308232;
/* A foot is off the floor when toe and ankle are higher than this. */
static const double toe_off_m = 0.06, ankle_off_m = 0.125;

double vmg_stand_height_m(void)
{
    double low = 0;
    for (int j = 0; j < VMG_N_JOINTS; j++)
        low = VMG_MIN(low, vmg_rest_joint[j][1]);
    return vmg_rest_joint[VMG_PELVIS][1] - low;
}

int vmg_smooth_line(double *y, int64_t n, double sigma)
{
    int64_t half = (int64_t)ceil(3 * sigma);
    double *copy = vmg_calloc((size_t)n, sizeof *copy);
    if (!copy)
        return VMG_E_NOMEM;
    for (int64_t i = 0; i < n; i++)
        copy[i] = y[i];
    for (int64_t i = 0; i < n && sigma > 0; i++) {
        double sum = 0, weights = 0;
        for (int64_t k = -half; k <= half; k++) {
            double w = exp(-0.5 * (double)(k * k) / (sigma * sigma));
            sum += w * copy[VMG_MIN(VMG_MAX(i + k, 0), n - 1)];
            weights += w;
        }
        y[i] = sum / weights;
    }
    free(copy);
    return VMG_OK;
}

static void joint(const float *row, int j, double out[3])
{
    for (int c = 0; c < 3; c++)
        out[c] = row[VMG_REP_POS + 3 * j + c];
}

/* Horizontal direction that the body faces, from left to right across hips and shoulders (which are
 * three times as wide: hips count threefold, so that twisting the trunk is half a turn); keeps the
 * previous one where that is too short (a body on its side). */
static void facing(const float *row, double f[2])
{
    static const int pair[][2] = {{VMG_L_HIP, VMG_R_HIP}, {VMG_L_SHOULDER, VMG_R_SHOULDER}};
    static const double weight[] = {3, 1};
    double across[2] = {0, 0}, l[3], r[3];
    for (int i = 0; i < 2; i++) {
        joint(row, pair[i][0], l);
        joint(row, pair[i][1], r);
        for (int c = 0; c < 2; c++)
            across[c] += weight[i] * (r[c] - l[c]);
    }
    double length = hypot(across[0], across[1]);
    if (length > 0.25) {
        f[0] = -across[1] / length;
        f[1] = across[0] / length;
    }
}

/* Signals that one frame gives by itself; facing in f. */
static void pose_signals(const vmg_track *k, int64_t t, const float *row, const double f[2])
{
    static const int limb[2][6] = {
        {VMG_L_FOOT, VMG_L_ANKLE, VMG_L_KNEE, VMG_L_SHOULDER, VMG_L_WRIST, 1},
        {VMG_R_FOOT, VMG_R_ANKLE, VMG_R_KNEE, VMG_R_SHOULDER, VMG_R_WRIST, -1}};
    double pelvis[3], head[3], neck[3], p[3], q[3], seat = 0;
    joint(row, VMG_PELVIS, pelvis);
    joint(row, VMG_HEAD, head);
    joint(row, VMG_NECK, neck);
    k->signal[VMG_SIG_PELVIS_Z][t] = pelvis[2];
    k->signal[VMG_SIG_HEAD_Z][t] = head[2];
    double ahead = (neck[0] - pelvis[0]) * f[0] + (neck[1] - pelvis[1]) * f[1];
    k->signal[VMG_SIG_TILT][t] = atan2(ahead, neck[2] - pelvis[2]);
    for (int s = 0; s < 2; s++) {
        joint(row, limb[s][0], p);
        k->signal[VMG_SIG_TOE_Z + s][t] = p[2];
        joint(row, limb[s][2], p);
        k->signal[VMG_SIG_KNEE_Z + s][t] = p[2];
        joint(row, limb[s][1], p);
        double dx = p[0] - pelvis[0], dy = p[1] - pelvis[1];
        k->signal[VMG_SIG_ANKLE_Z + s][t] = p[2];
        k->signal[VMG_SIG_FOOT_AHEAD + s][t] = dx * f[0] + dy * f[1];
        k->signal[VMG_SIG_FOOT_OUT + s][t] = limb[s][5] * (-dx * f[1] + dy * f[0]);
        seat += 0.5 * (dx * f[0] + dy * f[1]);
        joint(row, limb[s][3], q);
        joint(row, limb[s][4], p);
        k->signal[VMG_SIG_WRIST_Z + s][t] = p[2];
        k->signal[VMG_SIG_WRIST_UP + s][t] = p[2] - q[2];
        dx = p[0] - q[0];
        dy = p[1] - q[1];
        k->signal[VMG_SIG_WRIST_AHEAD + s][t] = dx * f[0] + dy * f[1];
        k->signal[VMG_SIG_WRIST_OUT + s][t] = limb[s][5] * (-dx * f[1] + dy * f[0]);
    }
    k->signal[VMG_SIG_SEAT][t] = seat;
}

/* Central difference of coordinate c of joint j, per second. */
static double velocity(const float *x, int64_t T, int64_t t, int j, int c, double fps)
{
    int64_t a = VMG_MAX(t - 1, 0), b = VMG_MIN(t + 1, T - 1);
    int i = VMG_REP_POS + 3 * j + c;
    return b > a ? (x[b * VMG_REP_DIM + i] - x[a * VMG_REP_DIM + i]) * fps / (double)(b - a) : 0;
}

static void motion_signals(const vmg_track *k, int64_t t, const float *x, const double f[2])
{
    static const int toe[2] = {VMG_L_FOOT, VMG_R_FOOT};
    double vx = velocity(x, k->T, t, VMG_PELVIS, 0, k->fps),
           vy = velocity(x, k->T, t, VMG_PELVIS, 1, k->fps), busy = 0;
    k->signal[VMG_SIG_AHEAD][t] = vx * f[0] + vy * f[1];
    k->signal[VMG_SIG_LEFT][t] = -vx * f[1] + vy * f[0];
    k->signal[VMG_SIG_SPEED][t] = vx;
    k->signal[VMG_SIG_RISING][t] = velocity(x, k->T, t, VMG_PELVIS, 2, k->fps);
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        double v[3];
        for (int c = 0; c < 3; c++)
            v[c] = velocity(x, k->T, t, j, c, k->fps);
        busy += vmg_vec_norm(v) / VMG_N_JOINTS;
        for (int s = 0; s < 2; s++)
            if (j == toe[s])
                k->signal[VMG_SIG_FOOT_SPEED + s][t] = vmg_vec_norm(v);
    }
    k->signal[VMG_SIG_BUSY][t] = busy;
}

/* The plane's velocity is smoothed as a vector before its length is taken: sway is no speed. */
static int smooth_all(const vmg_track *k, double *vy)
{
    static const struct {
        int signal;
        double sigma_s;
    } how[] = {{VMG_SIG_YAW, 0.2},   {VMG_SIG_AHEAD, 0.25}, {VMG_SIG_LEFT, 0.25},
               {VMG_SIG_SPEED, 0.25}, {VMG_SIG_BUSY, 0.1}};
    int rc = vmg_smooth_line(vy, k->T, 0.25 * k->fps);
    for (size_t i = 0; !rc && i < VMG_COUNT(how); i++)
        rc = vmg_smooth_line(k->signal[how[i].signal], k->T, how[i].sigma_s * k->fps);
    for (int64_t t = 0; !rc && t < k->T; t++)
        k->signal[VMG_SIG_SPEED][t] = hypot(k->signal[VMG_SIG_SPEED][t], vy[t]);
    return rc;
}

int vmg_track_make(const float *x, int64_t T, double fps, vmg_track *out)
{
    *out = (vmg_track){T, fps, {0}};
    double *block = vmg_calloc((size_t)T, VMG_SIG_COUNT * sizeof *block), f[2] = {0, 1};
    double *vy = vmg_calloc((size_t)T, sizeof *vy), turned = 0;
    int rc = block && vy ? VMG_OK : VMG_E_NOMEM;
    if (rc) {
        free(block);
        free(vy);
        return rc;
    }
    for (int i = 0; i < VMG_SIG_COUNT; i++)
        out->signal[i] = block + i * T;
    for (int64_t t = 0; t < T; t++) {
        facing(x + t * VMG_REP_DIM, f);
        double yaw = atan2(f[1], f[0]);
        turned = t ? turned + remainder(yaw - turned, 8 * atan(1.0)) : yaw;
        out->signal[VMG_SIG_YAW][t] = turned;
        pose_signals(out, t, x + t * VMG_REP_DIM, f);
        motion_signals(out, t, x, f);
        vy[t] = velocity(x, T, t, VMG_PELVIS, 1, fps);
    }
    rc = smooth_all(out, vy);
    free(vy);
    if (rc)
        vmg_track_free(out);
    return rc;
}

void vmg_track_free(vmg_track *t)
{
    if (!t)
        return;
    free(t->signal[0]);
    *t = (vmg_track){0};
}

static bool foot_off(const vmg_track *t, int64_t i, int s)
{
    return t->signal[VMG_SIG_TOE_Z + s][i] > toe_off_m &&
           t->signal[VMG_SIG_ANKLE_Z + s][i] > ankle_off_m;
}

bool vmg_in_flight(const vmg_track *t, int64_t frame)
{
    return foot_off(t, frame, 0) && foot_off(t, frame, 1);
}

static double mean(const double *y, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += y[i];
    return n > 0 ? sum / (double)n : 0;
}

static double lowest(const double *y, int64_t n)
{
    double v = y[0];
    for (int64_t i = 1; i < n; i++)
        v = VMG_MIN(v, y[i]);
    return v;
}

static double highest(const double *y, int64_t n)
{
    double v = y[0];
    for (int64_t i = 1; i < n; i++)
        v = VMG_MAX(v, y[i]);
    return v;
}

/* Touch-downs: a foot comes low after it was high. */
static int64_t count_steps(const vmg_track *t, int64_t first, int64_t n)
{
    int64_t steps = 0;
    for (int s = 0; s < 2; s++) {
        bool up = false;
        for (int64_t i = first; i < first + n; i++) {
            bool off = foot_off(t, i, s);
            steps += up && !off;
            up = off;
        }
    }
    return steps;
}

/* Frames in the plane, from velocities: the pelvis' way. */
static void measure_way(const vmg_track *t, int64_t first, int64_t n, vmg_kinematics *k)
{
    double x = 0, y = 0;
    for (int64_t i = first; i + 1 < first + n; i++) {
        double a = t->signal[VMG_SIG_AHEAD][i] / t->fps, l = t->signal[VMG_SIG_LEFT][i] / t->fps,
               yaw = t->signal[VMG_SIG_YAW][i];
        k->ahead_m += a;
        k->left_m += l;
        k->path_m += t->signal[VMG_SIG_SPEED][i] / t->fps;
        x += a * cos(yaw) - l * sin(yaw);
        y += a * sin(yaw) + l * cos(yaw);
    }
    k->displacement_m = hypot(x, y);
}

void vmg_kinematics_measure(const vmg_track *t, int64_t first, int64_t n, vmg_kinematics *k)
{
    *k = (vmg_kinematics){.duration_s = (double)n / t->fps};
    const double *speed = t->signal[VMG_SIG_SPEED] + first, *z = t->signal[VMG_SIG_PELVIS_Z] + first;
    int64_t third = VMG_MAX(n / 3, 1), run[3] = {0};
    measure_way(t, first, n, k);
    k->speed_mps = mean(speed, n);
    k->speed_start_mps = mean(speed, third);
    k->speed_end_mps = mean(speed + n - third, third);
    k->speed_max_mps = highest(speed, n);
    k->turn_deg =
        deg * (t->signal[VMG_SIG_YAW][first + n - 1] - t->signal[VMG_SIG_YAW][first]);
    k->pelvis_start_m = z[0];
    k->pelvis_end_m = z[n - 1];
    k->pelvis_min_m = lowest(z, n);
    k->pelvis_max_m = highest(z, n);
    k->tilt_max_deg = deg * highest(t->signal[VMG_SIG_TILT] + first, n);
    k->tilt_min_deg = deg * lowest(t->signal[VMG_SIG_TILT] + first, n);
    k->busy_mps = mean(t->signal[VMG_SIG_BUSY] + first, n);
    k->head_over_pelvis_min_m = t->signal[VMG_SIG_HEAD_Z][first] - z[0];
    for (int64_t i = 0; i < n; i++) {
        bool off[2] = {foot_off(t, first + i, 0), foot_off(t, first + i, 1)};
        k->head_over_pelvis_min_m =
            VMG_MIN(k->head_over_pelvis_min_m, t->signal[VMG_SIG_HEAD_Z][first + i] - z[i]);
        run[2] = off[0] && off[1] ? run[2] + 1 : 0;
        k->flight_s = VMG_MAX(k->flight_s, (double)run[2] / t->fps);
        for (int s = 0; s < 2; s++) {
            run[s] = off[s] && !off[!s] ? run[s] + 1 : 0;
            k->one_foot_s[s] = VMG_MAX(k->one_foot_s[s], (double)run[s] / t->fps);
        }
    }
    for (int s = 0; s < 2; s++) {
        k->wrist_up_max_m[s] = highest(t->signal[VMG_SIG_WRIST_UP + s] + first, n);
        k->foot_max_m[s] = highest(t->signal[VMG_SIG_ANKLE_Z + s] + first, n);
    }
    k->n_steps = count_steps(t, first, n);
}

void vmg_kinematics_json(const vmg_kinematics *k, vmg_buf *out)
{
    const struct {
        const char *name;
        double value;
    } item[] = {
        {"duration_s", k->duration_s},
        {"path_m", k->path_m},
        {"ahead_m", k->ahead_m},
        {"left_m", k->left_m},
        {"displacement_m", k->displacement_m},
        {"speed_mps", k->speed_mps},
        {"speed_start_mps", k->speed_start_mps},
        {"speed_end_mps", k->speed_end_mps},
        {"speed_max_mps", k->speed_max_mps},
        {"turn_deg", k->turn_deg},
        {"pelvis_start_m", k->pelvis_start_m},
        {"pelvis_end_m", k->pelvis_end_m},
        {"pelvis_min_m", k->pelvis_min_m},
        {"pelvis_max_m", k->pelvis_max_m},
        {"flight_s", k->flight_s},
        {"tilt_max_deg", k->tilt_max_deg},
        {"tilt_min_deg", k->tilt_min_deg},
        {"head_over_pelvis_min_m", k->head_over_pelvis_min_m},
        {"busy_mps", k->busy_mps},
        {"wrist_up_max_m_left", k->wrist_up_max_m[0]},
        {"wrist_up_max_m_right", k->wrist_up_max_m[1]},
        {"foot_max_m_left", k->foot_max_m[0]},
        {"foot_max_m_right", k->foot_max_m[1]},
        {"one_foot_s_left", k->one_foot_s[0]},
        {"one_foot_s_right", k->one_foot_s[1]},
        {"n_steps", (double)k->n_steps},
    };
    for (size_t i = 0; i < VMG_COUNT(item); i++)
        vmg_buf_printf(out, "%s\"%s\":%.4g", i ? "," : "{", item[i].name, item[i].value);
    vmg_buf_puts(out, "}");
}
