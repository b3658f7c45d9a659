"""Token ids of varied strings by our program against PyPI's sentencepiece and transformers.

python3 tokenizer_witness.py PATH/test_tokenizer PATH/test_text_clean SHARED trains unigram models
on the captions below SHARED, with and without byte fallback, writes them also as GGUF files in
llama.cpp's layout, and compares ids. The two packages differ on a few strings (equal sums of
scores, which sentencepiece rounds; controls inside grapheme clusters, which transformers normalises
differently): there one of them must agree. Exit status 1 when any string differs from both, or
when they differ from each other on more than 1 in 200.
"""

import json
import logging
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_OFFLINE"] = "1"

import gguf
import sentencepiece
import tokenizers
from sentencepiece import sentencepiece_model_pb2 as model_pb2
from transformers import T5Tokenizer

logging.disable(logging.WARNING)
encode_program, clean_program, shared = sys.argv[1:4]
rng = random.Random(20260102)
MAX_IDS = 512


def captions():
    with open(f"{shared}/data/cmu/captions.tsv", encoding="utf-8") as f:
        texts = [line.rstrip("\n").split("\t")[4] for line in f][1:]
    with open(f"{shared}/official/MBench_final.json", encoding="utf-8") as f:
        for entry in json.load(f):
            texts += [entry[k] for k in entry if k.startswith("prompt") and "path" not in k]
    return texts


def run(program, args, texts):
    data = b"".join(struct.pack("=I", len(t)) + t for t in texts)
    return subprocess.run([program, *args], input=data, stdout=subprocess.PIPE, check=True).stdout


def cleaned(texts):
    out, at, result = run(clean_program, ["--filter"], [t.encode() for t in texts]), 0, []
    while at < len(out):
        (n,) = struct.unpack_from("=I", out, at)
        result.append(out[at + 4 : at + 4 + n].decode())
        at += 4 + n
    return result


def our_ids(model, texts):
    out, at, result = run(encode_program, ["--encode", model], [t.encode() for t in texts]), 0, []
    while at < len(out):
        (n,) = struct.unpack_from("=I", out, at)
        result.append(list(struct.unpack_from(f"={n}i", out, at + 4)))
        at += 4 + 4 * n
    return result


SCRIPTS = {
    "emoji": [
        (0x1F300, 0x1F5FF),
        (0x1F600, 0x1F64F),
        (0x1F3FB, 0x1F3FF),
        (0x200D, 0x200D),
        (0xFE0F, 0xFE0F),
    ],
    "chinese": [(0x4E00, 0x9FA5), (0x3001, 0x3002), (0xFF01, 0xFF5E)],
    "arabic": [(0x621, 0x652), (0x660, 0x669), (0x20, 0x20)],
    "combining": [(0x61, 0x7A), (0x300, 0x36F), (0x41, 0x5A), (0x20DD, 0x20E0), (0x1100, 0x11F9)],
    "indic": [(0x900, 0x97F), (0xE01, 0xE4E), (0x20, 0x20)],
    "latin": [(0x20, 0x7E), (0xA0, 0x24F), (0x2010, 0x2044), (0xFB00, 0xFB06)],
    "controls": [(0, 0x1F), (0x61, 0x7A), (0x7F, 0x9F), (0x200B, 0x200F), (0x2028, 0x202F)],
}
ENTITIES = [
    "&amp;",
    "&eacute;",
    "&#39;",
    "&lt;b&gt;",
    "&amp;quot;",
    "&nbsp;",
    "&nosuch;",
    "&#x1F600;",
]


def strings(corpus):
    result = [
        "",
        " ",
        "x" * 5000,
        "walking" * 300,
        "\u4e2d" * 2000,
        "\U0001f600" * 700,
        "\u0301" * 400,
    ]
    for name in SCRIPTS:
        for _ in range(150):
            ranges = SCRIPTS[name]
            text = "".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.randint(1, 60)))
            words = rng.choice(corpus).split()
            words.insert(rng.randrange(len(words) + 1), text)
            result.append(rng.choice([text, " ".join(words)]))
    for _ in range(200):
        result.append(
            "".join(rng.choice([*ENTITIES, " ", "man", "walks"]) for _ in range(rng.randint(1, 12)))
        )
    for _ in range(100):  # longer than fits
        result.append(" ".join(rng.choice(corpus) for _ in range(rng.randint(3, 60))))
    for _ in range(100):  # very long words
        result.append(
            "".join(
                rng.choice("abcdefghijklmnopqrstuvwxyz-") for _ in range(rng.randint(100, 3000))
            )
        )
    return result + rng.sample(corpus, 600)


def write_gguf(model_path, path):
    """The metadata that llama.cpp's converter writes for T5 models."""
    model = model_pb2.ModelProto()
    with open(model_path, "rb") as f:
        model.ParseFromString(f.read())
    writer = gguf.GGUFWriter(path, "t5encoder")
    writer.add_tokenizer_model("t5")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([p.piece.encode() for p in model.pieces] + [b"[PAD1]", b"[PAD2]"])
    writer.add_token_scores([p.score for p in model.pieces] + [-10000.0] * 2)
    writer.add_token_types([p.type for p in model.pieces] + [5] * 2)
    writer.add_add_space_prefix(model.normalizer_spec.add_dummy_prefix)
    writer.add_remove_extra_whitespaces(model.normalizer_spec.remove_extra_whitespaces)
    writer.add_precompiled_charsmap(model.normalizer_spec.precompiled_charsmap)
    writer.add_eos_token_id(1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def compare(kind, texts, got, wanted):
    """`wanted` holds each package's ids."""
    wrong = [i for i in range(len(texts)) if i >= len(got) or all(got[i] != w[i] for w in wanted)]
    for i in wrong[:3]:
        print(f"# {kind}: {texts[i][:80]!r} gives {got[i]}, expected {wanted[0][i]}")
    counts = [sum(g == w for g, w in zip(got, want)) for want in wanted]
    print(
        f"# {kind}: of {len(texts)} equal to sentencepiece {counts[0]}, to transformers {counts[1]}"
    )
    return len(wrong)


def transformers_ids(folder, kind, texts):
    """transformers' T5 tokenizer; it has no byte fallback, so with that its parts, put together."""
    if kind == "plain":
        os.mkdir(f"{folder}/hf")
        shutil.copy(f"{folder}/plain.model", f"{folder}/hf/spiece.model")
        tokenizer = T5Tokenizer.from_pretrained(f"{folder}/hf")
        return [tokenizer(t, truncation=True, max_length=MAX_IDS).input_ids for t in texts]
    model = model_pb2.ModelProto()
    with open(f"{folder}/{kind}.model", "rb") as f:
        model.ParseFromString(f.read())
    pieces = [(p.piece, p.score) for p in model.pieces]
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.Unigram(pieces, unk_id=3, byte_fallback=True)
    )
    tokenizer.normalizer = tokenizers.normalizers.Precompiled(
        model.normalizer_spec.precompiled_charsmap
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [tokenizers.pre_tokenizers.WhitespaceSplit(), tokenizers.pre_tokenizers.Metaspace()]
    )
    return [tokenizer.encode(t).ids[: MAX_IDS - 1] + [1] for t in texts]


def main(folder):
    corpus = captions()
    texts = cleaned(strings(corpus))
    wrong = 0
    with open(f"{folder}/corpus.txt", "w", encoding="utf-8") as f:
        f.write("\n".join(corpus))
    kinds = {
        "plain": dict(pad_id=0, eos_id=1, unk_id=2, bos_id=-1, byte_fallback=False),
        "bytes": dict(pad_id=0, eos_id=1, bos_id=2, unk_id=3, byte_fallback=True),
    }
    for kind, options in kinds.items():
        prefix = f"{folder}/{kind}"
        sentencepiece.SentencePieceTrainer.train(
            input=f"{folder}/corpus.txt",
            model_prefix=prefix,
            vocab_size=2000,
            model_type="unigram",
            minloglevel=2,
            **options,
        )
        processor = sentencepiece.SentencePieceProcessor(model_file=prefix + ".model")
        wanted = [
            [processor.encode(t)[: MAX_IDS - 1] + [1] for t in texts],
            transformers_ids(folder, kind, texts),
        ]
        write_gguf(prefix + ".model", prefix + ".gguf")
        disputed = sum(a != b for a, b in zip(*wanted))
        print(f"# {kind} model: the packages differ on {disputed} of {len(texts)}")
        wrong += disputed > len(texts) // 200
        wrong += compare(f"{kind} model", texts, our_ids(prefix + ".model", texts), wanted)
        wrong += compare(f"{kind} model as GGUF", texts, our_ids(prefix + ".gguf", texts), wanted)
    return 1 if wrong else 0


with tempfile.TemporaryDirectory() as scratch:
    sys.exit(main(scratch))
