#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Each check of checks.py finds what has been planted for it. test_checks.py COMPILER"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import checks
from archive import Archive

COMPILER = sys.argv.pop(1) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "gcc"
FLAGS = ["-O2", "-fPIC", "-ffreestanding", "-mno-red-zone", "-mgeneral-regs-only",
         "-fvisibility=hidden", "-ffunction-sections", "-fno-stack-protector",
         "-fno-asynchronous-unwind-tables", "-fcf-protection=none", "-fstack-usage", "-w"]
GOOD = """
unsigned long sevc_handle_vc(unsigned long n) { return n * 3; }
"""


class Planted(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def build(self, *sources, flags=(), without=()):
        """An archive of the C texts given (assembly if a text starts with '.')."""
        folder = pathlib.Path(self.folder.name)
        objects = []
        for number, text in enumerate(sources):
            source = folder / f"planted{number}.{'S' if text.lstrip().startswith('.') else 'c'}"
            source.write_text(text, encoding="utf-8")
            objects.append(f"{source.name}.o")
            subprocess.run([COMPILER, *(f for f in FLAGS if f not in without), *flags, "-c",
                            source.name, "-o", objects[-1]], check=True, cwd=folder)
        path = folder / "planted.a"
        path.unlink(missing_ok=True)
        subprocess.run(["ar", "rcs", path, *objects], check=True, cwd=folder)
        return Archive(str(path))

    def usage(self):
        return checks.read_stack_usage(pathlib.Path(self.folder.name).glob("*.su"))

    def found(self, complaints, *words):
        self.assertTrue(complaints, "nothing was found")
        for word in words:
            self.assertTrue(any(word in c for c in complaints), f"{word} not in {complaints}")

    def test_good_code_has_no_complaints(self):
        archive = self.build(GOOD)
        usage, unbounded = self.usage()
        self.assertEqual([], checks.undefined_symbols(archive, []) + checks.visible_symbols(archive)
                         + checks.writable_data(archive) + checks.absolute_relocations(archive)
                         + checks.relocations_of_any_address(archive)
                         + checks.floating_point(archive) + checks.red_zone(archive)
                         + checks.interceptable_instructions(archive)
                         + checks.indirect_calls(archive) + checks.interrupts_turned_on(archive)
                         + checks.locks_and_waits(archive) + unbounded
                         + checks.deepest_stack(archive, usage, ["sevc_handle_vc"], 64)[0])

    def test_undefined_symbol(self):
        archive = self.build("void abort(void); void sevc_x(void) { abort(); }")
        self.found(checks.undefined_symbols(archive, []), "abort")

    def test_hook_is_allowed_only_by_name(self):
        archive = self.build("void sevc_os_raise(void); void sevc_x(void) { sevc_os_raise(); }")
        self.assertEqual([], checks.undefined_symbols(archive, ["sevc_os_raise"]))
        self.found(checks.undefined_symbols(archive, []), "sevc_os_raise")

    def test_memcpy_is_allowed(self):
        archive = self.build("""
            void *memcpy(void *, const void *, unsigned long);
            void sevc_x(void *a, void *b, unsigned long n) { memcpy(a, b, n); }""")
        self.assertEqual([], checks.undefined_symbols(archive, []))

    def test_symbol_of_another_file_is_not_undefined(self):
        archive = self.build("int sevc_y(void); int sevc_x(void) { return sevc_y(); }",
                             "int sevc_y(void) { return 1; }")
        self.assertEqual([], checks.undefined_symbols(archive, []))

    def test_foreign_name(self):
        self.found(checks.visible_symbols(self.build("int helper(void) { return 1; }")), "helper")

    def test_data_and_bss(self):
        self.found(checks.writable_data(self.build("int sevc_x = 3;")), ".data")
        self.found(checks.writable_data(self.build("static int y; int *sevc_x(void) { return &y; }")),
                   ".bss")

    def test_common_symbol(self):
        self.found(checks.writable_data(self.build("int sevc_x;", flags=["-fcommon"])), "sevc_x")

    TABLE = """
        static int a(void) { return 1; } static int b(void) { return 2; }
        static int (*const table[])(void) = { a, b };
        int sevc_handle_vc(int n) { return table[n](); }"""

    def test_table_of_pointers(self):
        archive = self.build(self.TABLE)
        self.found(checks.absolute_relocations(archive), "R_X86_64_64")
        self.assertEqual([], checks.relocations_of_any_address(archive))  # in .data.rel.ro: allowed

    def test_indirect_call(self):
        self.found(checks.indirect_calls(self.build(
            "int sevc_handle_vc(int (*f)(void)) { return f() + 1; }")), "call")

    def test_address_from_the_got(self):
        archive = self.build("extern int sevc_y; int *sevc_x(void) { return &sevc_y; }",
                             without=["-fvisibility=hidden"])
        self.found(checks.absolute_relocations(archive), "GOTPCREL")
        self.found(checks.relocations_of_any_address(archive), "GOTPCREL")

    def test_absolute_32_bit_address(self):
        archive = self.build("int sevc_y(void); void *sevc_x(void) { return sevc_y; }",
                             flags=["-fno-pic", "-mcmodel=kernel"], without=["-fPIC"])
        self.found(checks.absolute_relocations(archive), "R_X86_64_32S")
        self.found(checks.relocations_of_any_address(archive), "R_X86_64_32S")

    def test_debugging_information_does_not_count(self):
        self.assertEqual([], checks.absolute_relocations(self.build(GOOD, flags=["-g"])))

    def test_sse_and_x87(self):
        without = ["-mgeneral-regs-only"]
        self.found(checks.floating_point(self.build(
            "double sevc_x(double a, double b) { return a * b; }", without=without)), "xmm")
        self.found(checks.floating_point(self.build(
            "long double sevc_x(long double a) { return a * a; }", without=without)), "fmul")
        for text in ("emms", "fninit", "fxsave (%rdi)", "vaddps %ymm1,%ymm2,%ymm3",
                     "movq %mm0,%mm1", "xsave (%rdi)", "stmxcsr (%rdi)"):
            self.found(checks.floating_point(self.build(f".globl sevc_x\nsevc_x:\n{text}\nret\n")))

    LEAF = """
        int sevc_x(int n) { volatile int a[4]; a[0] = n; a[1] = n; return a[n & 1]; }"""

    def test_red_zone(self):
        self.assertEqual([], checks.red_zone(self.build(self.LEAF)))
        self.found(checks.red_zone(self.build(self.LEAF, without=["-mno-red-zone"])), "rsp")

    def test_red_zone_under_a_frame_pointer(self):
        flags = ["-fno-omit-frame-pointer", "-O0"]
        self.assertEqual([], checks.red_zone(self.build(self.LEAF, flags=flags)))
        self.found(checks.red_zone(self.build(self.LEAF, flags=flags, without=["-mno-red-zone"])),
                   "RBP")

    def test_each_interceptable_instruction(self):
        for text in ("cpuid", "rdtsc", "rdtscp", "rdpmc", "pushfq", "popfq", "hlt", "pause",
                     "inb $0x60,%al", "in %dx,%eax", "outb %al,(%dx)", "rep insb", "rep outsl",
                     "mov %cr0,%rax", "mov %rax,%cr3", "mov %cr8,%rax", "mov %db7,%rax",
                     "mov %rax,%db0", "sgdt (%rdi)", "lgdt (%rdi)", "sidt (%rdi)", "lidt (%rdi)",
                     "sldt %ax", "str %ax", "ltr %ax", "lldt %ax", "smsw %ax", "lmsw %ax", "clts",
                     "invlpg (%rdi)", "invlpga", "invpcid (%rdi),%rax", "invd", "wbinvd",
                     "int $0x80", "int3", ".byte 0xf1", "rsm", "monitor", "mwait", "monitorx", "mwaitx",
                     "xsetbv", "vmmcall", "vmrun", "vmload", "vmsave", "stgi", "clgi", "skinit",
                     "swapgs", "rdmsr", "wrmsr", ".byte 0x0f,0x01,0xfd"):
            with self.subTest(text):
                archive = self.build(f".globl sevc_handle_vc\nsevc_handle_vc:\n{text}\nret\n")
                self.found(checks.interceptable_instructions(archive))

    def test_what_the_entry_path_needs_is_allowed(self):
        for text in ("rep; vmmcall", "iretq", "rep stosq", "rep movsq", "mov %gs:0,%rax", "cli",
                     "mov %ds,%ax", "str_rdi = 1\nmov $str_rdi,%eax", "mov $0xc0010130,%ecx\nrdmsr",
                     "mov $0xc0010131,%ecx\nmov %rax,%rdx\nshr $32,%rdx\nwrmsr",
                     "mov $0xc0010130,%r12d\nmov %eax,%ebp\nmov %r12d,%ecx\nwrmsr"):
            with self.subTest(text):
                archive = self.build(f".globl sevc_handle_vc\nsevc_handle_vc:\n{text}\nret\n")
                self.assertEqual([], checks.interceptable_instructions(archive))

    def test_another_msr_is_found(self):
        for text in ("mov $0xc0000080,%ecx\nrdmsr", "mov $0xc0010130,%ecx\nmov %eax,%ecx\nrdmsr",
                     "mov $0xc0010130,%ecx\nxor %ecx,%ecx\nwrmsr", "mov $0xc0010130,%ecx\npop %rcx\nrdmsr",
                     "mov $0xc0010130,%r12d\nadd $1,%r12d\nmov %r12d,%ecx\nwrmsr",
                     "mov $0xc0010130,%ecx\ncall other\nwrmsr"):
            with self.subTest(text):
                archive = self.build(f".globl sevc_handle_vc\nsevc_handle_vc:\n{text}\nret\n")
                self.found(checks.interceptable_instructions(archive), "msr")

    def test_interrupts_turned_on(self):
        for text in ("sti", "popf"):
            with self.subTest(text):
                archive = self.build(f".globl sevc_x\nsevc_x:\n{text}\nret\n")
                self.found(checks.interrupts_turned_on(archive), text)
        self.assertEqual([], checks.interrupts_turned_on(self.build(".globl sevc_x\nsevc_x:\ncli\nret\n")))

    def test_locks_and_waits(self):
        for text in ("lock incl (%rdi)", "xchg %eax,(%rdi)", "lock cmpxchg %ecx,(%rdi)", "pause"):
            with self.subTest(text):
                archive = self.build(f".globl sevc_x\nsevc_x:\n{text}\nret\n")
                self.found(checks.locks_and_waits(archive), text.split()[0])
        archive = self.build(".globl sevc_x\nsevc_x:\nxchg %eax,%ecx\nxchg %rax,8(%rsp)\nmov %eax,(%rdi)\nret\n")
        self.assertEqual([], checks.locks_and_waits(archive))

    def test_interceptable_three_calls_away(self):
        archive = self.build(
            "int sevc_a(void); int sevc_handle_vc(void) { return sevc_a() + 1; }",
            "static __attribute__((noinline)) int b(void) { __asm__ volatile(\"cpuid\" : : :"
            " \"rax\", \"rbx\", \"rcx\", \"rdx\"); return 1; } int sevc_a(void) { return b() + 1; }")
        self.found(checks.interceptable_instructions(archive), "cpuid")

    def test_interceptable_behind_a_table(self):
        archive = self.build(self.TABLE.replace(
            "{ return 2; }", "{ __asm__ volatile(\"hlt\"); return 2; }"))
        self.found(checks.interceptable_instructions(archive), "hlt")

    def test_interceptable_elsewhere_is_allowed(self):
        archive = self.build(GOOD, "void sevc_page(void) { __asm__ volatile(\"invlpg (%rdi)\"); }")
        self.assertEqual([], checks.interceptable_instructions(archive))

    def test_no_entry_point_is_no_success(self):
        self.found(checks.interceptable_instructions(self.build("int sevc_x(void) { return 1; }")))

    DEEP = """
        __attribute__((noinline)) static int b(int n) { volatile char x[%d]; x[n] = 1; return x[0]; }
        int sevc_handle_vc(int n) { return b(n) + 1; }"""

    def test_deep_stack(self):
        archive = self.build(self.DEEP % 2000)
        bad, path = checks.deepest_stack(archive, self.usage()[0], ["sevc_handle_vc"], 1536)
        self.found(bad, "1536 allowed")
        self.assertEqual(["sevc_handle_vc", "b"], [name for name, _ in path])
        self.assertGreater(sum(size for _, size in path), 2000)
        archive = self.build(self.DEEP % 100)
        self.assertEqual([], checks.deepest_stack(archive, self.usage()[0], ["sevc_handle_vc"],
                                                  1536)[0])

    # f's frame is 400 bytes at least, g's as much.
    FRAME = """
        __attribute__((noinline)) int %s(int n) { volatile char x[400]; x[n] = 1; return x[n + 1]; }"""
    CALLER = """
        int sevc_g(int n); void sevc_y(volatile char *p);
        int sevc_handle_vc(int n) { %s { volatile char x[400]; x[n] = 1; n += x[n + 1]; } %s }"""

    def test_frame_that_a_tail_call_gave_back(self):
        archive = self.build(self.FRAME % "sevc_g", self.CALLER % ("", "return sevc_g(n);"))
        self.assertEqual(["jmp"], [i.text.split()[0] for i in archive.instructions
                                   if i.function == "sevc_handle_vc" and "sevc_g" not in i.text
                                   and re.match("call|jmp", i.text)])
        bad, path = checks.deepest_stack(archive, self.usage()[0], ["sevc_handle_vc"], 700)
        self.assertEqual([], bad)
        self.assertLess(400, sum(size for _, size in path))

    def test_frame_that_a_call_keeps(self):
        archive = self.build(self.FRAME % "sevc_g", self.CALLER % ("", "return sevc_g(n) + 1;"))
        self.found(checks.deepest_stack(archive, self.usage()[0], ["sevc_handle_vc"], 700)[0], "700 allowed")
        # A call and a tail call of one function: the call counts.
        archive = self.build(self.FRAME % "sevc_g",
                             self.CALLER % ("", "if (n & 1) n += sevc_g(n + 2); return sevc_g(n);"))
        self.found(checks.deepest_stack(archive, self.usage()[0], ["sevc_handle_vc"], 700)[0], "700 allowed")

    def test_functions_of_one_name_in_two_files(self):
        deep, flat = self.DEEP % 2000, self.DEEP % 10
        archive = self.build(flat, deep.replace("sevc_handle_vc", "sevc_other"))
        usage = self.usage()[0]
        self.assertEqual([], checks.deepest_stack(archive, usage, ["sevc_handle_vc"], 200)[0])
        self.found(checks.deepest_stack(archive, usage, ["sevc_other"], 200)[0], "200 allowed")

    def test_recursion(self):
        archive = self.build("""
            int sevc_b(int n); int sevc_handle_vc(int n) { return sevc_b(n - 1) + 1; }""",
            "int sevc_handle_vc(int n); int sevc_b(int n) { return n ? sevc_handle_vc(n) + 2 : 0; }")
        self.found(checks.deepest_stack(archive, self.usage()[0], ["sevc_handle_vc"], 1536)[0],
                   "recursion")

    def test_recursion_into_itself(self):
        archive = self.build("""
            int sevc_handle_vc(volatile int *n) { return *n ? *n * sevc_handle_vc(n) * *n + 1 : 1; }
            """, flags=["-O1"])
        self.found(checks.deepest_stack(archive, self.usage()[0], ["sevc_handle_vc"], 1536)[0],
                   "recursion")

    def test_variable_array(self):
        self.build("int sevc_x(int n) { volatile char a[n]; a[0] = 1; return a[n - 1]; }")
        self.found(self.usage()[1], "dynamic")

    def test_function_of_unknown_depth(self):
        archive = self.build(self.DEEP % 10)
        self.found(checks.deepest_stack(archive, {}, ["sevc_handle_vc"], 1536)[0], "no stack usage")


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C"
    unittest.main(verbosity=2)
