# SPDX-License-Identifier: MIT
"""The monitor's report channel (docs/emulator.md), and the run in words."""

import json
import re

from sevc_run.status import Status

# ---- What the monitor's numbers mean ----

EVENTS = {
    0x27: "DR7 read", 0x37: "DR7 write", 0x41: "#DB", 0x51: "#AC", 0x6E: "RDTSC", 0x6F: "RDPMC",
    0x72: "CPUID", 0x76: "INVD", 0x7B: "IOIO", 0x7C: "MSR", 0x81: "VMMCALL", 0x87: "RDTSCP",
    0x89: "WBINVD", 0x8A: "MONITOR", 0x8B: "MWAIT", 0x8D: "XSETBV", 0x8E: "RDPRU",
    0x400: "nested page fault (MMIO)", 0x404: "page not validated",
    0x80000001: "MMIO read", 0x80000002: "MMIO write", 0x80000003: "NMI complete",
    0x80000004: "AP reset hold", 0x80000005: "AP jump table", 0x80000010: "page state change",
    0x80000011: "SNP guest request", 0x80000012: "SNP extended guest request",
    0x80000013: "AP creation", 0x80000014: "#HV doorbell page", 0x80000015: "#HV IPI",
    0x80000017: "APIC ID list", 0x80000018: "run VMPL", 0x8000FFFD: "hypervisor features",
    0x8000FFFE: "terminate", 0x8000FFFF: "unsupported event",
}

MSR_REQUESTS = {
    0x002: "SEV information", 0x004: "CPUID", 0x006: "AP reset hold",
    0x010: "preferred GHCB GPA", 0x012: "register GHCB GPA", 0x014: "page state change",
    0x016: "run VMPL", 0x080: "hypervisor features", 0x100: "terminate",
}

TERMINATION_REASONS = {  # of set 0, the specification's
    0: "general", 1: "no common protocol version", 2: "SNP features not supported",
}


# ---- The report channel: lines that the monitor writes to port 0x505 ----


class Report:
    """Collects the monitor's lines; the last word on a run is its verdict."""

    VERDICTS = {
        "success": Status.SUCCESS,
        "failure": Status.FAILURE,
        "violation": Status.VIOLATION,
        "terminated": Status.TERMINATED,
        "triple-fault": Status.TRIPLE_FAULT,
        "error": Status.ERROR,
    }

    def __init__(self, on_violation, on_log, tracer=None):
        self.on_violation = on_violation
        self.on_log = on_log
        self.tracer = tracer
        self.pending = b""
        self.violations = []
        self.counts = []
        self.totals = {}
        self.mark = None  # the same, when the console said what was waited for
        self.hostile = []
        self.processors = []
        self.nmis = []
        self.verdict = None
        self.detail = ""
        self.forgotten = []  # processors on which NMI_COMPLETE is missing

    def feed(self, data):
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            self.line(line.decode("utf-8", "replace").rstrip("\r"))

    def line(self, line):
        word, _, rest = line.partition(" ")
        if word == "violation":
            self.violations.append(parse_violation(rest))
            self.on_violation(rest)
        elif word == "count":
            self.counts.append(parse_numbers(rest))
        elif word == "total":
            self.totals = parse_numbers(rest)
        elif word == "mark":
            self.mark = parse_numbers(rest)
        elif word == "processor":
            self.processors.append(parse_pairs(rest))
        elif word == "nmi" and "sent=" in rest:
            self.nmis.append(rest)
        elif word == "trace" and self.tracer is not None:
            self.tracer.located(parse_numbers(rest))
        elif word == "hostile":
            self.hostile.append(parse_pairs(rest))
        elif word == "verdict" and self.verdict is None:
            self.verdict, _, detail = rest.partition(" ")
            self.detail, _, forgotten = detail.partition("nmi-complete-missing=")
            self.detail = self.detail.strip()
            self.forgotten = [int(cpu) for cpu in re.findall(r"\d+", forgotten)]
        else:
            self.on_log(line)

    def violation_count(self):
        return max(len(self.violations), self.totals.get("violations", 0))

    def status(self):
        """The exit status that the verdict means; None if there is no verdict that we know."""
        status = self.VERDICTS.get(self.verdict)
        if status in (Status.SUCCESS, Status.FAILURE) and self.violation_count() > 0:
            return Status.VIOLATION
        return status


def parse_pairs(text):
    return dict(re.findall(r"([\w-]+)=(\S+)", text))


def parse_numbers(text):
    numbers = {}
    for key, value in parse_pairs(text).items():
        try:
            numbers[key] = int(value, 0)
        except ValueError:
            numbers[key] = int(value, 10) if value.isdigit() else 0
    return numbers


def parse_violation(text):
    """'cpu=0 rip=0x1 exit=0x403 rule=leak 3 bytes ...' as a dictionary."""
    head, found, tail = text.partition("rule=")
    violation = parse_pairs(head)
    if found:
        violation["rule"], _, violation["text"] = tail.partition(" ")
    else:
        violation["text"] = text
    return violation


# ---- The verdict in words ----


def words(status, report, reason):
    """One line that says what happened. reason: the launcher's own, if it ended the run."""
    text = ending(status, report, reason)
    if report.forgotten:
        text += (f"; NMI_COMPLETE is missing on processor {', '.join(map(str, report.forgotten))}, "
                 "which gets no further NMI")
    return text


def ending(status, report, reason):
    detail = report.detail
    pairs = parse_numbers(detail)
    if reason:
        return reason
    if status == Status.SUCCESS:
        return detail or "the guest reported success"
    if status == Status.FAILURE:
        return f"the guest reported failure, code {pairs.get('code', 0)}"
    if status == Status.VIOLATION:
        return f"the guest violated the GHCB protocol ({plural(report.violation_count())})"
    if status == Status.TERMINATED:
        return termination_words(pairs.get("set", 0), pairs.get("code", 0))
    if status == Status.TRIPLE_FAULT:
        return f"the guest triple-faulted: {detail or 'nobody knows where'}"
    return f"the monitor gave up: {detail or 'without a reason'}"


def plural(violations):
    return f"{violations} violation{'' if violations == 1 else 's'}"


def termination_words(reason_set, code):
    text = f"the guest asked for its termination: reason set {reason_set}, code {code}"
    if reason_set == 0 and code in TERMINATION_REASONS:
        text += f" ({TERMINATION_REASONS[code]})"
    return text


def table(report):
    """The histogram: NAE events first, then the requests of the MSR protocol."""
    rows = [("exit", "event", "#VC", "VMGEXIT")]
    for count in sorted(report.counts, key=lambda c: ("msr" in c, c.get("exit", c.get("msr", 0)))):
        if "msr" in count:
            name = MSR_REQUESTS.get(count["msr"], "GHCB page" if count["msr"] == 0 else "unknown")
            rows.append((f"MSR 0x{count['msr']:03x}", name, "", str(count.get("vmgexit", 0))))
        else:
            exit_code = count.get("exit", 0)
            name = EVENTS.get(exit_code, "unknown")
            rows.append((f"0x{exit_code:x}", name, str(count.get("vc", 0)),
                         str(count.get("vmgexit", 0))))
    if report.totals:
        rows.append(("total", "", str(report.totals.get("vc", 0)),
                     str(report.totals.get("vmgexit", 0))))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  "
        f"{row[3]:>{widths[3]}}".rstrip() for row in rows)


def print_text(status, report, reason, concessions, seconds, compared):
    print()
    if report.counts:
        print(table(report))
    for processor in report.processors:
        print("processor " + " ".join(f"{key}={value}" for key, value in processor.items()))
    for nmi in report.nmis:
        print(f"nmi {nmi}")
    for mode in report.hostile:
        print("hostile " + " ".join(f"{key}={value}" for key, value in mode.items()))
    if "exits" in report.totals:
        print(f"run: {report.totals['exits']} exits of QEMU's SVM, "
              f"{report.totals.get('flips', 0)} page flips, {seconds:.1f} seconds")
    if compared:
        print(f"compare: {compared['seconds']:.1f} seconds, {compared['seconds_without']:.1f} without "
              f"the monitor; processor seconds {compared['processor_seconds']:.1f}, "
              f"{compared['processor_seconds_without']:.1f} without: {compared['ratio']:.2f} times; "
              f"{compared['exits']} exits, {compared['vc']} #VC, {compared['vmgexit']} VMGEXITs, "
              f"{compared['flips']} page flips")
    suffix = f" [{'; '.join(concessions)}]" if concessions else ""
    print(f"verdict: {words(status, report, reason)}{suffix}")


def print_json(status, report, reason, concessions, seconds, compared, command):
    print(json.dumps({
        "verdict": report.verdict if reason is None else status.name.lower(),
        "status": int(status),
        "words": words(status, report, reason),
        "concessions": concessions,
        "violations": report.violations,
        "counts": report.counts,
        "totals": report.totals,
        "processors": report.processors,
        "nmis": [parse_pairs(nmi) for nmi in report.nmis],
        "nmi_complete_missing": report.forgotten,
        "hostile": report.hostile,
        "seconds": round(seconds, 3),
        "seconds_without_monitor": compared["seconds_without"] if compared else None,
        "compared": compared,
        "command": command,
    }, indent=2))
