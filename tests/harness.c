/* Test programs: named cases, TAP output, and comparisons that print what they saw. */
#include "tests/harness.h"

#include "config.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/base/status.h"
#include "host/program.h"

void (*vmg_test_before_each)(void);
void (*vmg_test_at_end)(void);

static bool failed, skipped;
static char skip_reason[512], tmp_dir[256];
static uint64_t random_state;

/* A folder itself: a link to one is removed as a link, what it leads to is not ours. */
static bool is_own_dir(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void remove_tree(const char *dir)
{
    char **names;
    size_t n;
    if (vmg_list_dir(dir, &names, &n) == VMG_OK) {
        for (size_t i = 0; i < n; i++) {
            char *path = vmg_path_join(dir, names[i]);
            if (path && is_own_dir(path))
                remove_tree(path);
            else if (path)
                unlink(path);
            free(path);
        }
        vmg_list_free(names, n);
    }
    rmdir(dir);
}

static void remove_tmp(void)
{
    if (tmp_dir[0])
        remove_tree(tmp_dir);
}

static bool selected(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (argv[i][0] == '=' ? !strcmp(name, argv[i] + 1) : strstr(name, argv[i]) != NULL)
            return true;
    return argc < 2;
}

int vmg_test_main(int argc, char **argv, const vmg_test_case *cases, size_t n)
{
    int n_failed = 0;
    size_t n_run = 0;
    if (argc == 2 && !strcmp(argv[1], "--list")) {
        for (size_t i = 0; i < n; i++)
            puts(cases[i].name);
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        n_run += selected(cases[i].name, argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..%zu\n", n_run);
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (!selected(cases[i].name, argc, argv))
            continue;
        failed = skipped = false;
        random_state = 0x9e3779b97f4a7c15u;
        if (vmg_test_before_each)
            vmg_test_before_each();
        cases[i].run();
        k++;
        if (failed)
            printf("not ok %zu - %s\n", k, cases[i].name);
        else if (skipped)
            printf("ok %zu - %s # SKIP %s\n", k, cases[i].name, skip_reason);
        else
            printf("ok %zu - %s\n", k, cases[i].name);
        n_failed += failed;
    }
    if (vmg_test_at_end)
        vmg_test_at_end();
    return n_failed ? 1 : 0;
}

static bool report(bool ok, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static bool report(bool ok, const char *file, int line, const char *fmt, ...)
{
    if (ok)
        return true;
    failed = true;
    va_list ap;
    va_start(ap, fmt);
    printf("# %s:%d: ", file, line);
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    return false;
}

bool vmg_test_check(bool ok, const char *file, int line, const char *text)
{
    return report(ok, file, line, "%s is false", text);
}

bool vmg_test_ok(int rc, const char *file, int line, const char *text)
{
    return report(rc == VMG_OK, file, line, "%s failed (%s): %s", text, vmg_status_name(rc),
                  vmg_error_message());
}

bool vmg_test_fails(int rc, int code, const char *word, const char *file, int line, const char *text)
{
    if (!report(rc == code, file, line, "%s returned %d (%s), expected %d (%s)", text, rc,
                rc == VMG_OK ? "" : vmg_error_message(), code, vmg_status_name(code)))
        return false;
    return report(strstr(vmg_error_message(), word) != NULL, file, line,
                  "%s: message \"%s\" does not contain \"%s\"", text, vmg_error_message(), word);
}

bool vmg_test_int(long long got, long long want, const char *file, int line, const char *text)
{
    return report(got == want, file, line, "%s is %lld, expected %lld", text, got, want);
}

bool vmg_test_str(const char *got, const char *want, const char *file, int line, const char *text)
{
    return report(got && !strcmp(got, want), file, line, "%s is \"%s\", expected \"%s\"", text,
                  got ? got : "(null)", want);
}

bool vmg_test_close(double got, double want, double tol, const char *file, int line, const char *text)
{
    return report(fabs(got - want) <= tol, file, line, "%s is %.9g, expected %.9g within %g", text, got,
                  want, tol);
}

double vmg_test_rel_error(const float *a, const float *b, size_t n)
{
    double diff = 0, scale = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - b[i]);
        if (!isfinite(d))
            return INFINITY;
        diff = d > diff ? d : diff;
        scale = fabs(b[i]) > scale ? fabs(b[i]) : scale;
    }
    return scale > 0 ? diff / scale : diff;
}

bool vmg_test_array(const float *got, const float *want, size_t n, double tol, const char *file,
                    int line, const char *text)
{
    double error = vmg_test_rel_error(got, want, n);
    return report(error <= tol, file, line, "%s: relative error %.3g over %zu values, at most %g", text,
                  error, n, tol);
}

void vmg_test_skip(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(skip_reason, sizeof skip_reason, fmt, ap);
    va_end(ap);
    skipped = true;
}

void vmg_test_note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("# ");
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
}

const char *vmg_test_shared(const char *name)
{
    static char path[4096];
    const char *shared = getenv("VMG_SHARED"), *src = getenv("VMG_SRCDIR");
    if (shared)
        snprintf(path, sizeof path, "%s/%s", shared, name);
    else
        snprintf(path, sizeof path, "%s/../shared/%s", src ? src : ".", name);
    if (vmg_path_exists(path))
        return path;
    vmg_test_skip("../shared/%s is absent", name);
    return NULL;
}

const char *vmg_test_tmp(const char *name)
{
    static char paths[8][512];
    static int next;
    if (!tmp_dir[0]) {
        const char *base = getenv("TMPDIR");
        snprintf(tmp_dir, sizeof tmp_dir, "%s/vmg-test.XXXXXX", base && strlen(base) < 200 ? base : "/tmp");
        if (!mkdtemp(tmp_dir)) {
            perror(tmp_dir);
            exit(99);
        }
        atexit(remove_tmp);
    }
    next = (next + 1) % 8;
    snprintf(paths[next], sizeof paths[next], "%s/%s", tmp_dir, name);
    return paths[next];
}

int vmg_test_vimogen(const char *launcher, const char *args, char *text, size_t n)
{
    const char *build = getenv("VMG_BUILDDIR"), *log = vmg_test_tmp("output.txt");
    char *command = vmg_asprintf("{ %s '%s/vimogen' %s ; } > '%s' 2>&1", launcher ? launcher : "", build ? build : ".", args, log);
    char *all = NULL;
    int status = command ? system(command) : -1;
    text[0] = 0;
    if (vmg_read_file(log, 1 << 20, &all, NULL) == VMG_OK)
        snprintf(text, n, "%s", all);
    free(all);
    free(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const char *vmg_test_mpirun(int n)
{
#ifdef HAVE_MPI
    static char launcher[128];
    char command[200];
    bool open_mpi = !system("mpirun --version 2>&1 | grep -q 'Open MPI'");
    snprintf(launcher, sizeof launcher, "mpirun %s-n %d", open_mpi ? "--allow-run-as-root --oversubscribe " : "", n);
    snprintf(command, sizeof command, "%s true > /dev/null 2>&1", launcher);
    if (!system(command))
        return launcher;
    vmg_test_skip("mpirun does not run here: %s true", launcher);
#else
    (void)n;
    vmg_test_skip("built without MPI (configure --with-mpi)");
#endif
    return NULL;
}

static void write_kernel(const char *name, const char *text)
{
    char file[64];
    snprintf(file, sizeof file, "cl/%s.cl", name);
    CHECK_OK(vmg_write_file(vmg_test_tmp(file), text, strlen(text)));
}

void vmg_test_own_kernel(const char *name, const char *text)
{
    CHECK_OK(vmg_mkdirs(vmg_test_tmp("cl")));
    for (const vmg_cl_source *s = vmg_cl_sources; s->name; s++)
        if (!strcmp(s->name, "common"))
            write_kernel(s->name, s->text);
    write_kernel(name, text);
    setenv("VMG_CL_DIR", vmg_test_tmp("cl"), 1);
}

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

float vmg_test_uniform(void)
{
    return (float)(next_random() >> 40) / 8388608.0f - 1.0f;
}

uint32_t vmg_test_below(uint32_t n)
{
    return (uint32_t)(next_random() % n);
}

void vmg_test_fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = vmg_test_uniform();
}
