/* SPDX-License-Identifier: MIT */
/*
 * MMIO by arithmetic, logic and bit instructions, which compilers emit for "*reg |= x": a read, the
 * operation, and, unless it only compares, a write of the same place. A device sees what it would
 * see from the processor; nothing here is atomic, so LOCK is refused by the agreement table.
 */
#include <sevc/event.h>

#include "alu.h"
#include "mmio_access.h"

static bool only_compares(enum sevc_alu_operation operation)
{
    return operation == SEVC_ALU_CMP || operation == SEVC_ALU_TEST || operation == SEVC_ALU_BT;
}

/*
 * BT and its kin with a register: a signed bit offset that moves the operand by whole operands
 * (APM vol. 3, BT). What remains of it, the number of the bit within, is sevc_alu()'s.
 */
static void move_operand(struct sevc_exception *vc)
{
    struct sevc_insn *insn = &vc->insn;
    unsigned bits = 8u * insn->data_bytes;
    unsigned unused_bits = 64 - bits;
    int64_t offset = (int64_t)(sevc_mmio_get_register(vc) << unused_bits) >> unused_bits;
    int64_t operands = (offset & ~(int64_t)(bits - 1)) / (int64_t)bits;

    insn->memory.displacement += operands * insn->data_bytes;
}

static uint64_t other_operand(const struct sevc_exception *vc)
{
    switch ((enum sevc_alu_source)vc->insn.source) {
    case SEVC_SOURCE_REGISTER:
        return sevc_mmio_get_register(vc);
    case SEVC_SOURCE_IMMEDIATE:
        return vc->insn.immediate;
    case SEVC_SOURCE_NONE:
        break;
    }
    return 0;
}

/* "add reg, [memory]": the device is only read. */
static enum sevc_result to_register(struct sevc_exception *vc, uint64_t memory)
{
    const struct sevc_insn *insn = &vc->insn;
    enum sevc_alu_operation operation = (enum sevc_alu_operation)insn->operation;
    struct sevc_alu_result done =
        sevc_alu(operation, insn->data_bytes, sevc_mmio_get_register(vc), memory, vc->trap->rflags);

    if (!only_compares(operation)) {
        sevc_mmio_set_register(vc, done.value, insn->data_bytes);
    }
    vc->trap->rflags = done.rflags;
    return SEVC_OK;
}

/* "add [memory], reg": nothing of the guest changes before the write has been answered. */
static enum sevc_result to_memory(struct sevc_exception *vc, const struct sevc_mmio_access *access,
                                  uint64_t memory)
{
    enum sevc_alu_operation operation = (enum sevc_alu_operation)vc->insn.operation;
    struct sevc_alu_result done =
        sevc_alu(operation, access->bytes, memory, other_operand(vc), vc->trap->rflags);

    if (!only_compares(operation)) {
        enum sevc_result result =
            sevc_event_mmio_write(&vc->session, access->gpa, access->bytes, done.value);

        if (result != SEVC_OK) {
            return result;
        }
    }
    vc->trap->rflags = done.rflags;
    return SEVC_OK;
}

enum sevc_result sevc_vc_mmio_alu(struct sevc_exception *vc)
{
    struct sevc_insn *insn = &vc->insn;
    bool write = !insn->to_register && !only_compares((enum sevc_alu_operation)insn->operation);
    struct sevc_mmio_access access;
    enum sevc_result result;
    uint64_t memory;

    if (insn->bit_offset) {
        move_operand(vc);
    }
    result = sevc_mmio_operand(vc, write, &access);
    if (result == SEVC_OK) {
        result = sevc_event_mmio_read(&vc->session, access.gpa, access.bytes, &memory);
    }
    if (result != SEVC_OK) {
        return result;
    }
    return insn->to_register ? to_register(vc, memory) : to_memory(vc, &access, memory);
}
