#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""scripts/mutate refuses a table that does not fit the tree, and wrong usage."""

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "scripts", "mutate")


def load():
    loader = importlib.machinery.SourceFileLoader("mutate", SCRIPT)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutate", loader))
    loader.exec_module(module)
    return module


def mutant(mutate, old, new, file="a.c"):
    made = mutate.Mutant("name", 1)
    made.file, made.tests, made.old, made.new = file, ["x"], old, new
    return made


class Table(unittest.TestCase):
    def setUp(self):
        self.mutate = load()
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        with open(os.path.join(self.folder.name, "a.c"), "w", encoding="utf-8") as file:
            file.write("one\ntwo\ntwo\nthree\n")

    def problem(self, *arguments):
        return mutant(self.mutate, *arguments).problem(self.folder.name)

    def test_a_text_that_is_there_once_can_be_planted(self):
        self.assertIsNone(self.problem(["one"], ["1"]))
        self.assertIsNone(self.problem(["two", "three"], ["2"]))

    def test_a_text_that_is_not_there_or_twice_is_refused(self):
        self.assertIn("0 times", self.problem(["four"], ["4"]))
        self.assertIn("2 times", self.problem(["two"], ["2"]))

    def test_what_changes_nothing_is_refused(self):
        self.assertIn("changes nothing", self.problem(["one"], ["one"]))

    def test_a_file_that_is_not_there_is_refused(self):
        self.assertIn("No such file", self.problem(["one"], ["1"], "b.c"))

    def test_the_tree_has_at_least_forty(self):
        self.assertGreaterEqual(len(self.mutate.read_table()), 40)


class Usage(unittest.TestCase):
    def run_script(self, *arguments):
        return subprocess.run([sys.executable, "-B", SCRIPT, *arguments], text=True,
                              capture_output=True, check=False)

    def test_wrong_usage_is_one_line_and_status_2(self):
        for arguments in (("--nonsense",), ("--sample", "0"), ("--only", "no such mutant")):
            done = self.run_script(*arguments)
            self.assertEqual(done.returncode, 2, done)
            self.assertEqual(done.stderr.count("\n"), 1, done)


if __name__ == "__main__":
    unittest.main(verbosity=2)
