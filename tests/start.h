/* Time from the start of a process to its first result on the device. */
#ifndef VMG_TESTS_START_H
#define VMG_TESTS_START_H

#include <stdbool.h>

/* What a started process does: open a context ($VMG_TEST_DEVICE, else `device`), run one linear layer, and print the moment at which
 * its result was there. Returns the exit status. */
int vmg_start_child(const char *device);

/* Runs this program as "NAME start-child DEVICE", which must call vmg_start_child; seconds from fork to its first result, and
 * processor seconds of it all. False when it fails. */
bool vmg_start_once(const char *device, double *wall_s, double *cpu_s);

#define VMG_START_CHILD "start-child"

#endif
