#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Boots Debian's stock Linux with tools/sevc-run, and checks what it says and what it leaves.

The guest's /init and a user program in it check the guest's side (tests/linux/init, guest_user.c);
here the host's side is checked: the verdict, the monitor's counts, the bytes on the disks. With
--native the same guest is first run without the monitor, and the times are compared.
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
KERNEL = os.path.join(ROOT, "build", "linux", "vmlinuz")
MIB = 1 << 20

# quiet: each line of the kernel's costs as many exits as it has characters, three times over.
COMMAND_LINE = "console=ttyS0 quiet"

# DMA of a virtio device goes through the kernel's bounce buffers only if it says that it knows no
# more of the guest's memory than other devices do.
VIRTIO = "disable-legacy=on,iommu_platform=on"


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--program", required=True, help="guest-user, built")
    add("--cpus", type=int, default=1)
    add("--machine", default="q35")
    add("--firmware", metavar="OVMF.fd", help="through this firmware")
    add("--disks", action="store_true")
    add("--net", action="store_true")
    add("--native", action="store_true", help="compare the time with that of a plain machine")
    add("--views", default="exact", choices=("exact", "off"))
    add("--planted", metavar="ROM", help="under this monitor, which has a bug: Linux must fail")
    add("--seconds", type=int, default=1200)
    return parser.parse_args(argv)


# ---- The guest ----


def make_initrd(folder, program):
    path = os.path.join(folder, "initrd.cpio")
    subprocess.run([os.path.join(ROOT, "scripts", "linux-image"), "--initrd", path,
                    "--init", os.path.join(HERE, "init"), program], check=True)
    return path


def make_disk(folder, name):
    """The first MiB is random, as the guest's copy of it must be; the rest is the guest's."""
    path = os.path.join(folder, name + ".img")
    with open(path, "wb") as file:
        file.write(os.urandom(MIB))
        file.truncate(8 * MIB)
    return path


def devices(options, folder):
    found = []
    if options.disks:
        vda, sda = (make_disk(folder, name) for name in ("vda", "sda"))
        found += ["-drive", f"file={vda},if=none,id=v,format=raw",
                  "-device", f"virtio-blk-pci,drive=v,{VIRTIO}",
                  "-drive", f"file={sda},if=none,id=a,format=raw"]
        if options.machine == "pc":
            found += ["-device", "ahci,id=ahci"]
        found += ["-device", f"ide-hd,drive=a,bus={'ahci' if options.machine == 'pc' else 'ide'}.0"]
    if options.net:
        found += ["-netdev", "user,id=n", "-device", f"virtio-net-pci,netdev=n,romfile=,{VIRTIO}"]
    return found


def command_line(options, *more):
    words = [word for word in ("disks", "net") if getattr(options, word)]
    return " ".join([COMMAND_LINE, *words, *more])


def boot_native(options, folder, initrd):
    """The same on QEMU's processor without a monitor. Result: whether it succeeds."""
    command = ["qemu-system-x86_64", "-accel", "tcg", "-machine", options.machine,
               "-cpu", "EPYC,phys-bits=48", "-m", "512M", "-smp", str(options.cpus), "-nodefaults",
               "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
               "-kernel", KERNEL, "-initrd", initrd, "-append", command_line(options, "native"),
               *devices(options, folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          stdin=subprocess.DEVNULL, encoding="utf-8", errors="replace",
                          timeout=options.seconds)
    if done.returncode != 0 or "linux: done" not in done.stdout or "FAILED" in done.stdout:
        print(f"the native run:\n{done.stdout}")
        return False
    return True


def boot(options, folder, initrd):
    command = [sys.executable, "-B", os.path.join(ROOT, "tools", "sevc-run"), "--report", "json",
               "--linux", KERNEL, "--initrd", initrd, "--append", command_line(options),
               "--cpus", str(options.cpus), "--machine", options.machine,
               "--views", options.views, "--timeout", str(options.seconds),
               *(["--monitor-rom", options.planted] if options.planted else []),
               *(["--firmware", options.firmware] if options.firmware else []),
               "--", *devices(options, folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          stdin=subprocess.DEVNULL, encoding="utf-8", errors="replace")
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = {}
    return done.returncode, report, done.stderr.replace("\r", "")


# ---- What must hold ----


def count(report, key, code, column):
    return sum(row.get(column, 0) for row in report.get("counts", []) if row.get(key) == code)


def disk_complaints(folder, name, console):
    with open(os.path.join(folder, name + ".img"), "rb") as file:
        given, copied, written = (file.read(MIB) for _ in range(3))
    ours = (f"{name} was here\n" * MIB).encode()[:MIB]
    if f"{name} {hashlib.sha256(given).hexdigest()}" not in console:
        yield f"the guest has read something else from {name}"
    if copied != given:
        yield f"the guest's copy on {name} differs"
    if written != ours:
        yield f"what the guest wrote to {name} did not arrive"


def complaints(options, folder, status, report, console):
    if status != 0 or report.get("words") != "the guest powered off":
        yield f"status {status} of sevc-run: {report.get('words')}"
    if report.get("violations"):
        yield f"violations: {report['violations']}"
    wanted = ["encryption: Memory Encryption Features active: AMD SEV SEV-ES",
              f"processors: {options.cpus} processors", "user: ", "kernel-log: "]
    wanted += ["virtio-disk: ", "ahci-disk: ", "bounced: software IO TLB"] * options.disks
    wanted += ["network: 3 packets transmitted, 3 packets received"] * options.net
    for text in wanted:
        if f"linux: ok {text}" not in console:
            yield f"no 'linux: ok {text}' on the console"
    if "linux: a string from user mode\n" not in console:
        yield "no string that a user program has written to a port by one instruction"
    if options.disks:
        for name in ("vda", "sda"):
            yield from disk_complaints(folder, name, console)
    # That it was an SEV-ES guest in the monitor's eyes, too.
    for name, code in (("CPUID", 0x72), ("IOIO", 0x7B), ("MSR", 0x7C), ("MMIO", 0x400)):
        if count(report, "exit", code, "vc") < 10:
            yield f"fewer than 10 #VC of {name}"
    off = options.views == "off"
    if off != ("encryption views off" in report.get("concessions", [])):
        yield f"the verdict does not tell of the encryption: {report.get('concessions')}"
    if off != (report.get("totals", {}).get("flips") == 0):
        yield "pages changed their view, or none did"
    # Each of the other processors was held, and woken by INIT and SIPI: in the monitor's stub, or
    # several times by the firmware, which leaves a jump table behind.
    others = options.cpus - 1
    if not options.firmware and count(report, "msr", 6, "vmgexit") != others:
        yield "the processors have not all come out of AP reset hold"
    if options.firmware and others and (count(report, "exit", 0x80000004, "vmgexit") < others or
                                        count(report, "exit", 0x80000005, "vmgexit") < 2):
        yield "the firmware's processors were not held, or there was no jump table"


def planted_complaints(status, report, console):
    """Linux finds an answer without RBX, and gives up by itself: the monitor sees no violation."""
    if status != 12 or "reason set 0, code 0" not in report.get("words", ""):
        yield f"status {status} of sevc-run, not 12: {report.get('words')}"
    if report.get("violations"):
        yield f"violations: {report['violations']}"
    if "linux: " in console:
        yield "user space was reached"


def processor_seconds():
    """Of all children so far: says more than the clock where other work goes on."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cost(report, native, emulated):
    """One line, for people: what a boot of stock Linux costs."""
    totals = report.get("totals", {})
    words = [f"{key}={totals.get(key)}" for key in ("exits", "vc", "vmgexit", "flips")]
    words += [f"seconds={report.get('seconds', 0):.1f}", f"processor-seconds={emulated:.1f}"]
    if native > 1:
        words += [f"native-processor-seconds={native:.1f}", f"ratio={emulated / native:.2f}"]
    return "cost linux-boot " + " ".join(words)


def main(argv):
    options = parse_arguments(argv)
    with tempfile.TemporaryDirectory(prefix="sevc-linux.") as folder:
        initrd = make_initrd(folder, options.program)
        before = processor_seconds()
        good = boot_native(options, folder, initrd) if options.native else True
        native = processor_seconds() - before
        status, report, console = boot(options, folder, initrd)
        emulated = processor_seconds() - before - native
        print(console)
        if options.planted:
            found = list(planted_complaints(status, report, console))
        else:
            found = list(complaints(options, folder, status, report, console))
    if not good:
        found.append("the native run fails")
    print(cost(report, native, emulated))
    for complaint in found:
        print(f"FAILED: {complaint}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
