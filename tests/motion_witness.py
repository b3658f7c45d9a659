"""Reads what `vimogen convert` wrote with other people's readers and compares joint positions."""
import importlib.util
import subprocess
import sys

import numpy as np

VIMOGEN, SCRATCH = sys.argv[1:3]
PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
T, FPS = 40, 20
Z_UP_TO_Y_UP = np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]])


def axis_angle(a):
    a = np.asarray(a, float)
    angle = np.linalg.norm(a)
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = a / angle
    K = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * K + (1 - np.cos(angle)) * K @ K


def about(axis, degrees):
    return axis_angle(np.radians(degrees) * np.eye(3)["xyz".index(axis)])


# Root orientation (of a body upright and facing +y) and pelvis of frame t in a z-up world.
MOTIONS = {
    "somersault": lambda t: (axis_angle([0.25 * t, 0.1, 0.02 * t]), [0.05 * t, -0.03 * t, 1 + 0.3 * np.sin(0.3 * t)]),
    "reversed walk": lambda t: (about("z", 3 * np.sin(t)), [0, -0.06 * t, 0.95]),
    "back-facing start": lambda t: (about("z", 180 - 4 * t), [0.02 * t, -0.05 * t, 0.95]),
    "handstand": lambda t: (about("z", 5 * t) @ about("x", 180 + 6 * np.sin(t)), [0.01 * t, 0, 0.9]),
}


def features(motion):
    """Local rotations, joints and the 276 features of one of them, limbs moving."""
    rng = np.random.default_rng(3)
    offset = rng.uniform(-0.2, 0.2, (22, 3))
    offset[:3] = [[0, 0, 0], [0.06, -0.09, 0], [-0.06, -0.09, 0]]
    offset[3] = [0, 0.12, 0]
    offset[[4, 5, 7, 8]] = [[0.02, -0.4, 0], [-0.02, -0.4, 0], [0, -0.41, 0], [0, -0.41, 0]]
    swing = rng.normal(size=(22, 3)) * 0.6
    x, all_joints = [], []
    poses = []
    for t in range(T + 1):
        R = [axis_angle(swing[j] * np.sin(0.2 * t + j)) for j in range(22)]
        root, pelvis = MOTIONS[motion](t)
        R[0] = root @ Z_UP_TO_Y_UP.T
        p = np.zeros((22, 3))
        p[0] = pelvis
        G = [None] * 22
        for j in range(22):
            q = PARENTS[j]
            G[j] = R[j] if q < 0 else G[q] @ R[j]
            if q >= 0:
                p[j] = p[q] + G[q] @ offset[j]
        poses.append((R, p))
    six = lambda M: M[:, :2].reshape(6)
    for (R, p), (S, q) in zip(poses, poses[1:]):
        x.append(np.concatenate([np.concatenate([six(M) for M in R[1:]]), p.ravel(), (q - p).ravel(),
                                 six(R[0]), six(S[0] @ R[0].T), p[0], q[0] - p[0]]))
        all_joints.append(p)
    return np.array(x, np.float32), np.array(all_joints)


def begin(motion):
    global X, JOINTS, JOINTS_Y_UP
    X, JOINTS = features(motion)
    JOINTS_Y_UP = JOINTS @ Z_UP_TO_Y_UP.T
    np.save(f"{SCRATCH}/in.npy", X)


def convert(name, *options):
    path = f"{SCRATCH}/{name}"
    subprocess.run([VIMOGEN, "convert", f"{SCRATCH}/in.npy", path, *options], check=True,
                   stdout=subprocess.DEVNULL)
    return path


def close(got, want, tolerance):
    error = np.abs(np.asarray(got) - want).max()
    print(f"# largest error {error:.2e}, at most {tolerance:g}")
    return np.shape(got) == np.shape(want) and error <= tolerance


def npy_joints():
    return close(np.load(convert("j.npy", "--joints", "--up", "y")), JOINTS_Y_UP, 1e-6)


def npz_amass():
    d = np.load(convert("a.npz"))
    offset = recovered_offsets()
    ok = str(d["gender"]) == "neutral" and d["poses"].shape == (T, 165) and float(d["mocap_framerate"]) == FPS
    got = []
    for t in range(T):
        R = [axis_angle(d["poses"][t, 3 * j:3 * j + 3]) for j in range(22)]
        got.append(kinematics(R, JOINTS[t, 0], offset))
    return ok and close(got, JOINTS, 1e-5)


def pt_published():
    import torch
    d = torch.load(convert("m.pt", "--no-canonical"), weights_only=True)
    return (d["motion"].shape == (T, 276) and d["extrinsic"].shape == (T, 9) and
            d["intrinsic"].shape == (3, 3) and close(d["motion"].numpy(), X, 0))


def kinematics(R, root, offset):
    p, G = np.zeros((22, 3)), [None] * 22
    p[0] = root
    for j in range(22):
        q = PARENTS[j]
        G[j] = R[j] if q < 0 else G[q] @ R[j]
        if q >= 0:
            p[j] = p[q] + G[q] @ offset[j]
    return p


def recovered_offsets():
    offset = np.zeros((22, 3))
    frame = X[0].astype(float)
    def six(v):
        M = np.zeros((3, 3))
        M[:, :2] = v.reshape(3, 2)
        M[:, 2] = np.cross(M[:, 0], M[:, 1])
        return M
    R = [six(frame[258:264])] + [six(frame[6 * j:6 * j + 6]) for j in range(21)]
    G = [None] * 22
    for j in range(22):
        G[j] = R[j] if j == 0 else G[PARENTS[j]] @ R[j]
        if j:
            offset[j] = G[PARENTS[j]].T @ (JOINTS[0, j] - JOINTS[0, PARENTS[j]])
    return offset


def bvh_positions(path):
    """Kinematics over PyPI's bvh, which only parses: channel positions replace the offset."""
    import bvh
    with open(path) as f:
        b = bvh.Bvh(f.read())
    names = b.get_joints_names()
    result = np.zeros((b.nframes, len(names), 3))
    for t in range(b.nframes):
        G, P = {}, {}
        for i, name in enumerate(names):
            parent = b.joint_parent(name)
            up, base = (G[parent.name], P[parent.name]) if parent else (np.eye(3), np.zeros(3))
            R, offset = np.eye(3), np.array(b.joint_offset(name))
            for channel in b.joint_channels(name):
                value = b.frame_joint_channel(t, name, channel)
                if channel.endswith("position"):
                    offset["XYZ".index(channel[0])] = value
                else:
                    R = R @ about(channel[0].lower(), value)
            G[name] = up @ R
            P[name] = base + up @ offset
            result[t, i] = P[name]
    return names, result, b.frame_time


NAMES = ["pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
         "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
         "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"]


def bvh_file():
    ok = True
    for order, up in (("zyx", "y"), ("xyz", "z"), ("yxz", "y")):
        names, p, frame_time = bvh_positions(convert("b.bvh", "--order", order, "--up", up))
        p = p[:, [names.index(n) for n in NAMES]]
        ok = ok and close(p, JOINTS_Y_UP if up == "y" else JOINTS, 1e-4) and abs(frame_time - 1 / FPS) < 1e-9
    return ok


def gltf_array(g, blob, index):
    kinds = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
    width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}
    a = g.accessors[index]
    v = g.bufferViews[a.bufferView]
    n = a.count * width[a.type]
    data = np.frombuffer(blob, kinds[a.componentType], n, v.byteOffset + (a.byteOffset or 0))
    assert v.byteLength >= data.nbytes
    if a.max:
        assert np.allclose(data.reshape(a.count, -1).max(0), a.max)
    return data.reshape(a.count, -1)


def glb_animation():
    import pygltflib
    g = pygltflib.GLTF2().load(convert("a.glb"))
    blob = g.binary_blob()
    motion = g.animations[0]
    tracks = {(c.target.node, c.target.path): gltf_array(g, blob, motion.samplers[c.sampler].output)
              for c in motion.channels}
    times = gltf_array(g, blob, motion.samplers[0].input).ravel()
    ok = np.allclose(times, np.arange(T) / FPS, atol=1e-6)
    parents = {c: i for i, n in enumerate(g.nodes) for c in (n.children or [])}
    got = np.zeros((T, 22, 3))
    mesh = g.meshes[0].primitives[0].attributes
    vertices, bone = gltf_array(g, blob, mesh.POSITION), gltf_array(g, blob, mesh.JOINTS_0)[:, 0]
    weights = gltf_array(g, blob, mesh.WEIGHTS_0)
    bind = gltf_array(g, blob, g.skins[0].inverseBindMatrices).reshape(22, 4, 4).transpose(0, 2, 1)
    ok = ok and np.allclose(weights.sum(1), 1) and len(g.skins[0].joints) == 22
    for t in range(T):
        M = {}
        for node in g.skins[0].joints:
            x, y, z, w = tracks[node, "rotation"][t].astype(float)
            local = np.eye(4)
            local[:3, :3] = [[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                             [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                             [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]]
            local[:3, 3] = tracks.get((node, "translation"), [g.nodes[node].translation] * T)[t]
            M[node] = M[parents[node]] @ local if node in parents else local
            got[t, node] = M[node][:3, 3]
        if t == T // 2:  # skinning: every vertex stays near the bone it belongs to
            h = np.c_[vertices, np.ones(len(vertices))]
            posed = np.einsum("vij,vj->vi", np.array([M[j] @ bind[j] for j in range(22)])[bone], h)[:, :3]
            ok = ok and np.linalg.norm(posed - got[t, bone], axis=1).max() < 0.8
    names = [g.nodes[j].name for j in g.skins[0].joints]
    return ok and names == NAMES and close(got, JOINTS_Y_UP, 1e-4)


def glb_mesh():
    import trimesh
    scene = trimesh.load(f"{SCRATCH}/a.glb")
    mesh = trimesh.util.concatenate(list(scene.geometry.values()))
    return len(mesh.faces) > 2000 and mesh.is_watertight and mesh.volume > 0.03


CASES = [("npy joints by numpy", npy_joints, []), ("AMASS npz by numpy", npz_amass, []),
         ("published pt by torch", pt_published, ["torch"]), ("bvh by PyPI's bvh", bvh_file, ["bvh"]),
         ("glb animation by pygltflib", glb_animation, ["pygltflib"]),
         ("glb mesh by trimesh", glb_mesh, ["pygltflib", "trimesh"])]

# Formats that hold rotations, for bodies that face away, turn or stand on their hands as well.
CASES = [(name, case, needs, "somersault") for name, case, needs in CASES]
CASES += [(f"{name}, {motion}", case, needs, motion) for motion in list(MOTIONS)[1:] for name, case, needs, _ in CASES[:6]
          if case in (npz_amass, bvh_file, glb_animation)]

print(f"1..{len(CASES)}")
for i, (name, case, needs, motion) in enumerate(CASES, 1):
    begin(motion)
    missing = [m for m in needs if importlib.util.find_spec(m) is None]
    if missing:
        print(f"ok {i} - {name} # SKIP Python has no {missing[0]}")
        continue
    try:
        print(f"{'ok' if case() else 'not ok'} {i} - {name}")
    except Exception as e:
        print(f"# {type(e).__name__}: {e}")
        print(f"not ok {i} - {name}")
