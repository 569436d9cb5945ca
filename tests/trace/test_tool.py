#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""sevc-trace from its command line: what each command says, wrong usage, damage, memory.

    test_tool.py SEVC_TRACE CORPUS DIRECTORY
"""

import collections
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import time
import unittest
import zlib

TOOL, CORPUS, DIRECTORY = sys.argv[1:4]
KERNEL = os.path.join(CORPUS, "kernel.svt.zst")
RESULT, SENT = 9, 5
BIG_BYTES = 256 << 20
GIGABYTE = 1 << 30
FRAME_BYTES = 6 << 20  # less than zstd's window: all but the first repetition is a reference
LIMIT_BYTES = 64 << 20


def path(name):
    return os.path.join(DIRECTORY, name)


def tool(*arguments, stdin=None):
    return subprocess.run([TOOL, *arguments], capture_output=True, check=False, input=stdin,
                          encoding=None if stdin is not None else "utf-8", timeout=500)


def plain(source):
    """The bytes of a compressed trace."""
    return subprocess.run(["zstd", "-dc", source], capture_output=True, check=True).stdout


def records(data):
    """(offset, length, type) of each record."""
    at = 40
    while at < len(data):
        length, kind = struct.unpack_from("<IH", data, at + 4)
        yield at, length, kind
        at += length


def altered(data, kind, offset, mask=1):
    """The trace with one bit of the first record of KIND changed, its checksum right again."""
    data = bytearray(data)
    at, length, _ = next(r for r in records(data) if r[2] == kind)
    data[at + offset] ^= mask
    struct.pack_into("<I", data, at, zlib.crc32(data[at + 4:at + length]))
    return bytes(data)


def write(name, data):
    with open(path(name), "wb") as file:
        file.write(data)
    return path(name)


class Usage(unittest.TestCase):
    def test_wrong_usage_is_one_line_and_status_2(self):
        for arguments in ((), ("nonsense",), ("show",), ("show", "--nonsense", KERNEL),
                          ("show", "-e", "x", KERNEL), ("show", "-r", "5-4", KERNEL),
                          ("show", "-R", "FINE", KERNEL), ("show", "-n", "0", KERNEL),
                          ("show", "-c", "-1", KERNEL), ("show", KERNEL, KERNEL),
                          ("diff", KERNEL), ("info", "-e", "1", KERNEL), ("show", "-e"),
                          ("cut", KERNEL), ("import-kvm", KERNEL),
                          ("export", "--html", "--json", KERNEL),
                          ("stat", "-s", "/nonexistent", KERNEL),
                          ("replay", "-k", "/nonexistent", KERNEL)):
            run = tool(*arguments)
            self.assertEqual(run.returncode, 2, arguments)
            self.assertRegex(run.stderr, r"\A(usage: )?sevc-trace[^\n]+\n\Z", arguments)

    def test_wrong_usage_is_named(self):
        for arguments, words in ((("show", "-E", "3", KERNEL), "show: .*'E'"),
                                 (("show", KERNEL, "--each=3"), "show: .*'--each=3'"),
                                 (("show", KERNEL, "--exit"), "show: .*'--exit'"),
                                 (("show", KERNEL, "-e"), "show: .*'e'"),
                                 (("info",), r"^usage: sevc-trace info \[OPTIONS\] FILE"),
                                 (("diff", KERNEL), r"^usage: sevc-trace diff \[OPTIONS\] FILE FILE")):
            self.assertRegex(tool(*arguments).stderr, words)

    def test_help(self):
        self.assertIn("replay", tool("--help").stdout)
        self.assertIn("--exit", tool("show", "--help").stdout)

    def test_output_that_cannot_be_written_is_status_4(self):
        for command in ("show", "stat", "export", "replay", "cut"):
            run = tool(command, "-o", "/nonexistent/file", KERNEL)
            self.assertEqual(run.returncode, 4, command)
            self.assertIn("/nonexistent/file", run.stderr)
        self.assertEqual(tool("show", "-o", "/dev/full", KERNEL).returncode, 4)


class Damage(unittest.TestCase):
    def test_a_truncated_trace_is_used_as_far_as_it_goes(self):
        data = plain(KERNEL)
        cut = write("cut.svt", data[:len(data) // 2])
        for command in ("info", "show", "stat", "export", "replay"):
            run = tool(command, cut)
            self.assertEqual(run.returncode, 3, command)
            self.assertRegex(run.stderr, r"truncated: the record at byte \d+ of the trace")
            self.assertNotEqual(run.stdout, "")
        self.assertGreater(len(tool("show", cut).stdout.splitlines()), 300)

    def test_a_flipped_bit_is_said(self):
        data = bytearray(plain(KERNEL))
        data[len(data) // 2] ^= 4
        run = tool("info", write("flipped.svt", bytes(data)))
        self.assertEqual(run.returncode, 3)
        self.assertIn("damaged at byte", run.stderr)

    def test_what_is_no_trace_is_said(self):
        for name, data in (("empty", b""), ("text", b"hello\n" * 100)):
            run = tool("stat", write(name, data))
            self.assertEqual(run.returncode, 3)
            self.assertIn("no sevc trace", run.stderr)
        self.assertEqual(tool("info", "/nonexistent").returncode, 3)


class Look(unittest.TestCase):
    def test_info(self):
        run = tool("info", KERNEL)
        self.assertEqual(run.returncode, 0)
        self.assertIn("recorded by the emulated platform", run.stdout)
        kinds = collections.Counter(kind for _, _, kind in records(plain(KERNEL)))
        self.assertRegex(run.stdout, rf"EXCEPTION +{kinds[2]}\n")
        self.assertRegex(run.stdout, rf"RESULT +{kinds[9]}\n")

    def test_standard_input(self):
        with open(KERNEL, "rb") as file:
            run = tool("info", "-", stdin=file.read())
        self.assertEqual(run.returncode, 0)

    def test_filters(self):
        lines = tool("show", KERNEL).stdout.splitlines()
        exceptions = [line for line in lines if " exit=" in line]
        for options, pattern in ((("-e", "0x72"), r"exit=0x72 "), (("-c", "0"), r"^cpu=0 "),
                                 (("-e", "0x7b", "-n", "3"), None)):
            found = tool("show", *options, KERNEL).stdout.splitlines()
            found = [line for line in found if " exit=" in line]
            expected = ([line for line in exceptions if re.search(pattern, line)] if pattern else
                        [line for line in exceptions if "exit=0x7b" in line][:3])
            self.assertEqual(found, expected, options)
            self.assertTrue(found)
        self.assertEqual(tool("show", "-c", "7", KERNEL).stdout, "")
        rip = re.search(r"rip=(\S+)", exceptions[-1]).group(1)
        at = int(rip, 16)
        found = tool("show", "-r", f"{at:#x}-{at + 1:#x}", KERNEL).stdout.splitlines()
        self.assertEqual(found, [line for line in exceptions
                                 if at <= int(re.search(r"rip=(\S+)", line).group(1), 16) <= at + 1])

    def test_full_shows_registers_and_pages(self):
        out = tool("show", "-f", "-e", "0x7c", "-n", "1", KERNEL).stdout
        for text in ("MSR", "PAGE_SENT", "SW_EXITCODE=0x7c", "PAGE_RETURNED", "RESULT", "r15=",
                     "rdmsr"):
            self.assertIn(text, out)

    def test_stat(self):
        out = tool("stat", KERNEL).stdout
        count = sum(" exit=0x7b" in line for line in tool("show", KERNEL).stdout.splitlines())
        self.assertRegex(out, rf"0x7b +IOIO +{count} ")
        self.assertRegex(out, r"\d  0x[0-9a-f]{16}  (in|out|cpuid)")

    def test_symbols(self):
        program = write("symbols.c", b"int main(void) { return 0; }\n")
        elf = path("symbols")
        subprocess.run(["gcc", "-g", "-static", "-no-pie", "-o", elf, program], check=True)
        names = subprocess.run(["nm", elf], capture_output=True, check=True, encoding="ascii").stdout
        main = int(re.search(r"^(\w+) T main$", names, re.M).group(1), 16)
        data = bytearray(plain(KERNEL))
        for at, length, kind in records(data):
            if kind == 2:
                struct.pack_into("<Q", data, at + 32, main + 1)
                struct.pack_into("<I", data, at, zlib.crc32(data[at + 4:at + length]))
        out = tool("stat", "-s", elf, write("symbols.svt", bytes(data))).stdout
        self.assertIn("main+0x1", out)


class Compare(unittest.TestCase):
    def test_a_trace_equals_itself(self):
        run = tool("diff", KERNEL, write("plain.svt", plain(KERNEL)))
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertIn(" 0 differences", run.stdout)

    def test_differences_are_told(self):
        data = plain(KERNEL)
        for kind, offset, text in ((RESULT, 72 + 8 * 15, "other registers afterwards"),
                                   (RESULT, 32, "another end"), (SENT, 56, "another request"),
                                   (2, 200, "another exit"), (2, 32, "another RIP")):
            run = tool("diff", KERNEL, write("other.svt", altered(data, kind, offset)))
            self.assertEqual(run.returncode, 1, text)
            self.assertIn(text, run.stdout)

    def test_a_shorter_one_differs(self):
        self.assertEqual(tool("cut", "-n", "50", "-o", path("short.svt.zst"), KERNEL).returncode, 0)
        run = tool("diff", KERNEL, path("short.svt.zst"))
        self.assertEqual(run.returncode, 1)
        self.assertIn("50 exceptions compared", run.stdout)
        self.assertRegex(run.stdout, r"only \S+ has \d+ more")


class Replay(unittest.TestCase):
    def test_a_changed_trace_is_noticed(self):
        data = plain(KERNEL)
        for kind, offset, text in ((RESULT, 72, "RAX is not the same afterwards"),
                                   (RESULT, 72 + 8 * 15, "R15 is not the same afterwards"),
                                   (RESULT, 32, "RIP is not the same afterwards"),
                                   (SENT, 56, "only sevc asks for IOIO")):
            run = tool("replay", write("changed.svt", altered(data, kind, offset)))
            self.assertEqual(run.returncode, 1, text)
            self.assertIn(text, run.stdout)

    def test_what_is_expected_must_be_there(self):
        known = write("known", b"0x72 CPUID: nothing of the kind # no reason\n")
        run = tool("replay", "-k", known, KERNEL)
        self.assertEqual(run.returncode, 1)
        self.assertIn("expected, but not there", run.stdout)
        known = write("known", b"~ 0x72 CPUID: nothing of the kind # no reason\n")
        self.assertEqual(tool("replay", "-k", known, KERNEL).returncode, 0)
        known = write("known", b"0x72 CPUID: nothing of the kind\n")
        self.assertEqual(tool("replay", "-k", known, KERNEL).returncode, 2)


class Cut(unittest.TestCase):
    def test_a_part_is_a_trace(self):
        out = path("part.svt.zst")
        self.assertEqual(tool("cut", "-E", "4", "-o", out, KERNEL).returncode, 0)
        exits = collections.Counter(re.findall(r" exit=(\S+)", tool("show", out).stdout))
        self.assertEqual(set(exits.values()), {4})
        self.assertGreater(len(exits), 3)
        self.assertEqual(tool("replay", out).returncode, 0)
        self.assertEqual(tool("cut", "-e", "0x123", "-o", out, KERNEL).returncode, 1)


class Export(unittest.TestCase):
    def test_json_has_each_exception(self):
        run = tool("export", KERNEL)
        events = json.loads(run.stdout)["traceEvents"]
        kinds = collections.Counter(kind for _, _, kind in records(plain(KERNEL)))
        names = collections.Counter(event["name"] for event in events)
        self.assertEqual(sum(n for name, n in names.items() if not name.startswith("VMGEXIT")),
                         kinds[2])
        self.assertEqual(sum(n for name, n in names.items() if name.startswith("VMGEXIT")),
                         kinds[5] + kinds[7])
        for event in events:
            self.assertEqual(event["ph"], "X")
            self.assertGreaterEqual(event["dur"], 0)

    def test_html_in_a_browser(self):
        page = path("report.html")
        self.assertEqual(tool("export", "--html", "-o", page, KERNEL).returncode, 0)
        with open(page, encoding="utf-8") as file:
            text = file.read()
        self.assertNotRegex(text, r"https?://|<script|<link|@import")
        browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
                   f"--user-data-dir={path('browser')}", "--window-size=1150,900"]
        dom = subprocess.run([*browser, "--dump-dom", "file://" + page], capture_output=True,
                             check=True, encoding="utf-8", timeout=300).stdout
        self.assertIn('id="histogram"', dom)
        self.assertIn('class="timeline"', dom)
        kinds = collections.Counter(kind for _, _, kind in records(plain(KERNEL)))
        self.assertIn(f"{kinds[2]} exceptions", dom)
        picture = path("report.png")
        subprocess.run([*browser, f"--screenshot={picture}", "file://" + page],
                       capture_output=True, check=True, timeout=300)
        with open(picture, "rb") as file:
            self.assertEqual(file.read(4), b"\x89PNG")
        self.assertGreater(os.path.getsize(picture), 20000)


FTRACE = b"""# tracer: nop
 qemu-system-x86-4711  [003] d..1.  1234.567891: kvm_vmgexit_enter: vcpu 0, exit_reason 72, exit_info1 0, exit_info2 0
 qemu-system-x86-4711  [003] d..1.  1234.567899: kvm_vmgexit_exit: vcpu 0, exit_reason 72, exit_info1 1, exit_info2 8000030d
 qemu-system-x86-4712  [001] .....  1234.568000: kvm_exit: vcpu 1 reason VMGEXIT
 qemu-system-x86-4712  [001] d..1.  1234.569000: kvm_vmgexit_msr_protocol_enter: vcpu 11, ghcb_gpa 0000000080000004
 qemu-system-x86-4712  [001] d..1.  1234.569100: kvm_vmgexit_msr_protocol_exit: vcpu 11, ghcb_gpa 8000001f00000005, result 1
"""


class ImportKvm(unittest.TestCase):
    def test_what_the_events_hold_is_kept(self):
        out = path("kvm.svt.zst")
        run = tool("import-kvm", "-o", out, write("kvm.txt", FTRACE))
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("4 records, 2 other lines", run.stdout)
        self.assertIn("Linux KVM", tool("info", out).stdout)
        shown = tool("show", out).stdout.splitlines()
        self.assertEqual(len(shown), 4)
        self.assertIn("cpu=0 n=2 time=1234567891000 explicit:  PAGE_SENT", shown[0])
        self.assertIn("SW_EXITCODE=0x72", shown[0])
        self.assertIn("SW_EXITINFO1=0x1 SW_EXITINFO2=0x8000030d", shown[1])
        self.assertIn("cpu=11 ", shown[2])
        self.assertIn("0x80000004 CPUID", shown[2])
        self.assertIn("MSR_RETURNED 0x8000001f00000005", shown[3])

    def test_a_line_that_is_cut_is_said(self):
        text = FTRACE.replace(b", exit_info2 8000030d", b"")
        run = tool("import-kvm", "-o", path("bad.svt"), write("bad.txt", text))
        self.assertEqual(run.returncode, 3)
        self.assertIn("bad.txt:3:", run.stderr)
        run = tool("import-kvm", "-o", path("bad.svt"), write("none.txt", b"nothing\n"))
        self.assertEqual(run.returncode, 3)


def bodies(bytes_):
    """The header of the corpus's trace, its records, and how often they make that many bytes."""
    data = plain(KERNEL)
    return data[:40], data[40:], bytes_ // len(data[40:]) + 1


class Big(unittest.TestCase):
    """Traces made of the corpus again and again; address space is limited."""

    def run_limited(self, *arguments):
        run = subprocess.run(["bash", "-c", f"ulimit -v {LIMIT_BYTES >> 10}; exec \"$@\"", "-", TOOL,
                              *arguments], capture_output=True, text=True, check=False, timeout=800)
        self.assertEqual(run.returncode, 0, (arguments, run.stderr))
        return run.stdout

    def test_memory_does_not_grow(self):
        head, body, count = bodies(BIG_BYTES)
        big = path("big.svt")
        with open(big, "wb") as file:
            file.write(head)
            for _ in range(count):
                file.write(body)
        try:
            for command in (["info"], ["export", "--html", "-o", path("big.html")]):
                self.run_limited(*command, big)
            self.assertLess(os.path.getsize(path("big.html")), 1 << 20)
        finally:
            os.unlink(big)

    def test_a_gigabyte(self):
        """Compressed, in frames of a few megabytes each: the file is small, the trace is not."""
        head, body, _ = bodies(0)
        many = FRAME_BYTES // len(body)
        count = GIGABYTE // (many * len(body)) + 1
        compress = ["zstd", "-q", "-c", "--long=23"]
        first = subprocess.run(compress, input=head, capture_output=True, check=True).stdout
        frame = subprocess.run(compress, input=body * many, capture_output=True, check=True).stdout
        big = path("gigabyte.svt.zst")
        with open(big, "wb") as file:
            file.write(first)
            for _ in range(count):
                file.write(frame)
        try:
            said = self.run_limited("stat", big)
            once = next(line for line in tool("stat", KERNEL).stdout.splitlines()
                        if line.startswith("0x72")).split()
            all_of_it = next(line for line in said.splitlines() if line.startswith("0x72")).split()
            self.assertEqual(int(all_of_it[2]), many * count * int(once[2]), (once, all_of_it))
        finally:
            os.unlink(big)


class Progress(unittest.TestCase):
    """A line on a terminal, at most once a second. No test waits for a machine to be slow."""

    def start(self, *arguments):
        """The tool, reading a pipe, with a terminal for its complaints."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        child = subprocess.Popen([TOOL, *arguments, "-"], stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, stderr=theirs)
        self.addCleanup(child.stdin.close)
        os.close(theirs)
        return child, ours

    @staticmethod
    def said(terminal, seconds):
        if not select.select([terminal], [], [], seconds)[0]:
            return b""
        try:
            return os.read(terminal, 4096)
        except OSError:  # nobody has the other end any more
            return b""

    def test_a_long_trace_is_counted_and_the_line_is_wiped_away(self):
        head, body, _ = bodies(0)
        child, terminal = self.start("info")
        child.stdin.write(head)
        line = b""
        for _ in range(1000):  # until the second in which it began is over
            child.stdin.write(body)
            child.stdin.flush()
            line += self.said(terminal, 0.1)
            if line:
                break
        match = re.match(rb"\r(\d+) MiB, (\d+) records", line)
        self.assertIsNotNone(match, line)
        self.assertEqual(int(match[2]) % 4096, 0, line)
        child.stdin.close()
        end = line
        while (more := self.said(terminal, 60)) != b"":
            end += more
        self.assertEqual(child.wait(timeout=60), 0)
        self.assertTrue(end.endswith(b"\r\033[K"), end)

    def test_quiet_says_nothing(self):
        head, body, _ = bodies(0)
        child, terminal = self.start("info", "--quiet")
        child.stdin.write(head)
        for _ in range(25):
            child.stdin.write(body)
            child.stdin.flush()
            self.assertEqual(self.said(terminal, 0.1), b"")
        child.stdin.close()
        self.assertEqual(self.said(terminal, 60), b"")
        self.assertEqual(child.wait(timeout=60), 0)

    def stopped_in_between(self, name):
        """What the tool says that is stopped, soon after it has begun to read, for a second."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        child = subprocess.Popen([TOOL, "info", name], stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        while child.poll() is None:
            with open(f"/proc/{child.pid}/io", encoding="ascii") as file:
                if int(file.readline().split()[1]) > 1 << 20:
                    break
        child.send_signal(signal.SIGSTOP)
        time.sleep(1.1)
        child.send_signal(signal.SIGCONT)
        said = b""
        while (more := self.said(ours, 60)) != b"":
            said += more
        self.assertEqual(child.wait(timeout=60), 0)
        return said

    def test_a_file_has_percents(self):
        head, body, count = bodies(BIG_BYTES // 8)
        said = b""
        for attempt in range(5):  # it may be done before it is stopped: then a longer one
            name = write("long.svt", head + body * (count << attempt))
            said = self.stopped_in_between(name)
            os.unlink(name)
            if said:
                break
        match = re.match(rb"\r(\d+) MiB, \d+ records, (\d+) %  ", said)
        self.assertIsNotNone(match, said)
        self.assertTrue(0 < int(match[2]) <= 100, said)
        self.assertTrue(said.endswith(b"\r\033[K"), said)


if __name__ == "__main__":
    os.makedirs(DIRECTORY, exist_ok=True)
    unittest.main(argv=sys.argv[:1], verbosity=2)
