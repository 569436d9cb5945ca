/* SPDX-License-Identifier: MIT */
/*
 * MMIO by MOV, MOVZX, MOVSX, MOVSXD (GHCB spec 2.03, 4.1.4).
 *
 * The host raises this exit for any access that it likes. Emulated on ordinary memory, a store would
 * hand a secret out and a load would take the host's data for the guest's own: so no byte of the access may lie on
 * an encrypted page (Radev and Morbitzer; CVE-2023-46813 from user mode).
 *
 * An access that crosses into another page is checked on both. It is one event, as it is one instruction, where
 * the pages follow each other in guest-physical space too, as those of a device do; where they do not, it is refused:
 * no sequence of smaller accesses is sure to mean the same to a device.
 */
#include <sevc/event.h>

#include "exception.h"

#define PAGE_BYTES 4096ull
#define CR4_LA57   (1ull << 12)

#define PF_PRESENT (1u << 0)
#define PF_WRITE   (1u << 1)

struct access {
    uint64_t va;
    unsigned bytes;
    bool write;
};

static enum sevc_result page_fault(struct sevc_exception *vc, uint64_t va, uint32_t error_code,
                                   enum sevc_reason reason)
{
    return sevc_vc_raise(vc, SEVC_STAGE_TRANSLATE, reason,
                         (struct sevc_fault){ .cr2 = va,
                                              .error_code = error_code,
                                              .vector = SEVC_VECTOR_PF,
                                              .has_error_code = true });
}

/* Nothing is mapped: #PF; but a non-canonical address is #GP, or #SS in the stack segment. */
static enum sevc_result not_mapped(struct sevc_exception *vc, const struct access *access,
                                   uint64_t va)
{
    bool la57 = (sevc_os_register(vc->trap, SEVC_OS_CR4) & CR4_LA57) != 0;
    bool stack = vc->insn.memory.segment == SEVC_SS;

    if (sevc_is_canonical(va, 1, la57)) {
        return page_fault(vc, va, access->write ? PF_WRITE : 0, SEVC_REASON_NOT_MAPPED);
    }
    return sevc_vc_raise(vc, SEVC_STAGE_TRANSLATE, SEVC_REASON_NOT_CANONICAL,
                         (struct sevc_fault){ .vector = stack ? SEVC_VECTOR_SS : SEVC_VECTOR_GP,
                                              .has_error_code = true });
}

/* Translates VA, a byte of ACCESS, and checks the page that it lies on. Supervisor access: no U. */
static enum sevc_result translate(struct sevc_exception *vc, const struct access *access,
                                  uint64_t va, uint64_t *gpa)
{
    struct sevc_mapping mapping;

    if (!sevc_os_translate(vc->trap, va, &mapping)) {
        return not_mapped(vc, access, va);
    }
    if (access->write && !mapping.writable) {
        return page_fault(vc, va, PF_PRESENT | PF_WRITE, SEVC_REASON_NOT_WRITABLE);
    }
    if (mapping.encrypted) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_TRANSLATE, SEVC_REASON_ENCRYPTED_MMIO);
    }
    *gpa = mapping.gpa;
    return SEVC_OK;
}

/* The same for the page that the access runs into, if it does. */
static enum sevc_result translate_rest(struct sevc_exception *vc, const struct access *access,
                                       uint64_t gpa)
{
    uint64_t next = (access->va + access->bytes - 1) & ~(PAGE_BYTES - 1);
    uint64_t next_gpa;
    enum sevc_result result;

    if (next == (access->va & ~(PAGE_BYTES - 1))) {
        return SEVC_OK;
    }
    result = translate(vc, access, next, &next_gpa);
    if (result == SEVC_OK && next_gpa != gpa + (next - access->va)) {
        return sevc_vc_refuse(vc, SEVC_UNSUPPORTED, SEVC_STAGE_TRANSLATE, SEVC_REASON_MMIO_SPLIT);
    }
    return result;
}

/* The GHCB is not encrypted either; an exit for it is aimed at this library's own accesses. */
static bool touches_ghcb(const struct sevc_cpu *cpu, uint64_t gpa, unsigned bytes)
{
    return gpa + bytes - 1 - cpu->ghcb.gpa < SEVC_GHCB_SIZE + bytes - 1;
}

static enum sevc_result check(struct sevc_exception *vc, const struct access *access, uint64_t *gpa)
{
    enum sevc_result result;

    if (vc->cpu->policy->mmio != SEVC_MMIO_BASIC) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_MMIO_OFF);
    }
    if (sevc_trap_cpl(vc->trap) != 0) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_USER_MMIO);
    }
    result = translate(vc, access, access->va, gpa);
    if (result == SEVC_OK) {
        result = translate_rest(vc, access, *gpa);
    }
    if (result != SEVC_OK) {
        return result;
    }
    if (touches_ghcb(vc->cpu, *gpa, access->bytes) ||
        !sevc_os_mmio_allowed(vc->trap, *gpa, access->bytes, access->write)) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_MMIO_RANGE);
    }
    return SEVC_OK;
}

/* AH, CH, DH, BH are bits 15:8 of the registers 0 to 3. */
static void load(struct sevc_exception *vc, uint64_t value)
{
    const struct sevc_insn *insn = &vc->insn;
    uint64_t *reg = sevc_trap_gpr(vc->trap, insn->reg);
    unsigned unused_bits = 64 - 8u * insn->data_bytes;

    if (insn->sign_extend) {
        value = (uint64_t)((int64_t)(value << unused_bits) >> unused_bits);
    }
    if (insn->high_byte) {
        *reg = (*reg & ~0xFF00ull) | (value & 0xFF) << 8;
    } else {
        *reg = sevc_vc_merge(*reg, value, insn->register_bytes);
    }
}

/* What is stored; the event cuts it to its width. */
static uint64_t operand(const struct sevc_exception *vc)
{
    const struct sevc_insn *insn = &vc->insn;

    if (insn->kind == SEVC_INSN_STORE_IMM) {
        return insn->immediate;
    }
    return sevc_trap_gpr_value(vc->trap, insn->reg) >> (insn->high_byte ? 8 : 0);
}

enum sevc_result sevc_vc_mmio(struct sevc_exception *vc)
{
    struct access access = {
        .va = sevc_linear_address(&vc->insn, vc->trap),
        .bytes = vc->insn.data_bytes,
        .write = vc->insn.kind != SEVC_INSN_LOAD,
    };
    enum sevc_result result;
    uint64_t gpa;
    uint64_t value;

    result = check(vc, &access, &gpa);
    if (result != SEVC_OK) {
        return result;
    }
    if (access.write) {
        return sevc_event_mmio_write(&vc->session, gpa, access.bytes, operand(vc));
    }
    result = sevc_event_mmio_read(&vc->session, gpa, access.bytes, &value);
    if (result == SEVC_OK) {
        load(vc, value);
    }
    return result;
}
