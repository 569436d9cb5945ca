/* SPDX-License-Identifier: MIT */
/*
 * The straight way (hot.h) through an NPF exit: MOV, MOVZX and MOVSX between a register, or an
 * immediate, and memory, with REX or without, by a base, an index and a displacement; an access
 * within one page of a device. Every prefix but REX, addresses without a base, RSP, AH to BH and all
 * other instructions are the general way's, and so is whatever ends in a refusal or a fault.
 */
#include "hot.h"

#include "decode/parts.h"

#define PAGE_BYTES 4096u

/* Opcodes (APM vol. 3, tables ); bit 0 of each: the wider of its two operand sizes. */
#define MOV_STORE 0x88u /* 88, 89 */
#define MOV_LOAD  0x8Au /* 8A, 8B */
#define MOV_IMM   0xC6u /* C6, C7, ModRM.reg 0 */
#define ESCAPE    0x0Fu
#define TWO_BYTE  0x100u
#define MOVZX     (TWO_BYTE | 0xB6u) /* 0F B6, 0F B7 */
#define MOVSX     (TWO_BYTE | 0xBEu) /* 0F BE, 0F BF */

/* struct access, how: WRITE, or of a load TWO_BYTE and the opcode, REX and the register's number. */
#define REX_SHIFT      9
#define WIDE           ((unsigned)SEVC_REX_W << REX_SHIFT)
#define REGISTER_SHIFT 16
#define WRITE          (1u << 31)

/* What the instruction says: in few words, each of which has to be kept while a hook is called. */
struct access {
    uint64_t va;
    uint64_t value; /* stored: cut to its width; loaded: 0 */
    uint64_t bytes;
    uint64_t length;
    unsigned how;
};

SEVC_INLINE int64_t read_dword(const uint8_t *bytes)
{
    int32_t value;

    __builtin_memcpy(&value, bytes, sizeof(value));
    return value;
}

/*
 * AT: the last byte of the opcode, which the ModRM byte follows. Returns what is behind the
 * displacement; NULL: not for here.
 */
SEVC_INLINE const uint8_t *address(const struct sevc_trap *trap, const uint8_t *at, unsigned modrm,
                                   unsigned rex, uint64_t *va)
{
    unsigned base = modrm & 7;
    uint64_t sum = 0;

    if (base == 4) {
        unsigned sib = at[2];
        unsigned index = (sib >> 3 & 7) | (rex & SEVC_REX_X) << 2;

        at++;
        base = sib & 7;
        if (base == 4 && (rex & SEVC_REX_B) == 0) {
            return NULL; /* RSP */
        }
        if (index != 4) { /* which means none */
            sum = trap->gpr[index] << (sib >> 6);
        }
    }
    if (base == 5 && modrm < 0x40) {
        return NULL; /* RIP-relative, or no base */
    }
    sum += trap->gpr[base | (rex & SEVC_REX_B) << 3];
    if ((modrm & 0x40) != 0) {
        sum += (uint64_t)(int64_t)(int8_t)at[2];
        at++;
    } else if ((modrm & 0x80) != 0) {
        sum += (uint64_t)read_dword(at + 2);
        at += 4;
    }
    *va = sum;
    return at + 2;
}

/* How much a MOV moves, and as much of VALUE. */
SEVC_INLINE void cut(struct access *access, unsigned opcode, unsigned rex, uint64_t value)
{
    if ((opcode & 1) == 0) {
        access->bytes = 1;
        access->value = (uint8_t)value;
    } else if ((rex & SEVC_REX_W) == 0) {
        access->bytes = 4;
        access->value = (uint32_t)value;
    } else {
        access->bytes = 8;
        access->value = value;
    }
}

/* All 15 bytes are there, and no instruction of these is longer than 12. */
SEVC_INLINE bool decode(const struct sevc_trap *trap, const uint8_t *bytes, struct access *access)
{
    const uint8_t *at = bytes;
    unsigned opcode = *at;
    unsigned rex = 0;
    unsigned modrm;
    unsigned number;

    if (opcode < 0x50) {
        if (opcode >= 0x40) {
            rex = opcode;
            opcode = *++at;
        }
        if (opcode == ESCAPE) {
            opcode = *++at | TWO_BYTE;
        }
    }
    modrm = at[1];
    if (modrm >= 0xC0) {
        return false;
    }
    at = address(trap, at, modrm, rex, &access->va);
    if (at == NULL) {
        return false;
    }
    number = (modrm >> 3 & 7) | (rex & SEVC_REX_R) << 1;
    access->length = (uint64_t)(at - bytes);
    access->how = WRITE;
    if ((opcode & ~3u) == MOV_STORE) {
        if (number == SEVC_RSP || ((opcode & 1) == 0 && rex == 0 && number >= 4)) {
            return false; /* RSP; AH, CH, DH, BH */
        }
        cut(access, opcode, rex, trap->gpr[number]);
        if ((opcode & 2) == 0) {
            return true;
        }
    } else if ((opcode & ~9u) == MOVZX && number != SEVC_RSP) {
        access->bytes = 1 + (opcode & 1);
    } else if ((opcode & ~1u) == MOV_IMM && (modrm & 0x38) == 0) {
        access->length += (opcode & 1) != 0 ? 4 : 1;
        cut(access, opcode, rex, (uint64_t)read_dword(at));
        return true;
    } else {
        return false;
    }
    access->value = 0;
    access->how = opcode | rex << REX_SHIFT | number << REGISTER_SHIFT;
    return true;
}

/*
 * Where the access goes, if it lies within one page that is a device's, writable and not the GHCB
 * itself, and is allowed.
 */
SEVC_INLINE bool resolve(const struct sevc_cpu *cpu, const struct sevc_trap *trap,
                         const struct access *access, uint64_t *gpa)
{
    struct sevc_mapping mapping;
    uint16_t writable_only;

    if ((access->va & (PAGE_BYTES - 1)) + access->bytes > PAGE_BYTES ||
        !sevc_os_translate(trap, access->va, &mapping)) {
        return false;
    }
    _Static_assert(offsetof(struct sevc_mapping, writable) ==
                       offsetof(struct sevc_mapping, encrypted) + 1,
                   "two bytes, read as one number");
    __builtin_memcpy(&writable_only, &mapping.encrypted, sizeof(writable_only));
    *gpa = mapping.gpa;
    return writable_only == 0x100 && (mapping.gpa ^ cpu->ghcb.gpa) >= PAGE_BYTES &&
           sevc_os_mmio_allowed(trap, mapping.gpa, (unsigned)access->bytes,
                                (access->how & WRITE) != 0);
}

/* The value that was read goes into its register, as wide as the opcode says. */
SEVC_INLINE void put_register(struct sevc_trap *trap, const struct access *access, uint64_t value)
{
    uint64_t *reg = &trap->gpr[access->how >> REGISTER_SHIFT];

    if ((access->how & TWO_BYTE) != 0) {
        value = access->bytes == 1 ? (uint8_t)value : (uint16_t)value;
        if ((access->how & (MOVZX ^ MOVSX)) == 0) {
            *reg = value;
            return;
        }
        value = (uint64_t)(access->bytes == 1 ? (int8_t)value : (int16_t)value);
    } else if ((access->how & 1) == 0) {
        *(uint8_t *)reg = (uint8_t)value;
        return;
    }
    *reg = (access->how & WIDE) != 0 ? value : (uint32_t)value;
}

enum sevc_result sevc_hot_mmio(struct sevc_cpu *cpu, struct sevc_trap *trap,
                               struct sevc_report *report)
{
    volatile struct sevc_ghcb_page *page;
    volatile uint64_t *slot;
    struct access access;
    uint32_t event;
    uint64_t gpa;
    uint64_t value;

    if (!sevc_hot_context(trap)) {
        return sevc_vc_handle_any(cpu, trap, report, false);
    }
    if (!sevc_hot_fetch(trap, report)) {
        return sevc_vc_handle_any(cpu, trap, report, true);
    }
    if ((cpu->policy->mmio != SEVC_MMIO_BASIC && cpu->policy->mmio != SEVC_MMIO_EXTENDED) ||
        !decode(trap, report->insn, &access) || !resolve(cpu, trap, &access, &gpa) ||
        !sevc_hot_take(cpu)) {
        SEVC_TAIL return sevc_vc_handle_fetched(cpu, trap, report);
    }
    page = sevc_hot_page(cpu);
    slot = (volatile uint64_t *)page->shared_buffer;
    event = (uint32_t)SEVC_NAE_MMIO_READ + (access.how / WRITE);
    sevc_hot_note(report, SEVC_EXIT_NPF, event);
    *slot = access.value;
    page->sw_scratch = cpu->ghcb.gpa + SEVC_GHCB_OFF_SHARED_BUFFER;
    sevc_hot_send(cpu, page, event, gpa, access.bytes, SEVC_HOT_VALID(SEVC_GHCB_OFF_SW_SCRATCH));
    if (!sevc_hot_replied(page, report)) {
        *slot = 0;
        return sevc_hot_refused(cpu, report);
    }
    value = *slot;
    *slot = 0;
    sevc_hot_give_back(cpu, page);
    if ((access.how & WRITE) == 0) {
        put_register(trap, &access, value);
    }
    return sevc_hot_complete(trap, report, access.length, 1);
}
