/* SPDX-License-Identifier: MIT */
/* What the numbers mean. */
#include <sevc/ghcb_abi.h>
#include <sevc/svm.h>

#include "tool.h"

struct name {
    uint64_t code;
    const char *name;
};

static const char *find(const struct name *names, size_t count, uint64_t code, const char *none)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i].code == code) {
            return names[i].name;
        }
    }
    return none;
}

#define FIND(names, code, none) find(names, sizeof(names) / sizeof((names)[0]), code, none)

const char *exit_name(uint64_t code)
{
    static const struct name names[] = {
        { SEVC_EXIT_READ_DR7, "DR7 read" },
        { SEVC_EXIT_WRITE_DR7, "DR7 write" },
        { SEVC_EXIT_DB, "#DB" },
        { SEVC_EXIT_AC, "#AC" },
        { SEVC_EXIT_RDTSC, "RDTSC" },
        { SEVC_EXIT_RDPMC, "RDPMC" },
        { SEVC_EXIT_CPUID, "CPUID" },
        { SEVC_EXIT_INVD, "INVD" },
        { SEVC_EXIT_IOIO, "IOIO" },
        { SEVC_EXIT_MSR, "MSR" },
        { SEVC_EXIT_VMMCALL, "VMMCALL" },
        { SEVC_EXIT_RDTSCP, "RDTSCP" },
        { SEVC_EXIT_WBINVD, "WBINVD" },
        { SEVC_EXIT_MONITOR, "MONITOR" },
        { SEVC_EXIT_MWAIT, "MWAIT" },
        { 0x8D, "XSETBV" },
        { 0x8E, "RDPRU" },
        { SEVC_EXIT_NPF, "NPF (MMIO)" },
        { 0x404, "page not validated" },
        { 0x80000001, "MMIO read" },
        { 0x80000002, "MMIO write" },
        { 0x80000003, "NMI complete" },
        { 0x80000004, "AP reset hold" },
        { 0x80000005, "AP jump table" },
        { 0x80000010, "page state change" },
        { 0x80000011, "guest request" },
        { 0x80000012, "extended guest request" },
        { 0x80000013, "AP creation" },
        { 0x80000014, "#HV doorbell page" },
        { 0x80000018, "run VMPL" },
        { 0x8000FFFD, "hypervisor features" },
        { 0x8000FFFE, "terminate" },
        { 0x8000FFFF, "unsupported event" },
    };

    return FIND(names, code, "unknown");
}

const char *msr_request_name(uint64_t msr)
{
    static const struct name names[] = {
        { 0x001, "SEV information (response)" },
        { 0x002, "SEV information" },
        { 0x004, "CPUID" },
        { 0x005, "CPUID (response)" },
        { 0x006, "AP reset hold" },
        { 0x007, "AP reset hold (response)" },
        { 0x010, "preferred GHCB GPA" },
        { 0x012, "register GHCB GPA" },
        { 0x014, "page state change" },
        { 0x016, "run VMPL" },
        { 0x080, "hypervisor features" },
        { 0x081, "hypervisor features (response)" },
        { 0x100, "terminate" },
    };

    return FIND(names, msr & SEVC_GHCB_MSR_INFO_MASK, "unknown");
}

const char *recorder_name(uint32_t recorder)
{
    static const struct name names[] = {
        { SEVC_TRACE_BY_LIBRARY, "the tap of libsevc" },
        { SEVC_TRACE_BY_EMULATOR, "the emulated platform" },
        { SEVC_TRACE_BY_KVM, "Linux KVM, by ftrace" },
    };

    return FIND(names, recorder, "unknown");
}

const char *ghcb_field_name(unsigned offset)
{
    static const struct name names[] = {
        { 0x0C8, "CPL" },
        { 0x140, "XSS" },
        { 0x160, "DR7" },
        { 0x178, "RIP" },
        { 0x1F8, "RAX" },
        { 0x308, "RCX" },
        { 0x310, "RDX" },
        { 0x318, "RBX" },
        { 0x328, "RBP" },
        { 0x330, "RSI" },
        { 0x338, "RDI" },
        { 0x340, "R8" },
        { 0x348, "R9" },
        { 0x350, "R10" },
        { 0x358, "R11" },
        { 0x360, "R12" },
        { 0x368, "R13" },
        { 0x370, "R14" },
        { 0x378, "R15" },
        { 0x390, "SW_EXITCODE" },
        { 0x398, "SW_EXITINFO1" },
        { 0x3A0, "SW_EXITINFO2" },
        { 0x3A8, "SW_SCRATCH" },
        { 0x3E8, "XCR0" },
        { 0x3F0, "VALID_BITMAP" },
        { 0x3F8, "VALID_BITMAP" },
        { 0x400, "X87_STATE_GPA" },
        { 0xFF8, "PROTOCOL_VERSION" },
    };

    return FIND(names, offset, offset >= 0x800 && offset < 0xFF0 ? "buffer" : "reserved");
}
