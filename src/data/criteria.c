/* Judging motions by what was asked for. */
#include "src/data/criteria.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/data/caption_plan.h"
#include "src/motion/rep276.h"

static const vmg_criterion_info infos[VMG_N_CRITERIA] = {
#define VMG_CRITERION(id, name, behaviour, low, high, frames, prompts)                             \
    [VMG_MUST_##id] = {name, prompts, VMG_DO_##behaviour, low, high, frames},
#include "src/data/criteria.def"
#undef VMG_CRITERION
};

const vmg_criterion_info *vmg_criterion_get(enum vmg_criterion c)
{
    return &infos[c];
}

void vmg_criterion_prompt(enum vmg_criterion c, int k, char *out, size_t n)
{
    const char *at = infos[c].prompts;
    for (; k > 0; k--)
        at = strchr(at, '|') + 1;
    snprintf(out, n, "%.*s", (int)strcspn(at, "|"), at);
}

/* The next letter or digit in small, ' ' for whatever parts words, 0 at the end (which is also at `stop`). */
static int next_letter(const char **at, char stop)
{
    const char *p = *at;
    while (*p && *p != stop && !isalnum((unsigned char)*p))
        p++;
    bool gap = p > *at;
    bool end = !*p || *p == stop;
    *at = p + !(gap || end);
    return end ? 0 : gap ? ' ' : tolower((unsigned char)*p);
}

bool vmg_criterion_same_words(const char *text, const char *prompt)
{
    int a, b;
    text += strspn(text, " ");
    do {
        a = next_letter(&text, 0);
        b = next_letter(&prompt, '|');
    } while (a && a == b);
    return a == b;
}

bool vmg_criterion_find_prompt(const char *text, enum vmg_criterion *c, int *k)
{
    for (int i = 0; i < VMG_N_CRITERIA; i++) {
        const char *at = infos[i].prompts;
        for (int j = 0; at; j++) {
            if (vmg_criterion_same_words(text, at)) {
                *c = (enum vmg_criterion)i;
                *k = j;
                return true;
            }
            at = strchr(at, '|');
            at += at ? 1 : 0;
        }
    }
    return false;
}

/* ---- measuring ---- */

static double mean(const double *y, int64_t first, int64_t n)
{
    double sum = 0;
    for (int64_t i = first; i < first + n; i++)
        sum += y[i] / (double)n;
    return sum;
}

static double extreme(const double *y, int64_t first, int64_t n, int sign)
{
    double v = y[first];
    for (int64_t i = first; i < first + n; i++)
        v = sign * y[i] > sign * v ? y[i] : v;
    return v;
}

static int64_t frames(const vmg_track *t, double seconds)
{
    return VMG_MIN(VMG_MAX((int64_t)(seconds * t->fps), 1), t->T);
}

static double walks(const vmg_track *t)
{
    double ahead = 0;
    for (int64_t i = 0; i < frames(t, 4); i++)
        ahead += t->signal[VMG_SIG_AHEAD][i] / t->fps;
    return ahead;
}

static double turned(const vmg_track *t)
{
    const double *yaw = t->signal[VMG_SIG_YAW];
    return 57.29577951308232 * (yaw[t->T - 1] - yaw[0]);
}

/* Highest rise of the pelvis over where it began, in frames of a flight of two or more. */
static double jumps_up(const vmg_track *t)
{
    const double *z = t->signal[VMG_SIG_PELVIS_Z];
    double start = mean(z, 0, frames(t, 0.25)), rise = 0;
    for (int64_t i = 1; i < t->T; i++)
        if (vmg_in_flight(t, i) && vmg_in_flight(t, i - 1))
            rise = VMG_MAX(rise, z[i] - start);
    return rise;
}

static double jumps_forward(const vmg_track *t)
{
    double ahead = 0;
    for (int64_t i = 0; i < t->T; i++)
        ahead += t->signal[VMG_SIG_AHEAD][i] / t->fps;
    /* a run has flights too */
    return jumps_up(t) > 0.05 && ahead * t->fps / (double)t->T < 1.6 ? ahead : 0;
}

static double sits_down(const vmg_track *t)
{
    const double *z = t->signal[VMG_SIG_PELVIS_Z];
    int64_t n = frames(t, 0.5), last = t->T - n;
    double start = extreme(z, 0, frames(t, 1), 1);
    bool steady = extreme(z, last, n, 1) - extreme(z, last, n, -1) < 0.12;
    return steady ? start - mean(z, last, n) : 0;
}

static double squats(const vmg_track *t)
{
    const double *z = t->signal[VMG_SIG_PELVIS_Z];
    int64_t n = frames(t, 0.25);
    double start = mean(z, 0, n), end = mean(z, t->T - n, n);
    return fabs(end - start) < 0.15 ? start - extreme(z, 0, t->T, -1) : 0;
}

static bool raised(const vmg_track *t, const void *side, int64_t i)
{
    return t->signal[VMG_SIG_WRIST_UP + *(const int *)side][i] > 0;
}

static double waves(const vmg_track *t)
{
    double most = 0;
    for (int s = 0; s < 2; s++) {
        int64_t first, n, times = 0;
        for (int64_t at = 0; vmg_next_run(t, raised, &s, at, 1, 2, &first, &n); at = first + n) {
            /* swings to the side while up count as well */
            const double *out = t->signal[VMG_SIG_WRIST_OUT + s];
            double low = out[first], high = out[first];
            int direction = 0;
            times++;
            for (int64_t i = first; i < first + n; i++) {
                low = VMG_MIN(low, out[i]);
                high = VMG_MAX(high, out[i]);
                if (direction <= 0 && out[i] > low + 0.1) {
                    times += direction < 0;
                    direction = 1;
                    high = out[i];
                } else if (direction >= 0 && out[i] < high - 0.1) {
                    times += direction > 0;
                    direction = -1;
                    low = out[i];
                }
            }
        }
        most = VMG_MAX(most, (double)times);
    }
    return most;
}

/* Changes of the leading hand: swings of at least 0.15 m of one wrist ahead of the other, while both
 * are up. */
static double boxes(const vmg_track *t)
{
    const double swing_m = 0.15, guard_m = -0.2, highest_m = 0.35;
    const double *ahead[2] = {t->signal[VMG_SIG_WRIST_AHEAD], t->signal[VMG_SIG_WRIST_AHEAD + 1]};
    const double *up[2] = {t->signal[VMG_SIG_WRIST_UP], t->signal[VMG_SIG_WRIST_UP + 1]};
    double low = ahead[0][0] - ahead[1][0], high = low, changes = 0;
    int leader = -1;
    for (int64_t i = 0; i < t->T; i++) {
        double lead = ahead[0][i] - ahead[1][i];
        low = VMG_MIN(low, lead);
        high = VMG_MAX(high, lead);
        int now = leader != 0 && lead > low + swing_m    ? 0
                  : leader != 1 && lead < high - swing_m ? 1
                                                         : -1;
        if (now < 0)
            continue;
        changes += up[0][i] > guard_m && up[1][i] > guard_m && up[now][i] < highest_m;
        leader = now;
        low = high = lead;
    }
    return changes;
}

static double kicks(const vmg_track *t)
{
    double highest = 0;
    for (int64_t i = 0; i < t->T; i++)
        for (int s = 0; s < 2; s++) {
            double z = VMG_MAX(t->signal[VMG_SIG_ANKLE_Z + s][i], t->signal[VMG_SIG_TOE_Z + s][i]);
            bool upright = t->signal[VMG_SIG_HEAD_Z][i] > t->signal[VMG_SIG_PELVIS_Z][i] + 0.25;
            if (upright && t->signal[VMG_SIG_ANKLE_Z + !s][i] < 0.3)
                highest = VMG_MAX(highest, z);
        }
    return highest;
}

static double head_down(const vmg_track *t)
{
    double under = -1e9;
    for (int64_t i = 0; i < t->T; i++)
        under = VMG_MAX(under, t->signal[VMG_SIG_PELVIS_Z][i] - t->signal[VMG_SIG_HEAD_Z][i]);
    return under;
}

static double balances(const vmg_track *t)
{
    vmg_kinematics k;
    vmg_kinematics_measure(t, 0, t->T, &k);
    return k.speed_mps < 0.5 ? VMG_MAX(k.one_foot_s[0], k.one_foot_s[1]) : 0;
}

static double speed(const vmg_track *t)
{
    return mean(t->signal[VMG_SIG_SPEED], 0, t->T);
}

static double busy(const vmg_track *t)
{
    return mean(t->signal[VMG_SIG_BUSY], 0, t->T);
}

/* How each is measured, times `sign`, and what at least it must be (NAN: compared with others). */
static const struct {
    double (*measure)(const vmg_track *t);
    double sign, least;
} rules[VMG_N_CRITERIA] = {
    [VMG_MUST_WALK_FORWARD] = {walks, 1, 1.0},
    [VMG_MUST_WALK_SLOWLY] = {speed, 1, NAN},
    [VMG_MUST_WALK_BRISKLY] = {speed, 1, NAN},
    [VMG_MUST_RUN] = {speed, 1, NAN},
    [VMG_MUST_TURN_LEFT] = {turned, 1, 45},
    [VMG_MUST_TURN_RIGHT] = {turned, -1, 45},
    [VMG_MUST_JUMP_UP] = {jumps_up, 1, 0.15},
    [VMG_MUST_JUMP_FORWARD] = {jumps_forward, 1, 0.4},
    [VMG_MUST_SIT_DOWN] = {sits_down, 1, 0.2},
    [VMG_MUST_SQUAT] = {squats, 1, 0.2},
    [VMG_MUST_WAVE] = {waves, 1, 2},
    [VMG_MUST_BOX] = {boxes, 1, 3},
    [VMG_MUST_KICK] = {kicks, 1, 0.5},
    [VMG_MUST_CARTWHEEL] = {head_down, 1, 0},
    [VMG_MUST_BALANCE] = {balances, 1, 1},
    [VMG_MUST_STAND_STILL] = {busy, 1, NAN},
};

int vmg_criterion_measure(enum vmg_criterion c, const float *x, int64_t T, double fps,
                          double *value)
{
    vmg_track t;
    int rc = vmg_track_make(x, T, fps, &t);
    if (rc)
        return rc;
    *value = rules[c].sign * rules[c].measure(&t);
    vmg_track_free(&t);
    return VMG_OK;
}

int vmg_criterion_speeds(const float *x, int64_t T, double fps, double *busy_mps,
                         double *speed_mps)
{
    vmg_track t;
    int rc = vmg_track_make(x, T, fps, &t);
    if (rc)
        return rc;
    *busy_mps = busy(&t);
    *speed_mps = speed(&t);
    vmg_track_free(&t);
    return VMG_OK;
}

/* Speeds closer than this have no order. */
static const double order_mps = 0.05;

bool vmg_criterion_passes(enum vmg_criterion c, double value, const vmg_criterion_context *with)
{
    if (!isnan(rules[c].least))
        return value >= rules[c].least;
    switch (c) {
    case VMG_MUST_WALK_SLOWLY:
        return value < with->brisk_mps - order_mps && value > 0.2;
    case VMG_MUST_WALK_BRISKLY:
        return value > with->slow_mps + order_mps;
    case VMG_MUST_RUN:
        return value > with->walk_mps + 0.3;
    default:
        return value < with->least_busy_mps;
    }
}

/* True when an event is what a criterion asks for; of pairs both sides count, but turns have a
 * criterion each. */
static bool stands_for(const vmg_event *e, const vmg_criterion_info *info)
{
    int left = vmg_behaviour_left_of(info->behaviour);
    bool turn = left == VMG_DO_TURN_LEFT;
    bool same = e->what == info->behaviour ||
                (left >= 0 && !turn && vmg_behaviour_left_of(e->what) == left);
    return same && e->value >= info->low && e->value < info->high;
}

/* The only behaviour that a computed caption tells; false if there are others or none. */
static bool tells_one(const vmg_caption *c, vmg_event *out)
{
    cJSON *facts = c->facts ? cJSON_Parse(c->facts) : NULL;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(facts, "behaviours");
    const cJSON *told = cJSON_GetArraySize(list) == 1 ? cJSON_GetArrayItem(list, 0) : NULL;
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(told, "what"));
    int what = name ? vmg_behaviour_find(name) : -1;
    if (what >= 0) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(
            told, vmg_behaviour_value((enum vmg_behaviour)what));
        *out = (vmg_event){(enum vmg_behaviour)what, c->first, c->n,
                           cJSON_IsNumber(value) ? value->valuedouble : 0};
    }
    cJSON_Delete(facts);
    return what >= 0;
}

static int judge_windows(const vmg_sample *s, vmg_criterion_evidence *out)
{
    int rc = VMG_OK;
    for (int64_t k = 0; !rc && k < s->n_captions; k++) {
        vmg_event told;
        if (!tells_one(&s->captions[k], &told))
            continue;
        for (int c = 0; !rc && c < VMG_N_CRITERIA; c++) {
            double value;
            if (isnan(rules[c].least) || !stands_for(&told, &infos[c]) || c == VMG_MUST_BOX)
                continue; /* boxing is what labels say: computed captions tell single punches */
            rc = vmg_criterion_measure((enum vmg_criterion)c, s->x + told.first * VMG_REP_DIM,
                                       told.n, s->fps, &value);
            out[c].n_windows += !rc;
            out[c].n_obeying += !rc && vmg_criterion_passes((enum vmg_criterion)c, value, NULL);
        }
    }
    return rc;
}

static int add_seconds(const vmg_sample *s, vmg_criterion_evidence *out)
{
    vmg_track t;
    vmg_events e = {0};
    int rc = vmg_track_make(s->x, s->T, s->fps, &t);
    if (rc)
        return rc;
    rc = vmg_events_find(&t, &e);
    for (size_t k = 0; !rc && k < e.n; k++)
        for (int c = 0; c < VMG_N_CRITERIA; c++)
            if (stands_for(&e.event[k], &infos[c]))
                out[c].seconds += (double)e.event[k].n / s->fps;
    vmg_events_free(&e);
    vmg_track_free(&t);
    return rc;
}

int vmg_criterion_find_evidence(const vmg_dataset *ds, vmg_criterion_evidence out[VMG_N_CRITERIA])
{
    int rc = VMG_OK;
    memset(out, 0, VMG_N_CRITERIA * sizeof *out);
    for (int64_t i = 0; !rc && i < vmg_dataset_count(ds); i++) {
        vmg_sample s;
        if (vmg_dataset_held_out(ds, i))
            continue;
        rc = vmg_dataset_read(ds, i, &s);
        if (rc == VMG_E_FORMAT) {
            rc = VMG_OK;
            continue;
        }
        if (!rc)
            rc = add_seconds(&s, out);
        if (!rc)
            rc = judge_windows(&s, out);
        vmg_sample_free(&s);
    }
    return rc;
}
