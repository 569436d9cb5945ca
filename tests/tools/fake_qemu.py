#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Stands for QEMU in test_sevc_run.py: plays what the JSON file in FAKE_QEMU says.

Keys: version; console and report (texts); steps of {"report": ..., "sleep": ...}; stderr; status
(exit status); signal (kills itself); sleep (seconds before the end); ignore_sigterm. Notes its
arguments and process id in the file named by FAKE_QEMU_SEEN.
"""

import json
import os
import re
import signal
import sys
import time


def descriptor(number):
    for argument in sys.argv:
        found = re.fullmatch(rf"fd=(\d+),set={number}", argument)
        if found:
            return int(found.group(1))
    sys.exit("no -add-fd for set %d" % number)


def main():
    with open(os.environ["FAKE_QEMU"], encoding="utf-8") as file:
        play = json.load(file)
    if "--version" in sys.argv:
        print(play.get("version", "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)"))
        return play.get("version_status", 0)
    with open(os.environ["FAKE_QEMU_SEEN"], "w", encoding="utf-8") as file:
        json.dump({"arguments": sys.argv[1:], "pid": os.getpid(), "sid": os.getsid(0)}, file)
    if play.get("ignore_sigterm"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    console, report = descriptor(1), descriptor(2)
    os.write(console, play.get("console", "").encode())
    os.write(report, play.get("report", "").encode())
    for step in play.get("steps", []):
        os.write(report, step.get("report", "").encode())
        time.sleep(step.get("sleep", 0))
    sys.stderr.write(play.get("stderr", ""))
    sys.stderr.flush()
    time.sleep(play.get("sleep", 0))
    if "signal" in play:
        os.kill(os.getpid(), play["signal"])
    return play.get("status", 0)


if __name__ == "__main__":
    sys.exit(main())
