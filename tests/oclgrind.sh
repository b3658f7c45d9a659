#!/bin/sh
# Runs op tests under oclgrind and fails when it reports anything: accesses outside a buffer, data races, uninitialised
# values. First proves, with kernels wrong on purpose, that each of these would be seen.
#   oclgrind.sh SRCDIR TEST_PROGRAM...      (from the build folder)
# Output and reports stay in oclgrind/.
srcdir=$1
shift
command -v oclgrind > /dev/null || { echo "check-oclgrind: install oclgrind (Debian: apt install oclgrind)" >&2; exit 1; }
mkdir -p oclgrind/cl
cp "$srcdir/cl/common.cl" oclgrind/cl/
passed=0
failed=0
VMG_SRCDIR=$srcdir VMG_TEST_SIZE=small
export VMG_SRCDIR VMG_TEST_SIZE
unset VMG_TEST_DEVICE VMG_DEVICE

# checked LOG OPTIONS COMMAND...: the command's status; what oclgrind saw is in LOG.
checked() {
    log=$1
    options=$2
    shift 2
    rm -f "$log"
    oclgrind --data-races --uninitialized --max-errors 100 $options --log "$log" "$@"
}

result() {
    if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    echo "$1 - $2"
}

# probe FAULT WORD: the report names WORD; no WORD: there is no report.
probe() {
    if checked oclgrind/probe.log "" ./tests/oclgrind_probe "$1" oclgrind/cl &&
        if [ -n "$2" ]; then grep -q "$2" oclgrind/probe.log; else [ ! -s oclgrind/probe.log ]; fi
    then result ok "oclgrind's verdict on fault: $1"
    else result "not ok" "oclgrind's verdict on fault: $1"; fi
}

probe none ""
probe outside "Invalid read"
probe race "data race"
probe uninitialised "uninitialized value"

for test; do
    base=oclgrind/$(basename "$test")
    status=0
    checked "$base.log" "" "./$test" > "$base.out" 2>&1 || status=$?
    # Its checker of uninitialised values does not know LLVM's `freeze` and scopes, and crashes on shuffles with undefined
    # lanes; only the optimiser writes them.
    if grep -qE 'Unsupported instruction: freeze|noalias.scope.decl' "$base.log" "$base.out" || [ $status -ge 128 ]; then
        status=0
        checked "$base.log" "--build-options -cl-opt-disable" "./$test" > "$base.out" 2>&1 || status=$?
    fi
    if [ $status -eq 0 ] && [ ! -s "$base.log" ]; then
        result ok "$test ($(grep -c '^ok' "$base.out") cases)"
    else
        result "not ok" "$test: status $status, $(grep -c '^[A-Z]' "$base.log") lines in $base.log"
        grep '^not ok' "$base.out"
        head -12 "$base.log"
    fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
