#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Each of the attacks and bugs T1 to T71 has a test that names it, or a line in docs/threat-model.md
that says why not; and each test that the document names exists.
"""

import os
import re
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", ".."))
DOCUMENT = os.path.join("docs", "threat-model.md")
LAST = 71

# A test's name, in C: "static void T16_T17_a_nested_session(void **state)".
TEST = re.compile(r"^static void (\w+)\(void \*\*state\)", re.MULTILINE)
IN_NAME = re.compile(r"(?:^|(?<=_))T(\d+)(?=_)")
# Elsewhere in a file of tests (a table of cases, a planted bug): a comment names it.
IN_COMMENT = re.compile(r"(?:/\*|#|//|^ \*).*?(?:\*/|$)", re.MULTILINE)
NUMBER = re.compile(r"\bT(\d+)\b")
SOURCES = (".c", ".S", ".cmake")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def test_files():
    for folder, _, names in os.walk(os.path.join(ROOT, "tests")):
        for name in sorted(names):
            if name.endswith(SOURCES):
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def named_in_tests():
    """(names of all tests, {number: where it is named, names of tests first})"""
    tests, by_name, by_comment = set(), {}, {}
    for path in test_files():
        text = read(path)
        for name in TEST.findall(text):
            tests.add(name)
            for number in IN_NAME.findall(name):
                by_name.setdefault(int(number), []).append(f"{name} ({path})")
        for comment in IN_COMMENT.findall(text):
            for number in NUMBER.findall(comment):
                by_comment.setdefault(int(number), []).append(path)
    return tests, {**by_comment, **by_name}


def excused(document):
    """{number: why}, from the rows "| T12, T13 | why |"."""
    found = {}
    for row in re.findall(r"^\| ((?:T\d+[^|]*)) \| (.*?) \|$", document, re.MULTILINE):
        for number in NUMBER.findall(row[0]):
            found[int(number)] = row[1]
    return found


def check_numbers(named, excuses):
    wrong = []
    for number in range(1, LAST + 1):
        if number in named:
            stale = f"; {DOCUMENT} still excuses it" if number in excuses else ""
            print(f"T{number}: {named[number][0]}{stale} ... ok")
        elif number in excuses:
            print(f"T{number}: {excuses[number]} ... ok")
        else:
            wrong.append(f"T{number}: no test names it, and {DOCUMENT} does not say why")
    return wrong


def check_document(document, tests, named):
    """What the document says that shows a defence: tests, numbers, files."""
    wrong = []
    for name in re.findall(r"\b(?!sevc_|SEVC_)[A-Za-z]\w*_\w+_\w+\b(?!\.)", document):
        if name not in tests:
            wrong.append(f"{DOCUMENT}: there is no test {name}")
    attacks = document[:document.index("## Peers' bugs")]
    for number in NUMBER.findall(attacks):
        if int(number) not in named:
            wrong.append(f"{DOCUMENT}: no test names T{number}")
    for path in re.findall(r"\btests/[\w/.]*\w", document):
        if not os.path.exists(os.path.join(ROOT, path)):
            wrong.append(f"{DOCUMENT}: there is no {path}")
    return wrong


def main():
    document = read(DOCUMENT)
    tests, named = named_in_tests()
    wrong = check_numbers(named, excused(document)) + check_document(document, tests, named)
    for line in wrong:
        print(line)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
