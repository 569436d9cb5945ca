#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Rules of the house that a script can check.

    tree.py CHECK [ROOT]

spdx      every source file says its licence, in the first three lines
comments  every public function of include/sevc has a comment before it, or before its group
headers   every public header is guarded by its name, usable from C++, and part of sevc.h
length    no file in src above 400 lines without a reason, in LONG_FILES below
sources   src/sources.list has every source file of src, and no other
"""

import os
import re
import sys

import files

MAX_LINES = 400

# Longer files of src, each with the reason why there is no second subject in it.
LONG_FILES = {}

SPDX = "SPDX-License-Identifier: MIT"
SOURCE_SUFFIXES = files.C_SUFFIXES + (".py", ".sh", ".cmake", ".ld", ".lds", ".list")


def _is_source(root, path):
    if path.endswith(SOURCE_SUFFIXES) or os.path.basename(path) == "CMakeLists.txt":
        return True
    with open(os.path.join(root, path), "rb") as file:
        return file.read(2) == b"#!"


def check_spdx(root):
    paths = [p for p in files.tree(root) if _is_source(root, p)]
    paths += [p for p in ("CMakeLists.txt",) if os.path.exists(os.path.join(root, p))]
    bad = [p for p in paths if SPDX not in "\n".join(files.read(root, p).split("\n")[:3])]
    return [f"{p}: no '{SPDX}' in the first three lines" for p in bad], len(paths)


_FUNCTION = re.compile(r"\b(sevc_\w+)\s*\(")
_MARK = "\x01"


def public_functions(text):
    """(name, has a comment) of each function that a header declares or defines inline."""
    text = files.without_comments(text, _MARK)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)  # the preprocessor's
    text = re.sub(r'extern\s+"C"\s*\{', "", text)
    found = []
    depth = 0
    statement = ""
    commented = False
    for line in text.split("\n"):
        if depth == 0 and line.strip() == "" and statement == "":
            commented = False  # the end of a group
        for character in line + "\n":
            if depth == 0 and character == _MARK:
                commented = True
            elif depth == 0 and character in ";{":
                name = _FUNCTION.search(statement)
                if name and "typedef" not in statement and "=" not in statement:
                    found.append((name.group(1), commented))
                statement = ""
            elif depth == 0 and character not in "}":
                statement = (statement + character).lstrip()
            depth += {"{": 1, "}": -1}.get(character, 0)
            depth = max(depth, 0)  # the brace that ends extern "C"
    return found


def _public_headers(root):
    return [p for p in files.c_files(root, ("include/sevc",)) if p.endswith(".h")]


def check_comments(root):
    complaints = []
    headers = _public_headers(root)
    for path in headers:
        complaints += [f"{path}: {name}() has no comment before it"
                       for name, commented in public_functions(files.read(root, path))
                       if not commented]
    return complaints, len(headers)


def check_headers(root):
    complaints = []
    headers = _public_headers(root)
    umbrella = files.read(root, "include/sevc/sevc.h") if headers else ""
    for path in headers:
        name = os.path.basename(path)[:-2]
        text = files.read(root, path)
        guard = f"SEVC_{name.upper()}_H"
        if not re.search(rf"^#ifndef {guard}\n#define {guard}\n", text, re.M):
            complaints.append(f"{path}: not guarded by {guard}")
        if public_functions(text) and 'extern "C" {' not in text:
            complaints.append(f'{path}: declares functions without extern "C"')
        if name != "sevc" and f"#include <sevc/{name}.h>\n" not in umbrella:
            complaints.append(f"{path}: not included by sevc/sevc.h")
    return complaints, len(headers)


def check_length(root):
    complaints = []
    paths = files.tree(root, ("src",))
    for path in paths:
        lines = files.read(root, path).count("\n")
        if lines > MAX_LINES and path not in LONG_FILES:
            complaints.append(f"{path}: {lines} lines; look for the second subject in it")
        if lines <= MAX_LINES and path in LONG_FILES:
            complaints.append(f"{path}: short enough; take it out of LONG_FILES")
    complaints += [f"{p}: in LONG_FILES, but not there" for p in LONG_FILES if p not in paths]
    return complaints, len(paths)


def check_sources(root):
    listed = []
    for line in files.read(root, "src/sources.list").split("\n"):
        if line.strip() and not line.startswith("#"):
            listed.append(line.split()[-1])
    present = [p for p in files.c_files(root, ("src",)) if p.endswith((".c", ".S"))]
    complaints = [f"{p}: not in src/sources.list" for p in present if p not in listed]
    complaints += [f"{p}: in src/sources.list, but not there" for p in listed if p not in present]
    complaints += [f"{p}: in src/sources.list twice" for p in sorted(set(listed))
                   if listed.count(p) > 1]
    return complaints, len(listed)


CHECKS = {
    "spdx": check_spdx,
    "comments": check_comments,
    "headers": check_headers,
    "length": check_length,
    "sources": check_sources,
}


def main(arguments):
    if not arguments or arguments[0] not in CHECKS:
        print(__doc__, file=sys.stderr)
        return 2
    root = arguments[1] if len(arguments) > 1 else files.default_root()
    return files.finish(arguments[0], *CHECKS[arguments[0]](os.path.abspath(root)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
