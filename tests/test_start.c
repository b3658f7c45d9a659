/* Starting the program: a second start finds every kernel in the cache and computes within 100 ms. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "tests/harness.h"
#include "tests/start.h"

static const double allowed_s = 0.1;
enum { MAX_STARTS = 20 };

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
    REQUIRE(vmg_start_once("", &first_s, &cpu_s));
    size_t n = n_stored();
    CHECK(n > 0);
    for (int i = 0; i < MAX_STARTS && best_wall_s > allowed_s; i++) {
        REQUIRE(vmg_start_once("", &wall_s, &cpu_s));
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
    if (argc == 3 && !strcmp(argv[1], VMG_START_CHILD))
        return vmg_start_child(argv[2]);
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
