#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Boots Debian's stock OVMF with tools/sevc-run; what it says and how it ends must be as named here."""

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
SEVC_RUN = os.path.join(HERE, "..", "..", "tools", "sevc-run")
FIRMWARE = "/usr/share/ovmf/OVMF.fd"
# What a stock OVMF needs, and nothing else (docs/firmware.md).
CONCESSIONS = {f"allow {name}" for name in ("version-zero", "unscrubbed", "wide-registers",
                                            "rax-with-in", "encrypted-mmio")}
CONCESSIONS_Q35 = CONCESSIONS | {"allow lost-rbp", "allow interrupts-on"}
# Time counts instructions, 4 ns each: the firmware's timer does not wait for a machine that is busy.
ICOUNT = "2"
IOIO, CPUID, MSR = 0x7B, 0x72, 0x7C
RESET_HOLD, JUMP_TABLE = 0x80000004, 0x80000005
VIOLATION, TERMINATED, TRIPLE_FAULT = 11, 12, 13  # of sevc-run


class Failure(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failure(text)


def run(options, *arguments, clock=("--icount", ICOUNT), firmware=FIRMWARE):
    """Result: exit status, console, JSON report."""
    command = [sys.executable, "-B", SEVC_RUN, "--report", "json", "--timeout", "800", *clock,
               "--machine", options.machine, "--firmware", firmware, *arguments]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace",
                            stdin=subprocess.DEVNULL, check=False)
    print(result.stderr)
    expect(result.stdout, f"no report, status {result.returncode}")
    report = json.loads(result.stdout)
    print(json.dumps({key: report[key] for key in ("verdict", "words", "concessions", "counts",
                                                   "totals", "seconds",
                                                   "compared")}))
    return result.returncode, result.stderr, report


def script(folder, *lines):
    """A disk whose startup.nsh the shell executes."""
    with open(os.path.join(folder, "startup.nsh"), "w", encoding="ascii", newline="\r\n") as file:
        file.write("\n".join(lines) + "\n")
    return folder


def expect_power_off(status, report):
    expect(status == 0, f"status {status}, not 0: {report['words']}")
    expect(report["words"] == "the guest powered off", report["words"])
    expect(not report["violations"], f"violations: {report['violations']}")


def count(report, code, column="vc"):
    return sum(c.get(column, 0) for c in report["counts"] if c.get("exit") == code)


def said(console, text):
    return f"\n{text}\n" in console.replace("\r", "")


def test_vars(options, folder):
    """From the reset vector to the shell, twice: what it stores in its flash is there again."""
    flash = os.path.join(folder, "vars.fd")
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    script(disk, "echo The shell is here", "ver", "set sevc kept", "reset -s")
    status, console, report = run(options, "--disk", disk, "--vars", flash,
                                  "--compare", "UEFI Interactive Shell", clock=())
    expect_power_off(status, report)
    expect(said(console, "The shell is here"), "the shell did not speak")
    expect("UEFI Interactive Shell" in console, "no shell")
    expect(set(report["concessions"]) == CONCESSIONS, f"spared: {report['concessions']}")
    for code in (IOIO, CPUID, MSR):
        expect(count(report, code) > 100, f"few exits 0x{code:x}: was this an SEV-ES guest?")
    cost = report["compared"]
    expect(cost is not None and cost["processor_seconds"] > cost["processor_seconds_without"] > 0,
           f"no comparison: {cost}")
    for name in ("exits", "vc", "vmgexit", "flips"):
        expect(0 < cost[name] <= report["totals"][name], f"no {name} at the banner: {cost}")
    expect(cost["exits"] < report["totals"]["exits"], "the banner was the last that happened")
    print(f"firmware to the shell's banner: {cost['ratio']:.2f} times the processor time without the "
          f"monitor, {cost['exits']} exits of SVM, {cost['vc']} #VC, {cost['vmgexit']} VMGEXITs; "
          f"and off: {report['totals']['exits']} exits, {report['totals']['vc']} #VC")
    with open(FIRMWARE, "rb") as first, open(flash, "rb") as now:
        expect(now.read() != first.read(os.path.getsize(flash)), "nothing was stored")

    # A variable that the first run alone can have set. Without the file it is not there.
    script(disk, "echo sevc=%sevc%", "reset -s")
    status, console, report = run(options, "--disk", disk, "--vars", flash)
    expect_power_off(status, report)
    expect(said(console, "sevc=kept"), "the variable is not there any more")


TRACE_HEADER, RECORD = 40, struct.Struct("<IIHHII")  # docs/trace-format.md
EXCEPTION, PAGE_SENT, PAGE_RETURNED, MSR_SENT, LOST = 2, 5, 6, 7, 10


def record_types(path):
    """How many records of each type; every one must be there."""
    found, at, last = {}, TRACE_HEADER, 0
    with open(path, "rb") as file:
        data = file.read()
    while at < len(data):
        _, length, kind, _, number, _ = RECORD.unpack_from(data, at)
        expect(length >= RECORD.size and at + length <= len(data), f"record {number} is cut")
        expect(number == last + 1, f"record {number} behind {last}")
        found[kind] = found.get(kind, 0) + 1
        at, last = at + length, number
    return found


def test_trace(options, folder):
    """A trace of all of it: each exception and each VMGEXIT that the monitor has counted."""
    path = os.path.join(folder, "trace")
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    script(disk, "echo The shell is here", "reset -s")
    status, console, report = run(options, "--disk", disk, "--trace", path)
    expect_power_off(status, report)
    expect(said(console, "The shell is here"), "the shell did not speak")
    types, totals = record_types(path), report["totals"]
    print(f"trace: {os.path.getsize(path)} bytes, {sum(types.values())} records: {types}")
    expect(types[EXCEPTION] == totals["vc"] > 10000, f"{totals['vc']} #VC")
    expect(types[PAGE_SENT] + types[MSR_SENT] == totals["vmgexit"], f"{totals['vmgexit']} VMGEXITs")
    expect(types[PAGE_SENT] == types[PAGE_RETURNED] and LOST not in types, "records are missing")


def test_smp(options, folder):
    """The firmware starts the other processor, and publishes its AP jump table."""
    disk = script(folder, "echo The shell is here", "reset -s")
    status, console, report = run(options, "--disk", disk, "--cpus", "2")
    expect_power_off(status, report)
    expect(said(console, "The shell is here"), "the shell did not speak")
    spared = CONCESSIONS_Q35 if options.machine == "q35" else CONCESSIONS
    expect(set(report["concessions"]) == spared, f"spared: {report['concessions']}")
    expect(count(report, RESET_HOLD, "vmgexit") > 0, "no AP reset hold")
    expect(count(report, JUMP_TABLE, "vmgexit") == 1, "no AP jump table")
    other = report["processors"][1]
    expect(int(other["vc"]) > 100 and other["state"] == "held", f"the other processor: {other}")


def test_grub(options, folder):
    """Debian's GRUB, from an ISO, starts the example kernel as a multiboot2 image."""
    tree = os.path.join(folder, "tree")
    os.makedirs(os.path.join(tree, "boot", "grub"))
    shutil.copy(options.kernel, os.path.join(tree, "boot", "kernel.elf"))
    with open(os.path.join(tree, "boot", "grub", "grub.cfg"), "w", encoding="ascii") as file:
        file.write("echo GRUB is here\nmultiboot2 /boot/kernel.elf from=grub\nboot\n")
    iso = os.path.join(folder, "grub.iso")
    subprocess.run(["grub-mkrescue", "-o", iso, "--locales=", "--fonts=", "--themes=",
                    "--install-modules=normal multiboot2 echo iso9660 boot", tree],
                   check=True, capture_output=True, stdin=subprocess.DEVNULL)
    status, console, report = run(options, "--disk", iso)
    expect(status == 0, f"status {status}, not 0: {report['words']}")
    expect(not report["violations"], f"violations: {report['violations']}")
    expect(said(console, "GRUB is here"), "GRUB did not speak")
    for text in ("command line: from=grub", "All is well."):
        expect(said(console, text), f"the kernel did not say '{text}'")


def test_planted(options, _folder):
    """A monitor with one wrong constant (tests/linux): the stock guest must notice."""
    status, _, report = run(options, "--monitor-rom", options.planted)
    expect(status in (VIOLATION, TERMINATED, TRIPLE_FAULT), f"status {status}: {report['words']}")


def test_flash(options, folder):
    """Firmware of our own (tiny.S) erases a block of its flash and programs a byte."""
    flash = os.path.join(folder, "vars.fd")
    status, console, report = run(options, "--vars", flash, firmware=options.tiny)
    expect(status == 0, f"status {status}, not 0: {report['words']}")
    expect(not report["violations"], f"violations: {report['violations']}")
    expect("flash: erased and programmed\n" in console.replace("\r", ""), "nothing on the console")
    with open(options.tiny, "rb") as first, open(flash, "rb") as now:
        wanted = first.read(4096) + b"\xFFk" + b"\xFF" * 4094
        expect(now.read() == wanted, "the flash's file has something else")


TESTS = {"vars": test_vars, "flash": test_flash, "smp": test_smp, "grub": test_grub,
         "trace": test_trace, "planted": test_planted}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("test", choices=sorted(TESTS))
    parser.add_argument("--machine", default="pc")
    parser.add_argument("--kernel", help="the example kernel as a multiboot2 image")
    parser.add_argument("--tiny", help="tiny.S, built")
    parser.add_argument("--planted", help="the wrong monitor's ROM")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            TESTS[options.test](options, folder)
        except Failure as failure:
            print(f"FAILED: {failure}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
