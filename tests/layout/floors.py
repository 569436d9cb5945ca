#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Fails when a file includes from a higher floor (docs/design.md, section 2).

    floors.py [ROOT]

The tables below are the floors; a new header or folder must be entered before it can be used.
"""

import os
import posixpath
import re
import sys

import files

# include/sevc: a header's floor.
HEADERS = {
    "status": 1, "config": 1, "svm": 1, "ghcb_abi": 1, "trap": 1, "os": 1, "cpu": 1,
    "msr_protocol": 1, "trace_format": 1,
    "ghcb": 3, "insn": 3, "page": 3, "snp": 3, "trace": 3,
    "event": 4,
    "vc": 5, "cpuid": 5, "direct": 5,
    "idt": 6, "nmi": 6, "ap": 6, "uefi": 6,
    "sevc": 6,  # all of them
}

# src: a folder's floor.
FOLDERS = {
    "arch": 2,
    "ghcb": 3, "decode": 3, "page": 3, "snp": 3, "trace": 3,
    "event": 4,
    "vc": 5, "direct": 5,
    "idt": 6, "uefi": 6,
}

# Files of src that stand on another floor than their folder.
FILES = {
    "src/ghcb/msr_protocol.c": 1,  # pure
}

# What the emulator may know of the library: the specifications' constants.
EMULATOR_HEADERS = ("include/sevc/svm.h", "include/sevc/ghcb_abi.h", "include/sevc/trace_format.h")

# The headers that every C11 compiler brings along, freestanding.
FREESTANDING = ("stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdalign.h", "limits.h")

# gnu-efi's, for the example that runs under firmware; the library knows UEFI without them.
FIRMWARE = ("efi.h", "efilib.h")

_INCLUDE = re.compile(r"^[ \t]*#[ \t]*(?:include|include_next|import)\b[ \t]*(.*?)[ \t]*$", re.M)


def includes(text):
    """(form, name) of each include: form is '<', '"', or '' for one that a macro names."""
    found = []
    for operand in _INCLUDE.findall(files.without_comments(text)):
        if len(operand) > 2 and operand[0] + operand[-1] in ("<>", '""'):
            found.append((operand[0], operand[1:-1]))
        else:
            found.append(("", operand))
    return found


def floor(path):
    """The floor of a file of include/ or src/; None if the tables do not have it."""
    if path in FILES:
        return FILES[path]
    parts = path.split("/")
    if parts[0] == "include":
        return HEADERS.get(parts[2][:-2]) if len(parts) == 3 and parts[1] == "sevc" else None
    return FOLDERS.get(parts[1]) if len(parts) > 2 else None


def resolve(path, form, name, known):
    """The file of the tree that an include means, or None."""
    if form == "<":
        candidates = ["include/" + name]
    else:
        candidates = [posixpath.join(posixpath.dirname(path), name), "src/" + name,
                      "emulator/" + name, "include/" + name]
    for candidate in map(posixpath.normpath, candidates):
        if candidate in known:
            return candidate
    return None


def _foreign(path, target):
    """Why PATH's house must not know TARGET's, whatever the floors; None if it may."""
    house, other = path.split("/")[0], target.split("/")[0]
    if house == "include" and other != "include":
        return "a public header must stand on public headers alone"
    if house == "src" and other not in ("include", "src"):
        return "the library must not know its users"
    if house == "emulator" and other != "emulator" and target not in EMULATOR_HEADERS:
        return "the emulator shares with the library only the specification's constants"
    if house == "examples" and other not in ("examples", "include"):
        return "an example has only the public headers"
    return None


def _check_target(path, target):
    reason = _foreign(path, target)
    if reason is not None:
        return reason
    if target.endswith(".c") and not path.startswith("tests/"):
        return "a source file is compiled, not included"
    if path in EMULATOR_HEADERS and target not in EMULATOR_HEADERS:
        return "would bring more than constants into the emulator"
    if path.split("/")[0] not in ("include", "src"):
        return None
    own, others = floor(path), floor(target)
    if own is not None and others is not None and others > own:
        return f"floor {own} must not include from floor {others}"
    return None


def _check_outside(path, form, name):
    """An include of no file of the tree."""
    if path.split("/")[0] not in ("include", "src", "emulator", "examples"):
        return None
    if form == "":
        return "an include must be written out, so that it can be checked"
    if form == '"':
        return "no such file in the tree"
    if name.split("/")[0] == "Zydis":
        return None if path.startswith("src/") else "Zydis stands behind src/decode alone"
    if path.startswith("examples/uefi/") and name in FIRMWARE:
        return None
    if name not in FREESTANDING:
        return "not a header of a freestanding compiler"
    return None


def check(root):
    """(complaints, number of files)."""
    complaints = []
    zydis_users = []
    known = set(files.c_files(root))
    for path in sorted(known):
        if path.split("/")[0] in ("include", "src") and floor(path) is None:
            complaints.append(f"{path}: on no floor; enter it into tests/layout/floors.py")
        for form, name in includes(files.read(root, path)):
            target = resolve(path, form, name, known)
            if target is None:
                reason = _check_outside(path, form, name)
            else:
                reason = _check_target(path, target)
            if reason is not None:
                complaints.append(f"{path}: includes {name}: {reason}")
            if path.startswith("src/") and name.split("/")[0] == "Zydis":
                zydis_users.append(path)
    users = sorted(set(zydis_users))
    if len(users) > 1:
        complaints.append(f"{', '.join(users)}: only one file may include Zydis")
    return complaints, len(known)


def main(arguments):
    root = arguments[0] if arguments else files.default_root()
    return files.finish("floors", *check(os.path.abspath(root)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
