#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The example kernel in a storm of NMIs and interrupts.

usage: storm.py BUILD_DIR SEED CPUS WORD... [OPTION...]        OPTION: sevc-run's

Words: rounds=N or seconds=N, how long; kernel=ELF, another than the example; broken=REGEX: the kernel has
a bug, and the complaints about it must match.

It must come through, and break no rule. What was begun is ended: every #VC and every VMGEXIT that the
monitor has counted is in the guest's own books, the sum of its CPUs'; every NMI that the monitor has
taken up is completed, pending or dropped, and the guest's handler has seen each once. GHCBs that NMIs
have found in use (there must be some) hold afterwards what they held before: the kernel looks.
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


def run(build, seed, cpus, words, options):
    duration = "seconds" if "seconds" in words else "rounds"
    number = int(words[duration])
    kernel = words.get("kernel", os.path.join(build, "examples", "kernel", "example_kernel.elf"))
    command = [sys.executable, "-B", os.path.join(ROOT, "tools", "sevc-run"), "--report", "json",
               "--timeout", str(2 * number + 200 if duration == "seconds" else 250),
               "--seed", seed, "--cpus", cpus, *options,
               "--append", f"test=storm seed={seed} {duration}={number}", kernel]
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace",
                          stdin=subprocess.DEVNULL, check=False,
                          env=dict(os.environ, SEVC_BUILD_DIR=build))


def complaints(result):
    if result.returncode != 0:
        words = json.loads(result.stdout)["words"] if result.stdout else ""
        said = re.findall("panic: .*|FAILED: .*", result.stderr)
        return [f"sevc-run ended with {result.returncode}: {words}"] + said
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
    interrupted = re.findall(r"^  (\d+) NMIs found a GHCB in use", result.stderr, re.MULTILINE)
    if not interrupted or int(interrupted[0]) == 0:
        found.append("no NMI has found a GHCB in use")
    return found + list(nmi_complaints(result))


def nmi_complaints(result):
    """What arrived is what was sent, but for what is kept, or was dropped by an INIT."""
    handled = {int(cpu): int(count) for cpu, count in
               re.findall(r"^cpu (\d+): .*, (\d+) NMIs", result.stderr, re.MULTILINE)}
    for line in json.loads(result.stdout)["nmis"]:
        cpu, sent, completed, pending, dropped, kept = (
            int(line[key]) for key in ("cpu", "sent", "completed", "pending", "dropped", "kept"))
        if sent != completed + pending + dropped:
            yield f"NMIs are lost: {line}"
        if cpu in handled and handled[cpu] != sent - kept - dropped:
            yield f"cpu {cpu} has handled {handled[cpu]} NMIs: {line}"


def main(argv):
    words = dict(a.split("=", 1) for a in argv[4:] if re.match("[a-z]+=", a))
    if len(argv) < 5 or not words.keys() & {"rounds", "seconds"}:
        sys.exit(__doc__)
    result = run(*argv[1:4], words, [a for a in argv[4:] if not re.match("[a-z]+=", a)])
    found = complaints(result)
    if "broken" in words:
        print(*found, sep="\n")
        return 0 if re.search(words["broken"], "\n".join(found)) else 1
    if found:
        print(result.stderr, result.stdout, sep="\n")
    for complaint in found:
        print("FAILED:", complaint)
    print("\n".join(line for line in result.stderr.splitlines() if "seed" in line))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
