# For scripts that source this: run_cases TEST=CASE... runs single cases of tests/op and speaks TAP.
run_cases() {
    n=0
    echo "1..$#"
    for case; do
        n=$((n + 1))
        if out=$("${VMG_BUILDDIR:-.}/tests/op/test_${case%%=*}" "=${case#*=}" 2>&1) && echo "$out" | grep -q '^ok 1 - [^#]*$'; then
            echo "ok $n - $case"
        else
            echo "$out" | sed 's/^/# /'
            echo "not ok $n - $case"
        fi
    done
}
