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


def count(report, code):
    return sum(c.get("vc", 0) for c in report["counts"] if c.get("exit") == code)


def test_shell(options, folder):
    """From the reset vector to the shell, which executes a script from a disk and powers off."""
    disk = script(folder, "echo The shell is here", "ver", "reset -s")
    status, console, report = run(options, "--disk", disk)
    expect_power_off(status, report)
    expect("\nThe shell is here" in console, "the shell did not speak")
    expect("UEFI Interactive Shell" in console, "no shell")
    expect(set(report["concessions"]) == CONCESSIONS, f"spared: {report['concessions']}")
    for code in (IOIO, CPUID, MSR):
        expect(count(report, code) > 100, f"few exits 0x{code:x}: was this an SEV-ES guest?")


TESTS = {"shell": test_shell}


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
