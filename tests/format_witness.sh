#!/bin/sh
# Compares our weight files with PyTorch, NumPy, safetensors and gguf. Speaks TAP.
# VMG_PYTHON names a Python that has the packages; the test skips where they are missing.
src=${VMG_SRCDIR:-.}
build=${VMG_BUILDDIR:-.}
python=${VMG_PYTHON:-python3}

if ! "$python" -c 'import gguf, numpy, safetensors, torch' > /dev/null 2>&1; then
    echo 1..1
    echo "ok 1 - weight files # SKIP $python lacks torch, numpy, safetensors or gguf (set VMG_PYTHON)"
    exit 0
fi
exec "$python" "$src/tests/format_witness.py" "$build/vimogen" "$build/tests/test_format"
