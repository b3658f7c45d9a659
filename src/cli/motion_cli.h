/* What convert and inspect do with motion files. */
#ifndef VMG_SRC_CLI_MOTION_CLI_H
#define VMG_SRC_CLI_MOTION_CLI_H

#include <stdbool.h>

/* `vimogen convert IN OUT`: true when the command line is of that form, not the one for weights. */
bool vmg_cli_is_motion_conversion(int argc, char **argv);

/* Run it; returns an exit status. */
int vmg_cli_convert_motion(int argc, char **argv);

/* True when the file holds a motion clip; otherwise (weights, say) nothing is printed. */
bool vmg_cli_is_motion(const char *path);

#endif
