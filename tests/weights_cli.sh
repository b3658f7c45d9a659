#!/bin/sh
# vimogen inspect and convert as a user meets them: output, messages, exit statuses. Speaks TAP.
build=${VMG_BUILDDIR:-.}
vimogen=$build/vimogen
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
"$build/tests/test_format" --write "$dir" > /dev/null || exit 99

n=0
# check NAME STATUS WORD COMMAND...: the command ends with STATUS and says WORD.
check() {
    name=$1 status=$2 word=$3
    shift 3
    n=$((n + 1))
    said=$("$@" 2>&1)
    got=$?
    case $said in
    *"$word"*) found=yes ;;
    *) found=no ;;
    esac
    if [ $got -eq "$status" ] && [ $found = yes ]; then
        echo "ok $n - $name"
    else
        echo "# status $got, expected $status, and \"$word\" in: $said" | tr '\n' ' '
        echo
        echo "not ok $n - $name"
    fi
}

echo 1..18
check "inspect lists tensors" 0 'd.weight  f32   (3, 1, 5)' "$vimogen" inspect "$dir/sample.pt"
check "inspect lists types" 0 'b.weight  q8_0  (2, 64)' "$vimogen" inspect "$dir/sample.gguf"
check "inspect lists metadata" 0 'sample.eps = 1e-06' "$vimogen" inspect "$dir/sample.gguf"
check "inspect prints JSON" 0 '"sample.count":	30' "$vimogen" inspect "$dir/sample.gguf" --json
check "inspect names a bare array" 0 'tensor  f32   (2, 3, 4)' "$vimogen" inspect "$dir/one.npy"
check "inspect needs a file" 2 'needs one file' "$vimogen" inspect
check "inspect tells what is missing" 1 'No such file' "$vimogen" inspect "$dir/absent"
head -c 300 "$dir/sample.pt" > "$dir/cut.pt"
check "inspect tells where bytes stop" 1 'at 300' "$vimogen" inspect "$dir/cut.pt"
check "convert needs --to" 2 '--from and --to' "$vimogen" convert --from "$dir/one.pt"
check "convert knows its types" 2 'q8_1' "$vimogen" convert --from "$dir/one.pt" --to "$dir/x.gguf" --dtype q8_1
check "convert knows what it cannot make" 2 'q6_k' "$vimogen" convert --from "$dir/one.pt" --to "$dir/x.gguf" --dtype q6_k
check "convert knows its formats" 1 '.safetensors' "$vimogen" convert --from "$dir/one.pt" --to "$dir/x.onnx"
check "convert tells which tensor cannot be quantised" 1 '"b.weight": values that are not finite' "$vimogen" convert --from "$dir/sample.pt" --to "$dir/x.gguf" --dtype q8_0
check "convert writes GGUF" 0 '' "$vimogen" convert --from "$dir/matrix.pt" "$dir/sample.pt" --to "$dir/x.gguf"
check "convert joined both sources" 0 'd.weight  f32   (3, 1, 5)' "$vimogen" inspect "$dir/x.gguf"
check "convert quantises" 0 '' "$vimogen" convert --from "$dir/matrix.pt" --to "$dir/q.gguf" --dtype q4_0
check "the type is there" 0 'tensor  q4_0  (1, 2, 64)' "$vimogen" inspect "$dir/q.gguf"
check "a folder that cannot be written" 1 'cannot write' "$vimogen" convert --from "$dir/one.pt" --to "$dir/no/x.gguf"
