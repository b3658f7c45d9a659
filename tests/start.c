/* Time from the start of a process to its first result on the device. */
#include "tests/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/arena.h"
#include "host/base/clock.h"
#include "host/base/mem.h"
#include "host/op/matmul.h"

enum { ROWS = 400, COLS = 1536 };

int vmg_start_child(const char *device)
{
    vmg_ctx *ctx;
    const char *of_test = getenv("VMG_TEST_DEVICE");
    const vmg_ctx_options options = {.device = of_test ? of_test : device};
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
    printf("%.9f\n", vmg_now_s());
    fflush(stdout);
    if (rc != VMG_OK)
        fprintf(stderr, "%s\n", vmg_error_message());
    free(zeros);
    vmg_arena_free(&arena);
    vmg_ctx_close(ctx);
    return rc != VMG_OK;
}

bool vmg_start_once(const char *device, double *wall_s, double *cpu_s)
{
    int ends[2];
    char text[64] = "";
    if (pipe(ends))
        return false;
    double begun = vmg_now_s();
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execl("/proc/self/exe", "start", VMG_START_CHILD, device, (char *)NULL);
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
