/* Finding unknown words in a prompt, and what comes closest to them. */
#include "src/lib/known_words.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/data/criteria.h"

enum { MAX_WORD = 64, MAX_UNKNOWN = 8, MAX_NEAR = 4, MAX_EDITS = 2 };

/* Never worth a warning. */
static const char *const small_words[] = {
    "a",    "about", "after", "all", "along", "also", "an",   "and",  "are",  "around", "as",
    "at",   "away",  "be",    "before", "by",  "does", "doing", "for", "from", "has",    "have",
    "he",   "her",   "him",   "his", "in",    "into", "is",   "it",   "its",  "like",   "of",
    "off",  "on",    "one",   "onto", "or",   "out",  "over", "she",  "so",   "some",   "than",
    "that", "the",   "their", "them", "then", "they", "this", "to",   "up",   "very",   "was",
    "while", "who",  "will",  "with",
};

static const struct {
    const char *behaviour, *stems;
} near_words[] = {
#define VMG_NEAR(behaviour, stems) {behaviour, stems},
#include "src/lib/near_words.def"
#undef VMG_NEAR
};

static int compare_names(const void *key, const void *element)
{
    return strcmp(key, *(const char *const *)element);
}

static bool is_listed(const char *word, const char *const *list, size_t n)
{
    return bsearch(word, list, n, sizeof *list, compare_names) != NULL;
}

/* The next word of *text in lower case, moving past it; false at the end. Longer words are cut. */
static bool next_word(const char **text, char word[MAX_WORD])
{
    size_t n = 0;
    const char *p = *text;
    while (*p && !isalnum((unsigned char)*p) && (unsigned char)*p < 0x80)
        p++;
    for (; *p && (isalnum((unsigned char)*p) || (unsigned char)*p >= 0x80); p++)
        if (n + 1 < MAX_WORD)
            word[n++] = (char)((unsigned char)*p < 0x80 ? tolower((unsigned char)*p) : *p);
    word[n] = 0;
    *text = p;
    return n > 0;
}

/* Edits (of letters) that make a of b; both shorter than MAX_WORD. */
static int edits(const char *a, const char *b)
{
    int row[MAX_WORD + 1], n = (int)strlen(b);
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = VMG_MIN(change, VMG_MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

/* Alike: few edits for their length, or one begins the other ("walk", "walked"). */
static bool looks_like(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), shorter = VMG_MIN(n, m);
    if (shorter < 3)
        return false;
    if (!strncmp(a, b, shorter) && shorter >= 4)
        return true;
    return shorter >= 5 && a[0] == b[0] && edits(a, b) <= MAX_EDITS;
}

/* True when the table of near words leads from a word to a behaviour. */
static bool means_nearly(const char *word, const char *behaviour)
{
    for (size_t i = 0; i < VMG_COUNT(near_words); i++) {
        if (!strstr(behaviour, near_words[i].behaviour))
            continue;
        for (const char *p = near_words[i].stems; *p;) {
            size_t n = strcspn(p, " ");
            if (!strncmp(word, p, n) && (n > 3 || strlen(word) <= n + 4))
                return true;
            p += n + (p[n] == ' ');
        }
    }
    return false;
}

/* How near a behaviour is to an unknown word: 3 alike, 2 by meaning, 0 not. */
static int nearness(const char *word, const char *behaviour)
{
    char own[MAX_WORD];
    for (const char *p = behaviour; next_word(&p, own);)
        if (looks_like(word, own))
            return 3;
    return means_nearly(word, behaviour) ? 2 : 0;
}

/* 1 when the prompt's known words occur in the behaviour ("forward"). */
static int shares_words(const char *prompt, const char *behaviour)
{
    char word[MAX_WORD], own[MAX_WORD];
    for (const char *p = prompt; next_word(&p, word);) {
        if (is_listed(word, small_words, VMG_COUNT(small_words)))
            continue;
        for (const char *q = behaviour; next_word(&q, own);)
            if (!strcmp(word, own))
                return 1;
    }
    return 0;
}

static void put_nearest(const char *prompt, char unknown[][MAX_WORD], int n_unknown,
                        const char *const *behaviours, size_t n, vmg_buf *out)
{
    int told = 0;
    for (int wanted = 3; wanted >= 0 && told < MAX_NEAR; wanted--) {
        if (wanted == 0 && told > 0)
            break;
        for (size_t i = 0; i < n && told < MAX_NEAR; i++) {
            int near = shares_words(prompt, behaviours[i]);
            for (int k = 0; k < n_unknown; k++)
                near = VMG_MAX(near, nearness(unknown[k], behaviours[i]));
            if (near == wanted)
                vmg_buf_printf(out, "%s%s", told++ ? ", " : "", behaviours[i]);
        }
    }
}

int vmg_known_words_compare(const char *const *words, size_t n_words,
                            const char *const *behaviours, size_t n_behaviours,
                            const char *prompt, char **warning)
{
    char unknown[MAX_UNKNOWN][MAX_WORD], word[MAX_WORD];
    int n = 0;
    *warning = NULL;
    for (const char *p = prompt; n < MAX_UNKNOWN && next_word(&p, word);) {
        bool known = is_listed(word, small_words, VMG_COUNT(small_words)) ||
                     is_listed(word, words, n_words);
        for (int k = 0; k < n && !known; k++)
            known = !strcmp(unknown[k], word);
        if (!known)
            memcpy(unknown[n++], word, sizeof word);
    }
    if (n == 0)
        return VMG_OK;
    vmg_buf b = {0};
    vmg_buf_puts(&b, "the model was not trained on ");
    for (int k = 0; k < n; k++)
        vmg_buf_printf(&b, "%s\"%s\"", k == 0 ? "" : k + 1 < n ? ", " : " and ", unknown[k]);
    if (n_behaviours > 0) {
        vmg_buf_puts(&b, "; the closest that it can do: ");
        put_nearest(prompt, unknown, n, behaviours, n_behaviours, &b);
    }
    if (b.failed) {
        vmg_buf_free(&b);
        return VMG_E_NOMEM;
    }
    *warning = b.data;
    return VMG_OK;
}

/* ---- the model's lists ---- */

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A list of strings as terminated copies; both freed by free_list. n 0 and no error when absent. */
static int read_list(const vmg_weights *w, const char *key, char ***out, size_t *n)
{
    const vmg_meta *m = vmg_weights_meta(w, key);
    const char *text;
    size_t at = 0, length;
    *out = NULL;
    *n = 0;
    if (!m)
        return VMG_OK;
    if (m->kind != VMG_META_STRINGS)
        return vmg_fail(VMG_E_FORMAT, "%s: %s is no list of texts", w->path, key);
    *out = vmg_calloc((size_t)m->n, sizeof **out);
    if (!*out)
        return VMG_E_NOMEM;
    while (*n < (size_t)m->n && vmg_meta_next_string(m, &at, &text, &length)) {
        char *copy = vmg_strndup(text, length);
        if (!copy)
            return VMG_E_NOMEM;
        (*out)[(*n)++] = copy;
    }
    return VMG_OK;
}

static void free_list(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

int vmg_known_words_check(const vmg_weights *w, const char *prompt, char **warning)
{
    char **words, **behaviours = NULL;
    size_t n_words, n_behaviours = 0;
    const char *own[VMG_N_CRITERIA];
    *warning = NULL;
    int rc = read_list(w, "vimogen.words", &words, &n_words);
    if (!rc && n_words > 0)
        rc = read_list(w, "vimogen.behaviours", &behaviours, &n_behaviours);
    if (!rc && n_words > 0) {
        qsort(words, n_words, sizeof *words, compare_strings);
        for (int c = 0; c < VMG_N_CRITERIA; c++)
            own[c] = vmg_criterion_get((enum vmg_criterion)c)->name;
        rc = vmg_known_words_compare(
            (const char *const *)words, n_words,
            n_behaviours ? (const char *const *)behaviours : own,
            n_behaviours ? n_behaviours : VMG_N_CRITERIA, prompt, warning);
    }
    free_list(words, n_words);
    free_list(behaviours, n_behaviours);
    return rc;
}
