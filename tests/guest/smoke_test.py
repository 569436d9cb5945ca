#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the emulated platform's own guests; each must end with its verdict.

usage: smoke_test.py ROM SMOKE.elf SMOKE-HIGH.elf [CASE...]
"""

import os
import re
import struct
import subprocess
import sys
import tempfile

CPU = "EPYC,+svm,+npt,phys-bits=48"

SUCCESS = r"success"
HIGH_TOO = ["hello", "segments-share-page", "ciphertext", "user-ist", "timer", "no-idt"]

# case: the verdict line, a pattern for the report before it, more configuration, more of QEMU's options
CASES = {
    "hello": (SUCCESS, r"count exit=0x72 vc=1 vmgexit=0\n"),
    "ciphertext": (SUCCESS, r"total vc=0 vmgexit=2 "),
    "fresh-memory": (SUCCESS, ""),
    # The row's first page faults, none of those that it takes along (pages 3 and 5) but for page 3's
    # other view.
    "fresh-row": (SUCCESS, r"(?s)flip cpu=0 gpa=0x2010\w+ view=private"
                  r"(?!.*flip cpu=0 gpa=0x2015)(?!.*flip cpu=0 gpa=0x2013\w+ view=private)"
                  r".*flip cpu=0 gpa=0x2013\w+ view=shared", "log=3"),
    "frame64": (SUCCESS, ""),
    "trap-gate": (SUCCESS, ""),
    "ist": (SUCCESS, ""),
    "user-rsp0": (SUCCESS, ""),
    "user-ist": (SUCCESS, ""),
    "mode32": (SUCCESS, ""),
    "timer": (SUCCESS, ""),
    "halt-wakes": (SUCCESS, ""),
    "halt-pending": (SUCCESS, ""),
    "storm": (SUCCESS, r"flips=\d{4}"),
    "reinject": (SUCCESS, r"(?s)(reinject.*){10}", "log=3"),
    "reinject-soft": (SUCCESS, r"(?s)(flip.*shared.*flip.*private.*){10}", "log=3"),
    "frame-page-fault": (SUCCESS, r"undelivered cpu=0 vc=0x72 .* the stack cannot be written"),
    "frame-smap": (SUCCESS, r"undelivered cpu=0 vc=0x72 .* the stack cannot be written"),
    "frame-not-canonical": (SUCCESS, r"undelivered cpu=0 vc=0x72 .* the stack cannot be written"),
    "gate-not-canonical": (SUCCESS, r"undelivered cpu=0 vc=0x72 .* handler's address"),
    "cpuid-absent": (SUCCESS, ""),
    "segments-share-page": (SUCCESS, ""),
    "no-firmware": (SUCCESS, ""),
    "fetch-decrypts": (SUCCESS, ""),
    "walk-decrypts": (SUCCESS, ""),
    "msrs": (SUCCESS, r"total vc=0 "),
    "svm-is-hidden": (SUCCESS, ""),
    "exit-codes": (SUCCESS, r"count exit=0x87 vc=1 "),
    "single-step": (SUCCESS, ""),
    "no-idt": (r"triple-fault #VC 0x72 at rip=0x\w+ with no handler \(no entry 29", ""),
    "gate-absent": (r"triple-fault #VC 0x72 .* entry 29 is not present", ""),
    "triple-fault": (r"triple-fault at rip=0x\w+$", ""),
    "double-fault-survived": (r"triple-fault at rip=0x\w+$", "undelivered cpu=0 vc=0x72 "),
    "failure": (r"failure code=7$", ""),
    "failure-then-success": (r"failure code=7$", ""),
    "terminate-by-msr": (r"terminated set=1 code=5$", r"count msr=0x100 vmgexit=1\n"),
    "terminate-by-event": (r"terminated set=2 code=6$", ""),
    "valid-bit-too-many": (r"violation stopped", r"violation cpu=0 rip=0x\w+ exit=0x403 rule=\S+ "),
    "mmio-encrypted": (r"violation ", r"rule=mmio-encrypted "),
    "monitor-memory": (r"violation ", r"rule=monitor-memory "),
    "fetch-from-device": (r"violation ", r"rule=fetch-outside-ram "),
    "tables-outside-ram": (r"violation ", r"rule=page-table-outside-ram "),
    "ghcb-read-privately": (r"violation ", r"rule=ghcb-alias "),
    "ghcb-encrypted": (r"violation ", r"violation cpu=0 .* exit=0x403 rule="),
    "reset": (r"error the guest reset the machine", ""),
    "halt-for-ever": (r"error the guest halted for ever .* interrupts off$", ""),
    "lie-refused": (r"violation$", r"rule=ioio-info [^$]*hostile mode=reply-beyond lies=[1-9]",
                    "stop=never hostile=reply-beyond every=1"),
    "lie-resembles": (SUCCESS, "", "hostile=reply-beyond every=1"),
    "lie-at-halt": (SUCCESS, "", "hostile=inject-exit arm=guest irq-storm=5000 irq-vector=64",
                    ["-global", "hpet.msi=on"]),
    "lie-by-steps": (SUCCESS, r"nmi cpu=0 sent=6 completed=6 ",
                     "hostile=inject-step arm=guest nmi-window=iret"),
    "nmi-steps-guest": (SUCCESS, "", "nmi-window=iret"),
    "nmi-is-stepped": (SUCCESS, "", "nmi-window=iret"),
    "nmi-halts": (r"error the guest halted for ever .* interrupts off$", r" window=closed kept=1"),
}


MODULES = ["-fw_cfg", "name=opt/sevc/module/0,string=alpha",
           "-fw_cfg", "name=opt/sevc/module-name/0,string=first",
           "-fw_cfg", "name=opt/sevc/module/1,string=beta"]

# What is wrong with the set-up rather than with the guest: QEMU's options, then the verdict.
SETUPS = {
    "option-unknown": (["-fw_cfg", "name=opt/sevc/config,string=lag=1"], r"error unknown option"),
    "no-svm": (["-cpu", "EPYC,-svm,phys-bits=48"], r"error the processor has no SVM: run QEMU"),
    "no-npt": (["-cpu", "EPYC,+svm,-npt,phys-bits=48"], r"error .*add \+npt"),
    "phys-bits-40": (["-cpu", "EPYC,+svm,+npt"], r"error 40 physical address bits.*phys-bits=48"),
    "memory-16M": (["-m", "16M"], r"error .*QEMU -m"),
    "memory-32M": (["-m", "32M"], r"error .*QEMU -m|success"),
    "memory-5G": (["-m", "5G"], SUCCESS),
    "machine-pc": (["-machine", "pc"], SUCCESS),
    "phys-bits-52": (["-cpu", "EPYC-Rome,+svm,+npt,phys-bits=52"], SUCCESS),
    "cpu-max": (["-cpu", "max,la57=off,+svm,+npt,phys-bits=48"], SUCCESS),
    "smp-2": (["-smp", "2"], SUCCESS),
    "icount": (["-icount", "shift=0"], SUCCESS),
    "kernel-no-elf": (["-fw_cfg", "name=opt/sevc/kernel,string=hello"], r"error the kernel is no"),
    "linux-short": (["-fw_cfg", "name=opt/sevc/linux,string=hello"], r"error .*linux is too short"),
    "linux-no-bzimage": (["-fw_cfg", "name=opt/sevc/linux,file=/bin/ls"], r"error .*is no bzImage"),
    "kernel-absent": (["-fw_cfg", "name=opt/sevc/nothing,string=x"], r"error no kernel: pass"),
}


def large_linux(folder):
    """A bzImage's header that asks for 8 MiB at 16 MiB, and a RAM disk of 10 MiB: QEMU's options."""
    kernel, initrd = os.path.join(folder, "bzImage"), os.path.join(folder, "initrd")
    image = bytearray(0x3000)
    for offset, layout, value in ((0x1F1, "B", 1), (0x200, "H", 0x66EB), (0x202, "4s", b"HdrS"),
                                  (0x206, "H", 0x20E), (0x22C, "I", 0x7FFFFFFF),
                                  (0x236, "H", 1), (0x238, "I", 255), (0x258, "Q", 16 << 20),
                                  (0x260, "I", 8 << 20)):
        struct.pack_into("<" + layout, image, offset, value)
    with open(kernel, "wb") as file:
        file.write(image)
    with open(initrd, "wb") as file:
        file.truncate(10 << 20)
    return ["-fw_cfg", f"name=opt/sevc/linux,file={kernel}",
            "-fw_cfg", f"name=opt/sevc/initrd,file={initrd}"]


def command(rom, report, kernel, case, config):
    own = ["qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-cpu", CPU, "-m", "256M",
           "-nodefaults", "-display", "none", "-no-reboot", "-bios", rom,
           "-chardev", f"file,id=report,path={report}",
           "-device", "isa-debugcon,iobase=0x505,chardev=report",
           "-chardev", "null,id=console", "-device", "isa-debugcon,iobase=0xe9,chardev=console",
           "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
           "-fw_cfg", f"name=opt/sevc/cmdline,string={case}"]
    if kernel:
        own += ["-fw_cfg", f"name=opt/sevc/kernel,file={kernel}"]
    if config:
        own += ["-fw_cfg", f"name=opt/sevc/config,string={config}"]
    return own


def run(line, report):
    try:
        subprocess.run(line, timeout=60, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        pass
    if not os.path.exists(report):
        return ""
    with open(report, encoding="utf-8", errors="replace") as file:
        return file.read()


def judge(name, text, verdict, pattern):
    """One verdict, at the end, as wanted; and the pattern somewhere before it."""
    verdicts = re.findall(r"(?m)^verdict (.*)$", text)
    good = (len(verdicts) == 1 and text.endswith(f"verdict {verdicts[0]}\n")
            and re.match(verdict, verdicts[0]) is not None and re.search(pattern, text) is not None)
    print(f"{'ok' if good else 'FAILED':7}{name:24}{verdicts[-1] if verdicts else 'no verdict'}",
          flush=True)
    if not good:
        print(f"       wanted: {verdict} and {pattern!r}; the report ends:")
        print("".join(f"       {line}\n" for line in text.splitlines()[-12:]), end="")
    return good


def main(rom, low, high, wanted):
    results = []
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report")

        def one(name, case, kernel, expected, config="", extra=()):
            if wanted and name not in wanted:
                return
            text = run(command(rom, report, kernel, case, config) + list(extra), report)
            results.append(judge(name, text, *expected))

        for name, (verdict, pattern, *config) in CASES.items():
            one(name, name, low, (verdict, pattern), *config)
        for name in HIGH_TOO:
            one("high-" + name, name, high, CASES[name][:2])
        for prefix, kernel in (("", low), ("high-", high)):
            one(prefix + "boot-data", "boot-data", kernel, (SUCCESS, ""), "", MODULES)
        one("other-ghcb-privately", "other-ghcb-privately", low,
            (r"violation ", r"cpu=1 .*rule=ghcb-alias processor 0's"), "", ["-smp", "2"])
        linux = large_linux(folder)
        one("linux-under-initrd", "hello", None, (r"error no RAM for the kernel .*QEMU -m", ""), "",
            ["-m", "64M"] + linux)
        one("keep-going", "valid-bit-too-many", low, (r"violation$", r"violations=1 "),
            "stop=never")
        for name, (extra, verdict) in SETUPS.items():
            kernel = None if "kernel" in name else low
            one(name, "hello", kernel, (verdict, ""), "", extra)
    print(f"{sum(results)} of {len(results)} cases good")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:4], sys.argv[4:]))
