#!/bin/sh
# A few kernels of each kind through Mesa's compiler, by way of SPIR-V: what PoCL's clang takes may be more than OpenCL C. Speaks
# TAP. `make check-llvmpipe` runs every op there.
build=${VMG_BUILDDIR:-.}
export RUSTICL_ENABLE=llvmpipe VMG_TEST_DEVICE=llvmpipe VMG_TEST_SIZE=small
if ! "$build/vimogen" devices 2> /dev/null | grep -q llvmpipe; then
    echo "1..0 # SKIP no Mesa OpenCL here (Debian: apt install mesa-opencl-icd)"
    exit 0
fi
n=0
echo "1..3"
for case in norm=forward stored=norms matmul=every_part_of_the_epilogue; do
    n=$((n + 1))
    if out=$("$build/tests/op/test_${case%%=*}" "=${case#*=}" 2>&1) && echo "$out" | grep -q '^ok 1'; then
        echo "ok $n - $case"
    else
        echo "$out" | sed 's/^/# /'
        echo "not ok $n - $case"
    fi
done
