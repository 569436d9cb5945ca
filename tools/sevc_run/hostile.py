# SPDX-License-Identifier: MIT
"""The malicious host's modes (docs/hostile.md); hostile.modes compares them with the monitor's."""

import argparse
import re

from sevc_run import processors
from sevc_run.status import Refusal, Status, check_number

# The monitor's (emulator/hostile_options.c); the launcher's test compares.
MAX_MODES = 8
NUMBER_MAX = (1 << 64) - 1
NUMBER = r"(?:0x[0-9a-f]{1,16}|[0-9]{1,19})"
OPTIONS = {  # --hostile-option: what a value looks like, in a pattern and in words
    "every": (rf"(?!(0x)?0+$){NUMBER}", "a number from 1, decimal or 0x and small letters"),
    "again": (NUMBER, "a number, decimal or 0x and small letters"),
    "after": (NUMBER, "a number, decimal or 0x and small letters"),
    "rip": (rf"{NUMBER}-{NUMBER}", "FIRST-BEHIND, two addresses"),
    "avoid": (rf"{NUMBER}-{NUMBER}", "FIRST-BEHIND, two addresses"),
    "arm": ("guest|start", "guest or start"),
}

MODES = {
    "reply-valid": "outputs that are not marked valid",
    "reply-info1": "refusals, and values that SW_EXITINFO1 cannot have",
    "reply-exception": "exceptions of the wrong vector, type or form",
    "reply-stale": "the page comes back untouched",
    "reply-registers": "dirty upper halves, and registers that nobody asked for",
    "reply-other": "the answer to another event",
    "reply-beyond": "the shared buffer is overwritten behind the data",
    "reply-overwrite": "version, usage, bitmap, reserved bytes are overwritten",
    "reply-random": "random bits in SW_EXITINFO1, 2, SW_EXITCODE and the bitmap",
    "cpuid-hide": "CPUID denies SEV",
    "cpuid-cbit": "CPUID moves the C-bit",
    "cpuid-change": "CPUID changes its answers",
    "cpuid-deny": "CPUID refuses leaves, or answers zeros",
    "msr-response": "wrong responses of the MSR protocol",
    "version": "impossible protocol versions and C-bits",
    "terminate": "requests for termination are refused",
    "inject-exit": "#VC injected after exits, any error code",
    "inject-step": "#VC injected before any instruction, any error code",
    "inject-fitting": "likewise, the error code made to fit the instruction",
    "mmio-private": "private memory is offered as a device",
}


class ListModes(argparse.Action):
    """--hostile list needs no kernel: it ends like --help."""

    def __call__(self, parser, namespace, values, option_string=None):
        if values != "list":
            setattr(namespace, self.dest, values)
            return
        width = max(map(len, MODES))
        for name, meaning in MODES.items():
            print(f"{name:{width}}  {meaning}")
        parser.exit(0)


def add_arguments(parser):
    add = parser.add_argument
    add("--hostile", action=ListModes, metavar="MODE[,MODE...]",
        help="the host lies, docs/hostile.md; list: the modes")
    add("--seed", type=int, metavar="N", help="which lies it tells, with --hostile, or when a storm strikes (1)")
    add("--lies", type=int, metavar="N", help="how many at most")
    add("--at", type=int, metavar="N", help="the first opportunity to be taken (by chance)")
    add("--hostile-option", action="append", default=[], metavar="KEY=VALUE",
        help=f"{', '.join(OPTIONS)} (repeatable)")


def check(options):
    for key in ("seed", "lies", "at"):
        check_number(f"--{key}", getattr(options, key), 0, NUMBER_MAX)
    if options.hostile:
        check_modes(options.hostile.split(","))
        for option in options.hostile_option:
            check_option(option)
        return
    if options.hostile_option or any(value is not None for value in (options.lies, options.at)):
        raise Refusal(Status.USAGE, "--lies, --at, --hostile-option need --hostile")
    if options.seed is not None and not processors.has_storm(options):
        raise Refusal(Status.USAGE, "--seed needs --hostile or a storm")


def check_modes(modes):
    for mode in modes:
        if mode not in MODES:
            raise Refusal(Status.USAGE, f"--hostile {mode}: no such mode; --hostile list has them")
    if len(modes) > MAX_MODES:
        raise Refusal(Status.USAGE, f"--hostile: {len(modes)} modes; at most {MAX_MODES} fit in a run")


def check_option(option):
    key, equals, value = option.partition("=")
    if not equals:
        raise Refusal(Status.USAGE, f"--hostile-option {option}: give KEY=VALUE")
    if key not in OPTIONS:
        raise Refusal(Status.USAGE, f"--hostile-option {option}: no such option; there are "
                      + ", ".join(OPTIONS))
    pattern, words = OPTIONS[key]
    if not re.fullmatch(pattern, value):
        raise Refusal(Status.USAGE, f"--hostile-option {option}: give {words}")


def config(options):
    """The malicious host's part of opt/sevc/config."""
    if not options.hostile:
        return []
    words = [f"hostile={options.hostile}",
             f"seed={options.seed if options.seed is not None else 1}"]
    words += [f"{key}={getattr(options, key)}" for key in ("lies", "at")
              if getattr(options, key) is not None]
    return words + options.hostile_option
