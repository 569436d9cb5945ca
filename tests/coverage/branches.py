#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Which branches of src/ the tests have taken, by gcc's own gcov.

    branches.py ROOT BUILD_DIRECTORY

A line for each file and one for the total; then each branch that was never taken. Fails below
LEAST percent, and if a function has more branches not taken than tests/coverage/uncovered.txt
explains: lines of "src/FILE.c:FUNCTION COUNT REASON". A line "src/PATTERN pending REASON" names
files that are not measured, or not yet: they are shown, and not counted.
"""

import collections
import fnmatch
import glob
import json
import os
import subprocess
import sys

LEAST = 95.0
EXPLANATIONS = os.path.join("tests", "coverage", "uncovered.txt")


def measured(build):
    """What gcov says of each object that counted, as its JSON."""
    # The notes, not the counters: of an object that no test has linked there are no counters.
    notes = sorted(glob.glob(os.path.join(build, "**", "*.gcno"), recursive=True))
    if not notes:
        sys.exit(f"coverage: nothing in {build} was compiled to be counted")
    for i in range(0, len(notes), 50):
        output = subprocess.run(
            ["gcov", "--json-format", "--stdout", "--branch-probabilities"] + notes[i:i + 50],
            check=True, capture_output=True, text=True, cwd=build).stdout
        for line in output.splitlines():
            if line.startswith("{"):
                yield json.loads(line)


def collect(root, build):
    """{file: {(function, line, number of the branch there): how often it was taken}}

    A file may have been compiled into several objects: what one took, is taken.
    """
    files = collections.defaultdict(collections.Counter)
    for report in measured(build):
        for file in report["files"]:
            path = os.path.realpath(
                os.path.join(report["current_working_directory"], file["file"]))
            name = os.path.relpath(path, root)
            if not name.startswith("src" + os.sep) or not os.path.exists(path):
                continue
            branches = files[name]
            for line in file["lines"]:
                function = line.get("function_name", "?")
                for number, branch in enumerate(line["branches"]):
                    branches[function, line["line_number"], number] += branch["count"]
    return files


def percent(taken, of):
    return 100.0 * taken / of if of else 100.0


def is_pending(name, pending):
    return any(fnmatch.fnmatch(name, pattern) for pattern in pending)


def print_files(files, pending):
    all_taken = all_of = 0
    for name in sorted(files):
        of = len(files[name])
        taken = sum(count > 0 for count in files[name].values())
        note = " (NOT COUNTED, see the list)"
        if not is_pending(name, pending):
            note = ""
            all_taken += taken
            all_of += of
        print(f"{name}: {taken} of {of} branches, {percent(taken, of):.1f} %{note} ... ok")
    return all_taken, all_of


def explanations(root):
    """{place: (count, reason)}, [patterns of pending files]"""
    found, pending = {}, []
    with open(os.path.join(root, EXPLANATIONS), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            parts = line.split(None, 2)
            if len(parts) == 3 and parts[1] == "pending":
                pending.append(parts[0])
            elif len(parts) == 3 and parts[1].isdigit() and parts[0] not in found:
                found[parts[0]] = int(parts[1]), parts[2].strip()
            else:
                sys.exit(f"{EXPLANATIONS}:{number}: not 'PLACE COUNT REASON', or twice")
    return found, pending


def print_uncovered(root, files):
    """Each branch not taken; returns {file:function: how many}."""
    uncovered = collections.Counter()
    for name in sorted(files):
        with open(os.path.join(root, name), encoding="utf-8") as file:
            source = file.read().splitlines()
        for (function, line, number), count in sorted(files[name].items(),
                                                      key=lambda item: item[0][1:]):
            if count == 0:
                uncovered[f"{name}:{function}"] += 1
                print(f"never taken: {name}:{line} {function}, branch {number}:"
                      f" {source[line - 1].strip()}")
    return uncovered


def main():
    root, build = (os.path.realpath(argument) for argument in sys.argv[1:3])
    explained, pending = explanations(root)
    files = collect(root, build)
    taken, of = print_files(files, pending)
    uncovered = print_uncovered(
        root, {name: files[name] for name in files if not is_pending(name, pending)})
    wrong = 0
    for place in sorted(set(uncovered) | set(explained)):
        count, reason = explained.get(place, (0, "not explained"))
        if uncovered[place] > count:
            wrong += 1
        if uncovered[place] != count:
            print(f"{place}: {uncovered[place]} branches not taken, {count} explained ({reason});"
                  f" test them, or correct {EXPLANATIONS}")
    enough = percent(taken, of) >= LEAST
    verdict = "ok" if enough and not wrong else "FAILED"
    print(f"src/ in all: {taken} of {of} branches, {percent(taken, of):.1f} %"
          f" (at least {LEAST:.0f}); the {of - taken} others: {EXPLANATIONS} ... {verdict}")
    sys.exit(verdict != "ok")


if __name__ == "__main__":
    main()
