#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Without SEVC_TRACE the tap costs nothing: not one byte of any object differs from a library whose
source has no tap at all.

    test_off.py COMPILER SOURCE_TREE libsevc.a
"""

import os
import re
import subprocess
import sys
import tempfile

FLAGS = ["-std=gnu11", "-O2", "-ffreestanding", "-mno-red-zone", "-mgeneral-regs-only",
         "-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-fno-strict-aliasing",
         "-fcf-protection=none", "-fvisibility=hidden", "-fPIC", "-Wall", "-Wextra", "-Werror"]

# How each tap would read if it had never been thought of.
NOTHING = re.compile(r"^\s*sevc_tap_(?:exception|result|sent|returned)\([^;]*;\n", re.M)
INSTEAD = {"sevc_tap_copy": "sevc_os_copy", "sevc_tap_translate": "sevc_os_translate",
           "sevc_tap_msr_exchange": "sevc_msr_exchange"}


def without_tap(text):
    text = NOTHING.sub("", text)
    for tap, plain in INSTEAD.items():
        text = text.replace(tap, plain)
    return text.replace('#include "../trace/tap.h"', "#include <sevc/ghcb.h>\n#include <sevc/os.h>")


def compiled(compiler, tree, source, text, extra=()):
    """The object's code and data, disassembled, for TEXT in the place of SOURCE."""
    with tempfile.NamedTemporaryFile("w", suffix=".c", dir=os.path.dirname(source)) as file:
        file.write(text)
        file.flush()
        with tempfile.NamedTemporaryFile(suffix=".o") as built:
            subprocess.run([compiler, *FLAGS, *extra, "-I", tree + "/include", "-I", tree + "/src", "-c",
                            file.name, "-o", built.name], check=True)
            listing = subprocess.run(["objdump", "-drs", built.name], check=True,
                                     capture_output=True, text=True).stdout
    # The file's own name is in the first lines, and in nothing else.
    return listing.split("\n", 3)[3]


def main(compiler, tree, archive):
    sources = []
    for folder, _, names in os.walk(tree + "/src"):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith((".c", ".h")) and not folder.endswith("/trace"):
                with open(path, encoding="utf-8") as file:
                    if "sevc_tap_" in file.read():
                        sources.append(path)
    failures = [path for path in sources if not path.endswith(".c")]  # this test reads .c only
    for path in sources:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        plain = without_tap(text)
        if "sevc_tap_" in plain:
            failures.append(f"{path}: a tap that this test does not know")
            continue
        off = compiled(compiler, tree, path, text)
        if off != compiled(compiler, tree, path, plain):
            failures.append(f"{path}: the code differs from that without a tap")
        if off == compiled(compiler, tree, path, text, ["-DSEVC_TRACE=1"]):
            failures.append(f"{path}: with SEVC_TRACE=1 nothing is tapped: what is compared?")
        print(os.path.relpath(path, tree))
    symbols = subprocess.run(["nm", archive], check=True, capture_output=True, text=True).stdout
    if re.search(r"sevc_(tap|trace|os_trace)", symbols):
        failures.append(f"{archive} has symbols of the tap")
    if len(sources) < 5:
        failures.append("fewer than five files are tapped: have they moved?")
    for failure in failures:
        print("trace.off:", failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
