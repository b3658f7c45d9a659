#!/bin/sh
# vimogen encode as a user meets it: output, messages, exit statuses, the cache. Speaks TAP.
build=${VMG_BUILDDIR:-.}
vimogen=$build/vimogen
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
"$build/tests/test_encode" --write "$dir" > /dev/null || exit 99
XDG_CACHE_HOME=$dir/cache
export XDG_CACHE_HOME
unset VMG_ENCODER
device=${VMG_TEST_DEVICE:+--device $VMG_TEST_DEVICE}

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

echo 1..27
encode="$vimogen encode -m $dir $device"
check "one text, one file" 0 "$dir/one.pt" $encode "a man walks" -o "$dir/one.pt"
check "it is a bare bf16 tensor" 0 'tensor  bf16  (4, 64)' "$vimogen" inspect "$dir/one.pt"
check "an empty text has one row" 0 "$dir/empty.npy" $encode "" -o "$dir/empty.npy"
check "npy holds f32" 0 'tensor  f32   (1, 64)' "$vimogen" inspect "$dir/empty.npy"
# A device that does not exist shows that none is used.
check "a repeated text needs no device" 0 "$dir/again.pt" "$vimogen" encode -m "$dir" --device none:99 " a man  walks" -o "$dir/again.pt"
check "and is the same" 0 '' cmp "$dir/one.pt" "$dir/again.pt"
check "without the cache it needs one" 1 'none:99' "$vimogen" encode -m "$dir" --device none:99 "a man walks" -o "$dir/again.pt" --no-cache
check "another type of weights is another encoder" 1 'none:99' "$vimogen" encode -m "$dir" --device none:99 --dtype f16 "a man walks" -o "$dir/again.pt"
check "several texts, a folder" 0 "$dir/two/1.safetensors" $encode "a man" "a man jumps" -o "$dir/two" --format safetensors
check "a text list" 0 "$dir/lines/list.json" $encode --file "$dir/list.txt" -o "$dir/lines"
check "its paths" 0 "\"$dir/lines/1.pt\"" cat "$dir/lines/list.json"
check "a JSON list" 0 "$dir/json/7.pt" $encode --file "$dir/list.json" --key say -o "$dir/json" --list "$dir/filled.json"
check "its paths by number" 0 "\"say_wanvideot5_embed_path\":	\"$dir/json/3.pt\"" cat "$dir/filled.json"
check "numbers that repeat do not name files" 0 "$dir/same/1.pt" $encode --file "$dir/same.json" -o "$dir/same"
check "a wrong key is told with those there are" 1 'keys that hold text: say' $encode --file "$dir/list.json" -o "$dir/json"
check "the tokenizer can be elsewhere" 0 "$dir/e.pt" $encode --tokenizer "$dir/spiece.model" "a man" -o "$dir/e.pt" --save-as f32
check "values as asked" 0 'tensor  f32   (3, 64)' "$vimogen" inspect "$dir/e.pt"
VMG_ENCODER=$dir/model.safetensors
export VMG_ENCODER
check "the encoder from the environment" 0 "$dir/v.pt" "$vimogen" encode $device "a man runs" -o "$dir/v.pt"
unset VMG_ENCODER
check "no encoder" 1 'VMG_ENCODER' "$vimogen" encode "a man walks" -o "$dir/x.pt"
check "no text" 2 'give texts or --file' $encode
check "text and list" 2 'give texts or --file' $encode "a" --file "$dir/list.txt"
check "a key without a list" 2 'belong to --file' $encode "a" --key say
check "an unknown format" 2 'pt, npy or safetensors' $encode "a" "b" --format gguf
check "a file for two texts" 2 'go to a folder' $encode "a" "b" -o "$dir/x.pt"
check "a file of another kind" 2 'goes to .pt' $encode "a" -o "$dir/x.gguf"
check "values of another kind" 2 'f32, f16 or bf16' $encode "a" --save-as q8_0
mkdir -p "$dir/broken/vimogen-cl"
echo > "$dir/broken/vimogen-cl/embeddings"
XDG_CACHE_HOME=$dir/broken
check "a cache that cannot be had is a warning" 0 'not cached' $encode "a man" -o "$dir/x.pt"
