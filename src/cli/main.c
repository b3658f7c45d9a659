/* The vimogen program: finds the subcommand and runs it. */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "src/cli/cli.h"

#define VMG_COMMAND(name) extern const vmg_command vmg_cmd_##name;
#include "src/cli/commands.def"
#undef VMG_COMMAND

static const vmg_command *const commands[] = {
#define VMG_COMMAND(name) &vmg_cmd_##name,
#include "src/cli/commands.def"
#undef VMG_COMMAND
    NULL};

static void usage(FILE *f)
{
    fprintf(f, "usage: vimogen COMMAND [OPTION...] [ARGUMENT...]\n\nText to 3D human motion through "
               "OpenCL.\n\n");
    for (size_t i = 0; commands[i]; i++)
        fprintf(f, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(f, "\nvimogen COMMAND --help tells each command's options.\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return VMG_EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        usage(stdout);
        return VMG_EXIT_OK;
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "version")) {
        printf("vimogen %s\n", PACKAGE_VERSION);
        return VMG_EXIT_OK;
    }
    for (size_t i = 0; commands[i]; i++)
        if (!strcmp(commands[i]->name, argv[1]))
            return commands[i]->run(argc - 1, argv + 1);
    fprintf(stderr, "vimogen: there is no command \"%s\" (see vimogen --help)\n", argv[1]);
    return VMG_EXIT_USAGE;
}
