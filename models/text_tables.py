#!/usr/bin/env python3
"""Writes models/html_entities.h and models/codepages.h from Python's own tables.

html.entities is the HTML Standard's list of named character references; the code pages are the
Unicode Consortium's mappings. Run by hand when the standard changes; the build uses the committed
files."""

import html.entities
import os

here = os.path.dirname(os.path.abspath(__file__))


def rows(items, indent="    ", width=100):
    line = indent
    for item in items:
        if len(line) + len(item) + 1 > width:
            yield line.rstrip()
            line = indent
        line += item + " "
    yield line.rstrip()


def write(name, sentence, body):
    guard = "VMG_MODELS_" + name.upper().replace(".", "_")
    with open(os.path.join(here, name), "w", encoding="ascii") as f:
        f.write(f"/* {sentence} */\n#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n")
        f.write(body)
        f.write("\n#endif\n")


entities = []
for name, text in sorted(html.entities.html5.items()):
    points = [ord(c) for c in text]
    assert len(points) <= 2 and len(name) <= 32
    entities.append(
        '{"%s", {0x%X, %s}},' % (name, points[0], "0x%X" % points[1] if points[1:] else "0")
    )
write(
    "html_entities.h",
    "The HTML Standard's named character references, sorted by name; made by models/text_tables.py.",
    "typedef struct vmg_html_entity {\n    const char *name;      /* without '&'; some have no ';' */\n"
    "    uint32_t character[2]; /* the second is 0 if there is one only */\n} vmg_html_entity;\n\n"
    "static const vmg_html_entity html_entities[] = {\n" + "\n".join(rows(entities)) + "\n};\n",
)

pages = [
    "windows-1252",
    "windows-1251",
    "windows-1250",
    "windows-1253",
    "windows-1254",
    "windows-1257",
    "iso-8859-2",
    "mac-roman",
    "cp437",
]
body = "/* What bytes 0x80..0xFF of a code page stand for; a byte without meaning stands for itself. */\n"
for page in pages:
    points = []
    for b in range(0x80, 0x100):
        c = bytes([b]).decode(page, errors="replace")
        points.append(b if c == "\ufffd" else ord(c))
    name = page.replace("-", "_")
    body += f"\nstatic const uint16_t codepage_{name}[128] = {{\n"
    body += "\n".join(rows("0x%04X," % p for p in points)) + "\n};\n"
write("codepages.h", "Single-byte code pages; made by models/text_tables.py.", body)
