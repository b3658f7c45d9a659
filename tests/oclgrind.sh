#!/bin/sh
# Runs op tests under oclgrind, each case in a process of its own, and fails where it reports anything (accesses outside a buffer,
# data races, uninitialised values), a case fails, is cut off after $VMG_OCLGRIND_LIMIT seconds, or was not reached. First proves,
# with kernels wrong on purpose, that each of these would be seen.
#   oclgrind.sh SRCDIR TEST_PROGRAM...      (from the build folder)
# $VMG_OCLGRIND_JOBS cases at a time. Output, reports and results stay in oclgrind/.
srcdir=$1
shift
jobs=${VMG_OCLGRIND_JOBS:-$(getconf _NPROCESSORS_ONLN)}
limit=${VMG_OCLGRIND_LIMIT:-600}
command -v oclgrind > /dev/null || { echo "check-oclgrind: install oclgrind (Debian: apt install oclgrind)" >&2; exit 1; }
rm -rf oclgrind
mkdir -p oclgrind/cl oclgrind/taken
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
    timeout "$limit" oclgrind --data-races --uninitialized --num-threads 1 --max-errors 100 $options --log "$log" "$@"
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

# run_case PROGRAM NAME: one line of verdict in NAME's .result: "ok", "skip" or "not ok" and why.
run_case() {
    base=oclgrind/$(basename "$1").$2
    status=0
    checked "$base.log" "" "./$1" "=$2" > "$base.out" 2>&1 || status=$?
    # Its checker of uninitialised values does not know LLVM's `freeze` and scopes, crashes on shuffles with undefined lanes and
    # takes halves of vectors for uninitialised, and it runs some such code wrongly (tests/op/matmul.c, every_vector_width: right on
    # devices and without the optimiser). Only the optimiser writes these; code without it makes every access of the source, so its
    # verdict is the one that counts.
    if [ $status -ne 124 ] && { [ $status -ne 0 ] || [ -s "$base.log" ]; }; then
        status=0
        mv "$base.out" "$base.optimised.out"
        mv "$base.log" "$base.optimised.log" 2> /dev/null
        checked "$base.log" "--build-options -cl-opt-disable" "./$1" "=$2" > "$base.out" 2>&1 || status=$?
    fi
    if [ $status -eq 124 ]; then
        echo "not ok cut off after $limit s"
    elif [ $status -ne 0 ] || [ -s "$base.log" ]; then
        echo "not ok status $status, $(grep -cs '^[A-Z]' "$base.log") reports in $base.log"
    elif grep -q '^ok 1 .* # SKIP' "$base.out"; then
        echo "skip"
    elif grep -q '^ok 1 ' "$base.out"; then
        echo "ok"
    else
        echo "not ok nothing in $base.out says that it ran"
    fi > "$base.result"
}

# Takes cases nobody has taken until none is left; mkdir tells who was first. Seconds of processor to NAME's .time.
work() {
    while read -r program name; do
        base=$(basename "$program").$name
        if mkdir "oclgrind/taken/$base" 2> /dev/null; then
            (run_case "$program" "$name" < /dev/null; times) | tail -1 > "oclgrind/$base.time"
        fi
    done < oclgrind/cases
}

# "0m1.5s 0m0.2s" lines of all a suite's cases, summed.
seconds() {
    cat "$@" 2> /dev/null | tr 'ms' '  ' | awk '{ s += 60 * ($1 + $3) + $2 + $4 } END { printf "%.0f", s }'
}

# suite PROGRAM: what its cases' results say together.
suite() {
    name=$(basename "$1")
    cases=$(awk -v program="$1" '$1 == program { print $2 }' oclgrind/cases)
    bad= ran=0 skipped=0
    for case in $cases; do
        verdict=$(cat "oclgrind/$name.$case.result" 2> /dev/null)
        case $verdict in
        ok) ran=$((ran + 1)) ;;
        skip) skipped=$((skipped + 1)) ;;
        *) bad="$bad $case" ;;
        esac
    done
    summary="$1: $ran cases, $skipped skipped, $(seconds oclgrind/"$name".*.time) s of processor"
    if [ "$ran" -gt 0 ] && [ -z "$bad" ]; then
        result ok "$summary"
        return
    fi
    result "not ok" "$summary; failed:${bad:- no case ran}"
    for case in $bad; do
        sed "s/^/  $case: /" "oclgrind/$name.$case.result" 2> /dev/null || echo "  $case: was not reached"
        grep -s '^#' "oclgrind/$name.$case.out" | head -6
        head -12 "oclgrind/$name.$case.log" 2> /dev/null
    done
}

probe none ""
probe outside "Invalid read"
probe race "data race"
probe uninitialised "uninitialized value"

for test; do
    "./$test" --list | sed "s|^|$test |"
done > oclgrind/cases
i=0
while [ $i -lt "$jobs" ]; do
    work &
    i=$((i + 1))
done
wait
for test; do
    suite "$test"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
