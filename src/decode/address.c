/* SPDX-License-Identifier: MIT */
/* From a memory operand and the registers to a linear address (APM vol. 2, 4.5; vol. 3, 1.5). */
#include <sevc/insn.h>
#include <sevc/os.h>

static uint64_t truncate(uint64_t offset, unsigned address_bytes)
{
    return address_bytes == 8 ? offset : offset & ((1ull << (8 * address_bytes)) - 1);
}

/*
 * Only FS and GS have a base in 64-bit mode. Their sum with a 16-bit or 32-bit offset stays
 * within 4 GiB in compatibility mode, and does not in 64-bit mode.
 */
static uint64_t add_segment_base(uint64_t offset, unsigned segment, unsigned address_bytes,
                                 const struct sevc_trap *trap)
{
    uint64_t linear;

    if (segment != SEVC_FS && segment != SEVC_GS)
        return offset;
    linear =
        offset + sevc_os_register(trap, segment == SEVC_FS ? SEVC_OS_FS_BASE : SEVC_OS_GS_BASE);
    if (address_bytes != 8 && sevc_os_register(trap, SEVC_OS_CODE_BITS) != 64)
        linear = truncate(linear, 4);
    return linear;
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
    return add_segment_base(truncate(offset, insn->address_bytes), memory->segment,
                            insn->address_bytes, trap);
}

uint64_t sevc_string_address(const struct sevc_insn *insn, const struct sevc_trap *trap,
                             unsigned gpr)
{
    uint64_t offset = truncate(sevc_trap_gpr_value(trap, gpr), insn->address_bytes);
    unsigned segment = gpr == SEVC_RDI ? SEVC_ES : insn->segment;

    return add_segment_base(offset, segment, insn->address_bytes, trap);
}

bool sevc_is_canonical(uint64_t va, uint64_t bytes, bool la57)
{
    unsigned shift = la57 ? 56 : 47;
    uint64_t last = bytes ? va + bytes - 1 : va;
    uint64_t top = va >> shift;

    /* All zeros, or all ones: and the same at both ends, else the hole lies in between. */
    return (top == 0 || top == UINT64_MAX >> shift) && last >> shift == top && last >= va;
}
