#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tools/sevc-run against a fake QEMU that plays reports: every status, every refusal."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LAUNCHER = os.path.join(HERE, "..", "..", "tools", "sevc-run")
FAKE_QEMU = os.path.join(HERE, "fake_qemu.py")

ELF64 = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x3e\x00" + bytes(44)
ELF32 = b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x02\x00\x03\x00" + bytes(44)

HISTOGRAM = (
    "count exit=0x72 vc=12 vmgexit=13\n"
    "count exit=0x80000001 vc=0 vmgexit=2\n"
    "count exit=0x400 vc=2 vmgexit=0\n"
    "count msr=0x004 vmgexit=4\n"
    "total vc=14 vmgexit=19 violations=0\n"
)
VIOLATION = "violation cpu=0 rip=0x401000 exit=0x403 rule=leak-width RAX is 0x141, needs 8 bits\n"


def read(*path):
    with open(os.path.join(HERE, "..", "..", *path), encoding="utf-8") as file:
        return file.read()


class LauncherTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.kernel = self.file("kernel.elf", ELF64)
        self.rom = self.file("monitor.rom", b"rom")
        self.seen_path = os.path.join(self.folder, "seen.json")
        self.environment = dict(os.environ, FAKE_QEMU=os.path.join(self.folder, "play.json"),
                                FAKE_QEMU_SEEN=self.seen_path)
        self.environment.pop("SEVC_BUILD_DIR", None)

    def file(self, name, content=b""):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def command(self, *options, **play):
        self.file("play.json", json.dumps(play).encode())
        return [sys.executable, LAUNCHER, "--qemu", FAKE_QEMU, "--monitor-rom", self.rom, *options]

    def launch(self, *options, **play):
        return self.launch_raw(*options, self.kernel, **play)

    def launch_raw(self, *options, **play):
        return subprocess.run(self.command(*options, **play), capture_output=True, text=True,
                              env=self.environment, timeout=60, check=False)

    def seen(self):
        with open(self.seen_path, encoding="utf-8") as file:
            return json.load(file)

    def qemu_is_alive(self):
        try:
            os.kill(self.seen()["pid"], 0)
        except (ProcessLookupError, ValueError):  # ValueError: ended before it had noted its id
            return False
        return True

    # ---- The trace ----

    def test_a_trace_that_is_not_whole_is_told_in_the_verdict(self):
        for report, words in (("verdict success\n", "; the guest reported success"),
                              (VIOLATION + "verdict success\n", "; the guest violated the GHCB"),
                              ("", "; QEMU ended with status 0 and no verdict")):
            with self.subTest(report):
                result = self.launch("--report", "json", "--trace", "/dev/full", report=report)
                self.assertEqual(result.returncode, 15)
                answer = json.loads(result.stdout)
                self.assertEqual((answer["status"], answer["verdict"]), (15, "error"))
                self.assertTrue(answer["words"].startswith(
                    "--trace /dev/full: No space left on device" + words), answer["words"])
        result = self.launch("--trace", "/dev/full", report="verdict success\n")
        self.assertEqual((result.returncode, result.stderr), (15, ""))
        self.assertIn("verdict: --trace /dev/full: No space left", result.stdout)

    # ---- Verdicts ----

    def test_each_verdict_has_its_status_and_its_words(self):
        cases = (
            ("success", 0, "the guest reported success"),
            ("failure code=7", 10, "the guest reported failure, code 7"),
            ("violation stopped at the first", 11, "violated the GHCB protocol"),
            ("terminated set=0 code=1", 12,
             "reason set 0, code 1 (no common protocol version)"),
            ("terminated set=1 code=2", 12, "reason set 1, code 2\n"),
            ("triple-fault at rip=0x1000", 13, "the guest triple-faulted: at rip=0x1000"),
            ("error no fw_cfg device", 15, "the monitor gave up: no fw_cfg device"),
        )
        for verdict, status, words in cases:
            with self.subTest(verdict):
                result = self.launch(report=HISTOGRAM + f"verdict {verdict}\n", status=33)
                self.assertEqual(result.returncode, status, result.stderr)
                self.assertIn(words, result.stdout)

    def test_a_violation_outweighs_success(self):
        result = self.launch(report=VIOLATION + HISTOGRAM + "verdict success\n")
        self.assertEqual(result.returncode, 11)
        self.assertIn("rule=leak-width RAX is 0x141", result.stderr)
        self.assertIn("1 violation)", result.stdout)

    def test_a_violation_in_the_total_only_is_one(self):
        result = self.launch(report="total vc=1 vmgexit=1 violations=3\nverdict success\n")
        self.assertEqual(result.returncode, 11)
        self.assertIn("3 violations", result.stdout)

    def test_the_verdict_names_who_forgot_nmi_complete(self):
        missing = "; NMI_COMPLETE is missing on processor"
        cases = (
            ("success", 0, "success" + missing, "0", [0]),
            ("success the guest powered off", 0, "powered off" + missing, "1,3", [1, 3]),
            ("failure code=7", 10, "failure, code 7" + missing, "2", [2]),
            ("error the guest halted for ever", 15, "halted for ever" + missing, "0", [0]),
        )
        for verdict, status, words, forgotten, processors in cases:
            report = HISTOGRAM + f"verdict {verdict} nmi-complete-missing={forgotten}\n"
            with self.subTest(verdict):
                result = self.launch("--report", "json", report=report)
                answer = json.loads(result.stdout)
                self.assertEqual(result.returncode, status)
                self.assertTrue(answer["words"].endswith(
                    f"{words} {forgotten.replace(',', ', ')}, which gets no further NMI"))
                self.assertEqual(answer["nmi_complete_missing"], processors)
        result = self.launch("--report", "json", report=HISTOGRAM + "verdict success\n")
        self.assertEqual(json.loads(result.stdout)["nmi_complete_missing"], [])

    def test_the_first_verdict_counts(self):
        self.assertEqual(self.launch(report="verdict failure code=1\nverdict success\n").returncode,
                         10)

    def test_an_unknown_verdict_is_an_error(self):
        self.assertEqual(self.launch(report="verdict splendid\n").returncode, 15)

    # ---- No verdict ----

    def test_qemu_without_a_verdict_is_an_error_never_success(self):
        for report in ("", HISTOGRAM, "verdict success", "verdict succ"):
            with self.subTest(report):
                result = self.launch(report=report, status=0)
                self.assertEqual(result.returncode, 15)
                self.assertIn("no verdict", result.stdout)

    def test_qemu_that_dies_is_an_error_with_its_last_words(self):
        result = self.launch(stderr="qemu: could not load PC BIOS\n", status=1)
        self.assertEqual(result.returncode, 15)
        self.assertIn("could not load PC BIOS", result.stdout)
        self.assertIn("could not load PC BIOS", result.stderr)
        self.assertEqual(self.launch(signal=signal.SIGSEGV).returncode, 15)

    def test_out_of_time(self):
        started = time.monotonic()
        result = self.launch("--timeout", "1", console="hello\n", report=HISTOGRAM[:33], sleep=50)
        self.assertEqual(result.returncode, 14)
        self.assertLess(time.monotonic() - started, 20)
        self.assertIn("no verdict after 1 second", result.stdout)
        self.assertIn("hello", result.stdout)
        self.assertFalse(self.qemu_is_alive())

    def test_qemu_that_ignores_sigterm_is_killed(self):
        result = self.launch("--timeout", "1", sleep=50, ignore_sigterm=True)
        self.assertEqual(result.returncode, 14)
        self.assertFalse(self.qemu_is_alive())

    def test_a_verdict_stands_though_qemu_does_not_end(self):
        result = self.launch("--timeout", "2", report="verdict success\n", sleep=50)
        self.assertEqual(result.returncode, 0)
        self.assertFalse(self.qemu_is_alive())

    def test_signals_end_the_qemu_that_was_started(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                self.interrupt(number)

    def interrupt(self, number):
        if os.path.exists(self.seen_path):
            os.unlink(self.seen_path)
        with subprocess.Popen(self.command(self.kernel, sleep=50), env=self.environment,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as launcher:
            self.wait_for_qemu()
            launcher.send_signal(number)
            self.assertEqual(launcher.wait(20), 128 + number)
        self.assertFalse(self.qemu_is_alive())
        self.assertNotEqual(self.seen()["sid"], os.getsid(0))

    def wait_for_qemu(self):
        for _ in range(200):
            if os.path.exists(self.seen_path) and os.path.getsize(self.seen_path) > 0:
                return
            time.sleep(0.05)
        self.fail("QEMU was not started")

    # ---- What is printed ----

    def test_the_table_names_every_event(self):
        out = self.launch(report=HISTOGRAM + "verdict success\n").stdout
        rows = [" ".join(line.split()) for line in out.splitlines()]
        for row in ("0x72 CPUID 12 13", "0x80000001 MMIO read 0 2",
                    "0x400 nested page fault (MMIO) 2 0", "MSR 0x004 CPUID 4", "total 14 19"):
            self.assertIn(row, rows)

    def test_the_console_is_copied_byte_by_byte(self):
        self.assertTrue(self.launch(console="one\r\n\u00e9\ntwo", report="verdict success\n")
                        .stdout.startswith("one"))

    def test_a_log_file_alone_means_level_1(self):
        log = os.path.join(self.folder, "log")
        self.launch("--log-file", log, report="sevc-monitor: start\nverdict success\n")
        self.assertIn("string=log=1 ", " ".join(self.seen()["arguments"]))
        with open(log, encoding="utf-8") as file:
            self.assertEqual(file.read(), "sevc-monitor: start\n")

    def test_a_log_file_that_cannot_be_written_is_refused_and_qemu_ended(self):
        result = self.launch("--log-file", self.folder, sleep=50)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--log-file", result.stderr)
        self.assertFalse(os.path.exists(self.seen_path) and self.qemu_is_alive())

    def test_a_closed_standard_output_ends_the_run(self):
        with subprocess.Popen(self.command(self.kernel, console="x" * 1000, sleep=50),
                              env=self.environment, stdout=subprocess.PIPE) as launcher:
            launcher.stdout.close()
            self.assertEqual(launcher.wait(20), 128 + signal.SIGPIPE)
        self.assertFalse(self.qemu_is_alive())

    def test_the_verdict_starts_a_line(self):
        self.assertIn("two\n\nverdict:",
                      self.launch(console="one\ntwo", report="verdict success\n").stdout)
        self.assertIn("two\n\nverdict:",
                      self.launch(console="one\ntwo\n", report="verdict success\n").stdout)

    def test_qemus_warnings_of_missing_features_are_left_out(self):
        noise = "qemu: warning: TCG doesn't support requested feature: CPUID.07H:EBX.sha-ni\n"
        result = self.launch(stderr=noise + "something real\n" + noise, status=1)
        self.assertEqual(result.stderr, "qemu: something real\n")
        self.assertIn("(something real)", result.stdout)

    def test_lines_may_arrive_in_pieces(self):
        steps = [{"report": "verd", "sleep": 0.2}, {"report": "ict failure code=3\n"}]
        self.assertEqual(self.launch(steps=steps).returncode, 10)

    def test_violations_are_printed_at_once(self):
        with subprocess.Popen(self.command(self.kernel, report=VIOLATION, sleep=50),
                              env=self.environment, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as launcher:
            self.assertIn("rule=leak-width", launcher.stderr.readline())
            launcher.terminate()
            launcher.wait(20)

    def test_log_lines_appear_on_request_only(self):
        report = "sevc-monitor: start\nvc cpu=0 exit=0x72 rip=0x1\nverdict success\n"
        self.assertNotIn("vc cpu=0", self.launch(report=report).stderr)
        self.assertIn("vc cpu=0", self.launch("--log", "2", report=report).stderr)
        log = os.path.join(self.folder, "log")
        result = self.launch("--log", "2", "--log-file", log, report=report)
        self.assertNotIn("vc cpu=0", result.stderr)
        with open(log, encoding="utf-8") as file:
            self.assertIn("vc cpu=0 exit=0x72 rip=0x1\n", file.read())

    def test_json_is_all_that_is_on_standard_output(self):
        report = VIOLATION + HISTOGRAM + "verdict violation stopped at the first\n"
        result = self.launch("--report", "json", console="hello\n", report=report)
        answer = json.loads(result.stdout)
        self.assertEqual(result.returncode, 11)
        self.assertEqual(answer["status"], 11)
        self.assertEqual(answer["verdict"], "violation")
        self.assertEqual(answer["violations"][0]["rule"], "leak-width")
        self.assertEqual(answer["violations"][0]["rip"], "0x401000")
        self.assertIn({"exit": 0x72, "vc": 12, "vmgexit": 13}, answer["counts"])
        self.assertEqual(answer["totals"]["vmgexit"], 19)
        self.assertIn("hello", result.stderr)

    def test_each_key_of_the_json_is_explained(self):
        text = read("docs", "sevc-run.md").partition("\n## JSON\n")[2].partition("\n## ")[0]
        result = self.launch("--report", "json", report=HISTOGRAM + "verdict success\n")
        self.assertEqual(re.findall(r'(?m)^      "(\w+)":', text), list(json.loads(result.stdout)))

    def test_json_tells_a_timeout(self):
        result = self.launch("--report", "json", "--timeout", "1", sleep=50)
        self.assertEqual(json.loads(result.stdout)["verdict"], "timeout")

    # ---- The command line ----

    def arguments(self, *options, kernel=None):
        result = self.launch_raw(*options[:self.before(options)], kernel or self.kernel,
                                 *options[self.before(options):], report="verdict success\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.seen()["arguments"]

    @staticmethod
    def before(options):
        return options.index("--") if "--" in options else len(options)

    def test_what_an_emulated_sev_es_guest_needs_is_given(self):
        arguments = self.arguments()
        for pair in (("-accel", "tcg"), ("-machine", "q35"), ("-m", "1024M"), ("-smp", "1"),
                     ("-cpu", "EPYC,+svm,+npt,phys-bits=48"), ("-bios", self.rom),
                     ("-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
                     ("-device", "isa-debugcon,iobase=0x505,chardev=report"),
                     ("-device", "isa-debugcon,iobase=0xe9,chardev=debug"),
                     ("-fw_cfg", f"name=opt/sevc/kernel,file={self.kernel}"),
                     ("-fw_cfg", "name=opt/sevc/config,string=log=0 rdtsc=native")):
            self.assertIn(pair, list(zip(arguments, arguments[1:])))
        self.assertIn("-no-reboot", arguments)
        self.assertFalse([a for a in arguments if "cmdline" in a])

    def test_options_reach_qemu(self):
        arguments = self.arguments("--cpus", "4", "--nmi-storm", "100", "--nmi-storm", "immediate",
                                   "--irq-storm", "70", "--seed", "9", "--nmi-window", "iret")
        for pair in (("-smp", "4"), ("-accel", "tcg,thread=single"), ("-global", "hpet.msi=on")):
            self.assertIn(pair, list(zip(arguments, arguments[1:])))
        self.assertIn("nmi-window=iret nmi-storm=100 nmi-storm=immediate irq-storm=70 seed=9",
                      " ".join(arguments))
        arguments = self.arguments("--icount", "5")
        self.assertIn("shift=5,sleep=off", arguments)
        arguments = self.arguments("--memory", "2G", "--machine", "pc", "--append", "a=1 b",
                                   "--", "-device", "edu")
        self.assertIn("4G", arguments)
        self.assertIn("pc", arguments)
        self.assertIn("name=opt/sevc/cmdline,string=a=1 b", arguments)
        self.assertEqual(arguments[-2:], ["-device", "edu"])
        arguments = self.arguments("--memory", "2G", "--views", "off")
        self.assertIn("2G", arguments)
        self.assertIn("views=off", " ".join(arguments))

    def test_the_verdict_names_what_the_guest_was_spared(self):
        spared = ("--allow", "unscrubbed", "--views", "off")
        result = self.launch(*spared, report="verdict success\n")
        self.assertIn("verdict: the guest reported success [allow unscrubbed; "
                      "encryption views off]\n", result.stdout)
        result = self.launch(*spared, "--report", "json", report="verdict success\n")
        self.assertEqual(json.loads(result.stdout)["concessions"],
                         ["allow unscrubbed", "encryption views off"])
        self.assertNotIn("[", self.launch(report="verdict success\n").stdout)

    def test_the_monitors_options_are_one_line(self):
        self.assertIn("name=opt/sevc/config,string=log=3 rdtsc=intercept stop=never "
                      "allow=version-zero,,unscrubbed",
                      self.arguments("--log", "3", "--rdtsc", "intercept", "--keep-going",
                                     "--allow", "version-zero", "--allow", "unscrubbed",
                                     "--log-file", os.devnull))

    def test_commas_in_names_survive(self):
        kernel = self.file("a,b/k,,.elf", ELF64)
        module = self.file("m,1.bin")
        arguments = self.arguments("--append", "x,y", "--module", f"{module}:n,1", kernel=kernel)
        doubled = module.replace(",", ",,")
        for value in (f"name=opt/sevc/kernel,file={kernel.replace(',', ',,')}",
                      f"name=opt/sevc/module/0,file={doubled}",
                      "name=opt/sevc/module-name/0,string=n,,1",
                      "name=opt/sevc/cmdline,string=x,,y"):
            self.assertIn(value, arguments)

    def test_modules_are_numbered_and_named(self):
        first, second = self.file("first"), self.file("with:colon")
        arguments = self.arguments("--module", f"{first}:initrd", "--module", second)
        for value in (f"name=opt/sevc/module/0,file={first}",
                      "name=opt/sevc/module-name/0,string=initrd",
                      f"name=opt/sevc/module/1,file={second}",
                      f"name=opt/sevc/module-name/1,string={second}"):
            self.assertIn(value, arguments)

    def test_gdb_waits_and_says_how_to_attach(self):
        result = self.launch("--gdb", report="verdict success\n")
        self.assertIn("target remote 127.0.0.1:1234", result.stderr)
        self.assertIn("-S", self.seen()["arguments"])
        self.assertIn("tcp:127.0.0.1:4321", self.arguments("--gdb", "4321"))

    def test_a_dry_run_starts_nothing(self):
        result = self.launch("--dry-run", "--qemu", "no-such-qemu")
        self.assertEqual(result.returncode, 0)
        self.assertIn("no-such-qemu -accel tcg", result.stdout)
        self.assertFalse(os.path.exists(self.seen_path))

    def test_nothing_is_left_behind(self):
        before = sorted(os.listdir(self.folder))
        scratch = os.path.join(self.folder, "scratch")
        os.mkdir(scratch)
        self.environment["TMPDIR"] = scratch
        self.launch("--append", "a,b", report="verdict success\n")
        self.assertEqual(os.listdir(scratch), [])
        self.assertEqual(sorted(set(os.listdir(self.folder)) - {"scratch"}),
                         sorted(before + ["play.json", "seen.json"]))

    # ---- Refusals ----

    def refused(self, status, words, *options, kernel=None, **play):
        result = self.launch_raw(*options, kernel or self.kernel, **play)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn(words, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, "one line is enough")
        self.assertFalse(os.path.exists(self.seen_path))

    def test_a_missing_qemu_says_what_to_install(self):
        self.refused(3, "apt-get install qemu-system-x86", "--qemu", "no-such-qemu")

    def test_an_old_qemu_is_refused_by_its_version(self):
        for version in ("7.2.14", "7.1.99", "6.2.0"):
            with self.subTest(version):
                self.refused(3, f"is QEMU {version}",
                             version=f"QEMU emulator version {version} (Debian 1:7.2+dfsg)")

    def test_a_new_enough_qemu_is_accepted(self):
        for version in ("7.2.15", "7.10.0", "10.0.2"):
            with self.subTest(version):
                result = self.launch(version=f"QEMU emulator version {version}",
                                     report="verdict success\n")
                self.assertEqual(result.returncode, 0, result.stderr)

    def test_something_else_than_qemu_is_refused(self):
        self.refused(3, "does not tell a QEMU version", version="hello")

    def test_a_missing_rom_says_what_to_run(self):
        none = os.path.join(self.folder, "none")
        self.refused(3, "scripts/demo, or ", "--monitor-rom", none)
        self.refused(3, "cmake --build build --target sevc-monitor", "--monitor-rom", none)

    def test_the_rom_is_found_in_the_build_folder(self):
        rom = self.file("build/emulator/sevc-monitor.rom")
        self.environment["SEVC_BUILD_DIR"] = os.path.join(self.folder, "build")
        self.file("play.json", json.dumps({"report": "verdict success\n"}).encode())
        result = subprocess.run([sys.executable, LAUNCHER, "--qemu", FAKE_QEMU, self.kernel],
                                env=self.environment, capture_output=True, timeout=60, check=False)
        self.assertEqual(result.returncode, 0)
        self.assertIn(rom, self.seen()["arguments"])

    def test_too_many_processors_are_refused(self):
        self.refused(2, "1 to 8", "--cpus", "9")
        self.refused(2, "1 to 8", "--cpus", "0")

    def test_a_storm_needs_a_number(self):
        self.refused(2, "microseconds, or immediate", "--nmi-storm", "often")
        self.refused(2, "--seed needs", "--seed", "3")

    def test_a_number_out_of_its_range_is_refused(self):
        for option, values in (("--irq-vector", ("5", "31", "256", "-1")),
                               ("--irq-storm", ("0", "1000001", "-1")),
                               ("--nmi-storm", ("0", "1000001")),
                               ("--seed", ("-1", str(1 << 64))),
                               ("--lies", ("-1",)), ("--at", ("-1", str(1 << 64)))):
            for value in values:
                with self.subTest(option=option, value=value):
                    self.refused(2, f"{option} {value}: give ", "--hostile", "reply-info1",
                                 f"{option}={value}")

    def test_numbers_at_the_ends_of_their_ranges_are_accepted(self):
        self.arguments("--irq-vector", "32", "--irq-storm", "1", "--nmi-storm", "1000000",
                       "--seed", str((1 << 64) - 1), "--nmi-window", "iret")
        self.arguments("--irq-vector", "255", "--irq-storm", "1000000", "--seed", "0")

    def test_the_ranges_are_the_monitors(self):
        source = read("emulator", "config.c")
        for key, low, high in (("nmi-storm", 1, 1000000), ("irq-storm", 1, 1000000),
                               ("irq-vector", 32, 255)):
            self.assertIn(f'{{ "{key}", {low}, {high}, ', source)

    def test_the_malicious_hosts_options_are_checked(self):
        wrong = (("foo=1", "there are every, again, after, rip, avoid, arm"), ("every", "=VALUE"),
                 ("every=0", "a number from 1"), ("every=x", "a number"), ("every=-1", "a number"),
                 ("again=", "a number"), ("after=0X5", "a number"), ("rip=5", "FIRST-BEHIND"),
                 ("rip=0x5-", "FIRST-BEHIND"), ("avoid=5-g", "FIRST-BEHIND"),
                 ("arm=never", "guest or start"), ("every=1 stop=never", "a number"))
        for option, words in wrong:
            with self.subTest(option):
                self.refused(2, f"--hostile-option {option}: ", "--hostile", "inject-step",
                             "--hostile-option", option)
                self.refused(2, words, "--hostile", "inject-step", "--hostile-option", option)
        right = ("every=1", "again=0x1f", "after=3", "rip=0x10-0xff", "avoid=1-2", "arm=guest")
        arguments = self.arguments("--hostile", "inject-step",
                                   *(word for o in right for word in ("--hostile-option", o)))
        self.assertIn(" ".join(right), " ".join(arguments))

    def test_as_many_modes_as_the_monitor_takes(self):
        limit = int(re.search(r"HOSTILE_MAX_MODES (\d+)",
                              read("emulator", "hostile_internal.h")).group(1))
        modes = re.findall(r"(?m)^(\S+)", self.launch_raw("--hostile", "list").stdout)
        self.refused(2, f"--hostile: {limit + 1} modes; at most {limit} ",
                     "--hostile", ",".join(modes[:limit + 1]))
        self.arguments("--hostile", ",".join(modes[:limit]))

    def test_the_malicious_hosts_options_are_the_monitors(self):
        keys = re.findall(r'string_equal\(key, "(\w+)"', read("emulator", "hostile_options.c"))
        own = {"hostile", "seed", "at", "lies"}
        told = self.launch("--hostile", "version", "--hostile-option", "?=1").stderr
        self.assertEqual(set(re.findall(r"\w+", told.partition("there are ")[2])), set(keys) - own)

    def test_files_that_cannot_be_booted_are_refused(self):
        self.refused(2, "No such file", kernel=os.path.join(self.folder, "none.elf"))
        self.refused(2, "not a 64-bit x86 ELF", kernel=self.file("32.elf", ELF32))
        self.refused(2, "not a 64-bit x86 ELF", kernel=self.file("empty.elf"))
        self.refused(2, "no such file", "--module", os.path.join(self.folder, "none"))
        self.refused(2, "is a directory", "--module", self.folder)
        self.refused(2, "is a directory", "--module", self.folder + ":name")
        self.refused(2, "--memory", "--memory", "lots")
        self.refused(2, "--memory", "--memory", "1G,slots=2")
        self.refused(2, "--memory", "--memory", "1")

    # ---- Linux ----

    def bzimage(self):
        return self.file("vmlinuz", bytes(0x1FE) + b"\x55\xAA\xEB\x66HdrS" + bytes(64))

    def test_linux_is_handed_over_with_its_disk_and_the_allowances_are_told(self):
        kernel, disk = self.bzimage(), self.file("initrd")
        result = self.launch_raw("--linux", kernel, "--initrd", disk, "--append", "quiet",
                                 "--allow", "unscrubbed", report="verdict success the guest "
                                 "powered off\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("verdict: the guest powered off [allow unscrubbed; allow wide-registers; ",
                      result.stdout)
        arguments = self.seen()["arguments"]
        for item in (f"name=opt/sevc/linux,file={kernel}", f"name=opt/sevc/initrd,file={disk}",
                     "name=opt/sevc/cmdline,string=quiet"):
            self.assertIn(item, arguments)
        self.assertFalse([item for item in arguments if "opt/sevc/kernel" in item])
        self.assertTrue([item for item in arguments if ",,encrypted-rom" in item])

    def test_what_linux_cannot_use_is_refused(self):
        kernel = self.bzimage()
        for words, options in (
                ("give one kernel", ["--linux", kernel, self.kernel]),
                ("is not a Linux bzImage", ["--linux", self.kernel]),
                ("No such file", ["--linux", os.path.join(self.folder, "none")]),
                ("no such file", ["--linux", kernel, "--initrd", "none"]),
                ("takes no modules", ["--linux", kernel, "--module", self.kernel]),
                ("--initrd needs --linux", [self.kernel, "--initrd", kernel]),
                ("no kernel", [])):
            with self.subTest(words):
                result = self.launch_raw(*options)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(words, result.stderr)
                self.assertEqual(len(result.stderr.splitlines()), 1, "one line is enough")

    def test_exits_and_time_are_told(self):
        result = self.launch(report="total vc=1 vmgexit=1 violations=0 exits=57 flips=3\n"
                             "verdict success\n")
        self.assertRegex(result.stdout, "run: 57 exits of QEMU's SVM, 3 page flips, [0-9.]+ sec")

    def test_the_sums_at_a_text_are_the_marks(self):
        firmware = os.path.join(self.folder, "firmware.fd")
        with open(firmware, "wb") as file:
            file.write(bytes(32) + (4096).to_bytes(8, "little") + b"_FVH" + bytes(8192))
        options = ("--firmware", firmware, "--compare", "the shell, at last")
        self.assertIn("mark=" + b"the shell, at last".hex(),
                      self.launch_raw(*options, "--dry-run").stdout)
        result = self.launch_raw(*options[:-1], "x" * 65)
        self.assertEqual(result.returncode, 2)
        self.assertIn("a text of at most 64 bytes", result.stderr)

    def test_a_timeout_is_a_time(self):
        for seconds in ("-3", "-0.1", "nan", "inf"):
            with self.subTest(seconds):
                self.refused(2, f"--timeout {seconds}", f"--timeout={seconds}")
        self.refused(2, "--timeout -3", "--timeout", "-3")

    def test_an_allowance_that_does_not_exist_is_refused_by_its_name(self):
        self.refused(2, "--allow nonsense: no such allowance", "--allow", "nonsense")
        self.refused(2, "no such allowance", "--allow", "version-zero,unscrubbed")

    def test_the_allowances_are_the_monitors(self):
        source = read("emulator", "ghcb_rules.c")
        names = re.findall(r'GHCB_ALLOW_\w+, "([\w-]+)"', source)
        self.assertEqual(len(names), source.count("{ GHCB_ALLOW_"))
        self.arguments(*(word for name in names for word in ("--allow", name)))
        self.assertEqual(re.findall("[a-z][a-z0-9-]+", self.launch("--allow", "?").stderr
                                    .partition("are ")[2]), names)

    def test_a_debuggers_port_is_a_port(self):
        for port in ("0", "65536", "-1"):
            with self.subTest(port):
                self.refused(2, f"--gdb {port}: a port, 1 to 65535", f"--gdb={port}")
        self.refused(2, "--gdb 0: a port", "--gdb", "0")

    def test_qemus_options_in_the_wrong_place_are_told_where_to_go(self):
        result = self.launch("--device", "e1000")
        self.assertEqual(result.returncode, 2)
        self.assertIn("QEMU's options go behind --", result.stderr)

    def test_a_misspelt_option_is_a_usage_error(self):
        self.assertEqual(self.launch("--tiemout", "3").returncode, 2)
        self.assertEqual(self.launch("--log", "4").returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
