# SPDX-License-Identifier: MIT
"""What a run of QEMU costs, until its console says a certain text or until it ends."""

import os
import resource
import time

TICKS = os.sysconf("SC_CLK_TCK")


def of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_process(pid):
    """Seconds of all its threads (proc(5): utime and stime)."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Meter:
    """seconds and processor_seconds are None until they are known."""

    def __init__(self, pid, text):
        self.pid = pid
        self.text = text.encode() if text else None
        self.tail = b""
        self.started = time.monotonic()
        self.children = of_children()
        self.seconds = self.processor_seconds = None

    def feed(self, console):
        """Result: whether the text has been seen."""
        if self.text is None or self.seconds is not None:
            return self.seconds is not None
        self.tail = self.tail[-len(self.text):] + console
        if self.text not in self.tail:
            return False
        self.seconds = time.monotonic() - self.started
        self.processor_seconds = of_process(self.pid)
        return True

    def ended(self):
        """QEMU has been waited for. With a text that never came nothing is known."""
        if self.text is None:
            self.seconds = time.monotonic() - self.started
            self.processor_seconds = of_children() - self.children
