/* vimogen data: data sets of motion with captions. Each action has a file of its own. */
#include "src/cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/cli/data_cli.h"

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} actions[] = {
    {"import", "make a data set from BVH, AMASS or ViMoGen files", vmg_cli_data_import},
    {"caption", "compute captions from the motion", vmg_cli_data_caption},
    {"stats", "tell what a data set holds", vmg_cli_data_stats},
    {"verify", "read everything and name what is damaged", vmg_cli_data_verify},
    {"sample", "show one sample, or write its motion to a file", vmg_cli_data_sample},
    {"split", "choose anew what is held out for testing", vmg_cli_data_split},
};

static void usage(FILE *f)
{
    fprintf(f, "usage: vimogen data ACTION ...\n\n");
    for (size_t i = 0; i < VMG_COUNT(actions); i++)
        fprintf(f, "  %-10s %s\n", actions[i].name, actions[i].summary);
    fprintf(f, "\n`vimogen data ACTION --help` tells more.\n");
}

static int run(int argc, char **argv)
{
    if (argc >= 2 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
        usage(stdout);
        return VMG_EXIT_OK;
    }
    for (size_t i = 0; argc >= 2 && i < VMG_COUNT(actions); i++)
        if (!strcmp(argv[1], actions[i].name)) {
            char name[64];
            snprintf(name, sizeof name, "data %s", actions[i].name);
            argv[1] = name;
            return actions[i].run(argc - 1, argv + 1);
        }
    if (argc >= 2)
        return vmg_cli_usage(argv[0], "\"%s\" is none of its actions (vimogen data --help)",
                             argv[1]);
    usage(stderr);
    return VMG_EXIT_USAGE;
}

const vmg_command vmg_cmd_data = {"data", "make, caption, check and look into data sets", run};
