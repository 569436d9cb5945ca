#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The code in docs/porting.md and docs/uefi.md is that of the examples, character for character.

Each block stands behind a line "<!-- code: FILE NAME -->"; its text is what FILE has between the lines
"/* doc: NAME */" and "/* doc: end */". With --update the blocks are taken from the files.
"""

import os
import re
import sys
import unittest

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
# Each document shows all that is marked in its example.
DOCUMENTS = {"docs/porting.md": "examples/kernel", "docs/uefi.md": "examples/uefi"}
BLOCK = re.compile(r"(?:<!-- code: (\S+) (\S+) -->\n)?```c\n(.*?)```\n", re.DOTALL)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def snippet(path, name):
    text = read(path)
    found = re.findall(r"^ */\* doc: " + re.escape(name) + r" \*/\n(.*?)^ */\* doc: end \*/\n",
                       text, re.DOTALL | re.MULTILINE)
    if len(found) != 1:
        raise LookupError(f"{path} has {len(found)} parts named '{name}', not one")
    return found[0]


def update():
    for document in DOCUMENTS:
        text = BLOCK.sub(lambda m: f"<!-- code: {m[1]} {m[2]} -->\n```c\n{snippet(m[1], m[2])}```\n",
                         read(document))
        with open(os.path.join(ROOT, document), "w", encoding="utf-8") as file:
            file.write(text)


class Porting(unittest.TestCase):
    def test_every_block_is_the_examples_own_code(self):
        for document in DOCUMENTS:
            blocks = BLOCK.findall(read(document))
            self.assertGreaterEqual(len(blocks), 6)
            for path, name, text in blocks:
                with self.subTest(path=path, name=name):
                    self.assertTrue(path, f"a block without '<!-- code: -->':\n{text}")
                    self.assertEqual(text, snippet(path, name),
                                     "update it: python3 tests/docs/porting.py --update")

    def test_every_marked_part_is_shown(self):
        for document, example in DOCUMENTS.items():
            shown = {(path, name) for path, name, _ in BLOCK.findall(read(document))}
            for file in sorted(os.listdir(os.path.join(ROOT, example))):
                path = f"{example}/{file}"
                for name in re.findall(r"/\* doc: (\S+) \*/", read(path)):
                    if name != "end":
                        self.assertIn((path, name), shown)

    def test_links_lead_somewhere(self):
        for document in DOCUMENTS:
            for link in re.findall(r"\]\(([^)#]+)\)", read(document)):
                with self.subTest(link=link):
                    self.assertTrue(os.path.exists(os.path.join(ROOT, "docs", link)))


if __name__ == "__main__":
    if "--update" in sys.argv:
        update()
    else:
        unittest.main()
