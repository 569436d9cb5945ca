/* SPDX-License-Identifier: MIT */
/*
 * What the files of the GHCB server share: the rules and events as data, and one VMGEXIT in
 * progress. Nobody else includes this.
 */
#ifndef EMULATOR_GHCB_INTERNAL_H
#define EMULATOR_GHCB_INTERNAL_H

#include "ghcb_server.h"
#include "report.h"

/* ---- Rules (ghcb_rules.c) ---- */

/* Index into ghcb_rules[]. */
enum rule {
    RULE_GHCB_GPA,
    RULE_NOT_NEGOTIATED,
    RULE_VERSION,
    RULE_USAGE,
    RULE_EXIT_CODE,
    RULE_SNP_ONLY,
    RULE_EVENT_VERSION,
    RULE_EXIT_INFO,
    RULE_IOIO_INFO,
    RULE_MISSING_VALID,
    RULE_EXTRA_VALID,
    RULE_LEAK,
    RULE_LEAK_WIDTH,
    RULE_SCRATCH,
    RULE_MMIO,
    RULE_XCR0,
    RULE_CPL,
    RULE_DR7,
    RULE_GPA,
    RULE_NEVER_INTERCEPTED,
    RULE_MSR_REQUEST,
    RULE_MSR_RESERVED,
    RULE_MSR_SNP_ONLY,
    RULE_MSR_VERSION,
    RULE_MSR_CPUID_LEAF,
    RULE_COUNT,
};

/* ---- NAE events (ghcb_events.c) ---- */

enum need {
    NEED_REQUIRED,
    NEED_OPTIONAL,
    NEED_LEAF_D,       /* required if RAX is CPUID leaf 0xD, else forbidden */
    NEED_LEAF_D1,      /* optional if RAX:RCX is leaf 0xD, sub-leaf 1, and version 2 or later */
    NEED_RAX_WITH_IN,  /* forbidden, unless that allowance is on */
    NEED_ANY_HYPERCALL /* forbidden, unless that allowance is on */
};

#define BITS_OF_IOIO 0 /* as many as the data size in SW_EXITINFO1 */

/* A field that the guest may or must send. */
struct nae_field {
    uint16_t offset;
    uint8_t bits; /* that may be set, counted from bit 0 */
    uint8_t need; /* enum need */
};

enum nae_buffer { BUFFER_NONE, BUFFER_SENT, BUFFER_RETURNED };

/* Registers of an answer: bit numbers of nae_event.out, and index of ghcb_call.out. */
enum out { OUT_RAX, OUT_RBX, OUT_RCX, OUT_RDX, OUT_DR7, OUT_COUNT };

#define OUT(reg) (1u << OUT_##reg)

struct ghcb_call;

/*
 * One NAE event, or one form of it: a row holds if (SW_EXITINFO1 & form_mask) == form.
 * Fields end at offset 0.
 */
struct nae_event {
    uint32_t code;
    const char *name;
    uint64_t form_mask, form;
    uint64_t info1_mask, info2_mask; /* bits that may be set */
    struct nae_field in[17];
    uint8_t buffer; /* enum nae_buffer */
    uint8_t out;    /* OUT() of each register answered */
    uint8_t min_version;
    bool snp_only;
    void (*check)(struct ghcb_call *call); /* further rules on values; may be NULL */
    void (*serve)(struct ghcb_call *call); /* NULL: nothing to do but to resume */
};

/*
 * Finds the row of an exit.
 *
 * @known: receives whether the code is an NAE event at all.
 * Result: NULL if no row holds.
 */
const struct nae_event *nae_find(uint64_t code, uint64_t info1, bool *known);

/* The name of a field of the GHCB; "reserved" if it is none. */
const char *nae_field_name(unsigned offset);

/* ---- One VMGEXIT in progress ---- */

#define GHCB_PART_BYTES 512u
#define GHCB_PARTS      (SEVC_GHCB_SIZE / GHCB_PART_BYTES)

struct ghcb_call {
    struct ghcb_server *s;
    const struct vcpu_where *where;
    uint64_t gpa;                      /* of the GHCB; 0 with the MSR protocol */
    uint32_t used_parts;               /* of the copy: one bit each if anything in it is not zero */
    uint64_t valid[2];                 /* the bitmap as sent */
    const struct nae_event *event;     /* NULL if unknown */
    unsigned buffer_offset;            /* in the page */
    unsigned buffer_bytes;             /* 0 = no buffer in use */
    uint32_t broken;                   /* rules, one bit each */
    uint8_t reject;                    /* SEVC_REJECT_* of the first rule that has one */
    enum ghcb_outcome outcome;         /* of a guest without fault */
    uint64_t reply_info1, reply_info2; /* as they go into the page */
    uint64_t out[OUT_COUNT];
    uint8_t *page; /* for the answer only: never read */
};

/* Notes a broken rule. Result: false if it is known already, so that it is reported once. */
bool ghcb_note_broken(struct ghcb_call *call, enum rule rule);

/* Reports a broken rule once for each VMGEXIT; the rest is a format with its values. */
#define GHCB_BROKE(call, rule, ...)                                                                \
    do {                                                                                           \
        if (ghcb_note_broken(call, rule))                                                          \
            report_violation((call)->where, ghcb_rules[rule].id, __VA_ARGS__);                     \
    } while (0)

/* Is this allowance on? */
static inline bool ghcb_allowed(const struct ghcb_call *call, enum ghcb_allow allow)
{
    return (call->s->platform->allow & (uint32_t)allow) != 0;
}

/* A quadword of the page, as sent. */
uint64_t ghcb_field(const struct ghcb_call *call, unsigned offset);
bool ghcb_is_valid(const struct ghcb_call *call, unsigned offset);

/* True if the address has bits at or above the C-bit, or is no multiple of @alignment. */
static inline bool ghcb_bad_gpa(const struct ghcb_call *call, uint64_t gpa, uint64_t alignment)
{
    return (gpa >> call->s->platform->c_bit) != 0 || (gpa & (alignment - 1)) != 0;
}

/* The judge (ghcb_judge.c): checks a request of the page protocol against its event. */
void ghcb_judge(struct ghcb_call *call);

/* The MSR protocol (ghcb_msr.c): checks and serves. */
void ghcb_serve_msr_protocol(struct ghcb_call *call);
const char *ghcb_msr_request_name(uint64_t info);

/* ---- Checks and services that the event table names (ghcb_serve.c, ghcb_data.c) ---- */

void check_cpuid(struct ghcb_call *call);
void check_dr7_write(struct ghcb_call *call);
void check_jump_table_set(struct ghcb_call *call);
void check_monitor(struct ghcb_call *call);
void check_msr(struct ghcb_call *call);
void check_vmmcall(struct ghcb_call *call);
void serve_ap_reset_hold(struct ghcb_call *call);
void serve_cpuid(struct ghcb_call *call);
void serve_dr7_read(struct ghcb_call *call);
void serve_dr7_write(struct ghcb_call *call);
void serve_hv_features(struct ghcb_call *call);
void serve_jump_table_get(struct ghcb_call *call);
void serve_jump_table_set(struct ghcb_call *call);
void serve_nmi_complete(struct ghcb_call *call);
void serve_rdmsr(struct ghcb_call *call);
void serve_rdpmc(struct ghcb_call *call);
void serve_rdtsc(struct ghcb_call *call);
void serve_rdtscp(struct ghcb_call *call);
void serve_terminate(struct ghcb_call *call);
void serve_vmmcall(struct ghcb_call *call);
void serve_wrmsr(struct ghcb_call *call);

void check_ioio(struct ghcb_call *call);
void check_ioio_string(struct ghcb_call *call);
void check_mmio(struct ghcb_call *call);
void serve_in(struct ghcb_call *call);
void serve_ins(struct ghcb_call *call);
void serve_mmio_read(struct ghcb_call *call);
void serve_mmio_write(struct ghcb_call *call);
void serve_out(struct ghcb_call *call);
void serve_outs(struct ghcb_call *call);

/* Answers with an exception: #GP(0). */
void ghcb_reply_gp(struct ghcb_call *call);

#endif
