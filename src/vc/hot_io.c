/* SPDX-License-Identifier: MIT */
/*
 * The straight way (hot.h) through an IOIO exit: IN and OUT by DX, REP INSB and REP OUTSB upwards,
 * none of them with another prefix. What a fault cuts short is the general way's (string_io.c).
 */
#include "hot.h"

#define PAGE_QWORDS (SEVC_GHCB_SIZE / 8)

#define STRING_INFO                                                                                \
    (SEVC_IOIO_ADDRESS_64 | SEVC_IOIO_STRING | SEVC_IOIO_REP | 1u << SEVC_IOIO_SIZE_SHIFT)
#define OUTSB_INFO (STRING_INFO | (unsigned)SEVC_DS << SEVC_IOIO_SEGMENT_SHIFT)
#define INSB_INFO  (STRING_INFO | SEVC_IOIO_IN) /* ES is 0 */

/* IN, OUT: one byte, of which bit 0 says AL or EAX, and bit 1 OUT (EC to EF). */
SEVC_INLINE enum sevc_result in_or_out(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                       struct sevc_report *report, unsigned opcode)
{
    volatile struct sevc_ghcb_page *page = sevc_hot_page(cpu);
    bool wide = (opcode & 1) != 0;
    bool output = (opcode & 2) != 0;
    uint32_t info1;
    uint32_t value;

    if (!sevc_hot_take(cpu)) {
        return sevc_vc_handle_fetched(cpu, trap, report);
    }
    info1 = sevc_hot_gpr32(trap, SEVC_RDX) << SEVC_IOIO_PORT_SHIFT | SEVC_IOIO_ADDRESS_64 |
            (output ? 0 : SEVC_IOIO_IN);
    info1 |= (wide ? 4u : 1u) << SEVC_IOIO_SIZE_SHIFT;
    if (output) {
        value = sevc_hot_gpr32(trap, SEVC_RAX);
        sevc_hot_put_rax(page, wide ? value : (uint8_t)value);
    }
    sevc_hot_note(report, SEVC_EXIT_IOIO, SEVC_EXIT_IOIO);
    sevc_hot_send(cpu, page, SEVC_EXIT_IOIO, info1, 0, 0);
    if (!sevc_hot_replied(page, report)) {
        return sevc_hot_refused(cpu, report);
    }
    if (!output) {
        if (!sevc_hot_marked(page, SEVC_GHCB_OFF_RAX, 1)) {
            return sevc_hot_refused(cpu, report);
        }
        value = sevc_hot_low(&page->rax);
        if (wide) {
            trap->gpr[SEVC_RAX] = value;
        } else {
            *(uint8_t *)&trap->gpr[SEVC_RAX] = (uint8_t)value;
        }
    }
    sevc_hot_give_back(cpu, page);
    return sevc_hot_complete(trap, report, 1, 1);
}

/* ---- REP INSB, REP OUTSB ---- */

SEVC_INLINE void commit(struct sevc_trap *trap, bool input, uint64_t bytes)
{
    trap->gpr[input ? SEVC_RDI : SEVC_RSI] += bytes;
    trap->gpr[SEVC_RCX] -= bytes;
}

/* Between two elements: what has been moved is in the registers, the page is given back. */
static __attribute__((noinline)) void stop(struct sevc_cpu *cpu, struct sevc_report *report,
                                           enum sevc_result result)
{
    sevc_arch_zero(cpu->ghcb.va, PAGE_QWORDS);
    sevc_cpu_set_depth(cpu, 0);
    report->result = result;
}

/* Memory that was there when it was probed is not any more, behind copy->done bytes. */
static void vanished(struct sevc_cpu *cpu, struct sevc_trap *trap, struct sevc_report *report,
                     const struct sevc_copy *copy)
{
    trap->gpr[SEVC_RDI] += copy->done;
    trap->gpr[SEVC_RCX] -= copy->done;
    report->fault = copy->fault;
    report->stage = SEVC_STAGE_TRANSLATE;
    report->reason = SEVC_REASON_COPY_FAULT;
    stop(cpu, report, SEVC_EXCEPTION);
}

/*
 * INPUT (a constant): INSB. False: take the general way, nothing has been touched; true: the report
 * has the result. As in string_io.c, the buffer is the shared page itself.
 */
SEVC_INLINE bool string_io(struct sevc_cpu *cpu, struct sevc_trap *trap, struct sevc_report *report,
                           bool input)
{
    volatile struct sevc_ghcb_page *page = sevc_hot_page(cpu);
    uint64_t left = trap->gpr[SEVC_RCX];
    struct sevc_copy copy;
    uint64_t bytes, end;

    if (!SEVC_LIKELY(left - 1 < SEVC_STRING_IO_BYTES)) {
        if (left == 0) {
            return false;
        }
        left = SEVC_STRING_IO_BYTES;
    }
    copy.va = trap->gpr[input ? SEVC_RDI : SEVC_RSI];
    if ((trap->rflags & (SEVC_RFLAGS_DF | SEVC_RFLAGS_TF)) != 0 ||
        __builtin_add_overflow(copy.va, left, &end)) {
        return false;
    }
    copy.trap = trap;
    copy.user = false;
    copy.done = 0;
    if (input) {
        copy.buffer = NULL;
        copy.bytes = left;
        copy.access = SEVC_ACCESS_PROBE_WRITE;
        if (!SEVC_LIKELY(sevc_os_copy(&copy))) {
            return false;
        }
    }
    if (!sevc_hot_take(cpu)) {
        return false;
    }
    copy.access = input ? SEVC_ACCESS_WRITE : SEVC_ACCESS_READ;
    copy.buffer = (uint8_t *)page->shared_buffer;
    sevc_hot_note(report, SEVC_EXIT_IOIO, SEVC_EXIT_IOIO);
    report->vmgexits = 0;
    report->insn_bytes = SEVC_INSN_MAX_BYTES;
    report->reserved = 0;
    report->reason = SEVC_REASON_NONE;
    for (;;) {
        bytes = left < SEVC_GHCB_SHARED_BUFFER_BYTES ? left : SEVC_GHCB_SHARED_BUFFER_BYTES;
        copy.bytes = bytes;
        if (!input && !SEVC_LIKELY(sevc_os_copy(&copy))) {
            break; /* at once the general way, or the next #VC, says what it is */
        }
        page->sw_scratch = cpu->ghcb.gpa + SEVC_GHCB_OFF_SHARED_BUFFER;
        sevc_hot_send(cpu, page, SEVC_EXIT_IOIO,
                      (uint32_t)trap->gpr[SEVC_RDX] << SEVC_IOIO_PORT_SHIFT |
                          (input ? INSB_INFO : OUTSB_INFO),
                      bytes, SEVC_HOT_VALID(SEVC_GHCB_OFF_SW_SCRATCH));
        report->vmgexits++;
        if (!sevc_hot_replied(page, report)) {
            stop(cpu, report, sevc_reply_refused(report));
            return true;
        }
        if (input && !SEVC_LIKELY(sevc_os_copy(&copy))) {
            vanished(cpu, trap, report, &copy);
            return true;
        }
        sevc_arch_zero(page, PAGE_QWORDS);
        commit(trap, input, copy.bytes);
        left -= copy.bytes;
        if (left == 0) {
            break;
        }
        copy.va += copy.bytes;
    }
    report->stage = SEVC_STAGE_APPLY;
    report->result = SEVC_OK;
    if (!SEVC_LIKELY(trap->gpr[SEVC_RCX] == 0)) {
        stop(cpu, report, SEVC_RETRY);
        return report->vmgexits != 0;
    }
    sevc_cpu_set_depth(cpu, 0);
    sevc_hot_advance(trap, 2);
    sevc_os_fix_shadow_stack(trap, report->rip);
    return true;
}

enum sevc_result sevc_hot_io(struct sevc_cpu *cpu, struct sevc_trap *trap,
                             struct sevc_report *report)
{
    unsigned opcode;

    if (!sevc_hot_context(trap)) {
        return sevc_vc_handle_any(cpu, trap, report, false);
    }
    if (!sevc_hot_fetch(trap, report)) {
        return sevc_vc_handle_any(cpu, trap, report, true);
    }
    opcode = sevc_hot_opcode(report);
    if (SEVC_LIKELY(opcode == SEVC_HOT_OPCODE(0xF3, 0x6C)) && string_io(cpu, trap, report, true)) {
        return report->result;
    }
    if ((opcode & 0xFC) == 0xEC) {
        return in_or_out(cpu, trap, report, opcode);
    }
    if (opcode == SEVC_HOT_OPCODE(0xF3, 0x6E) && string_io(cpu, trap, report, false)) {
        return report->result;
    }
    SEVC_TAIL return sevc_vc_handle_fetched(cpu, trap, report);
}
