/* The list of events, and the ones of getting about: standing, walking, running, turning. */
#include "src/data/events.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"

static const struct {
    const char *name, *value;
} behaviours[] = {
#define VMG_BEHAVIOUR(id, name, value) {name, value},
#include "src/data/behaviours.def"
#undef VMG_BEHAVIOUR
};

const char *vmg_behaviour_name(enum vmg_behaviour b)
{
    return behaviours[b].name;
}

const char *vmg_behaviour_value(enum vmg_behaviour b)
{
    return behaviours[b].value;
}

int vmg_behaviour_find(const char *name)
{
    for (int i = 0; i < VMG_N_BEHAVIOURS; i++)
        if (!strcmp(name, behaviours[i].name))
            return i;
    return -1;
}

/* ---- lists ---- */

void vmg_event_add(vmg_event_list *list, enum vmg_behaviour what, int64_t first, int64_t n,
                   double value)
{
    vmg_events *e = list->events;
    if (list->failed || n < 1)
        return;
    if (e->n == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 64;
        void *more = vmg_realloc(e->event, cap, sizeof *e->event);
        if (!more) {
            list->failed = true;
            return;
        }
        e->event = more;
        list->cap = cap;
    }
    e->event[e->n++] = (vmg_event){what, first, n, value};
}

bool vmg_next_run(const vmg_track *t, vmg_frame_test *test, const void *user, int64_t from,
                  int64_t gap, int64_t least, int64_t *first, int64_t *n)
{
    int64_t begin = -1, last = -1;
    for (int64_t i = from; i <= t->T; i++) {
        bool in = i < t->T && test(t, user, i);
        if (in) {
            begin = begin < 0 ? i : begin;
            last = i;
        } else if (begin >= 0 && (i == t->T || i - last > gap)) {
            if (last - begin + 1 >= least) {
                *first = begin;
                *n = last - begin + 1;
                return true;
            }
            begin = -1;
        }
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    const vmg_event *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->what > y->what) - (x->what < y->what);
}

int vmg_events_find(const vmg_track *t, vmg_events *out)
{
    static void (*const finders[])(const vmg_track *, vmg_event_list *) = {
        vmg_events_locomotion, vmg_events_turns, vmg_events_jumps,
        vmg_events_postures,   vmg_events_legs,  vmg_events_arms};
    *out = (vmg_events){0};
    vmg_event_list list = {.events = out};
    for (size_t i = 0; i < VMG_COUNT(finders); i++)
        finders[i](t, &list);
    if (list.failed) {
        vmg_events_free(out);
        return VMG_E_NOMEM;
    }
    qsort(out->event, out->n, out->n ? sizeof *out->event : 1, compare);
    return VMG_OK;
}

void vmg_events_free(vmg_events *e)
{
    if (!e)
        return;
    free(e->event);
    *e = (vmg_events){0};
}

/* ---- getting about ---- */

static const double run_mps = 2.05, walk_mps = 0.3, still_mps = 0.11, about_s = 0.6;

/* Still, standing or going somewhere, by the frame alone. */
static enum vmg_behaviour gait(const vmg_track *t, int64_t i)
{
    double speed = t->signal[VMG_SIG_SPEED][i], ahead = t->signal[VMG_SIG_AHEAD][i],
           left = t->signal[VMG_SIG_LEFT][i];
    if (speed >= run_mps)
        return VMG_DO_RUN;
    if (speed < walk_mps)
        return t->signal[VMG_SIG_BUSY][i] < still_mps ? VMG_DO_STAND_STILL : VMG_DO_STAND;
    if (fabs(ahead) >= fabs(left))
        return ahead > 0 ? VMG_DO_WALK_FORWARD : VMG_DO_WALK_BACKWARD;
    return left > 0 ? VMG_DO_SIDESTEP_LEFT : VMG_DO_SIDESTEP_RIGHT;
}

/* Runs of one gait shorter than about_s join the longer of their neighbours. */
static void join_short_runs(int8_t *g, int64_t T, int64_t least)
{
    for (bool changed = true; changed;) {
        int64_t best = -1, best_n = least;
        for (int64_t i = 0, n; i < T; i += n) {
            for (n = 1; i + n < T && g[i + n] == g[i]; n++)
                ;
            if (n < best_n && n < T) {
                best = i;
                best_n = n;
            }
        }
        changed = best >= 0;
        if (!changed)
            break;
        int64_t before = 0, after = 0;
        while (best - before > 0 && g[best - before - 1] == g[VMG_MAX(best - 1, 0)])
            before++;
        while (best + best_n + after < T && g[best + best_n + after] == g[best + best_n])
            after++;
        int8_t into = before >= after ? g[best - 1] : g[best + best_n];
        memset(g + best, into, (size_t)best_n);
    }
}

void vmg_events_locomotion(const vmg_track *t, vmg_event_list *list)
{
    int8_t *g = vmg_calloc((size_t)t->T, 1);
    if (!g) {
        list->failed = true;
        return;
    }
    for (int64_t i = 0; i < t->T; i++)
        g[i] = (int8_t)gait(t, i);
    join_short_runs(g, t->T, VMG_MIN((int64_t)(about_s * t->fps), t->T / 2));
    for (int64_t i = 0, n; i < t->T; i += n) {
        double sum = 0;
        bool stands = g[i] == VMG_DO_STAND || g[i] == VMG_DO_STAND_STILL;
        for (n = 0; i + n < t->T && g[i + n] == g[i]; n++)
            sum += t->signal[stands ? VMG_SIG_BUSY : VMG_SIG_SPEED][i + n];
        vmg_event_add(list, (enum vmg_behaviour)g[i], i, n, sum / (double)n);
    }
    free(g);
}

/* ---- turning ---- */

static const double turn_rate = 0.35, least_turn = 0.7, spin_rate = 2.6, spin_turn = 4.7;

static double yaw_rate(const vmg_track *t, int64_t i)
{
    int64_t a = VMG_MAX(i - 2, 0), b = VMG_MIN(i + 2, t->T - 1);
    const double *yaw = t->signal[VMG_SIG_YAW];
    return b > a ? (yaw[b] - yaw[a]) * t->fps / (double)(b - a) : 0;
}

static bool turns(const vmg_track *t, const void *side, int64_t i)
{
    bool upright = t->signal[VMG_SIG_HEAD_Z][i] > t->signal[VMG_SIG_PELVIS_Z][i] + 0.25;
    return upright && *(const int *)side * yaw_rate(t, i) > turn_rate;
}

void vmg_events_turns(const vmg_track *t, vmg_event_list *list)
{
    for (int side = -1; side <= 1; side += 2) {
        int64_t first, n, gap = (int64_t)(0.2 * t->fps);
        for (int64_t at = 0; vmg_next_run(t, turns, &side, at, gap, 4, &first, &n);
             at = first + n) {
            const double *yaw = t->signal[VMG_SIG_YAW];
            double angle = side * (yaw[first + n - 1] - yaw[first]);
            bool spins = angle > spin_turn && angle * t->fps / (double)n > spin_rate;
            enum vmg_behaviour left = spins ? VMG_DO_SPIN_LEFT : VMG_DO_TURN_LEFT;
            if (angle > least_turn)
                vmg_event_add(list, left + (side < 0), first, n, angle * 57.29577951308232);
        }
    }
}
