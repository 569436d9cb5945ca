/* SPDX-License-Identifier: MIT */
/*
 * IN and OUT in every form. The devices: PCI configuration space, whose data port is four bytes wide
 * (one register of the ivshmem device keeps what is written), and the UART's scratch register.
 */
#include "guest.h"

#define CONFIG_ADDRESS 0xCF8
#define CONFIG_DATA    0xCFC
#define UART_SCRATCH   (PORT_UART + 7)
#define OLD            0x1122334455667788ull
#define ID             0x11101AF4u /* of the device, as register 0 has it */

/* Runs an IN with RAX = OLD and RDX = port; checks the whole of RAX, and that it took one exit. */
#define IN(text, port, wanted)                                                                     \
    do {                                                                                           \
        uint64_t rax = OLD, rdx = 0xFFFFFFFFFFFF0000 | (port);                                     \
        uint64_t so_far = account_vc(SEVC_EXIT_IOIO);                                              \
        __asm__ volatile(text : "+a"(rax) : "d"(rdx) : "memory");                                  \
        guest_check_equal(rax, (wanted), text, __FILE__, __LINE__);                                \
        guest_check_equal(account_vc(SEVC_EXIT_IOIO), so_far + 1, "#VC of " text, __FILE__,        \
                          __LINE__);                                                               \
    } while (0)

/* Runs an OUT with RAX = value; RAX and RDX have upper halves that must not show in the GHCB. */
#define OUT(text, port, value)                                                                     \
    do {                                                                                           \
        uint64_t rax = 0xFEDCBA9800000000 | (value), rdx = 0xFFFFFFFFFFFF0000 | (port);            \
        __asm__ volatile(text : : "a"(rax), "d"(rdx) : "memory");                                  \
    } while (0)

static void select(unsigned device, unsigned reg)
{
    out32(CONFIG_ADDRESS, 0x80000000u | device << 11 | reg);
}

static unsigned find_device(void)
{
    for (unsigned device = 0; device < 32; device++) {
        if (pci_read(0, device, 0, 0) == ID)
            return device;
    }
    panic("no ivshmem-plain on the PCI bus");
}

static void ins(unsigned device)
{
    uint64_t before;

    select(device, 0);
    IN("inb %%dx, %%al", CONFIG_DATA, 0x11223344556677F4);
    IN("inb %%dx, %%al", CONFIG_DATA + 3, 0x1122334455667711);
    IN("inw %%dx, %%ax", CONFIG_DATA, 0x1122334455661AF4);
    IN("inw %%dx, %%ax", CONFIG_DATA + 2, 0x1122334455661110);
    IN("inl %%dx, %%eax", CONFIG_DATA, ID);
    IN(".byte 0x48; inl %%dx, %%eax", CONFIG_DATA, ID); /* there is no 64-bit port */

    /* Ports up to FF stand in the instruction: the PIC's mask, which is what we make it. */
    OUT("outb %%al, $0x21", 0, 0xA5);
    IN("inb $0x21, %%al", 0, 0x11223344556677A5);
    OUT("outb %%al, $0xA1", 0, 0x5A);
    IN("inb $0xA1, %%al", 0, 0x112233445566775A);
    /* ISA ports next to each other: the word is two bytes. */
    OUT("outb %%al, $0x81", 0, 0x34);
    OUT("outb %%al, $0x82", 0, 0x12);
    IN("inw $0x81, %%ax", 0, 0x1122334455661234);
    OUT("outw %%ax, $0x81", 0, 0x9876);
    IN("inb $0x82, %%al", 0, 0x1122334455667798);
    /* No device of QEMU's has four bytes below port 100: all ones, by one exit. */
    IN("inl $0x88, %%eax", 0, 0xFFFFFFFF);
    before = account_vc(SEVC_EXIT_IOIO);
    OUT("outl %%eax, $0x88", 0, 0x44332211);
    CHECK_EQUAL(account_vc(SEVC_EXIT_IOIO), before + 1);
}

static void outs(unsigned device)
{
    OUT("outb %%al, %%dx", UART_SCRATCH, 0xC3);
    IN("inb %%dx, %%al", UART_SCRATCH, 0x11223344556677C3);

    select(device, 0x18); /* BAR 2: bits 31:20 can be written */
    OUT("outl %%eax, %%dx", CONFIG_DATA, 0xE0000000);
    IN("inl %%dx, %%eax", CONFIG_DATA, 0xE000000C);
    OUT("outw %%ax, %%dx", CONFIG_DATA + 2, 0xD120);
    IN("inl %%dx, %%eax", CONFIG_DATA, 0xD120000C);
    OUT("outb %%al, %%dx", CONFIG_DATA + 3, 0xB7);
    IN("inl %%dx, %%eax", CONFIG_DATA, 0xB720000C);
}

void guest_main(void)
{
    unsigned device = find_device();

    ins(device);
    outs(device);
}
