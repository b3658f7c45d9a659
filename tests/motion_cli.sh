#!/bin/sh
# The commands on motion files as a user types them: convert, inspect, eval, selftest. Speaks TAP.
build=${VMG_BUILDDIR:-.}
vimogen=$(cd "$build" && pwd)/vimogen
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 99
n=0

# say NAME STATUS: one TAP line.
say() {
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then echo "ok $n - $1"; else
        sed 's/^/# /' out err 2> /dev/null
        echo "not ok $n - $1"
    fi
}

# expect NAME STATUS WORD COMMAND...: exit status, and WORD in what was printed.
expect() {
    name=$1 status=$2 word=$3
    shift 3
    "$@" > out 2> err
    [ $? -eq "$status" ] && grep -qF -- "$word" out err
    say "$name" $?
}

# walk.bvh: a Mixamo skeleton in centimetres whose legs swing as it moves along z; bad.bvh has no knees.
awk 'BEGIN {
    split("Hips LeftUpLeg LeftLeg LeftFoot LeftToeBase RightUpLeg RightLeg RightFoot RightToeBase Spine Spine1 Spine2 Neck Head LeftShoulder LeftArm LeftForeArm LeftHand RightShoulder RightArm RightForeArm RightHand", name)
    split("0 1 2 3 4 1 6 7 8 1 10 11 12 13 12 15 16 17 12 19 20 21", parent)
    split("0,0,0 9,-9,0 0,-40,0 0,-42,0 0,-6,12 -9,-9,0 0,-40,0 0,-42,0 0,-6,12 0,10,0 0,13,0 0,13,0 0,18,0 0,10,2 6,12,0 11,0,0 27,0,0 25,0,0 -6,12,0 -11,0,0 -27,0,0 -25,0,0", offset)
    print "HIERARCHY"
    joint(1, 0)
    print "MOTION\nFrames: 60\nFrame Time: 0.0333333"
    for (t = 0; t < 60; t++) {
        s = 30 * sin(t * 0.2)
        line = "0 97 " t * 4
        for (k = 1; k <= n_order; k++) {
            j = order[k]
            x = j == 2 ? s : j == 6 ? -s : j == 3 || j == 7 ? 20 : 0
            line = line " 0 0 " x
        }
        print line
    }
}
function joint(j, depth,   k, xyz) {
    order[++n_order] = j
    split(offset[j], xyz, ",")
    print (depth ? "JOINT " : "ROOT ") name[j] "\n{\nOFFSET " xyz[1], xyz[2], xyz[3]
    print depth ? "CHANNELS 3 Zrotation Yrotation Xrotation" : "CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation"
    leaf = 1
    for (k = j + 1; k <= 22; k++) if (parent[k] == j) { joint(k, depth + 1); leaf = 0 }
    if (leaf) print "End Site\n{\nOFFSET 0 1 0\n}"
    print "}"
}' > walk.bvh
sed 's/Leg$/Shin/; s/Leg {/Shin {/' walk.bvh > bad.bvh

echo 1..20
expect "a BVH becomes features" 0 "Mixamo names, 60 frames at 30 fps" "$vimogen" convert walk.bvh walk.npy --fps 20
expect "features are described" 0 "40 frames at 20 fps, 2.00 s" "$vimogen" inspect walk.npy
expect "it walks forward" 0 '"turn_deg":	0' sh -c "'$vimogen' inspect walk.npy --json | sed 's/-\{0,1\}[0-9.]*e-[0-9]*/0/'"
for ending in bvh npz pt csv glb; do
    expect "features become .$ending" 0 "walk.$ending (40 frames at 20 fps)" "$vimogen" convert walk.npy walk.$ending
done
expect "a clip is cut and mirrored" 0 "(20 frames at 20 fps)" "$vimogen" convert walk.npy cut.bvh --trim 0.5s:1.5s --mirror
expect "feet are cleaned" 0 "contacts" "$vimogen" convert walk.npy clean.npy --clean-feet
expect "joints are missing" 1 "left_knee" "$vimogen" convert bad.bvh x.npy
expect "an ending is unknown" 1 "x.fbx: motion is written to" "$vimogen" convert walk.npy x.fbx
expect "a cut is malformed" 1 "--trim is a:b" "$vimogen" convert walk.npy x.bvh --trim 7
expect "clips are measured" 0 "mode physical" "$vimogen" eval walk.npy cut.bvh
expect "the mode is told" 0 '"mode":	"official"' "$vimogen" eval --mode official --json walk.npy
: > broken.npy
expect "a broken clip is counted out" 1 "1 of 2 clips could not be measured" "$vimogen" eval walk.npy broken.npy
expect "a strip of poses is drawn" 0 "strip.png" "$vimogen" render walk.npy -o strip.png --strip 4 --size 320x120 --caption "walks"
expect "two clips are drawn side by side" 0 "two.png" "$vimogen" render walk.npy cut.bvh -o two.png --at 0.5 --size 160x80
if grep -q 'define HAVE_LIBAV' "$(dirname "$vimogen")/config.h"; then
    expect "a film is made" 0 "walk.mp4" "$vimogen" render walk.npy -o walk.mp4 --size 96x96
else
    expect "a film needs FFmpeg" 1 "built without FFmpeg" "$vimogen" render walk.npy -o walk.mp4 --size 96x96
fi
expect "a size is malformed" 2 "--size is WIDTHxHEIGHT" "$vimogen" render walk.npy -o x.png --size 12
