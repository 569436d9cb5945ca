/* SPDX-License-Identifier: MIT */
#include "guest.h"

static unsigned checks, failures;

void guest_start(const struct start_info *info)
{
    bootinfo_read(info);
    paging_init(info, vc_early());
    segments_init();
    interrupts_init();
    vc_init();
    console_init();
}

void guest_end(void)
{
    kprintf("%u checks, %u failures\n", checks, failures);
    machine_exit(failures != 0 || checks == 0); /* a test that checks nothing is no test */
}

void guest_check(bool good, const char *what, const char *file, int line)
{
    checks++;
    if (good)
        return;
    failures++;
    kprintf("%s:%u: %s does not hold\n", file, (unsigned)line, what);
}

void guest_check_equal(uint64_t got, uint64_t wanted, const char *what, const char *file, int line)
{
    checks++;
    if (got == wanted)
        return;
    failures++;
    kprintf("%s:%u: %s is 0x%lx, not 0x%lx\n", file, (unsigned)line, what, got, wanted);
}

/* ---- Exceptions ---- */

extern uint64_t guest_try_rsp; /* 0: no guest_try() under way */
extern const char guest_try_caught[];
bool guest_try_call(void (*function)(void *), void *argument);

static struct guest_fault *caught;

static void resume(struct sevc_trap *trap)
{
    trap->rip = (uint64_t)guest_try_caught;
    trap->cs = KERNEL_CS;
    trap->ss = KERNEL_DS;
    trap->rflags = 2;
    trap->rsp = guest_try_rsp;
}

static void catch (struct sevc_trap *trap, unsigned vector)
{
    if (guest_try_rsp == 0) {
        kprintf("exception %u, error code 0x%lx, at 0x%lx\n", vector, trap->error_code, trap->rip);
        panic("outside guest_try()");
    }
    caught->trap = *trap;
    caught->vector = vector;
    __asm__ volatile("mov %%cr2, %0" : "=r"(caught->cr2));
    resume(trap);
}

/* In the place of the example kernel's. */
void vc_panic(struct sevc_trap *trap, const struct sevc_report *report)
{
    if (guest_try_rsp == 0) {
        kprintf("#VC 0x%lx at 0x%lx: %s, %s, %s\n", report->exit_code, report->rip,
                sevc_result_name(report->result), sevc_stage_name(report->stage),
                sevc_reason_name(report->reason));
        panic("outside guest_try()");
    }
    caught->trap = *trap;
    caught->vector = SEVC_VC_VECTOR;
    caught->report = *report;
    resume(trap);
}

bool guest_try(void (*function)(void *), void *argument, struct guest_fault *fault)
{
    caught = fault;
    for (unsigned vector = 0; vector < 32; vector++) {
        if (vector != 2 && vector != SEVC_VC_VECTOR)
            interrupt_set(vector, catch);
    }
    return guest_try_call(function, argument);
}

/* ---- The device ---- */

#define IVSHMEM_ID  0x11101AF4u
#define REG_COMMAND 0x04
#define REG_BAR2    0x18
#define MEMORY      0x2u

static void place_device(uint64_t gpa)
{
    for (unsigned device = 0; device < 32; device++) {
        if (pci_read(0, device, 0, 0) != IVSHMEM_ID)
            continue;
        pci_write(0, device, 0, REG_BAR2, (uint32_t)gpa);
        pci_write(0, device, 0, REG_BAR2 + 4, (uint32_t)(gpa >> 32));
        pci_write(0, device, 0, REG_COMMAND, pci_read(0, device, 0, REG_COMMAND) | MEMORY);
        return;
    }
    panic("no ivshmem-plain on the PCI bus");
}

volatile uint8_t *guest_device(void)
{
    place_device(DEVICE_GPA);
    return mmio_map(DEVICE_GPA, DEVICE_BYTES);
}

volatile uint8_t *guest_device_at(uint64_t gpa, uint64_t va)
{
    place_device(gpa);
    page_map(va, gpa, PTE_WRITABLE | PTE_UNCACHED | PTE_NX, false);
    return (volatile uint8_t *)va;
}
