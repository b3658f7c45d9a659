/* The words of a data set's captions. */
#include "src/train/vocabulary.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "models/text_clean.h"

static int add(vmg_caption_texts *t, const char *text)
{
    char **more = vmg_grown(t->text, t->n, &t->cap, 1024, sizeof *more);
    if (!more)
        return VMG_E_NOMEM;
    t->text = more;
    int rc = vmg_text_clean(text, strlen(text), &t->text[t->n], NULL);
    if (rc == VMG_OK)
        t->n++;
    return rc;
}

/* Leaves `most` of them, evenly spread. */
static void thin(vmg_caption_texts *t, size_t most)
{
    if (t->n <= most)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (kept < most && i >= kept * t->n / most)
            t->text[kept++] = t->text[i];
        else
            free(t->text[i]);
    }
    t->n = kept;
}

int vmg_caption_texts_read(const vmg_dataset *ds, size_t most, vmg_caption_texts *out)
{
    int rc = VMG_OK;
    *out = (vmg_caption_texts){0};
    for (int64_t i = 0; rc == VMG_OK && i < vmg_dataset_count(ds); i++) {
        vmg_sample s = {0};
        if (vmg_dataset_held_out(ds, i))
            continue;
        rc = vmg_dataset_read_captions(ds, i, &s);
        if (rc == VMG_E_FORMAT) {
            out->n_damaged++;
            rc = VMG_OK;
            continue;
        }
        for (int64_t k = 0; rc == VMG_OK && k < s.n_captions; k++)
            rc = add(out, s.captions[k].text);
        vmg_sample_free(&s);
    }
    if (rc == VMG_OK)
        thin(out, most);
    else
        vmg_caption_texts_free(out);
    return rc;
}

void vmg_caption_texts_free(vmg_caption_texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->text[i]);
    free(t->text);
    *t = (vmg_caption_texts){0};
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c > 127;
}

/* The words of one text onto the list, which owns copies. */
static bool split(const char *text, char ***words, size_t *n, size_t *cap)
{
    while (*text) {
        size_t len = 0;
        while (text[len] && in_word(text[len]))
            len++;
        if (!len) {
            text++;
            continue;
        }
        if (*n == *cap) {
            char **more = vmg_realloc(*words, *cap ? 2 * *cap : 4096, sizeof *more);
            if (!more)
                return false;
            *words = more;
            *cap = *cap ? 2 * *cap : 4096;
        }
        char *word = vmg_strndup(text, len);
        if (!word)
            return false;
        for (size_t i = 0; i < len; i++)
            word[i] = (unsigned char)word[i] < 128 ? (char)tolower((unsigned char)word[i]) : word[i];
        (*words)[(*n)++] = word;
        text += len;
    }
    return true;
}

/* Sorts and drops what occurs twice. */
static void unique(char **words, size_t *n)
{
    size_t kept = 0;
    qsort(words, *n, sizeof *words, compare);
    for (size_t i = 0; i < *n; i++) {
        if (kept && !strcmp(words[i], words[kept - 1]))
            free(words[i]);
        else
            words[kept++] = words[i];
    }
    *n = kept;
}

char *vmg_caption_words(const vmg_caption_texts *t)
{
    enum { UNIQUE_EVERY = 4096 };
    char **words = NULL;
    size_t n = 0, cap = 0;
    bool ok = true;
    vmg_buf b = {0};
    for (size_t i = 0; ok && i < t->n; i++) {
        ok = split(t->text[i], &words, &n, &cap);
        if (i % UNIQUE_EVERY == UNIQUE_EVERY - 1)
            unique(words, &n);
    }
    if (n)
        unique(words, &n);
    for (size_t i = 0; ok && i < n; i++) {
        vmg_buf_puts(&b, words[i]);
        vmg_buf_puts(&b, "\n");
    }
    for (size_t i = 0; i < n; i++)
        free(words[i]);
    free(words);
    if (!ok || b.failed) {
        vmg_buf_free(&b);
        return NULL;
    }
    return b.data ? b.data : vmg_strdup("");
}
