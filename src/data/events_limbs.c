/* Events of arms and legs: kicking, balancing, punching, waving, raising. */
#include <math.h>

#include "host/base/mem.h"
#include "src/data/events.h"

/* ---- legs ---- */

static const double kick_m = 0.5, kick_away_m = 0.25, kick_longest_s = 1.3, lifted_m = 0.2,
                    balance_s = 1.0;

static bool stands_upright(const vmg_track *t, int64_t i)
{
    return t->signal[VMG_SIG_PELVIS_Z][i] > vmg_stand_height_m() - 0.25 &&
           t->signal[VMG_SIG_HEAD_Z][i] > t->signal[VMG_SIG_PELVIS_Z][i] + 0.25;
}

/* Foot of a side off the floor, the other leg standing: whose feet hang from a high stool is seated. */
static bool lifts(const vmg_track *t, const void *side, int64_t i)
{
    int s = *(const int *)side;
    double leg = t->signal[VMG_SIG_PELVIS_Z][i] - t->signal[VMG_SIG_ANKLE_Z + !s][i];
    return stands_upright(t, i) && leg > vmg_stand_height_m() - 0.3 && t->signal[VMG_SIG_ANKLE_Z + s][i] > lifted_m &&
           t->signal[VMG_SIG_ANKLE_Z + s][i] > t->signal[VMG_SIG_ANKLE_Z + !s][i] + 0.1;
}

/* A kick is high, away from the body, not behind it, and short. */
static bool is_kick(const vmg_track *t, int s, int64_t first, int64_t n, double *height)
{
    *height = 0;
    for (int64_t i = first; i < first + n; i++) {
        double z = t->signal[VMG_SIG_ANKLE_Z + s][i], ahead = t->signal[VMG_SIG_FOOT_AHEAD + s][i],
               out = t->signal[VMG_SIG_FOOT_OUT + s][i];
        if (z > kick_m && ahead > -0.25 && hypot(ahead, out) > kick_away_m)
            *height = VMG_MAX(*height, z);
    }
    return *height > 0 && (double)n < kick_longest_s * t->fps;
}

void vmg_events_legs(const vmg_track *t, vmg_event_list *list)
{
    for (int s = 0; s < 2; s++) {
        int64_t first, n;
        for (int64_t at = 0; vmg_next_run(t, lifts, &s, at, 2, 3, &first, &n); at = first + n) {
            double height, speed = 0;
            for (int64_t i = first; i < first + n; i++)
                speed += t->signal[VMG_SIG_SPEED][i] / (double)n;
            if (is_kick(t, s, first, n, &height))
                vmg_event_add(list, s ? VMG_DO_KICK_RIGHT : VMG_DO_KICK_LEFT, first, n, height);
            else if ((double)n >= balance_s * t->fps && speed < 0.35)
                vmg_event_add(list, s ? VMG_DO_BALANCE_LEFT : VMG_DO_BALANCE_RIGHT, first, n,
                              (double)n / t->fps);
        }
    }
}

/* ---- arms ---- */

static const double punch_mps = 1.7, punch_reach_m = 0.3, swing_m = 0.07, aside_m = 0.1, raised_m = 0.05,
                    wave_turn_s = 0.9;

/* Speed at which a wrist goes ahead of its shoulder. */
static double thrust(const vmg_track *t, int s, int64_t i)
{
    const double *y = t->signal[VMG_SIG_WRIST_AHEAD + s];
    return i > 0 && i + 1 < t->T ? (y[i + 1] - y[i - 1]) * t->fps / 2 : 0;
}

/* One hand alone: who pushes both forward at once does not punch. */
static bool thrusts(const vmg_track *t, const void *side, int64_t i)
{
    int s = *(const int *)side;
    double up = t->signal[VMG_SIG_WRIST_UP + s][i];
    return stands_upright(t, i) && thrust(t, s, i) > punch_mps && thrust(t, !s, i) < punch_mps / 2 &&
           up > -0.25 && up < 0.25;
}

static void find_punches(const vmg_track *t, int s, vmg_event_list *list)
{
    int64_t first, n, after = (int64_t)(0.25 * t->fps), pad = (int64_t)(0.3 * t->fps);
    for (int64_t at = 0; vmg_next_run(t, thrusts, &s, at, 1, 1, &first, &n); at = first + n) {
        double reach = 0, fastest = 0;
        for (int64_t i = first; i < VMG_MIN(first + n + after, t->T); i++)
            reach = VMG_MAX(reach, t->signal[VMG_SIG_WRIST_AHEAD + s][i]);
        for (int64_t i = first; i < first + n; i++)
            fastest = VMG_MAX(fastest, thrust(t, s, i));
        int64_t a = VMG_MAX(first - pad, 0), b = VMG_MIN(first + n + pad, t->T);
        if (reach > punch_reach_m)
            vmg_event_add(list, s ? VMG_DO_PUNCH_RIGHT : VMG_DO_PUNCH_LEFT, a, b - a, fastest);
    }
}

static bool is_raised(const vmg_track *t, const void *side, int64_t i)
{
    int s = *(const int *)side;
    return t->signal[VMG_SIG_WRIST_UP + s][i] > raised_m &&
           t->signal[VMG_SIG_HEAD_Z][i] > t->signal[VMG_SIG_PELVIS_Z][i] + 0.2;
}

/* Swings of y in [first, first+n) to and fro, each of at least `least` metres and none longer than
 * `longest` frames: the most in a row. */
static int count_swings(const double *y, int64_t first, int64_t n, double least, double longest)
{
    int swings = 0, most = 0, direction = 0;
    double low = y[first], high = y[first];
    int64_t since = first;
    for (int64_t i = first; i < first + n; i++) {
        low = VMG_MIN(low, y[i]);
        high = VMG_MAX(high, y[i]);
        bool turns_up = direction <= 0 && y[i] > low + least,
             turns_down = direction >= 0 && y[i] < high - least;
        if (!turns_up && !turns_down)
            continue;
        swings = direction && (double)(i - since) > longest ? 1 : swings + 1;
        most = VMG_MAX(most, swings);
        direction = turns_up ? 1 : -1;
        since = i;
        low = high = y[i];
    }
    return most;
}

/* A raised hand waves when it goes to and fro four times, out to the side and back among them: an arm that is held up, or that
 * climbs, sways too. */
static void find_raised(const vmg_track *t, int s, vmg_event_list *list)
{
    static const int way[] = {VMG_SIG_WRIST_OUT, VMG_SIG_WRIST_UP, VMG_SIG_WRIST_AHEAD};
    int64_t first, n, least = (int64_t)(0.4 * t->fps);
    for (int64_t at = 0; vmg_next_run(t, is_raised, &s, at, 3, least, &first, &n);
         at = first + n) {
        const double longest = wave_turn_s * t->fps;
        int swings = 0;
        for (int i = 0; i < 3; i++)
            swings = VMG_MAX(swings, count_swings(t->signal[way[i] + s], first, n, swing_m, longest));
        bool aside = count_swings(t->signal[VMG_SIG_WRIST_OUT + s], first, n, aside_m, longest) >= 2;
        double highest = 0;
        for (int64_t i = first; i < first + n; i++)
            highest = VMG_MAX(highest, t->signal[VMG_SIG_WRIST_UP + s][i]);
        if (swings >= 4 && aside)
            vmg_event_add(list, s ? VMG_DO_WAVE_RIGHT : VMG_DO_WAVE_LEFT, first, n, swings);
        else if (highest > 0.15)
            vmg_event_add(list, s ? VMG_DO_RAISE_RIGHT : VMG_DO_RAISE_LEFT, first, n, highest);
    }
}

static bool arms_out(const vmg_track *t, const void *user, int64_t i)
{
    (void)user;
    for (int s = 0; s < 2; s++)
        if (t->signal[VMG_SIG_WRIST_OUT + s][i] < 0.38 ||
            fabs(t->signal[VMG_SIG_WRIST_UP + s][i]) > 0.22)
            return false;
    return true;
}

void vmg_events_arms(const vmg_track *t, vmg_event_list *list)
{
    int64_t first, n;
    for (int s = 0; s < 2; s++) {
        find_punches(t, s, list);
        find_raised(t, s, list);
    }
    for (int64_t at = 0; vmg_next_run(t, arms_out, NULL, at, 2, (int64_t)(0.8 * t->fps), &first, &n);
         at = first + n)
        vmg_event_add(list, VMG_DO_ARMS_OUT, first, n, (double)n / t->fps);
}
