#!/bin/sh
# The kernels of x86 processors' matrix units, AMX and AVX512-BF16, with their instructions in plain C: packing, layouts and tails
# are tested on processors that have neither. Speaks TAP.
export VMG_EMULATE_UNITS=1 VMG_TEST_DEVICE='Portable Computing Language' VMG_TEST_SIZE=small
if ! "${VMG_BUILDDIR:-.}/vimogen" devices 2> /dev/null | grep -q "$VMG_TEST_DEVICE"; then
    echo "1..0 # SKIP no PoCL here (Debian: apt install pocl-opencl-icd)"
    exit 0
fi
. "${VMG_SRCDIR:-.}/tests/cases.sh"
run_cases matmul_rounding=matrix_unit_is_found_where_it_is matmul_rounding=operands_are_rounded_only_where_allowed \
    matmul=parts_of_the_epilogue_together matmul=gradients_of_a_linear_layer attention=amx_rounds_operands_only \
    stored=attention_in_tiles attention_backward=amx_rounds_operands
