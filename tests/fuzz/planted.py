#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Each validator of the fuzz targets finds a bug that is planted for it.

    planted.py BUILD [NAME...]     BUILD: configured with clang, the targets built

For each row one file is changed, compiled as it was, and linked into the target before the
library; the corpus in the tree, and if need be so many inputs more, must end with that
validator's finding. They are the same inputs on every machine (docs/fuzzing.md: --runs).
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUNS = 150000  # the corpus is the first of them, and finds almost all

# validator, target, file (or header@file that includes it), text that is there once, replacement
ROWS = [
    ("registers", "vc", "src/event/registers.c", "gpr[i] = (uint32_t)session->reply.gpr[i];",
     "gpr[i] = (uint32_t)session->reply.gpr[i], gpr[SEVC_R12] ^= 1;"),
    ("outputs", "vc", "src/event/registers.c", "gpr[i] = (uint32_t)session->reply.gpr[i];",
     "gpr[i] = (uint32_t)(session->reply.gpr[i] >> 1);"),
    ("rip", "vc", "src/vc/hot.h@src/vc/handle.c", "trap->rip += length;",
     "trap->rip += length + 1;"),
    ("agreement", "vc", "src/vc/identify.c",
     "!sevc_insn_agrees(report->exit_code, &vc->insn) ||", ""),
    ("disclosure", "vc", "src/event/registers.c", "sevc_ghcb_gpr_offset(i), (uint32_t)gpr[i]);",
     "sevc_ghcb_gpr_offset(i), gpr[i]);"),
    ("request", "vc", "src/event/ioio.c", "(uint64_t)port <<", "(uint64_t)(port ^ 1u) <<"),
    ("encrypted", "mmio", "src/vc/mmio_access.c", "if (result == SEVC_OK && !access->device)",
     "if (result == SEVC_INVALID)"),
    ("policy", "vc", "src/vc/registers.c", "vc->cpu->policy->invd != SEVC_INVD_FORWARD",
     "vc->cpu->policy->invd > SEVC_INVD_FORWARD"),
    ("reply", "vc", "src/ghcb/session.c", "(event & SEVC_EVENTINJ_RESERVED_MASK) != 0 ||", ""),
    ("goes-on", "mmio", "src/vc/mmio.c",
     "        result = sevc_event_mmio_read(&vc->session, access->gpa, access->bytes, &memory);\n",
     "        result = sevc_event_mmio_read(&vc->session, access->gpa, access->bytes, &memory);\n"
     "        if (access->write && result != SEVC_OK) {\n            memory = 0, result = SEVC_OK;\n"
     "            vc->report->reason = SEVC_REASON_NONE;\n        }\n"),
    ("double-fetch", "vc", "src/ghcb/session.c", "session->reply.info2 = report->info2;",
     "session->reply.info2 = page->sw_exitinfo2;"),
    ("fetch", "vc", "src/vc/copy.c", "if (sevc_tap_copy(&copy)) {",
     "if (sevc_tap_copy(&copy) && sevc_tap_copy(&copy)) {"),
    ("destination", "string_io", "src/vc/string_io.c", "        va -= bytes;",
     "        va += bytes;"),
    ("stores", "vc", "src/ghcb/session.c", "    session->report->vmgexits++;",
     "    static uint64_t counter;\n    counter++;\n    session->report->vmgexits++;"),
    ("nesting", "vc", "src/ghcb/session.c",
     "sevc_arch_copy(session->cpu->ghcb.va, session->cpu->backup, SEVC_PAGE_QWORDS);",
     "sevc_arch_zero(session->cpu->ghcb.va, SEVC_PAGE_QWORDS);"),
    ("at-rest", "vc", "src/ghcb/exchange.h@src/ghcb/session.c",
     "sevc_arch_zero(page, SEVC_SAVE_AREA_QWORDS);",
     "sevc_arch_zero(page, SEVC_SAVE_AREA_QWORDS / 2);"),
    ("bounded", "mmio", "src/vc/mmio_string.c", "sevc_vc_has_tf(vc) ? 1 : SEVC_MMIO_REP_MAX",
     "sevc_vc_has_tf(vc) ? 1 : SEVC_MMIO_REP_MAX + 1"),
    ("progress", "string_io", "src/vc/string_io.c", "remaining == 0 ? SEVC_OK : ", ""),
    ("report", "vc", "src/ghcb/session.c", "    session->report->vmgexits++;\n", ""),
    ("hooks", "string_io", "src/vc/copy.c", "copy.user = sevc_vc_is_user(vc);", "copy.user = false;"),
    ("msr", "vc", "src/ghcb/session.c",
     "sevc_arch_wrmsr(SEVC_MSR_GHCB, session->cpu->ghcb.gpa);\n    session->report->vmgexits++;",
     "sevc_arch_wrmsr(SEVC_MSR_GHCB, 0x5000);\n    session->report->vmgexits++;"),
    # As an instruction of the library's would: no load or store of C that the compiler tells of.
    ("memory", "vc", "src/event/registers.c", "gpr[i] = (uint32_t)session->reply.gpr[i];",
     "gpr[i] = (uint32_t)session->reply.gpr[i];\n        extern uint8_t fuzz_vm[];\n"
     "        __asm__ volatile(\"notb %0\" : \"+m\"(fuzz_vm[17000]));"),  # of the third page
    ("halt", "vc", "src/ghcb/session.c", "    case SEVC_REPLY_REJECTED:\n",
     "    case SEVC_REPLY_REJECTED:\n        sevc_arch_halt();\n"),
    ("lidt", "vc", "src/ghcb/session.c", "        put_back(session);\n",
     "        put_back(session);\n        sevc_arch_lidt(session);\n"),
    ("replay", "vc", "src/event/vmmcall.c", "gpr[i] = session->reply.gpr[i];",
     "gpr[i] = session->reply.gpr[i] ^ __builtin_ia32_rdtsc();"),
    ("oracle", "decode", "src/decode/operand.c", "if (index != 4)", "if ((index & 7) != 4)"),
    ("parser", "msr_protocol", "src/ghcb/msr_protocol.c", " || field(response, 23, 12) != 0", ""),
    ("scrub", "reply", "src/ghcb/exchange.h@src/ghcb/session.c",
     "sevc_arch_zero(page, SEVC_SAVE_AREA_QWORDS);",
     "sevc_arch_zero(page, SEVC_SAVE_AREA_QWORDS / 4);"),
    ("pinned", "cpuid", "src/vc/cpuid_ask.c", "*entry != NULL && !sevc_cpuid_same(*entry, answer)",
     "false"),
    ("walk", "walk", "src/page/walk.c", "granted &= entry;", "granted = entry;"),
    ("page", "split", "src/page/share.c", "offset += CACHE_LINE_BYTES",
     "offset += 2 * CACHE_LINE_BYTES"),
    ("strict", "ghcb_server", "emulator/ghcb_server.c",
     "call->broken == 0 || (call->reject == 0 && !strict)", "call->broken == 0 || strict"),
    ("again", "trace", "tools/trace/record.c", "at[i] = (uint8_t)(value >> (8 * i));",
     "at[i] = (uint8_t)(value >> (7 * i));"),
    ("error", "trace", "tools/trace/reader.c", 'end(reader, TRACE_END, "%s", "")',
     'end(reader, TRACE_END, "%s", "the end")'),
]
PARTS = ("sevc_fuzz_library", "sevc_fuzz_server", "sevc_fuzz_trace")


def compile_command(build, path):
    """How the fuzz targets' library (or server) compiled PATH."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        for entry in json.load(file):
            words = shlex.split(entry["command"])
            output = words[words.index("-o") + 1]
            if entry["file"] == os.path.join(ROOT, path) and \
                    any(f"/{part}.dir/" in output for part in PARTS):
                return entry["directory"], words, output
    sys.exit(f"planted: {path} is not compiled for the fuzz targets in {build}")


def plant(build, folder, row):
    """Builds the target with the bug. Result: the program."""
    validator, target, where, old, new = row
    changed, _, path = where.rpartition("@")
    changed = changed or path
    source = os.path.join(folder, os.path.basename(path))
    shutil.copy(os.path.join(ROOT, path), source)
    with open(os.path.join(ROOT, changed), encoding="utf-8") as file:
        text = file.read()
    if text.count(old) != 1:
        sys.exit(f"planted: {validator}: its text is {text.count(old)} times in {changed}, not "
                 f"once: adapt {os.path.relpath(__file__, ROOT)}")
    # Beside the source, where an include by its bare name finds it first.
    with open(os.path.join(folder, os.path.basename(changed)), "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))
    directory, words, output = compile_command(build, path)
    made = source + ".o"
    words = [source if word == os.path.join(ROOT, path) else word for word in words]
    words[words.index("-o") + 1] = made
    words[-2:-2] = ["-Wno-error", "-iquote", os.path.dirname(os.path.join(ROOT, path))]
    subprocess.run([w for w in words if w != ""], cwd=directory, check=True,
                   stderr=subprocess.DEVNULL)
    programs = os.path.join(build, "fuzz")
    with open(os.path.join(programs, "CMakeFiles", f"fuzz_{target}.dir", "link.txt"),
              encoding="utf-8") as file:
        link = shlex.split(file.read())
    program = os.path.join(folder, f"fuzz_{target}")
    link[link.index("-o") + 1] = program
    replaced = os.path.relpath(os.path.join(directory, output), programs)
    if replaced in link:
        link[link.index(replaced)] = made
    else:  # before the archive: what it defines is not taken from there
        archive = next(part for part in PARTS if f"/{part}.dir/" in output)
        link.insert(link.index(f"lib{archive}.a"), made)
    subprocess.run(link, cwd=programs, check=True)
    return program


def found(program, target, folder):
    """What the program says of the corpus, and of what comes next."""
    corpus = os.path.join(ROOT, "fuzz", "corpus", target)
    work = os.path.join(folder, "work")
    seeds = ",".join(os.path.join(corpus, name) for name in sorted(os.listdir(corpus)))
    os.makedirs(work)
    done = subprocess.run([program, f"-artifact_prefix={folder}/", f"-runs={RUNS}", "-seed=1",
                           "-max_len=4096", "-reload=0", "-use_cmp=0", f"-seed_inputs={seeds}", work],
                          text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          errors="replace", check=False)
    lines = [line for line in done.stderr.splitlines() if "fuzz: finding: " in line or
             "runtime error" in line or "ERROR: AddressSanitizer" in line]
    return lines[0] if lines else f"nothing (status {done.returncode})"


def main():
    build = os.path.abspath(sys.argv[1])
    rows = [row for row in ROWS if len(sys.argv) == 2 or row[0] in sys.argv[2:]]
    missed = 0
    for row in rows:
        with tempfile.TemporaryDirectory() as folder:
            said = found(plant(build, folder, row), row[1], folder)
        good = said.startswith(f"fuzz: finding: {row[0]}: ")
        missed += not good
        print(f"{row[0]} ({row[1]}, {row[2]}) ... {'ok' if good else 'MISSED: ' + said}", flush=True)
    print(f"planted: {len(rows) - missed} of {len(rows)} found by the validator meant")
    return 1 if missed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
