/* Foot_Floating: feet that move with the body instead of standing or stepping. */
#include "src/mbench/floating.h"

#include <math.h>
#include <stdlib.h>

#include "host/base/mem.h"
#include "host/base/status.h"
#include "src/motion/skeleton.h"

enum { POS = 3 * VMG_N_JOINTS, MIN_RUN = 4 };

#define STILL_SPEED 0.001f /* metres per frame: the root stands */
#define NOISE_SPEED 1.2e-4f

/* Frames first..last without contact. */
typedef struct run {
    int64_t first, last;
} run;

static float rate(const vmg_foot_track *foot, const float *root_speed, int64_t t)
{
    return foot->relative_speed[t] / (root_speed[t] + 1e-6f);
}

static bool suspect(const vmg_foot_track *foot, const float *root_speed, int64_t t)
{
    float r = rate(foot, root_speed, t);
    return foot->speed[t] > NOISE_SPEED && (r < 0.6f || (r > 1.75f && root_speed[t] > NOISE_SPEED));
}

static int64_t invalid_frames(const vmg_foot_track foot[2], const float *root_speed, int64_t T)
{
    int64_t n = 0;
    for (int64_t t = 0; t < T; t++) {
        if (!(root_speed[t] >= STILL_SPEED))
            continue;
        bool l = suspect(&foot[0], root_speed, t), r = suspect(&foot[1], root_speed, t);
        bool cl = foot[0].contact[t], cr = foot[1].contact[t];
        n += cl && cr ? l && r : (cl && l) || (cr && r);
    }
    return n;
}

/* Maximal runs without contact of at least MIN_RUN frames; `runs` has room for all. */
static int64_t find_runs(const bool *contact, int64_t T, run *runs)
{
    int64_t n = 0, first = 0;
    for (int64_t t = 0; t <= T; t++) {
        if (t < T && !contact[t])
            continue;
        if (t - first >= MIN_RUN)
            runs[n++] = (run){first, t - 1};
        first = t + 1;
    }
    return n;
}

static int64_t floating_length(const vmg_foot_track *foot, const float *root_speed, run r)
{
    int64_t still = 0, floating = 0;
    for (int64_t t = r.first; t <= r.last; t++) {
        still += root_speed[t] < STILL_SPEED;
        floating += rate(foot, root_speed, t) < 0.4f;
    }
    return 2 * still > r.last - r.first + 1 ? 0 : floating;
}

/* Peaks of angle[0..n): samples above both neighbours, a plateau counting once; the ends never. */
static int64_t count_peaks(const float *angle, int64_t n)
{
    int64_t peaks = 0;
    for (int64_t i = 1; i + 1 < n; i++) {
        if (!(angle[i - 1] < angle[i]))
            continue;
        int64_t end = i + 1;
        while (end < n - 1 && angle[end] == angle[i])
            end++;
        if (angle[end] < angle[i]) {
            peaks++;
            i = end;
        }
    }
    return peaks;
}

/* Left foot at t, seen from its place at `from`, made a unit vector. */
static void direction(const float *joints, int64_t from, int64_t t, float u[3])
{
    float n = 0;
    for (int c = 0; c < 3; c++) {
        int i = 3 * VMG_L_FOOT + c;
        u[c] = joints[t * POS + i] - joints[from * POS + i];
        n += u[c] * u[c];
    }
    for (int c = 0; c < 3; c++)
        u[c] /= sqrtf(n) + 1e-6f;
}

static bool oscillates(const float *joints, run r, float *angle)
{
    float end[3], u[3];
    direction(joints, r.first, r.last, end);
    for (int64_t t = r.first + 1; t <= r.last; t++) {
        direction(joints, r.first, t, u);
        float cosine = u[0] * end[0] + u[1] * end[1] + u[2] * end[2];
        angle[t - r.first - 1] = acosf(fminf(1, fmaxf(-1, cosine))) * (float)(180 / M_PI);
    }
    return count_peaks(angle, r.last - r.first) > 2;
}

int vmg_foot_floating(const float *joints, int64_t T, const vmg_foot_track foot[2],
                      const float *root_speed, double *value)
{
    run *runs = vmg_calloc((size_t)T + 1, 2 * sizeof *runs);
    float *angle = vmg_calloc((size_t)T, sizeof *angle);
    int rc = runs && angle ? VMG_OK : VMG_E_NOMEM;
    int64_t n[2] = {0}, floating = 0, mass = 0;
    run *of[2] = {runs, runs + T + 1};
    for (int k = 0; !rc && k < 2; k++) {
        n[k] = find_runs(foot[k].contact, T, of[k]);
        for (int64_t i = 0; i < n[k]; i++)
            floating += floating_length(&foot[k], root_speed, of[k][i]);
    }
    for (int64_t i = 0; i < n[0]; i++)
        for (int64_t j = 0; j < n[1]; j++) {
            run both = {VMG_MAX(of[0][i].first, of[1][j].first),
                        VMG_MIN(of[0][i].last, of[1][j].last)};
            if (both.last - both.first + 1 >= MIN_RUN && oscillates(joints, both, angle))
                mass += both.last - both.first + 1;
        }
    if (!rc)
        *value =
            ((double)invalid_frames(foot, root_speed, T) + 0.5 * (double)floating + (double)mass) /
            (double)T;
    free(runs);
    free(angle);
    return rc;
}
