/* vimogen eval: MBench's joint metrics of clips, one by one and in sum. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/cli/list_names.h"
#include "src/cli/run.h"
#include "src/mbench/eval.h"
#include "src/motion/clip.h"

/* Paths of the clips to measure. */
typedef struct paths {
    char **path;
    size_t n, cap;
} paths;

static int add_path(paths *p, char *path)
{
    if (path && p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 64;
        char **more = vmg_realloc(p->path, cap, sizeof *more);
        if (!more) {
            free(path);
            return VMG_E_NOMEM;
        }
        p->path = more;
        p->cap = cap;
    }
    if (!path)
        return VMG_E_NOMEM;
    p->path[p->n++] = path;
    return VMG_OK;
}

/* "2.npy" before "10.npy": runs of digits compare as numbers. */
static int compare_names(const void *a, const void *b)
{
    const char *p = *(const char *const *)a, *q = *(const char *const *)b;
    while (*p && *q) {
        size_t m = strspn(p, "0123456789"), n = strspn(q, "0123456789");
        if (m && n) {
            for (; m > 1 && *p == '0'; m--)
                p++;
            for (; n > 1 && *q == '0'; n--)
                q++;
            int order = m != n ? (m < n ? -1 : 1) : strncmp(p, q, m);
            if (order)
                return order;
            p += m;
            q += n;
        } else if (*p != *q) {
            break;
        } else {
            p++;
            q++;
        }
    }
    return (unsigned char)*p - (unsigned char)*q;
}

/* The motions that a manifest of `generate --file` lists, beside it or where it says. */
static int collect_listed(const char *manifest, paths *p)
{
    vmg_prompts *list = NULL;
    int rc = vmg_prompts_read(manifest, "file", &list);
    for (size_t i = 0; !rc && i < vmg_prompts_count(list); i++) {
        const char *file = vmg_prompts_text(list, i);
        char *path = file[0] == '/' ? vmg_strdup(file) : vmg_list_beside(manifest, file);
        if (path && !vmg_path_exists(path) && vmg_path_exists(file)) {
            free(path);
            path = vmg_strdup(file);
        }
        rc = add_path(p, path);
    }
    vmg_prompts_free(list);
    return rc;
}

/* A file as it is; of a folder, every file that clips are read from. */
static int collect(const char *arg, paths *p)
{
    char **names = NULL, ending[8];
    size_t n = 0;
    vmg_path_ending(arg, ending, sizeof ending);
    if (!vmg_path_is_dir(arg))
        return strcmp(ending, "json") ? add_path(p, vmg_strdup(arg)) : collect_listed(arg, p);
    int rc = vmg_list_dir(arg, &names, &n);
    if (rc)
        return rc;
    qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 0; !rc && i < n; i++)
        if (vmg_clip_readable(names[i]))
            rc = add_path(p, vmg_path_join(arg, names[i]));
    vmg_list_free(names, n);
    return rc;
}

static void print_text(const vmg_eval *e, enum vmg_mbench_mode mode, bool each)
{
    static const char *const heads[VMG_N_EVAL] = {"jitter",  "penetration", "floating",   "sliding",
                                                  "dynamic", "SPARC",       "above 5 Hz", "NPSS"};
    printf("%-32s %6s",
           mode == VMG_MBENCH_OFFICIAL ? "mode official (height = index 2)"
                                       : "mode physical (height = up axis)",
           "frames");
    for (int k = 0; k < VMG_N_EVAL; k++)
        if (e->measured[k])
            printf(" %11s", heads[k]);
    printf("\n");
    for (size_t i = 0; i < e->n_clips; i++) {
        const vmg_eval_clip *c = &e->clip[i];
        if (!each || c->error)
            continue;
        size_t n = strlen(c->path);
        printf("%-32s %6lld", n > 32 ? c->path + n - 32 : c->path, (long long)c->T);
        for (int k = 0; k < VMG_N_EVAL; k++)
            if (e->measured[k])
                c->counts[k] ? printf(" %11.6f", c->value[k]) : printf(" %11s", "-");
        printf("\n");
    }
    static const char *const rows[] = {"mean", "standard deviation", "count"};
    for (int r = 0; r < 3; r++) {
        printf("%-32s %6s", rows[r], "");
        for (int k = 0; k < VMG_N_EVAL; k++) {
            const vmg_mbench_summary *s = &e->summary[k];
            if (e->measured[k])
                r == 2 ? printf(" %11lld", (long long)s->n)
                       : printf(" %11.6f", r ? s->std : s->mean);
        }
        printf("\n");
    }
}

static void print_csv(const vmg_eval *e)
{
    printf("clip,frames");
    for (int k = 0; k < VMG_N_EVAL; k++)
        if (e->measured[k])
            printf(",%s", vmg_eval_name[k]);
    printf("\n");
    for (size_t i = 0; i < e->n_clips; i++) {
        const vmg_eval_clip *c = &e->clip[i];
        if (c->error)
            continue;
        putchar('"');
        for (const char *p = c->path; *p; p++)
            printf(*p == '"' ? "\"\"" : "%c", *p);
        printf("\",%lld", (long long)c->T);
        for (int k = 0; k < VMG_N_EVAL; k++)
            if (e->measured[k])
                c->counts[k] ? printf(",%.9g", c->value[k]) : printf(",");
        printf("\n");
    }
}

/* The published tool's shape: per metric the aggregate and every motion. */
static void print_json(const vmg_eval *e, enum vmg_mbench_mode mode)
{
    cJSON *o = cJSON_CreateObject(), *failed = cJSON_CreateArray();
    cJSON_AddStringToObject(o, "mode", vmg_mbench_mode_name(mode));
    for (int k = 0; k < VMG_N_EVAL; k++) {
        if (!e->measured[k])
            continue;
        cJSON *m = cJSON_AddObjectToObject(o, vmg_eval_name[k]);
        cJSON *a = cJSON_AddObjectToObject(m, "aggregate"),
              *list = cJSON_AddArrayToObject(m, "per_motion");
        cJSON_AddNumberToObject(a, "mean", e->summary[k].mean);
        cJSON_AddNumberToObject(a, "std", e->summary[k].std);
        cJSON_AddNumberToObject(a, "num_samples", (double)e->summary[k].n);
        for (size_t i = 0; i < e->n_clips; i++) {
            const vmg_eval_clip *c = &e->clip[i];
            if (c->error || !c->counts[k])
                continue;
            cJSON *item = cJSON_CreateObject();
            cJSON_AddStringToObject(item, "clip", c->path);
            cJSON_AddNumberToObject(item, "frames", (double)c->T);
            cJSON_AddNumberToObject(item, "value", c->value[k]);
            cJSON_AddItemToArray(list, item);
        }
    }
    for (size_t i = 0; i < e->n_clips; i++)
        if (e->clip[i].error)
            cJSON_AddItemToArray(failed, cJSON_CreateString(e->clip[i].error));
    cJSON_AddItemToObject(o, "failed", failed);
    char *text = cJSON_Print(o);
    if (text)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(o);
}

static int evaluate(const char *command, const paths *p, const vmg_eval_options *o, bool json,
                    bool csv, bool each)
{
    vmg_eval e;
    int rc = vmg_eval_run((const char *const *)p->path, p->n, o, &e);
    if (rc)
        return vmg_cli_fail(command, rc);
    if (o->comm->rank) { /* rank 0 tells */
        vmg_eval_free(&e);
        return VMG_EXIT_OK;
    }
    if (json)
        print_json(&e, o->mode);
    else if (csv)
        print_csv(&e);
    else
        print_text(&e, o->mode, each);
    for (size_t i = 0; i < e.n_clips; i++)
        if (e.clip[i].error)
            fprintf(stderr, "vimogen %s: %s\n", command, e.clip[i].error);
    if (e.n_failed)
        fprintf(stderr, "vimogen %s: %zu of %zu clips could not be measured\n", command, e.n_failed,
                e.n_clips);
    rc = e.n_failed ? VMG_EXIT_FAILED : VMG_EXIT_OK;
    vmg_eval_free(&e);
    return rc;
}

/* The command line; 0, -1 after --help, or an exit status. */
static int parse(int argc, char **argv, vmg_eval_options *o, bool *json, bool *csv, bool *each, int *n_args)
{
    const char *mode = "physical", *up = "z";
    const vmg_opt opts[] = {
        {"mode", 0, VMG_OPT_STRING, &mode, "M",
         "physical (default) or official: which coordinate is height", NULL},
        {"up", 0, VMG_OPT_STRING, &up, "AXIS",
         "height of joint arrays in physical mode: z (default) or y", NULL},
        {"info", 0, VMG_OPT_STRING, &o->info, "FILE",
         "MBench_eval_info.json: which ids each metric counts", NULL},
        {"spectral", 0, VMG_OPT_FLAG, &o->spectral, NULL,
         "also smoothness (SPARC) and the share of energy above 5 Hz", NULL},
        {"reference", 0, VMG_OPT_STRING, &o->reference, "DIR",
         "also NPSS against the clips of the same names in DIR", NULL},
        {"each", 0, VMG_OPT_FLAG, each, NULL, "a line per clip (default; --no-each: sums only)",
         NULL},
        {"json", 0, VMG_OPT_FLAG, json, NULL, "print JSON", NULL},
        {"csv", 0, VMG_OPT_FLAG, csv, NULL, "print a table with commas, one row per clip", NULL},
    };
    int rc = vmg_opt_parse(argc, argv, "DIR|FILE|MANIFEST.json... [OPTION...]", opts, VMG_COUNT(opts), n_args);
    if (rc)
        return rc;
    if (vmg_mbench_parse_mode(mode, &o->mode))
        return vmg_cli_usage(argv[0], "%s", vmg_error_message());
    if (strcmp(up, "y") && strcmp(up, "z"))
        return vmg_cli_usage(argv[0], "--up is y or z, not \"%s\"", up);
    if (*n_args < 1 || (*json && *csv))
        return vmg_cli_usage(argv[0], *n_args < 1 ? "name clips or folders of clips"
                                                  : "--json and --csv exclude each other");
    o->up_axis = up[0] == 'y' ? 1 : 2;
    return 0;
}

static int run(int argc, char **argv)
{
    bool json = false, csv = false, each = true;
    vmg_comm comm;
    vmg_eval_options o = {.comm = &comm};
    paths p = {0};
    int n_args, rc = vmg_cli_join(&comm), status = 0;
    if (!rc && (status = parse(argc, argv, &o, &json, &csv, &each, &n_args)) != 0) {
        vmg_cli_leave(&comm);
        return status < 0 ? VMG_EXIT_OK : status;
    }
    for (int i = 1; !rc && i <= n_args; i++)
        rc = collect(argv[i], &p);
    if (!rc && p.n == 0)
        rc = vmg_fail(VMG_E_NOTFOUND, "%s holds no clips", argv[1]);
    rc = vmg_comm_agree(&comm, rc);
    status = rc ? vmg_cli_fail(argv[0], rc) : evaluate(argv[0], &p, &o, json, csv, each);
    vmg_list_free(p.path, p.n);
    vmg_cli_leave(&comm);
    return status;
}

const vmg_command vmg_cmd_eval = {"eval", "measure clips: MBench's joint metrics", run};
