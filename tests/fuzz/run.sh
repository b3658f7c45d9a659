#!/bin/sh
# Runs each fuzz target for some seconds from fresh seeds: run.sh [SECONDS [TARGET...]], in a build
# folder configured with --enable-fuzz CC=clang CXX=clang++. Findings stay in fuzz-findings/.
set -eu
seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- pickle zip safetensors gguf npy bvh gltf tokenizer text
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
tests/fuzz/seeds "$corpus"
mkdir -p fuzz-findings
status=0
for target; do
    echo "== $target: $seconds s"
    tests/fuzz/"$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
        -print_final_stats=1 -max_len=4096 -artifact_prefix="fuzz-findings/$target-" \
        "$corpus/$target" > "fuzz-findings/$target.log" 2>&1 || status=1
    grep -E 'stat::number_of_exec|ERROR|SUMMARY|unit written' "fuzz-findings/$target.log" || :
done
exit $status
