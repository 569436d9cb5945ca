# SPDX-License-Identifier: MIT
"""One run of QEMU: its process, its pipes, its end."""

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time

from sevc_run.cost import Meter
from sevc_run.command import chardevs_to_pipes, qemu_command, qemu_memory
from sevc_run.report import Report, ending
from sevc_run.status import Refusal, Status
from sevc_run.trace import Tracer

# What every run says: TCG lacks features of the EPYC model that no guest here needs.
QEMU_NOISE = b"warning: TCG doesn't support requested feature"
GRACE_SECONDS = 5  # for QEMU to end, once it has told its verdict or was asked to


def die_with_launcher(libc):
    """In the child: if the launcher is killed outright, the kernel ends QEMU (PR_SET_PDEATHSIG)."""
    def prepare():
        libc.prctl(1, signal.SIGKILL)
    return prepare


class Machine:
    """One QEMU, in a session of its own, and the pipes that it writes to."""

    def __init__(self, options, qemu, rom):
        console, console_end = os.pipe()
        report, report_end = os.pipe()
        self.command = qemu_command(options, qemu, rom, chardevs_to_pipes(console_end, report_end))
        self.tracer = Tracer(options, qemu_memory(options)) if options.trace else None
        inherited = (console_end, report_end)
        if self.tracer is not None:
            self.command += self.tracer.qemu_options()
            inherited += (self.tracer.descriptor,)
        try:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, pass_fds=inherited,
                start_new_session=True, preexec_fn=die_with_launcher(ctypes.CDLL(None)))
        except OSError as error:
            raise Refusal(Status.ERROR, f"{qemu} does not start: {error.strerror}") from error
        finally:
            os.close(console_end)
            os.close(report_end)
        self.selector = selectors.DefaultSelector()
        for descriptor, name in ((console, "console"), (report, "report"),
                                 (self.process.stdout.fileno(), "qemu")):
            os.set_blocking(descriptor, False)
            self.selector.register(descriptor, selectors.EVENT_READ, name)

    def read(self, seconds):
        """What has arrived: (pipe's name, bytes). Waits if nothing is there."""
        arrived = []
        for key, _ in self.selector.select(seconds):
            try:
                data = os.read(key.fd, 65536)
            except BlockingIOError:
                continue
            if data:
                arrived.append((key.data, data))
            else:
                self.selector.unregister(key.fd)
        return arrived

    def end(self):
        """Ends QEMU, if it has not ended by itself, and nothing but QEMU."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is not None:
                return
            os.killpg(self.process.pid, number)
            try:
                self.process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                continue


def open_log(path):
    try:
        return open(path, "w", encoding="utf-8")
    except OSError as error:
        raise Refusal(Status.USAGE, f"--log-file {path}: {error.strerror}") from error


class Run:
    """Copies what the machine writes to where it belongs, until the machine has ended."""

    def __init__(self, options, machine):
        self.machine = machine
        self.console = (sys.stderr if options.report == "json" else sys.stdout).buffer
        self.log_level = options.log
        self.log_file = open_log(options.log_file) if options.log_file else None
        self.report = Report(self.violation, self.log, machine.tracer)
        self.console_column = 0
        self.qemu_pending = b""
        self.qemu_last_line = ""
        self.started = time.monotonic()
        self.meter = Meter(machine.process.pid, options.compare)
        self.deadline = self.started + options.timeout if options.timeout else None
        self.verdict_at = None

    def violation(self, text):
        print(f"sevc-run: violation: {text}", file=sys.stderr, flush=True)

    def log(self, line):
        if self.log_level > 0:
            print(line, file=self.log_file or sys.stderr, flush=True)

    def take(self, name, data):
        if name == "console":
            self.meter.feed(data)
            self.console.write(data)
            self.console.flush()
            self.console_column = len(data) - data.rfind(b"\n") - 1
        elif name == "report":
            self.report.feed(data)
        else:
            *lines, self.qemu_pending = (self.qemu_pending + data).split(b"\n")
            for line in lines:
                self.qemu_line(line)

    def qemu_line(self, line):
        if not line or QEMU_NOISE in line:
            return
        self.qemu_last_line = line.decode("utf-8", "replace")
        print(f"qemu: {self.qemu_last_line}", file=sys.stderr, flush=True)

    def loop(self):
        """Result: False if time ran out."""
        while True:
            ended = self.machine.process.poll() is not None
            arrived = self.machine.read(0 if ended else 0.1)
            for name, data in arrived:
                self.take(name, data)
            if ended and not arrived:
                return True
            now = time.monotonic()
            if self.lingers(now):
                return True
            if self.out_of_time(now):
                return False

    def lingers(self, now):
        """The verdict is the monitor's last word; QEMU should be gone a moment later."""
        if self.report.verdict is None:
            return False
        if self.verdict_at is None:
            self.verdict_at = now
        return now - self.verdict_at >= GRACE_SECONDS

    def out_of_time(self, now):
        return self.report.verdict is None and self.deadline is not None and now >= self.deadline

    def outcome(self, in_time, timeout):
        """Result: the status, and the launcher's own reason if the verdict is not the monitor's."""
        status, reason = self.end_of_run(in_time, timeout)
        tracer = self.machine.tracer
        complaint = tracer.complaint() if tracer is not None else None
        if complaint is None:
            return status, reason
        return Status.ERROR, f"{complaint}; {ending(status, self.report, reason)}"

    def end_of_run(self, in_time, timeout):
        """The same, whatever has become of the trace."""
        if not in_time:
            return Status.TIMEOUT, f"no verdict after {timeout:g} seconds"
        status = self.report.status()
        if status is not None:
            return status, None
        if self.report.verdict is not None:
            return Status.ERROR, f"the monitor's verdict is unknown: {self.report.verdict}"
        reason = f"QEMU ended with status {self.machine.process.returncode} and no verdict"
        if self.qemu_last_line:
            reason += f" ({self.qemu_last_line})"
        return Status.ERROR, reason

    def close(self):
        self.machine.end()
        self.meter.ended()
        if self.machine.tracer is not None:
            self.machine.tracer.close()
        self.qemu_line(self.qemu_pending)
        if self.console_column > 0:
            self.console.write(b"\n")
            self.console.flush()
        if self.log_file:
            self.log_file.close()
