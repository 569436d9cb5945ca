# SPDX-License-Identifier: MIT
"""--trace FILE: takes the monitor's records out of the guest's memory while it runs.

QEMU's memory is a memfd that the launcher maps too. The monitor says on the report channel where its
ring lies (docs/emulator.md, "Trace"); from then on a thread copies what is new to the file.
"""

import mmap
import os
import struct
import threading
import time
import zlib

from sevc_run.status import Refusal, Status

LOW_BYTES = {"q35": 0x80000000, "pc": 0xC0000000}  # RAM below the hole, if there is more
HEADER = struct.Struct("<8sHHIII")
MAGIC, MAJOR, MINOR, HEADER_BYTES, BY_EMULATOR, NO_MEMORY = b"SVTRACE\n", 1, 0, 40, 2, 1
PAUSE_SECONDS = 0.01


def add_arguments(parser):
    parser.add_argument("--trace", metavar="FILE",
                        help="record every exception and VMGEXIT (docs/trace-format.md)")
    parser.add_argument("--trace-no-memory", action="store_true",
                        help="leave the guest's memory out of the trace")


def check(options):
    if options.trace and options.dry_run:
        raise Refusal(Status.USAGE, "--trace needs the run itself: without --dry-run")
    if options.trace_no_memory and not options.trace:
        raise Refusal(Status.USAGE, "--trace-no-memory: there is no --trace")


def config(options):
    """What the monitor is told."""
    if not options.trace:
        return []
    return ["trace=on"] + (["trace-memory=none"] if options.trace_no_memory else [])


def memory_bytes(size):
    return int(size[:-1]) << {"M": 20, "G": 30}[size[-1].upper()]


class Tracer:
    """The memory that QEMU is given, the file, and the thread in between."""

    def __init__(self, options, size):
        self.bytes = memory_bytes(size)
        try:
            self.file = open(options.trace, "wb")
        except OSError as error:
            raise Refusal(Status.USAGE, f"--trace {options.trace}: {error.strerror}") from error
        self.flags = NO_MEMORY if options.trace_no_memory else 0
        self.low = LOW_BYTES[options.machine]
        self.descriptor = os.memfd_create("sevc-guest")
        os.ftruncate(self.descriptor, self.bytes)
        self.memory = mmap.mmap(self.descriptor, self.bytes)
        self.control = None
        self.ring = None
        self.first = self.last = None  # (ticks, seconds)
        self.error = None
        self.stopping = False
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.write_header(0)

    def qemu_options(self):
        """The same memory for QEMU, which inherits the descriptor."""
        return ["-object", f"memory-backend-file,id=ram,size={self.bytes},share=on,"
                f"mem-path=/proc/self/fd/{self.descriptor}", "-machine", "memory-backend=ram"]

    def located(self, numbers):
        """The monitor's line "trace control=... ring=... bytes=..."."""
        if numbers["ring"] + numbers["bytes"] > min(self.low, self.bytes):
            self.error = "the monitor's ring lies where the launcher cannot read it"
            return
        self.control, self.ring, self.size = numbers["control"], numbers["ring"], numbers["bytes"]
        self.thread.start()

    def loop(self):
        while not self.stopping:
            if not self.take():
                time.sleep(PAUSE_SECONDS)
        self.take()

    def take(self):
        """Copies what is new. Result: whether there was any."""
        head, tail = struct.unpack_from("<QQ", self.memory, self.control)
        if head == tail:
            return False
        start, end = tail % self.size, head % self.size
        parts = [(start, end)] if start < end else [(start, self.size), (0, end)]
        data = b"".join(self.memory[self.ring + a:self.ring + b] for a, b in parts)
        struct.pack_into("<Q", self.memory, self.control + 8, head)
        try:
            self.file.write(data)
        except OSError as error:
            self.error = self.error or error.strerror
        self.note_time(data)
        return True

    def note_time(self, data):
        """The monitor's clock against ours: the header says how fast it ticks."""
        now = time.monotonic()
        if self.first is None:
            self.first = (struct.unpack_from("<Q", data, 24)[0], now)
        at = 0
        while at < len(data):
            self.last = (struct.unpack_from("<Q", data, at + 24)[0], now)
            at += struct.unpack_from("<I", data, at + 4)[0]

    def ticks(self):
        if self.first is None or self.last[1] - self.first[1] < 0.1:
            return 0
        return int((self.last[0] - self.first[0]) / (self.last[1] - self.first[1]))

    def write_header(self, ticks):
        header = HEADER.pack(MAGIC, MAJOR, MINOR, HEADER_BYTES, BY_EMULATOR, self.flags)
        header += struct.pack("<Q", ticks)
        self.file.write(header + struct.pack("<II", zlib.crc32(header), 0))

    def close(self):
        """When QEMU has ended."""
        self.stopping = True
        if self.thread.is_alive():
            self.thread.join()
        try:
            self.file.seek(0)
            self.write_header(self.ticks())
            self.file.close()
        except OSError as error:
            self.error = self.error or error.strerror
            self.file.raw.close()  # without another attempt to write what is buffered
        self.memory.close()
        os.close(self.descriptor)

    def complaint(self):
        """Once it is closed: why the trace is not whole; None if it is."""
        return f"--trace {self.file.name}: {self.error}" if self.error else None
