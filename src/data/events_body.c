/* Events of the whole body: sitting, squatting, crouching, lying, bending, wheeling, jumping. */
#include <math.h>

#include "host/base/mem.h"
#include "src/data/events.h"

static const double deg = 57.29577951308232;

static double mean_of(const vmg_track *t, int signal, int64_t first, int64_t n)
{
    double sum = 0;
    for (int64_t i = first; i < first + n; i++)
        sum += t->signal[signal][i];
    return n > 0 ? sum / (double)n : 0;
}

static double extreme(const vmg_track *t, int signal, int64_t first, int64_t n, int sign)
{
    double v = t->signal[signal][first];
    for (int64_t i = first; i < first + n; i++)
        v = sign * t->signal[signal][i] > sign * v ? t->signal[signal][i] : v;
    return v;
}

static bool upside_down(const vmg_track *t, int64_t i)
{
    return t->signal[VMG_SIG_HEAD_Z][i] < t->signal[VMG_SIG_PELVIS_Z][i] - 0.05;
}

/* ---- upside down ---- */

static bool is_upside_down(const vmg_track *t, const void *user, int64_t i)
{
    (void)user;
    return upside_down(t, i);
}

static void find_inversions(const vmg_track *t, vmg_event_list *list)
{
    int64_t first, n, pad = (int64_t)(0.4 * t->fps);
    for (int64_t at = 0; vmg_next_run(t, is_upside_down, NULL, at, 4, 2, &first, &n);
         at = first + n) {
        double feet = 0, under = 0, low = extreme(t, VMG_SIG_PELVIS_Z, first, n, -1);
        for (int64_t i = first; i < first + n; i++) {
            double z = VMG_MAX(t->signal[VMG_SIG_ANKLE_Z][i], t->signal[VMG_SIG_ANKLE_Z + 1][i]);
            feet = VMG_MAX(feet, z - t->signal[VMG_SIG_PELVIS_Z][i]);
            under = VMG_MAX(under,
                            t->signal[VMG_SIG_PELVIS_Z][i] - t->signal[VMG_SIG_HEAD_Z][i]);
        }
        int64_t a = VMG_MAX(first - pad, 0), b = VMG_MIN(first + n + pad, t->T);
        if (feet > 0.2 && low > 0.5)
            vmg_event_add(list, VMG_DO_CARTWHEEL, a, b - a, under);
        else if (feet > 0 && low < 0.55)
            vmg_event_add(list, VMG_DO_ROLL, a, b - a, low);
    }
}

/* ---- low ---- */

static const double low_m = 0.17, sit_steady_s = 1.2, squat_s = 3.5;

/* The pelvis well below standing, and not in a jump or wheel. */
static bool is_low(const vmg_track *t, const void *user, int64_t i)
{
    (void)user;
    return t->signal[VMG_SIG_PELVIS_Z][i] < vmg_stand_height_m() - low_m;
}

/* Going down from standing and up to it again on both feet: not the stance of a fighter between two
 * kicks, nor the crouch before a jump or after one. Low are the frames [first, first+n); standing
 * is looked for `pad` frames before and after. */
static bool stands_around(const vmg_track *t, int64_t first, int64_t n, int64_t pad)
{
    double stands = vmg_stand_height_m() - 0.12, one_up = 0.3, both_up = 0.2;
    int64_t a = VMG_MAX(first - pad, 0), b = VMG_MIN(first + n + pad, t->T);
    for (int64_t i = VMG_MAX(first - pad / 2, 0); i < VMG_MIN(first + n + pad / 2, t->T); i++) {
        double l = t->signal[VMG_SIG_ANKLE_Z][i], r = t->signal[VMG_SIG_ANKLE_Z + 1][i];
        if (VMG_MAX(l, r) > one_up || VMG_MIN(l, r) > both_up)
            return false;
    }
    return b - a > 4 && mean_of(t, VMG_SIG_PELVIS_Z, a, 2) > stands &&
           mean_of(t, VMG_SIG_PELVIS_Z, b - 2, 2) > stands;
}

/* What a stretch of being low is, and how it began and ended. */
static void judge_low(const vmg_track *t, int64_t first, int64_t n, vmg_event_list *list)
{
    double stand = vmg_stand_height_m(), z = mean_of(t, VMG_SIG_PELVIS_Z, first, n),
           min = extreme(t, VMG_SIG_PELVIS_Z, first, n, -1), seconds = (double)n / t->fps,
           head = mean_of(t, VMG_SIG_HEAD_Z, first, n), seat = mean_of(t, VMG_SIG_SEAT, first, n),
           speed = mean_of(t, VMG_SIG_SPEED, first, n), tilt = mean_of(t, VMG_SIG_TILT, first, n),
           hands = 0.5 * (mean_of(t, VMG_SIG_WRIST_Z, first, n) +
                          mean_of(t, VMG_SIG_WRIST_Z + 1, first, n)),
           knees = VMG_MIN(mean_of(t, VMG_SIG_KNEE_Z, first, n),
                           mean_of(t, VMG_SIG_KNEE_Z + 1, first, n));
    bool from_above = first > 0, back_up = first + n < t->T;
    int64_t pad = (int64_t)(0.5 * t->fps), edge = (int64_t)(0.8 * t->fps);
    int64_t a = VMG_MAX(first - pad, 0), b = VMG_MIN(first + n + pad, t->T);
    for (int64_t i = first; i < first + n; i++)
        if (upside_down(t, i) && min < 0.55 &&
            t->signal[VMG_SIG_ANKLE_Z][i] > t->signal[VMG_SIG_PELVIS_Z][i])
            return; /* a roll */
    if (head < 0.45 && z < 0.4) {
        vmg_event_add(list, VMG_DO_LIE, first, n, head);
    } else if (hands < 0.25 && tilt > 0.7) {
        vmg_event_add(list, VMG_DO_CRAWL, first, n, z);
    } else if (knees < 0.13 && z > 0.25) {
        vmg_event_add(list, VMG_DO_KNEEL, first, n, z);
    } else if (seconds >= sit_steady_s && seat > 0.14 && speed < 0.25 && tilt < 0.7) {
        if (from_above)
            vmg_event_add(list, VMG_DO_SIT_DOWN, a, VMG_MIN(edge, n) + first - a,
                          t->signal[VMG_SIG_PELVIS_Z][a] - z);
        vmg_event_add(list, VMG_DO_SIT, first, n, z);
        if (back_up)
            vmg_event_add(list, VMG_DO_STAND_UP, first + n - VMG_MIN(edge, n),
                          b - (first + n - VMG_MIN(edge, n)),
                          t->signal[VMG_SIG_PELVIS_Z][b - 1] - z);
    } else if (seconds >= 0.35 && from_above && back_up && seconds < squat_s && speed < 0.45 &&
               stand - min > 0.3 && extreme(t, VMG_SIG_TILT, first, n, 1) < 1.3 &&
               stands_around(t, first, n, pad)) {
        vmg_event_add(list, VMG_DO_SQUAT, a, b - a, stand - min);
    } else if (seconds >= 0.7 && stand - z > 0.2) {
        vmg_event_add(list, VMG_DO_CROUCH, first, n, z);
    }
}

static void find_low(const vmg_track *t, vmg_event_list *list)
{
    int64_t first, n, least = (int64_t)(0.3 * t->fps);
    for (int64_t at = 0; vmg_next_run(t, is_low, NULL, at, 2, least, &first, &n); at = first + n)
        judge_low(t, first, n, list);
}

/* ---- bending ---- */

static bool is_bent(const vmg_track *t, const void *sign, int64_t i)
{
    int s = *(const int *)sign;
    double limit = s > 0 ? 0.75 : 0.38;
    return s * t->signal[VMG_SIG_TILT][i] > limit && !upside_down(t, i) &&
           t->signal[VMG_SIG_PELVIS_Z][i] > vmg_stand_height_m() - 0.3 &&
           t->signal[VMG_SIG_SPEED][i] < 0.8;
}

static void find_bends(const vmg_track *t, vmg_event_list *list)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        int64_t first, n, least = (int64_t)(0.4 * t->fps), pad = (int64_t)(0.3 * t->fps);
        for (int64_t at = 0; vmg_next_run(t, is_bent, &sign, at, 3, least, &first, &n);
             at = first + n) {
            int64_t a = VMG_MAX(first - pad, 0), b = VMG_MIN(first + n + pad, t->T);
            vmg_event_add(list, sign > 0 ? VMG_DO_BEND_FORWARD : VMG_DO_LEAN_BACK, a, b - a,
                          deg * extreme(t, VMG_SIG_TILT, first, n, sign));
        }
    }
}

void vmg_events_postures(const vmg_track *t, vmg_event_list *list)
{
    find_inversions(t, list);
    find_low(t, list);
    find_bends(t, list);
}

/* ---- jumping ---- */

static const double jump_rise_mps = 0.9, jump_flight_s = 0.14, forward_jump_m = 0.35,
                    leap_speed_mps = 1.6;

static bool flies(const vmg_track *t, const void *user, int64_t i)
{
    (void)user;
    return vmg_in_flight(t, i) && !upside_down(t, i) &&
           t->signal[VMG_SIG_PELVIS_Z][i] > vmg_stand_height_m() - 0.25;
}

/* Which foot alone takes off and lands: 0, 1, or -1 for both. */
static int hopping_side(const vmg_track *t, int64_t first, int64_t n)
{
    int64_t a = VMG_MAX(first - 2, 0), b = VMG_MIN(first + n + 1, t->T - 1);
    for (int s = 0; s < 2; s++) {
        const double *other = t->signal[VMG_SIG_ANKLE_Z + !s], *own = t->signal[VMG_SIG_ANKLE_Z + s];
        if (other[a] > own[a] + 0.12 && other[b] > own[b] + 0.12)
            return s;
    }
    return -1;
}

/* Arms that go from low to high and back with the jumps. */
static bool arms_swing_up(const vmg_track *t, int64_t first, int64_t n)
{
    int64_t pad = (int64_t)(0.5 * t->fps), a = VMG_MAX(first - pad, 0),
            b = VMG_MIN(first + n + pad, t->T);
    for (int s = 0; s < 2; s++)
        if (extreme(t, VMG_SIG_WRIST_UP + s, a, b - a, 1) < 0.1 ||
            extreme(t, VMG_SIG_WRIST_UP + s, a, b - a, -1) > -0.2 ||
            extreme(t, VMG_SIG_WRIST_OUT + s, a, b - a, 1) < 0.3)
            return false;
    return true;
}

/* Jumps with the arms swinging up are jumping jacks from the second on. */
static void add_jacks(vmg_event_list *list, int64_t first, int64_t end, int64_t jacks)
{
    if (jacks >= 2)
        vmg_event_add(list, VMG_DO_JUMPING_JACKS, first, end - first, (double)jacks);
}

void vmg_events_jumps(const vmg_track *t, vmg_event_list *list)
{
    int64_t first, n, least = (int64_t)ceil(jump_flight_s * t->fps), back = (int64_t)(0.5 * t->fps);
    int64_t jack_first = 0, jack_last = 0, jacks = 0;
    for (int64_t at = 0; vmg_next_run(t, flies, NULL, at, 0, least, &first, &n); at = first + n) {
        int64_t a = VMG_MAX(first - back, 0), b = VMG_MIN(first + n + back / 2, t->T);
        double up = extreme(t, VMG_SIG_RISING, a, first + n - a, 1), ahead = 0, before, rise;
        before = mean_of(t, VMG_SIG_SPEED, a, first - a + 1);
        for (int64_t i = first; i < first + n; i++)
            ahead += t->signal[VMG_SIG_AHEAD][i] / t->fps;
        rise = extreme(t, VMG_SIG_PELVIS_Z, first, n, 1) - extreme(t, VMG_SIG_PELVIS_Z, a, b - a, -1);
        int side = hopping_side(t, first, n);
        if (up < jump_rise_mps || rise < 0.12)
            continue;
        if (arms_swing_up(t, first, n) && ahead < 0.2) {
            if (jacks > 0 && first - jack_last > back) {
                add_jacks(list, jack_first, jack_last, jacks);
                jacks = 0;
            }
            jack_first = jacks ? jack_first : a;
            jacks++;
            jack_last = b;
        }
        if (before > leap_speed_mps)
            vmg_event_add(list, VMG_DO_LEAP, a, b - a, ahead);
        else if (ahead > forward_jump_m)
            vmg_event_add(list, VMG_DO_JUMP_FORWARD, a, b - a, ahead);
        else if (side >= 0)
            vmg_event_add(list, side ? VMG_DO_HOP_RIGHT : VMG_DO_HOP_LEFT, a, b - a, rise);
        else
            vmg_event_add(list, VMG_DO_JUMP_UP, a, b - a, rise);
    }
    add_jacks(list, jack_first, jack_last, jacks);
}
