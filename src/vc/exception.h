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

/* act.c: any of the exits below but CPUID, after the check of privilege. Context: an open session. */
enum sevc_result sevc_vc_act(struct sevc_exception *vc);

/* ---- the exits ---- */

enum sevc_result sevc_vc_cpuid(struct sevc_exception *vc);     /* cpuid.c: no session yet */
enum sevc_result sevc_vc_registers(struct sevc_exception *vc); /* registers.c: MSR, TSC, ... */
enum sevc_result sevc_vc_port(struct sevc_exception *vc);      /* ioio.c: IN, OUT */
enum sevc_result sevc_vc_string_io(struct sevc_exception *vc); /* string_io.c: INS, OUTS */
enum sevc_result sevc_vc_wait(struct sevc_exception *vc);      /* monitor.c: MONITOR(X), MWAIT(X) */
enum sevc_result sevc_vc_vmmcall(struct sevc_exception *vc);   /* vmmcall.c */
enum sevc_result sevc_vc_dr7(struct sevc_exception *vc);       /* dr7.c: MOV to and from it */

/* MMIO, if sevc_mmio_permitted(): one operand in memory, or a string. */
enum sevc_result sevc_vc_mmio(struct sevc_exception *vc);        /* mmio.c */
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

/* refuse.c: sevc_refuse_as() with vc->report. */
enum sevc_result sevc_vc_refuse_as(const struct sevc_exception *vc, uint32_t refusal);

/* Notes why, and returns RESULT. */
static inline enum sevc_result sevc_vc_refuse(const struct sevc_exception *vc,
                                              enum sevc_result result, enum sevc_stage stage,
                                              enum sevc_reason reason)
{
    return sevc_vc_refuse_as(vc, SEVC_REFUSAL(result, stage, reason));
}

/* refuse.c: the same for SEVC_EXCEPTION, in the place of which stands the vector. */
enum sevc_result sevc_vc_raise_as(const struct sevc_exception *vc, uint32_t refusal);

/*
 * An exception as the processor would have raised it: with an error code if its kind has one, which
 * is 0 then, as CR2 is.
 */
static inline enum sevc_result sevc_vc_raise(const struct sevc_exception *vc, unsigned vector,
                                             enum sevc_stage stage, enum sevc_reason reason)
{
    return sevc_vc_raise_as(vc, SEVC_REFUSAL(vector, stage, reason));
}

static inline enum sevc_result sevc_vc_raise_gp(const struct sevc_exception *vc,
                                                enum sevc_reason reason)
{
    return sevc_vc_raise(vc, SEVC_VECTOR_GP, SEVC_STAGE_POLICY, reason);
}

/* ---- memory of the interrupted code ---- */

/*
 * copy.c: sevc_os_copy(), with the rights of the interrupted code. Returns how many bytes have been
 * copied: if not all, report->fault says why. BUFFER is of no use to a probe.
 */
size_t sevc_vc_copy(const struct sevc_exception *vc, uint64_t va, void *buffer, size_t bytes,
                    enum sevc_access access);

/* The same for what is refused unless it is complete: SEVC_OK, or SEVC_EXCEPTION with COPY_FAULT. */
enum sevc_result sevc_vc_copy_all(const struct sevc_exception *vc, uint64_t va, void *buffer,
                                  size_t bytes, enum sevc_access access);

/* ---- small facts ---- */

/*
 * What INS and OUTS move in one call at most: a page, which is three shared buffers, and as much as
 * one call of sevc_os_copy() may ask for. Then interrupts get their turn, by SEVC_RETRY.
 */
#define SEVC_STRING_IO_BYTES 4096u

/*
 * set.c: writes VALUE to the low BYTES of a register: a 32-bit write clears the upper half, an
 * 8-bit or 16-bit write keeps the rest (APM vol. 1, 3.1.2).
 */
void sevc_vc_set(uint64_t *reg, uint64_t value, unsigned bytes);

/* The low BYTES (1, 2, 4, 8) of a number: all ones. */
static inline uint64_t sevc_low_bytes(unsigned bytes)
{
    return ~0ull >> (64 - 8 * bytes);
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

/* advance.c: a REP instruction has elements left: SEVC_RETRY, or SEVC_OK_TRAP. RIP stays. */
enum sevc_result sevc_vc_pause(struct sevc_exception *vc);

/*
 * advance.c: the instruction is complete: the only place of the general way where RIP and RFLAGS change.
 * SEVC_OK, or SEVC_OK_TRAP if TF is set.
 */
enum sevc_result sevc_vc_advance(struct sevc_exception *vc);

#endif
