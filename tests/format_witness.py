"""Weight files by PyTorch, NumPy, safetensors and gguf against ours, both ways, bit for bit.

python3 format_witness.py PATH/vimogen PATH/test_format prints TAP; VMG_SHARED names the folder that
holds golden/ (default: ../shared beside the sources); without it only made-up files are compared."""

import collections
import json
import os
import pickle
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import safetensors.numpy
import safetensors.torch
import torch

VIMOGEN, TEST_FORMAT = sys.argv[1], sys.argv[2]
SHARED = os.environ.get("VMG_SHARED") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "shared"
)
rng = np.random.default_rng(7)
scratch = tempfile.TemporaryDirectory()
problems = []


def path(name):
    return os.path.join(scratch.name, name)


def expect(ok, what):
    if not ok:
        problems.append(what)


def convert(source, target, *options):
    """Our reader and writer: any weight file to a safetensors or GGUF file."""
    run = subprocess.run(
        [VIMOGEN, "convert", "--from", source, "--to", target, *options],
        stderr=subprocess.PIPE,
        text=True,
    )
    expect(run.returncode == 0, f"{source}: {run.stderr.strip()}")
    return target


def inspect(source):
    return json.loads(subprocess.check_output([VIMOGEN, "inspect", "--json", source]))


def same(name, got, want):
    got, want = torch.as_tensor(got), torch.as_tensor(want)
    expect(got.dtype == want.dtype, f"{name}: {got.dtype}, expected {want.dtype}")
    expect(tuple(got.shape) == tuple(want.shape), f"{name}: {got.shape}, expected {want.shape}")
    a = got.contiguous().reshape(-1).view(torch.uint8)
    b = want.contiguous().reshape(-1).view(torch.uint8)
    expect(torch.equal(a, b), f"{name}: bytes differ")


def compare_all(source, want):
    """Every tensor of a file, read by us, is the witness's."""
    got = safetensors.torch.load_file(convert(source, path("read.safetensors")))
    expect(sorted(got) == sorted(want), f"{source}: {sorted(got)} instead of {sorted(want)}")
    for name in set(got) & set(want):
        same(f"{source}: {name}", got[name], want[name])


# ---- PyTorch ----


def torch_variety():
    base = torch.randn(6, 8, generator=torch.Generator().manual_seed(3))
    return {
        "f32": base,
        "f16": base.half(),
        "bf16": base.bfloat16(),
        "f64": base.double(),
        "i64": torch.arange(5),
        "i32": torch.arange(5, dtype=torch.int32),
        "i16": torch.arange(5, dtype=torch.int16),
        "i8": torch.arange(5, dtype=torch.int8),
        "u8": torch.arange(5, dtype=torch.uint8),
        "u16": torch.from_numpy(np.arange(5, dtype=np.uint16)),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 4),
        "transposed": base.t(),
        "permuted": torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1),
        "rows": base[1:5:2],
        "view": base[2:4],
        "expanded": base[0].expand(3, 8),
        "parameter": torch.nn.Parameter(base[:2].clone()),
    }


def reads_torch():
    variety = torch_variety()
    torch.save(variety, path("dict.pt"))
    compare_all(path("dict.pt"), {k: v.detach() for k, v in variety.items()})
    for protocol in (2, 3, 4, 5):
        torch.save(variety, path(f"p{protocol}.pt"), pickle_protocol=protocol)
        compare_all(path(f"p{protocol}.pt"), {k: v.detach() for k, v in variety.items()})
    torch.save(variety["bf16"], path("bare.pt"))
    compare_all(path("bare.pt"), {"tensor": variety["bf16"]})
    torch.save([variety["f32"], (variety["f16"], variety["i8"])], path("list.pt"))
    compare_all(
        path("list.pt"), {"0": variety["f32"], "1.0": variety["f16"], "1.1": variety["i8"]}
    )


def reads_checkpoints():
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    torch.save(
        {
            "epoch": 3,
            "model_state_dict": model.state_dict(),
            "optimizer_state_dict": optimizer.state_dict(),
            "loss": 0.25,
            "numpy_loss": np.float64(0.125),
            "array": np.arange(6, dtype=np.int16).reshape(2, 3),
            "names": ["a", "b"],
            "shape": torch.Size([2, 3]),
            "dtype": torch.float16,
            "device": torch.device("cpu"),
            "none": None,
            "long": 1 << 80,
            "nested": collections.OrderedDict(x={"y": 1.5}),
        },
        path("checkpoint.tar"),
    )
    found = inspect(path("checkpoint.tar"))
    meta, tensors = found["metadata"], {t["name"]: t for t in found["tensors"]}
    expect(meta["epoch"] == 3 and meta["loss"] == 0.25, "epoch and loss")
    expect(meta["names"]["first"] == ["a", "b"], "names")
    expect(meta["shape"]["first"] == [2, 3], "shape")
    expect(meta["nested.x.y"] == 1.5 and meta["none"] is None, "nested values")
    expect(meta["dtype"] == "torch.float16" and meta["device"] == "cpu", "dtype and device")
    expect(tensors["model_state_dict.0.weight"]["shape"] == [4, 4], "state dictionary")
    expect(tensors["array"]["dtype"] == "i16", "numpy array")
    expect(tensors["numpy_loss"]["shape"] == [], "numpy scalar")
    expect("optimizer_state_dict.state.0.exp_avg" in tensors, "optimiser state")


class Evil:
    def __reduce__(self):
        return (os.system, ("touch " + path("pwned"),))


def refuses_calls():
    torch.save({"a": torch.ones(2), "b": Evil()}, path("evil.pt"))
    run = subprocess.run([VIMOGEN, "inspect", path("evil.pt")], capture_output=True, text=True)
    expect(run.returncode == 1 and "posix.system" in run.stderr, run.stderr)
    expect(not os.path.exists(path("pwned")), "the call was made")


# ---- NumPy ----


def reads_numpy():
    base = rng.standard_normal((3, 4, 5))
    arrays = {
        "f4": base.astype("<f4"),
        "f8": base,
        "f2": base.astype("<f2"),
        "big": base.astype(">f4"),
        "fortran": np.asfortranarray(base.astype("<f4")),
        "both": np.asfortranarray(base.astype(">f8")),
        "i8": np.arange(6),
        "u1": np.arange(6, dtype=np.uint8),
        "bool": np.array([True, False]),
        "zero": np.float32(1.5) * np.ones(()),
        "empty": np.zeros((0, 3), np.int32),
    }

    def native(a):
        return torch.from_numpy(np.ascontiguousarray(a.astype(a.dtype.newbyteorder("="))).reshape(a.shape))

    for name, a in arrays.items():
        for version in ((1, 0), (2, 0), (3, 0)):
            with open(path(f"{name}.npy"), "wb") as f:
                np.lib.format.write_array(f, a, version=version)
            compare_all(path(f"{name}.npy"), {"tensor": native(a)})
    np.savez(path("all.npz"), **arrays)
    compare_all(path("all.npz"), {k: native(a) for k, a in arrays.items()})
    np.savez_compressed(path("packed.npz"), **arrays)
    compare_all(path("packed.npz"), {k: native(a) for k, a in arrays.items()})
    for protocol in (2, 3, 4, 5):
        with open(path("arrays.pkl"), "wb") as f:
            pickle.dump({"x": arrays, "n": np.int32(7)}, f, protocol=protocol)
        want = {f"x.{k}": native(a) for k, a in arrays.items()}
        compare_all(path("arrays.pkl"), {**want, "n": torch.tensor(7, dtype=torch.int32)})


# ---- safetensors ----


def reads_safetensors():
    variety = {k: v.detach().contiguous().clone() for k, v in torch_variety().items()}
    safetensors.torch.save_file(variety, path("s.safetensors"), metadata={"a": "b\n\u00e9"})
    compare_all(path("s.safetensors"), variety)
    expect(inspect(path("s.safetensors"))["metadata"] == {"a": "b\n\u00e9"}, "metadata")


# ---- GGUF ----

SCALES = {
    "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}  # fmt: skip


def random_blocks(kind, rows, blocks):
    _, size = gguf.GGML_QUANT_SIZES[kind]
    raw = rng.integers(0, 256, (rows, blocks, size), dtype=np.uint8)
    for offset in SCALES[kind.name]:
        raw[:, :, offset + 1] &= 0xBF  # finite
    return raw.reshape(rows, blocks * size)


def reads_gguf():
    writer = gguf.GGUFWriter(path("all.gguf"), "t5encoder")
    writer.add_custom_alignment(64)
    writer.add_uint32("a.u32", 7)
    writer.add_int64("a.i64", -(1 << 40))
    writer.add_float32("a.f32", 0.5)
    writer.add_bool("a.bool", True)
    writer.add_string("a.text", "x \u00e9")
    writer.add_array("a.words", ["one", "two"])
    writer.add_array("a.numbers", [1, 2, 3])
    want = {}
    for name in SCALES:
        kind = gguf.GGMLQuantizationType[name]
        raw = random_blocks(kind, 3, 2)
        writer.add_tensor(name, raw, raw_dtype=kind)
        want[name] = torch.from_numpy(gguf.dequantize(raw, kind))
    plain = rng.standard_normal((2, 3, 32)).astype(np.float32)
    writer.add_tensor("f32", plain)
    writer.add_tensor("f16", plain.astype(np.float16))
    bf16 = gguf.quantize(plain, gguf.GGMLQuantizationType.BF16)
    writer.add_tensor("bf16", bf16, raw_dtype=gguf.GGMLQuantizationType.BF16)
    want["f32"] = torch.from_numpy(plain)
    want["f16"] = torch.from_numpy(plain.astype(np.float16).astype(np.float32))
    want["bf16"] = torch.from_numpy(gguf.dequantize(bf16, gguf.GGMLQuantizationType.BF16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    got = safetensors.torch.load_file(
        convert(path("all.gguf"), path("all.safetensors"), "--dtype", "f32")
    )
    expect(sorted(got) == sorted(want), f"{sorted(got)} instead of {sorted(want)}")
    for name in set(got) & set(want):
        same(name, got[name], want[name])
    meta = inspect(path("all.gguf"))["metadata"]
    expect(meta["a.u32"] == 7 and meta["a.i64"] == -(1 << 40) and meta["a.f32"] == 0.5, "numbers")
    expect(meta["a.bool"] is True and meta["a.text"] == "x \u00e9", "text")
    expect(meta["a.words"]["first"] == ["one", "two"], "words")
    expect(meta["a.numbers"]["first"] == [1, 2, 3], "numbers of an array")


def check_gguf(source, target, dtype, tensors):
    """Our conversion of `tensors` (name -> torch tensor) holds what gguf-py's quantiser makes."""
    kind = gguf.GGMLQuantizationType[dtype.upper()]
    reader = gguf.GGUFReader(convert(source, target, "--dtype", dtype))
    found = {t.name: t for t in reader.tensors}
    expect(sorted(found) == sorted(tensors), f"{target}: names differ")
    n_of_kind = 0
    for name, tensor in tensors.items():
        t = found[name]
        shape = [int(d) for d in reversed(t.shape)]
        expect(shape == list(tensor.shape), f"{name}: shape {shape}")
        values = tensor.float().numpy()
        n_of_kind += t.tensor_type == kind
        want = gguf.quantize(values, t.tensor_type)
        expect(
            np.array_equal(np.ascontiguousarray(t.data).view(np.uint8).ravel(),
                           np.ascontiguousarray(want).view(np.uint8).ravel()),
            f"{name} as {t.tensor_type.name}: bytes differ from gguf-py's",
        )  # fmt: skip
    expect(n_of_kind > len(tensors) // 4, f"{target}: only {n_of_kind} tensors are {dtype}")
    return reader


def writes_gguf():
    state = {f"m.{i}.weight": torch.randn(64, 96) * 10.0 ** (i - 4) for i in range(8)}
    state["m.bias"] = torch.randn(96)
    torch.save(state, path("state.pt"))
    for dtype in ("f32", "f16", "bf16", "q8_0", "q4_0"):
        check_gguf(path("state.pt"), path(f"{dtype}.gguf"), dtype, state)


def writes_golden_gguf():
    dit, t5 = os.path.join(SHARED, "golden/dit_tiny"), os.path.join(SHARED, "golden/t5_tiny")
    if not os.path.isdir(dit):
        return f"{dit} is absent"
    state = torch.load(os.path.join(dit, "model.pt"), weights_only=True)
    state = {k: v for k, v in state.items() if not k.endswith(".pe")}
    for dtype in ("f32", "f16", "bf16", "q8_0", "q4_0"):
        reader = check_gguf(dit, path(f"dit-{dtype}.gguf"), dtype, state)
        config = json.load(open(os.path.join(dit, "config.json")))
        for key, value in config.items():
            expect(reader.fields[f"vimogen.{key}"].contents() == value, f"vimogen.{key}")
    reader = gguf.GGUFReader(convert(t5, path("t5.gguf"), "--dtype", "q8_0"))
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.T5ENCODER, 3)
    known = set()
    for table in names.mapping.values():
        known.add(table[1] + ".weight")
    unknown = [t.name for t in reader.tensors if t.name not in known]
    expect(not unknown, f"not llama.cpp's names: {unknown}")
    return None


# ---- what we write ----


def writes_for_others():
    """tests/test_format --write DIR writes its samples; their libraries load them."""
    folder = path("written")
    os.mkdir(folder)
    subprocess.run([TEST_FORMAT, "--write", folder], check=True)
    raw = bytes((i * 37 + 11) & 255 for i in range(4096))

    def array(dtype, shape):
        n = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return np.frombuffer(raw[:n], dtype).reshape(shape)

    loaded = torch.load(os.path.join(folder, "sample.pt"), weights_only=True)
    expect(loaded["sample.count"] == 30 and loaded["sample.eps"] == 1e-6, "numbers")
    expect(loaded["sample.name"] == 'a "name" \u00e9' and loaded["sample.flag"] is True, "text")
    bf16 = torch.from_numpy(array(np.int16, (2, 64)).copy()).view(torch.bfloat16)
    f32 = torch.from_numpy(array(np.float32, (3, 1, 5)).copy())
    f16 = torch.from_numpy(array(np.float16, ()).copy())
    for source in (loaded, safetensors.torch.load_file(os.path.join(folder, "sample.safetensors"))):
        same("a.half", source["a.half"], f16)
        same("b.weight", source["b.weight"], bf16)
        same("d.weight", source["d.weight"], f32)
        same("c.empty", source["c.empty"], torch.zeros(0, 3))
    one = torch.load(os.path.join(folder, "one.pt"), weights_only=True)
    same("one.pt", one, torch.arange(24.0).reshape(2, 3, 4))
    mapped = torch.load(os.path.join(folder, "one.pt"), weights_only=True, mmap=True)
    same("one.pt by mmap", mapped, one)
    same("one.npy", np.load(os.path.join(folder, "one.npy"), allow_pickle=False), one)
    with safetensors.safe_open(os.path.join(folder, "sample.safetensors"), "np") as f:
        expect(f.metadata()["sample.count"] == "30", "safetensors' metadata")
    reader = gguf.GGUFReader(os.path.join(folder, "sample.gguf"))
    expect(reader.fields["sample.count"].contents() == 30, "GGUF's metadata")
    expect(reader.fields["sample.name"].contents() == 'a "name" \u00e9', "GGUF's text")
    q8 = next(t for t in reader.tensors if t.name == "b.weight")
    expect(q8.data.tobytes() == raw[: 4 * 34], "GGUF's q8_0 tensor")


CASES = [
    ("reads PyTorch's tensors", reads_torch),
    ("reads training checkpoints", reads_checkpoints),
    ("refuses pickles that call", refuses_calls),
    ("reads NumPy's arrays", reads_numpy),
    ("reads safetensors", reads_safetensors),
    ("dequantises GGUF's types like gguf-py", reads_gguf),
    ("quantises like gguf-py", writes_gguf),
    ("converts the golden networks", writes_golden_gguf),
    ("writes what the others' libraries load", writes_for_others),
]

torch.manual_seed(5)
print(f"1..{len(CASES)}")
failed = False
for number, (what, case) in enumerate(CASES, 1):
    problems.clear()
    skip = case()
    for problem in problems[:20]:
        print("# " + problem.replace("\n", " "))
    failed |= bool(problems)
    tail = f" # SKIP {skip}" if skip else ""
    print(("not ok" if problems else "ok") + f" {number} - {what}{tail}", flush=True)
sys.exit(1 if failed else 0)
