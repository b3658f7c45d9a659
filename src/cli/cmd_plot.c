/* vimogen plot: a training log's curves as a picture. */
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/train/plot.h"

static int run(int argc, char **argv)
{
    const char *out = "loss.svg", *title = NULL;
    const vmg_opt opts[] = {
        {"out", 'o', VMG_OPT_STRING, &out, "FILE.svg", "where to write (default loss.svg)", NULL},
        {"title", 0, VMG_OPT_STRING, &title, "TEXT", "what stands above (default: the log's path)", NULL},
    };
    vmg_journal_line *lines = NULL;
    size_t n = 0;
    int n_args, rc = vmg_opt_parse(argc, argv, "LOG.jsonl [OPTION...]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (n_args != 1)
        return vmg_cli_usage(argv[0], "takes one log.jsonl of vimogen train");
    char ending[16];
    vmg_path_ending(out, ending, sizeof ending);
    if (strcmp(ending, "svg"))
        return vmg_cli_usage(argv[0], "%s: pictures of logs are .svg", out);
    rc = vmg_journal_read(argv[1], &lines, &n);
    char *svg = rc == VMG_OK ? vmg_plot_svg(title ? title : argv[1], lines, n) : NULL;
    if (rc == VMG_OK)
        rc = svg ? vmg_write_file(out, svg, strlen(svg)) : VMG_E_NOMEM;
    free(lines);
    free(svg);
    return rc == VMG_OK ? VMG_EXIT_OK : vmg_cli_fail(argv[0], rc);
}

const vmg_command vmg_cmd_plot = {"plot", "draw the curves of a training log", run};
