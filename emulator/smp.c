/* SPDX-License-Identifier: MIT */
#include "smp.h"

#include <stddef.h>

#include <sevc/svm.h>

#include "cpu.h"
#include "lapic.h"
#include "storm.h"
#include "vcpu.h"

/*
 * How long a processor that has just got its page is left alone, in turns of an empty loop: some
 * 20 us. No PAUSE in it: with one thread for all processors QEMU would then run the other one for
 * a whole slice, and without it runs nothing else, which is as well.
 */
#define GRACE_TURNS 5000

unsigned smp_count = 1;

/* First come, first served: else a processor that exits often would keep the others out. */
static uint32_t next_ticket, served_ticket;
static struct vcpu *current;

/* The last change of a page's view: whose it was, and how often that processor had exited. */
static struct {
    uint64_t frame;
    const struct vcpu *v;
    uint64_t exits;
} last_change = { .frame = SMP_NO_FRAME };

void smp_lock(struct vcpu *v)
{
    uint32_t mine = __atomic_fetch_add(&next_ticket, 1, __ATOMIC_RELAXED);

    while (__atomic_load_n(&served_ticket, __ATOMIC_ACQUIRE) != mine)
        cpu_pause();
    current = v;
}

void smp_unlock(void)
{
    __atomic_store_n(&served_ticket, served_ticket + 1, __ATOMIC_RELEASE);
}

struct vcpu *smp_current(void)
{
    return current;
}

void smp_enter(struct vcpu *v)
{
    __atomic_store_n(&v->smp.in_guest, true, __ATOMIC_RELAXED);
    smp_unlock();
}

static void take_nmi(void)
{
    vcpu_take_nmi();
    storm_tick();
}

void smp_leave(struct vcpu *v)
{
    __atomic_store_n(&v->smp.in_guest, false, __ATOMIC_RELEASE);
    smp_lock(v);
    v->smp.exits++;
    /* NMIs are sent by holders of the lock, or by the storm, whose NMI is why we are here. */
    if (v->smp.kicked || v->vmcb->exit_code == SEVC_EXIT_NMI)
        take_nmi();
    v->smp.kicked = false;
}

static bool is_in_guest(const struct vcpu *v)
{
    return __atomic_load_n(&v->smp.in_guest, __ATOMIC_ACQUIRE);
}

void smp_kick(struct vcpu *v)
{
    if (v->smp.kicked)
        return;
    v->smp.kicked = true;
    v->smp.kicks++;
    lapic_send_nmi(v->index);
}

static void allow_progress(uint64_t frame)
{
    if (frame == SMP_NO_FRAME || frame != last_change.frame || last_change.v == current)
        return;
    for (unsigned i = 0; i < GRACE_TURNS && is_in_guest(last_change.v); i++) {
        if (__atomic_load_n(&last_change.v->smp.exits, __ATOMIC_RELAXED) != last_change.exits)
            return;
    }
}

void smp_stop_others(uint64_t frame)
{
    if (smp_count == 1 || current == NULL)
        return;
    allow_progress(frame);
    for (unsigned i = 0; i < smp_count; i++) {
        struct vcpu *v = vcpu_at(i);
        if (v != current && is_in_guest(v))
            smp_kick(v);
    }
    for (unsigned i = 0; i < smp_count; i++) {
        while (vcpu_at(i) != current && is_in_guest(vcpu_at(i)))
            cpu_pause();
    }
    last_change.frame = frame;
    last_change.v = current;
    last_change.exits = current->smp.exits;
}

void smp_stop_for_good(void)
{
    smp_stop_others(SMP_NO_FRAME);
}

uint64_t smp_kicks(void)
{
    uint64_t kicks = 0;

    for (unsigned i = 0; i < smp_count; i++)
        kicks += vcpu_at(i)->smp.kicks;
    return kicks;
}
