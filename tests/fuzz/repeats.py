#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""scripts/fuzz --runs comes to the same result twice, where another run has left its inputs, too.

    repeats.py PROGRAMS FOLDER     PROGRAMS: the targets; FOLDER: for what the runs leave

Addresses differ from run to run by themselves; here the size of the environment, which moves the
stack, the folders' names and the working directory do, too.
"""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUNS = {"split": "300"}  # each takes a hundred times as long as another target's
USUAL_RUNS = "2000"


def run(target, programs, work, directory, environment):
    done = subprocess.run([os.path.join(ROOT, "scripts", "fuzz"), target, "--runs",
                           RUNS.get(target, USUAL_RUNS), "--programs", programs, "--work", work],
                          cwd=directory, env={**os.environ, **environment}, text=True,
                          stdout=subprocess.PIPE, check=False)
    match = re.search(r"coverage +(\d+)  features +(\d+)  kept +(\d+) as (\w+)  nothing found",
                      done.stdout)
    if done.returncode != 0 or match is None or match[1] == "0":
        sys.exit(f"repeats: {target}: status {done.returncode}: {done.stdout}")
    return match[0]


def main():
    programs, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    work = [os.path.join(folder, "one"), os.path.join(folder, "the-other-run")]
    for path in work:
        os.makedirs(path, exist_ok=True)
    targets = sorted(f[:-2] for f in os.listdir(os.path.join(ROOT, "fuzz")) if f.endswith(".c"))
    different = 0
    for target in targets:
        first = run(target, programs, work[0], folder, {})
        again = [run(target, programs, work[i % 2], "/", {"MOVES_THE_STACK": "x" * (24 + 16 * i)})
                 for i in range(2)]
        same = all(other == first for other in again)
        different += not same
        print(f"{target}: {first} ... {'ok' if same else 'DIFFERENT: ' + ', '.join(again)}",
              flush=True)
    return 1 if different or not targets else 0


if __name__ == "__main__":
    sys.exit(main())
