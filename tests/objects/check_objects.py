#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Looks at the archives that were built. check_objects.py LIBSEVC LIBSEVC_EARLY STACK_USAGE_DIR"""
import pathlib
import sys

import checks
from archive import Archive

HOOKS = ["sevc_os_translate", "sevc_os_copy", "sevc_os_register", "sevc_os_raise",
         "sevc_os_uefi"]

# Bytes of stack below each function's own frame included, hooks excluded. Most of it is Zydis's
# decoder. include/sevc/config.h promises it.
STACK_LIMITS = {"libsevc.a": ("sevc_handle_vc", 1024), "libsevc_early.a": ("sevc_early_handle_vc", 512)}

failures = 0


def check(name, complaints):
    global failures
    print(f"{name} ... {'FAILED' if complaints else 'ok'}")
    for complaint in complaints[:20]:
        print(f"    {complaint}")
    failures += bool(complaints)


def main():
    library, early = Archive(sys.argv[1]), Archive(sys.argv[2])
    usage, unbounded = checks.read_stack_usage(
        pathlib.Path(sys.argv[3]).glob("CMakeFiles/sevc*.dir/**/*.su"))

    for name, archive, hooks in (("libsevc.a", library, HOOKS), ("libsevc_early.a", early, [])):
        if len(archive.instructions) < 100:
            check(f"{name}: has code", ["hardly any instructions found: is objdump at work?"])
        check(f"{name}: needs mem* and hooks only", checks.undefined_symbols(archive, hooks))
        check(f"{name}: names of its own only", checks.visible_symbols(archive))
        check(f"{name}: no writable data", checks.writable_data(archive))
        check(f"{name}: no SSE, AVX, x87", checks.floating_point(archive))
        check(f"{name}: no red zone", checks.red_zone(archive))
        check(f"{name}: nothing interceptable on the entry path",
              checks.interceptable_instructions(archive))
        check(f"{name}: interrupts are turned on by explicit calls only",
              checks.interrupts_turned_on(archive))
        check(f"{name}: no CPU waits for another", checks.locks_and_waits(archive))
        check(f"{name}: no indirect call on the entry path", checks.indirect_calls(archive))
    check("libsevc_early.a: no absolute relocation", checks.absolute_relocations(early))
    check("libsevc.a: links at any address", checks.relocations_of_any_address(library))
    for name, archive in (("libsevc.a", library), ("libsevc_early.a", early)):
        root, limit = STACK_LIMITS[name]
        bad, path = checks.deepest_stack(archive, usage, [root], limit)
        check(f"{name}: {root}() takes at most {limit} bytes of stack", unbounded + bad)
        print(f"    {sum(size for _, size in path)}: "
              + " > ".join(f"{function} {size}" for function, size in path))
    sys.exit(failures != 0)


main()
