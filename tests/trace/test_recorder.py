#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""sevc-run --trace: the trace of a guest has exactly what the monitor's own books have.

    test_recorder.py SEVC_RUN KERNEL.elf DIRECTORY [CPUS]
"""

import collections
import json
import os
import struct
import subprocess
import sys
import zlib

EXCEPTION, MEMORY, SENT, RETURNED, MSR_SENT, MSR_RETURNED, RESULT = 2, 4, 5, 6, 7, 8, 9

AP_RESET_HOLD, AP_RESET_HOLD_MSR = 0x80000004, 0x006


def records(data):
    """(type, cpu, number, exception, bytes) of each; fails if one is not whole."""
    header = struct.unpack_from("<8sHHIIIQI", data)
    assert header[0] == b"SVTRACE\n" and header[1] == 1 and header[3] == 40 and header[4] == 2
    assert header[7] == zlib.crc32(data[:32])
    assert header[6] > 1000000, "the clock's rate is not known"
    at = 40
    while at < len(data):
        crc, length, kind, cpu, number, exception = struct.unpack_from("<IIHHII", data, at)
        record = data[at:at + length]
        assert len(record) == length and zlib.crc32(record[4:]) == crc, f"damaged at {at}"
        yield kind, cpu, number, exception, record
        at += length


def exit_code_of(record):
    """SW_EXITCODE of a PAGE record."""
    at = 48
    for _ in range(struct.unpack_from("<I", record, 40)[0]):
        offset, size = struct.unpack_from("<HH", record, at)
        if offset <= 0x390 < offset + size:
            return struct.unpack_from("<Q", record, at + 8 + 0x390 - offset)[0]
        at += 8 + size
    return 0


def main(sevc_run, kernel, directory, cpus="1"):
    path = os.path.join(directory, f"recorder.{cpus}.svt")
    failures = []
    run = subprocess.run([sevc_run, "--report", "json", "--timeout", "300", "--trace", path, kernel,
                          "--trace-no-memory", "--cpus", cpus], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         check=False)
    books = json.loads(run.stdout)
    vc, pages, msrs = collections.Counter(), collections.Counter(), collections.Counter()
    kinds = collections.Counter()
    numbers, opened, ended = {}, {}, set()
    with open(path, "rb") as file:
        data = file.read()
    for kind, cpu, number, exception, record in records(data):
        kinds[kind] += 1
        if number != numbers.get(cpu, 0) + 1:
            failures.append(f"cpu {cpu}: record {number} follows {numbers.get(cpu, 0)}")
        numbers[cpu] = number
        if kind == EXCEPTION:
            code = struct.unpack_from("<Q", record, 200)[0]
            vc[code] += 1
            opened[cpu, number] = code
        elif kind == RESULT:
            if (cpu, exception) not in opened or (cpu, exception) in ended:
                failures.append(f"cpu {cpu}: a result of exception {exception}")
            ended.add((cpu, exception))
        elif kind == SENT:
            pages[exit_code_of(record)] += 1
        elif kind == MSR_SENT:
            msrs[struct.unpack_from("<Q", record, 32)[0] & 0xFFF] += 1
    for count in books["counts"]:
        if "msr" in count:
            expected, found = count["vmgexit"], msrs[count["msr"]]
        else:
            expected = count["vc"], count["vmgexit"]
            found = vc[count["exit"]], pages[count["exit"]]
        if expected != found:
            failures.append(f"{count}: the trace has {found}")
    if sum(vc.values()) != books["totals"]["vc"] or sum(vc.values()) < 500:
        failures.append(f"{sum(vc.values())} exceptions")
    if len(ended) != len(opened):
        failures.append(f"{len(opened)} exceptions, {len(ended)} results")
    # The last VMGEXIT ends the machine before it is answered; of AP reset hold there is the request only.
    answered = kinds[SENT] - pages[AP_RESET_HOLD], kinds[MSR_SENT] - msrs[AP_RESET_HOLD_MSR]
    if kinds[RETURNED] < answered[0] - 1 or kinds[MSR_RETURNED] != answered[1]:
        failures.append(f"requests without an answer: {dict(kinds)}")
    if kinds[MEMORY] != 0 or struct.unpack_from("<I", data, 20)[0] != 1:
        failures.append("--trace-no-memory: there is guest memory in it")
    if sorted(numbers) != list(range(int(cpus))):
        failures.append(f"records of the processors {sorted(numbers)}")
    if books["status"] != 0:
        failures.append(f"the run: {books['words']}")
    for failure in failures:
        print("trace.recorder:", failure, file=sys.stderr)
    print(f"{sum(kinds.values())} records, {len(ended)} exceptions with a result")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
