/* SPDX-License-Identifier: MIT */
/* Cases that must not end in success: each way to die has its own verdict. */
#include "smoke.h"

static uint8_t page_b[PAGE] __attribute__((aligned(PAGE)));

static void load_empty_idt(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = { 0, 0 };
    __asm__ volatile("lidt %0" : : "m"(none));
}

static void raise_vc(void)
{
    uint32_t regs[4];
    cpuid(0, regs);
}

static void no_idt(void)
{
    load_empty_idt();
    raise_vc();
}

static void gate_absent(void)
{
    for (unsigned vector = 0; vector < 32; vector++)
        set_gate(vector, 0, 0, 0);
    ((volatile uint8_t *)idt)[VC_VECTOR * 16 + 5] = 0x0E;
    raise_vc();
}

static void triple_fault(void)
{
    load_empty_idt();
    __asm__ volatile("ud2");
}

static __attribute__((naked)) void skip_two_bytes(void)
{
    __asm__ volatile("addq $8, %rsp\n"
                     "addq $2, (%rsp)\n"
                     "iretq\n");
}

/* The #DF in the place of a #VC is handled: what is fatal later has its own reason. */
static void double_fault_survived(void)
{
    set_gate(8, (uint64_t)skip_two_bytes, 0, 0xE);
    ((volatile uint8_t *)idt)[VC_VECTOR * 16 + 5] = 0x0E; /* not present */
    raise_vc();
    triple_fault();
}

static void failure(void)
{
    finish(7);
}

/* OUTS, two bytes to port 0xF4: the first one ends the run. */
static void failure_then_success(void)
{
    ghcb_begin(0x7B, 0xF4ull << 16 | 3 << 10 | 1 << 9 | 1 << 4 | 8 | 4, 2);
    ghcb_put(0x3A8, phys(ghcb_page) + 0x800);
    ghcb[0x800] = 7;
    ghcb[0x801] = 0;
    ghcb_call();
}

static void terminate_by_msr(void)
{
    wrmsr(0xC0010130, 5 << 16 | 1 << 12 | 0x100); /* set 1, code 5 */
    vmgexit();
}

static void terminate_by_event(void)
{
    ghcb_begin(0x8000FFFE, 6 << 4 | 2, 0);
    ghcb_call();
}

/* RBX has no business in an OUT. */
static void valid_bit_too_many(void)
{
    ghcb_begin(0x7B, 0xE9ull << 16 | 1 << 4, 0);
    ghcb_put(0x1F8, 'x');
    ghcb_put(0x318, 1);
    ghcb_call();
}

static void mmio_encrypted(void)
{
    (void)*(volatile uint32_t *)window(1, LAPIC, C_BIT);
}

static void monitor_memory(void)
{
    /* The map's last piece below 4 GiB; the size of memory is the launcher's choice. */
    (void)*(volatile uint32_t *)window(1, 0x10000000 - PAGE, 0);
}

static void fetch_from_device(void)
{
    ((void (*)(void))(uintptr_t)window(1, 0xFED00000, 0))();
}

static void tables_outside_ram(void)
{
    write_cr3(0xFED00000);
}

static void ghcb_read_privately(void)
{
    ghcb_out(0xE9, 1, 'x');
    (void)*window(1, phys(ghcb_page), C_BIT);
    ghcb_out(0xE9, 1, 'x');
}

/* In real mode, where all is private: MOVB $0x55, [0x2000]; MOVB $0x77, [0x1100]; CLI; HLT. */
static const uint8_t ap_code[] = { 0xC6, 0x06, 0x00, 0x20, 0x55, 0xC6,
                                   0x06, 0x00, 0x11, 0x77, 0xFA, 0xF4 };

static void start_ap(void)
{
    volatile uint8_t *code = window(1, 0x90000, C_BIT);

    for (unsigned i = 0; i < sizeof(ap_code); i++)
        code[i] = ap_code[i];
    *(volatile uint32_t *)window(2, 0x9F000, C_BIT) = 0x90000000; /* the AP jump table */
    mmio_write32(LAPIC + 0x310, 1 << 24);
    mmio_write32(LAPIC + 0x300, 0x4500); /* INIT */
}

/* Two processors: the second writes to the first one's GHCB, at 0x2000, as private memory. */
static void other_ghcb_privately(void)
{
    volatile uint8_t *done = window(3, 0x1000, C_BIT) + 0x100;

    start_ap();
    *done = 0;
    ghcb = window(0, 0x2000, 0);
    ghcb_begin(0x80000002, LAPIC + 0x300, 4);
    ghcb_put(0x3A8, 0x2800);
    *(volatile uint32_t *)(ghcb + 0x800) = 0x4600; /* SIPI */
    wrmsr(0xC0010130, 0x2000);
    vmgexit();
    while (*done != 0x77)
        __asm__ volatile("pause");
    ghcb = window(0, phys(ghcb_page), 0);
}

static void ghcb_encrypted(void)
{
    ghcb = window(0, phys(page_b), C_BIT);
    ghcb_begin(0x7B, 0xE9ull << 16 | 1 << 4, 0);
    ghcb_put(0x1F8, 'x');
    wrmsr(0xC0010130, phys(page_b));
    vmgexit();
}

static void reset(void)
{
    ghcb_out(0xCF9, 1, 6);
}

static void halt_for_ever(void)
{
    __asm__ volatile("cli; hlt");
}

const struct smoke_case smoke_die[] = {
    { "no-idt", no_idt },
    { "gate-absent", gate_absent },
    { "triple-fault", triple_fault },
    { "double-fault-survived", double_fault_survived },
    { "failure", failure },
    { "failure-then-success", failure_then_success },
    { "terminate-by-msr", terminate_by_msr },
    { "terminate-by-event", terminate_by_event },
    { "valid-bit-too-many", valid_bit_too_many },
    { "mmio-encrypted", mmio_encrypted },
    { "monitor-memory", monitor_memory },
    { "fetch-from-device", fetch_from_device },
    { "tables-outside-ram", tables_outside_ram },
    { "ghcb-read-privately", ghcb_read_privately },
    { "other-ghcb-privately", other_ghcb_privately },
    { "ghcb-encrypted", ghcb_encrypted },
    { "reset", reset },
    { "halt-for-ever", halt_for_ever },
    { 0, 0 },
};
