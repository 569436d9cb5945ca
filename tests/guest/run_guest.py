#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Boots a kernel with tools/sevc-run and compares how it ended with how it should have.

A guest that is to be caught passes only if it is caught for the right reason: exit status, rule of the
violation, text of the verdict or of the console, as far as they are given.
"""

import argparse
import json
import os
import re
import subprocess
import sys

SEVC_RUN = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools", "sevc-run")


def parse_arguments(argv):
    at = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kernel")
    parser.add_argument("--status", type=int, default=0, help="exit status of sevc-run")
    parser.add_argument("--rule", help="the rule of the first violation; none may be broken without")
    parser.add_argument("--console", help="regular expression for the guest's output")
    parser.add_argument("--detail", help="regular expression for the verdict in words")
    parser.add_argument("--append", default="", help="the guest's command line")
    parser.add_argument("--allow", help="an allowance of the judge")
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args(argv[:at])
    options.qemu = argv[at + 1:]
    return options


def run(options):
    command = [sys.executable, "-B", SEVC_RUN, "--report", "json", "--rdtsc", "intercept",
               "--timeout", str(options.seconds)]
    if options.append:
        command += ["--append", options.append]
    if options.allow:
        command += ["--allow", options.allow]
    return subprocess.run(command + [options.kernel, "--"] + options.qemu, capture_output=True,
                          encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL,
                          check=False)


def complaints(options, result, report):
    found = []
    if result.returncode != options.status:
        found.append(f"exit status {result.returncode} of sevc-run, not {options.status}")
    rules = [violation.get("rule") for violation in report.get("violations", [])]
    if rules[:1] != ([options.rule] if options.rule else []):
        found.append(f"first rule broken is {rules[0] if rules else 'none'}, "
                     f"not {options.rule or 'none'}")
    for what, text in (("console", result.stderr), ("detail", report.get("words", ""))):
        pattern = getattr(options, what)
        if pattern and not re.search(pattern, text):
            found.append(f"no '{pattern}' in the {what}")
    return found


def main(argv):
    options = parse_arguments(argv[1:])
    result = run(options)
    sys.stdout.write(result.stderr)
    try:
        report = json.loads(result.stdout)
    except ValueError:
        report = {}
    print(f"sevc-run: status {result.returncode}: {report.get('words', 'no report')}")
    for violation in report.get("violations", []):
        print(f"violation: rule {violation.get('rule')}: {violation.get('text')}")
    found = complaints(options, result, report)
    for complaint in found:
        print(f"FAILED: {complaint}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
