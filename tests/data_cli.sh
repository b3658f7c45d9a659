#!/bin/sh
# `vimogen data` as a user types it: import, caption, stats, verify, sample, split. Speaks TAP.
build=${VMG_BUILDDIR:-.}
vimogen=$(cd "$build" && pwd)/vimogen
shared=${VMG_SHARED:-${VMG_SRCDIR:-.}/../shared}
if [ ! -f "$shared/data/cmu/captions.tsv" ]; then
    echo 1..1
    echo "ok 1 - data sets # SKIP $shared/data/cmu is absent"
    exit 0
fi
cmu=$(cd "$shared/data/cmu" && pwd)
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 99
n=0

# expect NAME STATUS WORD COMMAND...: exit status, and WORD in what was printed.
expect() {
    name=$1 status=$2 word=$3
    shift 3
    mv -f out last 2> /dev/null
    "$@" > out 2> err
    [ $? -eq "$status" ] && grep -qF -- "$word" out err
    good=$?
    n=$((n + 1))
    if [ "$good" -eq 0 ]; then echo "ok $n - $name"; else
        sed 's/^/# /' out err
        echo "not ok $n - $name"
    fi
}

mkdir given
for clip in 16_17 09_01 49_08; do
    cat "$cmu/bvh/$clip.bvh" > "given/$clip.bvh"
done
echo "no motion at all" > given/broken.bvh
grep -E "^(clip|16_17|09_01|49_08)	" "$cmu/captions.tsv" > words.tsv

echo 1..19
expect "import names what it leaves out" 0 "broken.bvh" \
    "$vimogen" data import given set --captions words.tsv --extend 4
expect "and tells what it kept" 0 "3 of 4 clips kept" cat last
expect "stats" 0 "(3 mirrored)" "$vimogen" data stats set
expect "captions from motion" 0 "turn_left" "$vimogen" data caption set --kinematic --agreement
expect "sentences about one sample" 0 "kinematic" "$vimogen" data caption set --show 49_08
expect "a cartwheel is called one" 0 "cartwheel" grep kinematic last
expect "a dry run leaves the set alone" 0 "captions for 6 samples" \
    "$vimogen" data caption set --kinematic --dry-run --seed 5
expect "one sample does not tell what is rare" 2 "whole set" \
    "$vimogen" data caption set --kinematic --show 49_08 --at-least 9
expect "verify" 0 '"damaged": 0' "$vimogen" data verify set --json
expect "a sample by id" 0 "from 16_17.bvh, mirrored" "$vimogen" data sample set 16_17_m
expect "a sample by number, as a file" 0 "09_01" "$vimogen" data sample set 0 -o run.bvh
expect "that can be read again" 0 "20" "$vimogen" inspect run.bvh
"$vimogen" data split set --by subject --held-out 0.34 --seed 1
expect "split by subject: a third is held out now" 0 "held out   2" "$vimogen" data stats set
printf 'damage' | dd of="$(echo set/*.tar.zst)" bs=1 seek=300 conv=notrunc 2> /dev/null
expect "verify names a damaged sample" 1 "sample 09_01" "$vimogen" data verify set
expect "and counts it" 1 '"damaged": 1' "$vimogen" data verify set --json
expect "no such sample" 1 "no sample" "$vimogen" data sample set 99_99
expect "no such action" 2 "none of its actions" "$vimogen" data explain set
expect "no such folder" 1 "nowhere" "$vimogen" data stats nowhere
expect "help" 0 "caption" "$vimogen" data --help
