#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""scripts/linux-image: the RAM disk, with a folder in which the kernel is taken for fetched."""

import os
import subprocess
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
TOOL = os.path.join(ROOT, "scripts", "linux-image")


class RamDisk(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.makedirs(self.path("linux", "modules"))
        self.file("linux/version", b"6.1\n")
        self.file("linux/modules/00-one.ko", b"the module")
        self.file("init", b"the script")
        self.file("program", b"the program")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def file(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)

    def run_tool(self, *arguments):
        return subprocess.run([TOOL, "--directory", self.path("linux"), *arguments],
                              capture_output=True, text=True, check=False)

    def make(self, *programs, init="init"):
        return self.run_tool("--initrd", self.path("disk"), "--init", self.path(init),
                             *(self.path(program) for program in programs))

    def disk(self):
        with open(self.path("disk"), "rb") as file:
            return file.read()

    def test_all_is_in_it(self):
        done = self.make("program")
        self.assertEqual(done.returncode, 0, done.stderr)
        for part in (b"init\0", b"the script", b"bin/busybox\0", b"bin/program\0", b"the program",
                     b"modules/00-one.ko\0", b"the module", b"TRAILER!!!\0"):
            self.assertIn(part, self.disk())
        self.assertFalse(os.path.exists(self.path("disk.tmp")))

    def test_an_error_leaves_the_disk_that_is_there(self):
        for programs, init in ((("none",), "init"), (("program",), "none")):
            with self.subTest(init):
                self.file("disk", b"of last week")
                done = self.make(*programs, init=init)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"\Alinux-image: .*/none: No such file.*\n\Z")
                self.assertEqual(self.disk(), b"of last week")
                self.assertFalse(os.path.exists(self.path("disk.tmp")))

    def test_programs_without_a_disk_are_refused(self):
        done = self.run_tool(self.path("program"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("--initrd", done.stderr)


if __name__ == "__main__":
    unittest.main()
