/* Typed command-line options. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli/cli.h"

static void print_usage(const char *command, const char *synopsis, const vmg_opt *opts, size_t n)
{
    printf("usage: vimogen %s %s\n", command, synopsis);
    for (size_t i = 0; i < n; i++) {
        char left[64];
        char letter[5] = "";
        if (opts[i].letter)
            snprintf(letter, sizeof letter, "-%c, ", opts[i].letter);
        snprintf(left, sizeof left, "%s--%s %s", letter, opts[i].name,
                 opts[i].value_name ? opts[i].value_name : "");
        printf("  %-26s %s\n", left, opts[i].help);
    }
}

static const vmg_opt *find(const vmg_opt *opts, size_t n, const char *name, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(opts[i].name) == len && !strncmp(opts[i].name, name, len))
            return &opts[i];
    return NULL;
}

static int store(const char *command, const vmg_opt *o, const char *text)
{
    char *end;
    errno = 0;
    switch (o->kind) {
    case VMG_OPT_STRING:
        *(const char **)o->target = text;
        return 0;
    case VMG_OPT_INT: {
        long long v = strtoll(text, &end, 10);
        if (errno || end == text || *end)
            return vmg_cli_usage(command, "--%s needs a whole number, not \"%s\"", o->name, text);
        *(int64_t *)o->target = v;
        return 0;
    }
    case VMG_OPT_DOUBLE: {
        double v = strtod(text, &end);
        if (errno || end == text || *end || v != v)
            return vmg_cli_usage(command, "--%s needs a number, not \"%s\"", o->name, text);
        *(double *)o->target = v;
        return 0;
    }
    case VMG_OPT_FLAG: break;
    }
    return vmg_cli_usage(command, "--%s takes no value", o->name);
}

/* Handles argv[*i] ("--x", "--x=v", "-c"); advances *i past a separate value. */
static int take(int argc, char **argv, int *i, const vmg_opt *opts, size_t n)
{
    const char *command = argv[0], *arg = argv[*i], *value = NULL;
    const vmg_opt *o = NULL;
    bool negated = false;
    if (arg[1] == '-') {
        const char *eq = strchr(arg, '=');
        size_t len = eq ? (size_t)(eq - arg - 2) : strlen(arg + 2);
        value = eq ? eq + 1 : NULL;
        o = find(opts, n, arg + 2, len);
        if (!o && len > 3 && !strncmp(arg + 2, "no-", 3)) {
            o = find(opts, n, arg + 5, len - 3);
            negated = o && o->kind == VMG_OPT_FLAG;
            o = negated ? o : NULL;
        }
    } else if (!arg[2]) {
        for (size_t k = 0; k < n && !o; k++)
            o = opts[k].letter == arg[1] ? &opts[k] : NULL;
    }
    if (!o)
        return vmg_cli_usage(command, "unknown option %s (see vimogen %s --help)", arg, command);
    if (o->given)
        *o->given = true;
    if (o->kind == VMG_OPT_FLAG && !value) {
        *(bool *)o->target = !negated;
        return 0;
    }
    if (!value) {
        if (*i + 1 >= argc)
            return vmg_cli_usage(command, "--%s needs a value", o->name);
        value = argv[++*i];
    }
    return store(command, o, value);
}

int vmg_opt_parse(int argc, char **argv, const char *synopsis, const vmg_opt *opts, size_t n_opts,
                  int *n_args)
{
    bool options_end = false;
    *n_args = 0;
    for (int i = 1; i < argc; i++) {
        if (options_end || argv[i][0] != '-' || !argv[i][1]) {
            argv[1 + (*n_args)++] = argv[i];
        } else if (!strcmp(argv[i], "--")) {
            options_end = true;
        } else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            print_usage(argv[0], synopsis, opts, n_opts);
            return -1;
        } else {
            int rc = take(argc, argv, &i, opts, n_opts);
            if (rc)
                return rc;
        }
    }
    return 0;
}
