#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""README's table of exits and instructions is what the handler does.

    readme.py PROGRAM [--update]

PROGRAM (readme_table.c) prints, for each pair of instruction and exit code, what the handler makes of
it. The rows between the two marks in README.md are made of that, and of the remarks below.
"""

import os
import subprocess
import sys

README = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "README.md")
BEGIN = "<!-- what is handled: made by tests/docs/readme.py --update -->\n"
END = "<!-- end -->\n"

# What the integrator decides, or ought to know, of each exit. A row without a remark is an error.
REMARKS = {
    ("0x72", "always"): "XCR0 and XSS only for leaf 0xD; a host that hides SEV or moves the C-bit is "
                        "refused; answers can be pinned. Early: by the MSR protocol",
    ("0x7c", "always"): "the GHCB MSR and SEV_STATUS are refused",
    ("0x7b", "always"): "user mode: off, or by the I/O permission bitmap",
    ("0x400", "always"): "MMIO, basic: off if the policy says so; user mode refused; encrypted pages "
                         "refused",
    ("0x400", "extended"): "MMIO, extended: by policy",
    ("0x400", "refused"): "MMIO: refused by name. On a device no atomicity can be kept",
    ("0x6e", "always"): "CR4.TSD is checked again",
    ("0x87", "always"): "CR4.TSD is checked again",
    ("0x6f", "always"): "CR4.PCE is checked again",
    ("0x89", "always"): "forwarded",
    ("0x76", "always"): "refused, or forwarded",
    ("0x8a", "always"): "nothing, or forwarded",
    ("0x8b", "always"): "nothing, or forwarded",
    ("0x81", "always"): "refused, or by the convention of KVM, Hyper-V, VMware or your own",
    ("0x27", "always"): "answered from what was written",
    ("0x37", "always"): "remembered and forwarded; upper half: #GP",
    ("0x41", "forwarded"): "forwarded",
    ("0x51", "forwarded"): "forwarded from user mode with RFLAGS.AC; else an error",
    ("0x404", "hook"): "a hook",
    ("others", "unsupported"): "`SEVC_UNSUPPORTED` with the record; on request the host is told",
}


def table(program):
    rows = {}
    output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        code, when, mnemonic = (line + " ").split(" ", 2)
        mnemonic = mnemonic.strip()
        names = rows.setdefault((code, when), [])
        if mnemonic not in names:
            names.append(mnemonic)
    if set(rows) != set(REMARKS):
        sys.exit(f"readme.py: rows and remarks differ: {sorted(set(rows) ^ set(REMARKS))}")
    text = "| exit | instructions | policy |\n|---|---|---|\n"
    for key, remark in REMARKS.items():
        code = key[0][:2] + key[0][2:].upper() if key[0].startswith("0x") else key[0]
        names = f" {', '.join(rows[key])} ".replace("  ", " ")
        text += f"| {code} |{names}| {remark} |\n"
    return text


def main():
    with open(README, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(BEGIN)
    old, after = rest.split(END)
    new = table(sys.argv[1])
    if "--update" in sys.argv[2:]:
        with open(README, "w", encoding="utf-8") as file:
            file.write(before + BEGIN + new + END + after)
    elif old != new:
        for line in new.splitlines():
            if line not in old.splitlines():
                print(f"README.md lacks: {line}")
        for line in old.splitlines():
            if line not in new.splitlines():
                print(f"README.md has:   {line}")
        sys.exit(f"README.md's table is not what the handler does: python3 tests/docs/readme.py "
                 f"{sys.argv[1]} --update")
    else:
        print(f"{len(new.splitlines()) - 2} rows of README's table ... ok")


if __name__ == "__main__":
    main()
