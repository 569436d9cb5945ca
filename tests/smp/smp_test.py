#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the platform's guests with several processors and with NMIs.

usage: smp_test.py ROM SMP-GUEST.elf GROUP|CASE...

Each case must end with its verdict, and its report must conserve every count: the processors' add
up to the totals, and each NMI taken up is completed, pending or dropped.
"""

import os
import re
import subprocess
import sys
import tempfile

SECONDS = 150
SUCCESS = r"success$"
FORGOTTEN = r"success nmi-complete-missing=0$"

# group: {name: (case, processors, configuration, verdict, pattern for the report)}
GROUPS = {
    "start": {
        "one": ("one", 1, "", SUCCESS, r"\Asevc-monitor(?!.*(processor|nmi) cpu)"),
        "start-2": ("start", 2, "", SUCCESS, r"event=wake\n.*event=sipi ignored: not in AP reset"),
        "start-4": ("start", 4, "", SUCCESS, r"(?s)cpu=1 .*wake.*cpu=2 .*wake.*cpu=3 .*wake"),
        "start-8": ("start", 8, "log=0", SUCCESS, r"processor cpu=7 vc=1 "),
        "start-9": ("start", 9, "", r"error 9 processors; at most 8", ""),
        "parallel-2": ("parallel", 2, "log=0", SUCCESS, r"count exit=0x72 vc=2000 vmgexit=2000\n"),
        "parallel-4": ("parallel", 4, "log=0", SUCCESS, r"count exit=0x72 vc=4000 vmgexit=4000\n"),
        "offline-2": ("offline", 2, "", SUCCESS, r"count exit=0x80000004 vc=0 vmgexit=50\n"),
        "offline-4": ("offline", 4, "log=0", SUCCESS,
                      r"(?s)count exit=0x80000004 vc=0 vmgexit=150\n.*state=held\n.*state=held\n"),
        "sipi-alone": ("sipi-alone", 2, "", SUCCESS,
                       r"(ap cpu=1 from=0 event=sipi ignored: no INIT before it\n){2}(ap .*\n)*"
                       r"ap cpu=1 from=0 event=init ignored: not in AP reset hold\n"),
        "broadcast": ("broadcast", 2, "", SUCCESS, r"nmi cpu=0 sent=2 completed=2 "),
        "empty-table": ("empty-table", 2, "", r"violation", r"rule=ap-jump-table SIPI to processor 1"),
        "ends-on-another": ("ends-on-another", 2, "", r"failure code=71$", ""),
        "wrong-on-another": ("wrong-on-another", 2, "", r"violation",
                             r"violation cpu=1 .* rule=extra-valid"),
        "all-halted": ("all-halted", 2, "", r"error the guest halted for ever", r"state=held"),
        "all-held": ("all-held", 2, "", r"error all processors wait for ever$", r"cpu=0 event=hold"),
        "held-alone": ("all-held", 1, "", r"error the only processor waits in AP reset hold", ""),
        "halt-nmi": ("halt-nmi", 4, "log=0", SUCCESS, r"nmi cpu=3 "),
        "pc": ("start", 2, "pc", SUCCESS, r"event=wake"),
    },
    "memory": {
        "flips-2": ("flips", 2, "log=0", SUCCESS, r"cpu=0 .* kicks=\d\d+ .*\n"),
        "flips-4": ("flips", 4, "log=0", SUCCESS, r"cpu=0 .* kicks=\d\d+ .*\n"),
    },
    "nmi": {
        "self": ("nmi-self", 1, "", SUCCESS, r"sent=5 completed=5 pending=0 .*idle-completes=1 "),
        "window": ("nmi-window", 1, "", SUCCESS, r"sent=3 completed=3 pending=0 merged=2 "),
        "forgotten": ("nmi-forgotten", 1, "", FORGOTTEN, r"sent=2 completed=0 pending=2 merged=3 .*"
                      r"window=closed kept=1 NMI_COMPLETE is missing\n"),
        "forgotten-2": ("nmi-forgotten", 2, "", FORGOTTEN, r"NMI_COMPLETE is missing\n"),
        "late": ("nmi-late", 1, "", SUCCESS, r"sent=2 completed=1 pending=1 .*window=closed kept=0\n"),
        "ends-inside": ("nmi-ends-inside", 1, "", SUCCESS, r"pending=2 .*window=closed kept=1\n"),
        "window-iret": ("nmi-iret", 1, "nmi-window=iret", SUCCESS, r"sent=5 completed=5 pending=0 "),
        "iret-kept": ("nmi-iret-kept", 1, "nmi-window=iret", SUCCESS, r"sent=2 completed=2 .*merged=1"),
        "self-iret": ("nmi-self", 1, "nmi-window=iret", SUCCESS, r"sent=5 completed=5 pending=0 "),
        "immediate": ("nmi-immediate", 1, "nmi-storm=immediate", SUCCESS, r"sent=20 completed=20 "),
        "other-2": ("nmi-other", 2, "", SUCCESS, r"nmi cpu=1 sent=100 completed=100 pending=0 "),
        "other-4": ("nmi-other", 4, "", SUCCESS, r"nmi cpu=3 sent=100 completed=100 pending=0 "),
        "other-iret": ("nmi-other", 2, "nmi-window=iret", SUCCESS, r"nmi cpu=1 sent=100 "),
        "held": ("nmi-held", 2, "", SUCCESS, r"nmi cpu=1 sent=1 .*lost=2 "),
        "held-wrong-option": ("nmi-held", 2, "nmi-window=never", r"error unknown option nmi-window", ""),
    },
    "storm": {
        "one": ("storm", 1, "log=0 nmi-storm=500 irq-storm=300", SUCCESS, r"nmi cpu=0 sent=\d\d"),
        "iret": ("storm", 1, "log=0 nmi-window=iret nmi-storm=500", SUCCESS, r"nmi cpu=0 sent=\d\d"),
        "chained": ("storm", 1, "log=0 nmi-storm=500 nmi-storm=immediate seed=3", SUCCESS, r"nmi cpu=0"),
        "two": ("storm", 2, "log=0 nmi-storm=1000 irq-storm=700", SUCCESS, r"nmi cpu=1 sent=\d\d"),
        "four": ("storm", 4, "log=0 nmi-storm=2000 irq-storm=1000", SUCCESS, r"nmi cpu=3 sent=\d\d"),
    },
    # One thread of QEMU for each processor: slow where there are fewer free cores than that.
    "threads": {
        "start": ("start", 2, "multi", SUCCESS, r"event=wake"),
        "flips": ("flips", 2, "log=0 multi", SUCCESS, r"cpu=0 .* kicks=\d\d+ .*\n"),
        "nmi-other": ("nmi-other", 2, "log=0 multi", SUCCESS, r"nmi cpu=1 sent=100 "),
        "storm": ("storm", 2, "log=0 multi nmi-storm=3000", SUCCESS, r"nmi cpu=1 sent=\d"),
    },
}

# Two runs of the same seed tell the same story, to the instruction; those of two seeds do not.
REPEATED = {"repeat-1": 1, "repeat-2": 2, "repeat-3": 3}
REPEATED_CONFIG = "log=2 nmi-storm=400 irq-storm=300 seed="


def command(rom, kernel, report, case, cpus, config, extra):
    words = config.split()
    machine = "pc" if "pc" in words else "q35"
    thread = "multi" if "multi" in words else "single"
    config = " ".join(word for word in words if word not in ("pc", "multi"))
    own = ["qemu-system-x86_64", "-accel", f"tcg,thread={thread}", "-machine", machine,
           "-cpu", "EPYC,+svm,+npt,phys-bits=48", "-m", "128M", "-smp", str(cpus),
           "-nodefaults", "-display", "none", "-no-reboot", "-bios", rom,
           "-global", "hpet.msi=on", "-chardev", f"file,id=report,path={report}",
           "-device", "isa-debugcon,iobase=0x505,chardev=report",
           "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
           "-fw_cfg", f"name=opt/sevc/cmdline,string={case}",
           "-fw_cfg", f"name=opt/sevc/kernel,file={kernel}"]
    return own + (["-fw_cfg", f"name=opt/sevc/config,string={config}"] if config else []) + extra


def run(line, report):
    if os.path.exists(report):
        os.remove(report)
    try:
        subprocess.run(line, timeout=SECONDS, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        pass
    if not os.path.exists(report):
        return ""
    with open(report, encoding="utf-8", errors="replace") as file:
        return file.read()


def numbers(line):
    return {key: int(value, 0) for key, value in re.findall(r"([\w-]+)=(0x[0-9a-f]+|\d+)\b", line)}


def conservation(text):
    """What does not add up."""
    processors = [numbers(line) for line in re.findall(r"(?m)^processor (.*)$", text)]
    totals = numbers("".join(re.findall(r"(?m)^total (.*)$", text)))
    for key in ("vc", "vmgexit", "exits") if processors else ():
        if sum(p[key] for p in processors) != totals[key]:
            yield f"the processors' {key} do not add up to {totals[key]}"
    for line in re.findall(r"(?m)^nmi (cpu=\d+ sent=.*)$", text):
        nmi = numbers(line)
        if nmi["sent"] != nmi["completed"] + nmi["pending"] + nmi["dropped"]:
            yield f"NMIs are lost: {line}"


def judge(name, text, verdict, pattern):
    verdicts = re.findall(r"(?m)^verdict (.*)$", text)
    wrong = list(conservation(text)) if verdicts else []
    if len(verdicts) != 1 or not text.endswith(f"verdict {verdicts[0]}\n"):
        wrong.append("no verdict" if not verdicts else "the verdict is not the last word")
    elif not re.match(verdict, verdicts[0]):
        wrong.append(f"the verdict is not {verdict}")
    if not re.search(pattern, text):
        wrong.append(f"no {pattern!r}")
    print(f"{'FAILED' if wrong else 'ok':7}{name:20}{verdicts[-1] if verdicts else ''}", flush=True)
    for complaint in wrong:
        print(f"       {complaint}")
    if wrong:
        print("".join(f"       {line}\n" for line in text.splitlines()[-12:]), end="")
    return not wrong


def repeat(name, seed, run_case):
    """Needs -icount: QEMU's clock counts instructions then."""
    first, second, other = (run_case("storm", 1, REPEATED_CONFIG + str(s),
                                     ["-icount", "shift=3,sleep=off"])
                            for s in (seed, seed, seed + 100))
    good = first == second and first != other and "verdict success\n" in first
    good = good and not list(conservation(first)) and len(re.findall(r"(?m)^nmi .*rip", first)) > 20
    print(f"{'ok' if good else 'FAILED':7}{name:20}{len(first.splitlines())} lines, twice"
          f"{'' if first == second else ' different'}", flush=True)
    return good


def main(rom, kernel, wanted):
    results = []
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report")

        def run_case(case, cpus, config, extra=()):
            return run(command(rom, kernel, report, case, cpus, config, list(extra)), report)

        for group, cases in GROUPS.items():
            for name, (case, cpus, config, verdict, pattern) in cases.items():
                if group in wanted or f"{group}.{name}" in wanted:
                    results.append(judge(name, run_case(case, cpus, config), verdict, pattern))
        for name, seed in REPEATED.items():
            if "storm" in wanted or f"storm.{name}" in wanted:
                results.append(repeat(name, seed, run_case))
    print(f"{sum(results)} of {len(results)} cases good")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:3], sys.argv[3:]))
