#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The example UEFI application under stock OVMF, on a machine that is no SEV-ES guest.

    run_uefi.py SEVC_EFI native

The shell's startup script runs it in both of its modes; what it prints is judged.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

OVMF = "/usr/share/ovmf/OVMF.fd"
SECONDS = 600  # half a minute where nothing else runs; five seconds of it the shell's own wait
ESCAPES = re.compile(r"\x1b\[[0-9;=?]*[A-Za-z]")
EXIT_GOOD = 33  # isa-debug-exit: 2 * 0x10 + 1, written by kernel.c

# Each line must come, in this order. In between may be anything.
WORK = [
    r"CPUID EAX:EBX: 0x[0-9a-f]+ by the instruction, 0x[0-9a-f]+ by the call$",
    r"MSR 0x1B: 0xfee00900 by the instruction, 0xfee00900 by the call$",
    r"PCI 0:0\.0: 0x29c08086 by the instruction, 0x29c08086 by the call$",  # q35's host bridge
    r"IOAPIC version: 0x[0-9a-f]+ by the instruction, 0x[0-9a-f]+ by the call$",
]
NATIVE = [
    r"> sevc\.efi$",
    r"sevc-uefi: this machine is no SEV-ES guest: the same work, natively$",
    *WORK,
    r"firmware's timer: 5 ticks$",
    r"sevc-uefi: IDT and GHCB MSR are again the firmware's$",
    r"sevc-uefi: application mode: good$",
    r"^status 0x0$",  # the shell is back
    r">\s+sevc\.efi kernel$",
    r"sevc-uefi: this machine is no SEV-ES guest",
    r"sevc-uefi: ExitBootServices: a kernel now$",
    *WORK,
    r"sevc-uefi: kernel mode: good$",
]
NEVER = ["DIFFERENT", "FAILED", "NOT", "#VC 0x"]

STARTUP = ("fs0:\r\nsevc.efi\r\necho status %lasterror%\r\n"
           "if %lasterror% == 0x0 then\r\n  sevc.efi kernel\r\nendif\r\n")


def disk(folder, application):
    """A directory that QEMU shows as a FAT disk."""
    path = pathlib.Path(folder) / "disk"
    path.mkdir()
    shutil.copy(application, path / "sevc.efi")
    (path / "startup.nsh").write_text(STARTUP, encoding="ascii", newline="")
    return path


def judge(console, wanted):
    """The complaints about a console's text."""
    lines = [ESCAPES.sub("", line).rstrip() for line in re.split(r"[\r\n]+", console)]
    complaints = [f"'{word}' in: {line}" for line in lines for word in NEVER
                  if "sevc-uefi" in line and word in line]
    at = 0
    for pattern in wanted:
        while at < len(lines) and not re.search(pattern, lines[at]):
            at += 1
        if at == len(lines):
            complaints.append(f"no line like '{pattern}' where it was due")
            break
        at += 1
    return complaints


def native(application, folder):
    command = ["qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-cpu", "EPYC", "-m", "256",
               "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", "-bios", OVMF,
               "-drive", f"format=raw,file=fat:rw:{disk(folder, application)}",
               "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
    console = result.stdout.decode("utf-8", errors="replace")
    complaints = judge(console, NATIVE)
    if result.returncode != EXIT_GOOD:
        complaints.append(f"QEMU ended with status {result.returncode}, not {EXIT_GOOD}")
    return console, complaints


MODES = {"native": native}


def main(argv):
    if len(argv) != 3 or argv[2] not in MODES:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    if not os.path.exists(OVMF):
        print(f"{OVMF}: not there: run scripts/setup, or apt-get install ovmf", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        console, complaints = MODES[argv[2]](argv[1], folder)
    print(ESCAPES.sub("", console))
    for complaint in complaints:
        print(f"run_uefi: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
