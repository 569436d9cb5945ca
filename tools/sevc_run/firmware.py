# SPDX-License-Identifier: MIT
"""Stock UEFI firmware as the guest, its variables, its disks (docs/firmware.md)."""

import math
import os
import select
import struct
import subprocess
import tempfile
import time

from sevc_run import processors
from sevc_run.cost import Meter
from sevc_run.status import Refusal, Status

# What a stock OVMF does that the judge would call a violation, and no real host does
# (docs/emulator-rules.md).
ALLOWANCES = ("version-zero", "unscrubbed", "wide-registers", "rax-with-in", "encrypted-mmio")
MARK_BYTES = 64  # emulator/mark.h
Q35_ALLOWANCES = ("lost-rbp", "interrupts-on")  # where PCI configuration space is MMIO


def add_arguments(parser):
    add = parser.add_argument
    add("--firmware", metavar="OVMF.fd", help="boot this firmware, from its reset vector; allows "
        "what a stock OVMF needs (docs/firmware.md)")
    add("--disk", action="append", default=[], metavar="DIR|IMAGE",
        help="an IDE or SATA disk for the firmware: a directory, an image or an ISO (repeatable)")
    add("--vars", metavar="FILE", help="the firmware's flash of variables; made if it does not "
        "exist (variables are forgotten)")
    add("--compare", nargs="?", const="", metavar="TEXT", help="run the firmware without the monitor "
        "too, and print how much slower it was with; until the console says TEXT, if that is given")


def check(options):
    if options.firmware is None:
        for name, value in (("--disk", options.disk), ("--vars", options.vars),
                            ("--compare", options.compare is not None)):
            if value:
                raise Refusal(Status.USAGE, f"{name} needs --firmware")
        return
    if options.kernel is not None:
        raise Refusal(Status.USAGE, f"--firmware and {options.kernel}: firmware boots what is on "
                      "its --disk, or --linux")
    if options.module:
        raise Refusal(Status.USAGE, "--module: firmware takes no modules, but disks (--disk)")
    if options.compare is not None and (options.gdb or options.hostile):
        raise Refusal(Status.USAGE, "--compare does not go with --gdb and --hostile")
    if len((options.compare or "").encode()) > MARK_BYTES:
        raise Refusal(Status.USAGE, f"--compare: a text of at most {MARK_BYTES} bytes")
    options.flash_bytes = flash_bytes(options.firmware)
    for disk in options.disk:
        if not os.path.exists(disk):
            raise Refusal(Status.USAGE, f"--disk {disk}: no such file or directory")
    if options.vars:
        prepare_vars(options)
    needed = ALLOWANCES + (Q35_ALLOWANCES if options.machine == "q35" else ())
    options.allow += [name for name in needed if name not in options.allow]


def flash_bytes(path):
    """How much of the image is variables: the length in its first volume's header (UEFI PI, 3.2.1)."""
    try:
        with open(path, "rb") as file:
            header = file.read(64)
    except OSError as error:
        raise Refusal(Status.USAGE, f"--firmware {path}: {error.strerror}") from error
    if len(header) < 64 or header[40:44] != b"_FVH":
        raise Refusal(Status.USAGE, f"--firmware {path} is no image of variables and code together, "
                      "as Debian's /usr/share/ovmf/OVMF.fd is")
    length = struct.unpack_from("<Q", header, 32)[0]
    if length % 4096 != 0 or length >= os.path.getsize(path):
        raise Refusal(Status.USAGE, f"--firmware {path}: its header names {length} bytes of variables")
    return length


def prepare_vars(options):
    try:
        if not os.path.exists(options.vars):
            with open(options.firmware, "rb") as image, open(options.vars, "wb") as file:
                file.write(image.read(options.flash_bytes))
        size = os.path.getsize(options.vars)
    except OSError as error:
        raise Refusal(Status.USAGE, f"--vars {options.vars}: {error.strerror}") from error
    if size != options.flash_bytes:
        raise Refusal(Status.USAGE, f"--vars {options.vars} has {size} bytes, but the firmware's "
                      f"variables take {options.flash_bytes}")


def quoted(text):
    return text.replace(",", ",,")


# ---- QEMU's options ----


def flash(options, first):
    """The two flash chips; first: the option of the upper one, which holds the reset vector."""
    if options.vars:
        second = f"file={quoted(options.vars)}"
    else:  # the start of the image, and what is written is forgotten
        second = f"size={options.flash_bytes},snapshot=on,file={quoted(options.firmware)}"
    return ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,{first}",
            "-drive", f"if=pflash,format=raw,unit=1,{second}"]


def is_iso(path):
    with open(path, "rb") as file:
        file.seek(0x8001)  # ECMA-119, 8.1: the first volume descriptor
        return file.read(5) == b"CD001"


def disks(options):
    command = []
    for disk in options.disk:
        if os.path.isdir(disk):
            command += ["-drive", f"if=ide,format=raw,file=fat:rw:{quoted(disk)}"]
        elif is_iso(disk):
            command += ["-drive", f"if=ide,media=cdrom,format=raw,readonly=on,file={quoted(disk)}"]
        else:
            command += ["-drive", f"if=ide,format=raw,file={quoted(disk)}"]
    return command


def linux_kernel(options):
    """The firmware takes Linux from QEMU, as it does on KVM."""
    if options.linux is None:
        return []
    command = ["-kernel", options.linux]
    if options.initrd:
        command += ["-initrd", options.initrd]
    return command + (["-append", options.append] if options.append else [])


def with_monitor(options, rom):
    return (flash(options, f"file={quoted(rom)}") + disks(options) + linux_kernel(options)
            + ["-fw_cfg", f"name=opt/sevc/firmware,file={quoted(options.firmware)}"])


def config(options):
    if options.firmware is None:
        return []
    mark = [f"mark={options.compare.encode().hex()}"] if options.compare else []
    return [f"flash={options.flash_bytes}"] + mark


# ---- The same without the monitor ----


def cost_without(options, qemu, memory):
    """Result: the Meter of the firmware, and what it boots, by themselves."""
    command = [
        qemu, "-accel", "tcg", "-machine", options.machine, "-cpu", "EPYC,phys-bits=48",
        "-m", memory, "-smp", str(options.cpus), "-nodefaults", "-no-user-config",
        "-display", "none", "-no-reboot", "-serial", "stdio",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
    ]
    code_bytes = os.path.getsize(options.firmware) - options.flash_bytes
    command += flash(options, f"offset={options.flash_bytes},size={code_bytes},"
                     f"file={quoted(options.firmware)}")
    command += disks(options) + linux_kernel(options) + processors.qemu_options(options)
    command += options.qemu_options
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=complaints)
        meter = Meter(process.pid, options.compare)
        try:
            in_time = watch(process, meter, options.timeout)
        finally:
            process.kill()
            process.wait()
        meter.ended()
        complaints.seek(0)
        words = complaints.read().decode("utf-8", "replace").strip()[-200:]
    if not in_time:
        raise Refusal(Status.TIMEOUT, "--compare: without the monitor it did not end in "
                      f"{options.timeout:g} seconds")
    if meter.seconds is None:
        raise Refusal(Status.ERROR, f"--compare: without the monitor the console never said "
                      f"'{options.compare}' ({words})")
    # isa-debug-exit: 1 for success
    if not options.compare and (process.returncode not in (0, 1) or "could not" in words.lower()):
        raise Refusal(Status.ERROR, f"--compare: QEMU ended with status {process.returncode} ({words})")
    return meter


def watch(process, meter, timeout):
    """Until QEMU ends, or its meter has seen enough. Result: False if time ran out."""
    deadline = time.monotonic() + (timeout or math.inf)
    while time.monotonic() < deadline:
        if not select.select([process.stdout], [], [], 0.1)[0]:
            continue
        data = os.read(process.stdout.fileno(), 65536)
        if not data:
            process.wait(10)
            return True
        if meter.feed(data):
            return True
    return False
