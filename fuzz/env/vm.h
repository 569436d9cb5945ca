/* SPDX-License-Identifier: MIT */
/*
 * The world that a scenario runs in: guest memory (guest.c), the hypervisor (host.c), what may be
 * disclosed (disclosure.c), and the exceptions in progress with what must hold of them
 * (exception.c). One world at a time.
 */
#ifndef FUZZ_VM_H
#define FUZZ_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/sevc.h>

#include "finding.h"
#include "scenario.h"
#include "traced.h"

#define FUZZ_PAGE_BYTES 4096u

struct fuzz_page {
    uint64_t va, gpa;
    uint8_t bits; /* FUZZ_PAGE_* */
    uint8_t bytes[FUZZ_PAGE_BYTES];
    uint8_t expected[FUZZ_PAGE_BYTES]; /* BYTES, if nobody writes but by the hooks */
};

/* What the protocol makes of a reply. */
enum fuzz_verdict {
    FUZZ_REPLY_NONE, /* there was none */
    FUZZ_REPLY_OK,
    FUZZ_REPLY_EXCEPTION,
    FUZZ_REPLY_ERROR,
};

/* One exception in progress. */
struct fuzz_call {
    const struct fuzz_exception *what;
    struct sevc_trap trap, before;
    struct sevc_report report;
    enum sevc_result result;
    uint32_t depth_before; /* sessions of others on this CPU */
    uint8_t code[SEVC_INSN_MAX_BYTES];
    unsigned code_bytes; /* that can be fetched */
    unsigned code_bits;
    enum sevc_result decoded;
    struct sevc_insn insn; /* of CODE, if DECODED is SEVC_OK */

    unsigned fetches, hooks, vmgexits;
    bool raced;       /* another CPU changed the GHCB meanwhile */
    bool interrupted; /* another exception came in between */
    uint64_t last_event, last_info1;
    enum fuzz_verdict verdict;        /* of the last reply, as written by the host */
    uint8_t returned[SEVC_GHCB_SIZE]; /* that reply */
    const void *stack; /* below it the library's stack begins; NULL: it is not at work */
};

struct fuzz_vm {
    const struct fuzz_scenario *scenario;
    struct fuzz_page page[FUZZ_PAGES];
    struct sevc_cpu cpu;
    struct sevc_policy policy;
    struct sevc_hypercall_abi abi;
    struct sevc_cpuid_table table;

    struct fuzz_call call[FUZZ_EXCEPTIONS];
    unsigned depth; /* of call[] */

    uint64_t ghcb_msr;
    unsigned accesses; /* to the GHCB, by the guest; a VMGEXIT counts, too */
    unsigned replies;
    unsigned races; /* so far */
    bool raced_bytes[SEVC_GHCB_SIZE];
    uint8_t reads[SEVC_GHCB_SIZE]; /* since the last VMGEXIT */
    unsigned validates;
    uint64_t digest; /* of all that happened: the same when it is repeated */
};
extern struct fuzz_vm fuzz_vm;
extern uint8_t fuzz_ghcb[SEVC_GHCB_SIZE];
extern uint8_t fuzz_backup[FUZZ_PAGE_BYTES];

static inline struct fuzz_call *fuzz_call(void)
{
    return &fuzz_vm.call[fuzz_vm.depth - 1];
}

void fuzz_digest(const void *data, size_t bytes);

/* ---- guest.c ---- */

void fuzz_guest_start(void);
/* Puts the instruction of CALL where its trap's RIP says, and notes what can be fetched. */
void fuzz_guest_place(struct fuzz_call *call);
/* The page that holds VA or GPA; NULL if there is none. */
struct fuzz_page *fuzz_page_at(uint64_t va);
struct fuzz_page *fuzz_page_at_gpa(uint64_t gpa);
/* What sevc_os_register() says of it. */
uint64_t fuzz_xcr0(void);
/* All memory is what the hooks made of it. */
void fuzz_guest_check(void);

/* ---- strings.c: INS, OUTS, MOVS, STOS, LODS, CMPS, SCAS ---- */

bool fuzz_is_string(const struct sevc_insn *insn);
/* The most elements that one call may move. */
uint64_t fuzz_string_limit(const struct fuzz_call *call);
/* Which element of CALL's operand at rSI or rDI this byte belongs to; ~0: none that it may move. */
uint64_t fuzz_string_element(const struct fuzz_call *call, unsigned gpr, uint64_t va);
/* The registers that count and point. */
void fuzz_string_check_progress(const struct fuzz_call *call);

/* ---- host.c ---- */

void fuzz_host_start(void);
/* Between sessions. */
void fuzz_host_check_at_rest(void);

/* ---- disclosure.c: at each VMGEXIT ---- */

void fuzz_disclosure_check(const struct fuzz_call *call, const uint8_t *page);
/* The registers that the event returns, SEVC_OUT_*. */
unsigned fuzz_event_outputs(const struct fuzz_call *call, uint64_t event, uint64_t info1);

/* ---- exception.c ---- */

/* Runs exception NUMBER, checks what became of it. Called by the host for those that interrupt. */
void fuzz_exception_run(unsigned number);

/* ---- outcome.c: what must hold after it ---- */

void fuzz_outcome_check(const struct fuzz_call *call);

#endif
