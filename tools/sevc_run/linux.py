# SPDX-License-Identifier: MIT
"""Linux as the guest: a stock bzImage and its initial RAM disk (docs/linux.md)."""

import os

from sevc_run.status import Refusal, Status

# What a stock Linux does that the judge would call a violation, and no real host does
# (docs/emulator-rules.md).
ALLOWANCES = ("unscrubbed", "wide-registers", "xcr0-always", "rax-with-in", "stale-ghcb",
              "encrypted-rom")


def add_arguments(parser):
    add = parser.add_argument
    add("--linux", metavar="BZIMAGE", help="boot Linux instead of KERNEL.elf; allows what a stock "
        "Linux needs (docs/linux.md)")
    add("--initrd", metavar="FILE", help="its initial RAM disk")


def check(options):
    if options.linux is None:
        if options.initrd is not None:
            raise Refusal(Status.USAGE, "--initrd needs --linux; other kernels take --module")
        return
    if options.kernel is not None:
        raise Refusal(Status.USAGE, f"--linux and {options.kernel}: give one kernel")
    if options.module:
        raise Refusal(Status.USAGE, "--module: Linux takes no modules by name, but an --initrd")
    if options.initrd is not None and not os.path.isfile(options.initrd):
        raise Refusal(Status.USAGE, f"--initrd {options.initrd}: no such file")
    try:
        with open(options.linux, "rb") as file:
            header = file.read(0x206)
    except OSError as error:
        raise Refusal(Status.USAGE, f"{options.linux}: {error.strerror}") from error
    # The boot protocol's boot_flag and header magic.
    if header[0x1FE:0x200] != b"\x55\xAA" or header[0x202:0x206] != b"HdrS":
        raise Refusal(Status.USAGE, f"{options.linux} is not a Linux bzImage")
    options.allow += [name for name in ALLOWANCES if name not in options.allow]


def files(options):
    """The guest's files: (fw_cfg name, path)."""
    found = [("linux", options.linux)]
    return found + ([("initrd", options.initrd)] if options.initrd else [])
