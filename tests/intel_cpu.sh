#!/bin/sh
# Runs a command with Intel's CPU runtime for OpenCL as the only platform, on any x86-64 with AVX2; from the build folder.
#   intel_cpu.sh COMMAND...
# Its packages come from PyPI (python3 with venv) and stay, with the kernels it builds, in intel-opencl/.
set -eu
: "${1:?what to run: intel_cpu.sh COMMAND...}"
where=$PWD/intel-opencl
if [ ! -f "$where/vendors/intel.icd" ]; then
    rm -rf "$where"
    python3 -m venv "$where"
    "$where/bin/pip" install --quiet --disable-pip-version-check intel-opencl-rt intel-cmplr-lib-rt
    # Its loader is not wanted: ours asks the vendors folder below.
    rm -f "$where"/lib/libOpenCL*
    mkdir "$where/vendors"
    echo "$where/lib/libintelocl.so" > "$where/vendors/intel.icd"
fi
export LD_LIBRARY_PATH="$where/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export OCL_ICD_VENDORS="$where/vendors" XDG_CACHE_HOME="$where/cache"
exec "$@"
