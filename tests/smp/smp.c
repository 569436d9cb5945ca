/* SPDX-License-Identifier: MIT */
/* The little kernel under the cases: GHCBs, exceptions, the start of processors. */
#include "smp.h"

struct cpu cpus[MAX_CPUS];
unsigned cpu_count;

static const struct smp_case *the_case;
static uint8_t ghcb_pages[MAX_CPUS][2][PAGE] __attribute__((aligned(PAGE)));
static uint8_t stacks[MAX_CPUS][4 * PAGE] __attribute__((aligned(PAGE)));

/* ---- mappings ---- */

#define WINDOW      0x8000000000ull /* the second entry of the PML4 */
#define WINDOW_GHCB 64              /* slots from here on are the GHCBs' */
#define TRAMPOLINE  0x8000ull
#define LOW_CR3     0xA000ull /* a copy of the PML4 that 32 bits of CR3 can name */

static uint64_t window_pdpt[512] __attribute__((aligned(PAGE)));
static uint64_t window_pd[512] __attribute__((aligned(PAGE)));
static uint64_t window_pt[512] __attribute__((aligned(PAGE)));

volatile uint8_t *window(unsigned slot, uint64_t pa, uint64_t bits)
{
    uint64_t *pml4 = (uint64_t *)(read_cr3() & ~C_BIT), va = WINDOW + slot * (uint64_t)PAGE;

    pml4[1] = (uint64_t)window_pdpt | 3 | C_BIT;
    window_pdpt[0] = (uint64_t)window_pd | 3 | C_BIT;
    window_pd[0] = (uint64_t)window_pt | 3 | C_BIT;
    window_pt[slot] = pa | 3 | bits;
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
    return (volatile uint8_t *)va;
}

/* ---- the GHCB ---- */

struct cpu *this_cpu(void)
{
    struct cpu *c;

    __asm__ volatile("movq %%gs:0, %0" : "=r"(c));
    return c;
}

void ghcb_put(volatile uint8_t *ghcb, unsigned offset, uint64_t value)
{
    *(volatile uint64_t *)(ghcb + offset) = value;
    ghcb[0x3F0 + offset / 64] |= (uint8_t)(1u << (offset / 8 % 8));
}

uint64_t ghcb_get(volatile uint8_t *ghcb, unsigned offset)
{
    return *(volatile uint64_t *)(ghcb + offset);
}

void ghcb_begin(volatile uint8_t *ghcb, uint64_t code, uint64_t info1, uint64_t info2)
{
    for (unsigned i = 0; i < PAGE / 8; i++)
        ((volatile uint64_t *)ghcb)[i] = 0;
    ghcb_put(ghcb, 0x390, code);
    ghcb_put(ghcb, 0x398, info1);
    ghcb_put(ghcb, 0x3A0, info2);
    *(volatile uint16_t *)(ghcb + 0xFFA) = 2;
}

static uint64_t ghcb_gpa(volatile uint8_t *ghcb)
{
    return window_pt[((uint64_t)ghcb - WINDOW) / PAGE] & ~0xFFFull;
}

void ghcb_call(volatile uint8_t *ghcb)
{
    wrmsr(0xC0010130, ghcb_gpa(ghcb));
    vmgexit();
    if (ghcb_get(ghcb, 0x398) != 0)
        finish(__LINE__);
}

void ghcb_out(uint16_t port, unsigned size, uint32_t value)
{
    volatile uint8_t *ghcb = this_cpu()->ghcb;

    ghcb_begin(ghcb, 0x7B, (uint64_t)port << 16 | size << 4, 0);
    ghcb_put(ghcb, 0x1F8, value);
    ghcb_call(ghcb);
}

void finish(unsigned code)
{
    ghcb_out(0xF4, 2, code);
    for (;;)
        __asm__ volatile("hlt");
}

void mmio_write32(uint64_t gpa, uint32_t value)
{
    volatile uint8_t *ghcb = this_cpu()->ghcb;

    ghcb_begin(ghcb, 0x80000002, gpa, 4);
    ghcb_put(ghcb, 0x3A8, ghcb_gpa(ghcb) + 0x800);
    *(volatile uint32_t *)(ghcb + 0x800) = value;
    ghcb_call(ghcb);
}

uint32_t mmio_read32(uint64_t gpa)
{
    volatile uint8_t *ghcb = this_cpu()->ghcb;

    ghcb_begin(ghcb, 0x80000001, gpa, 4);
    ghcb_put(ghcb, 0x3A8, ghcb_gpa(ghcb) + 0x800);
    ghcb_call(ghcb);
    return *(volatile uint32_t *)(ghcb + 0x800);
}

uint32_t cpuid_eax(uint32_t leaf)
{
    uint32_t eax = leaf, ebx, ecx = 0, edx;

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return eax;
}

/* ---- exceptions ---- */

/* CPUID is all that the cases raise. */
static void serve_vc(struct cpu *c, struct frame *frame)
{
    if (frame->error_code != 0x72)
        finish(__LINE__);
    c->vcs++;
    ghcb_begin(c->ghcb, 0x72, 0, 0);
    ghcb_put(c->ghcb, 0x1F8, (uint32_t)frame->rax);
    ghcb_put(c->ghcb, 0x308, (uint32_t)frame->rcx);
    ghcb_call(c->ghcb);
    frame->rax = ghcb_get(c->ghcb, 0x1F8);
    frame->rbx = ghcb_get(c->ghcb, 0x318);
    frame->rcx = ghcb_get(c->ghcb, 0x308);
    frame->rdx = ghcb_get(c->ghcb, 0x310);
    frame->rip += 2;
}

/* With a GHCB of its own: the program's may be in use. The next NMI comes behind the VMGEXIT. */
void nmi_complete(struct cpu *c)
{
    uint64_t msr = rdmsr(0xC0010130);

    ghcb_begin(c->nmi_ghcb, 0x80000003, 0, 0);
    wrmsr(0xC0010130, ghcb_gpa(c->nmi_ghcb));
    vmgexit();
    wrmsr(0xC0010130, msr);
}

static void on_nmi(struct cpu *c, struct frame *frame)
{
    c->nmis++;
    c->nmi_rip = frame->rip;
    c->nmi_depth++;
    if (c->nmi_depth > c->nmi_depth_max)
        c->nmi_depth_max = c->nmi_depth;
    if (the_case->on_nmi != 0)
        the_case->on_nmi(c, frame);
    else
        nmi_complete(c);
    c->nmi_depth--;
}

/* Interrupts are on only where the program's GHCB is at rest. */
static void on_irq(struct cpu *c)
{
    c->irqs++;
    mmio_write32(LAPIC + 0xB0, 0);
}

void smp_trap(struct frame *frame);
void smp_trap(struct frame *frame)
{
    struct cpu *c = this_cpu();

    if (frame->vector == 29)
        serve_vc(c, frame);
    else if (frame->vector == 2)
        on_nmi(c, frame);
    else if (frame->vector == IRQ_VECTOR)
        on_irq(c);
    else
        finish(1000 + (unsigned)frame->vector);
}

static void set_gate(unsigned vector, uint64_t handler)
{
    volatile uint64_t *gate = (volatile uint64_t *)(idt + vector * 16);

    gate[0] = (handler & 0xFFFF) | (uint64_t)CODE64 << 16 | 0x8E00ull << 32 |
              (handler >> 16 & 0xFFFF) << 48;
    gate[1] = handler >> 32;
}

/* ---- processors ---- */

static void init_cpu(struct cpu *c)
{
    load_tables();
    wrmsr(0xC0000101, (uint64_t)c); /* GS_BASE */
    wrmsr(0xC0010130, 0x002);       /* SEV information: negotiates the version */
    vmgexit();
    if ((rdmsr(0xC0010130) & 0xFFF) != 0x001)
        finish(__LINE__);
}

static void prepare_cpu(unsigned index)
{
    struct cpu *c = &cpus[index];

    c->self = c;
    c->index = index;
    c->ghcb = window(WINDOW_GHCB + 2 * index, (uint64_t)ghcb_pages[index][0], 0);
    c->nmi_ghcb = window(WINDOW_GHCB + 2 * index + 1, (uint64_t)ghcb_pages[index][1], 0);
}

void smp_ap_main(struct cpu *c);
void smp_ap_main(struct cpu *c)
{
    init_cpu(c);
    c->alive++;
    if (the_case->work != 0)
        the_case->work(c);
    hold(c, true);
    finish(__LINE__); /* cases that go on behind a hold call it themselves */
}

uint64_t jump_table(void)
{
    volatile uint8_t *ghcb = this_cpu()->ghcb;

    ghcb_begin(ghcb, 0x80000005, 1, 0);
    ghcb_call(ghcb);
    return ghcb_get(ghcb, 0x3A0);
}

extern uint32_t trampoline_low_cr3;

void point_jump_table(void)
{
    volatile uint8_t *code = (volatile uint8_t *)TRAMPOLINE;
    volatile uint64_t *pml4 = (volatile uint64_t *)LOW_CR3;
    volatile uint16_t *table = (volatile uint16_t *)jump_table();
    unsigned cr3_at = (unsigned)((uint64_t)&trampoline_low_cr3 - (uint64_t)trampoline_start);

    CHECK(table != 0 && ((uint64_t)table & 0xFFF) == 0 && (uint64_t)table < 0x100000);
    CHECK(table[0] == 0 && table[1] == 0);
    for (unsigned i = 0; i < trampoline_bytes; i++)
        code[i] = trampoline_start[i];
    *(volatile uint32_t *)(code + cr3_at) = (uint32_t)LOW_CR3;
    trampoline_cr3 = read_cr3();
    for (unsigned i = 0; i < 512; i++)
        pml4[i] = ((const uint64_t *)(read_cr3() & ~C_BIT))[i];
    table[1] = TRAMPOLINE >> 4;
    table[0] = 0;
}

void send_icr(unsigned to, uint32_t low)
{
    mmio_write32(LAPIC + 0x310, to << 24);
    mmio_write32(LAPIC + 0x300, low);
}

/* An INIT that comes before the VMGEXIT is lost, so this asks again. */
void wake(unsigned index)
{
    uint32_t before = cpus[index].alive;

    trampoline_stack = (uint64_t)stacks[index] + sizeof(stacks[index]) - 8;
    trampoline_cpu = (uint64_t)&cpus[index];
    while (cpus[index].alive == before) {
        send_icr(index, ICR_INIT);
        send_icr(index, ICR_SIPI);
        for (unsigned i = 0; i < 100000 && cpus[index].alive == before; i++)
            pause();
    }
}

void wake_all(void)
{
    point_jump_table();
    for (unsigned i = 1; i < cpu_count; i++)
        wake(i);
}

void hold(struct cpu *c, bool by_msr)
{
    c->offline = true;
    if (by_msr) {
        wrmsr(0xC0010130, 0x006);
        vmgexit();
        CHECK(rdmsr(0xC0010130) == 0x1007);
    } else {
        ghcb_begin(c->ghcb, 0x80000004, 0, 0);
        ghcb_call(c->ghcb);
        CHECK(ghcb_get(c->ghcb, 0x3A0) == 1);
    }
    c->offline = false;
}

/* ---- the choice of the case ---- */

static bool same(const char *a, const char *b)
{
    while (*a != 0 && *a == *b)
        a++, b++;
    return *a == *b;
}

static void run(const struct smp_case *cases, const char *name)
{
    for (; cases->name != 0; cases++) {
        if (same(cases->name, name)) {
            the_case = cases;
            cases->run();
            finish(0);
        }
    }
}

void *memcpy(void *to, const void *from, unsigned long bytes);
void *memcpy(void *to, const void *from, unsigned long bytes)
{
    void *start = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
    return start;
}

void smp_main(const uint64_t *info);
void smp_main(const uint64_t *info)
{
    const char *name = (const char *)info[3];

    cpu_count = (uint32_t)(info[6] >> 32);
    if (cpu_count == 0)
        cpu_count = 1;
    for (unsigned vector = 0; vector < 256; vector++)
        set_gate(vector, (uint64_t)stubs[vector]);
    for (unsigned i = 0; i < cpu_count; i++)
        prepare_cpu(i);
    init_cpu(&cpus[0]);
    run(smp_start_cases, name);
    run(smp_memory_cases, name);
    run(smp_nmi_cases, name);
    finish(__LINE__);
}
