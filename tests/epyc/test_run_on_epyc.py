#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""scripts/run-on-epyc on machines that are made up: what it complains of, what it would run."""

import importlib.machinery
import importlib.util
import os
import pathlib
import shlex
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts" / "run-on-epyc"

FAKE_QEMU = """#!/bin/sh
case "$1" in
--version) echo "QEMU emulator version ${FAKE_VERSION:-7.2.22} (Debian)" ;;
-object) printf 'List of user creatable objects:\\n  rng-random\\n  %s\\n' "${FAKE_OBJECT:-sev-guest}" ;;
*) for a in "$@"; do printf '%s\\n' "$a"; done >"$FAKE_SEEN"
   for a in "$@"; do
       case "$a" in
       *fat:rw:*) place=${a##*fat:rw:}; cp "$place"/* "$FAKE_FILES" ;;
       *unit=1*) test -w "${a##*file=}" && cp "${a##*file=}" "$FAKE_FILES" ;;
       esac
   done
   exit "${FAKE_STATUS:-0}" ;;
esac
"""


class Case(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.top = pathlib.Path(temporary.name)
        self.root = self.top / "root"
        for name, text in {
                "cpuid/80000000": "8000001f 0 0 0",
                "cpuid/8000001f": "0000000f 00000173 0000000f 00000064",  # C-bit 51, 5 bits fewer
                "sys/module/kvm_amd/parameters/sev": "Y",
                "sys/module/kvm_amd/parameters/sev_es": "Y",
                "dev/kvm": "", "dev/sev": ""}.items():
            self.write(name, text)
        self.code, self.variables = self.file("CODE.fd"), self.file("VARS.fd")
        self.build = self.top / "build"
        self.application = self.file("build/examples/uefi/sevc.efi")
        self.qemu = self.file("qemu", FAKE_QEMU)
        self.qemu.chmod(0o755)
        (self.top / "files").mkdir()
        self.variables.chmod(0o444)

    def file(self, name, text="x"):
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def write(self, name, text):
        self.file("root/" + name, text + "\n")

    def run_it(self, *arguments, **environment):
        environment = {**os.environ, "SEVC_EPYC_ROOT": str(self.root),
                       "SEVC_BUILD_DIR": str(self.build), "FAKE_SEEN": str(self.top / "seen"),
                       "FAKE_FILES": str(self.top / "files"), **environment}
        return subprocess.run(
            [SCRIPT, "--qemu", self.qemu, "--firmware", self.code, "--variables", self.variables,
             *arguments], capture_output=True, text=True, env=environment, check=False, timeout=60,
            stdin=subprocess.DEVNULL)

    def dry(self, *arguments):
        result = self.run_it("--dry-run", *arguments)
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        return shlex.split(result.stdout)

    def value_of(self, command, option, number=0):
        return [command[i + 1] for i, word in enumerate(command) if word == option][number]


class CommandLine(Case):
    def test_the_guest_is_an_sev_es_guest(self):
        command = self.dry("uefi")
        self.assertEqual(str(self.qemu), command[0])
        self.assertEqual("kvm", self.value_of(command, "-accel"))
        self.assertEqual("q35,confidential-guest-support=sev0,vmport=off",
                         self.value_of(command, "-machine"))
        self.assertEqual("sev-guest,id=sev0,policy=0x5,cbitpos=51,reduced-phys-bits=5",
                         self.value_of(command, "-object"))

    def test_firmware_is_two_flashes_and_only_the_variables_may_be_written(self):
        command = self.dry("uefi")
        self.assertEqual(f"if=pflash,unit=0,format=raw,readonly=on,file={self.code}",
                         self.value_of(command, "-drive"))
        self.assertEqual("if=pflash,unit=1,format=raw,file=DIR/VARS.fd",
                         self.value_of(command, "-drive", 1))

    def test_every_virtio_device_uses_the_iommu_platform(self):
        for arguments in (["uefi"], ["uefi", "kernel"], ["kernel", self.code],
                          ["linux", self.code]):
            devices = [word for word in self.dry(*arguments) if word.startswith("virtio-")]
            self.assertGreaterEqual(len(devices), 1)
            for device in devices:
                self.assertIn("disable-legacy=on,iommu_platform=on", device)

    def test_options_are_passed_on(self):
        command = self.dry("--cpus", "4", "--memory", "3G", "--policy", "0x7", "--cbitpos", "47",
                           "--reduced-phys-bits", "1", "uefi", "--", "-device", "edu")
        self.assertEqual("4", self.value_of(command, "-smp"))
        self.assertEqual("3G", self.value_of(command, "-m"))
        self.assertIn("policy=0x7,cbitpos=47,reduced-phys-bits=1", self.value_of(command, "-object"))
        self.assertEqual(["-device", "edu"], command[-2:])

    def test_a_kernels_image_is_a_disk_that_is_not_written_to(self):
        image = self.file("my, image.iso")
        command = self.dry("kernel", image)
        self.assertIn(f"if=none,id=disk,format=raw,readonly=on,file={self.top}/my,, image.iso",
                      command)

    def test_an_elf_kernel_is_started_by_the_application(self):
        kernel = self.file("my kernel", "\x7fELF and so on")
        command = self.dry("kernel", kernel)
        self.assertIn("if=none,id=disk,format=raw,file=fat:rw:DIR/disk", command)
        self.assertIn("isa-debug-exit,iobase=0xf4,iosize=4", command)
        self.file("build/examples/kernel/example_kernel.elf", "\x7fELF")
        self.assertEqual(command, self.dry("kernel"))

    def test_linux_gets_its_words_whole(self):
        image, initrd = self.file("bz image"), self.file("init $rd")
        command = self.dry("linux", image, "--initrd", initrd, "--append", "console=ttyS0 a='b c'")
        self.assertEqual(str(image), self.value_of(command, "-kernel"))
        self.assertEqual(str(initrd), self.value_of(command, "-initrd"))
        self.assertEqual("console=ttyS0 a='b c'", self.value_of(command, "-append"))
        self.assertNotIn("-initrd", self.dry("linux", image))

    def test_a_real_qemu_knows_every_option(self):
        """But for what needs the hardware: it opens everything, answers one question, and goes."""
        self.code.write_text("\0" * (1 << 20), encoding="ascii")
        self.file("VARIABLES.fd", "\0" * (1 << 17))
        (self.top / "disk").mkdir()
        for arguments in (["uefi"], ["kernel", self.code]):
            command = ["qemu-system-x86_64", *self.dry(*arguments)[1:], "-S", "-monitor", "stdio"]
            for option, value in (("-accel", "tcg"), ("-cpu", "max"), ("-serial", "null")):
                command[command.index(option) + 1] = value
            at = command.index("-machine") + 1
            command[at] = command[at].replace("confidential-guest-support=sev0,", "")
            command = [word.replace("DIR/VARS.fd", f"{self.top}/VARIABLES.fd")
                       .replace("DIR/disk", f"{self.top}/disk") for word in command]
            result = subprocess.run(command, input="quit\n", capture_output=True, text=True,
                                    timeout=120, check=False)
            self.assertEqual((0, ""), (result.returncode, result.stderr))


class Missing(Case):
    def complains(self, *words, arguments=("uefi",), **environment):
        result = self.run_it(*arguments, **environment)
        self.assertEqual(3, result.returncode, result.stderr)
        lines = result.stderr.splitlines()
        self.assertEqual(1, len(lines), result.stderr)
        for word in ("run-on-epyc: ", *words):
            self.assertIn(word, lines[0])
        self.assertFalse((self.top / "seen").exists(), "QEMU was started all the same")

    def test_nothing_is_missing(self):
        self.assertEqual(0, self.run_it("--dry-run", "uefi").returncode)

    def test_no_sev(self):
        self.write("cpuid/8000001f", "00000001 00000173 0000000f 00000064")
        self.complains("no SEV (CPUID 0x8000001F EAX bit 1)", "BIOS")

    def test_no_such_leaf(self):
        self.write("cpuid/80000000", "8000001e 0 0 0")
        self.complains("no SEV (", "BIOS")

    def test_no_sev_es(self):
        self.write("cpuid/8000001f", "00000003 00000173 0000000f 00000064")
        self.complains("no SEV-ES", "7xx2")

    def test_no_asid_for_sev_es(self):
        self.write("cpuid/8000001f", "0000000f 00000173 0000000f 00000001")
        self.complains("no ASID", "SEV-ES ASID Space Limit")

    def test_no_kvm_amd(self):
        (self.root / "sys/module/kvm_amd").rename(self.root / "sys/module/kvm_intel")
        self.complains("kvm_amd is not loaded", "modprobe")

    def test_parameters_that_are_off(self):
        for parameter in ("sev", "sev_es"):
            for value in ("N", "0"):
                self.write(f"sys/module/kvm_amd/parameters/{parameter}", value)
                self.complains(f"{parameter}={value}", "modprobe.d")
            self.write(f"sys/module/kvm_amd/parameters/{parameter}", "1")

    def test_an_old_kernel(self):
        (self.root / "sys/module/kvm_amd/parameters/sev_es").unlink()
        self.complains("no parameter sev_es", "5.11")

    def test_no_devices(self):
        for device, word in (("kvm", "SVM"), ("sev", "ccp")):
            (self.root / "dev" / device).unlink()
            self.complains(f"/dev/{device} does not exist", word)
            self.write("dev/" + device, "")

    def test_a_device_that_cannot_be_opened(self):
        for device in ("kvm", "sev"):
            (self.root / "dev" / device).unlink()
            (self.root / "dev" / device).mkdir()  # for root, too, no device
            self.complains(f"/dev/{device} cannot be opened (Is a directory)", "root")
            (self.root / "dev" / device).rmdir()
            self.write("dev/" + device, "")

    def test_no_qemu(self):
        self.complains("no-such-qemu is not installed", "apt-get",
                       arguments=("--qemu", "no-such-qemu", "uefi"))

    def test_an_old_qemu(self):
        self.complains("not QEMU 6.0", "apt-get", FAKE_VERSION="5.2.0")

    def test_a_qemu_without_sev(self):
        self.complains("no object sev-guest", "SEV", FAKE_OBJECT="tdx-guest")

    def test_no_firmware(self):
        self.code.unlink()
        self.complains("CODE.fd", "apt-get install ovmf", "--firmware")

    def test_no_variables(self):
        self.variables.unlink()
        self.complains("VARS.fd", "apt-get install ovmf", "--variables")

    def test_the_application_is_not_built(self):
        self.application.unlink()
        self.complains("sevc.efi", "cmake --build")

    def test_no_such_image(self):
        self.complains("example_kernel.elf", "no such file", arguments=("kernel",))
        self.complains("/no/image", "no such file", arguments=("kernel", "/no/image"))
        self.complains("/no/bzImage", "no such file", arguments=("linux", "/no/bzImage"))
        self.complains("/no/initrd", arguments=("linux", str(self.code), "--initrd", "/no/initrd"))

    def test_everything_that_is_missing_is_said_at_once(self):
        (self.root / "dev" / "sev").unlink()
        self.code.unlink()
        result = self.run_it("--dry-run", "uefi")
        self.assertEqual(3, result.returncode)
        self.assertEqual(2, len(result.stderr.splitlines()))
        self.assertIn("sev-guest", result.stdout)  # and the command line is still shown


class Usage(Case):
    def test_wrong_usage_is_one_line_and_status_2(self):
        for arguments in ([], ["windows"], ["uefi", "twice"], ["linux"],
                          ["--cpus", "0", "uefi"], ["--cpus", "x", "uefi"],
                          ["--memory", "1T", "uefi"], ["--policy", "0x3", "uefi"], ["--nonsense"],
                          ["--initrd", "x", "uefi"]):
            result = self.run_it(*arguments)
            self.assertEqual(2, result.returncode, arguments)
            self.assertEqual(1, len(result.stderr.splitlines()), result.stderr)
            self.assertTrue(result.stderr.startswith("run-on-epyc: "))


class Running(Case):
    def test_the_application_and_its_script_are_on_the_disk(self):
        result = self.run_it("uefi")
        self.assertEqual(0, result.returncode, result.stderr)
        script = (self.top / "files" / "startup.nsh").read_text(encoding="ascii")
        self.assertIn("\nsevc.efi \n", script.replace("\r", ""))
        self.assertTrue((self.top / "files" / "sevc.efi").exists())
        self.assertEqual("x", (self.top / "files" / "VARS.fd").read_text(encoding="ascii"))

    def test_the_second_mode_is_asked_for(self):
        self.run_it("uefi", "kernel")
        self.assertIn("sevc.efi kernel",
                      (self.top / "files" / "startup.nsh").read_text(encoding="ascii"))

    def test_a_kernel_is_on_the_disk(self):
        kernel = self.file("my kernel", "\x7fELF and so on")
        self.assertEqual(0, self.run_it("kernel", kernel).returncode)
        self.assertIn("sevc.efi load kernel.elf",
                      (self.top / "files" / "startup.nsh").read_text(encoding="ascii"))
        self.assertTrue((self.top / "files" / "kernel.elf").exists())

    def test_status(self):
        for status in (0, 1, 35):
            self.assertEqual(status, self.run_it("uefi", FAKE_STATUS=str(status)).returncode)

    def test_nothing_remains(self):
        self.run_it("uefi")
        seen = (self.top / "seen").read_text(encoding="utf-8")
        place = seen[seen.index("fat:rw:") + 7:].splitlines()[0]
        self.assertFalse(os.path.exists(place))


class Processor(unittest.TestCase):
    def test_cpuid_is_the_processors(self):
        loader = importlib.machinery.SourceFileLoader("run_on_epyc", str(SCRIPT))
        script = importlib.util.module_from_spec(
            importlib.util.spec_from_loader("run_on_epyc", loader))
        loader.exec_module(script)
        _, ebx, ecx, edx = script.native_cpuid(0)
        vendor = struct.pack("<III", ebx, edx, ecx).decode("ascii")
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            self.assertIn(vendor, file.read())


if __name__ == "__main__":
    unittest.main(verbosity=2)
