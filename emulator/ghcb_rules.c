/* SPDX-License-Identifier: MIT */
/* The judge's rules and allowances, as data. docs/emulator-rules.md explains each; a test compares. */
#include "ghcb_internal.h"

const struct ghcb_rule ghcb_rules[] = {
    [RULE_GHCB_GPA] = { "ghcb-gpa", 0, "the GHCB MSR names no shared memory of the guest" },
    [RULE_NOT_NEGOTIATED] = { "not-negotiated", 0,
                              "page protocol before the SEV information was read" },
    [RULE_VERSION] = { "version", 0, "PROTOCOL_VERSION is not the negotiated one" },
    [RULE_USAGE] = { "usage", SEVC_REJECT_USAGE, "GHCB_USAGE is not 0" },
    [RULE_EXIT_CODE] = { "exit-code", SEVC_REJECT_EVENT, "SW_EXITCODE is no NAE event" },
    [RULE_SNP_ONLY] = { "snp-only", SEVC_REJECT_EVENT, "an event that only SNP guests may use" },
    [RULE_EVENT_VERSION] = { "event-version", SEVC_REJECT_EVENT,
                             "an event that the negotiated version does not have" },
    [RULE_EXIT_INFO] = { "exit-info", SEVC_REJECT_INPUT,
                         "SW_EXITINFO1 or SW_EXITINFO2 has bits that the event does not define" },
    [RULE_IOIO_INFO] = { "ioio-info", SEVC_REJECT_INPUT,
                         "SW_EXITINFO1 or SW_EXITINFO2 describes no I/O instruction" },
    [RULE_MISSING_VALID] = { "missing-valid", SEVC_REJECT_MISSING_INPUT,
                             "a field that the event needs is not marked valid" },
    [RULE_EXTRA_VALID] = { "extra-valid", 0,
                           "a field that the event does not need is marked valid" },
    [RULE_LEAK] = { "leak", 0, "a byte that the event does not need is not zero" },
    [RULE_LEAK_WIDTH] = { "leak-width", 0, "a register carries more bits than the event needs" },
    [RULE_SCRATCH] = { "scratch", SEVC_REJECT_SCRATCH,
                       "SW_SCRATCH and the data do not lie in the shared buffer" },
    [RULE_MMIO] = { "mmio", SEVC_REJECT_INPUT, "impossible MMIO address or size" },
    [RULE_XCR0] = { "xcr0", SEVC_REJECT_INPUT, "XCR0 has bit 0 clear" },
    [RULE_CPL] = { "cpl", SEVC_REJECT_INPUT, "CPL is above 3" },
    [RULE_DR7] = { "dr7", SEVC_REJECT_INPUT, "DR7 has reserved bits wrong" },
    [RULE_GPA] = { "gpa", SEVC_REJECT_INPUT, "an address with the C-bit, or badly aligned" },
    [RULE_NEVER_INTERCEPTED] = { "never-intercepted", 0,
                                 "an MSR that the host never intercepts was asked for" },
    [RULE_MSR_REQUEST] = { "msr-request", 0, "GHCBInfo is no request of the MSR protocol" },
    [RULE_MSR_RESERVED] = { "msr-reserved", 0, "reserved bits of the GHCB MSR are set" },
    [RULE_MSR_SNP_ONLY] = { "msr-snp-only", 0,
                            "an MSR-protocol request that only SNP guests may use" },
    [RULE_MSR_VERSION] = { "msr-version", 0,
                           "an MSR-protocol request that the negotiated version does not have" },
    [RULE_MSR_CPUID_LEAF] = { "msr-cpuid-leaf", 0,
                              "leaf 0xD by the MSR protocol, which carries no XCR0" },
};

const size_t ghcb_rule_count = RULE_COUNT;

_Static_assert(sizeof(ghcb_rules) / sizeof(ghcb_rules[0]) == RULE_COUNT, "a rule has no row");
_Static_assert(RULE_COUNT <= 32, "ghcb_call.broken has one bit for each rule");

const struct ghcb_allowance ghcb_allowances[] = {
    { GHCB_ALLOW_VERSION_ZERO, "version-zero",
      "PROTOCOL_VERSION may be 0: EDK2 overwrites its own field, OpenBSD never writes it" },
    { GHCB_ALLOW_NO_NEGOTIATION, "no-negotiation",
      "the page protocol may be used at once: OpenBSD" },
    { GHCB_ALLOW_UNSCRUBBED, "unscrubbed",
      "bytes that are not marked valid may hold old data: Linux" },
    { GHCB_ALLOW_WIDE_REGISTERS, "wide-registers", "registers may be sent whole: Linux, EDK2" },
    { GHCB_ALLOW_XCR0_ALWAYS, "xcr0-always", "XCR0 may come with every CPUID leaf: Linux" },
    { GHCB_ALLOW_RAX_WITH_IN, "rax-with-in", "RAX may come with IN: Linux, EDK2 (they send 0)" },
    { GHCB_ALLOW_ALL_HYPERCALL_REGISTERS, "hypercall-registers",
      "VMMCALL may send every general register and RIP: guests of Hyper-V and VMware" },
    { GHCB_ALLOW_STALE_GHCB, "stale-ghcb",
      "the page that the GHCB MSR still names may be used privately: Linux, whose decompressor "
      "gives its GHCB back" },
    { GHCB_ALLOW_ENCRYPTED_ROM, "encrypted-rom",
      "C0000-FFFFF may be read with the C-bit, and is garbage: Linux, which looks for ROMs" },
    { GHCB_ALLOW_ENCRYPTED_MMIO, "encrypted-mmio",
      "emulated devices may be mapped with the C-bit: EDK2, before DXE" },
    { GHCB_ALLOW_LOST_RBP, "lost-rbp",
      "device loads into EBP are served without #VC: EDK2, whose handler cannot change RBP" },
    { GHCB_ALLOW_INTERRUPTS_ON, "interrupts-on",
      "a GHCB may be handed over while interrupts are on: EDK2 on q35, whose #VC handler gives a "
      "lock of its drivers back" },
};

const size_t ghcb_allowance_count = sizeof(ghcb_allowances) / sizeof(ghcb_allowances[0]);

uint32_t ghcb_allowance_by_name(const char *name, size_t length)
{
    for (size_t i = 0; i < ghcb_allowance_count; i++) {
        const char *candidate = ghcb_allowances[i].name;
        size_t n = 0;
        while (n < length && candidate[n] != '\0' && candidate[n] == name[n])
            n++;
        if (n == length && candidate[n] == '\0')
            return ghcb_allowances[i].bit;
    }
    return 0;
}

bool ghcb_note_broken(struct ghcb_call *call, enum rule rule)
{
    uint32_t bit = (uint32_t)1 << (unsigned)rule;

    if ((call->broken & bit) != 0)
        return false;
    call->broken |= bit;
    call->s->violations++;
    if (call->reject == 0)
        call->reject = ghcb_rules[rule].reject;
    return true;
}
