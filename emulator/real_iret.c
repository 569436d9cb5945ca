/* SPDX-License-Identifier: MIT */
#include "real_iret.h"

#include <sevc/svm.h>

#include "cpu.h"
#include "insn.h"
#include "vcpu.h"
#include "walk.h"

#define INTERCEPT_IRET (1ull << (SEVC_EXIT_IRET - SEVC_EXIT_INTR))

#define PREFIX_OPERAND_SIZE 0x66

/* CF PF AF ZF SF TF IF DF OF IOPL NT, and RF, AC, ID of a 32-bit image. */
#define FLAGS_16 0x7FD5u
#define FLAGS_32 (FLAGS_16 | 0x250000u)

void real_iret_expect(struct vcpu *v)
{
    v->real_iret = true;
    v->vmcb->intercept |= INTERCEPT_IRET;
}

static bool is_wide(const struct vcpu *v, const struct insn *insn)
{
    bool wide = (v->vmcb->cs.attributes & SEGMENT_DB) != 0;

    for (unsigned i = 0; i < insn->prefixes; i++) {
        if (insn->bytes[i] == PREFIX_OPERAND_SIZE)
            return !wide;
    }
    return wide;
}

bool real_iret_handle(struct vcpu *v)
{
    struct vmcb *vmcb = v->vmcb;
    struct walk_fault fault;
    struct insn insn;
    uint32_t frame[3] = { 0 }; /* IP, CS, FLAGS */

    if (!v->real_iret)
        return false;
    v->real_iret = false;
    vmcb->intercept &= ~INTERCEPT_IRET;
    if ((vmcb->cr0 & CR0_PE) != 0 || !insn_fetch(v, &insn))
        return true; /* executed again, as it is */
    bool wide = is_wide(v, &insn);
    uint32_t bytes = wide ? 4 : 2;
    uint32_t mask = (vmcb->ss.attributes & SEGMENT_DB) != 0 ? 0xFFFFFFFF : 0xFFFF;
    uint32_t sp = (uint32_t)vmcb->rsp;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t at = (vmcb->ss.base + ((sp + i * bytes) & mask)) & 0xFFFFFFFF;
        if (walk_read(v, at, 0, &frame[i], bytes, &fault) != WALK_OK)
            report_end(VERDICT_ERROR, "an IRET in real mode whose stack is not in RAM, rip=0x%llx",
                       (unsigned long long)vmcb->rip);
    }
    vmcb->rsp = (sp & ~mask) | ((sp + 3 * bytes) & mask);
    vmcb->rip = frame[0];
    vmcb->cs.selector = (uint16_t)frame[1];
    vmcb->cs.base = (frame[1] & 0xFFFF) << 4;
    uint32_t writable = wide ? FLAGS_32 : FLAGS_16;
    vmcb->rflags =
        (vmcb->rflags & ~(uint64_t)(writable | RFLAGS_RF)) | (frame[2] & writable) | RFLAGS_FIXED;
    return true;
}
