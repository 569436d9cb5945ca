# SPDX-License-Identifier: MIT
"""What a run needs, and QEMU's command line for it."""

import os
import re
import shutil
import subprocess

from sevc_run import firmware, hostile, linux, processors, trace
from sevc_run.status import Refusal, Status

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
ROM_NAME = "emulator/sevc-monitor.rom"
QEMU_MINIMUM = (7, 2, 15)


# ---- What must be there ----


def find_rom(options):
    if options.monitor_rom:
        path = options.monitor_rom
    else:
        build = os.environ.get("SEVC_BUILD_DIR", os.path.join(REPOSITORY, "build"))
        path = os.path.join(build, ROM_NAME)
    if not os.path.isfile(path):
        raise Refusal(Status.MISSING, f"the monitor is not built ({path} does not exist): run "
                      "scripts/demo, or cmake -B build && cmake --build build --target "
                      "sevc-monitor")
    return path


def find_qemu(options):
    path = shutil.which(options.qemu)
    if path is None:
        raise Refusal(Status.MISSING, f"{options.qemu} is not installed: "
                      "apt-get install qemu-system-x86")
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20,
                                stdin=subprocess.DEVNULL, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refusal(Status.MISSING, f"{path} --version: {error}") from error
    found = re.search(r"version (\d+)\.(\d+)\.(\d+)", answer)
    if not found:
        raise Refusal(Status.MISSING, f"{path} --version does not tell a QEMU version")
    version = tuple(int(number) for number in found.groups())
    if version < QEMU_MINIMUM:
        raise Refusal(Status.MISSING, f"{path} is QEMU {dotted(version)}, whose emulated nested "
                      f"paging is wrong: {dotted(QEMU_MINIMUM)} or later is needed "
                      "(apt-get update && apt-get install qemu-system-x86)")
    return path


def dotted(version):
    return ".".join(str(number) for number in version)


# ---- QEMU's command line ----


def quoted(text):
    """A value inside one of QEMU's option lists: a comma is doubled."""
    return text.replace(",", ",,")


def fw_cfg_file(name, path):
    return ["-fw_cfg", f"name=opt/sevc/{name},file={quoted(path)}"]


def fw_cfg_string(name, text):
    """QEMU refuses an empty string, so the item is left out: the monitor takes that for empty."""
    return ["-fw_cfg", f"name=opt/sevc/{name},string={quoted(text)}"] if text else []


def qemu_memory(options):
    """With exact views QEMU has twice as much: private and shared content lie apart."""
    if options.views == "off":
        return options.memory
    return f"{2 * int(options.memory[:-1])}{options.memory[-1].upper()}"


def monitor_config(options):
    config = [f"log={options.log}", f"rdtsc={options.rdtsc}"]
    if options.views != "exact":
        config.append(f"views={options.views}")
    if options.keep_going:
        config.append("stop=never")
    if options.allow:
        config.append("allow=" + ",".join(options.allow))
    config += firmware.config(options)
    config += processors.config(options)
    config += hostile.config(options)
    config += trace.config(options)
    return " ".join(config)


def split_module(text):
    """FILE[:NAME]; a colon may also be part of an existing file's name."""
    path, colon, name = text.rpartition(":")
    if not colon or os.path.isfile(text):
        path = name = text
    if os.path.isdir(path):
        raise Refusal(Status.USAGE, f"--module {path}: is a directory")
    if not os.path.isfile(path):
        raise Refusal(Status.USAGE, f"--module {path}: no such file")
    return path, name


def guest_files(options):
    command = []
    if options.firmware:
        return fw_cfg_string("config", monitor_config(options))
    for name, path in linux.files(options) if options.linux else [("kernel", options.kernel)]:
        command += fw_cfg_file(name, path)
    command += fw_cfg_string("cmdline", options.append)
    for number, module in enumerate(options.module):
        path, name = split_module(module)
        command += fw_cfg_file(f"module/{number}", path)
        command += fw_cfg_string(f"module-name/{number}", name)
    return command + fw_cfg_string("config", monitor_config(options))


def qemu_command(options, qemu, rom, chardevs):
    """chardevs: options that define the character devices com1, debug and report."""
    command = [
        qemu, "-accel", processors.accelerator(options), "-machine", options.machine,
        "-cpu", "EPYC,+svm,+npt,phys-bits=48", "-m", qemu_memory(options), "-smp", str(options.cpus),
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
    ]
    command += firmware.with_monitor(options, rom) if options.firmware else ["-bios", rom]
    command += processors.qemu_options(options)
    command += chardevs
    command += [
        "-serial", "chardev:com1",
        "-device", "isa-debugcon,iobase=0xe9,chardev=debug",
        "-device", "isa-debugcon,iobase=0x505,chardev=report",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
    ]
    command += guest_files(options)
    if options.gdb:
        command += ["-gdb", f"tcp:127.0.0.1:{options.gdb}", "-S"]
    return command + options.qemu_options


def chardevs_to_pipes(console, report):
    """Character devices that write to pipes which QEMU inherits (append: no ftruncate)."""
    return [
        "-add-fd", f"fd={console},set=1", "-add-fd", f"fd={report},set=2",
        "-chardev", "file,id=com1,path=/dev/fdset/1,append=on",
        "-chardev", "file,id=debug,path=/dev/fdset/1,append=on",
        "-chardev", "file,id=report,path=/dev/fdset/2,append=on",
    ]


def chardevs_to_files():
    """The same for people who paste the command line into a shell."""
    return [
        "-chardev", "file,id=com1,path=/dev/stdout",
        "-chardev", "file,id=debug,path=/dev/stdout",
        "-chardev", "file,id=report,path=/dev/stderr",
    ]
