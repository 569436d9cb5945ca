/* SPDX-License-Identifier: MIT */
/*
 * The straight way (hot.h) through an NPF exit: MOV, MOVZX and MOVSX between a register, or an
 * immediate, and memory, with REX or without, by a base, an index and a displacement; an access
 * within one page of a device. The opcodes are the rows of src/decode/opcodes.c; whatever else a
 * row says, every prefix but REX, RIP-relative addresses and AH to BH are the general way's.
 */
#include "hot.h"

#include "decode/parts.h"

#define PAGE_BYTES 4096u
#define OPERAND    SEVC_WIDTH_OPERAND

/* What the instruction says. Nothing in it is of use if its decoding has failed. */
struct access {
    const struct sevc_opcode *row;
    uint64_t va;
    uint64_t immediate;
    uint8_t kind; /* LOAD, STORE, STORE_IMM */
    uint8_t bytes;
    uint8_t reg;
    uint8_t length;
    bool wide; /* REX.W */
};

SEVC_INLINE int64_t read_dword(const uint8_t *bytes)
{
    int32_t value;

    __builtin_memcpy(&value, bytes, sizeof(value));
    return value;
}

/* From AT, behind the ModRM byte, to behind the displacement; NULL: not for here. */
SEVC_INLINE const uint8_t *address(const struct sevc_trap *trap, const uint8_t *at, unsigned modrm,
                                   unsigned rex, uint64_t *va)
{
    unsigned mod = modrm >> 6;
    unsigned base = modrm & 7;
    uint64_t sum = 0;

    if (base == 4) {
        unsigned sib = *at++;
        unsigned index = (sib >> 3 & 7) | (rex & SEVC_REX_X) << 2;

        base = sib & 7;
        if (index != 4) { /* which means none */
            sum = trap->gpr[index] << (sib >> 6);
        }
    }
    if (base == 5 && mod == 0) {
        return NULL; /* RIP-relative, or no base */
    }
    sum += sevc_trap_gpr_value(trap, base | (rex & SEVC_REX_B) << 3);
    if (mod == 1) {
        sum += (uint64_t)(int64_t)(int8_t)*at++;
    } else if (mod == 2) {
        sum += (uint64_t)read_dword(at);
        at += 4;
    }
    *va = sum;
    return at;
}

/* All 15 bytes are there, and no instruction of this kind is longer than 13. */
SEVC_INLINE bool decode(const struct sevc_trap *trap, const uint8_t *bytes, struct access *access)
{
    const uint8_t *at = bytes;
    unsigned byte = *at++;
    unsigned rex = 0;
    unsigned modrm;

    if ((byte & 0xF0) == 0x40) {
        rex = byte;
        byte = *at++;
    }
    access->row = &sevc_one_byte_opcodes[byte];
    if (byte == 0x0F) {
        access->row = &sevc_two_byte_opcodes[*at++];
    }
    modrm = *at++;
    if (modrm >= 0xC0) {
        return false;
    }
    access->kind = access->row->kind;
    if (access->row->form == SEVC_FORM_GROUP && (modrm & 0x38) == 0 &&
        (access->row->operation == SEVC_GROUP_C6 || access->row->operation == SEVC_GROUP_C7)) {
        access->row = &sevc_group_opcodes[access->row->operation][0];
        access->kind = SEVC_INSN_STORE_IMM;
    } else if (access->row->form != SEVC_FORM_MODRM ||
               (access->kind != SEVC_INSN_LOAD && access->kind != SEVC_INSN_STORE) ||
               (access->row->flags & ~SEVC_OPCODE_SIGNED) != 0) {
        return false;
    }
    access->wide = (rex & SEVC_REX_W) != 0;
    access->bytes = access->row->data_bytes;
    if (access->bytes == OPERAND) {
        access->bytes = access->wide ? 8 : 4;
    }
    access->reg = (uint8_t)((modrm >> 3 & 7) | (rex & SEVC_REX_R) << 1);
    if (access->row->register_bytes == SEVC_WIDTH_1 && rex == 0 && access->reg >= 4) {
        return false; /* AH, CH, DH, BH */
    }
    at = address(trap, at, modrm, rex, &access->va);
    if (at == NULL) {
        return false;
    }
    if (access->kind == SEVC_INSN_STORE_IMM) {
        if (access->bytes == 1) {
            access->immediate = *at++;
        } else {
            access->immediate = (uint64_t)read_dword(at);
            at += 4;
        }
    }
    access->length = (uint8_t)(at - bytes);
    return true;
}

/* Where the access goes, if it lies within one page that is a device's, and allowed. */
SEVC_INLINE bool resolve(const struct sevc_cpu *cpu, const struct sevc_trap *trap,
                         const struct access *access, uint64_t *gpa)
{
    bool write = access->kind != SEVC_INSN_LOAD;
    struct sevc_mapping mapping;

    if ((access->va & (PAGE_BYTES - 1)) > PAGE_BYTES - access->bytes ||
        !sevc_os_translate(trap, access->va, &mapping) || mapping.encrypted ||
        (write && !mapping.writable)) {
        return false;
    }
    *gpa = mapping.gpa;
    return mapping.gpa + access->bytes - 1 - cpu->ghcb.gpa >=
               SEVC_GHCB_SIZE + access->bytes - 1ull &&
           sevc_os_mmio_allowed(trap, mapping.gpa, access->bytes, write);
}

/* The value that was read goes into its register, as wide as the row says. */
SEVC_INLINE void put_register(struct sevc_trap *trap, const struct access *access, uint64_t value)
{
    uint64_t *reg = sevc_trap_gpr(trap, access->reg);
    unsigned unused_bits = 64 - 8u * access->bytes;

    value <<= unused_bits;
    value = (access->row->flags & SEVC_OPCODE_SIGNED) != 0
                ? (uint64_t)((int64_t)value >> unused_bits)
                : value >> unused_bits;
    if (access->row->register_bytes == SEVC_WIDTH_1) {
        *(uint8_t *)reg = (uint8_t)value;
    } else if (access->wide) {
        *reg = value;
    } else {
        *reg = (uint32_t)value;
    }
}

bool sevc_hot_mmio(struct sevc_cpu *cpu, struct sevc_trap *trap, struct sevc_report *report)
{
    volatile struct sevc_ghcb_page *page = sevc_hot_page(cpu);
    volatile uint64_t *slot = (volatile uint64_t *)page->shared_buffer;
    enum sevc_mmio_policy policy = cpu->policy->mmio;
    struct access access = { 0 };
    bool read;
    uint64_t gpa;
    uint64_t value = 0;

    if (!sevc_hot_fetch(trap, report)) {
        return false;
    }
    report->insn_bytes = SEVC_INSN_MAX_BYTES;
    if ((policy != SEVC_MMIO_BASIC && policy != SEVC_MMIO_EXTENDED) ||
        !decode(trap, report->insn, &access) || !resolve(cpu, trap, &access, &gpa) ||
        !sevc_hot_take(cpu)) {
        return false;
    }
    read = access.kind == SEVC_INSN_LOAD;
    if (!read) {
        value = access.kind == SEVC_INSN_STORE ? sevc_trap_gpr_value(trap, access.reg)
                                               : access.immediate;
        value &= ~0ull >> (64 - 8u * access.bytes);
    }
    sevc_hot_note(report, SEVC_EXIT_NPF, read ? SEVC_NAE_MMIO_READ : SEVC_NAE_MMIO_WRITE);
    *slot = value;
    page->sw_scratch = cpu->ghcb.gpa + SEVC_GHCB_OFF_SHARED_BUFFER;
    sevc_hot_send(cpu, page, report->nae_code, gpa, access.bytes, 0,
                  SEVC_VALID_ALWAYS | SEVC_VALID_BIT(SEVC_GHCB_OFF_SW_SCRATCH));
    if (!sevc_hot_reply(page, report, 0)) {
        *slot = 0;
        (void)sevc_hot_refused(cpu, report);
        return true;
    }
    if (read) {
        put_register(trap, &access, *slot);
    }
    *slot = 0;
    sevc_hot_give_back(cpu, page);
    (void)sevc_hot_complete(trap, report, access.length, 1);
    return true;
}
