/* SPDX-License-Identifier: MIT */
/*
 * One #VC exception while it is being handled, and what the files of this floor share about it.
 *
 * identify.c fetches, decodes and checks that the instruction can raise the exit; general.c opens the
 * session, and picks the function of the exit by the instruction's kind. That function decides by
 * policy, sends the event, and changes registers and memory after the reply has been checked. It
 * returns SEVC_OK when the instruction is complete; RIP is then moved by general.c, through
 * sevc_vc_advance().
 */
#ifndef SEVC_VC_EXCEPTION_H
#define SEVC_VC_EXCEPTION_H

#include <sevc/ghcb.h>
#include <sevc/insn.h>
#include <sevc/os.h>
#include <sevc/svm.h>
#include <sevc/vc.h>

#include "../ghcb/refuse.h"
#include "../trace/tap.h"

struct sevc_exception {
    struct sevc_cpu *cpu;
    struct sevc_trap *trap;
    struct sevc_report *report;
    unsigned code_bits; /* 64 or 32 */
    struct sevc_insn insn;
    struct sevc_session session;
};

/*
 * identify.c: fetches (FETCHED: report->insn is filled in), decodes, and compares with the exit.
 * SEVC_OK: the instruction is served, and raises this exit. SEVC_INVALID in stage DECODE: it is none
 * that could be, and what it is remains to be said, by sevc_vc_refuse_unknown(), on a stack without a
 * session; that sees to report->result, too. Else: refused.
 */
enum sevc_result sevc_vc_identify(struct sevc_exception *vc, bool fetched);
enum sevc_result sevc_vc_refuse_unknown(struct sevc_cpu *cpu, const struct sevc_trap *trap,
                                        struct sevc_report *report, bool fetched);

/* ---- the exits, one file each; context: an open session, but for CPUID ---- */

enum sevc_result sevc_vc_cpuid(struct sevc_exception *vc);     /* cpuid.c: no session yet */
enum sevc_result sevc_vc_rdmsr(struct sevc_exception *vc);     /* msr.c */
enum sevc_result sevc_vc_wrmsr(struct sevc_exception *vc);     /* msr.c */
enum sevc_result sevc_vc_in(struct sevc_exception *vc);        /* ioio.c */
enum sevc_result sevc_vc_out(struct sevc_exception *vc);       /* ioio.c */
enum sevc_result sevc_vc_string_io(struct sevc_exception *vc); /* string_io.c: INS, OUTS */
enum sevc_result sevc_vc_rdtsc(struct sevc_exception *vc);     /* tsc.c */
enum sevc_result sevc_vc_rdtscp(struct sevc_exception *vc);    /* tsc.c */
enum sevc_result sevc_vc_rdpmc(struct sevc_exception *vc);     /* rdpmc.c */
enum sevc_result sevc_vc_invd(struct sevc_exception *vc);      /* cache.c */
enum sevc_result sevc_vc_wbinvd(struct sevc_exception *vc);    /* cache.c: and WBNOINVD */
enum sevc_result sevc_vc_monitor(struct sevc_exception *vc);   /* monitor.c: and MONITORX */
enum sevc_result sevc_vc_mwait(struct sevc_exception *vc);     /* monitor.c: and MWAITX */
enum sevc_result sevc_vc_vmmcall(struct sevc_exception *vc);   /* vmmcall.c */
enum sevc_result sevc_vc_read_dr7(struct sevc_exception *vc);  /* dr7.c */
enum sevc_result sevc_vc_write_dr7(struct sevc_exception *vc); /* dr7.c */

/* MMIO, by the kind of the instruction. */
enum sevc_result sevc_vc_mmio_load(struct sevc_exception *vc);   /* mmio.c */
enum sevc_result sevc_vc_mmio_store(struct sevc_exception *vc);  /* mmio.c */
enum sevc_result sevc_vc_mmio_hint(struct sevc_exception *vc);   /* mmio.c */
enum sevc_result sevc_vc_mmio_alu(struct sevc_exception *vc);    /* mmio_alu.c */
enum sevc_result sevc_vc_mmio_string(struct sevc_exception *vc); /* mmio_string.c */

/* forward.c: exits that name no instruction, and what becomes of them. */
static inline bool sevc_vc_is_forwarded(uint64_t exit_code)
{
    return exit_code == SEVC_EXIT_DB || exit_code == SEVC_EXIT_AC ||
           exit_code == SEVC_EXIT_NOT_VALIDATED;
}
enum sevc_result sevc_vc_forward(struct sevc_exception *vc);

/* ioio.c: may the interrupted code use these ports? SEVC_OK, or SEVC_EXCEPTION with #GP(0). */
enum sevc_result sevc_vc_check_port(struct sevc_exception *vc, uint16_t port, unsigned bytes);

/*
 * The GHCB MSR and SEV_STATUS are never intercepted: an exit for one of them is an attack on the
 * very instruction by which this library talks to the host, or on what it believes about itself.
 */
static inline bool sevc_vc_is_protected_msr(uint32_t msr)
{
    return msr == SEVC_MSR_GHCB || msr == SEVC_MSR_SEV_STATUS;
}

/* ---- how it fails ---- */

/* Notes why, and returns RESULT. */
static inline enum sevc_result sevc_vc_refuse(struct sevc_exception *vc, enum sevc_result result,
                                              enum sevc_stage stage, enum sevc_reason reason)
{
    return sevc_refuse(vc->report, result, stage, reason);
}

/* An exception with an error code, as the processor would have raised it. */
static inline enum sevc_result sevc_vc_raise(struct sevc_exception *vc, enum sevc_stage stage,
                                             enum sevc_reason reason, struct sevc_fault fault)
{
    vc->report->fault = fault;
    return sevc_vc_refuse(vc, SEVC_EXCEPTION, stage, reason);
}

static inline enum sevc_result sevc_vc_raise_gp(struct sevc_exception *vc, enum sevc_reason reason)
{
    return sevc_vc_raise(vc, SEVC_STAGE_POLICY, reason,
                         (struct sevc_fault){ .vector = SEVC_VECTOR_GP, .has_error_code = true });
}

/* ---- small facts ---- */

/*
 * What INS and OUTS move in one call at most: a page, which is three shared buffers, and as much as
 * one call of sevc_os_copy() may ask for. Then interrupts get their turn, by SEVC_RETRY.
 */
#define SEVC_STRING_IO_BYTES 4096u

/*
 * What a register holds after VALUE was written to its low BYTES: a 32-bit write clears the upper
 * half, an 8-bit or 16-bit write keeps the rest (APM vol. 1, 3.1.2).
 */
static inline uint64_t sevc_vc_merge(uint64_t old, uint64_t value, unsigned bytes)
{
    uint64_t mask = ~0ull >> (64 - 8 * bytes);

    return bytes >= 4 ? value & mask : (old & ~mask) | (value & mask);
}

static inline bool sevc_vc_has_tf(const struct sevc_exception *vc)
{
    return (vc->trap->rflags & SEVC_RFLAGS_TF) != 0;
}

/* Does paging treat the interrupted code as user mode? (APM vol. 2, 5.6: CPL 3 alone.) */
static inline bool sevc_vc_is_user(const struct sevc_exception *vc)
{
    return sevc_trap_cpl(vc->trap) == 3;
}

/* ---- how an instruction ends ---- */

/* advance.c: #DB is due, by TF. SEVC_OK_TRAP. */
enum sevc_result sevc_vc_single_step(struct sevc_exception *vc);

/* advance.c: a REP instruction has elements left: SEVC_RETRY, or SEVC_OK_TRAP. RIP stays. */
enum sevc_result sevc_vc_pause(struct sevc_exception *vc);

/*
 * The instruction is complete: the only place where RIP and RFLAGS change. SEVC_OK, or
 * SEVC_OK_TRAP if TF is set. #VC is a fault: RIP stands at the instruction, prefixes included,
 * and the RF that the processor put into the frame would hide a breakpoint on the next one (APM
 * vol. 2, 3.1.6 and 15.35.5). Inline: part of every exit.
 */
static inline enum sevc_result sevc_vc_advance(struct sevc_exception *vc)
{
    struct sevc_trap *trap = vc->trap;
    uint64_t old_rip = trap->rip;
    uint64_t rip = old_rip + vc->insn.length;

    trap->rip = vc->code_bits == 64 ? rip : (uint32_t)rip;
    trap->rflags &= ~SEVC_RFLAGS_RF;
    vc->report->stage = SEVC_STAGE_APPLY;
    sevc_os_fix_shadow_stack(trap, old_rip);
    return sevc_vc_has_tf(vc) ? sevc_vc_single_step(vc) : SEVC_OK;
}

#endif
