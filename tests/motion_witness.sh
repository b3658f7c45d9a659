#!/bin/sh
# Motion files as independent programs read them: numpy, torch, trimesh, pygltflib, PyPI's bvh. Speaks TAP.
# VMG_PYTHON names a Python that has the packages; cases skip where one is missing.
src=${VMG_SRCDIR:-.}
build=${VMG_BUILDDIR:-.}
python=${VMG_PYTHON:-python3}
if ! "$python" -c 'import numpy' > /dev/null 2>&1; then
    echo "1..1"
    echo "ok 1 - independent readers # SKIP $python has no numpy (set VMG_PYTHON)"
    exit 0
fi
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
"$python" "$src/tests/motion_witness.py" "$build/vimogen" "$scratch"
