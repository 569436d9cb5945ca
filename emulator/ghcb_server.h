/* SPDX-License-Identifier: MIT */
/*
 * The emulated host's end of the guest-hypervisor communication block: it answers a VMGEXIT from
 * the GHCB and the GHCB MSR alone, as a host of a real SEV-ES guest must, and it judges what the
 * guest sent. The judge is stricter than any real host: whatever the guest discloses without
 * need, and whatever a conforming host may refuse, is a violation (docs/emulator-rules.md).
 *
 * The server never sees the guest's registers or memory, allocates nothing, and has no global
 * state: one struct ghcb_platform for each guest, one struct ghcb_server for each of its
 * processors. It reads each GHCB once, into its own copy.
 *
 * What the monitor does with it:
 *
 *     RDMSR/WRMSR of C001_0130   ghcb_server_read_msr() / ghcb_server_write_msr()
 *     VMGEXIT                    page = ghcb_server_wants_page(s, &gpa) ? host pointer : NULL;
 *                                outcome = ghcb_server_vmgexit(s, page, where);
 *                                count s->request, act on the outcome
 *     INIT-SIPI of a held CPU    ghcb_server_wake(s, page)
 */
#ifndef EMULATOR_GHCB_SERVER_H
#define EMULATOR_GHCB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/ghcb_abi.h>

struct vcpu_where;

/* What the monitor does after a VMGEXIT. The reply stands in the GHCB or in the MSR already. */
enum ghcb_outcome {
    GHCB_RESUME,       /* go on behind the VMGEXIT */
    GHCB_TERMINATED,   /* the guest asked to be ended: request.term_set and term_code say why */
    GHCB_VIOLATION,    /* the guest broke at least one rule; each has been reported */
    GHCB_RESET_HOLD,   /* do not resume before ghcb_server_wake() */
    GHCB_NMI_COMPLETE, /* go on, and NMIs may be injected again */
};

/*
 * Rules that a stock guest breaks and no real host enforces. Each is off by default and has a
 * name for the command line (ghcb_allowances).
 */
enum ghcb_allow {
    GHCB_ALLOW_VERSION_ZERO = 1u << 0,
    GHCB_ALLOW_NO_NEGOTIATION = 1u << 1,
    GHCB_ALLOW_UNSCRUBBED = 1u << 2,
    GHCB_ALLOW_WIDE_REGISTERS = 1u << 3,
    GHCB_ALLOW_XCR0_ALWAYS = 1u << 4,
    GHCB_ALLOW_RAX_WITH_IN = 1u << 5,
    GHCB_ALLOW_ALL_HYPERCALL_REGISTERS = 1u << 6,
    GHCB_ALLOW_STALE_GHCB = 1u << 7, /* this and the following: rules of the monitor (npf.c) */
    GHCB_ALLOW_ENCRYPTED_ROM = 1u << 8,
    GHCB_ALLOW_ENCRYPTED_MMIO = 1u << 9,
    GHCB_ALLOW_LOST_RBP = 1u << 10,
    GHCB_ALLOW_INTERRUPTS_ON = 1u << 11, /* of exits.c */
};

struct ghcb_allowance {
    uint32_t bit;        /* one of enum ghcb_allow */
    const char *name;    /* as in "allow=version-zero" */
    const char *meaning; /* what is forgiven, and which guest needs it */
};

extern const struct ghcb_allowance ghcb_allowances[];
extern const size_t ghcb_allowance_count;

/*
 * One rule of the judge. The id is stable: tests and docs/emulator-rules.md name it. A real host
 * answers some broken rules with a refusal (SEVC_REJECT_*); 0 means that it would not notice.
 */
struct ghcb_rule {
    const char *id;
    uint8_t reject;
    const char *meaning;
};

extern const struct ghcb_rule ghcb_rules[];
extern const size_t ghcb_rule_count;

/* What all processors of one guest share. The first part is the monitor's to set before init. */
struct ghcb_platform {
    uint16_t version_min, version_max; /* offered to the guest; 1 and 2 */
    uint8_t c_bit;                     /* position of the C-bit; addresses end below it */
    bool keep_going;                   /* true: the outcome ignores violations */
    uint32_t allow;                    /* enum ghcb_allow, ORed */
    uint64_t hv_features;              /* SEVC_HV_FEATURE_*; 0 on a plain SEV-ES host */

    /* What the guest has told so far. */
    bool negotiated;         /* it has read the SEV information since the last reset */
    uint16_t version;        /* of its first GHCB after that; 0 = not known yet */
    uint64_t jump_table_gpa; /* 0 = never set */
};

/* The last VMGEXIT, as it was sent: for the monitor's counters, logs and traces. */
struct ghcb_request {
    bool msr_protocol;
    uint64_t code; /* SW_EXITCODE, or GHCBInfo (11:0) of the MSR protocol */
    uint64_t info1, info2;
    const char *name; /* of the event; "unknown" if it is none */
    uint8_t term_set, term_code;
};

struct ghcb_server {
    struct ghcb_platform *platform;
    uint64_t msr; /* C001_0130: the request until VMGEXIT, the response after it */
    uint64_t dr7; /* as the guest last wrote it */
    struct ghcb_request request;
    unsigned violations; /* rules broken so far on this processor */

    /* The page as it was at VMGEXIT: nothing is read twice. */
    uint8_t copy[SEVC_GHCB_SIZE] __attribute__((aligned(8)));
};

/*
 * Fills the platform with the defaults: versions 1 to 2, no allowance, strict outcomes.
 *
 * @c_bit: position of the C-bit, SEVC_C_BIT_MIN to SEVC_C_BIT_MAX.
 */
void ghcb_platform_init(struct ghcb_platform *platform, uint8_t c_bit);

/*
 * Turns the name of an allowance into its bit.
 *
 * @name: not zero-terminated, @length characters long.
 * Result: one of enum ghcb_allow; 0 if there is none of that name.
 */
uint32_t ghcb_allowance_by_name(const char *name, size_t length);

/* One processor, as after reset: the MSR holds the SEV information (GHCB spec 2.03, 2.3.1). */
void ghcb_server_init(struct ghcb_server *s, struct ghcb_platform *platform);

/* WRMSR and RDMSR of C001_0130, executed by the guest. They are never reflected as #VC. */
void ghcb_server_write_msr(struct ghcb_server *s, uint64_t value);
uint64_t ghcb_server_read_msr(struct ghcb_server *s);

/*
 * Tells which page the next VMGEXIT needs.
 *
 * @gpa: receives the guest-physical address of the GHCB, without C-bit check.
 * Result: false if the MSR holds a request of the MSR protocol.
 */
bool ghcb_server_wants_page(const struct ghcb_server *s, uint64_t *gpa);

/*
 * Serves one VMGEXIT.
 *
 * @page: the GHCB, 4096 bytes, as the *host* sees it (shared view); NULL for the MSR protocol,
 *        and NULL if the address in the MSR is no shared memory of the guest (a violation).
 * @where: RIP and processor, for the violations' report; not looked into.
 */
enum ghcb_outcome ghcb_server_vmgexit(struct ghcb_server *s, uint8_t *page,
                                      const struct vcpu_where *where);

/*
 * Ends a reset hold: writes the answer that tells the guest that it was woken by INIT-SIPI.
 *
 * @page: the GHCB if the hold came by the page protocol, else NULL.
 */
void ghcb_server_wake(struct ghcb_server *s, uint8_t *page);

/* The name of an NAE event or, with @msr_protocol, of an MSR-protocol request; never NULL. */
const char *ghcb_request_name(bool msr_protocol, uint64_t code);

#endif
