/* Messages, progress and interruption on the terminal. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/clock.h"
#include "src/cli/cli.h"

static void to_stderr(void *user, int level, const char *text)
{
    (void)user;
    static const char *const tags[] = {"error: ", "warning: ", "", "debug: "};
    fprintf(stderr, "vimogen: %s%s\n", tags[level], text);
}

vmg_log vmg_cli_log(void)
{
    const char *v = getenv("VMG_VERBOSE");
    return (vmg_log){to_stderr, NULL, v && *v ? VMG_LOG_WARN + atoi(v) : VMG_LOG_WARN};
}

int vmg_cli_fail(const char *command, int rc)
{
    if (rc == VMG_E_INTERRUPTED) {
        fprintf(stderr, "vimogen %s: interrupted, nothing was written\n", command);
        return VMG_EXIT_INTERRUPTED;
    }
    fprintf(stderr, "vimogen %s: %s\n", command, vmg_error_message());
    return VMG_EXIT_FAILED;
}

int vmg_cli_usage(const char *command, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "vimogen %s: ", command);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    return VMG_EXIT_USAGE;
}

void vmg_progress_update(vmg_progress *p, int64_t done, int64_t total)
{
    double now = vmg_now_s();
    bool terminal = isatty(STDERR_FILENO);
    if (p->hidden_s > 0)
        p->start_s += now - p->hidden_s;
    p->hidden_s = 0;
    if (!p->active) {
        p->active = true;
        p->start_s = p->shown_s = now;
        if (!terminal)
            return;
    } else if (now - p->shown_s < (terminal ? 0.1 : 10.0) && done != total) {
        return;
    }
    p->shown_s = now;
    int64_t unit = p->unit > 0 ? p->unit : 1;
    double elapsed = now - p->start_s;
    double left = done > 0 && total > 0 ? elapsed * (double)(total - done) / (double)done : 0;
    if (!terminal) {
        fprintf(stderr, "%s: %lld/%lld, %.1f s, %.0f s left\n", p->what, (long long)(done / unit),
                (long long)(total / unit), elapsed, left);
        return;
    }
    char bar[25];
    int filled = total > 0 ? (int)(24 * done / total) : 0;
    for (int i = 0; i < 24; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[24] = 0;
    fprintf(stderr, "\r%s [%s] %lld/%lld  %.1f s, %.0f s left \033[K", p->what, bar, (long long)(done / unit),
            (long long)(total / unit), elapsed, left);
    fflush(stderr);
}

void vmg_progress_hide(vmg_progress *p)
{
    if (!p->active || p->hidden_s > 0)
        return;
    p->hidden_s = vmg_now_s();
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r\033[K");
        p->shown_s = 0; /* shown again at the next update */
    }
}

void vmg_progress_finish(vmg_progress *p)
{
    vmg_progress_hide(p);
    p->active = false;
    p->hidden_s = 0;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    interrupted = 1;
    signal(sig, SIG_DFL);
}

void vmg_cli_catch_interrupt(void)
{
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
}

bool vmg_cli_interrupted(void)
{
    return interrupted != 0;
}
