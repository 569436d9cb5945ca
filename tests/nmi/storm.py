#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The example kernel in a storm of NMIs and interrupts: storm.py BUILD_DIR SEED CPUS OPTION...

It must come through, break no rule, and every #VC and every VMGEXIT that the monitor has counted must
be in the guest's own books, the sum of its CPUs'. Every NMI that was taken up is completed or pending.
"""

import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
LEAST_NMIS = 100


def demo_table():
    path = os.path.join(ROOT, "scripts", "demo-table")
    loader = importlib.machinery.SourceFileLoader("demo_table", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("demo_table", loader))
    loader.exec_module(module)
    return module


def run(build, seed, cpus, options):
    command = [sys.executable, "-B", os.path.join(ROOT, "tools", "sevc-run"), "--report", "json",
               "--timeout", "200", "--seed", seed, "--cpus", cpus, *options,
               "--append", f"test=storm seed={seed} rounds=5",
               os.path.join(build, "examples", "kernel", "example_kernel.elf")]
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace",
                          stdin=subprocess.DEVNULL, check=False,
                          env=dict(os.environ, SEVC_BUILD_DIR=build))


def complaints(result):
    if result.returncode != 0:
        return [f"sevc-run ended with {result.returncode}"]
    table = demo_table()
    guest, guest_totals = table.read_guest(result.stderr)
    monitor, monitor_totals, violations = table.read_monitor(json.loads(result.stdout))
    found = [f"{table.code_text(key)}: guest {guest.get(key)}, monitor {monitor.get(key)}"
             for key in sorted(guest.keys() | monitor.keys()) if guest.get(key) != monitor.get(key)]
    if guest_totals != monitor_totals:
        found.append(f"totals: guest {guest_totals}, monitor {monitor_totals}")
    if violations:
        found.append(f"{violations} violations")
    cpus = re.findall(r"^cpu \d+: (\d+) #VC", result.stderr, re.MULTILINE)
    if cpus and 0 in map(int, cpus):
        found.append("a CPU has handled nothing")
    nmis = monitor.get(("exit", 0x80000003), (0, 0))[1]
    if nmis < LEAST_NMIS:
        found.append(f"only {nmis} NMIs: that was no storm")
    return found


def main(argv):
    result = run(argv[1], argv[2], argv[3], argv[4:])
    found = complaints(result)
    if found:
        print(result.stderr, result.stdout, sep="\n")
    for complaint in found:
        print("FAILED:", complaint)
    print("\n".join(line for line in result.stderr.splitlines() if "seed" in line))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
