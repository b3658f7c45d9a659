/* Running over a data set: captions, counts, agreement with labels. */
#include "src/data/caption_set.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/data/caption.h"
#include "src/data/dataset_write.h"

/*
 * Facts that labels state: a label that contains one of `label` and none of `unless`; a sentence
 * agrees when it contains one of `agree`, contradicts when it contains one of `against` and no
 * agreeing word. Lists are parted by '|'.
 */
static const struct {
    const char *fact, *label, *unless, *agree, *against;
    bool whole; /* judged on sentences about at least 80% of the clip */
} facts[] = {
    {"turns left", "left turn|veer left|run left|turn left", "side step",
     "left|counterclockwise", "right|turns around", true},
    {"turns right", "right turn|veer right|run right|turn right", "side step", "right| clockwise",
     "left|turns around", true},
    {"jumps", "jump|leap", "jumping jacks|run jump stop|playground|grab",
     "jump|leap|hop", "squat|crouch", true},
    {"jumps forward", "forward jump", "playground",
     "jump forward|jumps forward|forward|ahead|long jump|jumping forward", "jumps up|jump up", true},
    {"walks", "walk", "run|jog|uneven|navigate", "walk|step|stroll|stride|forward",
     "run|jog|sprint|stand still|backward", true},
    {"runs", "run", "walk|stop|duck|over|leap|jump|step|roll", "run|jog|sprint", "walk|step", true},
    {"walks slowly", "slow walk", "stride", "slow|stroll|small", "brisk|quick|fast|stride", true},
    {"sits", "stepstool", "", "sit|seat", "", false},
    {"squats", "squats", "", "squat|crouch|bend", "", false},
    {"does jumping jacks", "jumping jacks", "", "jacks", "", false},
    {"kicks", "front kick|mawashigeri|yokogeri", "", "kick", "", false},
    {"punches", "boxing|punch|oiduki", "", "punch|box", "", false},
    {"does a cartwheel", "cartwheel", "", "cartwheel", "", false},
    {"balances on one leg", "balance on one leg", "", "one leg|one foot|leg|left foot|right foot",
     "", false},
    {"waves", "wave|directing traffic", "", "wave|waving|traffic", "", false},
    {"bends or squats", "bend over", "jumping", "bend|squat|lean|crouch|pick", "", false},
    {"walks backward", "backward", "", "backward|back", "", false},
};

static bool contains_any(const char *text, const char *list)
{
    while (*list) {
        size_t n = strcspn(list, "|");
        for (const char *p = text; *p && n; p++)
            if (!strncmp(p, list, n))
                return true;
        list += n + (list[n] == '|');
    }
    return false;
}

static void lower(const char *text, char *out, size_t n)
{
    size_t i = 0;
    for (; text[i] && i + 1 < n; i++)
        out[i] = (char)tolower((unsigned char)text[i]);
    out[i] = 0;
}

static void compare_with_label(const vmg_sample *s, vmg_caption_report *r)
{
    char label[256], text[512];
    lower(vmg_caption_label(s), label, sizeof label);
    for (size_t f = 0; f < VMG_COUNT(facts); f++) {
        vmg_agreement *a = &r->agreement[f];
        a->fact = facts[f].fact;
        if (!contains_any(label, facts[f].label) || contains_any(label, facts[f].unless))
            continue;
        bool said = false;
        for (int64_t i = 0; i < s->n_captions; i++) {
            const vmg_caption *c = &s->captions[i];
            if (strcmp(c->source, VMG_CAPTION_SOURCE) ||
                (facts[f].whole && 10 * c->n < 8 * s->T))
                continue;
            lower(c->text, text, sizeof text);
            bool agrees = contains_any(text, facts[f].agree);
            a->n_agree += agrees;
            a->n_contradict += !agrees && contains_any(text, facts[f].against);
            said |= agrees;
        }
        a->n_clips++;
        a->n_clips_said += said;
    }
}

/* Seconds of each behaviour, and captions whose facts name it. */
static int count_behaviours(const vmg_sample *s, vmg_caption_report *r)
{
    vmg_track t;
    vmg_events e = {0};
    int rc = vmg_track_make(s->x, s->T, s->fps, &t);
    if (!rc)
        rc = vmg_events_find(&t, &e);
    for (size_t i = 0; i < e.n; i++)
        r->behaviour_s[e.event[i].what] += (double)e.event[i].n / s->fps;
    for (int64_t i = 0; !rc && i < s->n_captions; i++)
        for (int b = 0; s->captions[i].facts && b < VMG_N_BEHAVIOURS; b++) {
            char key[64];
            snprintf(key, sizeof key, "\"what\":\"%s\"",
                     vmg_behaviour_name((enum vmg_behaviour)b));
            r->behaviour_captions[b] += strstr(s->captions[i].facts, key) != NULL;
        }
    vmg_events_free(&e);
    vmg_track_free(&t);
    return rc;
}

/* What one pass over the set does. */
typedef struct pass {
    const vmg_caption_set_options *o;
    vmg_caption_options how;
    vmg_dataset_writer *w; /* NULL: count only */
    int64_t before;        /* samples that earlier passes have seen */
    int n_passes;
} pass;

static int one_sample(const vmg_dataset *ds, int64_t i, const pass *p, vmg_caption_report *r)
{
    vmg_sample s;
    int rc = vmg_dataset_read(ds, i, &s);
    if (rc == VMG_E_FORMAT) {
        r->n_damaged++;
        if (p->before == 0)
            vmg_logf(&p->o->log, VMG_LOG_WARN, "%s: left out", vmg_error_message());
        return VMG_OK;
    }
    if (!rc)
        rc = vmg_caption_sample(&s, &p->how);
    for (int64_t k = 0; !rc && k < s.n_captions; k++)
        r->n_captions += !strcmp(s.captions[k].source, VMG_CAPTION_SOURCE);
    if (!rc && !vmg_dataset_held_out(ds, i))
        rc = count_behaviours(&s, r);
    if (!rc)
        compare_with_label(&s, r);
    if (!rc && p->w)
        rc = vmg_dataset_writer_copy(p->w, ds, i, &s, vmg_dataset_held_out(ds, i));
    r->n_samples += !rc;
    vmg_sample_free(&s);
    return rc;
}

static int visit(const vmg_dataset *ds, const pass *p, vmg_caption_report *report)
{
    const vmg_caption_set_options *o = p->o;
    int64_t n = vmg_dataset_count(ds);
    int rc = VMG_OK;
    *report = (vmg_caption_report){.n_agreements = (int)VMG_COUNT(facts)};
    for (int64_t i = 0; !rc && i < n; i++) {
        rc = one_sample(ds, i, p, report);
        if (!rc && o->progress && o->progress(o->user, p->before + i + 1, p->n_passes * n))
            rc = vmg_fail(VMG_E_INTERRUPTED, "interrupted");
    }
    return rc;
}

/* How many times as many captions each behaviour needs. */
static void want_more(const vmg_caption_report *counted, int64_t at_least, int more[VMG_N_BEHAVIOURS])
{
    for (int b = 0; b < VMG_N_BEHAVIOURS; b++) {
        int64_t has = counted->behaviour_captions[b];
        more[b] = has ? (int)VMG_MIN((at_least + has - 1) / has, VMG_CAPTION_MOST_TIMES) : 1;
    }
}

int vmg_caption_set(const char *dir, const vmg_caption_set_options *o, vmg_caption_report *report)
{
    vmg_dataset *ds;
    pass p = {.o = o, .how = {.seed = o->seed, .wordings = o->wordings}, .n_passes = o->at_least > 0 ? 2 : 1};
    *report = (vmg_caption_report){0};
    int rc = vmg_dataset_open(dir, &ds);
    if (rc)
        return rc;
    if (o->at_least > 0) {
        rc = visit(ds, &p, report);
        want_more(report, o->at_least, p.how.more);
        p.before = vmg_dataset_count(ds);
    }
    if (!rc && !o->dry)
        rc = vmg_dataset_writer_open(dir, 0, &p.w);
    if (!rc)
        rc = visit(ds, &p, report);
    if (!rc && p.w)
        rc = vmg_dataset_writer_commit(p.w, vmg_dataset_mean(ds), vmg_dataset_std(ds));
    vmg_dataset_writer_free(p.w);
    vmg_dataset_close(ds);
    return rc;
}
