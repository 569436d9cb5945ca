/* SPDX-License-Identifier: MIT */
/*
 * After ExitBootServices(): the firmware is gone, its page tables and the GHCB, which is reserved
 * memory, are still there. From here on this is a kernel like any other that has no IST.
 */
#include "app.h"

#define KERNEL_CS    0x08
#define KERNEL_DS    0x10
#define PORT_EXIT    0xF4  /* QEMU's isa-debug-exit */
#define PORT_PM1A    0x604 /* ACPI PM1a control of QEMU's q35; 0xB004 of its pc */
#define PORT_PM1A_PC 0xB004
#define PM1A_OFF     0x2000

/* doc: kernel */
static struct sevc_idt_gate idt[SEVC_VC_VECTOR + 1] __attribute__((aligned(16)));

/* The plain entry's: see os.h. */
struct sevc_cpu *sevc_os_this_cpu(void)
{
    return &uefi.cpu;
}

/* The firmware's handler is no longer to be handed anything. */
static void own_idt(void)
{
    struct sevc_uefi_idtr idtr = { .limit = sizeof(idt) - 1, .base = (uint64_t)idt };

    sevc_idt_set(idt, KERNEL_CS, 0);
    __asm__ volatile("lidt %0" : : "m"(idtr));
}
/* doc: end */

void kernel_gdt(void)
{
    static const uint64_t gdt[] = { 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF };
    struct sevc_uefi_idtr gdtr = { .limit = sizeof(gdt) - 1, .base = (uint64_t)gdt };

    __asm__ volatile("lgdt %0\n\t"
                     "pushq %1\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1: movl %2, %%eax\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "movl %%eax, %%ss"
                     :
                     : "m"(gdtr), "i"(KERNEL_CS), "i"(KERNEL_DS)
                     : "rax", "memory");
}

/* By whichever of these the machine has; where it has none, what was printed stays to be read. */
static __attribute__((noreturn)) void machine_off(bool good)
{
    sevc_out8(&uefi.cpu, PORT_EXIT, good ? 0 : 1);
    if (good) {
        sevc_out16(&uefi.cpu, PORT_PM1A, PM1A_OFF);
        sevc_out16(&uefi.cpu, PORT_PM1A_PC, PM1A_OFF);
    }
    for (;;)
        __asm__ volatile("cli; hlt");
}

void kernel_main(void)
{
    bool good;

    put_text = serial_text;
    kernel_gdt();
    if (sevc_cpu_ready(&uefi.cpu))
        own_idt();
    put_line("sevc-uefi: ExitBootServices: a kernel now");
    good = work();
    if (sevc_cpu_ready(&uefi.cpu))
        account_print();
    put_line("sevc-uefi: kernel mode: %s", good ? "good" : "FAILED");
    machine_off(good);
}
