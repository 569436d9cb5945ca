# SPDX-License-Identifier: MIT
"""scripts/demo-table: agrees with what is equal, and with nothing else."""

import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest

TOOL = os.path.join(os.path.dirname(__file__), "..", "..", "scripts", "demo-table")

COUNTS = [
    {"msr": 0x004, "vmgexit": 12},
    {"exit": 0x6E, "vc": 3, "vmgexit": 3}, {"exit": 0x72, "vc": 33, "vmgexit": 30},
    {"exit": 0x7B, "vc": 2000, "vmgexit": 2002}, {"exit": 0x7C, "vc": 6, "vmgexit": 6},
    {"exit": 0x87, "vc": 1, "vmgexit": 1}, {"exit": 0x400, "vc": 50, "vmgexit": 0},
    {"exit": 0x80000001, "vc": 0, "vmgexit": 20}, {"exit": 0x80000002, "vc": 0, "vmgexit": 30},
    {"exit": 0x8000FFFD, "vc": 0, "vmgexit": 1},
]


def totals(counts):
    return {"vc": sum(c.get("vc", 0) for c in counts),
            "vmgexit": sum(c["vmgexit"] for c in counts), "violations": 0}


def console(counts):
    lines = ["some text of the guest"]
    for count in counts:
        fields = " ".join(f"{k}=0x{v:x}" if k in ("msr", "exit") else f"{k}={v}"
                          for k, v in count.items())
        lines.append("sevc-count " + fields)
    t = totals(counts)
    lines.append(f"sevc-total vc={t['vc']} vmgexit={t['vmgexit']}")
    return "\n".join(lines) + "\n"


def run(monitor_counts, guest_console, monitor_totals=None):
    with tempfile.TemporaryDirectory() as directory:
        report, text = os.path.join(directory, "r.json"), os.path.join(directory, "c.txt")
        with open(report, "w", encoding="utf-8") as file:
            json.dump({"counts": monitor_counts,
                       "totals": monitor_totals or totals(monitor_counts)}, file)
        with open(text, "w", encoding="utf-8") as file:
            file.write(guest_console)
        return subprocess.run([sys.executable, "-B", TOOL, report, text], capture_output=True,
                              text=True, check=False)


class DemoTable(unittest.TestCase):
    def test_equal_numbers_succeed_and_end_with_the_sentence(self):
        result = run(COUNTS, console(COUNTS))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.splitlines()[-1],
                         "demo: 2093 #VC exceptions handled, 2105 VMGEXITs, 0 protocol violations")

    def test_every_single_number_that_differs_fails(self):
        for position, count in enumerate(COUNTS):
            for field in ("vc", "vmgexit"):
                if field not in count:
                    continue
                other = copy.deepcopy(COUNTS)
                other[position][field] += 1
                with self.subTest(row=count, field=field):
                    result = run(COUNTS, console(other))
                    self.assertEqual(result.returncode, 1)
                    self.assertIn("the guest counted", result.stderr)

    def test_a_row_that_only_one_side_has_fails(self):
        for guest, monitor in ((COUNTS[:-1], COUNTS), (COUNTS, COUNTS[:-1])):
            self.assertEqual(run(monitor, console(guest)).returncode, 1)

    def test_too_few_exits_of_a_kind_fail_even_if_equal(self):
        for position, count in enumerate(COUNTS):
            fewer = copy.deepcopy(COUNTS)
            del fewer[position]
            with self.subTest(row=count):
                result = run(fewer, console(fewer))
                self.assertEqual(result.returncode, 1)
                self.assertIn("expected", result.stderr)

    def test_violations_fail(self):
        result = run(COUNTS, console(COUNTS), dict(totals(COUNTS), violations=1))
        self.assertEqual(result.returncode, 1)

    def test_totals_that_do_not_add_up_fail(self):
        wrong = dict(totals(COUNTS), vc=totals(COUNTS)["vc"] + 1)
        self.assertEqual(run(COUNTS, console(COUNTS), wrong).returncode, 1)

    def test_files_that_cannot_be_read_are_named(self):
        for report, words in (("/nonexistent", "demo: /nonexistent: No such file"),
                              (__file__, "is no report")):
            done = subprocess.run([sys.executable, "-B", TOOL, report, os.devnull],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_a_guest_that_counted_nothing_fails(self):
        self.assertEqual(run(COUNTS, "hello\n").returncode, 1)
        without_total = console(COUNTS).replace("sevc-total", "total")
        self.assertEqual(run(COUNTS, without_total).returncode, 1)


if __name__ == "__main__":
    unittest.main()
