/* Windows of a sample and what is said about them. */
#include "src/data/caption.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/data/caption_words.h"
#include "src/data/criteria.h"
#include "src/data/sample_json.h"

enum { SNAP = 8, MAX_SAID = 3, LONGEST = 160, SHORT_CLIP = 100, TRIES = 6 };

/* What the captions of one sample share. */
typedef struct author {
    vmg_sample *s;
    vmg_track track;
    vmg_events events;
    vmg_label_words label;
    bool has_label;
    vmg_dice dice;
    const vmg_caption_options *o;
    int rc;
} author;

const char *vmg_caption_label(const vmg_sample *s)
{
    for (int64_t i = 0; i < s->n_captions; i++)
        if (!strcmp(s->captions[i].source, "label"))
            return s->captions[i].text;
    return "";
}

/* Running through a bend is no faster than brisk walking: there the label decides. */
static void believe_label(author *a)
{
    static const double slowest_run_mps = 1.5;
    const char *label = vmg_caption_label(a->s);
    if (!strstr(label, "run") && !strstr(label, "Run") && !strstr(label, "jog"))
        return;
    for (size_t i = 0; i < a->events.n; i++) {
        vmg_event *e = &a->events.event[i];
        if (e->what == VMG_DO_WALK_FORWARD && e->value > slowest_run_mps)
            e->what = VMG_DO_RUN;
    }
}

/* ---- facts ---- */

static void put_facts(const author *a, const vmg_clause *c, int n, int64_t first, int64_t len,
                      vmg_buf *out)
{
    vmg_kinematics k;
    vmg_kinematics_measure(&a->track, first, len, &k);
    vmg_buf_puts(out, "{\"behaviours\":[");
    for (int i = 0; i < n; i++)
        vmg_buf_printf(out, "%s{\"what\":\"%s\",\"both\":%s,\"count\":%d,\"%s\":%.3g,"
                            "\"first\":%lld,\"n\":%lld}",
                       i ? "," : "", vmg_behaviour_name(c[i].what), c[i].both ? "true" : "false",
                       c[i].count, vmg_behaviour_value(c[i].what), c[i].value,
                       (long long)c[i].first, (long long)c[i].n);
    vmg_buf_puts(out, "],\"measured\":");
    vmg_kinematics_json(&k, out);
    vmg_buf_puts(out, "}");
}

/* ---- what is said ---- */

/* Keep the `want` most telling clauses, in their order; the one of `focus` (or -1) always. */
static int select_clauses(vmg_clause *c, int n, int want, int focus)
{
    while (n > want) {
        int weakest = -1;
        for (int i = 0; i < n; i++) {
            bool keep = focus >= 0 && ((int)c[i].what == focus ||
                                       (c[i].both && vmg_behaviour_left_of(c[i].what) ==
                                                         vmg_behaviour_left_of(
                                                             (enum vmg_behaviour)focus)));
            if (!keep && (weakest < 0 || vmg_behaviour_interest(c[i].what) <
                                             vmg_behaviour_interest(c[weakest].what)))
                weakest = i;
        }
        if (weakest < 0)
            return n;
        memmove(c + weakest, c + weakest + 1, (size_t)(n - 1 - weakest) * sizeof *c);
        n--;
    }
    return n;
}

/* Seconds in a row that both feet are off the floor. */
static bool off_floor(const author *a, int64_t first, int64_t n)
{
    vmg_kinematics k;
    vmg_kinematics_measure(&a->track, first, n, &k);
    return k.flight_s > 0.9;
}

/* What a label in a behaviour's own words says about a window: both sides do it. False where it is not found at least twice, and
 * once a second: who stands in guard between two punches is not boxing to look at. */
static bool label_clause(const author *a, int64_t first, int64_t n, vmg_clause *out)
{
    *out = (vmg_clause){.what = (enum vmg_behaviour)a->label.as, .both = true, .first = first, .n = n};
    for (size_t i = 0; i < a->events.n; i++) {
        const vmg_event *e = &a->events.event[i];
        if (vmg_behaviour_left_of(e->what) != a->label.as || e->first < first || e->first + e->n > first + n)
            continue;
        out->count++;
        out->value = VMG_MAX(out->value, e->value);
    }
    return out->count > 1 && out->count * a->s->fps >= n;
}

/* One caption of the window; false when there was nothing (new) to say. */
static bool add_caption(author *a, int64_t first, int64_t n, int focus)
{
    vmg_clause c[VMG_MAX_CLAUSES];
    static const int wants[] = {1, 2, 2, 2, 3, 3}, focused[] = {1, 1, 1, 2, 2, 3};
    bool off = off_floor(a, first, n), label = a->has_label;
    unsigned cover = 0;
    vmg_clause told;
    bool as_behaviour = label && a->label.as >= 0;
    if (as_behaviour)
        label = label_clause(a, first, n, &told);
    if (label && a->label.off_floor)
        label = off;
    if (label && a->label.measured)
        label = vmg_dice_chance(&a->dice, 0.25);
    if (label || (off && a->has_label && a->label.off_floor))
        cover = a->label.cover;
    int k = vmg_caption_plan(&a->track, &a->events, first, n, cover, c);
    int want = (focus < 0 ? wants : focused)[vmg_dice_below(&a->dice, VMG_COUNT(wants))];
    if (label)
        want = vmg_dice_chance(&a->dice, 0.55) ? 0 : 1;
    k = select_clauses(c, k, want, label ? -1 : focus);
    if (label && as_behaviour) {
        memmove(c + 1, c, (size_t)k++ * sizeof *c);
        c[0] = told;
        label = false;
    }
    if (k == 0 && !label)
        return false;
    vmg_buf text = {0}, facts = {0};
    vmg_caption_say(c, k, label ? &a->label : NULL, &a->dice, &text);
    put_facts(a, c, k, first, n, &facts);
    enum vmg_criterion criterion;
    int prompt;
    bool fresh = !text.failed && !facts.failed &&
                 !(vmg_criterion_find_prompt(text.data, &criterion, &prompt) && prompt < VMG_CRITERION_JUDGING);
    for (int64_t i = 0; fresh && i < a->s->n_captions; i++) {
        const vmg_caption *o = &a->s->captions[i];
        fresh = o->first != first || o->n != n || strcmp(o->text, text.data);
    }
    if (text.failed || facts.failed)
        a->rc = VMG_E_NOMEM;
    else if (fresh)
        a->rc = vmg_sample_add_caption(a->s, text.data, first, n, VMG_CAPTION_SOURCE, facts.data);
    vmg_buf_free(&text);
    vmg_buf_free(&facts);
    return fresh;
}

static void add_captions(author *a, int64_t first, int64_t n, int want, int focus)
{
    int times = VMG_MAX(a->o->wordings, 1) * (focus < 0 ? 1 : VMG_MAX(a->o->more[focus], 1));
    want *= times;
    for (int tries = 0; want > 0 && tries < TRIES * times && !a->rc; tries++)
        want -= add_caption(a, first, n, focus);
}

/* ---- windows ---- */

/* The beginning or end of a lasting behaviour nearest to a frame, if one is near. */
static int64_t snap(const author *a, int64_t frame)
{
    int64_t best = frame, distance = SNAP + 1;
    for (size_t i = 0; i < a->events.n; i++) {
        const vmg_event *e = &a->events.event[i];
        int64_t end[2] = {e->first, e->first + e->n};
        for (int k = 0; k < 2 && !vmg_behaviour_is_arms(e->what); k++)
            if (llabs(end[k] - frame) < distance) {
                distance = llabs(end[k] - frame);
                best = end[k];
            }
    }
    return VMG_MIN(VMG_MAX(best, 0), a->s->T);
}

/* Windows of four lengths in turn, each overlapping the one before by about half. */
static void slide(author *a)
{
    static const int64_t length[] = {100, 60, 140, 80};
    int64_t at = 0, T = a->s->T;
    for (int i = 0; at < T && !a->rc; i++) {
        int64_t n = VMG_MIN(length[i % 4], T - at), from = at ? snap(a, at) : 0,
                to = at + n < T ? snap(a, at + n) : T;
        if (T - at < 30 && at > 0)
            break;
        if (to - from >= 30 && to - from <= LONGEST)
            add_captions(a, from, to - from, 2, -1);
        at += n / 2;
    }
}

/* More captions where the sought-for is rare. */
static int event_captions(enum vmg_behaviour b)
{
    int interest = vmg_behaviour_interest(b);
    return interest >= 9 ? 4 : interest >= 7 ? 2 : interest >= 5 ? 1 : 0;
}

/* Frames for up to `seconds`, evenly drawn. */
static int64_t draw_frames(author *a, double seconds)
{
    return vmg_dice_below(&a->dice, (int)(seconds * a->s->fps) + 1);
}

/* Draw a window in so that it does not begin or end within another moment than its own, e: half a jump is none. */
static void spare_moments(const author *a, const vmg_event *e, int64_t *from, int64_t *to)
{
    for (size_t i = 0; i < a->events.n; i++) {
        const vmg_event *o = &a->events.event[i];
        int64_t end = o->first + o->n;
        if (o == e || !vmg_behaviour_is_moment(o->what))
            continue;
        if (o->first < *from && end > *from && end <= e->first)
            *from = end;
        if (o->first < *to && end > *to && o->first >= e->first + e->n)
            *to = o->first;
    }
}

/* Windows around each event of interest, of at least 2 s where the clip has them: the first close
 * about it, others with more of what comes before and after. Punches come in series, which are
 * shown for as long as they will be asked for. */
static void visit_events(author *a)
{
    const double before_s = 0.3, after_s = 0.7, more_s = 1.5, series_s = 2;
    int64_t least = (int64_t)(2 * a->s->fps), T = a->s->T;
    for (size_t i = 0; i < a->events.n && !a->rc; i++) {
        const vmg_event *e = &a->events.event[i];
        const bool series = vmg_behaviour_is_moment(e->what) && vmg_behaviour_is_arms(e->what);
        for (int k = 0, n = event_captions(e->what); k < n && !a->rc; k++) {
            double slack_s = series ? series_s : k ? more_s : 0;
            int64_t from = e->first - (int64_t)(before_s * a->s->fps) - draw_frames(a, slack_s),
                    to = e->first + e->n + (int64_t)(after_s * a->s->fps) + draw_frames(a, slack_s);
            from = VMG_MAX(from, 0);
            to = VMG_MIN(to, T);
            spare_moments(a, e, &from, &to);
            if (to - from < least) {
                from = VMG_MAX(VMG_MIN(from - (least - (to - from)) / 2, T - least), 0);
                to = VMG_MIN(from + least, T);
            }
            if (to - from <= LONGEST && (to - from < T || T > SHORT_CLIP))
                add_captions(a, from, to - from, 1, (int)e->what);
        }
    }
}

int vmg_caption_sample(vmg_sample *s, const vmg_caption_options *o)
{
    author a = {.s = s, .dice = vmg_dice_from(s->id, o->seed), .o = o};
    if (!s->x || s->T < 1)
        return vmg_fail(VMG_E_ARG, "%s has no motion to describe", s->id);
    vmg_sample_drop_captions(s, VMG_CAPTION_SOURCE);
    a.has_label = vmg_label_words_find(vmg_caption_label(s), &a.label);
    a.rc = vmg_track_make(s->x, s->T, s->fps, &a.track);
    if (!a.rc)
        a.rc = vmg_events_find(&a.track, &a.events);
    if (!a.rc)
        believe_label(&a);
    if (!a.rc && s->T <= LONGEST)
        add_captions(&a, 0, s->T, 4, -1);
    if (!a.rc && s->T > SHORT_CLIP)
        slide(&a);
    else if (!a.rc && s->T >= 60) {
        add_captions(&a, 0, s->T * 7 / 10, 1, -1);
        add_captions(&a, s->T * 3 / 10, s->T - s->T * 3 / 10, 1, -1);
    }
    if (!a.rc)
        visit_events(&a);
    vmg_events_free(&a.events);
    vmg_track_free(&a.track);
    return a.rc;
}
