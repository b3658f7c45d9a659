/* The program's subcommands, their options, and how they talk to the terminal. */
#ifndef VMG_SRC_CLI_CLI_H
#define VMG_SRC_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/base/log.h"

/* Exit statuses: 0 done, 1 the work failed (message printed), 2 the command line is wrong,
 * 130 interrupted. */
enum { VMG_EXIT_OK = 0, VMG_EXIT_FAILED = 1, VMG_EXIT_USAGE = 2, VMG_EXIT_INTERRUPTED = 130 };

/* One subcommand: src/cli/cmd_NAME.c defines `vmg_cmd_NAME`, main.c lists it. argv[0] is its name. */
typedef struct vmg_command {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} vmg_command;

/* ---- options ---- */

enum vmg_opt_kind { VMG_OPT_FLAG, VMG_OPT_INT, VMG_OPT_DOUBLE, VMG_OPT_STRING };

/* One option, "--name VALUE" or "--name=VALUE" (and "-c VALUE" where `letter` is set). Flags also
 * take "--no-name". `target` points at bool, int64_t, double or const char *, holding the default. */
typedef struct vmg_opt {
    const char *name;
    char letter;
    enum vmg_opt_kind kind;
    void *target;
    const char *value_name; /* shown in --help; NULL for flags */
    const char *help;
    bool *given; /* set to true when the option appears; may be NULL */
} vmg_opt;

/*
 * Parse argv[1..], moving positional arguments to the front of argv and their count to *n_args.
 * "--" ends options. Prints one sentence to stderr and returns VMG_EXIT_USAGE on unknown options,
 * missing or malformed values (whole string must parse; no overflow). For -h/--help prints usage
 * (`synopsis`, then the options) and returns -1: the command then returns VMG_EXIT_OK.
 */
int vmg_opt_parse(int argc, char **argv, const char *synopsis, const vmg_opt *opts, size_t n_opts,
                  int *n_args);

/* ---- terminal ---- */

/* Log to stderr; warnings and errors always, info with --verbose (VMG_VERBOSE=1), debug with 2. */
vmg_log vmg_cli_log(void);

/* Print the thread's last error as "vimogen NAME: message" and give the exit status for `rc`. */
int vmg_cli_fail(const char *command, int rc);

/* Print a usage error the same way and return VMG_EXIT_USAGE. */
int vmg_cli_usage(const char *command, const char *fmt, ...) VMG_PRINTF(2, 3);

/* Progress on stderr: a bar with time left on a terminal, otherwise a plain line now and then.
 * Start from {.what = "sampling"}; total 0 = unknown. Call hide before
 * something else is shown (time until the next update does not count), finish once. */
typedef struct vmg_progress {
    const char *what;
    int64_t unit; /* of done and total that make one in the numbers shown; 0 = 1 */
    double start_s, shown_s, hidden_s;
    bool active;
} vmg_progress;
void vmg_progress_update(vmg_progress *p, int64_t done, int64_t total);
void vmg_progress_hide(vmg_progress *p);
void vmg_progress_finish(vmg_progress *p);

/* Ctrl-C and SIGTERM set a flag instead of killing; long work polls it (second signal kills). */
void vmg_cli_catch_interrupt(void);
bool vmg_cli_interrupted(void);

#endif
