/* Clauses into sentences: wordings, inflection, subjects, joining. */
#ifndef VMG_SRC_DATA_CAPTION_WORDS_H
#define VMG_SRC_DATA_CAPTION_WORDS_H

#include "host/base/mem.h"
#include "src/data/caption_plan.h"

/* A sequence of numbers for choices among wordings (splitmix64). */
typedef struct vmg_dice {
    uint64_t state;
} vmg_dice;
vmg_dice vmg_dice_from(const char *name, uint64_t seed);
uint64_t vmg_dice_below(vmg_dice *d, uint64_t n); /* 0..n-1, n >= 1 */
bool vmg_dice_chance(vmg_dice *d, double p);

/* How a wording's [verbs] are said. */
enum vmg_verb_form { VMG_THIRD_PERSON, VMG_BASE_FORM, VMG_GERUND };

/* "walk" -> "walks", "walk", "walking"; "not move" -> "does not move", "do not move", "not moving";
 * English rules with the exceptions that wordings need. */
void vmg_inflect(const char *verb, enum vmg_verb_form form, vmg_buf *out);

/* What a label adds to measured behaviours (src/data/label_words.def). */
typedef struct vmg_label_words {
    int first, n;      /* rows */
    int as;            /* the behaviour whose words are the label's, both sides doing it; -1: the rows' */
    unsigned cover;    /* enum vmg_caption_cover */
    bool off_floor, measured;
    char word[48];     /* "a bear" */
} vmg_label_words;
/* False when the label's words are not in the table. */
bool vmg_label_words_find(const char *label, vmg_label_words *out);

/*
 * A sentence of the clauses (in their order, at least one, or a label): "a person walks forward and
 * waves." label may be NULL, and is none that has a behaviour's words; label words come first, or alone without clauses.
 */
void vmg_caption_say(const vmg_clause *c, int n, const vmg_label_words *label, vmg_dice *dice,
                     vmg_buf *out);

#endif
