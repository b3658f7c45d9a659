/* vimogen inspect: what is inside a file. */
#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/cli/inspect.h"
#include "src/cli/motion_cli.h"

/* Kinds of files that their content tells apart come here, one test and one function each. */
static int inspect(const char *path, bool json)
{
    return vmg_cli_is_motion(path) ? vmg_inspect_motion(path, json) : vmg_inspect_weights(path, json);
}

static int run(int argc, char **argv)
{
    bool json = false;
    const vmg_opt opts[] = {
        {"json", 0, VMG_OPT_FLAG, &json, NULL, "print one JSON object", NULL},
    };
    int n_args;
    int rc = vmg_opt_parse(argc, argv, "FILE|DIR [--json]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (n_args != 1)
        return vmg_cli_usage(argv[0], "needs one file or folder, but got %d", n_args);
    rc = inspect(argv[1], json);
    return rc == VMG_OK ? VMG_EXIT_OK : vmg_cli_fail(argv[0], rc);
}

const vmg_command vmg_cmd_inspect = {"inspect", "tell what a weight, array or motion file holds",
                                     run};
