/* SPDX-License-Identifier: MIT */
/*
 * MMIO by instructions with one operand in memory: MOV, MOVZX, MOVSX, MOVSXD, MOVNTI and MOVBE, a load or
 * a store; and arithmetic, logic and bit instructions, which compilers emit for "*reg |= x": a read, the
 * operation, and, unless it only compares, a write of the same place. A device sees what it would see
 * from the processor; nothing here is atomic, so LOCK is refused by the agreement table.
 */
#include <sevc/event.h>

#include "alu.h"
#include "mmio_access.h"

static uint64_t swap_bytes(uint64_t value, unsigned bytes)
{
    return __builtin_bswap64(value) >> (64 - 8 * bytes);
}

static int64_t sign_extend(uint64_t value, unsigned bytes)
{
    unsigned unused_bits = 64 - 8 * bytes;

    return (int64_t)(value << unused_bits) >> unused_bits;
}

/* ---- what is not in memory ---- */

/* AH, CH, DH, BH are bits 15:8 of the registers 0 to 3. An event cuts it to its width. */
static uint64_t other_operand(const struct sevc_exception *vc)
{
    const struct sevc_insn *insn = &vc->insn;
    uint64_t value = sevc_trap_gpr_value(vc->trap, insn->reg) >> (insn->high_byte ? 8 : 0);

    if (insn->kind == SEVC_INSN_STORE_IMM || insn->source == SEVC_SOURCE_IMMEDIATE) {
        return insn->immediate;
    }
    return insn->byte_swap ? swap_bytes(value, insn->data_bytes) : value;
}

static void set_register(struct sevc_exception *vc, uint64_t value)
{
    uint64_t *reg = sevc_trap_gpr(vc->trap, vc->insn.reg);
    unsigned bytes = vc->insn.register_bytes;

    if (vc->insn.high_byte) {
        value = (*reg & 0xFF) | value << 8;
        bytes = 2;
    }
    sevc_vc_set(reg, value, bytes);
}

/*
 * BT and its kin with a register: a signed bit offset that moves the operand in memory by whole
 * operands (APM vol. 3, BT). What remains of it, the number of the bit within, is sevc_alu()'s.
 */
static void move_operand(struct sevc_insn *insn, uint64_t bit)
{
    int64_t bits = 8 * (int64_t)insn->data_bytes;

    insn->memory.displacement += (sign_extend(bit, insn->data_bytes) & -bits) >> 3;
}

/* ---- the instruction ---- */

static bool is_store(const struct sevc_insn *insn)
{
    return insn->kind == SEVC_INSN_STORE || insn->kind == SEVC_INSN_STORE_IMM;
}

static bool only_compares(const struct sevc_insn *insn)
{
    return insn->operation == SEVC_ALU_CMP || insn->operation == SEVC_ALU_TEST ||
           insn->operation == SEVC_ALU_BT;
}

/* From what the device has given to what is written, to it or to the register, and to RFLAGS. */
static struct sevc_alu_result compute(const struct sevc_exception *vc, uint64_t memory,
                                      uint64_t other)
{
    const struct sevc_insn *insn = &vc->insn;
    uint64_t rflags = vc->trap->rflags;

    if (insn->kind == SEVC_INSN_ALU) {
        return sevc_alu((enum sevc_alu_operation)insn->operation, insn->data_bytes,
                        insn->to_register ? other : memory, insn->to_register ? memory : other,
                        rflags);
    }
    if (insn->byte_swap) {
        memory = swap_bytes(memory, insn->data_bytes);
    } else if (insn->sign_extend) {
        memory = (uint64_t)sign_extend(memory, insn->data_bytes);
    }
    return (struct sevc_alu_result){ memory, rflags };
}

/* Nothing of the guest changes before the device has answered, a write included. */
static enum sevc_result exchange(struct sevc_exception *vc, const struct sevc_mmio_access *access,
                                 uint64_t other)
{
    struct sevc_alu_result done = { other, vc->trap->rflags };
    enum sevc_result result;
    uint64_t memory;

    if (!is_store(&vc->insn)) {
        result = sevc_event_mmio_read(&vc->session, access->gpa, access->bytes, &memory);
        if (result != SEVC_OK) {
            return result;
        }
        done = compute(vc, memory, other);
    }
    if (access->write) {
        result = sevc_event_mmio_write(&vc->session, access->gpa, access->bytes, done.value);
        if (result != SEVC_OK) {
            return result;
        }
    } else if (!only_compares(&vc->insn)) {
        set_register(vc, done.value);
    }
    vc->trap->rflags = done.rflags;
    return SEVC_OK;
}

/*
 * CLFLUSH and CLWB find nothing cached of a device, and PREFETCH (data_bytes 0) may be ignored
 * anywhere; skipped on encrypted memory, a flush would be missing.
 */
enum sevc_result sevc_vc_mmio(struct sevc_exception *vc)
{
    struct sevc_insn *insn = &vc->insn;
    uint64_t other = other_operand(vc);
    bool alters = insn->kind == SEVC_INSN_ALU && !insn->to_register && !only_compares(insn);
    struct sevc_mmio_access access;
    enum sevc_result result;

    if (insn->data_bytes == 0) {
        return SEVC_OK;
    }
    if (insn->bit_offset) {
        move_operand(insn, other);
    }
    result = sevc_mmio_operand(vc, alters || is_store(insn), &access);
    if (result != SEVC_OK || insn->kind == SEVC_INSN_HINT) {
        return result;
    }
    return exchange(vc, &access, other);
}
