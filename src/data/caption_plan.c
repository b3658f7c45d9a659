/* From the events of a clip to what is worth saying about a window of it. */
#include "src/data/caption_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"

enum kind {
    GAIT = 1,    /* goes on unless something else takes its frames */
    MOMENT = 2,  /* counted, must lie mostly inside */
    LASTING = 4, /* what lies inside counts */
    ARM = 8,     /* of an arm or both */
    LEG = 16,
    TURN = 32,
    POSTURE = 64,
    PAIR = 128, /* left one of a pair */
    WHOLE = 256 /* takes the body: gait and limbs are part of it */
};

static const struct {
    unsigned kind;
    int interest;
} traits[VMG_N_BEHAVIOURS] = {
    [VMG_DO_STAND_STILL] = {GAIT, 3},
    [VMG_DO_STAND] = {GAIT, 1},
    [VMG_DO_WALK_FORWARD] = {GAIT, 5},
    [VMG_DO_WALK_BACKWARD] = {GAIT, 6},
    [VMG_DO_SIDESTEP_LEFT] = {GAIT | PAIR, 4},
    [VMG_DO_SIDESTEP_RIGHT] = {GAIT, 4},
    [VMG_DO_RUN] = {GAIT, 7},
    [VMG_DO_TURN_LEFT] = {LASTING | TURN | PAIR, 5},
    [VMG_DO_TURN_RIGHT] = {LASTING | TURN, 5},
    [VMG_DO_SPIN_LEFT] = {LASTING | TURN | PAIR | WHOLE, 8},
    [VMG_DO_SPIN_RIGHT] = {LASTING | TURN | WHOLE, 8},
    [VMG_DO_JUMP_UP] = {MOMENT | WHOLE, 8},
    [VMG_DO_JUMP_FORWARD] = {MOMENT | WHOLE, 9},
    [VMG_DO_LEAP] = {MOMENT | WHOLE, 9},
    [VMG_DO_HOP_LEFT] = {MOMENT | PAIR | WHOLE, 8},
    [VMG_DO_HOP_RIGHT] = {MOMENT | WHOLE, 8},
    [VMG_DO_JUMPING_JACKS] = {LASTING | WHOLE, 9},
    [VMG_DO_SIT_DOWN] = {MOMENT | POSTURE | WHOLE, 9},
    [VMG_DO_SIT] = {LASTING | POSTURE, 6},
    [VMG_DO_STAND_UP] = {MOMENT | POSTURE | WHOLE, 8},
    [VMG_DO_SQUAT] = {MOMENT | POSTURE | WHOLE, 9},
    [VMG_DO_CROUCH] = {LASTING | POSTURE, 4},
    [VMG_DO_CRAWL] = {LASTING | POSTURE | WHOLE, 8},
    [VMG_DO_KNEEL] = {LASTING | POSTURE | WHOLE, 7},
    [VMG_DO_LIE] = {LASTING | POSTURE | WHOLE, 8},
    [VMG_DO_ROLL] = {MOMENT | WHOLE, 9},
    [VMG_DO_BEND_FORWARD] = {MOMENT | POSTURE, 5},
    [VMG_DO_LEAN_BACK] = {LASTING | POSTURE, 3},
    [VMG_DO_CARTWHEEL] = {MOMENT | WHOLE, 10},
    [VMG_DO_BALANCE_LEFT] = {LASTING | LEG | PAIR, 8},
    [VMG_DO_BALANCE_RIGHT] = {LASTING | LEG, 8},
    [VMG_DO_KICK_LEFT] = {MOMENT | LEG | PAIR, 9},
    [VMG_DO_KICK_RIGHT] = {MOMENT | LEG, 9},
    [VMG_DO_PUNCH_LEFT] = {MOMENT | ARM | PAIR, 6},
    [VMG_DO_PUNCH_RIGHT] = {MOMENT | ARM, 6},
    [VMG_DO_WAVE_LEFT] = {LASTING | ARM | PAIR, 7},
    [VMG_DO_WAVE_RIGHT] = {LASTING | ARM, 7},
    [VMG_DO_RAISE_LEFT] = {LASTING | ARM | PAIR, 4},
    [VMG_DO_RAISE_RIGHT] = {LASTING | ARM, 4},
    [VMG_DO_ARMS_OUT] = {LASTING | ARM, 4},
    [VMG_DO_SPEED_UP] = {0, 3},
    [VMG_DO_SLOW_DOWN] = {0, 3},
};

static const double deg = 57.29577951308232;
/* Least seconds of what is told of a gait, of other lasting things; least turn. */
static const double gait_s = 0.8, still_s = 1.1, lasting_s = 0.6, balance_s = 0.9, turn_deg = 38;

bool vmg_behaviour_is_gait(enum vmg_behaviour b)
{
    return traits[b].kind & GAIT;
}

bool vmg_behaviour_is_arms(enum vmg_behaviour b)
{
    return traits[b].kind & ARM;
}

bool vmg_behaviour_is_moment(enum vmg_behaviour b)
{
    return traits[b].kind & MOMENT;
}

int vmg_behaviour_interest(enum vmg_behaviour b)
{
    return traits[b].interest;
}

int vmg_behaviour_left_of(enum vmg_behaviour b)
{
    if (traits[b].kind & PAIR)
        return (int)b;
    return b > 0 && traits[b - 1].kind & PAIR ? (int)b - 1 : -1;
}

/* ---- what lies in the window ---- */

static bool covered(enum vmg_behaviour b, unsigned cover)
{
    static const struct {
        unsigned cover, kind;
    } map[] = {{VMG_COVER_ARMS, ARM},
               {VMG_COVER_LEGS, LEG},
               {VMG_COVER_TURNS, TURN},
               {VMG_COVER_STEPS, GAIT},
               {VMG_COVER_POSTURE, POSTURE}};
    for (size_t i = 0; i < VMG_COUNT(map); i++)
        if (cover & map[i].cover && traits[b].kind & map[i].kind)
            return true;
    return false;
}

static int64_t overlap(int64_t a, int64_t n, int64_t b, int64_t m)
{
    return VMG_MAX(VMG_MIN(a + n, b + m) - VMG_MAX(a, b), 0);
}

static double mean_speed(const vmg_track *t, int64_t first, int64_t n)
{
    double sum = 0;
    for (int64_t i = first; i < first + n; i++)
        sum += t->signal[VMG_SIG_SPEED][i];
    return n > 0 ? sum / (double)n : 0;
}

/* The part of an event inside the window as a clause; false when too little of it is. */
static bool clip_event(const vmg_track *t, const vmg_event *e, int64_t first, int64_t n,
                       vmg_clause *c)
{
    unsigned kind = traits[e->what].kind;
    int64_t a = VMG_MAX(e->first, first), m = overlap(e->first, e->n, first, n);
    double s = (double)m / t->fps;
    *c = (vmg_clause){e->what, false, 1, e->value, a, m};
    /* half a squat is none: it would be low at once or to the end */
    double inside = kind & POSTURE && kind & WHOLE ? 0.9 : 0.7;
    if (m < 1 || (kind & MOMENT && (double)m < inside * (double)e->n))
        return false;
    if (kind & LASTING && s < (e->what == VMG_DO_BALANCE_LEFT || e->what == VMG_DO_BALANCE_RIGHT
                                   ? balance_s
                                   : lasting_s) && m < e->n)
        return false;
    if (kind & TURN && m < e->n) {
        c->value = deg * fabs(t->signal[VMG_SIG_YAW][a + m - 1] - t->signal[VMG_SIG_YAW][a]);
        return c->value >= turn_deg;
    }
    if (kind & GAIT && e->what != VMG_DO_STAND && e->what != VMG_DO_STAND_STILL && m < e->n)
        c->value = mean_speed(t, a, m);
    return true;
}

/* ---- what is part of what ---- */

/* True when d makes e not worth telling where they overlap. */
static bool rules(enum vmg_behaviour d, enum vmg_behaviour e)
{
    unsigned k = traits[e].kind;
    bool small = k & (ARM | LEG) || e == VMG_DO_BEND_FORWARD || e == VMG_DO_LEAN_BACK ||
                 e == VMG_DO_CROUCH || e == VMG_DO_TURN_LEFT || e == VMG_DO_TURN_RIGHT;
    switch (d) {
    case VMG_DO_CARTWHEEL:
    case VMG_DO_ROLL:
        return d != e;
    case VMG_DO_JUMPING_JACKS:
        return k & (ARM | GAIT | LEG) || e == VMG_DO_JUMP_UP || e == VMG_DO_HOP_LEFT ||
               e == VMG_DO_HOP_RIGHT;
    case VMG_DO_JUMP_UP:
    case VMG_DO_JUMP_FORWARD:
    case VMG_DO_LEAP:
    case VMG_DO_HOP_LEFT:
    case VMG_DO_HOP_RIGHT:
        return small || e == VMG_DO_SQUAT;
    case VMG_DO_KICK_LEFT:
    case VMG_DO_KICK_RIGHT:
        return e != d && (e == VMG_DO_TURN_LEFT || e == VMG_DO_TURN_RIGHT || e == VMG_DO_SQUAT ||
                          e == VMG_DO_BALANCE_LEFT || e == VMG_DO_BALANCE_RIGHT ||
                          e == VMG_DO_LEAN_BACK || k & ARM);
    case VMG_DO_SIT_DOWN:
    case VMG_DO_SIT:
    case VMG_DO_STAND_UP:
        return e != VMG_DO_SIT && e != VMG_DO_SIT_DOWN && e != VMG_DO_STAND_UP &&
               (k & (GAIT | LEG) || e == VMG_DO_BEND_FORWARD || e == VMG_DO_LEAN_BACK ||
                e == VMG_DO_CROUCH || e == VMG_DO_SQUAT);
    case VMG_DO_SPIN_LEFT:
    case VMG_DO_SPIN_RIGHT:
        return k & GAIT || small;
    case VMG_DO_LIE:
    case VMG_DO_CRAWL:
    case VMG_DO_KNEEL:
        return k & GAIT || small;
    case VMG_DO_SQUAT:
        return e == VMG_DO_BEND_FORWARD || e == VMG_DO_CROUCH;
    case VMG_DO_RUN:
        return e == VMG_DO_PUNCH_LEFT || e == VMG_DO_PUNCH_RIGHT || e == VMG_DO_BALANCE_LEFT ||
               e == VMG_DO_BALANCE_RIGHT;
    case VMG_DO_BALANCE_LEFT:
    case VMG_DO_BALANCE_RIGHT:
        return k & GAIT && e != VMG_DO_WALK_FORWARD;
    default:
        return false;
    }
}

static int drop_parts(vmg_clause *c, int n)
{
    bool drop[VMG_MAX_CLAUSES] = {false};
    int kept = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n && !drop[i]; j++)
            drop[i] = j != i && rules(c[j].what, c[i].what) &&
                      2 * overlap(c[i].first, c[i].n, c[j].first, c[j].n) >= c[i].n;
    for (int i = 0; i < n; i++)
        if (!drop[i])
            c[kept++] = c[i];
    return kept;
}

/* Gaits keep the frames that nothing whole-bodied takes; too few of them and the gait is dropped. */
static int drop_taken_gaits(const vmg_track *t, vmg_clause *c, int n, int64_t window)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        bool keep = true;
        if (traits[c[i].what].kind & GAIT) {
            int64_t left = 0;
            double way = 0;
            for (int64_t f = c[i].first; f < c[i].first + c[i].n; f++) {
                bool taken = false;
                for (int j = 0; j < n; j++)
                    taken |= traits[c[j].what].kind & WHOLE && f >= c[j].first &&
                             f < c[j].first + c[j].n;
                left += !taken;
                way += taken ? 0 : t->signal[VMG_SIG_SPEED][f] / t->fps;
            }
            bool stands = c[i].what == VMG_DO_STAND || c[i].what == VMG_DO_STAND_STILL;
            double least = stands ? still_s : gait_s;
            keep = (double)left >= VMG_MIN(least * t->fps, 0.6 * (double)window) &&
                   (stands || way >= 0.35);
        }
        if (keep)
            c[kept++] = c[i];
    }
    return kept;
}

/* ---- merging ---- */

static void join(vmg_clause *into, const vmg_clause *c)
{
    int64_t end = VMG_MAX(into->first + into->n, c->first + c->n);
    bool gait = traits[c->what].kind & GAIT;
    double total = (double)(into->n + c->n);
    into->value = gait ? (into->value * (double)into->n + c->value * (double)c->n) / total
                       : VMG_MAX(into->value, c->value);
    into->count += c->count;
    into->first = VMG_MIN(into->first, c->first);
    into->n = end - into->first;
}

static int merge_same(vmg_clause *c, int n)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        int into = -1;
        for (int j = 0; j < kept && into < 0; j++)
            if (c[j].what == c[i].what)
                into = j;
        if (into >= 0)
            join(&c[into], &c[i]);
        else
            c[kept++] = c[i];
    }
    return kept;
}

/* Left and right of a pair become one; turns, steps and punches only when they go to and fro. */
static int merge_sides(vmg_clause *c, int n)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        int left = vmg_behaviour_left_of(c[i].what), into = -1;
        for (int j = 0; left >= 0 && j < kept; j++)
            if (c[j].what != c[i].what && vmg_behaviour_left_of(c[j].what) == left)
                into = j;
        bool sways = left == VMG_DO_TURN_LEFT || left == VMG_DO_SIDESTEP_LEFT || left == VMG_DO_PUNCH_LEFT;
        if (into >= 0 && (!sways || c[into].count + c[i].count >= 3)) {
            join(&c[into], &c[i]);
            c[into].both = true;
            c[into].what = (enum vmg_behaviour)left;
        } else {
            c[kept++] = c[i];
        }
    }
    return kept;
}

/* ---- turns and speed of the whole window ---- */

/* A turn that is taken back within the window is swaying: not told, unless it is large. A window
 * that curves as a whole without one strong turn veers. */
static int judge_turns(const vmg_track *t, vmg_clause *c, int n, int64_t first, int64_t len,
                       bool may_veer)
{
    double net = deg * (t->signal[VMG_SIG_YAW][first + len - 1] - t->signal[VMG_SIG_YAW][first]);
    int kept = 0;
    bool turned = false, moves = false;
    for (int i = 0; i < n; i++) {
        bool turn = c[i].what == VMG_DO_TURN_LEFT || c[i].what == VMG_DO_TURN_RIGHT;
        double side = c[i].what == VMG_DO_TURN_LEFT ? 1 : -1;
        if (turn && c[i].value < 80 && side * net < 0.5 * c[i].value)
            continue;
        turned |= (traits[c[i].what].kind & TURN) != 0;
        moves |= (c[i].what == VMG_DO_WALK_FORWARD || c[i].what == VMG_DO_RUN) &&
                 2 * c[i].n > len;
        c[kept++] = c[i];
    }
    if (may_veer && moves && !turned && fabs(net) > 24 && kept < VMG_MAX_CLAUSES)
        c[kept++] = (vmg_clause){net > 0 ? VMG_DO_TURN_LEFT : VMG_DO_TURN_RIGHT, false, 1,
                                 fabs(net), first + len / 4, len / 2};
    return kept;
}

/* A change of speed within one gait. */
static int judge_speed(const vmg_track *t, vmg_clause *c, int n)
{
    for (int i = 0; i < n && n < VMG_MAX_CLAUSES; i++) {
        int64_t third = c[i].n / 3;
        if ((c[i].what != VMG_DO_WALK_FORWARD && c[i].what != VMG_DO_RUN) ||
            (double)c[i].n < 1.8 * t->fps)
            continue;
        double a = mean_speed(t, c[i].first, third),
               b = mean_speed(t, c[i].first + c[i].n - third, third);
        if (fabs(b - a) > 0.45 && (b > 1.4 * a || a > 1.4 * b)) {
            c[n++] = (vmg_clause){b > a ? VMG_DO_SPEED_UP : VMG_DO_SLOW_DOWN, false, 1, b - a,
                                  c[i].first + 2 * third, third};
            break;
        }
    }
    return n;
}

static int compare(const void *a, const void *b)
{
    const vmg_clause *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->what > y->what) - (x->what < y->what);
}

int vmg_caption_plan(const vmg_track *t, const vmg_events *events, int64_t first, int64_t n,
                     unsigned cover, vmg_clause out[VMG_MAX_CLAUSES])
{
    int k = 0;
    for (size_t i = 0; i < events->n && k < VMG_MAX_CLAUSES; i++)
        if (clip_event(t, &events->event[i], first, n, &out[k]))
            k++;
    k = drop_parts(out, k);
    k = drop_taken_gaits(t, out, k, n);
    k = judge_turns(t, out, k, first, n, !(cover & VMG_COVER_TURNS));
    int kept = 0;
    for (int i = 0; i < k; i++)
        if (!covered(out[i].what, cover))
            out[kept++] = out[i];
    k = merge_sides(out, merge_same(out, kept));
    k = judge_speed(t, out, k);
    qsort(out, (size_t)k, sizeof *out, compare);
    return k;
}
