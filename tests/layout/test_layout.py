#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The checks of this folder, checked: each finds the violation that is planted, and only that."""

import contextlib
import io
import os
import shutil
import tempfile
import unittest
import unittest.mock

import files
import floors
import tree

LICENCE = "/* SPDX-License-Identifier: MIT */\n"

# A small tree in order.
GOOD = {
    "include/sevc/svm.h": "#include <stdint.h>\n",
    "include/sevc/ghcb_abi.h": "#include <sevc/svm.h>\n",
    "include/sevc/status.h": "",
    "include/sevc/ghcb.h": "#include <sevc/status.h>\n",
    "include/sevc/vc.h": "#include <sevc/ghcb.h>\n",
    "src/arch/arch.h": '#include <stddef.h>\n#include "hardware.h"\n',
    "src/arch/hardware.h": "",
    "src/ghcb/session.c": '#include <sevc/ghcb.h>\n#include "../arch/arch.h"\n',
    "src/ghcb/msr_protocol.c": "#include <sevc/svm.h>\n",
    "src/decode/parts.h": "",
    "src/decode/zydis.c": '#include <Zydis/Decoder.h>\n#include "decode/parts.h"\n',
    "src/vc/handle.c": '#include <sevc/vc.h>\n#include "../ghcb/layout.h"\n',
    "src/ghcb/layout.h": "",
    "src/idt/entry.S": "#include <sevc/svm.h>\n",
    "emulator/walk.h": "#include <sevc/ghcb_abi.h>\n#include <stdbool.h>\n",
    "emulator/walk.c": '#include "walk.h"\n',
    "examples/kernel/main.c": '#include <sevc/vc.h>\n#include "kernel.h"\n',
    "examples/kernel/kernel.h": "",
    "tests/unit/test.c": '#include <stdio.h>\n#include "../../src/vc/handle.c"\n',
}


class Tree(unittest.TestCase):
    """A tree on disk, GOOD unless a test changes it."""

    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def plant(self, changes=None):
        for path, text in {**GOOD, **(changes or {})}.items():
            self.write(path, LICENCE + text)


class Floors(Tree):
    def complaints(self, path=None, text=None):
        self.plant({path: text} if path else None)
        return floors.check(self.root)[0]

    def assert_one(self, path, text, *words):
        complaints = self.complaints(path, text)
        self.assertEqual(len(complaints), 1, complaints)
        for word in (path,) + words:
            self.assertIn(word, complaints[0])

    def test_a_good_tree_is_good(self):
        self.assertEqual(self.complaints(), [])
        self.assertEqual(floors.check(self.root)[1], len(GOOD))

    def test_src_may_not_include_from_above(self):
        self.assert_one("src/ghcb/session.c", "#include <sevc/vc.h>\n", "floor 3", "floor 5")
        self.assert_one("src/ghcb/session.c", '#include "../idt/frame.h"\n', "no such file")
        self.write("src/idt/frame.h", LICENCE)
        self.assert_one("src/ghcb/session.c", '#include "../idt/frame.h"\n', "floor 6")
        self.assert_one("src/ghcb/session.c", '#include "idt/frame.h"\n', "floor 6")

    def test_the_floor_of_a_file_can_be_its_own(self):
        self.assert_one("src/ghcb/msr_protocol.c", '#include "../arch/arch.h"\n', "floor 1")

    def test_assembly_counts(self):
        self.assert_one("src/arch/start.S", "#include <sevc/vc.h>\n", "floor 2", "floor 5")

    def test_headers_may_not_include_from_above(self):
        self.assert_one("include/sevc/status.h", "#include <sevc/ghcb.h>\n", "floor 1", "floor 3")

    def test_headers_include_no_private_ones(self):
        self.assert_one("include/sevc/vc.h", '#include "../../src/arch/arch.h"\n', "public")

    def test_every_spelling_is_seen(self):
        for text in ("  #  include <sevc/vc.h>\n", "#include<sevc/vc.h>\n",
                     "/* why */ \n#include /* this */ <sevc/vc.h> // here\n",
                     "#ifdef NEVER\n#include <sevc/vc.h>\n#endif\n"):
            self.assert_one("src/arch/arch.h", text, "floor 5")

    def test_comments_and_strings_are_not_includes(self):
        text = ('/*\n#include <sevc/vc.h>\n*/\n'
                'const char *a = "/*";\n/* #include <sevc/vc.h> */ const char *b = "*/";\n')
        self.assertEqual(self.complaints("src/arch/arch.h", text), [])

    def test_an_include_by_macro_is_refused(self):
        self.assert_one("src/vc/handle.c", "#include HANDLER\n", "written out")

    def test_source_files_are_not_included(self):
        self.assert_one("src/vc/other.c", '#include "handle.c"\n', "compiled")

    def test_the_library_does_not_know_its_users(self):
        for target in ("emulator/walk.h", "examples/kernel/kernel.h"):
            self.assert_one("src/idt/gate.c", f'#include "../../{target}"\n', "users")
        self.write("tests/unit/fake.h", LICENCE)
        self.assert_one("src/idt/gate.c", '#include "../../tests/unit/fake.h"\n', "users")

    def test_the_emulator_shares_only_constants(self):
        for text in ("#include <sevc/ghcb.h>\n", "#include <sevc/status.h>\n",
                     '#include "../src/ghcb/layout.h"\n',
                     '#include "../examples/kernel/kernel.h"\n'):
            self.assert_one("emulator/walk.c", text, "constants")

    def test_the_constants_stay_constants(self):
        self.assert_one("include/sevc/ghcb_abi.h", "#include <sevc/status.h>\n", "constants")

    def test_examples_have_public_headers_only(self):
        for text in ('#include "../../src/arch/arch.h"\n', '#include "../../emulator/walk.h"\n',
                     '#include "arch/arch.h"\n'):
            self.assert_one("examples/kernel/main.c", text, "public headers")

    def test_only_the_uefi_example_knows_uefi(self):
        self.assertEqual([], self.complaints("examples/uefi/main.c", "#include <efi.h>\n"))
        self.assert_one("examples/kernel/main.c", "#include <efi.h>\n", "freestanding")
        self.assert_one("src/vc/vc.c", "#include <efilib.h>\n", "freestanding")

    def test_zydis_stands_behind_one_file(self):
        self.assert_one("src/decode/second.c", "#include <Zydis/Zydis.h>\n", "only one file")
        os.remove(os.path.join(self.root, "src/decode/second.c"))
        self.assert_one("emulator/insn.c", "#include <Zydis/Zydis.h>\n", "Zydis")

    def test_libc_is_not_freestanding(self):
        for path in ("src/vc/handle.c", "emulator/walk.c", "include/sevc/vc.h"):
            self.plant()
            self.assert_one(path, "#include <string.h>\n", "freestanding")
            self.write(path, LICENCE + GOOD[path])

    def test_what_is_on_no_floor_is_refused(self):
        self.assert_one("src/net/card.c", "", "no floor")
        shutil.rmtree(os.path.join(self.root, "src/net"))
        self.assert_one("include/sevc/net.h", "", "no floor")
        os.remove(os.path.join(self.root, "include/sevc/net.h"))
        self.assert_one("src/loose.c", "", "no floor")

    def test_an_empty_place_is_not_in_order(self):
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(floors.main([self.root]), 1)

    def test_a_violation_in_the_real_tree_is_found(self):
        real = files.default_root()
        for part in ("include", "src"):
            shutil.copytree(os.path.join(real, part), os.path.join(self.root, part))
        before = floors.check(self.root)[0]
        with open(os.path.join(self.root, "src/page/walk.c"), "a", encoding="utf-8") as file:
            file.write("#include <sevc/event.h>\n")
        after = floors.check(self.root)[0]
        self.assertEqual(len(after), len(before) + 1)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(floors.main([self.root]), 1)
        self.assertIn("src/page/walk.c: includes sevc/event.h", said.getvalue())


class Rules(Tree):
    def test_spdx(self):
        self.plant()
        self.assertEqual(tree.check_spdx(self.root)[0], [])
        self.write("src/vc/bare.c", "int x;\n")
        self.write("src/vc/late.h", "\n\n\n" + LICENCE)
        self.write("tools/run", "#!/bin/sh\n")
        self.write("tools/data.bin", "nothing\n")
        self.write("scripts/good", "#!/bin/sh\n# SPDX-License-Identifier: MIT\n")
        found = [c.split(":")[0] for c in tree.check_spdx(self.root)[0]]
        self.assertEqual(found, ["src/vc/bare.c", "src/vc/late.h", "tools/run"])

    def test_public_functions(self):
        text = LICENCE + '''
#define SEVC_CALL(x) sevc_macro(x)
#ifdef __cplusplus
extern "C" {
#endif

struct sevc_thing {
    uint64_t field; /* not a function's comment */
};

/*
 * One comment, over several lines, for two functions.
 */
void sevc_first(void);
enum sevc_result sevc_second(const struct sevc_thing *thing,
                             uint64_t value);

void sevc_bare(void);

/* Says what it does. */
static inline int sevc_inline(void)
{
    sevc_called();

    return sevc_called_too(1);
}

static inline int sevc_bare_inline(void)
{
    /* This one is inside. */
    return 0;
}

/* For nobody: a paragraph of its own. */

__attribute__((noreturn)) void sevc_bare_attribute(unsigned code);

#ifdef __cplusplus
}
#endif
'''
        self.assertEqual(tree.public_functions(text), [
            ("sevc_first", True), ("sevc_second", True), ("sevc_bare", False),
            ("sevc_inline", True), ("sevc_bare_inline", False), ("sevc_bare_attribute", False)])

    def test_comments(self):
        self.plant({"include/sevc/vc.h": "/* Documented. */\nvoid sevc_a(void);\n"})
        self.assertEqual(tree.check_comments(self.root)[0], [])
        self.plant({"include/sevc/vc.h": "\nvoid sevc_a(void);\n"})
        self.assertEqual(tree.check_comments(self.root)[0],
                         ["include/sevc/vc.h: sevc_a() has no comment before it"])

    def test_headers(self):
        good = '#ifndef SEVC_VC_H\n#define SEVC_VC_H\nextern "C" {\nvoid sevc_a(void);\n}\n#endif\n'
        umbrella = "#ifndef SEVC_SEVC_H\n#define SEVC_SEVC_H\n#include <sevc/vc.h>\n#endif\n"

        self.write("include/sevc/vc.h", good)
        self.write("include/sevc/sevc.h", umbrella)
        self.assertEqual(tree.check_headers(self.root)[0], [])
        self.write("include/sevc/vc.h", good.replace("SEVC_VC_H", "SEVC_H"))
        self.assertIn("not guarded", tree.check_headers(self.root)[0][0])
        self.write("include/sevc/vc.h", good.replace('extern "C" {', ""))
        self.assertIn('without extern "C"', tree.check_headers(self.root)[0][0])
        self.write("include/sevc/vc.h", good)
        self.write("include/sevc/sevc.h", umbrella.replace("#include <sevc/vc.h>\n", ""))
        self.assertIn("not included by", tree.check_headers(self.root)[0][0])

    def test_length(self):
        self.write("src/vc/long.c", "x\n" * tree.MAX_LINES)
        self.assertEqual(tree.check_length(self.root)[0], [])
        self.write("src/vc/long.c", "x\n" * (tree.MAX_LINES + 1))
        self.assertEqual(len(tree.check_length(self.root)[0]), 1)
        with unittest.mock.patch.object(tree, "LONG_FILES", {"src/vc/long.c": "a reason"}):
            self.assertEqual(tree.check_length(self.root)[0], [])
            self.write("src/vc/long.c", "x\n")
            self.assertIn("short enough", tree.check_length(self.root)[0][0])
            os.remove(os.path.join(self.root, "src/vc/long.c"))
            self.assertIn("not there", tree.check_length(self.root)[0][0])

    def test_sources(self):
        self.write("src/vc/a.c", "")
        self.write("src/idt/b.S", "")
        self.write("src/idt/b.h", "")
        self.write("src/sources.list",
                   "# comment src/vc/z.c\n\ncore   src/vc/a.c\ncore src/idt/b.S\n")
        self.assertEqual(tree.check_sources(self.root)[0], [])
        self.write("src/vc/new.c", "")
        self.assertEqual(tree.check_sources(self.root)[0],
                         ["src/vc/new.c: not in src/sources.list"])
        os.remove(os.path.join(self.root, "src/vc/new.c"))
        os.remove(os.path.join(self.root, "src/vc/a.c"))
        self.assertIn("not there", tree.check_sources(self.root)[0][0])
        self.write("src/vc/a.c", "")
        self.write("src/sources.list", "core src/vc/a.c\nearly src/vc/a.c\ncore src/idt/b.S\n")
        self.assertIn("twice", tree.check_sources(self.root)[0][0])

    def test_build_folders_are_not_the_tree(self):
        self.write("src/build/x.c", "")
        self.write("tests/build-gcc/x.c", "")
        self.assertEqual(files.tree(self.root), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
