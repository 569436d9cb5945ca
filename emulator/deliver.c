/* SPDX-License-Identifier: MIT */
#include "deliver.h"

#include <stddef.h>

#include <sevc/svm.h>

#include "cpu.h"
#include "libc.h"
#include "trace.h"
#include "vcpu.h"
#include "walk.h"

#define GATE_INTERRUPT32 0xE /* and of 64 bits in long mode */
#define GATE_TRAP32      0xF

/* A gate and what it leads to. why != NULL: it leads nowhere. */
struct target {
    uint64_t rip;
    struct vmcb_segment cs;
    unsigned cpl;
    unsigned ist;
    bool interrupt_gate;
};

struct delivery {
    struct vcpu *v;
    const char *why; /* the first thing that went wrong */
    bool page_fault; /* and it was this */
    struct walk_fault fault;
};

static bool failed(struct delivery *d, const char *why)
{
    d->why = why;
    return false;
}

static bool walked(struct delivery *d, enum walk_result result, const char *what)
{
    if (result == WALK_OK)
        return true;
    d->page_fault = result == WALK_PAGE_FAULT;
    return failed(d, what);
}

static bool read_table(struct delivery *d, const struct vmcb_segment *table, uint64_t offset,
                       void *to, unsigned bytes, const char *what)
{
    if (offset + bytes - 1 > table->limit)
        return failed(d, what);
    return walked(d, walk_read(d->v, table->base + offset, 0, to, bytes, &d->fault), what);
}

static struct vmcb_segment unpack_descriptor(uint16_t selector, uint64_t descriptor)
{
    struct vmcb_segment segment = {
        .selector = selector,
        .attributes = (uint16_t)((descriptor >> 40 & 0xFF) | (descriptor >> 44 & 0xF00)),
        .limit = (uint32_t)((descriptor & 0xFFFF) | (descriptor >> 32 & 0xF0000)),
        .base = (descriptor >> 16 & 0xFFFFFF) | (descriptor >> 32 & 0xFF000000),
    };

    if ((segment.attributes & SEGMENT_G) != 0)
        segment.limit = segment.limit << 12 | 0xFFF;
    return segment;
}

static bool read_descriptor(struct delivery *d, uint16_t selector, struct vmcb_segment *segment)
{
    const struct vmcb *vmcb = d->v->vmcb;
    const struct vmcb_segment *table = &vmcb->gdtr;
    uint64_t descriptor;

    if ((selector & ~3u) == 0)
        return failed(d, "null selector");
    if ((selector & 4) != 0) {
        vcpu_fetch_hidden(d->v);
        table = &vmcb->ldtr;
    }
    if (!read_table(d, table, selector & ~7ull, &descriptor, 8, "selector beyond its table"))
        return false;
    *segment = unpack_descriptor(selector, descriptor);
    if ((segment->attributes & SEGMENT_P) == 0)
        return failed(d, "segment not present");
    return true;
}

static unsigned dpl_of(const struct vmcb_segment *segment)
{
    return (segment->attributes & SEGMENT_DPL_MASK) >> SEGMENT_DPL_SHIFT;
}

static bool read_code_segment(struct delivery *d, uint16_t selector, struct target *t)
{
    unsigned cpl = vcpu_cpl(d->v);

    if (!read_descriptor(d, selector, &t->cs))
        return false;
    unsigned attributes = t->cs.attributes, wanted = SEGMENT_S | SEGMENT_CODE;
    if ((attributes & wanted) != wanted)
        return failed(d, "gate to a segment that is no code");
    if (vcpu_long_mode(d->v) && (attributes & (SEGMENT_L | SEGMENT_DB)) != SEGMENT_L)
        return failed(d, "gate to a segment that is no 64-bit code");
    if (dpl_of(&t->cs) > cpl)
        return failed(d, "gate to less privileged code");
    t->cpl = (attributes & SEGMENT_CONFORMING) != 0 ? cpl : dpl_of(&t->cs);
    t->cs.selector = (uint16_t)((selector & ~3u) | t->cpl);
    t->cs.attributes |= SEGMENT_ACCESSED;
    return true;
}

static bool read_gate(struct delivery *d, struct target *t)
{
    bool wide = vcpu_long_mode(d->v);
    unsigned bytes = wide ? 16 : 8;
    uint64_t gate[2] = { 0, 0 };

    if ((d->v->vmcb->cr0 & CR0_PE) == 0)
        return failed(d, "real mode");
    if (!read_table(d, &d->v->vmcb->idtr, (uint64_t)SEVC_VC_VECTOR * bytes, gate, bytes,
                    "no entry 29 in the IDT"))
        return false;
    unsigned type = gate[0] >> 40 & 0x1F;
    if (type != GATE_INTERRUPT32 && type != GATE_TRAP32)
        return failed(d, "IDT entry 29 is no interrupt or trap gate");
    if ((gate[0] >> 47 & 1) == 0)
        return failed(d, "IDT entry 29 is not present");
    t->rip = (gate[0] & 0xFFFF) | (gate[0] >> 32 & 0xFFFF0000);
    if (wide)
        t->rip |= gate[1] << 32;
    t->ist = wide ? gate[0] >> 32 & 7 : 0;
    t->interrupt_gate = type == GATE_INTERRUPT32;
    return read_code_segment(d, gate[0] >> 16 & 0xFFFF, t);
}

/*
 * RF is set in the image of a fault, so that an instruction breakpoint does not hit twice (APM
 * vol. 2, 3.1.6).
 */
static uint64_t rflags_image(const struct vcpu *v)
{
    return v->vmcb->rflags | RFLAGS_RF;
}

static void enter_target(struct vcpu *v, const struct target *t)
{
    uint64_t cleared = RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM;

    if (t->interrupt_gate)
        cleared |= RFLAGS_IF;
    v->vmcb->rflags &= ~cleared;
    v->vmcb->rip = t->rip;
    v->vmcb->cs = t->cs;
    v->vmcb->cpl = (uint8_t)t->cpl;
    v->vmcb->interrupt_shadow = 0;
}

static bool deliver64(struct delivery *d, const struct target *t, uint32_t error_code)
{
    struct vmcb *vmcb = d->v->vmcb;
    bool inner = t->cpl < vcpu_cpl(d->v);
    uint64_t rsp = vmcb->rsp;

    if (!walk_is_canonical(d->v, t->rip)) /* #GP, hence #DF */
        return failed(d, "the handler's address is not canonical");
    if (t->ist != 0 || inner) {
        /* The 64-bit TSS: RSP0 at offset 4, IST1 at 0x24 (APM vol. 2, 12.2.5). */
        uint64_t offset = t->ist != 0 ? 0x24 + 8ull * (t->ist - 1) : 4 + 8ull * t->cpl;
        vcpu_fetch_hidden(d->v);
        if (!read_table(d, &vmcb->tr, offset, &rsp, 8, "no such stack in the TSS"))
            return false;
    }
    rsp &= ~0xFull;
    const uint64_t frame[] = {
        error_code, vmcb->rip, vmcb->cs.selector, rflags_image(d->v), vmcb->rsp, vmcb->ss.selector,
    };
    rsp -= sizeof(frame);
    if (!walked(d, walk_write(d->v, rsp, t->cpl == 3 ? PF_U : 0, frame, sizeof(frame), &d->fault),
                "the stack cannot be written"))
        return false;
    vmcb->rsp = rsp;
    if (inner) /* a null SS whose DPL is the new CPL */
        vmcb->ss =
            (struct vmcb_segment){ (uint16_t)t->cpl,
                                   (uint16_t)(0xC93 | t->cpl << SEGMENT_DPL_SHIFT), 0xFFFFFFFF, 0 };
    enter_target(d->v, t);
    return true;
}

/* The 32-bit TSS: ESP0 at offset 4, SS0 at 8 (APM vol. 2, 12.2.3). */
static bool read_inner_stack32(struct delivery *d, unsigned cpl, struct vmcb_segment *ss,
                               uint32_t *esp)
{
    uint16_t selector;

    vcpu_fetch_hidden(d->v);
    return read_table(d, &d->v->vmcb->tr, 4 + 8ull * cpl, esp, 4, "no such stack in the TSS") &&
           read_table(d, &d->v->vmcb->tr, 8 + 8ull * cpl, &selector, 2,
                      "no such stack in the TSS") &&
           read_descriptor(d, selector, ss);
}

static bool deliver32(struct delivery *d, const struct target *t, uint32_t error_code)
{
    struct vmcb *vmcb = d->v->vmcb;
    bool inner = t->cpl < vcpu_cpl(d->v);
    struct vmcb_segment ss = vmcb->ss;
    uint32_t esp = (uint32_t)vmcb->rsp;

    if ((vmcb->rflags & RFLAGS_VM) != 0)
        return failed(d, "virtual-8086 mode");
    if (inner && !read_inner_stack32(d, t->cpl, &ss, &esp))
        return false;
    const uint32_t frame[] = {
        error_code,          (uint32_t)vmcb->rip, vmcb->cs.selector, (uint32_t)rflags_image(d->v),
        (uint32_t)vmcb->rsp, vmcb->ss.selector,
    };
    unsigned bytes = inner ? sizeof(frame) : sizeof(frame) - 8;
    uint32_t mask = (ss.attributes & SEGMENT_DB) != 0 ? 0xFFFFFFFF : 0xFFFF;
    uint32_t new_esp = (esp & ~mask) | ((esp - bytes) & mask);
    uint64_t at = (ss.base + (new_esp & mask)) & 0xFFFFFFFF;
    if (!walked(d, walk_write(d->v, at, t->cpl == 3 ? PF_U : 0, frame, bytes, &d->fault),
                "the stack cannot be written"))
        return false;
    vmcb->rsp = new_esp;
    vmcb->ss = ss;
    enter_target(d->v, t);
    return true;
}

/* #VC and #GP, #NP, #SS, #TS are contributory: together they make #DF (APM vol. 2, 8.2.9). */
static void raise_instead(const struct delivery *d, uint32_t exit_code)
{
    struct vcpu *v = d->v;

    v->undelivered = true;
    v->undelivered_at = vcpu_where(v);
    v->undelivered_at.exit_code = exit_code;
    v->undelivered_why = d->why;
    report_log(REPORT_EVENTS, "undelivered cpu=%u vc=0x%x rip=0x%llx %s", v->index, exit_code,
               (unsigned long long)v->vmcb->rip, d->why);
    if (d->page_fault) {
        v->vmcb->cr2 = d->fault.address;
        vcpu_inject(v, VECTOR_PF, true, d->fault.error_code);
    } else {
        vcpu_inject(v, VECTOR_DF, true, 0);
    }
}

void deliver_vc(struct vcpu *v, uint32_t exit_code)
{
    struct delivery d = { .v = v };
    struct target t;
    struct vcpu_where where = vcpu_where(v);

    trace_prepare(v, exit_code);
    if (read_gate(&d, &t) &&
        (vcpu_long_mode(v) ? deliver64(&d, &t, exit_code) : deliver32(&d, &t, exit_code))) {
        v->undelivered = false;
        report_vc(&where, exit_code);
        trace_exception(v);
        return;
    }
    raise_instead(&d, exit_code);
}
