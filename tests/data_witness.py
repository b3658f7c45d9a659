"""Reads data sets that `vimogen data` made as others would: the webdataset package, tar, numpy."""
import glob
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile

import numpy as np
import webdataset

vimogen = sys.argv[1]
FRAMES = {"walk_a": 30, "walk_b": 45, "sub/turn-c": 61, "late": 20}
number = 0


def report(good, name, why=""):
    global number
    number += 1
    if not good and why:
        print("# " + str(why))
    print(("ok" if good else "not ok") + f" {number} - {name}")


def run(*arguments):
    done = subprocess.run([vimogen, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def motion(frames, seed):
    """Features of a body at rest that glides: canonical, on the floor, nothing jumps."""
    random = np.random.default_rng(seed)
    x = np.zeros((frames, 276), np.float32)
    joints = random.uniform(0, 1, (22, 3))
    joints[0] = (0, 0, 0.9)
    joints[1] = (-0.1, 0, 0.8)
    joints[2] = (0.1, 0, 0.8)
    joints[10, 2] = 0
    path = np.cumsum(random.uniform(0, 0.05, (frames, 2)), axis=0)
    path -= path[0]
    x[:, 126:192] = np.tile(joints.reshape(-1), (frames, 1))
    x[:, 126:192:3] += path[:, :1]
    x[:, 127:192:3] += path[:, 1:]
    for first in list(range(0, 126, 6)) + [258, 264]:
        x[:, first] = x[:, first + 3] = 1
    return x


def members(folder):
    """{name: bytes} of all shards, by the tar module over `zstd -dc`."""
    found = {}
    for shard in sorted(glob.glob(folder + "/*.tar.zst")):
        raw = subprocess.run(["zstd", "-dc", shard], stdout=subprocess.PIPE, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
            for member in archive:
                found[member.name] = archive.extractfile(member).read()
    return found


with tempfile.TemporaryDirectory() as folder:
    given, made = folder + "/given", folder + "/made"
    os.makedirs(given + "/sub")
    motions = {name: motion(n, seed) for seed, (name, n) in enumerate(FRAMES.items())}
    for name, x in motions.items():
        np.save(f"{given}/{name}.npy", x)
    with open(folder + "/captions.csv", "w", encoding="utf-8") as table:
        table.write('clip,caption\nwalk_a,"walks left, then ""stops"""\nturn-c,turns right\n')
    print("1..6")
    status, said = run("data", "import", given, made, "--captions", folder + "/captions.csv")
    report(status == 0, "import of feature files", said)

    shards = sorted(glob.glob(made + "/*.tar.zst"))
    seen = {}
    for sample in webdataset.WebDataset([f"pipe:zstd -dc {s}" for s in shards], shardshuffle=False):
        seen[sample["__key__"]] = (np.load(io.BytesIO(sample["motion.npy"])), json.loads(sample["json"]))
    ids = {name.replace("/", "_") for name in FRAMES}
    report(set(seen) == ids | {i + "_m" for i in ids}, "webdataset finds every sample", sorted(seen))
    wrong = [n for n, x in motions.items()
             if not np.allclose(seen[n.replace("/", "_")][0], x, atol=1e-5)]
    report(not wrong, "motions are what was given", wrong)
    texts = {k: [c["text"] for c in v[1]["captions"]] for k, v in seen.items()}
    report(texts["walk_a"] == ['walks left, then "stops"'] and
           texts["walk_a_m"] == ['walks right, then "stops"'] and
           texts["sub_turn-c_m"] == ["turns left"], "captions and their mirrored words", texts)

    by_tar = members(made)
    same = all(np.array_equal(np.load(io.BytesIO(by_tar[k + ".motion.npy"])), v[0])
               for k, v in seen.items())
    report(same and len(by_tar) == 2 * len(seen), "tar reads the same members", sorted(by_tar))

    status, said = run("data", "verify", made, "--json")
    facts = json.loads(said[said.index("{"):said.rindex("}") + 1])
    report(status == 0 and facts["samples"] == len(seen) and facts["damaged"] == 0, "verify", said)
