/* SPDX-License-Identifier: MIT */
/* String instructions: where their elements lie, and how the registers move with them. */
#include "vm.h"

#define STRING_IO_BYTES 4096u /* vc.h: what INS and OUTS move in one call */

bool fuzz_is_string(const struct sevc_insn *insn)
{
    switch (insn->kind) {
    case SEVC_INSN_INS:
    case SEVC_INSN_OUTS:
    case SEVC_INSN_MOVS:
    case SEVC_INSN_STOS:
    case SEVC_INSN_LODS:
    case SEVC_INSN_CMPS:
    case SEVC_INSN_SCAS:
        return true;
    default:
        return false;
    }
}

static uint64_t address_mask(const struct sevc_insn *insn)
{
    return insn->address_bytes == 8 ? ~0ull : (1ull << (8 * insn->address_bytes)) - 1;
}

static uint64_t merge(uint64_t old, uint64_t value, const struct sevc_insn *insn)
{
    uint64_t mask = address_mask(insn);

    return insn->address_bytes == 4 ? value & mask : (old & ~mask) | (value & mask);
}

uint64_t fuzz_string_limit(const struct fuzz_call *call)
{
    const struct sevc_insn *insn = &call->insn;
    bool io = insn->kind == SEVC_INSN_INS || insn->kind == SEVC_INSN_OUTS;
    uint64_t limit = (uint64_t)(io ? STRING_IO_BYTES / insn->data_bytes : SEVC_MMIO_REP_MAX);
    uint64_t count = insn->rep ? call->before.gpr[SEVC_RCX] & address_mask(insn) : 1;

    if (insn->rep && (call->before.rflags & SEVC_RFLAGS_TF) != 0) {
        limit = 1;
    }
    return count < limit ? count : limit;
}

/* Of addresses that wrap around the address size, too. */
uint64_t fuzz_string_element(const struct fuzz_call *call, unsigned gpr, uint64_t va)
{
    const struct sevc_insn *insn = &call->insn;
    uint64_t start = sevc_string_address(insn, &call->before, gpr);
    uint64_t wrap = address_mask(insn) + 1; /* 0: 64 bits wrap by themselves */
    uint64_t distance = va - start;

    if ((call->before.rflags & SEVC_RFLAGS_DF) != 0) {
        distance = start + insn->data_bytes - 1 - va;
    }
    for (unsigned i = 0; i < 3; i++, distance += wrap) {
        uint64_t element = (distance - wrap) / insn->data_bytes;

        if (element < fuzz_string_limit(call)) {
            return element;
        }
    }
    return ~0ull;
}

static bool uses(const struct sevc_insn *insn, unsigned gpr)
{
    bool rsi = insn->kind == SEVC_INSN_OUTS || insn->kind == SEVC_INSN_MOVS ||
               insn->kind == SEVC_INSN_LODS || insn->kind == SEVC_INSN_CMPS;
    bool rdi = insn->kind != SEVC_INSN_OUTS && insn->kind != SEVC_INSN_LODS;

    return gpr == SEVC_RSI ? rsi : rdi;
}

static void check_pointer(const struct fuzz_call *call, unsigned gpr, uint64_t elements)
{
    uint64_t old = call->before.gpr[gpr];
    uint64_t distance = elements * call->insn.data_bytes;
    bool down = (call->before.rflags & SEVC_RFLAGS_DF) != 0;
    uint64_t expected =
        elements == 0 ? old : merge(old, down ? old - distance : old + distance, &call->insn);

    if (uses(&call->insn, gpr)) {
        FUZZ_CHECK(call->trap.gpr[gpr] == expected, "registers",
                   "after %lu elements register %u is 0x%lx, not 0x%lx", elements, gpr,
                   call->trap.gpr[gpr], expected);
    }
}

void fuzz_string_check_progress(const struct fuzz_call *call)
{
    const struct sevc_insn *insn = &call->insn;
    bool done = call->result == SEVC_OK || call->result == SEVC_OK_TRAP;
    uint64_t before = call->before.gpr[SEVC_RCX] & address_mask(insn);
    uint64_t after = call->trap.gpr[SEVC_RCX] & address_mask(insn);
    uint64_t elements = insn->rep ? before - after : (uint64_t)done;
    bool advanced = call->trap.rip != call->before.rip;
    bool compares = insn->kind == SEVC_INSN_CMPS || insn->kind == SEVC_INSN_SCAS;

    FUZZ_CHECK(elements <= fuzz_string_limit(call), "bounded", "%lu elements in one call",
               elements);
    if (insn->rep) {
        uint64_t old = call->before.gpr[SEVC_RCX];

        FUZZ_CHECK(call->trap.gpr[SEVC_RCX] == (elements == 0 ? old : merge(old, after, insn)),
                   "registers", "RCX became 0x%lx", call->trap.gpr[SEVC_RCX]);
    }
    check_pointer(call, SEVC_RSI, elements);
    check_pointer(call, SEVC_RDI, elements);
    if (insn->rep && advanced && !compares) {
        FUZZ_CHECK(after == 0, "rip", "REP is over with %lu elements left", after);
    }
    if (call->result == SEVC_RETRY) {
        FUZZ_CHECK(insn->rep && elements > 0 && after != 0, "progress",
                   "RETRY after %lu elements, %lu left", elements, after);
    }
}
