#!/bin/sh
# A few kernels of each kind through Mesa's compiler, by way of SPIR-V: what PoCL's clang takes may be more than OpenCL C. Speaks
# TAP. `make check-llvmpipe` runs every op there.
export RUSTICL_ENABLE=llvmpipe VMG_TEST_DEVICE=llvmpipe VMG_TEST_SIZE=small
if ! "${VMG_BUILDDIR:-.}/vimogen" devices 2> /dev/null | grep -q llvmpipe; then
    echo "1..0 # SKIP no Mesa OpenCL here (Debian: apt install mesa-opencl-icd)"
    exit 0
fi
. "${VMG_SRCDIR:-.}/tests/cases.sh"
run_cases norm=forward stored=norms matmul=every_part_of_the_epilogue
