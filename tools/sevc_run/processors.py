# SPDX-License-Identifier: MIT
"""Several processors, NMIs and storms: their options (docs/emulator.md)."""

import re

from sevc_run.status import Refusal, Status, check_number

MAX_CPUS = 8
MAX_PERIOD = 1000000  # microseconds; this and the vectors are the monitor's (emulator/config.c)
VECTORS = (32, 255)
HPET_WITH_MSI = ["-global", "hpet.msi=on"]  # the storm's clock


def add_arguments(parser):
    add = parser.add_argument
    add("--cpus", type=int, default=1, metavar="N", help=f"processors, up to {MAX_CPUS} (%(default)s)")
    add("--threads", choices=("single", "multi"), default="single",
        help="one thread of QEMU for all processors, or one for each (%(default)s)")
    add("--icount", type=int, nargs="?", const=3, metavar="SHIFT", choices=range(11),
        help="time counts instructions, 2^SHIFT ns each (3): runs with one processor repeat exactly")
    add("--nmi-window", choices=("complete", "iret"), help="what opens the window for NMIs (complete)")
    add("--nmi-storm", action="append", default=[], metavar="PERIOD|immediate",
        help="NMIs at random places, every PERIOD us on average; or directly behind NMI_COMPLETE")
    add("--irq-storm", type=int, metavar="PERIOD", help="interrupts likewise")
    add("--irq-vector", type=int, metavar="N", help="their vector (224)")


def check(options):
    if not 1 <= options.cpus <= MAX_CPUS:
        raise Refusal(Status.USAGE, f"--cpus {options.cpus}: 1 to {MAX_CPUS} are supported")
    for period in options.nmi_storm:
        if period != "immediate" and not (re.fullmatch(r"[0-9]+", period)
                                          and 1 <= int(period) <= MAX_PERIOD):
            raise Refusal(Status.USAGE, f"--nmi-storm {period}: give 1 to {MAX_PERIOD} "
                          "microseconds, or immediate")
    check_number("--irq-storm", options.irq_storm, 1, MAX_PERIOD)
    check_number("--irq-vector", options.irq_vector, *VECTORS)


def has_storm(options):
    return bool(options.nmi_storm) or options.irq_storm is not None


def accelerator(options):
    """With icount QEMU has one thread in any case; a single processor needs no choice."""
    if options.cpus == 1 or options.icount is not None:
        return "tcg"
    return f"tcg,thread={options.threads}"


def qemu_options(options):
    command = HPET_WITH_MSI if has_storm(options) else []
    if options.icount is not None:
        command = command + ["-icount", f"shift={options.icount},sleep=off",
                             "-rtc", "base=2026-01-01,clock=vm"]
    return command


def config(options):
    """The part of opt/sevc/config, but for the seed of a malicious host, which adds its own."""
    words = [f"nmi-window={options.nmi_window}"] if options.nmi_window else []
    words += [f"nmi-storm={period}" for period in options.nmi_storm]
    words += [f"{key}={value}" for key, value in (("irq-storm", options.irq_storm),
                                                  ("irq-vector", options.irq_vector))
              if value is not None]
    if has_storm(options) and not options.hostile and options.seed is not None:
        words.append(f"seed={options.seed}")
    return words
