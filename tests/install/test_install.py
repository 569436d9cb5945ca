#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The installed tree, used as a stranger would. test_install.py BUILD_DIR ZYDIS_DIR ZYCORE_DIR"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
BUILD, ZYDIS, ZYCORE = (pathlib.Path(p) for p in sys.argv[1:4])
HEADERS = sorted(p.name for p in (SOURCE / "include" / "sevc").glob("*.h"))


def run(*command, **options):
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        first = pathlib.Path(cls.folder.name) / "first"
        result = run("cmake", "--install", BUILD, "--prefix", first)
        if result.returncode != 0:
            raise AssertionError(result.stdout)
        # Nothing in an installed tree may know where it was put.
        cls.prefix = pathlib.Path(cls.folder.name) / "moved" / "here"
        cls.prefix.parent.mkdir()
        shutil.move(first, cls.prefix)

    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(dir=self.folder.name))

    def good(self, result):
        self.assertEqual(0, result.returncode, result.stdout)
        return result

    def assert_linked(self, path, *symbols):
        names = {line.split()[-1] for line in self.good(run("nm", path)).stdout.splitlines()}
        undefined = self.good(run("nm", "-u", path)).stdout
        self.assertEqual("", undefined.strip())
        for symbol in symbols:
            self.assertIn(symbol, names)

    def test_everything_is_there(self):
        expected = ["lib/libsevc.a", "lib/libsevc_early.a", "lib/pkgconfig/sevc.pc",
                    "lib/pkgconfig/sevc-early.pc", "lib/cmake/sevc/sevcConfig.cmake",
                    "lib/cmake/sevc/sevcConfigVersion.cmake", "lib/cmake/sevc/sevcTargets.cmake",
                    "share/doc/sevc/LICENSE"] + [f"include/sevc/{h}" for h in HEADERS]
        self.assertEqual([], [e for e in expected if not (self.prefix / e).is_file()])

    def test_no_private_header_is_there(self):
        self.assertEqual(HEADERS, sorted(p.name for p in self.prefix.glob("include/**/*.h")))

    def test_no_file_names_the_build(self):
        for path in self.prefix.glob("lib/**/*.*"):
            if path.suffix in (".cmake", ".pc"):
                text = path.read_text(encoding="utf-8")
                for place in (str(BUILD), str(SOURCE / "src"), self.folder.name):
                    self.assertNotIn(place, text, path)

    def find_package(self, *options):
        return run("cmake", "-S", HERE / "consumer", "-B", self.work / "build",
                   f"-DCMAKE_PREFIX_PATH={self.prefix}", *options)

    def test_cmake_project_finds_and_links_it(self):
        self.good(self.find_package("-DSEVC_WANTED=0.1"))
        self.good(run("cmake", "--build", self.work / "build"))
        for kernel in ("kernel", "high"):
            self.assert_linked(self.work / "build" / kernel, "sevc_handle_vc", "sevc_vc_entry",
                               "sevc_early_entry", "sevc_ZydisDecoderDecodeInstruction")
        self.assert_linked(self.work / "build" / "early", "sevc_early_entry")

    def test_cmake_refuses_another_version(self):
        result = self.find_package("-DSEVC_WANTED=9.0")
        self.assertNotEqual(0, result.returncode)
        self.assertIn("version", result.stdout)

    def test_make_and_pkg_config_link_it(self):
        shutil.copytree(HERE / "consumer", self.work, dirs_exist_ok=True)
        environment = dict(os.environ, PKG_CONFIG_PATH=str(self.prefix / "lib" / "pkgconfig"))
        self.good(run("make", "-C", self.work, env=environment))
        self.assert_linked(self.work / "kernel", "sevc_handle_vc", "sevc_vc_entry")
        self.assert_linked(self.work / "early", "sevc_early_entry")
        self.assert_linked(self.work / "uefi.so", "sevc_uefi_enter", "sevc_uefi_entry")
        self.assertIn("pei-x86-64", self.good(run("objdump", "-f", self.work / "uefi.efi")).stdout)

    def test_missing_hook_is_a_link_error(self):
        shutil.copytree(HERE / "consumer", self.work, dirs_exist_ok=True)
        kernel = self.work / "kernel.c"
        kernel.write_text(kernel.read_text(encoding="utf-8").replace(
            "void sevc_os_raise(", "void other_name(struct sevc_trap *, const struct sevc_report *);"
            "\nvoid other_name("), encoding="utf-8")
        environment = dict(os.environ, PKG_CONFIG_PATH=str(self.prefix / "lib" / "pkgconfig"))
        result = run("make", "-C", self.work, "kernel", env=environment)
        self.assertNotEqual(0, result.returncode)
        self.assertIn("sevc_os_raise", result.stdout)

    def test_plain_makefile_builds_from_the_list(self):
        shutil.copy(HERE / "plain" / "Makefile", self.work)
        self.good(run("make", "-C", self.work, f"SEVC={SOURCE}", f"ZYDIS={ZYDIS}",
                      f"ZYCORE={os.path.relpath(ZYCORE, self.work)}"))
        self.good(run("gcc", "-O2", "-ffreestanding", "-mno-red-zone", "-mgeneral-regs-only",
                      "-fno-pic", "-fno-stack-protector", f"-I{SOURCE}/include",
                      HERE / "consumer" / "kernel.c", "-o", self.work / "kernel", "-nostdlib",
                      "-static", "-no-pie", "-Wl,-estart", self.work / "libsevc.a"))
        self.assert_linked(self.work / "kernel", "sevc_handle_vc", "sevc_vc_entry")

    def compile_headers(self, compilers, standard, suffix, *options):
        for header in HEADERS:
            source = self.work / f"one{suffix}"
            # Twice: it guards itself.
            source.write_text(f"#include <sevc/{header}>\n#include <sevc/{header}>\n"
                              "extern int used;\n", encoding="utf-8")
            for compiler in compilers:
                with self.subTest(header=header, compiler=compiler):
                    self.good(run(compiler, f"-std={standard}", "-pedantic-errors", "-Wall",
                                  "-Wextra", "-Wconversion", "-Wshadow", "-Werror",
                                  f"-I{self.prefix}/include", *options, "-fsyntax-only", source))

    def test_each_header_alone_is_c11(self):
        self.compile_headers(("gcc", "clang"), "c11", ".c", "-Wstrict-prototypes")

    def test_each_header_alone_is_freestanding_c11(self):
        self.compile_headers(("gcc", "clang"), "c11", ".c", "-ffreestanding", "-nostdinc++",
                             "-mgeneral-regs-only")

    def test_each_header_alone_is_cpp17(self):
        self.compile_headers(("g++", "clang++"), "c++17", ".cpp")

    def test_numbers_are_for_assembly_too(self):
        for header in ("svm.h", "ghcb_abi.h"):
            source = self.work / "one.S"
            source.write_text(f"#include <sevc/{header}>\n", encoding="utf-8")
            self.good(run("gcc", f"-I{self.prefix}/include", "-c", source, "-o",
                          self.work / "one.o"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:], verbosity=2)
