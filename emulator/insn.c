/* SPDX-License-Identifier: MIT */
#include "insn.h"

#include "cpu.h"
#include "libc.h"
#include "vcpu.h"
#include "walk.h"

static bool is_legacy_prefix(uint8_t byte)
{
    static const uint8_t prefixes[] = { 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65,
                                        0x66, 0x67, 0xF0, 0xF2, 0xF3 };

    for (unsigned i = 0; i < sizeof(prefixes); i++) {
        if (byte == prefixes[i])
            return true;
    }
    return false;
}

bool insn_fetch(struct vcpu *v, struct insn *insn)
{
    uint64_t va = v->vmcb->cs.base + v->vmcb->rip;
    unsigned access = PF_ID | (vcpu_cpl(v) == 3 ? PF_U : 0);
    unsigned room = (unsigned)(PAGE_BYTES - (va & PAGE_MASK));
    uint8_t first = (uint8_t)(room < sizeof(insn->bytes) ? room : sizeof(insn->bytes));
    struct walk_fault fault;

    memset(insn, 0, sizeof(*insn));
    if (walk_read(v, va, access, insn->bytes, first, &fault) != WALK_OK)
        return false;
    insn->count = first;
    /* The instruction may end with its page, and the next one be absent. */
    if (first < sizeof(insn->bytes) && walk_read(v, va + first, access, insn->bytes + first,
                                                 sizeof(insn->bytes) - first, &fault) == WALK_OK)
        insn->count = sizeof(insn->bytes);

    while (insn->prefixes < insn->count && is_legacy_prefix(insn->bytes[insn->prefixes])) {
        insn->rep |= (insn->bytes[insn->prefixes] & 0xFE) == 0xF2;
        insn->prefixes++;
    }
    bool bits64 = vcpu_long_mode(v) && (v->vmcb->cs.attributes & SEGMENT_L) != 0;
    if (bits64 && insn->prefixes < insn->count && (insn->bytes[insn->prefixes] & 0xF0) == 0x40)
        insn->rex = insn->bytes[insn->prefixes++];
    return insn->prefixes < insn->count;
}

bool insn_is(const struct insn *insn, const uint8_t *opcode, unsigned bytes)
{
    return insn->prefixes + bytes <= insn->count &&
           memcmp(insn->bytes + insn->prefixes, opcode, bytes) == 0;
}
