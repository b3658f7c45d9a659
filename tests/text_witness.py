"""Cleaning of varied strings by our program against ftfy, html.unescape and re.

python3 text_witness.py PATH/test_text_clean prints one TAP diagnostic per kind of string; exit
status 1 when any differs."""

import html
import html.entities
import random
import re
import struct
import subprocess
import sys

import ftfy
from ftfy import badness, chardata

rng = random.Random(20260101)


def published(text):
    text = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    return re.sub(r"\s+", " ", text).strip()


def ours(texts):
    data = b"".join(struct.pack("=I", len(t)) + t for t in texts)
    out = subprocess.run(
        [sys.argv[1], "--filter"], input=data, stdout=subprocess.PIPE, check=True
    ).stdout
    cleaned, at = [], 0
    while at < len(out):
        (n,) = struct.unpack_from("=I", out, at)
        cleaned.append(out[at + 4 : at + 4 + n].decode())
        at += 4 + n
    return cleaned


def compare(kind, texts):
    texts = [t if isinstance(t, bytes) else t.encode("utf-8", "replace") for t in texts]
    results = ours(texts)
    if len(results) != len(texts):
        print(f"# {kind}: {len(results)} results for {len(texts)} texts")
        return len(texts)
    wrong = 0
    for text, got in zip(texts, results):
        want = published(text.decode("utf-8", "replace"))
        if got != want:
            wrong += 1
            if wrong <= 3:
                print(f"# {kind}: {text!r} gives {got!r}, expected {want!r}")
    print(f"# {kind}: {len(texts) - wrong} of {len(texts)} equal")
    return wrong


def characters():
    return [
        chr(c)
        for c in range(0x30000)
        if not 0xD800 <= c < 0xE000 and (c < 0x3400 or c > 0xF000 or c % 16 == 0)
    ]


def references():
    names = list(html.entities.html5)
    return (
        ["x&" + n + "y" for n in names]
        + ["&" + n.upper() for n in names]
        + ["&amp;" + n for n in names]
        + [f"&#{i};" for i in range(0, 70000, 37)]
        + [f"<&#x{i:x}" for i in range(300)]
    )


def neighbours():
    """Every pair of characters that occur in mojibake, as words and alone."""
    listed = sorted(
        set("".join(badness.MOJIBAKE_CATEGORIES.values()))
        | set("aAzZ .,?!\n\x81\u0393\u045e\u0402")
    )
    pairs = [a + b for a in listed for b in listed]
    runs = ["".join(rng.choice(listed) for _ in range(rng.randint(3, 7))) for _ in range(20000)]
    return pairs + ["a" + p + "b" for p in rng.sample(pairs, 20000)] + runs


SCRIPTS = [
    (0x20, 0x7E),
    (0xA0, 0x24F),
    (0x370, 0x3FF),
    (0x400, 0x4FF),
    (0x5D0, 0x5EA),
    (0x620, 0x64A),
    (0x900, 0x97F),
    (0xE01, 0xE3A),
    (0x3041, 0x30FF),
    (0x4E00, 0x4FFF),
    (0xAC00, 0xAD00),
    (0x1F600, 0x1F64F),
    (0x2010, 0x2030),
    (0xFF01, 0xFFEF),
    (0x2500, 0x2593),
    (0xE0020, 0xE007F),
]
WORDS = [
    " ",
    ". ",
    "\n",
    " \u00e0 la ",
    "caf\u00e9",
    "\u201cso\u201d",
    "it\u2019s ",
    "&eacute;",
    "&amp;",
    "<b>",
    "\x1b[31m",
    "\x00",
    "\ufeff",
    "\r\n",
    "\u0413\u045e\u0412\u0402\u0412\u2122s ",
]


def varied(n):
    text = ""
    while len(text) < n:
        low, high = rng.choice(SCRIPTS)
        text += "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 8)))
        if rng.random() < 0.5:
            text += rng.choice(WORDS)
    return text


def misread(text):
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        text = text.encode("utf-8", "replace").decode(
            rng.choice(chardata.CHARMAP_ENCODINGS), "replace"
        )
        if rng.random() < 0.15:
            text = text.replace("\xa0", " ")
        elif rng.random() < 0.15:
            text = text.replace(rng.choice(text), rng.choice("?\ufffd"))
    return text


def mojibake():
    for _ in range(10000):
        text = misread(varied(rng.randint(1, 12)))
        yield (
            (varied(8) if rng.random() < 0.4 else "")
            + text
            + (varied(8) if rng.random() < 0.4 else "")
        )


def random_bytes():
    alphabet = b"\xc3\xe2\xf0\xed\xa0\xb0\x80 &;#xabc"
    for _ in range(10000):
        yield bytes(
            rng.choice([rng.randint(0, 255), rng.choice(alphabet)])
            for _ in range(rng.randint(0, 30))
        )


def marks():
    combining = [
        chr(c)
        for low, high in [(0x300, 0x370), (0x591, 0x5C0), (0x64B, 0x660)]
        for c in range(low, high)
    ]
    combining += list("\u1100\u1161\u11a8\u3099\u309a\u0f71\u0f72\uac00")
    for _ in range(10000):
        yield "".join(
            rng.choice(
                [
                    rng.choice(combining),
                    chr(rng.randint(0x20, 0x250)),
                    chr(rng.randint(0x1E00, 0x1FFF)),
                    chr(rng.randint(0x900, 0xDFF)),
                ]
            )
            for _ in range(rng.randint(1, 20))
        )


kinds = [characters, references, neighbours, mojibake, random_bytes, marks]
sys.exit(1 if sum(compare(kind.__name__, list(kind())) for kind in kinds) else 0)
