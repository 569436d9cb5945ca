/* SPDX-License-Identifier: MIT */
/*
 * The straight way through nearly all #VCs: kernel mode, 64-bit code, no prefix that matters, no
 * session interrupted. What the general way (general.c) decides step by step is settled here by
 * comparing constants: exit code and opcode together name the row, the row's fields, widths and
 * valid bits are known at compile time, and the exchange stands inline.
 *
 * Nothing is left out: each function here makes the checks of the general one, and gives way to it.
 * With SEVC_TRACE only the general way is taken: it has the taps.
 */
#ifndef SEVC_VC_HOT_H
#define SEVC_VC_HOT_H

#include "../ghcb/exchange.h"
#include "cpuid_lie.h"
#include "cpuid_table.h"
#include "exception.h"

#define SEVC_LIKELY(condition) __builtin_expect(!!(condition), 1)

/* In front of a return: by a jump, although a local's address has been given away. gcc sees that. */
#ifdef __clang__
#define SEVC_TAIL __attribute__((musttail))
#else
#define SEVC_TAIL
#endif

/*
 * general.c: the general way, taken by every function here where one of its checks says anything but
 * "go on": nothing has been touched. FETCHED: sevc_hot_fetch() has been called, and failed; where it
 * did not, sevc_vc_handle_fetched().
 */
enum sevc_result sevc_vc_handle_any(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                    struct sevc_report *report, bool fetched);
enum sevc_result sevc_vc_handle_fetched(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                        struct sevc_report *report);

/* general.c: a CPU that is none, or not ready. */
enum sevc_result sevc_vc_handle_not_ready(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                          struct sevc_report *report);

/* hot_cpuid.c, hot_io.c, hot_mmio.c: a CPUID, IOIO, NPF exit, of which nothing is known yet. */
enum sevc_result sevc_hot_cpuid(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                struct sevc_report *report);
enum sevc_result sevc_hot_io(struct sevc_cpu *cpu, struct sevc_trap *trap,
                             struct sevc_report *report);
enum sevc_result sevc_hot_mmio(struct sevc_cpu *cpu, struct sevc_trap *trap,
                               struct sevc_report *report);

/* hot.c: the ends that are not straight. */
enum sevc_result sevc_hot_refused(struct sevc_cpu *cpu, struct sevc_report *report);
enum sevc_result sevc_hot_stepped(struct sevc_trap *trap, struct sevc_report *report);

/*
 * Are bits of MASK (a constant) set in the byte at AT? By one instruction that reads it once; and gcc,
 * told that a register is zero, would keep it for wherever a zero is needed: this does not tell.
 */
SEVC_INLINE bool sevc_hot_any(const volatile void *at, uint8_t mask)
{
    bool any;

    __asm__("testb %2, %1" : "=@ccnz"(any) : "m"(*(const volatile uint8_t *)at), "qi"(mask));
    return any;
}

/* ---- the instruction ---- */

/* 64-bit code at CPL 0. The upper half of the address space has no other than 64-bit code. */
SEVC_INLINE bool sevc_hot_context(const struct sevc_trap *trap)
{
    return !SEVC_TRACE && SEVC_LIKELY(!sevc_hot_any(&trap->cs, 3)) &&
           (SEVC_LIKELY((int64_t)trap->rip < 0) || sevc_os_register(trap, SEVC_OS_CODE_BITS) == 64);
}

/* As fetch() in identify.c: once. False: report->insn_bytes are there, report->fault says why. */
SEVC_INLINE bool sevc_hot_fetch(const struct sevc_trap *trap, struct sevc_report *report)
{
    uint64_t rip = trap->rip;
    struct sevc_copy copy;

    report->rip = rip;
    copy.trap = trap;
    copy.va = rip;
    copy.buffer = report->insn;
    copy.bytes = SEVC_INSN_MAX_BYTES;
    copy.access = SEVC_ACCESS_FETCH;
    copy.user = false;
    copy.done = 0;
    if (SEVC_LIKELY(sevc_os_copy(&copy))) {
        return true;
    }
    report->insn_bytes = (uint8_t)copy.done;
    report->fault = copy.fault;
    return false;
}

/* What EAX to EDX are: of a register that lies in memory, so that the upper half is not loaded. */
SEVC_INLINE uint32_t sevc_hot_gpr32(const struct sevc_trap *trap, unsigned number)
{
    uint32_t value;

    __builtin_memcpy(&value, &trap->gpr[number], sizeof(value));
    return value;
}

/* The first two bytes of an instruction as one number, and what it is for two given ones. */
SEVC_INLINE unsigned sevc_hot_opcode(const struct sevc_report *report)
{
    uint16_t opcode;

    __builtin_memcpy(&opcode, report->insn, sizeof(opcode));
    return opcode;
}

#define SEVC_HOT_OPCODE(first, second) ((first) | (second) << 8)

/* ---- the exchange ---- */

/* Depth 0, and firmware that leaves nothing in the page: at once. */
SEVC_INLINE bool sevc_hot_at_rest(const struct sevc_cpu *cpu)
{
    uint64_t both;

    _Static_assert(offsetof(struct sevc_cpu, firmware_uses_ghcb) ==
                       offsetof(struct sevc_cpu, depth) + sizeof(uint32_t),
                   "two words, read as one");
    __builtin_memcpy(&both, (const uint8_t *)cpu + offsetof(struct sevc_cpu, depth), sizeof(both));
    return both == 0;
}

/*
 * Takes the page for one exchange. False where a session has been interrupted, or a request of the
 * MSR protocol: somebody has to put back what is there, which sevc_session_begin() sees to. So the
 * MSR need not be written: it has just been read.
 */
SEVC_INLINE bool sevc_hot_take(struct sevc_cpu *cpu)
{
    if (!SEVC_LIKELY(sevc_hot_at_rest(cpu))) {
        return false;
    }
    sevc_cpu_set_depth(cpu, 1); /* from here on an NMI's session sets the page aside */
    if (SEVC_LIKELY(sevc_arch_rdmsr(SEVC_MSR_GHCB) == cpu->ghcb.gpa)) {
        return true;
    }
    sevc_cpu_set_depth(cpu, 0);
    return false;
}

SEVC_INLINE volatile struct sevc_ghcb_page *sevc_hot_page(const struct sevc_cpu *cpu)
{
    return (volatile struct sevc_ghcb_page *)cpu->ghcb.va;
}

/*
 * The bitmap by its four doublewords, of which two stay zero: RAX is in the second, all else that the
 * straight ways mark is in the last.
 */
#define SEVC_HOT_VALID(offset) ((uint32_t)(SEVC_VALID_BIT(offset) >> 32))

SEVC_INLINE void sevc_hot_put_rax(volatile struct sevc_ghcb_page *page, uint64_t value)
{
    _Static_assert(SEVC_GHCB_VALID_INDEX(SEVC_GHCB_OFF_RAX) == 63, "the second doubleword");
    page->rax = value;
    ((volatile uint32_t *)page->valid_bitmap)[1] = SEVC_HOT_VALID(SEVC_GHCB_OFF_RAX);
}

/* MARKED: what is marked besides RAX, and besides what always is. */
SEVC_INLINE void sevc_hot_send(struct sevc_cpu *cpu, volatile struct sevc_ghcb_page *page,
                               uint64_t event, uint64_t info1, uint64_t info2, uint32_t marked)
{
    sevc_exchange_fill(cpu, page, event, info1, info2);
    ((volatile uint32_t *)page->valid_bitmap)[3] = marked | (uint32_t)(SEVC_VALID_ALWAYS >> 32);
    sevc_arch_vmgexit();
}

/* What the report says of every exit that is asked for. */
SEVC_INLINE void sevc_hot_note(struct sevc_report *report, uint64_t exit_code, uint64_t event)
{
    report->exit_code = exit_code;
    report->nae_code = event;
}

/* gcc, told that a register is zero, keeps it for wherever a zero is needed: this does not tell. */
SEVC_INLINE bool sevc_hot_is_zero(uint32_t value)
{
    bool zero;

    __asm__("test %1, %1" : "=@ccz"(zero) : "r"(value));
    return zero;
}

/*
 * Has the host marked the field at OFFSET, and COUNT in all that lie there side by side (constants)?
 * In the one byte of the bitmap that says so, which is read once.
 */
SEVC_INLINE bool sevc_hot_marked(const volatile struct sevc_ghcb_page *page, unsigned offset,
                                 unsigned count)
{
    unsigned first = SEVC_GHCB_VALID_INDEX(offset);
    unsigned mask = ((1u << count) - 1) << first % 8;
    const volatile uint8_t *at = (const volatile uint8_t *)page->valid_bitmap + first / 8;

    return SEVC_LIKELY(count == 1 ? sevc_hot_any(at, (uint8_t)mask) : (~*at & mask) == 0);
}

/* Is the reply one to go on with? The infos are loaded once, into the report. */
SEVC_INLINE bool sevc_hot_replied(const volatile struct sevc_ghcb_page *page,
                                  struct sevc_report *report)
{
    uint64_t info1 = page->sw_exitinfo1;

    _Static_assert(SEVC_REPLY_OK == 0, "zero");
    report->info1 = info1;
    report->info2 = page->sw_exitinfo2;
    return SEVC_LIKELY(sevc_hot_is_zero((uint32_t)info1)); /* SEVC_REPLY_OK */
}

/* The low half of a quadword of the page, which is all that these events return. */
SEVC_INLINE uint32_t sevc_hot_low(const volatile uint64_t *field)
{
    return *(const volatile uint32_t *)field;
}

SEVC_INLINE void sevc_hot_give_back(struct sevc_cpu *cpu, volatile struct sevc_ghcb_page *page)
{
    sevc_exchange_scrub(page);
    sevc_cpu_set_depth(cpu, 0);
}

/* ---- the end ---- */

/* RF and TF lie in bytes of RFLAGS of their own: so they need not be loaded. */
SEVC_INLINE bool sevc_hot_has_tf(const struct sevc_trap *trap)
{
    return sevc_hot_any((const uint8_t *)&trap->rflags + 1, SEVC_RFLAGS_TF >> 8);
}

SEVC_INLINE void sevc_hot_advance(struct sevc_trap *trap, uint64_t length)
{
    trap->rip += length; /* report->rip is where it was */
    ((uint8_t *)&trap->rflags)[2] &= (uint8_t) ~(SEVC_RFLAGS_RF >> 16);
}

/* As sevc_vc_advance(): the instruction is complete. */
SEVC_INLINE enum sevc_result sevc_hot_complete(struct sevc_trap *trap, struct sevc_report *report,
                                               uint64_t length, unsigned vmgexits)
{
    sevc_hot_advance(trap, length);
    report->stage = SEVC_STAGE_APPLY;
    report->result = SEVC_OK;
    report->vmgexits = (uint16_t)vmgexits;
    report->insn_bytes = SEVC_INSN_MAX_BYTES;
    report->reserved = 0;
    report->reason = SEVC_REASON_NONE;
    if (!SEVC_LIKELY(!sevc_hot_has_tf(trap))) {
        return sevc_hot_stepped(trap, report);
    }
    sevc_os_fix_shadow_stack(trap, report->rip);
    return SEVC_OK;
}

#endif
