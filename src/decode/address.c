/* SPDX-License-Identifier: MIT */
/* From a memory operand and the registers to a linear address (APM vol. 2, 4.5; vol. 3, 1.5). */
#include <sevc/insn.h>
#include <sevc/os.h>

/*
 * Only FS and GS have a base in 64-bit mode. Its sum with a 16-bit or 32-bit offset stays within 4 GiB
 * in compatibility mode, and does not in 64-bit mode.
 */
static uint64_t linear(const struct sevc_insn *insn, const struct sevc_trap *trap, unsigned segment,
                       uint64_t offset)
{
    unsigned bytes = insn->address_bytes;
    uint64_t address = offset & ~0ull >> (64 - 8 * bytes);

    if (segment != SEVC_FS && segment != SEVC_GS)
        return address;
    address += sevc_os_register(trap, segment == SEVC_FS ? SEVC_OS_FS_BASE : SEVC_OS_GS_BASE);
    if (bytes != 8 && sevc_os_register(trap, SEVC_OS_CODE_BITS) != 64)
        address = (uint32_t)address;
    return address;
}

uint64_t sevc_linear_address(const struct sevc_insn *insn, const struct sevc_trap *trap)
{
    const struct sevc_memory_operand *memory = &insn->memory;
    uint64_t offset = (uint64_t)memory->displacement;

    if (memory->rip_relative)
        offset += trap->rip + insn->length;
    if (memory->base != SEVC_NO_REGISTER)
        offset += sevc_trap_gpr_value(trap, memory->base);
    if (memory->index != SEVC_NO_REGISTER)
        offset += sevc_trap_gpr_value(trap, memory->index) * memory->scale;
    return linear(insn, trap, memory->segment, offset);
}

uint64_t sevc_string_address(const struct sevc_insn *insn, const struct sevc_trap *trap,
                             unsigned gpr)
{
    return linear(insn, trap, gpr == SEVC_RDI ? (unsigned)SEVC_ES : insn->segment,
                  sevc_trap_gpr_value(trap, gpr));
}

bool sevc_is_canonical(uint64_t va, uint64_t bytes, bool la57)
{
    unsigned shift = la57 ? 56 : 47;
    uint64_t last = bytes ? va + bytes - 1 : va;
    uint64_t top = va >> shift;

    /* All zeros, or all ones: and the same at both ends, else the hole lies in between. */
    return (top == 0 || top == UINT64_MAX >> shift) && last >> shift == top && last >= va;
}
