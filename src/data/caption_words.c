/* Saying clauses in varied words. */
#include "src/data/caption_words.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/data/mirror_text.h"

/* ---- choices ---- */

vmg_dice vmg_dice_from(const char *name, uint64_t seed)
{
    uint64_t h = 0xcbf29ce484222325u ^ seed;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001b3u;
    return (vmg_dice){h};
}

uint64_t vmg_dice_below(vmg_dice *d, uint64_t n)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % n;
}

bool vmg_dice_chance(vmg_dice *d, double p)
{
    return (double)vmg_dice_below(d, 1u << 30) < p * (1u << 30);
}

/* ---- tables ---- */

enum role {
    SAY,      /* the behaviour itself, after a subject */
    SENTENCE, /* the same with the subject, or without any */
    LEAD,     /* what is done just before, as a part of it */
    FINISH,   /* and just after */
    TAIL      /* manner, place or limbs: after it, or before the subject */
};
typedef struct wording {
    enum role role;
    enum vmg_behaviour what;
    double low, high;
    const char *text;
} wording;

#define VMG_WORDING(id, ...) {SAY, VMG_DO_##id, __VA_ARGS__},
#define VMG_SENTENCE(id, ...) {SENTENCE, VMG_DO_##id, __VA_ARGS__},
#define VMG_LEAD(id, ...) {LEAD, VMG_DO_##id, __VA_ARGS__},
#define VMG_FINISH(id, ...) {FINISH, VMG_DO_##id, __VA_ARGS__},
#define VMG_TAIL(id, ...) {TAIL, VMG_DO_##id, __VA_ARGS__},
static const wording one_side[] = {
#include "src/data/wordings.def"
};
static const wording both_sides[] = {
#include "src/data/wordings/both.def"
};
#undef VMG_WORDING
#undef VMG_SENTENCE
#undef VMG_LEAD
#undef VMG_FINISH
#undef VMG_TAIL

/* Where the rows of each behaviour lie: they stand together, but for what others have between them. */
typedef struct row_range {
    size_t first, end;
} row_range;
static row_range ranges[2][VMG_N_BEHAVIOURS]; /* of one side, of both */
static pthread_once_t ranges_once = PTHREAD_ONCE_INIT;

static void find_ranges_in(const wording *w, size_t n, row_range *range)
{
    for (size_t i = 0; i < n; i++) {
        row_range *r = &range[w[i].what];
        if (r->end == 0)
            r->first = i;
        r->end = i + 1;
    }
}

static void find_ranges(void)
{
    find_ranges_in(one_side, VMG_COUNT(one_side), ranges[0]);
    find_ranges_in(both_sides, VMG_COUNT(both_sides), ranges[1]);
}

enum {
    ARMS = VMG_COVER_ARMS,
    LEGS = VMG_COVER_LEGS,
    TURNS = VMG_COVER_TURNS,
    STEPS = VMG_COVER_STEPS,
    POSTURE = VMG_COVER_POSTURE,
    OFF_FLOOR = 1 << 8,
    MEASURED = 1 << 9
};
static const struct {
    const char *part;
    unsigned flags;
    const char *text;
    int as; /* behaviour, or -1 */
} labels[] = {
#define VMG_LABEL(part, flags, text) {part, flags, text, -1},
#define VMG_LABEL_AS(part, flags, behaviour) {part, flags, "", VMG_DO_##behaviour},
#include "src/data/label_words.def"
#undef VMG_LABEL
#undef VMG_LABEL_AS
};

/* Who does it, and which pronouns follow; several rows of one are its weight. */
static const struct {
    const char *who, *their, *themselves, *they;
} subjects[] = {
    {"a person", "their", "themselves", "they"},
    {"a person", "their", "themselves", "they"},
    {"a person", "their", "themselves", "they"},
    {"a person", "their", "themselves", "they"},
    {"a person", "their", "themselves", "they"},
    {"the person", "their", "themselves", "they"},
    {"someone", "their", "themselves", "they"},
    {"someone", "their", "themselves", "they"},
    {"somebody", "their", "themselves", "they"},
    {"a man", "his", "himself", "he"},
    {"a man", "his", "himself", "he"},
    {"the man", "his", "himself", "he"},
    {"this man", "his", "himself", "he"},
    {"a woman", "her", "herself", "she"},
    {"a woman", "her", "herself", "she"},
    {"the woman", "her", "herself", "she"},
    {"a girl", "her", "herself", "she"},
    {"a boy", "his", "himself", "he"},
    {"a guy", "his", "himself", "he"},
    {"a figure", "its", "itself", "it"},
    {"the figure", "its", "itself", "it"},
    {"a human", "their", "themselves", "they"},
    {"the human", "their", "themselves", "they"},
    {"a character", "their", "themselves", "they"},
    {"the character", "their", "themselves", "they"},
    {"the subject", "their", "themselves", "they"},
    {"an actor", "his", "himself", "he"},
    {"this person", "their", "themselves", "they"},
    {"he", "his", "himself", "he"},
    {"she", "her", "herself", "she"},
};

/* ---- inflection ---- */

static const struct {
    const char *base, *third, *gerund;
} irregular[] = {
    {"do", "does", "doing"}, {"go", "goes", "going"},   {"have", "has", "having"},
    {"lie", "lies", "lying"}, {"be", "is", "being"},  {"mimic", "mimics", "mimicking"},
    {"tiptoe", "tiptoes", "tiptoeing"}, {"plie", "plies", "plieing"},
};

/* Verbs that double their last letter before -ing. */
static const char *const doubling[] = {"run", "sit", "squat", "hop", "spin", "jog", "step", "stop",
                                       "mop", "get", "dip", "swim", "sidestep", "put", "grab", "begin",
                                       "jab", "sip", "scrub", "rub", "let", "set", "drop", "plop", "plod", "flip",
                                       "whip", "hit", "rip", "tip", "slip", "flop", "pop", "swap", "bob", "stab", "thud", "cut", "quit",
                                       "control", "propel", "clap", "snap", "trot", "spar",
                                       "bid", "bunny-hop", "clip", "drag", "flag", "flap", "grip", "kangaroo-hop", "lag", "leapfrog",
                                       "leg", "pad", "peg", "sag", "schlep", "nip", "spot", "tap", "drum", "skip", "slog", "slug", "stir", "strut", "wag", "zip"};

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static void third_person(const char *v, vmg_buf *out)
{
    static const char *const hissing[] = {"s", "x", "z", "ch", "sh", "o"};
    size_t n = strlen(v);
    if (n > 1 && v[n - 1] == 'y' && !strchr("aeiou", v[n - 2])) {
        vmg_buf_append(out, v, n - 1);
        vmg_buf_puts(out, "ies");
        return;
    }
    vmg_buf_puts(out, v);
    for (size_t i = 0; i < VMG_COUNT(hissing); i++)
        if (ends_with(v, hissing[i])) {
            vmg_buf_puts(out, "es");
            return;
        }
    vmg_buf_puts(out, "s");
}

static void gerund(const char *v, vmg_buf *out)
{
    size_t n = strlen(v);
    bool drops_e = n > 2 && v[n - 1] == 'e' && v[n - 2] != 'e';
    vmg_buf_append(out, v, drops_e ? n - 1 : n);
    for (size_t i = 0; i < VMG_COUNT(doubling); i++)
        if (!strcmp(v, doubling[i]))
            vmg_buf_append(out, v + n - 1, 1);
    vmg_buf_puts(out, "ing");
}

void vmg_inflect(const char *verb, enum vmg_verb_form form, vmg_buf *out)
{
    if (!strncmp(verb, "not ", 4)) {
        vmg_buf_puts(out, form == VMG_GERUND ? "not " : form == VMG_BASE_FORM ? "do not " : "does not ");
        verb += 4;
        form = form == VMG_GERUND ? form : VMG_BASE_FORM;
    }
    if (form == VMG_BASE_FORM) {
        vmg_buf_puts(out, verb);
        return;
    }
    for (size_t i = 0; i < VMG_COUNT(irregular); i++)
        if (!strcmp(verb, irregular[i].base)) {
            vmg_buf_puts(out, form == VMG_GERUND ? irregular[i].gerund : irregular[i].third);
            return;
        }
    if (form == VMG_GERUND)
        gerund(verb, out);
    else
        third_person(verb, out);
}

/* "he", or with a verb "he falls", "they fall". */
static void put_they(size_t who, const char *verb, vmg_buf *out)
{
    const char *they = subjects[who].they;
    bool plural = !strcmp(they, "they");
    vmg_buf_puts(out, they);
    if (!*verb)
        return;
    vmg_buf_puts(out, " ");
    if (plural && !strcmp(verb, "be"))
        vmg_buf_puts(out, "are");
    else
        vmg_inflect(verb, plural ? VMG_BASE_FORM : VMG_THIRD_PERSON, out);
}

/* A row's text with its verbs, pronouns and subject put in; `word` where a label's text has {word}. */
static void put_text(const char *text, enum vmg_verb_form form, size_t who, const char *word, vmg_buf *out)
{
    for (const char *p = text; *p;) {
        char name[32] = "";
        const char *end = *p == '[' ? strchr(p, ']') : *p == '{' ? strchr(p, '}') : NULL;
        if (!end || end - p > (long)sizeof name) {
            vmg_buf_append(out, p++, 1);
            continue;
        }
        memcpy(name, p + 1, (size_t)(end - p - 1));
        if (*p == '[')
            vmg_inflect(name, form, out);
        else if (!strncmp(name, "they", 4) && (!name[4] || name[4] == ' '))
            put_they(who, name + 4 + (name[4] == ' '), out);
        else
            vmg_buf_puts(out, !strcmp(name, "who")          ? subjects[who].who
                              : !strcmp(name, "their")      ? subjects[who].their
                              : !strcmp(name, "themselves") ? subjects[who].themselves
                                                            : word);
        p = end + 1;
    }
}

/* ---- choosing words ---- */

/* "is being seated" is not said. */
static bool fits(const wording *w, enum vmg_behaviour what, double value, enum role role, enum vmg_verb_form form)
{
    return w->what == what && w->role == role && value >= w->low && value < w->high && (form != VMG_GERUND || !strstr(w->text, "[be]"));
}

/* The text of a fitting row, allocated, left and right exchanged for the right side; NULL if there is none. */
static char *choose(const vmg_clause *c, enum role role, enum vmg_verb_form form, vmg_dice *dice)
{
    int left = vmg_behaviour_left_of(c->what);
    bool right = left >= 0 && left != (int)c->what;
    enum vmg_behaviour what = left >= 0 ? (enum vmg_behaviour)left : c->what;
    const wording *w = c->both ? both_sides : one_side;
    pthread_once(&ranges_once, find_ranges);
    const row_range r = ranges[c->both][what];
    uint64_t fitting = 0;
    for (size_t i = r.first; i < r.end; i++)
        fitting += fits(&w[i], what, c->value, role, form);
    if (!fitting)
        return role == SAY ? vmg_strdup(vmg_behaviour_name(c->what)) : NULL;
    uint64_t left_out = vmg_dice_below(dice, fitting);
    size_t i = r.first;
    while (!fits(&w[i], what, c->value, role, form) || left_out-- > 0)
        i++;
    return right ? vmg_mirror_text(w[i].text) : vmg_strdup(w[i].text);
}

static void put_count(int count, vmg_dice *dice, vmg_buf *out)
{
    static const char *const several[] = {" several times", " again and again", " repeatedly",
                                          " a few times", ""};
    if (count == 2)
        vmg_buf_puts(out, vmg_dice_chance(dice, 0.7) ? " twice" : " two times");
    else if (count == 3 && vmg_dice_chance(dice, 0.5))
        vmg_buf_puts(out, " three times");
    else if (count >= 3)
        vmg_buf_puts(out, several[vmg_dice_below(dice, VMG_COUNT(several))]);
}

/* A row of the role with the chance, between the texts; false if there is none. */
static bool put_part(const vmg_clause *c, enum role role, double chance, const char *before,
                     const char *after, enum vmg_verb_form form, size_t who, vmg_dice *dice,
                     vmg_buf *out)
{
    char *text = vmg_dice_chance(dice, chance) ? choose(c, role, form, dice) : NULL;
    if (!text)
        return false;
    vmg_buf_puts(out, before);
    put_text(text, form, who, "", out);
    vmg_buf_puts(out, after);
    free(text);
    return true;
}

/* How often the only clause of a sentence has each part; of n clauses each has it 1/n as often. */
static const double lead_chance = 0.16, finish_chance = 0.12, tail_chance = 0.3, front_chance = 0.09;

/* One of n clauses: what leads to it, itself, how often, how, and how it ends. `alone`: neither lead nor end; `tailed`: how was said before. */
static void put_clause(const vmg_clause *c, int n, bool alone, bool tailed,
                       enum vmg_verb_form form, size_t who, vmg_dice *dice, vmg_buf *out)
{
    static const char *const and_then[] = {" and ", " and ", ", then ", " and then "};
    const char *joint = and_then[vmg_dice_below(dice, VMG_COUNT(and_then))];
    double few = 1.0 / n;
    bool led = !alone && put_part(c, LEAD, lead_chance * few, "", joint, form, who, dice, out);
    out->failed |= !put_part(c, SAY, 1, "", "", form, who, dice, out); /* there always is one */
    if (vmg_behaviour_is_moment(c->what) && c->count > 1 && !c->both)
        put_count(c->count, dice, out);
    if (!tailed)
        put_part(c, TAIL, tail_chance * few, " ", "", form, who, dice, out);
    if (!alone && !led)
        put_part(c, FINISH, finish_chance * few, joint, "", form, who, dice, out);
}

/* ---- labels ---- */

/* "a bear" from "bear (human subject)". */
static void label_word(const char *label, char *out, size_t n)
{
    int length = (int)strcspn(label, "(");
    while (length > 0 && label[length - 1] == ' ')
        length--;
    snprintf(out, n, "%s %.*s", strchr("aeio", label[0]) ? "an" : "a", length, label);
}

bool vmg_label_words_find(const char *label, vmg_label_words *out)
{
    char low[256];
    size_t n = 0;
    for (; label[n] && n + 1 < sizeof low; n++)
        low[n] = (char)tolower((unsigned char)label[n]);
    low[n] = 0;
    *out = (vmg_label_words){0};
    for (size_t i = 0; i < VMG_COUNT(labels); i++) {
        if (!strstr(low, labels[i].part))
            continue;
        out->first = (int)i;
        while (i + (size_t)out->n < VMG_COUNT(labels) &&
               !strcmp(labels[i + (size_t)out->n].part, labels[i].part))
            out->n++;
        out->as = labels[i].as;
        out->cover = labels[i].flags & 0xff;
        out->off_floor = labels[i].flags & OFF_FLOOR;
        out->measured = labels[i].flags & MEASURED;
        label_word(low, out->word, sizeof out->word);
        return true;
    }
    return false;
}

/* ---- sentences ---- */

/* b goes on during a. */
static bool together(const vmg_clause *a, const vmg_clause *b)
{
    int64_t from = VMG_MAX(a->first, b->first),
            to = VMG_MIN(a->first + a->n, b->first + b->n);
    bool beside = vmg_behaviour_is_arms(b->what) != vmg_behaviour_is_arms(a->what);
    return beside && 2 * (to - from) >= VMG_MIN(a->n, b->n);
}

/* What stands between clause i-1 and i of n; *form may become the gerund. */
static const char *connect(bool at_once, bool last, int n, vmg_dice *dice,
                           enum vmg_verb_form *form)
{
    static const char *const then[] = {" and then ", " and then ", ", then ", " and "};
    if (at_once && vmg_dice_chance(dice, 0.45)) {
        *form = VMG_GERUND;
        return " while ";
    }
    if (at_once)
        return " and ";
    if (!last)
        return vmg_dice_chance(dice, 0.5) ? ", " : ", then ";
    return n > 2 && vmg_dice_chance(dice, 0.4) ? " and finally "
                                               : then[vmg_dice_below(dice, VMG_COUNT(then))];
}

/* How often a single event that happens once is said by a sentence of the tables. */
static const double sentence_chance = 0.45;

/* A sentence of the tables for what is the only clause; false if there is none. */
static bool put_sentence(const vmg_clause *c, size_t who, vmg_dice *dice, vmg_buf *out)
{
    bool counted = vmg_behaviour_is_moment(c->what) && c->count > 1 && !c->both;
    return !counted && put_part(c, SENTENCE, sentence_chance, "", "", VMG_THIRD_PERSON, who, dice, out);
}

/* Clauses joined, after a subject or without one. Returns whether it has one. */
static bool put_clauses(const vmg_clause *c, int n, const vmg_label_words *label, size_t who, vmg_dice *dice, vmg_buf *out)
{
    uint64_t kind = vmg_dice_below(dice, 100);
    /* "walks", "is walking", "walk", "walking" */
    enum vmg_verb_form form = kind < 68   ? VMG_THIRD_PERSON
                              : kind < 84 ? VMG_GERUND
                              : kind < 95 ? VMG_BASE_FORM
                                          : VMG_GERUND;
    bool sentence = kind < 84, front = false;
    if (sentence && n > 0 && !label)
        front = put_part(&c[0], TAIL, front_chance, "", ", ", form, who, dice, out);
    if (sentence)
        vmg_buf_printf(out, form == VMG_GERUND ? "%s is " : "%s ", subjects[who].who);
    else
        who = 0;
    if (label) {
        int row = label->first + (int)vmg_dice_below(dice, (uint64_t)label->n);
        put_text(labels[row].text, form, who, label->word, out);
        if (n > 0)
            vmg_buf_puts(out, " and ");
    }
    for (int i = 0; i < n; i++) {
        enum vmg_verb_form own = form;
        if (i > 0)
            vmg_buf_puts(out, connect(together(&c[i - 1], &c[i]), i == n - 1, n, dice, &own));
        put_clause(&c[i], n, own != form, front && i == 0, own, who, dice, out);
    }
    return sentence;
}

void vmg_caption_say(const vmg_clause *c, int n, const vmg_label_words *label, vmg_dice *dice,
                     vmg_buf *out)
{
    size_t who = vmg_dice_below(dice, VMG_COUNT(subjects)), start = out->len;
    bool sentence = n == 1 && !label && put_sentence(c, who, dice, out);
    if (!sentence)
        sentence = put_clauses(c, n, label, who, dice, out);
    if (out->failed)
        return;
    if (vmg_dice_chance(dice, 0.08))
        out->data[start] = (char)toupper((unsigned char)out->data[start]);
    if (vmg_dice_chance(dice, sentence ? 0.5 : 0.1))
        vmg_buf_puts(out, ".");
}
