/* SPDX-License-Identifier: MIT */
/* Cases that must end in success: what the platform does as the processor would. */
#include "smoke.h"

static uint8_t stack_a[2 * PAGE] __attribute__((aligned(PAGE)));
static uint8_t stack_b[2 * PAGE] __attribute__((aligned(PAGE)));
static uint8_t page_a[PAGE] __attribute__((aligned(PAGE)));

static void hello(void)
{
    static const char text[] = "smoke: hello\n";
    uint32_t regs[4];

    CHECK((rdmsr(0xC0010131) & 7) == 3);
    cpuid(0x8000001F, regs);
    CHECK(seen.vc_count == 1 && seen.vc_error == 0x72);
    CHECK(regs[0] == 0xA && (regs[1] & 0x3F) == 47);
    for (const char *at = text; *at != 0; at++)
        ghcb_out(0xE9, 1, (uint8_t)*at);
    uint32_t version = mmio_read32(LAPIC + 0x30);
    CHECK(seen.vc_count == 2 && seen.vc_error == 0x400);
    CHECK((version & 0xFF) >= 0x10 && (version & 0xFF) <= 0x15);
}

/* The frame on the interrupted stack: alignment, contents, interrupt and trap gates. */
static void frame64(void)
{
    uint32_t regs[4];

    __asm__ volatile("sti");
    cpuid(0, regs);
    CHECK((seen.vc_frame.rflags & 0x10200) == 0x10200); /* IF, and RF as in any fault */
    CHECK((seen.vc_rsp & 0xF) == 0);
    CHECK(seen.vc_frame.cs == CODE64 && seen.vc_frame.ss == DATA);
    CHECK(seen.vc_frame.rsp - seen.vc_rsp < 16);
    CHECK((read_rflags() & 0x200) != 0);
    __asm__ volatile("cli");
}

static uint64_t handler_rflags;

/* Called by the gate directly: a handler that only notes RFLAGS and skips two bytes. */
static __attribute__((naked)) void note_rflags(void)
{
    __asm__ volatile("pushq %rax\n"
                     "pushfq\n"
                     "popq %rax\n"
                     "movq %rax, handler_rflags_alias(%rip)\n"
                     "popq %rax\n"
                     "addq $8, %rsp\n"
                     "addq $2, (%rsp)\n"
                     "iretq\n");
}

extern uint64_t handler_rflags_alias __attribute__((alias("handler_rflags")));

static void trap_gate(void)
{
    uint32_t regs[4];

    set_gate(VC_VECTOR, (uint64_t)note_rflags, 0, 0xF);
    __asm__ volatile("sti");
    cpuid(0, regs);
    CHECK((*(volatile uint64_t *)&handler_rflags & 0x10300) == 0x200);
    set_gate(VC_VECTOR, (uint64_t)note_rflags, 0, 0xE);
    cpuid(0, regs);
    CHECK((*(volatile uint64_t *)&handler_rflags & 0x10300) == 0);
    __asm__ volatile("cli");
}

static void ist(void)
{
    uint32_t regs[4];

    set_stacks(0, (uint64_t)stack_a + sizeof(stack_a) - 8); /* not aligned: the processor aligns */
    set_gate(VC_VECTOR, stub_of(VC_VECTOR), 1, 0xE);
    cpuid(0, regs);
    CHECK(seen.vc_rsp == (uint64_t)stack_a + sizeof(stack_a) - 16);
    CHECK(seen.vc_frame.ss == DATA);
}

static __attribute__((naked)) void user_code(void)
{
    __asm__ volatile("movl $0x8000001f, %eax\n"
                     "cpuid\n"
                     "ud2\n");
}

/* CPUID in user mode; UD2 behind it ends the excursion. */
static void user_mode(void)
{
    uint64_t code = (uint64_t)window(3, phys((void *)user_code) & ~0xFFFull, C_BIT | PTE_USER) +
                    (phys((void *)user_code) & 0xFFF);
    uint64_t stack = (uint64_t)window(4, phys(page_a), C_BIT | PTE_USER) + PAGE;

    set_stacks((uint64_t)stack_b + sizeof(stack_b), (uint64_t)stack_a + sizeof(stack_a));
    set_gate(6, (uint64_t)leave_user, 0, 0xE);
    enter_user(code, stack); /* returns by leave_user */
    CHECK(seen.vc_error == 0x72 && seen.vc_frame.cs == USER_CODE && seen.vc_frame.ss == USER_DATA);
    CHECK(seen.vc_frame.rsp == stack);
}

static void user_rsp0(void)
{
    user_mode();
    CHECK(seen.vc_rsp == (uint64_t)stack_b + sizeof(stack_b));
}

static void user_ist(void)
{
    set_gate(VC_VECTOR, stub_of(VC_VECTOR), 1, 0xE);
    user_mode();
    CHECK(seen.vc_rsp == (uint64_t)stack_a + sizeof(stack_a));
}

#ifndef SMOKE_HIGH
static void mode32(void)
{
    static uint64_t pdpt[4] __attribute__((aligned(32)));
    static uint64_t pd[512] __attribute__((aligned(PAGE)));

    for (uint64_t i = 0; i < 512; i++)
        pd[i] = i << 21 | 0x83 | C_BIT;
    pdpt[0] = phys(pd) | 1 | C_BIT;
    CHECK(mode32_run(read_cr3(), phys(pdpt)) == 2);
    CHECK(mode32_unpaged == 0xA && mode32_eax == 0xA && mode32_error == 0x72);
    CHECK((rdmsr(0xC0000080) & 0x1500) == 0x500);
    write_cr3(read_cr3() | C_BIT);
    hello();
}
#endif

static void start_timer(uint32_t count)
{
    mmio_write32(LAPIC + 0xF0, 0x1FF);                 /* spurious vector, enable */
    mmio_write32(LAPIC + 0x3E0, 0xB);                  /* divide by 1 */
    mmio_write32(LAPIC + 0x320, 1 << 17 | IRQ_VECTOR); /* periodic */
    mmio_write32(LAPIC + 0x380, count);
}

/* Interrupts arrive while exceptions are handled, and none is lost in between. */
static void timer(void)
{
    uint32_t regs[4];

    start_timer(1000000); /* nanoseconds, as QEMU has it */
    for (unsigned i = 0; i < 20000 && seen.irq_count < 20; i++) {
        __asm__ volatile("sti");
        cpuid(0x80000000, regs);
        __asm__ volatile("cli");
    }
    CHECK(seen.irq_count >= 20);
}

static void halt_wakes(void)
{
    start_timer(1000000);
    for (unsigned i = 0; i < 50; i++) {
        uint64_t before = seen.irq_count;
        __asm__ volatile("sti; hlt; cli");
        CHECK(seen.irq_count > before);
    }
}

/* A fast timer against everything that does not hold the GHCB; nothing may be lost or garbled. */
static void storm(void)
{
    volatile uint64_t *secret = (volatile uint64_t *)window(1, phys(page_a), C_BIT);
    volatile uint64_t *shared = (volatile uint64_t *)window(2, phys(page_a), 0);
    volatile uint8_t *stack = window(3, phys(stack_a) + PAGE, 0);
    uint32_t regs[4];

    set_stacks(0, (uint64_t)stack_a + sizeof(stack_a));
    set_gate(IRQ_VECTOR, stub_of(IRQ_VECTOR), 1, 0xE);
    start_timer(200000);
    for (uint64_t i = 0; seen.irq_count < 2000; i++) {
        CHECK(i < 1000000);
        secret[i % 512] = i;
        (void)stack[100]; /* the next interrupt finds its stack in the wrong view */
        __asm__ volatile("sti");
        (void)shared[i % 512];
        cpuid(0x80000000, regs);
        CHECK(regs[0] >= 0x8000001F);
        if (i % 8 == 0)
            __asm__ volatile("hlt");
        __asm__ volatile("cli");
        CHECK(secret[i % 512] == i);
    }
}

static void self_ipi(void)
{
    mmio_write32(LAPIC + 0xF0, 0x1FF);
    mmio_write32(LAPIC + 0x300, 1 << 18 | IRQ_VECTOR);
}

/* An interrupt that waits already when HLT is reached ends it; there will be no other. */
static void halt_pending(void)
{
    for (unsigned i = 1; i <= 10; i++) {
        self_ipi();
        __asm__ volatile("sti; hlt; cli");
        CHECK(seen.irq_count == i);
    }
}

/* An interrupt whose stack is in the wrong view: its delivery is cut short and repeated. */
static void reinject(void)
{
    volatile uint8_t *shared = window(1, phys(stack_a) + PAGE, 0);

    set_stacks(0, (uint64_t)stack_a + sizeof(stack_a));
    set_gate(IRQ_VECTOR, stub_of(IRQ_VECTOR), 1, 0xE);
    for (unsigned i = 1; i <= 10; i++) {
        self_ipi();
        (void)shared[100];
        __asm__ volatile("sti; nop; nop; cli");
        CHECK(seen.irq_count == i);
    }
}

/* The same with INT n: it is executed again, not repeated from notes. */
static void reinject_soft(void)
{
    volatile uint8_t *shared = window(1, phys(stack_a) + PAGE, 0);

    set_stacks(0, (uint64_t)stack_a + sizeof(stack_a));
    set_gate(IRQ_VECTOR, stub_of(IRQ_VECTOR), 1, 0xE);
    for (unsigned i = 1; i <= 10; i++) {
        (void)shared[100];
        __asm__ volatile("int $0x40");
        CHECK(seen.irq_count == i);
    }
}

/* The stack of the #VC frame is absent: a page fault first, then the same exception again. */
static void frame_page_fault(void)
{
    uint64_t top = (uint64_t)window(5, phys(page_a), C_BIT) + PAGE;
    uint32_t regs[4];

    set_stacks(0, top);
    set_gate(VC_VECTOR, stub_of(VC_VECTOR), 1, 0xE);
    fault_fix_value = *window_entry(5);
    fault_fix_entry = window_entry(5);
    window(5, 0, 0);
    cpuid(0x80000000, regs);
    CHECK(seen.fault_count == 1 && seen.fault_vector == 14 && seen.fault_error == 2);
    CHECK((seen.fault_cr2 & ~0xFFFull) == top - PAGE);
    CHECK(seen.vc_count == 1 && seen.vc_rsp == top);
}

/* A stack on a user page and SMAP: a page fault, as for any exception's frame. */
static void frame_smap(void)
{
    uint64_t top = (uint64_t)window(5, phys(page_a), C_BIT | PTE_USER) + PAGE, cr4;
    uint32_t regs[4];

    set_stacks(0, top);
    set_gate(VC_VECTOR, stub_of(VC_VECTOR), 1, 0xE);
    fault_fix_entry = window_entry(5);
    fault_fix_value = *window_entry(5) & ~PTE_USER;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4; clac" : : "r"(cr4 | 1 << 21) : "memory");
    cpuid(0x80000000, regs);
    CHECK(seen.fault_count == 1 && seen.fault_vector == 14 && seen.fault_error == 3);
    CHECK((seen.fault_cr2 & ~0xFFFull) == top - PAGE);
    CHECK(seen.vc_count == 1 && seen.vc_rsp == top);
}

/* The handler of #DF returns behind the CPUID, whose #VC had nowhere to go. */
static void double_faults(uint64_t rsp)
{
    set_stacks(0, (uint64_t)stack_a + sizeof(stack_a));
    set_gate(8, stub_of(8), 1, 0xE);
    fault_skip = 2;
    __asm__ volatile("movq %%rsp, %%rsi\n"
                     "movq %0, %%rsp\n"
                     "cpuid\n"
                     "movq %%rsi, %%rsp\n"
                     :
                     : "D"(rsp), "a"(0), "c"(0)
                     : "rbx", "rdx", "rsi", "memory");
    CHECK(seen.vc_count == 0 && seen.fault_count == 1 && seen.fault_vector == 8);
}

/* Not cut to 48 bits, where the frame would have a place. */
static void frame_not_canonical(void)
{
    double_faults(((uint64_t)stack_b + sizeof(stack_b)) | 1ull << 56);
}

static void gate_not_canonical(void)
{
    set_gate(VC_VECTOR, stub_of(VC_VECTOR) ^ 1ull << 56, 0, 0xE);
    double_faults((uint64_t)stack_b + sizeof(stack_b));
}

/* A leaf above the maximum of its class answers zeros, as AMD's processors do. */
static void cpuid_absent(void)
{
    static const uint32_t classes[] = { 0, 0x40000000, 0x80000000 };
    static const uint32_t others[] = { 0x20000000, 0x86860000, 0xC0000000, 0xFFFFFFFF };
    uint32_t regs[4], max;

    for (unsigned i = 0; i < 3; i++) {
        cpuid(classes[i], regs);
        max = regs[0] > classes[i] ? regs[0] : classes[i];
        cpuid(max + 1, regs);
        CHECK((regs[0] | regs[1] | regs[2] | regs[3]) == 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        cpuid(others[i], regs);
        CHECK((regs[0] | regs[1] | regs[2] | regs[3]) == 0);
    }
}

static void msrs(void)
{
    uint64_t efer = rdmsr(0xC0000080);

    CHECK((efer & 0x1000) == 0 && (efer & 0xD00) == 0xD00);
    fault_skip = 2;
    wrmsr(0xC0000080, efer | 0x1000); /* SVME */
    CHECK(seen.fault_count == 1 && seen.fault_vector == 13);
    wrmsr(0xC0010131, 0);
    CHECK(seen.fault_count == 2 && seen.fault_vector == 13);
    wrmsr(0xC0000080, efer | 1);
    CHECK(seen.fault_count == 2 && rdmsr(0xC0000080) == (efer | 1));
    wrmsr(0xC0000102, 0x123456789ABC); /* KERNEL_GS_BASE: native */
    CHECK(rdmsr(0xC0000102) == 0x123456789ABC && seen.vc_count == 0);
}

static void svm_is_hidden(void)
{
    fault_skip = 3;
    __asm__ volatile(".byte 0x0F, 0x01, 0xD8" : : "a"(0) : "memory"); /* VMRUN */
    CHECK(seen.fault_count == 1 && seen.fault_vector == 6);
    __asm__ volatile(".byte 0x0F, 0x01, 0xDD" : : : "memory"); /* CLGI */
    CHECK(seen.fault_count == 2 && seen.fault_vector == 6);
}

/* One instruction for each exit code; the handler skips it. */
#define RAISES(code, length, text)                                                                 \
    do {                                                                                           \
        vc_skip = (length);                                                                        \
        __asm__ volatile(text                                                                      \
                         :                                                                         \
                         : "a"(0x0), "c"(0), "d"(0xE9), "D"(page_a), "S"(page_a), "b"(0)           \
                         : "memory");                                                              \
        CHECK(seen.vc_error == (code) && seen.vc_count == ++count);                                \
    } while (0)

static void exit_codes(void)
{
    uint64_t count = 0;

    RAISES(0x72, 2, "cpuid");
    RAISES(0x6E, 2, "rdtsc");
    RAISES(0x87, 3, "rdtscp");
    RAISES(0x6F, 2, "rdpmc");
    RAISES(0x76, 2, "invd");
    RAISES(0x89, 2, "wbinvd");
    RAISES(0x8A, 3, "monitor");
    RAISES(0x8B, 3, "mwait");
    RAISES(0x81, 3, "vmmcall");
    RAISES(0x27, 3, "mov %%db7, %%rax");
    RAISES(0x37, 3, "mov %%rax, %%db7");
    RAISES(0x7B, 2, "inb $0x61, %%al");
    RAISES(0x7B, 1, "inl %%dx, %%eax");
    RAISES(0x7B, 2, "outw %%ax, %%dx");
    RAISES(0x7B, 1, "insb");
    RAISES(0x7B, 1, "outsl");
    RAISES(0x7C, 2, "rdmsr");
    RAISES(0x7C, 2, "wrmsr");
    vc_skip = 2;
    mmio_read32(LAPIC);
    CHECK(seen.vc_error == 0x400 && seen.vc_count == ++count);
}

/* A step over an instruction that the monitor executes for the guest. */
static void single_step(void)
{
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; rdmsr"
                     :
                     : "c"(0xC0000080)
                     : "rax", "rdx", "memory");
    CHECK(seen.fault_count == 1 && seen.fault_vector == 1);
}

/* For measuring: 50 000 GHCB calls, two exits each. */
static void speed(void)
{
    for (unsigned i = 0; i < 50000; i++)
        ghcb_out(0xED, 1, 0);
}

const struct smoke_case smoke_good[] = {
    { "single-step", single_step },
    { "speed", speed },
    { "hello", hello },
    { "frame64", frame64 },
    { "trap-gate", trap_gate },
    { "ist", ist },
    { "user-rsp0", user_rsp0 },
    { "user-ist", user_ist },
#ifndef SMOKE_HIGH
    { "mode32", mode32 },
#endif
    { "timer", timer },
    { "halt-wakes", halt_wakes },
    { "halt-pending", halt_pending },
    { "storm", storm },
    { "reinject", reinject },
    { "reinject-soft", reinject_soft },
    { "frame-page-fault", frame_page_fault },
    { "frame-smap", frame_smap },
    { "frame-not-canonical", frame_not_canonical },
    { "gate-not-canonical", gate_not_canonical },
    { "cpuid-absent", cpuid_absent },
    { "msrs", msrs },
    { "svm-is-hidden", svm_is_hidden },
    { "exit-codes", exit_codes },
    { 0, 0 },
};
