/* Test programs: named cases, TAP output, and comparisons that print what they saw. */
#ifndef VMG_TESTS_HARNESS_H
#define VMG_TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A test program lists its cases and returns vmg_test_main():
 *
 *     static void reads_empty_file(void) { CHECK(...); CHECK_CLOSE(...); }
 *     static const vmg_test_case cases[] = {{"reads_empty_file", reads_empty_file}};
 *     int main(int argc, char **argv) { return vmg_test_main(argc, argv, cases, VMG_COUNT(cases)); }
 *
 * Arguments select cases whose names contain one of them, or with "=NAME" are NAME; "--list" prints all names. A failed CHECK prints file, line and
 * values, marks the case failed and carries on; REQUIRE also leaves the function.
 */
typedef struct vmg_test_case {
    const char *name;
    void (*run)(void);
} vmg_test_case;

/* Called before each case, and after the last one, when set. (Not atexit: a library's thread-local state is gone
 * by then.) */
extern void (*vmg_test_before_each)(void);
extern void (*vmg_test_at_end)(void);

int vmg_test_main(int argc, char **argv, const vmg_test_case *cases, size_t n);

#define CHECK(cond) vmg_test_check((cond), __FILE__, __LINE__, #cond)
#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!vmg_test_check((cond), __FILE__, __LINE__, #cond))                                    \
            return;                                                                                \
    } while (0)
/* The call returns VMG_OK; prints the library's message otherwise. */
#define CHECK_OK(call) vmg_test_ok((call), __FILE__, __LINE__, #call)
#define REQUIRE_OK(call)                                                                           \
    do {                                                                                           \
        if (!vmg_test_ok((call), __FILE__, __LINE__, #call))                                       \
            return;                                                                                \
    } while (0)
/* The call returns `code`, and the message contains `word`. */
#define CHECK_FAILS(call, code, word)                                                              \
    vmg_test_fails((call), (code), (word), __FILE__, __LINE__, #call)
#define CHECK_INT(got, want)                                                                       \
    vmg_test_int((long long)(got), (long long)(want), __FILE__, __LINE__, #got)
#define CHECK_STR(got, want) vmg_test_str((got), (want), __FILE__, __LINE__, #got)
/* |got - want| <= tol (NaN fails). */
#define CHECK_CLOSE(got, want, tol)                                                                \
    vmg_test_close((got), (want), (tol), __FILE__, __LINE__, #got)
/* max|got-want| <= tol * max|want| over n values (NaN fails). */
#define CHECK_ARRAY(got, want, n, tol)                                                             \
    vmg_test_array((got), (want), (n), (tol), __FILE__, __LINE__, #got)

bool vmg_test_check(bool ok, const char *file, int line, const char *text);
bool vmg_test_ok(int rc, const char *file, int line, const char *text);
bool vmg_test_fails(int rc, int code, const char *word, const char *file, int line, const char *text);
bool vmg_test_int(long long got, long long want, const char *file, int line, const char *text);
bool vmg_test_str(const char *got, const char *want, const char *file, int line, const char *text);
bool vmg_test_close(double got, double want, double tol, const char *file, int line, const char *text);
bool vmg_test_array(const float *got, const float *want, size_t n, double tol, const char *file,
                    int line, const char *text);

/* max|a-b| / max|b| (max|a-b| when b is all zero); NaN or infinity anywhere gives infinity. */
double vmg_test_rel_error(const float *a, const float *b, size_t n);

/* Mark the running case skipped: a clear word why ("../shared/golden is absent"). Return after it. */
void vmg_test_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print a TAP diagnostic line ("# ..."). */
void vmg_test_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Path of `name` below ../shared (beside the source tree), or NULL when absent, with the case marked
 * skipped. VMG_SHARED overrides the folder. Valid until the next call. */
const char *vmg_test_shared(const char *name);

/* Path of a file below a fresh scratch folder of this process, removed at exit. Valid until 8 calls
 * later. */
const char *vmg_test_tmp(const char *name);

/*
 * Runs the built program as "LAUNCHER vimogen ARGS" through the shell (LAUNCHER NULL: by itself); what it prints, both streams, goes to
 * text[n]. Its exit status, -1 when it did not end by itself.
 */
int vmg_test_vimogen(const char *launcher, const char *args, char *text, size_t n);

/* What starts n processes, a launcher for vmg_test_vimogen; NULL, with the case marked skipped, in a build without MPI or where mpirun
 * does not run. Valid until the next call. */
const char *vmg_test_mpirun(int n);

/* Write a kernel file of the test's own, `name`.cl, into a scratch folder beside the library's common.cl, and make that folder
 * VMG_CL_DIR. */
void vmg_test_own_kernel(const char *name, const char *text);

/* Reproducible numbers: uniform in [-1, 1), and uniform integers below n (> 0). Seeded per case. */
float vmg_test_uniform(void);
uint32_t vmg_test_below(uint32_t n);
void vmg_test_fill(float *x, size_t n);

#endif
