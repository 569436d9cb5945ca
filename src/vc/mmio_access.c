/* SPDX-License-Identifier: MIT */
/*
 * Where an access goes, and whether it may (GHCB spec 2.03, 4.1.4).
 *
 * The host raises an NPF exit for any access that it likes. Emulated on ordinary memory, a store
 * would hand a secret out and a load would take the host's data for the guest's own: so no byte of
 * a device access may lie on an encrypted page (Radev and Morbitzer; CVE-2023-46813).
 *
 * An access that crosses into another page is checked on both. It is one event, as it is one
 * instruction, where the pages follow each other in guest-physical space too, as those of a device
 * do; where they do not, it is refused: no sequence of smaller accesses is sure to mean the same.
 */
#include "mmio_access.h"

#define PAGE_BYTES 4096ull
#define CR4_LA57   (1ull << 12)

#define PF_PRESENT (1u << 0)
#define PF_WRITE   (1u << 1)

/* Single loads and stores are basic; what reads, computes and writes, or repeats, is extended. */
static bool is_extended(const struct sevc_insn *insn)
{
    return insn->kind >= SEVC_INSN_ALU && insn->kind <= SEVC_INSN_SCAS;
}

/* User mode maps no device in a kernel that means to keep its secrets (CVE-2023-46813). */
enum sevc_result sevc_mmio_permitted(struct sevc_exception *vc)
{
    enum sevc_mmio_policy policy = vc->cpu->policy->mmio;

    if (sevc_trap_cpl(vc->trap) != 0) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_USER_MMIO);
    }
    if (policy != SEVC_MMIO_EXTENDED && (policy != SEVC_MMIO_BASIC || is_extended(&vc->insn))) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_MMIO_OFF);
    }
    return SEVC_OK;
}

/*
 * The processor would not let the access through: #PF; but of a non-canonical address, where nothing
 * is mapped, #GP, or #SS in the stack segment. Supervisor access: no U.
 */
static enum sevc_result fault(struct sevc_exception *vc, const struct sevc_mmio_access *access,
                              uint64_t va, bool present)
{
    bool la57 = (sevc_os_register(vc->trap, SEVC_OS_CR4) & CR4_LA57) != 0;
    struct sevc_fault *fault = &vc->report->fault;
    enum sevc_result result;

    if (!present && !sevc_is_canonical(va, 1, la57)) {
        return sevc_vc_raise(vc, access->segment == SEVC_SS ? SEVC_VECTOR_SS : SEVC_VECTOR_GP,
                             SEVC_STAGE_TRANSLATE, SEVC_REASON_NOT_CANONICAL);
    }
    result = sevc_vc_raise(vc, SEVC_VECTOR_PF, SEVC_STAGE_TRANSLATE,
                           present ? SEVC_REASON_NOT_WRITABLE : SEVC_REASON_NOT_MAPPED);
    fault->cr2 = va;
    fault->error_code = (present ? PF_PRESENT : 0) | (access->write ? PF_WRITE : 0);
    return result;
}

/* Translates VA, a byte of ACCESS, and checks the page that it lies on. */
static enum sevc_result translate(struct sevc_exception *vc, const struct sevc_mmio_access *access,
                                  uint64_t va, struct sevc_mapping *mapping)
{
    bool present = sevc_tap_translate(vc->trap, va, mapping);

    if (!present || (access->write && !mapping->writable)) {
        return fault(vc, access, va, present);
    }
    return SEVC_OK;
}

/* The page that the access runs into, if it does: it must continue the first one. */
static enum sevc_result translate_rest(struct sevc_exception *vc, struct sevc_mmio_access *access)
{
    uint64_t next = (access->va + access->bytes - 1) & ~(PAGE_BYTES - 1);
    struct sevc_mapping mapping;
    enum sevc_result result;

    if (next == (access->va & ~(PAGE_BYTES - 1))) {
        return SEVC_OK;
    }
    if (vc->code_bits != 64) {
        next = (uint32_t)next; /* page 0 */
    }
    result = translate(vc, access, next, &mapping);
    if (result != SEVC_OK) {
        return result;
    }
    if (mapping.encrypted == access->device) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_TRANSLATE, SEVC_REASON_ENCRYPTED_MMIO);
    }
    if (access->device && mapping.gpa != access->gpa + (next - access->va)) {
        return sevc_vc_refuse(vc, SEVC_UNSUPPORTED, SEVC_STAGE_TRANSLATE, SEVC_REASON_MMIO_SPLIT);
    }
    return SEVC_OK;
}

/* The GHCB is not encrypted either; an exit for it is aimed at this library's own accesses. */
static bool touches_ghcb(const struct sevc_cpu *cpu, const struct sevc_mmio_access *access)
{
    return access->gpa + access->bytes - 1 - cpu->ghcb.gpa < SEVC_GHCB_SIZE + access->bytes - 1;
}

enum sevc_result sevc_mmio_resolve(struct sevc_exception *vc, struct sevc_mmio_access *access)
{
    struct sevc_mapping mapping;
    enum sevc_result result;

    access->bytes = vc->insn.data_bytes;
    result = translate(vc, access, access->va, &mapping);
    if (result != SEVC_OK) {
        return result;
    }
    access->gpa = mapping.gpa;
    access->device = !mapping.encrypted;
    result = translate_rest(vc, access);
    if (result != SEVC_OK || !access->device) {
        return result;
    }
    if (touches_ghcb(vc->cpu, access) ||
        !sevc_os_mmio_allowed(vc->trap, access->gpa, access->bytes, access->write)) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_MMIO_RANGE);
    }
    return SEVC_OK;
}

enum sevc_result sevc_mmio_operand(struct sevc_exception *vc, bool write,
                                   struct sevc_mmio_access *access)
{
    enum sevc_result result;

    access->va = sevc_linear_address(&vc->insn, vc->trap);
    access->segment = vc->insn.memory.segment;
    access->write = write;
    result = sevc_mmio_resolve(vc, access);
    if (result == SEVC_OK && !access->device) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_TRANSLATE, SEVC_REASON_ENCRYPTED_MMIO);
    }
    return result;
}
