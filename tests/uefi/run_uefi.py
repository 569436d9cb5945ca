#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The example UEFI application under stock OVMF; the shell's startup script runs it in both its modes.

    run_uefi.py SEVC_EFI native     on a machine that is no SEV-ES guest
    run_uefi.py SEVC_EFI sev-es     as an SEV-ES guest of the emulated platform (tools/sevc-run)
    run_uefi.py SEVC_EFI loader KERNEL.elf
                                    likewise; it loads and starts examples/kernel
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SEVC_RUN = str(HERE.parent.parent / "tools" / "sevc-run")
OVMF = "/usr/share/ovmf/OVMF.fd"
SECONDS = 800  # half a minute where nothing else runs; five seconds of it the shell's own wait
# Time counts instructions, 4 ns each: the firmware's timer does not wait for a machine that is busy.
ICOUNT = "2"
ESCAPES = re.compile(r"\x1b\[[0-9;=?]*[A-Za-z]")
EXIT_GOOD = 1  # isa-debug-exit: 2 * status + 1, the status being 0 (kernel.c)

# Each line must come, in this order. In between may be anything.


def work(bridge):
    return [r"CPUID EAX:EBX: 0x[0-9a-f]+ by the instruction, 0x[0-9a-f]+ by the call$",
            r"MSR 0x1B: 0xfee00900 by the instruction, 0xfee00900 by the call$",
            rf"PCI 0:0\.0: 0x{bridge}8086 by the instruction, 0x{bridge}8086 by the call$",
            r"IOAPIC version: 0x[0-9a-f]+ by the instruction, 0x[0-9a-f]+ by the call$"]


def expected(found, bridge, others, table):
    """found: what the application finds itself to be; others: what it says of other processors; table:
    the lines of its table of exits."""
    return [
        r">\s+sevc\.efi$",
        # What docs/uefi.md says of EDK2: it is accepted, and never called.
        r"a handler for vector 29: registered with status 0x0, called 0 times in 10 CPUIDs$",
        found,
        *work(bridge),
        r"firmware's timer: 5 ticks$",
        r"firmware's variables: written and read$",
        *others,
        *table,
        r"sevc-uefi: IDT and GHCB MSR are again the firmware's$",
        r"sevc-uefi: application mode: good$",
        r"^status 0x0$",  # the shell is back
        r">\s+sevc\.efi kernel$",
        found,
        r"sevc-uefi: ExitBootServices: a kernel now$",
        *work(bridge),
        *table,
        r"sevc-uefi: kernel mode: good$",
    ]


NATIVE = r"sevc-uefi: this machine is no SEV-ES guest: the same work, natively$"
SEV_ES = (r"sevc-uefi: SEV-ES guest, protocol version 2, C-bit \d+; vector 29 is sevc's, "
          r"the GHCB is the firmware's at 0x[0-9a-f]+$")
# docs/uefi.md: the firmware's, when it has come so far.
OTHERS = r"another processor, with the firmware's IDT: its CPUID was served$"
HEAD = r"^exit +#VC +VMGEXITs +instructions$"
ROW = re.compile(r"^(0x[0-9a-f]+) +(\d+) +(\d+) +(.+)$")
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


def lines_of(console):
    return [ESCAPES.sub("", line).rstrip() for line in re.split(r"[\r\n]+", console)]


def judge(lines, wanted):
    """The complaints about a console."""
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


def judge_tables(lines, monitor):
    """What the guest has counted: enough of each, and no more than the monitor, which saw all."""
    least = {0x72: 4, 0x7B: 200, 0x7C: 4, 0x400: 4}  # work.c, and each letter on the console
    heads = [number for number, line in enumerate(lines) if re.search(HEAD, line)]
    complaints, total = [], {}
    for head in heads:
        rows = [ROW.match(line) for line in lines[head + 1:head + 17]]
        rows = {int(row[1], 16): int(row[2]) for row in rows if row}
        for code, count in rows.items():
            total[code] = total.get(code, 0) + count
        complaints += [f"{rows.get(code, 0)} exits {code:#x}, at least {count} were due"
                       for code, count in least.items() if rows.get(code, 0) < count]
    if len(heads) != 2:
        complaints.append(f"{len(heads)} tables of exits, not 2")
    complaints += [f"{count} exits {code:#x}, but the monitor has seen only {monitor.get(code, 0)}"
                   for code, count in total.items() if count > monitor.get(code, 0)]
    return complaints


def native(application, folder):
    command = ["qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-cpu", "EPYC", "-m", "256",
               "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", "-bios", OVMF,
               "-drive", f"format=raw,file=fat:rw:{disk(folder, application)}",
               "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
    console = result.stdout.decode("utf-8", errors="replace")
    complaints = judge(lines_of(console), expected(NATIVE, "29c0", [], []))
    if result.returncode != EXIT_GOOD:
        complaints.append(f"QEMU ended with status {result.returncode}, not {EXIT_GOOD}")
    return console, complaints


def boot(folder, machine, cpus):
    """Console, report, complaints."""
    command = [sys.executable, "-B", SEVC_RUN, "--report", "json", "--timeout", str(SECONDS),
               "--machine", machine, "--cpus", str(cpus), "--firmware", OVMF, "--disk", str(folder),
               "--icount", ICOUNT]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    report = json.loads(result.stdout) if result.stdout else {"words": "no report", "counts": []}
    complaints = []
    if result.returncode != 0 or report.get("violations"):
        complaints = [f"status {result.returncode}: {report['words']}: {report.get('violations')}"]
    return result.stderr.decode("utf-8", errors="replace"), report, complaints


def sev_es(application, folder):
    console, report, complaints = boot(disk(folder, application), "pc", 2)
    lines = lines_of(console)
    monitor = {row["exit"]: row.get("vc", 0) for row in report["counts"] if "exit" in row}
    complaints += judge(lines, expected(SEV_ES, "1237", [OTHERS], [HEAD])) + judge_tables(lines, monitor)
    return console + json.dumps(report), complaints


def loader(application, folder, kernel):
    place = disk(folder, application)
    shutil.copy(kernel, place / "kernel.elf")
    (place / "startup.nsh").write_text("fs0:\r\nsevc.efi load none.elf\r\n"
                                       "echo status %lasterror%\r\nsevc.efi load kernel.elf\r\n",
                                       encoding="ascii", newline="")
    console, report, complaints = boot(place, "q35", 1)
    complaints += judge(lines_of(console), [
        r"> *sevc\.efi load none\.elf$",
        r"sevc-uefi: cannot load the kernel: no such file$",
        r"sevc-uefi: IDT and GHCB MSR are again the firmware's$",
        r"^status 0x[0-9a-f]*[1-9a-f]",
        r"> *sevc\.efi load kernel\.elf$",
        SEV_ES,
        r"^sevc example kernel: \d+ MiB of RAM, C-bit \d+, GHCB protocol 2, features 0x0$",
        r"^  20 timer interrupts of 5 ms",
        r"^All is well\.$",
    ])
    return console + json.dumps(report), complaints


MODES = {"native": native, "sev-es": sev_es, "loader": loader}


def main(argv):
    if len(argv) < 3 or argv[2] not in MODES or len(argv) != (4 if argv[2] == "loader" else 3):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    if not os.path.exists(OVMF):
        print(f"{OVMF}: not there: run scripts/setup, or apt-get install ovmf", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        console, complaints = MODES[argv[2]](argv[1], folder, *argv[3:])
    print(ESCAPES.sub("", console))
    for complaint in complaints:
        print(f"run_uefi: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
