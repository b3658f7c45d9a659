#!/bin/sh
# Compares cleaning and tokenization with the Python packages the published pipeline uses, on
# thousands of strings. Speaks TAP. VMG_PYTHON names a Python that has the packages; a comparison
# whose packages or data are missing is skipped.
src=${VMG_SRCDIR:-.}
build=${VMG_BUILDDIR:-.}
shared=${VMG_SHARED:-$src/../shared}
python=${VMG_PYTHON:-python3}

# compare NUMBER NAME PACKAGES SCRIPT ARGUMENT...
compare() {
    number=$1 name=$2 packages=$3
    shift 3
    if ! "$python" -c "import $packages" > /dev/null 2>&1; then
        echo "ok $number - $name # SKIP $python lacks one of $packages (set VMG_PYTHON)"
    elif "$python" "$@"; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
    fi
}

echo 1..2
compare 1 "cleaning agrees with ftfy" ftfy "$src/tests/text_witness.py" "$build/tests/test_text_clean"
name="tokens agree with sentencepiece and transformers"
if [ -d "$shared/data/cmu" ] && [ -d "$shared/official" ]; then
    compare 2 "$name" "sentencepiece, transformers, gguf, google.protobuf" \
        "$src/tests/tokenizer_witness.py" "$build/tests/test_tokenizer" \
        "$build/tests/test_text_clean" "$shared"
else
    echo "ok 2 - $name # SKIP ../shared is absent"
fi
