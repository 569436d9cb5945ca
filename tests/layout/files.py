# SPDX-License-Identifier: MIT
"""What the checks of tests/layout have in common: the files of the tree, C without comments."""

import os
import re
import sys

ROOTS = ("include", "src", "emulator", "examples", "tests", "fuzz", "bench", "tools", "scripts",
         ".ci")
C_SUFFIXES = (".inc", ".c", ".h", ".S")


def is_skipped(folder):
    return folder.startswith("build") or folder in ("__pycache__", ".git", ".cache")


def tree(root, under=ROOTS):
    """The files below the folders UNDER of ROOT, relative to it, sorted."""
    found = []
    for top in under:
        for folder, folders, names in os.walk(os.path.join(root, top)):
            folders[:] = [f for f in folders if not is_skipped(f)]
            found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)


def c_files(root, under=ROOTS):
    return [path for path in tree(root, under) if path.endswith(C_SUFFIXES)]


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def without_comments(text, mark=""):
    """TEXT with each comment replaced by its line breaks and MARK; strings stay."""
    def replace(match):
        token = match.group()
        if token[0] != "/":
            return token
        return "\n" * token.count("\n") + mark
    return _TOKEN.sub(replace, text)


def default_root():
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def finish(name, complaints, checked):
    """Prints COMPLAINTS; the exit status of a check. Nothing CHECKED is a complaint, too."""
    if checked == 0:
        complaints = complaints + ["nothing to check: is this the root of the tree?"]
    for complaint in complaints:
        print(f"{name}: {complaint}", file=sys.stderr)
    if not complaints:
        print(f"{name}: {checked} files, in order")
    return 1 if complaints else 0
