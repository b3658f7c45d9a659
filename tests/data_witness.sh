#!/bin/sh
# Reads our data sets with the webdataset package and with tar. Speaks TAP.
# VMG_PYTHON names a Python that has the packages; the test skips where they are missing.
src=${VMG_SRCDIR:-.}
build=${VMG_BUILDDIR:-.}
python=${VMG_PYTHON:-python3}

if ! "$python" -c 'import numpy, webdataset' > /dev/null 2>&1; then
    echo 1..1
    echo "ok 1 - data sets # SKIP $python lacks numpy or webdataset (set VMG_PYTHON)"
    exit 0
fi
if ! zstd --version > /dev/null 2>&1; then
    echo 1..1
    echo "ok 1 - data sets # SKIP the zstd program is missing"
    exit 0
fi
exec "$python" "$src/tests/data_witness.py" "$build/vimogen"
