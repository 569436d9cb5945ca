/* SPDX-License-Identifier: MIT */
#include "smp_start.h"

#include "cpu.h"
#include "fwcfg.h"
#include "lapic.h"
#include "memory.h"
#include "report.h"
#include "trap.h"
#include "vcpu.h"

#define STACK_BYTES 16384
#define SIPI_VECTOR 0xFF /* FF000: the ROM's last page (reset.S) */

/* reset.S: where a processor's start leads. */
extern uint64_t reset_stack;
extern void (*reset_function)(void);

static uint8_t stacks[VCPU_MAX - 1][STACK_BYTES] __attribute__((aligned(4096)));
static struct vcpu *starting;
static bool started;

void smp_find_processors(void)
{
    unsigned count = fwcfg_processors();

    if (count > VCPU_MAX)
        report_end(VERDICT_ERROR, "%u processors; at most %u are supported: QEMU's -smp", count,
                   VCPU_MAX);
    smp_count = count;
}

/* The first C code of another processor. */
static _Noreturn void run(void)
{
    struct vcpu *v = starting;

    trap_load();
    cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_SVME);
    cpu_clgi();
    __atomic_store_n(&started, true, __ATOMIC_RELEASE);
    vcpu_loop(v);
}

static void wait_until(const bool *flag)
{
    while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE))
        cpu_pause();
}

/* Where the reset stub runs. Away otherwise, so that a null pointer faults. */
static void map_identity(bool present)
{
    uint64_t *pml4 = memory_direct(cpu_read_cr3() & PTE_ADDRESS);

    pml4[0] = present ? pml4[LAYOUT_DIRECT_BASE >> 39 & 511] : 0;
    cpu_write_cr3(cpu_read_cr3());
}

static void start_one(unsigned index)
{
    reset_stack = (uint64_t)stacks[index - 1] + STACK_BYTES;
    reset_function = run;
    starting = vcpu_at(index);
    started = false;
    lapic_send_init(index);
    lapic_send_sipi(index, SIPI_VECTOR);
    wait_until(&started);
    /* It is in its guest's code now, which asks for the hold at once. */
    wait_until(&vcpu_at(index)->hold.held);
}

static void hold_at_start(struct vcpu *v, const struct vcpu_entry *entry)
{
    if (entry->reset)
        hold_from_reset(v);
}

void smp_start_processors(struct ghcb_platform *platform, const struct vcpu_entry *entry)
{
    for (unsigned i = 1; i < smp_count; i++)
        hold_at_start(vcpu_create(i, platform, entry), entry);
    map_identity(true);
    for (unsigned i = 1; i < smp_count; i++)
        start_one(i);
    map_identity(false);
}
