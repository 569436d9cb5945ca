/* SPDX-License-Identifier: MIT */
/* The little kernel under the cases: mappings, GHCB, exceptions, and the choice of the case. */
#include "smoke.h"

volatile struct seen seen;
volatile unsigned vc_skip, fault_skip;
uint64_t *volatile fault_fix_entry;
volatile uint64_t fault_fix_value;

volatile uint8_t *ghcb;
uint8_t ghcb_page[PAGE] __attribute__((aligned(PAGE)));

/* ---- mappings ---- */

#define WINDOW 0x8000000000ull /* the second entry of the PML4 */

static uint64_t window_pdpt[512] __attribute__((aligned(PAGE)));
static uint64_t window_pd[512] __attribute__((aligned(PAGE)));
static uint64_t window_pt[512] __attribute__((aligned(PAGE)));

/* The build that is linked high runs at its physical address plus this. */
extern const uint8_t load_offset[];

uint64_t phys(const volatile void *pointer)
{
    return (uint64_t)pointer - (uint64_t)load_offset;
}

uint64_t *window_entry(unsigned slot)
{
    return &window_pt[slot];
}

volatile uint8_t *window(unsigned slot, uint64_t pa, uint64_t bits)
{
    uint64_t *pml4 = (uint64_t *)(read_cr3() & ~C_BIT), va = WINDOW + slot * (uint64_t)PAGE;

    pml4[1] = phys(window_pdpt) | 3 | PTE_USER | C_BIT;
    window_pdpt[0] = phys(window_pd) | 3 | PTE_USER | C_BIT;
    window_pd[0] = phys(window_pt) | 3 | PTE_USER | C_BIT;
    window_pt[slot] = pa == 0 ? 0 : pa | 3 | bits;
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
    return (volatile uint8_t *)va;
}

/* ---- the GHCB ---- */

void ghcb_put(unsigned offset, uint64_t value)
{
    *(volatile uint64_t *)(ghcb + offset) = value;
    ghcb[0x3F0 + offset / 64] |= (uint8_t)(1u << (offset / 8 % 8));
}

void ghcb_begin(uint64_t code, uint64_t info1, uint64_t info2)
{
    for (unsigned i = 0; i < PAGE / 8; i++)
        ((volatile uint64_t *)ghcb)[i] = 0;
    ghcb_put(0x390, code);
    ghcb_put(0x398, info1);
    ghcb_put(0x3A0, info2);
    *(volatile uint16_t *)(ghcb + 0xFFA) = 2;
}

void ghcb_call(void)
{
    wrmsr(0xC0010130, phys(ghcb_page));
    vmgexit();
    if (*(volatile uint64_t *)(ghcb + 0x398) != 0)
        finish(__LINE__);
}

void ghcb_out(uint16_t port, unsigned size, uint32_t value)
{
    ghcb_begin(0x7B, (uint64_t)port << 16 | size << 4, 0);
    ghcb_put(0x1F8, value);
    ghcb_call();
}

void finish(unsigned code)
{
    if (ghcb == 0)
        ghcb = window(0, phys(ghcb_page), 0);
    ghcb_out(0xF4, 2, code);
    for (;;)
        __asm__ volatile("hlt");
}

void mmio_write32(uint64_t gpa, uint32_t value)
{
    ghcb_begin(0x80000002, gpa, 4);
    ghcb_put(0x3A8, phys(ghcb_page) + 0x800);
    *(volatile uint32_t *)(ghcb + 0x800) = value;
    ghcb_call();
}

/* The one form that serve_vc() understands. */
uint32_t mmio_read32(uint64_t gpa)
{
    uint32_t value;

    __asm__ volatile("movl (%%rsi), %%eax" : "=a"(value) : "S"(gpa) : "memory");
    return value;
}

/* ---- exceptions ---- */

/* CPUID by MSR protocol, all four registers. */
static void serve_cpuid(struct frame *frame)
{
    uint64_t *to[4] = { &frame->rax, &frame->rbx, &frame->rcx, &frame->rdx };
    uint32_t leaf = (uint32_t)frame->rax;

    for (uint64_t reg = 0; reg < 4; reg++) {
        wrmsr(0xC0010130, (uint64_t)leaf << 32 | reg << 30 | 0x004);
        vmgexit();
        uint64_t answer = rdmsr(0xC0010130);
        CHECK((answer & 0x3FFFFFFF) == 0x005);
        *to[reg] = answer >> 32;
    }
    frame->rip += 2;
}

static void serve_vc(struct frame *frame)
{
    switch (frame->error_code) {
    case 0x72:
        serve_cpuid(frame);
        return;
    case 0x400: /* mmio_read32() */
        ghcb_begin(0x80000001, frame->rsi, 4);
        ghcb_put(0x3A8, phys(ghcb_page) + 0x800);
        ghcb_call();
        frame->rax = *(volatile uint32_t *)(ghcb + 0x800);
        frame->rip += 2;
        return;
    default:
        finish(__LINE__);
    }
}

static void on_vc(struct frame *frame)
{
    seen.vc_count++;
    seen.vc_error = frame->error_code;
    seen.vc_frame = *frame;
    seen.vc_rsp = (uint64_t)(frame + 1);
    if (vc_skip != 0)
        frame->rip += vc_skip;
    else
        serve_vc(frame);
}

static void on_fault(struct frame *frame)
{
    uint64_t cr2;

    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    seen.fault_count++;
    seen.fault_vector = frame->vector;
    seen.fault_error = frame->error_code;
    seen.fault_cr2 = cr2;
    if (fault_fix_entry != 0) {
        *fault_fix_entry = fault_fix_value;
        fault_fix_entry = 0;
        return;
    }
    if (frame->vector == 1) { /* #DB: the step is done */
        frame->rflags &= ~0x100ull;
        return;
    }
    if (fault_skip == 0)
        finish(1000 + (unsigned)frame->vector);
    frame->rip += fault_skip;
}

void smoke_trap(struct frame *frame);
void smoke_trap(struct frame *frame)
{
    if (frame->vector == VC_VECTOR) {
        on_vc(frame);
    } else if (frame->vector == IRQ_VECTOR) {
        seen.irq_count++;
        mmio_write32(LAPIC + 0xB0, 0); /* end of interrupt */
    } else {
        on_fault(frame);
    }
}

uint64_t stub_of(unsigned vector)
{
    return (uint64_t)stubs[vector];
}

void set_gate(unsigned vector, uint64_t handler, unsigned ist, unsigned type)
{
    volatile uint64_t *gate = (volatile uint64_t *)(idt + vector * 16);

    gate[0] = (handler & 0xFFFF) | (uint64_t)CODE64 << 16 | (uint64_t)ist << 32 |
              (uint64_t)(0x80 | type) << 40 | (handler >> 16 & 0xFFFF) << 48;
    gate[1] = handler >> 32;
}

static uint8_t tss[104];

/* The TSS is packed: RSP0 at 4, IST1 at 36. */
static void put_tss(unsigned offset, uint64_t value)
{
    __builtin_memcpy(tss + offset, &value, 8);
}

void set_stacks(uint64_t rsp0, uint64_t ist1)
{
    volatile uint64_t *descriptor = (volatile uint64_t *)(gdt + TSS);
    uint64_t base = (uint64_t)tss;

    put_tss(4, rsp0);
    put_tss(36, ist1);
    descriptor[0] =
        (sizeof(tss) - 1) | (base & 0xFFFFFF) << 16 | 0x89ull << 40 | (base >> 24 & 0xFF) << 56;
    descriptor[1] = base >> 32;
    __asm__ volatile("ltr %w0" : : "r"(TSS));
}

/* ---- the choice of the case ---- */

static bool same(const char *a, const char *b)
{
    while (*a != 0 && *a == *b)
        a++, b++;
    return *a == *b;
}

static void run(const struct smoke_case *cases, const char *name)
{
    for (; cases->name != 0; cases++) {
        if (same(cases->name, name)) {
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

const uint64_t *start_info;

int memcmp(const void *a, const void *b, unsigned long bytes);
int memcmp(const void *a, const void *b, unsigned long bytes)
{
    const uint8_t *left = a, *right = b;
    while (bytes > 0 && *left == *right)
        left++, right++, bytes--;
    return bytes == 0 ? 0 : *left - *right;
}

void smoke_main(const uint64_t *info);
void smoke_main(const uint64_t *info)
{
    start_info = info;
    load_tables();
    for (unsigned vector = 0; vector <= IRQ_VECTOR; vector++)
        set_gate(vector, stub_of(vector), 0, 0xE);
    wrmsr(0xC0010130, 0x002); /* SEV information: negotiates the version */
    vmgexit();
    CHECK((rdmsr(0xC0010130) & 0xFFF) == 0x001);
    ghcb = window(0, phys(ghcb_page), 0);

    const char *name = (const char *)info[3];
    run(smoke_good, name);
    run(smoke_memory, name);
    run(smoke_die, name);
    run(smoke_hostile, name);
    run(smoke_nmi, name);
    finish(__LINE__);
}
