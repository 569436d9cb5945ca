#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""fuzz/oss-fuzz/build.sh without Docker: what OSS-Fuzz would get is there, and runs.

    oss_fuzz.py FOLDER     FOLDER: for the build, kept
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FLAGS = "-O1 -fno-omit-frame-pointer -gline-tables-only -fsanitize=address -fsanitize=fuzzer-no-link"


def main():
    folder = os.path.abspath(sys.argv[1])
    out = os.path.join(folder, "out")
    shutil.rmtree(out, ignore_errors=True)
    for name in ("src", "out", "work"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    link = os.path.join(folder, "src", "sevc")
    if not os.path.islink(link):
        os.symlink(ROOT, link)
    environment = {**os.environ, "SRC": os.path.join(folder, "src"), "OUT": out,
                   "WORK": os.path.join(folder, "work"), "CC": "clang", "CXX": "clang++",
                   "CFLAGS": FLAGS, "LIB_FUZZING_ENGINE": "-fsanitize=fuzzer"}
    subprocess.run([os.path.join(ROOT, "fuzz", "oss-fuzz", "build.sh")], env=environment, check=True)
    targets = sorted(f[:-2] for f in os.listdir(os.path.join(ROOT, "fuzz")) if f.endswith(".c"))
    for target in targets:
        program = os.path.join(out, f"fuzz_{target}")
        with tempfile.TemporaryDirectory() as corpus:
            with zipfile.ZipFile(program + "_seed_corpus.zip") as archive:
                archive.extractall(corpus)
            count = len(os.listdir(corpus))
            if count == 0:
                sys.exit(f"oss_fuzz: {target}: an empty corpus")
            # Moved away from where it was built: it must need nothing from there.
            done = subprocess.run([program, "-runs=0", corpus], cwd="/", check=False, text=True,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if done.returncode != 0:
            print(done.stderr[-2000:], file=sys.stderr)
            sys.exit(f"oss_fuzz: {target} fails with its own corpus: see above")
        print(f"{target}, {count} inputs ... ok", flush=True)
    return 0 if targets else 1


if __name__ == "__main__":
    sys.exit(main())
