/* The main program of every tests/op/test_x: -DVMG_SUITE names the family. */
#include "tests/op/suite.h"

extern const vmg_op_suite VMG_SUITE;

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, VMG_SUITE.cases, VMG_SUITE.n_cases);
}
