#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""One mode of the malicious host against the victim, or against the example kernel.

usage: run_hostile.py victim|window|kernel ELF MODE[,MODE] [option=value...]
       run_hostile.py honest ELF FILE
       run_hostile.py modes

victim: one boot; option test=NAME is the victim's. It counts for itself what has gone wrong.
window: #VC injected at each instruction of the entry's window, a boot each: the end, or no harm.
kernel: a guest that knows nothing of the host's plans, with several seeds: an honest end each time,
        and more than no lies told. seeds=N: how many; statuses=N,N: the ends that are right; KEY+=N:
        so much more of KEY with each seed; same=FILE: all that the guest says until its end is what
        it says under an honest host, and a failure says why.
honest: writes that FILE.
modes:  the lists of modes in monitor, launcher and documentation are the same.
"""

import json
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
SEVC_RUN = os.path.join(ROOT, "tools", "sevc-run")
DOCUMENT = os.path.join(ROOT, "docs", "hostile.md")

SUCCESS, FAILURE, TERMINATED, TRIPLE_FAULT, ERROR = 0, 10, 12, 13, 15


def sevc_run(kernel, mode, append, options, seconds=500):
    command = [sys.executable, "-B", SEVC_RUN, "--report", "json", "--rdtsc", "intercept",
               "--timeout", str(seconds), "--hostile", mode]
    if append:
        command += ["--append", append]
    for option in options:
        key, _, value = option.partition("=")
        command += ([f"--{key}", value] if key in ("seed", "lies", "at", "cpus")
                    else ["--hostile-option", option])
    result = subprocess.run(command + [kernel], capture_output=True, encoding="utf-8",
                            errors="replace", stdin=subprocess.DEVNULL, check=False)
    try:
        report = json.loads(result.stdout)
    except ValueError:
        report = {"words": "no report"}
    return result.returncode, result.stderr, report


def lies(report):
    return sum(int(mode["lies"]) for mode in report.get("hostile", []))


def show(name, status, console, report):
    print(f"{name}: status {status}, {report['words']}")
    for mode in report.get("hostile", []):
        print("  hostile " + " ".join(f"{key}={value}" for key, value in mode.items()))
    for violation in report.get("violations", []):
        print(f"  violation: {violation.get('rule')}: {violation.get('text')}")
    print("".join(f"  | {line}\n" for line in console.splitlines()[-60:]), end="", flush=True)


def split(arguments):
    """The victim's own words, and the host's."""
    words = ("test", "first", "stride", "last", "block")
    own = [a for a in arguments if a.partition("=")[0] in words]
    return own, [a for a in arguments if a not in own and a.partition("=")[0] != "status"]


# ---- The entry's window (docs/entry.md): found by its instructions, whose labels are local ----


def window(kernel):
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", kernel], capture_output=True,
                             encoding="utf-8", check=True).stdout
    code = re.findall(r"(?m)^([0-9a-f]+) <(\w+)>:$|^ *([0-9a-f]+):\t(.*?)\s*$", listing)
    addresses = [(int(c[2], 16), re.sub(r"\s+", " ", c[3])) for c in code if c[2]]
    entry = next(int(c[0], 16) for c in code if c[1] == "sevc_vc_entry")
    before = [a for a in addresses if entry - 16 <= a[0] < entry]
    first = next(a[0] for a in before if a[1] == "pop %r15")
    last = next(a[0] for a in addresses if a[0] > entry and a[1] == "push %r14")
    count = sum(first <= a[0] < last for a in addresses)
    return first, last, count


def avoid(kernel):
    first, last, _ = window(kernel)
    return f"avoid={first:#x}-{last:#x}"


# ---- The four ways to run ----


def run_victim(kernel, mode, arguments):
    wanted = int(next((a[7:] for a in arguments if a.startswith("status=")), SUCCESS))
    own, options = split(arguments)
    if mode.startswith("inject-"):
        options.append(avoid(kernel))
    status, console, report = sevc_run(kernel, mode, " ".join(own), ["arm=guest"] + options)
    show(mode, status, console, report)
    return status == wanted and lies(report) > 0


def run_window(kernel, mode, arguments):
    """The outer frame may be lost: the guest ends itself, or it goes on unharmed."""
    first, last, count = window(kernel)
    own, options = split(arguments)
    ended = survived = 0
    good = True
    for number in range(4 * count):
        append = " ".join(own + [f"first={number}", f"last={number}"])
        status, console, report = sevc_run(
            kernel, mode, append, ["arm=guest", f"rip={first:#x}-{last:#x}"] + options, seconds=60)
        if status == ERROR and "nothing to lie about" in report["words"]:
            break
        ended += status == TERMINATED and "set 0, code 0" in report["words"]
        survived += status == SUCCESS
        if status not in (SUCCESS, TERMINATED):
            show(f"instruction {number}", status, console, report)
            good = False
            break
    print(f"window {first:#x} to {last:#x}, {count} instructions: #VC injected {number} times, "
          f"{ended} ended by the guest, {survived} unharmed")
    return good and ended + survived == number and ended > 0


# Lines of the example kernel in which time shows: without their numbers.
VOLATILE = re.compile(r"ticks between|cycles apart|timer interrupts|RDTSC advanced|^sevc-")
RECORD = re.compile(r"(?m)^panic: #VC exit 0x\w+ at 0x\w+ \(CPL [03]\): [A-Z_]+, stage [A-Z_]+, "
                    r"reason (?!NONE)[A-Z_]+$")
LAST_WORDS = re.compile(r"(?m)^\n?^(panic|exception \d+)[:,]")


def lines_of(console):
    return [re.sub(r"\d+", "N", line) if VOLATILE.search(line) else line
            for line in console.replace("\r", "").split("\n")]


def what_differs(console, honest):
    """The first line that is not said under an honest host; of the last, the end may be missing."""
    last_words = LAST_WORDS.search(console)
    said = lines_of(console[:last_words.start()] if last_words else console)
    while said and said[-1] == "":
        said.pop()
    for number, line in enumerate(said):
        wanted = honest[number] if number < len(honest) else ""
        cut = number == len(said) - 1 and (wanted.startswith(line) or VOLATILE.search(wanted))
        if line != wanted and not cut:
            return f"line {number + 1} is {line!r} instead of {wanted!r}"
    return None


def kernel_complaints(status, console, report, statuses, honest):
    # Before it has an IDT nothing can save a guest from a #VC: it does not run at all.
    too_early = status == TRIPLE_FAULT and "no entry 29" in report["words"]
    if status not in statuses and not too_early:
        yield f"status {status}"
    if lies(report) == 0:
        yield "no lies told"
    if honest is None:
        if status == FAILURE and not re.search("panic|FAILED", console):
            yield "no word of what has failed"
        return
    if status == FAILURE and not RECORD.search(console):
        yield "the record of the error is missing"
    different = what_differs(console, honest)
    if different:
        yield different


def run_kernel(kernel, mode, arguments):
    own = dict(a.split("=", 1) for a in arguments
               if a.partition("=")[0] in ("seeds", "statuses", "same"))
    options = [a.partition("=") for a in arguments if a.partition("=")[0] not in own]
    statuses = [int(s) for s in own.get("statuses", "10,12").split(",")]
    honest = None
    if "same" in own:
        with open(own["same"], encoding="utf-8") as file:
            honest = file.read().splitlines()
    told, wrong = 0, 0
    for seed in range(1, int(own.get("seeds", 3)) + 1):
        values = {key: value for key, _, value in options if not key.endswith("+")}
        for key, _, value in options:
            if key.endswith("+"):
                values[key[:-1]] = str(int(values[key[:-1]]) + (seed - 1) * int(value))
        status, console, report = sevc_run(
            kernel, mode, "", [f"seed={seed}"] + [f"{k}={v}" for k, v in values.items()], 120)
        complaints = list(kernel_complaints(status, console, report, statuses, honest))
        print(f"seed {seed}: ", end="")
        show(mode, status, "\n".join(console.splitlines()[-6:]), report)
        for complaint in complaints:
            print(f"  WRONG: {complaint}")
        told, wrong = told + lies(report), wrong + len(complaints)
    print(f"{mode}: {told} lies told")
    return wrong == 0


def run_honest(kernel, path):
    command = [sys.executable, "-B", SEVC_RUN, "--report", "json", "--rdtsc", "intercept", kernel]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace",
                            stdin=subprocess.DEVNULL, check=False)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines_of(result.stderr)))
    print(result.stderr)
    return result.returncode == SUCCESS and "All is well." in result.stderr


def run_modes():
    source = ""
    for part in ("reply", "cpuid", "response", "inject"):
        path = os.path.join(ROOT, "emulator", f"hostile_{part}.c")
        with open(path, encoding="utf-8") as file:
            source += file.read()
    monitor = sorted(set(re.findall(r'\{ "([\w-]+)", HOSTILE_AT_', source)))
    listed = subprocess.run([sys.executable, "-B", SEVC_RUN, "--hostile", "list"],
                            capture_output=True, encoding="utf-8", check=True).stdout
    launcher = sorted(line.split()[0] for line in listed.splitlines())
    with open(DOCUMENT, encoding="utf-8") as file:
        document = sorted(re.findall(r"(?m)^\| `([\w-]+)` \|", file.read()))
    print("monitor: ", *monitor)
    print("launcher:", *launcher)
    print("document:", *document)
    return monitor == launcher == document and len(monitor) > 0


def main(argv):
    if argv[1:2] == ["modes"]:
        return 0 if run_modes() else 1
    if len(argv) < 4:
        sys.exit(__doc__)
    if argv[1] == "honest":
        return 0 if run_honest(*argv[2:]) else 1
    run = {"victim": run_victim, "window": run_window, "kernel": run_kernel}[argv[1]]
    good = run(argv[2], argv[3], argv[4:])
    print("good" if good else "FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
