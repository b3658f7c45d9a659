#!/bin/sh
# Compares cleaning with PyPI's ftfy and Python's html on thousands of strings. Speaks TAP.
# VMG_PYTHON names a Python that has the packages; the test skips where they are missing.
src=${VMG_SRCDIR:-.}
build=${VMG_BUILDDIR:-.}
python=${VMG_PYTHON:-python3}

echo 1..1
if ! "$python" -c 'import ftfy' > /dev/null 2>&1; then
    echo "ok 1 - cleaning agrees with ftfy # SKIP $python has no ftfy (set VMG_PYTHON)"
    exit 0
fi
if "$python" "$src/tests/text_witness.py" "$build/tests/test_text_clean"; then
    echo "ok 1 - cleaning agrees with ftfy"
else
    echo "not ok 1 - cleaning agrees with ftfy"
fi
