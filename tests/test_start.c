/* Starting the program: a second start finds every kernel in the cache and computes within 100 ms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/arena.h"
#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/op/matmul.h"
#include "tests/harness.h"

static const double allowed_s = 0.1;
enum { MAX_STARTS = 20, ROWS = 400, COLS = 1536 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What the child process does: open a context, run a layer, and print the moment at which it was done. */
static int child(void)
{
    vmg_ctx *ctx;
    const vmg_ctx_options options = {.device = getenv("VMG_TEST_DEVICE")};
    if (vmg_ctx_open(&options, &ctx) != VMG_OK) {
        fprintf(stderr, "%s\n", vmg_error_message());
        return 1;
    }
    vmg_arena arena = vmg_arena_make(ctx, 16 << 20);
    vmg_tensor x = vmg_arena_matrix(&arena, VMG_F32, ROWS, COLS);
    vmg_tensor w = vmg_arena_matrix(&arena, VMG_F32, COLS, COLS);
    vmg_tensor y = vmg_arena_matrix(&arena, VMG_F32, ROWS, COLS);
    float *zeros = vmg_calloc((size_t)COLS * COLS, sizeof *zeros);
    if (zeros) {
        vmg_upload(ctx, x, zeros);
        vmg_upload(ctx, w, zeros);
    }
    vmg_op_linear(ctx, x, w, NULL, y);
    int rc = zeros ? vmg_ctx_finish(ctx) : VMG_E_NOMEM;
    printf("%.9f\n", now_s());
    fflush(stdout);
    if (rc != VMG_OK)
        fprintf(stderr, "%s\n", vmg_error_message());
    free(zeros);
    vmg_arena_free(&arena);
    vmg_ctx_close(ctx);
    return rc != VMG_OK;
}

/* Starts this program as `child`; seconds from fork to its first result, and processor seconds of it all. */
static bool start_once(double *wall_s, double *cpu_s)
{
    int ends[2];
    char text[64] = "";
    if (pipe(ends))
        return false;
    double begun = now_s();
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execl("/proc/self/exe", "test_start", "child", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    ssize_t n = pid > 0 ? read(ends[0], text, sizeof text - 1) : -1;
    close(ends[0]);
    int status = -1;
    struct rusage used;
    if (pid > 0)
        wait4(pid, &status, 0, &used);
    if (n <= 0 || status != 0)
        return false;
    *wall_s = strtod(text, NULL) - begun;
    *cpu_s = (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
             1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    return true;
}

static size_t n_stored(void)
{
    char **names;
    size_t n;
    if (vmg_list_dir(vmg_test_tmp("cache/vimogen-cl/programs"), &names, &n) != VMG_OK)
        return 0;
    vmg_list_free(names, n);
    return n;
}

static void second_start_is_fast(void)
{
    double wall_s, cpu_s, first_s, best_wall_s = 1e9, best_cpu_s = 1e9;
    setenv("XDG_CACHE_HOME", vmg_test_tmp("cache"), 1);
    REQUIRE(start_once(&first_s, &cpu_s));
    size_t n = n_stored();
    CHECK(n > 0);
    for (int i = 0; i < MAX_STARTS && best_wall_s > allowed_s; i++) {
        REQUIRE(start_once(&wall_s, &cpu_s));
        best_wall_s = VMG_MIN(best_wall_s, wall_s);
        best_cpu_s = VMG_MIN(best_cpu_s, cpu_s);
    }
    CHECK_INT(n_stored(), n);
    vmg_test_note("first result %.0f ms after the first start, %.0f ms after a later one (%.0f ms of processor time)",
                  1e3 * first_s, 1e3 * best_wall_s, 1e3 * best_cpu_s);
    /* With more runnable processes than processors, the wall clock says more about them than about us. */
    double load = 0;
    bool busy = getloadavg(&load, 1) == 1 && load > (double)sysconf(_SC_NPROCESSORS_ONLN);
    CHECK(best_wall_s <= allowed_s || (busy && best_cpu_s <= 1.5 * allowed_s));
}

static const vmg_test_case cases[] = {{"second_start_is_fast", second_start_is_fast}};

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "child"))
        return child();
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
