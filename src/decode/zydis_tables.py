#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Cuts out of Zydis's decoder tables what a build without AVX-512 and KNC never reads.

zydis_tables.py DecoderTables.inc OUTPUT

Zydis's own switches (ZYDIS_DISABLE_AVX512, ZYDIS_DISABLE_KNC) leave out the code that reads an EVEX
or MVEX prefix, but not the tables behind it: two thirds of all rows. This walks the tree from its
root, goes through no branch of the EVEX and MVEX filter but the one for instructions without such a
prefix, and writes the rows that were met, numbered anew. Nothing else changes: each remaining cell
means what it meant. src/decode/zydis.cmake runs it; docs/decoder.md has the sizes."""
import re
import sys

TABLE = re.compile(r"^const ZydisDecoderTreeNode FILTERS_(\w+)\[\]\[(\d+)\] =\n\{\n(.*?)\n\};$",
                   re.MULTILINE | re.DOTALL)
FILTER = re.compile(r"ZYDIS_FILTER\(ZYDIS_NODETYPE_FILTER_(\w+), (0x[0-9A-Fa-f]+)\)")
LEAF = re.compile(r"ZYDIS_INVALID|ZYDIS_DEFINITION\(0x[0-9A-Fa-f]+, 0x[0-9A-Fa-f]+\)")
CELL = re.compile(rf"{FILTER.pattern}|{LEAF.pattern}")

ROOT = ("OPCODE", 0)
CUT = "EMVEX"      # cell 0 of its rows: neither EVEX nor MVEX
WITH_PREFIX_ONLY = {"EVEX_B", "MVEX_E"}  # which Zydis's switches leave out themselves


def fail(text):
    print(f"zydis_tables: {sys.argv[1]}: {text}", file=sys.stderr)
    sys.exit(1)


def read(path):
    """name -> rows, each a list of cells."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    tables = {}
    for name, columns, body in TABLE.findall(text):
        rows = []
        for line in body.split("\n"):
            cells = [match[0] for match in CELL.finditer(line)]
            if "{ " + ", ".join(cells) + " }" != line.strip().rstrip(","):
                fail(f"FILTERS_{name} has a row of another form than Zydis 4.0's: {line.strip()[:80]}")
            if len(cells) != int(columns):
                fail(f"FILTERS_{name} has a row of {len(cells)} cells, not {columns}")
            rows.append(cells)
        tables[name] = rows
    if len(tables) != text.count("const ZydisDecoderTreeNode ") or CUT not in tables:
        fail("not the tables of Zydis 4.0 or 4.1")
    return tables


def reachable(tables):
    """(name, row) of all that decoding can come to. Cuts the branches that it cannot take."""
    seen, waiting = set(), [ROOT]
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        name, number = place
        if name not in tables or number >= len(tables[name]):
            fail(f"a cell names FILTERS_{name}[{number}], which does not exist")
        row = tables[name][number]
        if name == CUT:
            row[1:] = ["ZYDIS_INVALID"] * (len(row) - 1)
        for cell in row:
            if match := FILTER.fullmatch(cell):
                waiting.append((match[1], int(match[2], 16)))
    return seen


def main():
    if len(sys.argv) != 3:
        print("usage: zydis_tables.py DecoderTables.inc OUTPUT", file=sys.stderr)
        sys.exit(2)
    tables = read(sys.argv[1])
    seen = reachable(tables)
    kept = {name: [number for number in range(len(rows)) if (name, number) in seen]
            for name, rows in tables.items()}
    numbers = {(name, old): new for name, olds in kept.items() for new, old in enumerate(olds)}

    def renumbered(match):
        new = numbers[match[1], int(match[2], 16)]
        return f"ZYDIS_FILTER(ZYDIS_NODETYPE_FILTER_{match[1]}, {new:#x})"

    with open(sys.argv[2], "w", encoding="utf-8") as output:
        for name, rows in tables.items():
            if name in WITH_PREFIX_ONLY:
                if kept[name]:
                    fail(f"FILTERS_{name} is read without an EVEX or MVEX prefix")
                continue
            # The code names a table that is empty now, too: one row, which nothing comes to.
            lines = [rows[number] for number in kept[name]] or [["ZYDIS_INVALID"] * len(rows[0])]
            output.write(f"const ZydisDecoderTreeNode FILTERS_{name}[][{len(rows[0])}] =\n{{\n")
            output.writelines(f"    {{ {FILTER.sub(renumbered, ', '.join(line))} }},\n"
                              for line in lines)
            output.write("};\n\n")


main()
