#!/bin/sh
# The page that vimogen render writes, opened and clicked in a real headless Chromium. Speaks TAP.
build=${VMG_BUILDDIR:-.}
vimogen=$(cd "$build" && pwd)/vimogen
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 99

browser=
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    [ -n "$browser" ] || browser=$(command -v "$name")
done
if [ -z "$browser" ]; then
    echo "1..0 # SKIP no Chromium here (Debian: apt install chromium)"
    exit 0
fi

# A clip of joint positions: a body that stands, then slides along y.
awk 'BEGIN {
    split("pelvis left_hip right_hip spine1 left_knee right_knee spine2 left_ankle right_ankle spine3 left_foot right_foot neck left_collar right_collar head left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist", name)
    n = split("0,0,.95 -.06,0,.86 .06,0,.86 0,0,1.06 -.12,.01,.48 .12,.01,.48 0,0,1.2 -.09,-.03,.08 .09,-.03,.08 0,0,1.25 -.12,.1,.02 .12,.1,.02 0,-.02,1.42 -.05,0,1.34 .05,0,1.34 0,0,1.58 -.16,-.02,1.39 .16,-.02,1.39 -.2,-.02,1.12 .2,-.02,1.12 -.22,.02,.88 .22,.02,.88", at)
    for (j = 1; j <= n; j++) printf "%s%s_x,%s_y,%s_z", (j > 1 ? "," : ""), name[j], name[j], name[j]
    for (t = 0; t < 40; t++)
        for (j = 1; j <= n; j++) {
            split(at[j], p, ",")
            printf "%s%s,%s,%s", (j > 1 ? "," : "\n"), p[1], p[2] + (t > 20 ? (t - 20) * .03 : 0), p[3]
        }
    print ""
}' > clip.csv
"$vimogen" render clip.csv -o one.html --caption 'a body </script><b>stands</b> & "slides"' > log 2>&1 &&
    "$vimogen" render clip.csv clip.csv clip.csv -o three.html >> log 2>&1 || { cat log >&2; exit 99; }

# browse FILE OPTION...: what Chromium says to the page after its self-test.
browse() {
    file=$1
    shift
    timeout 100 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/profile" \
        --window-size=800,600 --virtual-time-budget=4000 "$@" "file://$scratch/$file#selftest" 2> browser.log
}

n=0
say() {
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then echo "ok $n - $1"; else
        sed 's/^/# /' result browser.log
        echo "not ok $n - $1"
    fi
}

echo 1..6
for page in one three; do
    browse $page.html --dump-dom > dom
    sed -n '/<pre id="selftest"/,/<\/pre>/p' dom > result
    grep -q '^19 checked, 0 failed' result
    say "$page: every control does what it says" $?
done
grep -q 'clips 3 of 40 40 40 frames' result
say "three clips are there" $?
! grep -qE '(src|href)=|https?://|@import|url\(' one.html
say "the page needs nothing from elsewhere" $?
[ "$(grep -c '</script>' one.html)" -eq 1 ]
say "a caption cannot leave its place" $?
browse one.html --screenshot="$scratch/shot.png" > /dev/null
[ "$(wc -c < shot.png)" -gt 20000 ]
say "a picture of it is more than an empty page" $?
