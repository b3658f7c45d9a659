/* What training tells of itself: logs and their pictures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/train/journal.h"
#include "src/train/plot.h"
#include "tests/harness.h"

static vmg_journal_line line_at(int64_t step, double loss)
{
    vmg_journal_line l = vmg_journal_line_at(step);
    l.loss = loss;
    return l;
}

static void keeps_a_log(void)
{
    char *path = vmg_strdup(vmg_test_tmp("log.jsonl"));
    vmg_journal *j;
    vmg_journal_line *lines = NULL;
    size_t n = 0;
    REQUIRE_OK(vmg_journal_open(path, -1, &j));
    for (int i = 1; i <= 4; i++) {
        vmg_journal_line l = line_at(10 * i, 1.0 / i);
        l.held_out_loss = i == 2 ? 0.7 : NAN;
        CHECK_OK(vmg_journal_write(j, &l));
    }
    vmg_journal_close(j);
    FILE *f = fopen(path, "a");
    REQUIRE(f);
    fputs("{\"step\":50,\"lo", f); /* as a crash leaves it */
    fclose(f);
    REQUIRE_OK(vmg_journal_open(path, 20, &j));
    vmg_journal_line last = line_at(25, 0.25);
    CHECK_OK(vmg_journal_write(j, &last));
    vmg_journal_close(j);
    REQUIRE_OK(vmg_journal_read(path, &lines, &n));
    CHECK_INT(n, 3);
    if (n == 3) {
        CHECK(lines[0].step == 10 && lines[1].step == 20 && lines[2].step == 25);
        CHECK(lines[1].loss == 0.5 && lines[1].held_out_loss == 0.7 && isnan(lines[0].held_out_loss) && lines[2].loss == 0.25);
    }
    free(lines);
    CHECK_OK(vmg_write_file(path, "nothing\n", 8));
    CHECK_FAILS(vmg_journal_read(path, &lines, &n), VMG_E_FORMAT, "training log");
    free(path);
}

static void draws_curves(void)
{
    vmg_journal_line lines[60];
    for (int i = 0; i < 60; i++) {
        lines[i] = line_at(100 * i, 2 / (1.0 + i));
        lines[i].held_out_loss = i % 20 ? NAN : 2.5 / (1.0 + i);
    }
    char *svg = vmg_plot_svg("a < b & c", lines, 60);
    REQUIRE(svg);
    CHECK(!strncmp(svg, "<svg", 4) && strstr(svg, "a &lt; b &amp; c") && strstr(svg, "</svg>"));
    int curves = 0;
    for (const char *at = svg; (at = strstr(at, "<polyline")); at++)
        curves++;
    CHECK_INT(curves, 3);
    CHECK(!strstr(svg, "nan") && !strstr(svg, "inf"));
    free(svg);
    svg = vmg_plot_svg("one", lines, 1);
    CHECK(svg && !strstr(svg, "nan") && !strstr(svg, "inf"));
    free(svg);
}

static const vmg_test_case cases[] = {
    {"keeps_a_log", keeps_a_log},
    {"draws_curves", draws_curves},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
