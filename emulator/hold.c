/* SPDX-License-Identifier: MIT */
#include "hold.h"

#include <stddef.h>

#include "boot_ap.h"
#include "cpu.h"
#include "firmware.h"
#include "memory.h"
#include "storm.h"
#include "vcpu.h"
#include "view.h"

static void note_ignored(const struct vcpu *v, const struct vcpu *from, const char *event,
                         const char *why)
{
    report_log(REPORT_EVENTS, "ap cpu=%u from=%u event=%s ignored: %s", v->index, from->index,
               event, why);
}

void hold_enter(struct vcpu *v)
{
    uint64_t gpa = 0;
    bool by_page = ghcb_server_wants_page(&v->ghcb, &gpa);

    v->hold = (struct hold){ .held = true, .by_page = by_page, .ghcb_gpa = gpa };
    nmi_disarm(v);
    report_log(REPORT_EVENTS, "ap cpu=%u event=hold by=%s", v->index, by_page ? "ghcb" : "msr");
    if (smp_count == 1)
        report_end(VERDICT_ERROR, "the only processor waits in AP reset hold for ever");
    if (hold_is_forever())
        report_end(VERDICT_ERROR, "all processors wait for ever");
}

void hold_from_reset(struct vcpu *v)
{
    v->hold = (struct hold){ .held = true, .reset = true };
}

void hold_wait(struct vcpu *v)
{
    while (v->hold.held) {
        smp_unlock();
        vcpu_take_nmi();
        smp_lock(v);
        v->smp.kicked = false;
        if (!v->hold.held)
            lapic_reset(v);
    }
}

void hold_init(struct vcpu *v, const struct vcpu *from)
{
    if (!v->hold.held) {
        note_ignored(v, from, "init", "not in AP reset hold");
        return;
    }
    v->hold.init = true;
    report_log(REPORT_EVENTS, "ap cpu=%u from=%u event=init", v->index, from->index);
}

/* The host reads nothing private; the judge does, because 0:0 is a mistake that is hard to find. */
static void judge_jump_table(const struct vcpu *v, const struct vcpu *from)
{
    struct vcpu_where where = vcpu_where(from);

    if (boot_ap_jump_target() == 0)
        report_violation(
            &where, "ap-jump-table",
            "SIPI to processor %u, but the AP jump table holds 0:0 in its private view", v->index);
}

/* The page of the request has to be there still. Result: NULL for the MSR protocol. */
static uint8_t *page_of_request(const struct vcpu *v)
{
    struct vcpu_where where = vcpu_where(v);

    if (!v->hold.by_page)
        return NULL;
    if (!view_shows(v->hold.ghcb_gpa, VIEW_SHARED))
        report_violation(&where, "ghcb-alias",
                         "the GHCB at 0x%llx was accessed with the C-bit set during AP reset hold",
                         (unsigned long long)v->hold.ghcb_gpa);
    return memory_direct(v->hold.ghcb_gpa);
}

/* As KVM with QEMU does it: CS and IP from the firmware's image; the SIPI's vector means nothing. */
static void start_from_reset(struct vcpu *v)
{
    uint64_t cs_base;
    uint16_t ip;

    if (!firmware_ap_start(&cs_base, &ip))
        report_end(VERDICT_ERROR, "the firmware's image does not say where processors start under "
                                  "SEV-ES");
    vcpu_start_at(v, cs_base, ip);
}

void hold_sipi(struct vcpu *v, const struct vcpu *from)
{
    if (!v->hold.held) {
        note_ignored(v, from, "sipi", "not in AP reset hold");
        return;
    }
    if (!v->hold.init) {
        note_ignored(v, from, "sipi", "no INIT before it");
        return;
    }
    if (!vcpu_long_mode(v) && !firmware_is_present())
        judge_jump_table(v, from);
    report_log(REPORT_EVENTS, "ap cpu=%u from=%u event=wake", v->index, from->index);
    if (v->hold.reset)
        start_from_reset(v);
    else
        ghcb_server_wake(&v->ghcb, page_of_request(v));
    nmi_reset(v);
    v->hold = (struct hold){ 0 };
    smp_kick(v);
}

/* Behind a closed window an NMI waits for the processor that waits for it. */
static bool nmi_can_wake(const struct vcpu *v)
{
    return !v->nmi.in_flight && (v->nmi.kept || storm_reaches(v));
}

static bool is_stuck(const struct vcpu *v)
{
    if (v->hold.held)
        return true;
    return v->asleep && (v->vmcb->rflags & RFLAGS_IF) == 0 && !nmi_can_wake(v);
}

bool hold_is_forever(void)
{
    for (unsigned i = 0; i < smp_count; i++) {
        if (!is_stuck(vcpu_at(i)))
            return false;
    }
    return true;
}
