/* SPDX-License-Identifier: MIT */
/*
 * One function for each NAE event: puts exactly the inputs that the specification names, cut to
 * their width, exchanges, and returns the outputs, cut to theirs (GHCB spec 2.03, 4.1, table 6).
 * The #VC handlers use them; code that wants no exception calls them directly in a session of its
 * own.
 *
 * Context: as the session's (CPL 0, interrupts off). Every function returns what
 * sevc_session_exchange() returns, and leaves its outputs alone unless that is SEVC_OK.
 * SEVC_INVALID, where listed, means an argument out of range: nothing was sent.
 */
#ifndef SEVC_EVENT_H
#define SEVC_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include <sevc/ghcb.h>
#include <sevc/trap.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sevc_cpuid_regs {
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
};

/*
 * 0x72 CPUID. in: EAX and ECX in *REGS; out: all four. xcr0 is sent for leaf 0xD only (the value in
 * force, 1 if CR4.OSXSAVE is 0); xss for leaf 0xD, sub-leaf 1, with protocol version 2 only.
 */
enum sevc_result sevc_event_cpuid(struct sevc_session *session, struct sevc_cpuid_regs *regs,
                                  uint64_t xcr0, uint64_t xss);

/* 0x7C MSR. An MSR that the host does not know gives SEVC_EXCEPTION with #GP(0). */
enum sevc_result sevc_event_rdmsr(struct sevc_session *session, uint32_t msr, uint64_t *value);
enum sevc_result sevc_event_wrmsr(struct sevc_session *session, uint32_t msr, uint64_t value);

/*
 * 0x7B IOIO, one IN or OUT. bytes: 1, 2 or 4, else SEVC_INVALID; address_bytes: see below, 8 if
 * free.
 */
enum sevc_result sevc_event_in(struct sevc_session *session, uint16_t port, unsigned bytes,
                               unsigned address_bytes, uint32_t *value);
enum sevc_result sevc_event_out(struct sevc_session *session, uint16_t port, unsigned bytes,
                                unsigned address_bytes, uint32_t value);

/* What the string forms of IOIO tell the host (GHCB spec 2.03, 4.1.2; APM vol. 2, 15.10.2). */
struct sevc_string_io {
    uint16_t port;
    uint8_t bytes;         /* of an element: 1, 2, 4 */
    uint8_t address_bytes; /* 2, 4, 8 */
    uint8_t segment;       /* enum sevc_segment: ES for INS, DS or the override for OUTS */
    bool rep;
    bool in; /* INS, else OUTS */
};

/*
 * 0x7B IOIO, INS or OUTS of COUNT elements, packed in the order of the operation at the start of
 * the shared buffer: the caller puts them there before OUTS, and takes them, reading each byte
 * once, after INS. count * bytes: 1 to 2032, else SEVC_INVALID.
 */
enum sevc_result sevc_event_string_io(struct sevc_session *session, const struct sevc_string_io *io,
                                      unsigned count);

/*
 * 0x8000_0001 and 0x8000_0002: access to emulated device memory at GPA (no C-bit), through the
 * start of the shared buffer. bytes: 1, 2, 4 or 8, else SEVC_INVALID. The value is zero-extended.
 * The caller has made sure that the page is not encrypted.
 */
enum sevc_result sevc_event_mmio_read(struct sevc_session *session, uint64_t gpa, unsigned bytes,
                                      uint64_t *value);
enum sevc_result sevc_event_mmio_write(struct sevc_session *session, uint64_t gpa, unsigned bytes,
                                       uint64_t value);

/* 0x6E RDTSC. */
enum sevc_result sevc_event_rdtsc(struct sevc_session *session, uint64_t *tsc);

/* 0x87 RDTSCP: the counter and TSC_AUX. */
enum sevc_result sevc_event_rdtscp(struct sevc_session *session, uint64_t *tsc, uint32_t *aux);

/* 0x6F RDPMC of one counter. */
enum sevc_result sevc_event_rdpmc(struct sevc_session *session, uint32_t counter, uint64_t *value);

/* 0x76 INVD. The host's caches may hold the guest's data: see the policy in vc.h before you ask. */
enum sevc_result sevc_event_invd(struct sevc_session *session);

/* 0x89 WBINVD; WBNOINVD has the same exit code. */
enum sevc_result sevc_event_wbinvd(struct sevc_session *session);

/* 0x8A MONITOR, of a guest-physical address: it tells the host what the guest waits for. */
enum sevc_result sevc_event_monitor(struct sevc_session *session, uint64_t gpa, uint32_t extensions,
                                    uint32_t hints);

/* 0x8B MWAIT. */
enum sevc_result sevc_event_mwait(struct sevc_session *session, uint32_t hints,
                                  uint32_t extensions);

/*
 * 0x81 VMMCALL. gpr: 16 registers in encoding order; those in the masks of ABI (cpu.h; not NULL),
 * and RAX, are sent and changed. cpl: 0 to 3, of the caller; rip: sent only if the convention has
 * it. SEVC_INVALID: RSP in a mask, or no such CPL.
 */
enum sevc_result sevc_event_vmmcall(struct sevc_session *session,
                                    const struct sevc_hypercall_abi *abi, unsigned cpl,
                                    uint64_t rip, uint64_t gpr[16]);

/* 0x37 write of DR7. SEVC_INVALID if bits 63:32 are set: the processor would raise #GP. */
enum sevc_result sevc_event_write_dr7(struct sevc_session *session, uint64_t value);

/*
 * 0x8000_0003 NMI complete: the next NMI may come now, at the very next instruction. Version 1 has
 * it too.
 */
enum sevc_result sevc_event_nmi_complete(struct sevc_session *session);

/*
 * 0x8000_0004 AP reset hold: this CPU waits for INIT-SIPI. *woken is false if it came back for
 * another reason: hold again.
 */
enum sevc_result sevc_event_ap_reset_hold(struct sevc_session *session, bool *woken);

/*
 * 0x8000_0005 AP jump table, SEV-ES guests only. get: *gpa is 0 if the firmware has published none;
 * an address that is not 4 KiB aligned, or not below 4 GiB, is SEVC_HOST_ERROR. set (the
 * firmware's side): the same, else SEVC_INVALID.
 */
enum sevc_result sevc_event_get_jump_table(struct sevc_session *session, uint64_t *gpa);
enum sevc_result sevc_event_set_jump_table(struct sevc_session *session, uint64_t gpa);

/* 0x8000_FFFD: hypervisor features, SEVC_HV_FEATURE_*. SEVC_UNSUPPORTED with protocol version 1. */
enum sevc_result sevc_event_hv_features(struct sevc_session *session, uint64_t *features);

/*
 * 0x8000_FFFE: termination by the page protocol. Returns only if the host refuses. set 0-15, code
 * 0-255.
 */
enum sevc_result sevc_event_terminate(struct sevc_session *session, unsigned set, unsigned code);

/* 0x8000_FFFF: tells the host that the guest does not support this #VC error code. */
enum sevc_result sevc_event_unsupported(struct sevc_session *session, uint64_t exit_code);

#ifdef __cplusplus
}
#endif

#endif
