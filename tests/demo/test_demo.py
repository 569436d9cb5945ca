# SPDX-License-Identifier: MIT
"""scripts/demo, as a user runs it: its end when all is well, and one line when it is not."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
DEMO = os.path.join(ROOT, "scripts", "demo")
BUILD = os.environ.get("SEVC_DEMO_TEST_BUILD")


def run(*arguments, **environment):
    return subprocess.run([DEMO, *arguments], capture_output=True, text=True, errors="replace", check=False,
                          stdin=subprocess.DEVNULL,
                          env=dict(os.environ, SEVC_BUILD_DIR=BUILD, **environment))


class Tools:
    """A folder in front of PATH with programs of our own."""

    def __init__(self, scripts):
        self.directory = tempfile.TemporaryDirectory()
        for name, text in scripts.items():
            path = os.path.join(self.directory.name, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\n" + text + "\n")
            os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)

    def __enter__(self):
        return self.directory.name + os.pathsep + os.environ["PATH"]

    def __exit__(self, *_):
        self.directory.cleanup()


class Demo(unittest.TestCase):
    def assert_refuses(self, result, pattern):
        self.assertNotEqual(result.returncode, 0)
        lines = [line for line in result.stdout.splitlines() + result.stderr.splitlines()
                 if re.search(pattern, line)]
        self.assertEqual(len(lines), 1, result.stdout + result.stderr)
        self.assertNotIn("#VC exceptions handled", result.stdout)
        self.assertNotIn("Traceback", result.stderr)

    def test_1_ends_with_equal_numbers(self):
        result = run()
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        last = result.stdout.splitlines()[-1]
        found = re.fullmatch(r"demo: (\d+) #VC exceptions handled, (\d+) VMGEXITs, "
                             r"0 protocol violations", last)
        self.assertTrue(found, last)
        self.assertGreater(int(found[1]), 2000)
        self.assertIn("All is well.", result.stdout)
        self.assertIn("timer interrupts", result.stdout)
        self.assertNotIn("sevc-count", result.stdout)

    def test_2_what_was_built_can_be_installed(self):
        with tempfile.TemporaryDirectory() as prefix:
            done = subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_1_several_processors_start_through_the_jump_table_and_work(self):
        for cpus in (2, 3, 4):
            with self.subTest(cpus):
                result = run("--cpus", str(cpus))
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
                self.assertIn(f"{cpus} processors online, started through the jump table",
                              result.stdout)
                working = re.findall(r"(?m)^  cpu (\d): 100 rounds .*, 0 wrong answers$",
                                     result.stdout)
                self.assertEqual(working, [str(n) for n in range(cpus)])
                self.assertIn(f"cpu {cpus - 1}: offline in AP reset hold, and back at work",
                              result.stdout)
                self.assertIn("10 NMIs to each", result.stdout)
                self.assertRegex(result.stdout.splitlines()[-1], ", 0 protocol violations$")

    def test_1_linux_boots_and_powers_off(self):
        result = run("--linux", "--cpus", "2")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("Memory Encryption Features active: AMD SEV SEV-ES", result.stdout)
        for text in ("processors: 2 processors", "user: ", "virtio-disk: ", "ahci-disk: ", "network: "):
            self.assertIn(f"linux: ok {text}", result.stdout)
        self.assertRegex(result.stdout.splitlines()[-1], "^verdict: the guest powered off ")

    def test_1_the_uefi_application_lives_in_both_modes(self):
        result = run("--uefi")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(result.stdout.count("sevc-uefi: SEV-ES guest"), 2)
        self.assertNotIn("\x1b", result.stdout)
        self.assertEqual(result.stdout.splitlines()[-1],
                         "demo: good under the firmware and after ExitBootServices()")

    def test_2_uefi_with_several_processors(self):
        self.assert_refuses(run("--uefi", "--cpus", "2"), r"^demo: --uefi goes with one processor$")

    def test_2_two_guests_at_once(self):
        for options in (("--linux", "--uefi"), ("--uefi", "--linux")):
            self.assert_refuses(run(*options), r"^demo: --linux and --uefi: one of them$")

    def test_2_a_guest_that_takes_too_long(self):
        self.assert_refuses(run(SEVC_DEMO_SECONDS="0.1"),
                            r"did not end within 0.1 seconds.*SEVC_DEMO_SECONDS=")

    def test_3_an_old_qemu(self):
        with Tools({"qemu-system-x86_64": "echo 'QEMU emulator version 7.2.0 (Debian)'"}) as path:
            self.assert_refuses(run(PATH=path), r"7\.2\.0.*7\.2\.15 or later.*apt-get install")

    def test_4_a_package_that_cannot_be_installed(self):
        broken = "echo 'E: Unable to locate package' >&2; exit 100"
        with Tools({"dpkg-query": "echo not-installed", "apt-get": broken, "sudo": broken}) as path:
            self.assert_refuses(run(PATH=path), r"^setup: apt-get update: E: Unable to locate package")

    def test_5_a_build_directory_that_cannot_be_written(self):
        result = subprocess.run([DEMO], capture_output=True, text=True, check=False,
                                env=dict(os.environ, SEVC_BUILD_DIR="/proc/nowhere"))
        self.assert_refuses(result, r"^demo: cannot write to /proc/nowhere: set SEVC_BUILD_DIR")

    def test_6_an_existing_build_directory_that_cannot_be_written(self):
        for locked in ("", "demo"):
            with self.subTest(locked), tempfile.TemporaryDirectory() as build:
                os.mkdir(os.path.join(build, "demo"))
                with open(os.path.join(build, "demo", "configure.log"), "w") as log:
                    log.write("an old log\n")
                os.chmod(build, 0o777)
                os.chmod(os.path.join(build, "demo"), 0o777)
                os.chmod(os.path.join(build, locked), 0o555)
                self.assert_one_line(rf"cannot write to {build}: set SEVC_BUILD_DIR", build)
                os.chmod(os.path.join(build, locked), 0o755)

    def test_7_seconds_that_are_no_number(self):
        for seconds in ("abc", "-3", "nan", "1e3", "."):
            with self.subTest(seconds):
                self.assert_one_line(rf"SEVC_DEMO_SECONDS={re.escape(seconds)}: .*number",
                                     "/proc/nowhere", SEVC_DEMO_SECONDS=seconds)

    def assert_one_line(self, pattern, build, **environment):
        """As somebody who may not write everywhere, and who may not see this tree either."""
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        with tempfile.TemporaryDirectory() as tree:
            os.chmod(tree, 0o755)
            copy = os.path.join(tree, "scripts", "demo")
            os.mkdir(os.path.dirname(copy))
            shutil.copy(DEMO, copy)
            result = subprocess.run((nobody if os.geteuid() == 0 else []) + [copy], check=False,
                                    capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                    env=dict(os.environ, SEVC_BUILD_DIR=build, **environment))
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stdout + result.stderr, rf"\Ademo: {pattern}[^\n]*\n\Z")


if __name__ == "__main__":
    if not BUILD:
        sys.exit("SEVC_DEMO_TEST_BUILD: where the demo may build")
    unittest.main()
