/* The list of subcommands, in the order `vimogen --help` shows them. */
#ifndef VMG_SRC_CLI_COMMANDS_H
#define VMG_SRC_CLI_COMMANDS_H

#include "src/cli/cli.h"

#define VMG_COMMANDS \
    VMG_COMMAND(devices) \
    VMG_COMMAND(selftest) \
    VMG_COMMAND(inspect) \
    VMG_COMMAND(convert)

#define VMG_COMMAND(name) extern const vmg_command vmg_cmd_##name;
VMG_COMMANDS
#undef VMG_COMMAND

#endif
