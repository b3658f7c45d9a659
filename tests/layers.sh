#!/bin/sh
# Proves that includes point to the right only: src -> models -> host, and, inside src, cli on top.
# Speaks TAP. `layers.sh DIR` checks another tree (the test of this test does that).
root=${1:-${VMG_SRCDIR:-.}}
cd "$root" || exit 99

# Each line: folder, then the folders it must never include from.
rules='
host src models
models src
src/format src/lib src/train src/mbench src/data src/motion src/render src/serve src/cli
src/motion src/lib src/train src/mbench src/data src/render src/serve src/cli
src/mbench src/lib src/train src/data src/render src/serve src/cli
src/data src/lib src/train src/render src/serve src/cli
src/train src/lib src/serve src/cli
src/render src/lib src/train src/serve src/cli
src/lib src/serve src/cli
src/serve src/cli
host/base host/op host/device host/ctx host/tensor host/kernel
'

check_tree() {
    echo "$rules" | while read -r from forbidden; do
        [ -n "$from" ] && [ -d "$from" ] || continue
        for to in $forbidden; do
            grep -rnE "^[[:space:]]*#[[:space:]]*include[[:space:]]+[<\"]$to[/.]" "$from" \
                --include='*.c' --include='*.h' --include='*.cc' || :
        done
    done
}

if [ $# -gt 0 ]; then
    bad=$(check_tree)
    [ -z "$bad" ] || { echo "$bad"; exit 1; }
    exit 0
fi

echo 1..2
bad=$(check_tree)
if [ -z "$bad" ]; then echo "ok 1 - includes point right"; else
    echo "$bad" | sed 's/^/# /'
    echo "not ok 1 - includes point right"
fi

# The check must be able to fail.
self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
scratch=$(mktemp -d) || exit 99
mkdir -p "$scratch/host"
echo '#include "models/dit.h"' > "$scratch/host/x.c"
if sh "$self" "$scratch" > /dev/null; then
    echo "not ok 2 - a wrong include is rejected"
else
    echo "ok 2 - a wrong include is rejected"
fi
rm -rf "$scratch"
