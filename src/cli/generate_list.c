/* vimogen generate --file: a motion for each prompt of a list. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/cli/generate_cli.h"
#include "src/cli/list_names.h"
#include "src/cli/run.h"
#include "src/lib/generate_list.h"
#include "src/lib/known_words.h"

/* The published tool's reference motions come from video of this rate. */
#define LIST_REF_FPS 16.0

enum { AT_ONCE_ON_GPU = 8, MAX_AT_ONCE = 1024, MAX_WARNINGS = 3 };

/* A motion of the list. */
typedef struct entry {
    size_t prompt;                       /* its number in the list */
    char *name, *path;                   /* of its file */
    char *embedding, *reference;         /* files; NULL */
    int64_t n_frames;                    /* of the motion, once that is known; 0 */
    bool made;                           /* its file is there */
} entry;

typedef struct list {
    vmg_generate_cli *g;
    const char *command;
    vmg_prompts *prompts;
    entry *entries;
    vmg_list_item *items; /* the same ones, as they are made */
    int64_t n, n_wanted, n_made, n_failed, n_changed;
    char *dir; /* where the motions go, with its last slash; "" for the present one */
    char *manifest;
    bool lacks_reference; /* a motion that failed was to follow one */
    vmg_progress making; /* g->bar is about what comes before */
} list;

/* ---- what is to be made ---- */

/* A whole number that entry i of the list gives under `name`; *value stays when there is none. */
static int whole_number(const list *l, size_t i, const char *name, double least, int64_t *value)
{
    double x;
    if (!vmg_prompts_number(l->prompts, i, name, &x))
        return VMG_OK;
    if (!(x >= least && x <= 9e15) || x != (double)(int64_t)x)
        return vmg_fail(VMG_E_FORMAT, "%s: entry %zu: \"%s\" is %g, a whole number from %g on is needed", l->g->file, i + 1, name, x,
                        least);
    *value = (int64_t)x;
    return VMG_OK;
}

/* The folder part of a path with its last slash, or nothing; its length. */
static size_t folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static int choose_places(list *l)
{
    const char *out = l->g->out;
    size_t n = strlen(out);
    while (n > 1 && out[n - 1] == '/')
        n--;
    l->dir = strstr(out, "{}") ? vmg_strndup(out, folder_of(out)) : vmg_asprintf("%.*s/", (int)n, out);
    if (l->dir)
        l->manifest = l->g->manifest ? vmg_strdup(l->g->manifest) : vmg_asprintf("%smanifest.json", l->dir);
    return l->manifest ? VMG_OK : VMG_E_NOMEM;
}

static char *path_of(const list *l, const char *name)
{
    const char *out = l->g->out, *hole = strstr(out, "{}");
    return hole ? vmg_asprintf("%.*s%s%s", (int)(hole - out), out, name, hole + 2)
                : vmg_asprintf("%s%s.%s", l->dir, name, l->g->format);
}

/* Motion k of prompt i, as the published tool reads entries: a reference counts where use_ref_motion says so. */
static int read_entry(list *l, size_t i, int64_t k, const char *name, entry *e, vmg_list_item *it)
{
    const vmg_generate_cli *g = l->g;
    const char *embedding = g->encoder ? NULL : vmg_prompts_path(l->prompts, i);
    const char *reference = vmg_prompts_string(l->prompts, i, "motion_path");
    double use = 0;
    int64_t seed = g->seed, frames = 0;
    bool follow = g->references && reference && vmg_prompts_number(l->prompts, i, "use_ref_motion", &use) && use != 0;
    int rc = g->seed_given ? VMG_OK : whole_number(l, i, "seed", -9e15, &seed);
    if (rc == VMG_OK)
        rc = whole_number(l, i, "frames", 1, &frames);
    if (rc != VMG_OK)
        return rc;
    *e = (entry){.prompt = i, .name = g->batch == 1 ? vmg_strdup(name) : vmg_asprintf("%s-%lld", name, (long long)k)};
    e->path = e->name ? path_of(l, e->name) : NULL;
    e->embedding = embedding ? vmg_list_resolve(g->file, embedding) : NULL;
    e->reference = follow ? vmg_list_resolve(g->file, reference) : NULL;
    if (!e->path || (embedding && !e->embedding) || (follow && !e->reference))
        return VMG_E_NOMEM;
    *it = (vmg_list_item){.prompt = vmg_prompts_text(l->prompts, i), .embedding = e->embedding, .reference = e->reference,
                          .n_frames = g->frames_given ? g->frames : frames, .seed = (uint64_t)seed + (uint64_t)k, .wanted = true};
    return VMG_OK;
}

static int read_list(list *l)
{
    char **names = NULL;
    int rc = choose_places(l);
    if (rc == VMG_OK)
        rc = vmg_prompts_read(l->g->file, l->g->key, &l->prompts);
    if (rc == VMG_OK)
        rc = vmg_list_names(l->prompts, true, &names);
    size_t n = rc == VMG_OK ? vmg_prompts_count(l->prompts) : 0, total = 0;
    if (rc == VMG_OK && !vmg_mul_size(n, (size_t)l->g->batch, &total))
        rc = vmg_fail(VMG_E_ARG, "%s times --batch are too many motions", l->g->file);
    if (rc == VMG_OK) {
        l->entries = vmg_calloc(total, sizeof *l->entries);
        l->items = vmg_calloc(total, sizeof *l->items);
        rc = l->entries && l->items ? VMG_OK : VMG_E_NOMEM;
    }
    for (size_t i = 0; rc == VMG_OK && i < total; i++) {
        size_t prompt = i / (size_t)l->g->batch;
        l->n++;
        rc = read_entry(l, prompt, (int64_t)(i % (size_t)l->g->batch), names[prompt], &l->entries[i], &l->items[i]);
    }
    vmg_list_free(names, n);
    return rc;
}

static void free_list(list *l)
{
    for (int64_t i = 0; i < l->n; i++) {
        entry *e = &l->entries[i];
        char *texts[] = {e->name, e->path, e->embedding, e->reference};
        for (size_t k = 0; k < VMG_COUNT(texts); k++)
            free(texts[k]);
    }
    free(l->entries);
    free(l->items);
    free(l->dir);
    free(l->manifest);
    vmg_prompts_free(l->prompts);
}

/* ---- what is there already ---- */

/* A motion's path as the manifest has it: from the folder they share, else as it is. */
static const char *path_in_manifest(const list *l, const entry *e)
{
    size_t folder = folder_of(l->manifest);
    return folder == folder_of(e->path) && !strncmp(e->path, l->manifest, folder) ? e->path + folder : e->path;
}

/* Whether the manifest of an earlier run, if there is one, says that e's file was made from something else. */
static bool was_made_differently(const list *l, const vmg_prompts *manifest, int64_t at)
{
    entry *e = &l->entries[at];
    const vmg_list_item *it = &l->items[at];
    const char *path = path_in_manifest(l, e);
    for (size_t i = 0; manifest && i < vmg_prompts_count(manifest); i++) {
        const char *prompt = vmg_prompts_string(manifest, i, "prompt"), *reference = vmg_prompts_string(manifest, i, "motion_path");
        double seed, frames;
        if (strcmp(vmg_prompts_text(manifest, i), path))
            continue;
        bool known = vmg_prompts_number(manifest, i, "frames", &frames);
        if (!prompt || strcmp(prompt, it->prompt) || strcmp(reference ? reference : "", e->reference ? e->reference : "") ||
            !vmg_prompts_number(manifest, i, "seed", &seed) || seed != (double)(int64_t)it->seed ||
            (known && it->n_frames && frames != (double)it->n_frames))
            return true;
        e->n_frames = known ? (int64_t)frames : 0;
        return false;
    }
    return false;
}

/* Rank 0 looks; the others learn what it found, as they may see what it writes later. */
static int find_existing(list *l)
{
    uint8_t *there = vmg_calloc((size_t)l->n, 1);
    vmg_prompts *manifest = NULL;
    int rc = there ? VMG_OK : VMG_E_NOMEM;
    bool look = rc == VMG_OK && !l->g->comm.rank && l->g->skip_existing;
    if (look && vmg_path_exists(l->manifest))
        rc = vmg_prompts_read(l->manifest, "file", &manifest);
    for (int64_t i = 0; rc == VMG_OK && look && i < l->n; i++) {
        bool exists = vmg_path_exists(l->entries[i].path);
        bool differs = exists && was_made_differently(l, manifest, i);
        there[i] = exists && !differs;
        l->n_changed += differs;
    }
    vmg_prompts_free(manifest);
    rc = vmg_comm_agree(&l->g->comm, rc);
    if (rc == VMG_OK)
        rc = vmg_comm_share(&l->g->comm, there, (size_t)l->n);
    for (int64_t i = 0; rc == VMG_OK && i < l->n; i++) {
        l->items[i].wanted = !there[i];
        l->entries[i].made = there[i];
        l->n_wanted += !there[i];
    }
    free(there);
    return rc;
}

/* Folders for what will be written. An older manifest no longer tells the truth once its motions are replaced. */
static int make_room(const list *l)
{
    char *dir = vmg_strndup(l->manifest, folder_of(l->manifest));
    int rc = !dir ? VMG_E_NOMEM : *dir ? vmg_mkdirs(dir) : VMG_OK;
    if (rc == VMG_OK && *l->dir)
        rc = vmg_mkdirs(l->dir);
    if (rc == VMG_OK && !l->g->comm.rank && !l->g->skip_existing)
        unlink(l->manifest);
    free(dir);
    return rc;
}

/* ---- what is told ---- */

static void warn(char *text)
{
    vmg_log log = vmg_cli_log();
    if (text)
        vmg_logf(&log, VMG_LOG_WARN, "%s", text);
    free(text);
}

/* Of the prompts that are about to be followed: the first few with words that the model's training captions never had, and how many
 * more there are. */
static int warn_of_unknown_words(const list *l)
{
    int64_t n = 0;
    size_t last = SIZE_MAX;
    for (int64_t i = 0; i < l->n; i++) {
        const entry *e = &l->entries[i];
        char *warning = NULL;
        if (!l->items[i].wanted || e->reference || e->prompt == last)
            continue;
        last = e->prompt;
        int rc = vmg_known_words_check(l->g->m.weights, l->items[i].prompt, &warning);
        if (rc != VMG_OK)
            return rc;
        if (warning && n < MAX_WARNINGS)
            warn(vmg_asprintf("%s: %s", e->name, warning));
        n += warning != NULL;
        free(warning);
    }
    if (n > MAX_WARNINGS)
        warn(vmg_asprintf("more prompts with words that the model was not trained on: %lld", (long long)(n - MAX_WARNINGS)));
    return VMG_OK;
}

static bool on_progress(void *user, const char *what, int64_t done, int64_t total)
{
    list *l = user;
    vmg_progress *bar = &l->g->bar;
    if (what && !strcmp(what, "generating")) {
        vmg_progress_finish(bar);
        vmg_progress_update(&l->making, done, total);
    } else if (what) {
        vmg_progress_hide(&l->making);
        if (strcmp(bar->what, what))
            vmg_progress_finish(bar);
        bar->what = what;
        vmg_progress_update(bar, done, total);
    }
    return !vmg_cli_interrupted();
}

static int on_take(void *user, int64_t i, const float *x, int64_t n_frames)
{
    const list *l = user;
    return vmg_generate_cli_write(l->g, l->entries[i].path, x, n_frames);
}

static void on_report(void *user, int64_t i, int64_t n_frames, const char *error)
{
    list *l = user;
    entry *e = &l->entries[i];
    vmg_progress_hide(&l->making);
    if (error)
        fprintf(stderr, "vimogen %s: %s: %s\n", l->command, e->name, error);
    else
        printf("%s\n", e->path);
    e->made = !error;
    e->n_frames = n_frames;
    l->n_made += !error;
    l->n_failed += error != NULL;
    l->lacks_reference |= error && e->reference;
}

/* ---- the manifest ---- */

static bool add_entry(cJSON *array, const list *l, int64_t i)
{
    const entry *e = &l->entries[i];
    const vmg_list_item *it = &l->items[i];
    int64_t frames = e->n_frames ? e->n_frames : it->n_frames;
    cJSON *o = cJSON_CreateObject();
    bool ok = o && cJSON_AddItemToArray(array, o) && cJSON_AddStringToObject(o, "id", e->name) &&
              cJSON_AddStringToObject(o, "prompt", it->prompt) && cJSON_AddStringToObject(o, "file", path_in_manifest(l, e)) &&
              cJSON_AddNumberToObject(o, "seed", (double)(int64_t)it->seed);
    if (ok && frames)
        ok = cJSON_AddNumberToObject(o, "frames", (double)frames) != NULL;
    if (ok && e->embedding)
        ok = cJSON_AddStringToObject(o, "prompt" VMG_PROMPTS_PATH_SUFFIX, e->embedding) != NULL;
    if (ok && e->reference)
        ok = cJSON_AddStringToObject(o, "motion_path", e->reference) && cJSON_AddBoolToObject(o, "use_ref_motion", true);
    return ok;
}

/* Every motion of the list that is there: itself a list that --file reads, and makes the same motions from. */
static int write_manifest(const list *l)
{
    cJSON *array = cJSON_CreateArray();
    bool ok = array != NULL;
    for (int64_t i = 0; ok && i < l->n; i++)
        ok = !l->entries[i].made || add_entry(array, l, i);
    char *text = ok ? cJSON_Print(array) : NULL;
    vmg_buf out = {0};
    if (text) {
        vmg_buf_puts(&out, text);
        vmg_buf_puts(&out, "\n");
    }
    int rc = text && !out.failed ? vmg_write_file(l->manifest, out.data, out.len)
                                 : vmg_fail(VMG_E_NOMEM, "out of memory writing %s", l->manifest);
    if (rc == VMG_OK)
        printf("%s\n", l->manifest);
    vmg_buf_free(&out);
    cJSON_free(text);
    cJSON_Delete(array);
    return rc;
}

/* ---- working ---- */

/* Motions sampled together: the same number on all processes, as rank 0's device has it. */
static int choose_at_once(const list *l, int64_t *at_once)
{
    *at_once = l->g->at_once_given ? l->g->at_once : l->g->ctx->dev.device_class == VMG_CLASS_GPU ? AT_ONCE_ON_GPU : 1;
    return vmg_comm_share(&l->g->comm, at_once, sizeof *at_once);
}

static int make_motions(list *l)
{
    vmg_generate_cli *g = l->g;
    vmg_embed_cache *cache = g->cache ? vmg_cli_open_cache(NULL) : NULL;
    vmg_list_options o = {.encoder = g->encoder, .tokenizer = g->tokenizer, .encoder_dtype = g->encoder_dtype, .cache = cache,
                          .null_text = g->null_text.rows ? &g->null_text : NULL, .n_frames = g->frames, .comm = &g->comm,
                          .take = on_take, .report = on_report, .progress = on_progress, .user = l};
    int rc = vmg_comm_agree(&g->comm, vmg_generate_cli_options(g, &o.generate));
    o.reference = vmg_generate_cli_reference(g, LIST_REF_FPS);
    o.reference.published = true;
    if (rc == VMG_OK)
        rc = vmg_cli_open_ctx_among(&g->comm, g->device, g->max_memory, g->profile, &g->ctx);
    if (rc == VMG_OK)
        rc = choose_at_once(l, &o.at_once);
    if (rc == VMG_OK)
        rc = vmg_generate_list(g->ctx, &g->m, l->items, l->n, &o);
    vmg_progress_finish(&g->bar);
    vmg_progress_finish(&l->making);
    if (rc == VMG_OK && g->profile)
        rc = vmg_cli_print_profile(g->ctx);
    vmg_embed_cache_close(cache);
    return rc;
}

/* Says how it went. */
static int conclude(const list *l, int rc)
{
    int status = rc == VMG_OK ? VMG_EXIT_OK : VMG_EXIT_FAILED;
    if (rc == VMG_E_INTERRUPTED) {
        status = VMG_EXIT_INTERRUPTED;
        fprintf(stderr, "vimogen %s: interrupted, %lld of %lld motions were made; go on with --skip-existing\n", l->command,
                (long long)l->n_made, (long long)l->n_wanted);
    } else if (rc != VMG_OK) {
        status = vmg_cli_fail(l->command, rc);
    } else if (l->n_failed) {
        status = VMG_EXIT_FAILED;
        fprintf(stderr, "vimogen %s: %lld of %lld motions could not be made%s\n", l->command, (long long)l->n_failed,
                (long long)l->n_wanted, l->lacks_reference ? "; --no-references makes all from their texts" : "");
    }
    return status;
}

int vmg_generate_cli_list(vmg_generate_cli *g, const char *command)
{
    list l = {.g = g, .command = command, .making = {.what = "generating", .unit = g->sampling.sampler.steps}};
    int rc = vmg_comm_agree(&g->comm, read_list(&l));
    if (rc == VMG_OK)
        rc = find_existing(&l);
    if (rc == VMG_OK)
        rc = vmg_comm_agree(&g->comm, make_room(&l));
    if (rc == VMG_OK && l.n_wanted < l.n)
        fprintf(stderr, "vimogen %s: %lld of %lld motions are there already\n", command, (long long)(l.n - l.n_wanted),
                (long long)l.n);
    if (rc == VMG_OK && l.n_changed)
        fprintf(stderr, "vimogen %s: %lld are made again, as their prompt, seed or frames were others\n", command,
                (long long)l.n_changed);
    if (rc == VMG_OK)
        rc = vmg_comm_agree(&g->comm, g->comm.rank ? VMG_OK : warn_of_unknown_words(&l));
    if (rc == VMG_OK && l.n_wanted)
        rc = make_motions(&l);
    if (!g->comm.rank && l.manifest && (rc == VMG_OK || l.n_made)) {
        char *why = vmg_strdup(vmg_error_message());
        int written = write_manifest(&l);
        rc = rc == VMG_OK ? written : vmg_fail(rc, "%s", why ? why : "");
        free(why);
    }
    int status = conclude(&l, rc);
    free_list(&l);
    return status;
}

int vmg_generate_cli_check_list(vmg_generate_cli *g, const char *command)
{
    char ending[16];
    const char *hole = g->out ? strstr(g->out, "{}") : NULL, *slash = g->out ? strrchr(g->out, '/') : NULL;
    if (!g->at_once_given)
        g->at_once = 1;
    if (g->at_once < 1 || g->at_once > MAX_AT_ONCE)
        return vmg_cli_usage(command, "--at-once is 1 to %d", MAX_AT_ONCE);
    if (hole && (hole < slash || strstr(hole + 2, "{}")))
        return vmg_cli_usage(command, "%s: {} stands once, in the file's name", g->out);
    if (hole && g->format)
        return vmg_cli_usage(command, "%s tells the format: leave --format out", g->out);
    vmg_path_ending(g->out ? g->out : "", ending, sizeof ending);
    if (hole)
        return vmg_generate_cli_writes(g, ending) ? 0 : vmg_generate_cli_refuse(g, g->out);
    if (vmg_generate_cli_writes(g, ending) && !vmg_path_is_dir(g->out))
        return vmg_cli_usage(command, "%s: a list's motions go to a folder, or to a path with {} where each name goes", g->out);
    g->format = g->format ? g->format : "npy";
    g->out = g->out ? g->out : "motions";
    return vmg_generate_cli_writes(g, g->format) ? 0 : vmg_generate_cli_refuse(g, g->format);
}
