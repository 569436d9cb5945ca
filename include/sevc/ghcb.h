/* SPDX-License-Identifier: MIT */
/*
 * The GHCB: its page, and sessions in which it is used.
 *
 * At rest the page is all zero and the GHCB MSR holds its address. A session borrows the page
 * from the CPU, exchanges any number of events, and gives it back scrubbed. If another session on
 * the same CPU is open (an NMI has interrupted it), its page and MSR are saved first and restored
 * after.
 *
 * Context of every function here: CPL 0, no preemption, interrupts off from begin to end: the page
 * is one per CPU. That is the caller's duty; where it is neglected the emulated platform says so
 * (rule interrupts-on). Code that wants an explicit exchange and knows nothing of sessions uses the
 * calls of direct.h.
 */
#ifndef SEVC_GHCB_H
#define SEVC_GHCB_H

#include <stdint.h>

#include <sevc/cpu.h>
#include <sevc/ghcb_abi.h>
#include <sevc/msr_protocol.h>
#include <sevc/status.h>
#include <sevc/trap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The page, GHCB spec 2.03, 2.6. Only for its layout: the library never reads a field twice. */
struct sevc_ghcb_page {
    uint8_t reserved_000[0xCB];
    uint8_t cpl;
    uint8_t reserved_0cc[0x140 - 0xCC];
    uint64_t xss;
    uint8_t reserved_148[0x160 - 0x148];
    uint64_t dr7;
    uint8_t reserved_168[0x178 - 0x168];
    uint64_t rip;
    uint8_t reserved_180[0x1F8 - 0x180];
    uint64_t rax;
    uint8_t reserved_200[0x308 - 0x200];
    uint64_t rcx;
    uint64_t rdx;
    uint64_t rbx;
    uint8_t reserved_320[8];
    uint64_t rbp;
    uint64_t rsi;
    uint64_t rdi;
    uint64_t r8_to_r15[8];
    uint8_t reserved_380[16];
    uint64_t sw_exitcode;
    uint64_t sw_exitinfo1;
    uint64_t sw_exitinfo2;
    uint64_t sw_scratch;
    uint8_t reserved_3b0[0x3E8 - 0x3B0];
    uint64_t xcr0;
    uint64_t valid_bitmap[2];
    uint64_t x87_state_gpa;
    uint8_t reserved_408[0x800 - 0x408];
    uint8_t shared_buffer[SEVC_GHCB_SHARED_BUFFER_BYTES];
    uint8_t reserved_ff0[10];
    uint16_t protocol_version;
    uint32_t ghcb_usage;
};

/* Registers that an event returns, for sevc_session_exchange(): bit n is enum sevc_gpr's n. */
#define SEVC_OUT(gpr) (1u << (gpr))
#define SEVC_OUT_RAX  SEVC_OUT(SEVC_RAX)
#define SEVC_OUT_RCX  SEVC_OUT(SEVC_RCX)
#define SEVC_OUT_RDX  SEVC_OUT(SEVC_RDX)
#define SEVC_OUT_RBX  SEVC_OUT(SEVC_RBX)

/* One use of the GHCB. Lives on the caller's stack. */
struct sevc_session {
    struct sevc_cpu *cpu;
    struct sevc_report *report; /* gets stage, reason, codes and the count of VMGEXITs */
    volatile struct sevc_ghcb_page
        *page;             /* the shared page itself: write only, but by exchange() */
    uint64_t saved_msr;    /* what the GHCB MSR held at begin */
    uint64_t valid[2];     /* the bitmap of the next exchange */
    uint32_t buffer_bytes; /* how much of the shared buffer has been used since begin */
    bool nested;
    /* Private copies of the last reply's outputs: of those asked for, after SEVC_OK only. */
    struct {
        uint64_t gpr[16];
        uint64_t info2;
    } reply;
};

/*
 * Opens a session. report: not NULL; stays in use until the end. SEVC_OK; SEVC_FORBIDDEN with
 * reason NOT_READY (no GHCB yet; cpu NULL) or NESTING (a third level: nothing has been touched,
 * and nothing can be exchanged).
 */
enum sevc_result sevc_session_begin(struct sevc_session *session, struct sevc_cpu *cpu,
                                    struct sevc_report *report);

/* Closes it: scrubs the page, or restores the outer session's page and MSR to the byte. */
void sevc_session_end(struct sevc_session *session);

/*
 * Ends all sessions of CPU by force: page zeroed, MSR at the page, depth 0. For
 * sevc_panic_release() and its like: whoever had a session open must not go on. cpu: ready, else
 * nothing happens.
 */
void sevc_session_drop_all(struct sevc_cpu *cpu);

/*
 * Puts VALUE into the quadword at OFFSET (SEVC_GHCB_OFF_RAX to _XCR0; a multiple of 8) and marks
 * it valid for the next exchange. Hand over only the bits that the event needs.
 */
static inline void sevc_session_put(struct sevc_session *session, unsigned offset, uint64_t value)
{
    unsigned index = SEVC_GHCB_VALID_INDEX(offset);

    *(volatile uint64_t *)((volatile uint8_t *)session->page + offset) = value;
    session->valid[index / 64] |= 1ull << (index % 64);
}

/* Where the page has a general register: enum sevc_gpr in order, but RAX, and no RSP. */
static inline unsigned sevc_ghcb_gpr_offset(unsigned gpr)
{
    return gpr == SEVC_RAX ? SEVC_GHCB_OFF_RAX : SEVC_GHCB_OFF_RCX + 8 * (gpr - SEVC_RCX);
}

/*
 * Names the first BYTES (1 to 2032) of the shared buffer as SW_SCRATCH, marked valid. The caller
 * writes them before, or reads each byte once after the exchange, at session->page->shared_buffer.
 */
void sevc_session_scratch(struct sevc_session *session, unsigned bytes);

/*
 * Sends one NAE event: event code, SW_EXITINFO1 and 2, the fields put since the last exchange;
 * protocol version and usage are written anew, the GHCB MSR too. Then reads the reply once, and
 * checks it.
 *
 * outputs: the SEVC_OUT_* that the event returns. They must be marked valid by the host; they are
 * then in session->reply, and SW_EXITINFO2 is too. The page is scrubbed but for the buffer.
 *
 * SEVC_OK
 * SEVC_EXCEPTION    the host asks for #GP or #UD (report->fault), as the protocol lets it
 * SEVC_HOST_ERROR   REJECTED, UNDEFINED_REPLY, MISSING_OUTPUT, BAD_INJECTION
 */
enum sevc_result sevc_session_exchange(struct sevc_session *session, uint64_t event, uint64_t info1,
                                       uint64_t info2, unsigned outputs);

/*
 * One exchange by the MSR protocol: writes REQUEST, executes VMGEXIT, returns the response, puts
 * the MSR back. Needs no GHCB and no state. Interrupts off.
 */
uint64_t sevc_msr_exchange(uint64_t request);

/*
 * Asks the hypervisor to end this guest (GHCB spec 2.03, 2.3.1, request 0x100). set 0 holds the
 * specification's reasons SEVC_TERM_*; 1 to 15 are the guest's own. Does not return: should the
 * host resume the guest, it asks again, for ever, and halts in between, interrupts off. Callable
 * anywhere at CPL 0.
 */
__attribute__((noreturn)) void sevc_terminate_with(unsigned set, unsigned code);
__attribute__((noreturn)) void sevc_terminate(unsigned code); /* set 0 */

/*
 * Fills in *PLATFORM: reads SEV_STATUS, learns protocol versions and the C-bit, and negotiates the
 * version (the highest common one). No VMGEXIT where the GHCB MSR still holds the SEV information, as
 * it does after reset (GHCB spec 2.03, 2.3.1); elsewhere, behind firmware, 1. The MSR is left as it
 * was. The hypervisor's features are not asked for, because nothing in the library depends on them:
 * sevc_event_hv_features() in a session, or, before there is a GHCB, sevc_msr_exchange() with
 * sevc_msr_hv_features_request().
 * Call it on a machine that is known to be an SEV guest: elsewhere reading SEV_STATUS raises #GP.
 * Interrupts off.
 *
 * SEVC_OK
 * SEVC_UNSUPPORTED  NOT_SEV_ES; SNP (the caller should sevc_terminate(SEVC_TERM_SNP_FEATURES))
 * SEVC_HOST_ERROR   VERSION (the caller should sevc_terminate(SEVC_TERM_PROTOCOL_VERSION));
 *                   BAD_RESPONSE, an impossible C-bit or range of versions included
 */
enum sevc_result sevc_platform_init(struct sevc_platform *platform, struct sevc_report *report);

#ifdef __cplusplus
}
#endif

#endif
