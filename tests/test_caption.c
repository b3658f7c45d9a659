/* Captions computed from motion: words, measurements, events of real clips, agreement with labels. */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/base/mem.h"
#include "src/data/caption.h"
#include "src/data/caption_plan.h"
#include "src/data/caption_set.h"
#include "src/data/caption_words.h"
#include "src/data/criteria.h"
#include "src/data/events.h"
#include "src/data/import_clip.h"
#include "src/data/kinematics.h"
#include "src/data/sample_json.h"
#include "src/motion/rep276.h"
#include "tests/dataset_fixture.h"
#include "tests/harness.h"

enum { DIM = VMG_REP_DIM };

/* ---- words ---- */

static void inflects_verbs(void)
{
    static const char *const verbs[][3] = {
        {"walk", "walks", "walking"},   {"run", "runs", "running"},
        {"box", "boxes", "boxing"},     {"punch", "punches", "punching"},
        {"do", "does", "doing"},        {"wave", "waves", "waving"},
        {"lie", "lies", "lying"},       {"practice", "practices", "practicing"},
        {"carry", "carries", "carrying"}, {"stay", "stays", "staying"},
        {"squat", "squats", "squatting"}, {"raise", "raises", "raising"},
        {"sit", "sits", "sitting"},     {"have", "has", "having"},
        {"kneel", "kneels", "kneeling"}, {"be", "is", "being"},
        {"mimic", "mimics", "mimicking"},
    };
    for (size_t i = 0; i < VMG_COUNT(verbs); i++)
        for (int form = 0; form < 3; form++) {
            vmg_buf b = {0};
            vmg_inflect(verbs[i][0], (enum vmg_verb_form)form, &b);
            CHECK_STR(b.data, verbs[i][form == VMG_THIRD_PERSON ? 1 : form == VMG_GERUND ? 2 : 0]);
            vmg_buf_free(&b);
        }
}

static void inflects_what_is_not_done(void)
{
    static const char *const said[] = {[VMG_THIRD_PERSON] = "does not sit", [VMG_BASE_FORM] = "do not sit", [VMG_GERUND] = "not sitting"};
    for (int form = 0; form < 3; form++) {
        vmg_buf b = {0};
        vmg_inflect("not sit", (enum vmg_verb_form)form, &b);
        CHECK_STR(b.data, said[form]);
        vmg_buf_free(&b);
    }
}

/* Every behaviour can be said, whatever its value, and nothing of the templates shows. */
static void words_every_behaviour(void)
{
    static const double values[] = {0.01, 0.2, 0.5, 0.9, 1.2, 1.6, 2.5, 3.5, 50, 95, 180, 400};
    vmg_dice dice = vmg_dice_from("words", 1);
    for (int b = 0; b < VMG_N_BEHAVIOURS; b++)
        for (size_t v = 0; v < VMG_COUNT(values); v++)
            for (int try = 0; try < 8; try++) {
                vmg_buf text = {0};
                const vmg_clause c = {(enum vmg_behaviour)b, false, 1 + try / 3, values[v], 0, 40};
                vmg_caption_say(&c, 1, NULL, &dice, &text);
                CHECK(text.len >= 3 && strcspn(text.data, "[]{}_%") == text.len);
                CHECK(!strstr(text.data, "  "));
                vmg_buf_free(&text);
            }
}

/* The rows of the tables: WORDING by behaviour, and what else may stand beside. */
enum row_kind { WORDING, SENTENCE, LEAD, FINISH, TAIL };
static const struct {
    enum row_kind kind;
    enum vmg_behaviour what;
    double low, high;
    const char *text;
} rows[] = {
#define VMG_WORDING(id, ...) {WORDING, VMG_DO_##id, __VA_ARGS__},
#define VMG_SENTENCE(id, ...) {SENTENCE, VMG_DO_##id, __VA_ARGS__},
#define VMG_LEAD(id, ...) {LEAD, VMG_DO_##id, __VA_ARGS__},
#define VMG_FINISH(id, ...) {FINISH, VMG_DO_##id, __VA_ARGS__},
#define VMG_TAIL(id, ...) {TAIL, VMG_DO_##id, __VA_ARGS__},
#include "src/data/wordings.def"
#undef VMG_WORDING
#undef VMG_SENTENCE
#undef VMG_LEAD
#undef VMG_FINISH
#undef VMG_TAIL
};

static void no_wording_is_shared_by_behaviours(void)
{
    for (size_t i = 0; i < VMG_COUNT(rows); i++) {
        const char *text = rows[i].text;
        bool verb = strchr(text, '[') != NULL;
        CHECK(rows[i].low < rows[i].high);
        CHECK(rows[i].kind == SENTENCE || verb == (rows[i].kind != TAIL));
        CHECK(rows[i].kind == WORDING || rows[i].kind == SENTENCE || rows[i].kind == TAIL || text[0] == '[');
        for (size_t j = 0; j < i && rows[i].kind <= SENTENCE; j++)
            if (rows[j].kind <= SENTENCE && !strcmp(rows[j].text, text))
                CHECK_STR(vmg_behaviour_name(rows[i].what), vmg_behaviour_name(rows[j].what));
    }
}

/* True when a row of the kind, as the gerund or the third person says it, stands in a text. */
static bool has_row(const char *text, enum row_kind kind, enum vmg_behaviour what, bool in_front)
{
    for (size_t i = 0; i < VMG_COUNT(rows); i++) {
        if (rows[i].kind != kind || rows[i].what != what || strchr(rows[i].text, '{'))
            continue;
        const char *plain = kind == TAIL ? rows[i].text : strchr(rows[i].text, ']') + 1; /* what follows the verb */
        const char *at = strlen(plain) > 6 ? strstr(text, plain) : NULL;
        if (at && (!in_front || (at == text && at[strlen(plain)] == ',')))
            return true;
    }
    return false;
}

/* Of 2000 captions about jumping twice, which no whole sentence tells, some tell what leads to it, how it ends or how it is done, first or last, most only that. */
static void tells_what_belongs_to_it(void)
{
    enum { N = 2000 };
    const vmg_clause c = {VMG_DO_JUMP_UP, false, 2, 0.35, 0, 40};
    vmg_dice dice = vmg_dice_from("parts", 1);
    int finished = 0, tailed = 0, in_front = 0, commas = 0;
    for (int i = 0; i < N; i++) {
        vmg_buf text = {0};
        vmg_caption_say(&c, 1, NULL, &dice, &text);
        REQUIRE(text.data);
        text.data[0] = (char)tolower((unsigned char)text.data[0]);
        finished += has_row(text.data, FINISH, c.what, false);
        tailed += has_row(text.data, TAIL, c.what, false);
        in_front += has_row(text.data, TAIL, c.what, true);
        commas += strchr(text.data, ',') != NULL;
        vmg_buf_free(&text);
    }
    CHECK(finished > N / 100 && finished < N / 4);
    CHECK(tailed > N / 10 && tailed < N / 2);
    CHECK(in_front > N / 100 && in_front < N / 8);
    CHECK(commas >= in_front && commas < N / 3);
}

/* A sentence of the tables that has neither subject nor pronoun. */
static bool is_sentence(const char *text, enum vmg_behaviour what)
{
    for (size_t r = 0; r < VMG_COUNT(rows); r++) {
        size_t n = strlen(rows[r].text);
        if (rows[r].kind == SENTENCE && rows[r].what == what && !strncasecmp(text, rows[r].text, n) && (!text[n] || !strcmp(text + n, ".")))
            return true;
    }
    return false;
}

/* Some captions are sentences of the tables; their pronouns agree with their verbs, and a counted event is never said by one. */
static void says_whole_sentences(void)
{
    enum { N = 4000 };
    static const char *const wrong[] = {"they sits", "they walks", "they is ", "he sit ", "she sit ", "it sit ", "he are", "she are", "is being"};
    vmg_dice dice = vmg_dice_from("sentences", 1);
    int parted = 0, they = 0, without = 0, counted = 0;
    for (int i = 0; i < 2 * N; i++) {
        const vmg_clause c = {i < N ? VMG_DO_SIT_DOWN : VMG_DO_JUMP_UP, false, i < N ? 1 : 2, 0.4, 0, 40};
        vmg_buf text = {0};
        vmg_caption_say(&c, 1, NULL, &dice, &text);
        REQUIRE(text.data);
        for (size_t w = 0; w < VMG_COUNT(wrong); w++) {
            const char *at = strstr(text.data, wrong[w]);
            if (at && (at == text.data || !isalpha((unsigned char)at[-1]))) /* not in "the sit command" */
                CHECK_STR(text.data, wrong[w]);
        }
        *(i < N ? &without : &counted) += is_sentence(text.data, c.what);
        parted += i < N && strstr(text.data, "because") != NULL;
        they += i < N && (strstr(text.data, "they sit") || strstr(text.data, "he sits"));
        vmg_buf_free(&text);
    }
    CHECK(without > N / 20 && without < N / 2);
    CHECK(parted > 0);
    CHECK(they > 0);
    CHECK(counted == 0);
}

static void right_sides_are_worded_as_mirrored(void)
{
    for (int b = 0; b + 1 < VMG_N_BEHAVIOURS; b++) {
        if (vmg_behaviour_left_of((enum vmg_behaviour)(b + 1)) != b)
            continue;
        vmg_dice one = vmg_dice_from("side", (uint64_t)b), two = one;
        for (int try = 0; try < 20; try++) {
            vmg_buf l = {0}, r = {0};
            const vmg_clause left = {(enum vmg_behaviour)b, false, 1, 90, 0, 40},
                             right = {(enum vmg_behaviour)(b + 1), false, 1, 90, 0, 40};
            vmg_caption_say(&left, 1, NULL, &one, &l);
            vmg_caption_say(&right, 1, NULL, &two, &r);
            bool sided = strstr(l.data, "left") || strstr(l.data, "clockwise");
            CHECK(sided == (strcmp(l.data, r.data) != 0) || strstr(l.data, "right"));
            vmg_buf_free(&l);
            vmg_buf_free(&r);
        }
    }
}

static void finds_label_words(void)
{
    vmg_label_words w;
    vmg_dice dice = vmg_dice_from("label", 0);
    vmg_buf text = {0};
    REQUIRE(vmg_label_words_find("elephant (human subject)", &w));
    vmg_caption_say(NULL, 0, &w, &dice, &text);
    CHECK(strstr(text.data, "an elephant") != NULL);
    vmg_buf_free(&text);
    CHECK(w.as == -1);
    CHECK(vmg_label_words_find("Front Kick", &w) && w.measured);
    CHECK(vmg_label_words_find("boxing", &w) && w.as == VMG_DO_PUNCH_LEFT);
    CHECK(!vmg_label_words_find("walk", &w));
}

/* ---- measurements ---- */

/* A stick body whose joints all move alike: enough for ways, turns and speeds. */
static void sets_speed_and_turn(void)
{
    enum { T = 80 };
    float *x = vmg_calloc(T, DIM * sizeof *x);
    REQUIRE(x);
    double yaw = 0, px = 0, py = 0;
    for (int t = 0; t < T; t++) {
        float *p = x + t * DIM + VMG_REP_POS;
        for (int j = 0; j < VMG_N_JOINTS; j++) {
            double out = j == VMG_L_HIP || j == VMG_L_SHOULDER   ? 0.1
                         : j == VMG_R_HIP || j == VMG_R_SHOULDER ? -0.1
                                                                 : 0;
            p[3 * j] = (float)(px - out * sin(yaw));
            p[3 * j + 1] = (float)(py + out * cos(yaw));
            p[3 * j + 2] = (float)(vmg_rest_joint[j][1] - vmg_rest_joint[VMG_L_FOOT][1]);
        }
        px += 0.06 * cos(yaw);
        py += 0.06 * sin(yaw);
        yaw += 0.02;
    }
    vmg_track track;
    vmg_kinematics k;
    REQUIRE_OK(vmg_track_make(x, T, 20, &track));
    vmg_kinematics_measure(&track, 10, 60, &k);
    CHECK_CLOSE(k.speed_mps, 1.2, 0.02);
    CHECK_CLOSE(k.ahead_m, 59 * 0.06, 0.05);
    CHECK_CLOSE(k.left_m, 0, 0.1);
    CHECK_CLOSE(k.turn_deg, 59 * 0.02 * 57.2958, 1.5);
    CHECK_CLOSE(k.duration_s, 3, 1e-9);
    CHECK(k.displacement_m < k.path_m);
    vmg_buf json = {0};
    vmg_kinematics_json(&k, &json);
    cJSON *o = cJSON_Parse(json.data);
    CHECK_CLOSE(cJSON_GetNumberValue(cJSON_GetObjectItem(o, "speed_mps")), k.speed_mps, 1e-3);
    cJSON_Delete(o);
    vmg_buf_free(&json);
    vmg_track_free(&track);
    free(x);
}

/* ---- real clips ---- */

/* A clip of the data set beside the tree with a label; false (skipped) when it is absent. */
static bool real_clip(const char *id, const char *label, vmg_sample *s)
{
    char name[96], row_label[64], source[] = "label";
    double cut_s[2];
    bool was_cut;
    snprintf(name, sizeof name, "data/cmu/bvh/%s.bvh", id);
    snprintf(row_label, sizeof row_label, "%s", label);
    const char *path = vmg_test_shared(name);
    if (!path)
        return false;
    vmg_captions_row row = {NULL, 0, INFINITY, source, row_label};
    vmg_import_item item = {.path = vmg_strdup(path), .id = vmg_strdup(id), .row = &row,
                            .n_rows = 1};
    bool ok = vmg_test_ok(vmg_import_clip(&item, &(vmg_import_options){0}, s, cut_s, &was_cut),
                          __FILE__, __LINE__, id);
    free(item.path);
    free(item.id);
    return ok;
}

static int count_events(const vmg_events *e, enum vmg_behaviour b)
{
    int n = 0;
    for (size_t i = 0; i < e->n; i++)
        n += e->event[i].what == b;
    return n;
}

/* Sentences by which models are judged are known by their words, and are never written about what they train on. */
static void leaves_judging_prompts_alone(void)
{
    enum vmg_criterion c;
    int k;
    char prompt[256], shouted[300];
    for (int i = 0; i < VMG_N_CRITERIA; i++)
        for (int j = 0; j < VMG_CRITERION_PROMPTS; j++) {
            vmg_criterion_prompt((enum vmg_criterion)i, j, prompt, sizeof prompt);
            snprintf(shouted, sizeof shouted, " %s ! ", prompt);
            shouted[1] = (char)toupper((unsigned char)shouted[1]);
            if (CHECK(vmg_criterion_find_prompt(shouted, &c, &k))) {
                CHECK_INT(c, i);
                CHECK_INT(k, j);
            }
            snprintf(shouted, sizeof shouted, "%s again", prompt);
            CHECK(!vmg_criterion_find_prompt(shouted, &c, &k));
            prompt[strlen(prompt) - 1] = 0;
            CHECK(!vmg_criterion_find_prompt(prompt, &c, &k));
        }
    CHECK(!vmg_criterion_find_prompt("", &c, &k));
    vmg_sample s = {0};
    if (!real_clip("14_32", "", &s))
        return;
    for (uint64_t seed = 0; seed < 8; seed++) { /* 4 to 7 would write one */
        REQUIRE_OK(vmg_caption_sample(&s, &(vmg_caption_options){.seed = seed, .wordings = 16}));
        CHECK(s.n_captions > 100);
        for (int64_t i = 0; i < s.n_captions; i++)
            if (vmg_criterion_find_prompt(s.captions[i].text, &c, &k) && !CHECK(k >= VMG_CRITERION_JUDGING))
                vmg_test_note("seed %d: %s", (int)seed, s.captions[i].text);
    }
    vmg_sample_free(&s);
}

/* Clips whose labels say what they show: the events that must be found, and some that must not. */
static void finds_what_labels_state(void)
{
    static const struct {
        const char *id;
        enum vmg_behaviour has, lacks;
    } clips[] = {
        {"16_17", VMG_DO_TURN_LEFT, VMG_DO_TURN_RIGHT},
        {"16_19", VMG_DO_TURN_RIGHT, VMG_DO_TURN_LEFT},
        {"07_12", VMG_DO_WALK_FORWARD, VMG_DO_RUN},
        {"09_01", VMG_DO_RUN, VMG_DO_WALK_FORWARD},
        {"16_03", VMG_DO_JUMP_UP, VMG_DO_WALK_FORWARD},
        {"16_05", VMG_DO_JUMP_FORWARD, VMG_DO_JUMP_UP},
        {"14_30", VMG_DO_SIT_DOWN, VMG_DO_JUMP_UP},
        {"14_06", VMG_DO_SQUAT, VMG_DO_SIT_DOWN},
        {"14_06", VMG_DO_JUMPING_JACKS, VMG_DO_CARTWHEEL},
        {"135_04", VMG_DO_KICK_RIGHT, VMG_DO_JUMP_UP},
        {"49_08", VMG_DO_CARTWHEEL, VMG_DO_JUMP_UP},
        {"49_18", VMG_DO_BALANCE_LEFT, VMG_DO_WALK_FORWARD},
        {"14_02", VMG_DO_PUNCH_RIGHT, VMG_DO_CARTWHEEL},
        {"x_directing_traffic_1", VMG_DO_WAVE_RIGHT, VMG_DO_JUMP_UP},
        {"x_basketball_6", VMG_DO_WALK_BACKWARD, VMG_DO_WALK_FORWARD},
        {"127_04", VMG_DO_RUN, VMG_DO_JUMP_UP},
        {"14_14", VMG_DO_JUMPING_JACKS, VMG_DO_PUNCH_LEFT}, /* both arms thrown forward at once */
        {"29_11", VMG_DO_RAISE_LEFT, VMG_DO_WAVE_LEFT},     /* raised hands that sway */
    };
    for (size_t i = 0; i < VMG_COUNT(clips); i++) {
        vmg_sample s = {0};
        vmg_track t;
        vmg_events e;
        if (!real_clip(clips[i].id, "", &s))
            return;
        REQUIRE_OK(vmg_track_make(s.x, s.T, s.fps, &t));
        REQUIRE_OK(vmg_events_find(&t, &e));
        if (!CHECK(count_events(&e, clips[i].has) > 0) ||
            !CHECK(count_events(&e, clips[i].lacks) == 0))
            vmg_test_note("%s: %s %d, %s %d", clips[i].id, vmg_behaviour_name(clips[i].has),
                          count_events(&e, clips[i].has), vmg_behaviour_name(clips[i].lacks),
                          count_events(&e, clips[i].lacks));
        vmg_events_free(&e);
        vmg_track_free(&t);
        vmg_sample_free(&s);
    }
}

/* Captions whose facts tell punches of both sides: three of them, or for the label's words one a second. */
static int64_t told_to_box(const char *id, const char *label, int64_t *n)
{
    vmg_sample s = {0};
    int64_t told = 0;
    *n = 0;
    if (!real_clip(id, label, &s))
        return 0;
    CHECK_OK(vmg_caption_sample(&s, &(vmg_caption_options){.seed = 3, .wordings = 2}));
    *n = s.n_captions;
    for (int64_t i = 0; i < s.n_captions; i++) {
        static const char both[] = "{\"what\":\"punch_left\",\"both\":true,\"count\":";
        const char *at = s.captions[i].facts ? strstr(s.captions[i].facts, both) : NULL;
        told += at != NULL;
        const double count = at ? atof(at + strlen(both)) : 0;
        CHECK(!at || count >= 3 || count * s.fps >= (double)s.captions[i].n);
    }
    vmg_sample_free(&s);
    return told;
}

/* Whose label says so boxes, in the words of the behaviour; an exercise or a climb that swings its arms does not. */
static void boxes_where_the_label_says_so(void)
{
    int64_t n, told = told_to_box("14_02", "boxing", &n);
    if (!n)
        return;
    CHECK(3 * told > n && told < n);
    CHECK(told_to_box("14_02", "exercises", &n) < told); /* so the label adds some */
    CHECK_INT(told_to_box("14_14", "jumping jacks, jog, squats, side twists, stretches", &n), 0);
    CHECK_INT(told_to_box("01_13", "playground - climb, go under, jump down", &n), 0);
}

/* Computed captions that a set holds; -1 after a failure. */
static int64_t count_computed(const char *dir)
{
    vmg_dataset *ds;
    int64_t n = 0;
    if (!CHECK_OK(vmg_dataset_open(dir, &ds)))
        return -1;
    for (int64_t i = 0; i < vmg_dataset_count(ds); i++) {
        vmg_sample s = {0};
        CHECK_OK(vmg_dataset_read_captions(ds, i, &s));
        for (int64_t k = 0; k < s.n_captions; k++)
            n += !strcmp(s.captions[k].source, VMG_CAPTION_SOURCE);
        vmg_sample_free(&s);
    }
    vmg_dataset_close(ds);
    return n;
}

/* Captions asked for of what is rare: of two clips, one squats twice and one walks, only the squats get more. */
static void says_rare_behaviours_more_often(void)
{
    vmg_caption_report few, more, most;
    char *set = vmg_test_real_set("rare");
    if (!set)
        return;
    REQUIRE_OK(vmg_caption_set(set, &(vmg_caption_set_options){.wordings = 4, .dry = true}, &few));
    int64_t squats = few.behaviour_captions[VMG_DO_SQUAT], walks = few.behaviour_captions[VMG_DO_WALK_FORWARD];
    CHECK(squats > 10 && walks > 10);
    REQUIRE_OK(vmg_caption_set(set, &(vmg_caption_set_options){.wordings = 4, .dry = true, .at_least = 3 * squats}, &more));
    CHECK(2 * more.behaviour_captions[VMG_DO_SQUAT] > 3 * squats);
    CHECK(2 * more.behaviour_captions[VMG_DO_WALK_FORWARD] < 3 * walks); /* has no windows about it alone */
    CHECK_INT(more.n_samples, few.n_samples);
    /* Nothing asks for more than VMG_CAPTION_MOST_TIMES of each window. */
    REQUIRE_OK(vmg_caption_set(set, &(vmg_caption_set_options){.wordings = 4, .at_least = 1000000}, &most));
    CHECK(most.behaviour_captions[VMG_DO_SQUAT] > more.behaviour_captions[VMG_DO_SQUAT]);
    CHECK(most.n_captions < VMG_CAPTION_MOST_TIMES * few.n_captions);
    CHECK_INT(count_computed(set), most.n_captions); /* what was written is what was told */
    REQUIRE_OK(vmg_caption_set(set, &(vmg_caption_set_options){.wordings = 4, .dry = true, .at_least = 1}, &more));
    CHECK_INT(more.n_captions, few.n_captions);
    free(set);
}

/* A word of the text begins so: "right", "rightwards", but not "upright". */
static bool begins_word(const char *text, const char *beginning)
{
    for (const char *at = strstr(text, beginning); at; at = strstr(at + 1, beginning))
        if (at == text || !isalpha((unsigned char)at[-1]))
            return true;
    return false;
}

static void captions_real_clips(void)
{
    vmg_sample s = {0}, again = {0}, mirrored = {0};
    if (!real_clip("16_17", "walk, 90-degree left turn", &s) ||
        !real_clip("16_17", "walk, 90-degree left turn", &again))
        return;
    REQUIRE_OK(vmg_import_mirrored(&s, &mirrored));
    REQUIRE_OK(vmg_caption_sample(&s, &(vmg_caption_options){.seed = 3, .wordings = 1}));
    REQUIRE_OK(vmg_caption_sample(&again, &(vmg_caption_options){.seed = 3, .wordings = 1}));
    REQUIRE_OK(vmg_caption_sample(&again, &(vmg_caption_options){.seed = 3, .wordings = 1}));
    REQUIRE_OK(vmg_caption_sample(&mirrored, &(vmg_caption_options){.seed = 3, .wordings = 1}));
    CHECK(s.n_captions >= 5);
    CHECK_INT(again.n_captions, s.n_captions);
    int told[2] = {0, 0};
    for (int64_t i = 1; i < s.n_captions && i < again.n_captions; i++) {
        const vmg_caption *c = &s.captions[i];
        cJSON *facts = cJSON_Parse(c->facts);
        CHECK_STR(c->source, VMG_CAPTION_SOURCE);
        CHECK_STR(c->text, again.captions[i].text);
        CHECK(c->first >= 0 && c->n > 0 && c->first + c->n <= s.T);
        CHECK(cJSON_GetArraySize(cJSON_GetObjectItem(facts, "behaviours")) > 0);
        CHECK(cJSON_IsObject(cJSON_GetObjectItem(facts, "measured")));
        CHECK(!begins_word(c->text, "right"));
        told[0] += begins_word(c->text, "left");
        cJSON_Delete(facts);
    }
    for (int64_t i = 1; i < mirrored.n_captions; i++) {
        CHECK(!begins_word(mirrored.captions[i].text, "left"));
        told[1] += begins_word(mirrored.captions[i].text, "right");
    }
    CHECK(told[0] > 0 && told[1] > 0);
    /* In more wordings: the same windows, no sentence about one twice. */
    REQUIRE_OK(vmg_caption_sample(&again, &(vmg_caption_options){.seed = 3, .wordings = 4}));
    CHECK(again.n_captions > 2 * s.n_captions && again.n_captions <= 4 * s.n_captions);
    for (int64_t i = 1; i < again.n_captions; i++) {
        const vmg_caption *c = &again.captions[i];
        CHECK(c->first >= 0 && c->n > 0 && c->first + c->n <= again.T);
        for (int64_t k = 1; k < i; k++)
            CHECK(again.captions[k].first != c->first || again.captions[k].n != c->n || strcmp(again.captions[k].text, c->text));
    }
    vmg_sample_free(&s);
    vmg_sample_free(&again);
    vmg_sample_free(&mirrored);
    s = (vmg_sample){.id = vmg_strdup("x"), .T = 5};
    CHECK_FAILS(vmg_caption_sample(&s, &(vmg_caption_options){.seed = 0, .wordings = 1}), VMG_E_ARG, "no motion");
    vmg_sample_free(&s);
}

static const vmg_test_case cases[] = {
    {"inflects_verbs", inflects_verbs},
    {"inflects_what_is_not_done", inflects_what_is_not_done},
    {"words_every_behaviour", words_every_behaviour},
    {"no_wording_is_shared_by_behaviours", no_wording_is_shared_by_behaviours},
    {"tells_what_belongs_to_it", tells_what_belongs_to_it},
    {"says_whole_sentences", says_whole_sentences},
    {"right_sides_are_worded_as_mirrored", right_sides_are_worded_as_mirrored},
    {"finds_label_words", finds_label_words},
    {"sets_speed_and_turn", sets_speed_and_turn},
    {"finds_what_labels_state", finds_what_labels_state},
    {"boxes_where_the_label_says_so", boxes_where_the_label_says_so},
    {"says_rare_behaviours_more_often", says_rare_behaviours_more_often},
    {"leaves_judging_prompts_alone", leaves_judging_prompts_alone},
    {"captions_real_clips", captions_real_clips},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
