#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Boots Debian's stock OVMF with tools/sevc-run; what it says and how it ends must be as named here."""

import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
SEVC_RUN = os.path.join(HERE, "..", "..", "tools", "sevc-run")
FIRMWARE = "/usr/share/ovmf/OVMF.fd"
# What a stock OVMF needs, and nothing else (docs/firmware.md).
CONCESSIONS = {f"allow {name}" for name in ("version-zero", "unscrubbed", "wide-registers",
                                            "rax-with-in", "encrypted-mmio")}
IOIO, CPUID, MSR = 0x7B, 0x72, 0x7C
RESET_HOLD, JUMP_TABLE = 0x80000004, 0x80000005


class Failure(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failure(text)


def run(options, *arguments):
    """Result: exit status, console, JSON report."""
    command = [sys.executable, "-B", SEVC_RUN, "--report", "json", "--timeout", "800",
               "--machine", options.machine, "--firmware", FIRMWARE, *arguments]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace",
                            stdin=subprocess.DEVNULL, check=False)
    print(result.stderr)
    expect(result.stdout, f"no report, status {result.returncode}")
    report = json.loads(result.stdout)
    print(json.dumps({key: report[key] for key in ("verdict", "words", "concessions", "counts",
                                                   "totals", "seconds",
                                                   "seconds_without_monitor")}))
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
    status, console, report = run(options, "--disk", disk, "--vars", flash, "--compare")
    expect_power_off(status, report)
    expect(said(console, "The shell is here"), "the shell did not speak")
    expect("UEFI Interactive Shell" in console, "no shell")
    expect(set(report["concessions"]) == CONCESSIONS, f"spared: {report['concessions']}")
    for code in (IOIO, CPUID, MSR):
        expect(count(report, code) > 100, f"few exits 0x{code:x}: was this an SEV-ES guest?")
    ratio = report["seconds"] / report["seconds_without_monitor"]
    print(f"firmware to shell and off: {report['totals']['exits']} exits of SVM, "
          f"{report['totals']['vc']} #VC, {ratio:.2f} times as long as without the monitor")
    with open(FIRMWARE, "rb") as first, open(flash, "rb") as now:
        expect(now.read() != first.read(os.path.getsize(flash)), "nothing was stored")

    # A variable that the first run alone can have set. Without the file it is not there.
    script(disk, "echo sevc=%sevc%", "reset -s")
    status, console, report = run(options, "--disk", disk, "--vars", flash)
    expect_power_off(status, report)
    expect(said(console, "sevc=kept"), "the variable is not there any more")


def test_smp(options, folder):
    """The firmware starts the other processor, and publishes its AP jump table."""
    disk = script(folder, "echo The shell is here", "reset -s")
    status, console, report = run(options, "--disk", disk, "--cpus", "2")
    expect_power_off(status, report)
    expect(said(console, "The shell is here"), "the shell did not speak")
    spared = CONCESSIONS | ({"allow lost-rbp"} if options.machine == "q35" else set())
    expect(set(report["concessions"]) == spared, f"spared: {report['concessions']}")
    expect(count(report, RESET_HOLD, "vmgexit") > 0, "no AP reset hold")
    expect(count(report, JUMP_TABLE, "vmgexit") == 1, "no AP jump table")
    other = report["processors"][1]
    expect(int(other["vc"]) > 100 and other["state"] == "held", f"the other processor: {other}")


TESTS = {"vars": test_vars, "smp": test_smp}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("test", choices=sorted(TESTS))
    parser.add_argument("--machine", default="pc")
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
