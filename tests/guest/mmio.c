/* SPDX-License-Identifier: MIT */
/* MMIO by MOV, MOVZX, MOVSX, MOVSXD in every form, against device memory that keeps what it is given. */
#include "guest.h"

#define PATTERN 0x8899AABBCCDDEEFFull
#define OLD     0x1122334455667788ull /* what was in the register before */

/* Constant addresses, for the forms that carry them; as text for the assembler. */
#define CELL_VA (MMIO_MAP + DEVICE_GPA + 0x40)
#define CELL    "0xFFFF9000E0000040"
#define LOW_VA  0x10000000ull         /* a second mapping, for 32-bit addresses */
#define NEAR_VA 0xFFFFFFFF90000000ull /* a third one, for RIP-relative addresses */
#define NEAR    "guest_near_cell"     /* lib/try.S: NEAR_VA + 0x40 */

static volatile uint8_t *device;

static uint64_t peek(void)
{
    uint64_t value;

    __asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(device + 0x40) : "memory");
    return value;
}

static void poke(uint64_t value)
{
    __asm__ volatile("movq %0, (%1)" : : "r"(value), "r"(device + 0x40) : "memory");
}

/* TEXT loads from (%rbx) into RAX. */
#define LOAD(text, wanted)                                                                         \
    do {                                                                                           \
        uint64_t rax = OLD;                                                                        \
        uint64_t before = account_vc(SEVC_EXIT_NPF);                                               \
        __asm__ volatile(text : "+a"(rax) : "b"(device + 0x40) : "memory", "rcx", "rdx");          \
        guest_check_equal(rax, (wanted), text, __FILE__, __LINE__);                                \
        guest_check_equal(account_vc(SEVC_EXIT_NPF), before + 1, "#VC of " text, __FILE__,         \
                          __LINE__);                                                               \
    } while (0)

/* TEXT stores OLD from RAX, or an immediate, to (%rbx), where PATTERN was. */
#define STORE(text, wanted)                                                                        \
    do {                                                                                           \
        poke(PATTERN);                                                                             \
        __asm__ volatile(text : : "a"(OLD), "b"(device + 0x40) : "memory", "rcx", "rdx");          \
        guest_check_equal(peek(), (wanted), text, __FILE__, __LINE__);                             \
    } while (0)

static void loads(void)
{
    poke(PATTERN);
    LOAD("movb (%%rbx), %%al", 0x11223344556677FF);
    LOAD("movb 1(%%rbx), %%ah", 0x112233445566EE88);
    LOAD("movw (%%rbx), %%ax", 0x112233445566EEFF);
    LOAD("movl (%%rbx), %%eax", 0xCCDDEEFF);
    LOAD("movq (%%rbx), %%rax", PATTERN);

    LOAD("movzbw (%%rbx), %%ax", 0x11223344556600FF);
    LOAD("movzbl (%%rbx), %%eax", 0xFF);
    LOAD("movzbq (%%rbx), %%rax", 0xFF);
    LOAD("movzwl (%%rbx), %%eax", 0xEEFF);
    LOAD("movzwq (%%rbx), %%rax", 0xEEFF);
    LOAD("movsbw (%%rbx), %%ax", 0x112233445566FFFF);
    LOAD("movsbl 1(%%rbx), %%eax", 0xFFFFFFEE);
    LOAD("movsbq 1(%%rbx), %%rax", 0xFFFFFFFFFFFFFFEE);
    LOAD("movswl (%%rbx), %%eax", 0xFFFFEEFF);
    LOAD("movswq (%%rbx), %%rax", 0xFFFFFFFFFFFFEEFF);
    LOAD("movslq (%%rbx), %%rax", 0xFFFFFFFFCCDDEEFF);
    LOAD(".byte 0x63, 0x03", 0xCCDDEEFF); /* MOVSXD EAX, [RBX], without REX.W */

    /* A0 to A3: the address is in the instruction. */
    LOAD("movabsb " CELL ", %%al", 0x11223344556677FF);
    LOAD("movabsw " CELL ", %%ax", 0x112233445566EEFF);
    LOAD("movabsl " CELL ", %%eax", 0xCCDDEEFF);
    LOAD("movabsq " CELL ", %%rax", PATTERN);
}

static void stores(void)
{
    STORE("movb %%al, (%%rbx)", 0x8899AABBCCDDEE88);
    STORE("movb %%ah, (%%rbx)", 0x8899AABBCCDDEE77);
    STORE("movw %%ax, (%%rbx)", 0x8899AABBCCDD7788);
    STORE("movl %%eax, (%%rbx)", 0x8899AABB55667788);
    STORE("movq %%rax, (%%rbx)", OLD);
    STORE("movb $0x5A, (%%rbx)", 0x8899AABBCCDDEE5A);
    STORE("movw $0x5AA5, (%%rbx)", 0x8899AABBCCDD5AA5);
    STORE("movl $0x87654321, (%%rbx)", 0x8899AABB87654321);
    STORE("movq $-2, (%%rbx)", 0xFFFFFFFFFFFFFFFE);
    STORE("movabsb %%al, " CELL, 0x8899AABBCCDDEE88);
    STORE("movabsw %%ax, " CELL, 0x8899AABBCCDD7788);
    STORE("movabsl %%eax, " CELL, 0x8899AABB55667788);
    STORE("movabsq %%rax, " CELL, OLD);
}

/* Every register as destination and as base, and every way to write an address. */
static void addresses(void)
{
    page_map(LOW_VA, DEVICE_GPA, PTE_WRITABLE | PTE_UNCACHED | PTE_NX, false);
    page_map(NEAR_VA, DEVICE_GPA, PTE_WRITABLE | PTE_UNCACHED | PTE_NX, false);
    poke(PATTERN);

    LOAD("movq %%rbx, %%rcx; movq (%%rcx), %%rax", PATTERN);
    LOAD("movq %%rbx, %%rdx; movq (%%rdx), %%rax", PATTERN);
    LOAD("pushq %%rsi; movq %%rbx, %%rsi; movq (%%rsi), %%rax; popq %%rsi", PATTERN);
    LOAD("pushq %%rbp; movq %%rbx, %%rbp; movq (%%rbp), %%rax; popq %%rbp", PATTERN);
    LOAD("pushq %%r12; movq %%rbx, %%r12; movq (%%r12), %%rax; popq %%r12", PATTERN);
    LOAD("pushq %%r13; movq %%rbx, %%r13; movq (%%r13), %%rax; popq %%r13", PATTERN);
    LOAD("pushq %%r15; movq (%%rbx), %%r15; movq %%r15, %%rax; popq %%r15", PATTERN);
    LOAD("movq %%rsp, %%rcx; movq (%%rbx), %%rsp; xchgq %%rsp, %%rcx; movq %%rcx, %%rax", PATTERN);

    LOAD("subq $8, %%rbx; movq 8(%%rbx), %%rax; addq $8, %%rbx", PATTERN);
    LOAD("addq $4096, %%rbx; movq -4096(%%rbx), %%rax; subq $4096, %%rbx", PATTERN);
    LOAD("movl $8, %%ecx; subq $72, %%rbx; movq 8(%%rbx, %%rcx, 8), %%rax; addq $72, %%rbx",
         PATTERN);
    LOAD("movq $-16, %%rcx; movq 64(%%rbx, %%rcx, 4), %%rax", PATTERN);
    LOAD("movq %%rbx, %%rcx; shrq $3, %%rcx; movabsq $0xE000000000000000, %%rdx; orq %%rdx, %%rcx; "
         "movq 0(, %%rcx, 8), %%rax",
         PATTERN);
    LOAD("movl $0x10000040, %%ecx; movq (%%ecx), %%rax", PATTERN);
    LOAD("movl $0xF0000040, %%ecx; movl $0x20000000, %%edx; movq (%%ecx, %%edx), %%rax", PATTERN);
    LOAD("movq 0x10000040, %%rax", PATTERN);
    LOAD("movq " NEAR "(%%rip), %%rax", PATTERN);
    STORE("movl $0x87654321, " NEAR "(%%rip)", 0x8899AABB87654321);

    poke(PATTERN);
    wrmsr(SEVC_MSR_FS_BASE, (uint64_t)device);
    wrmsr(SEVC_MSR_GS_BASE, (uint64_t)device + 0x1000);
    LOAD("movq %%fs:0x40, %%rax", PATTERN);
    LOAD("movq $-0x1000, %%rcx; movq %%gs:0x40(%%rcx), %%rax", PATTERN);
    wrmsr(SEVC_MSR_FS_BASE, 0);
    wrmsr(SEVC_MSR_GS_BASE, 0);
}

/* Across a page border inside the device. */
static void page_border(void)
{
    uint64_t value = 0x0102030405060708, back;

    __asm__ volatile("movq %1, 0xFFC(%0)" : : "r"(device), "r"(value) : "memory");
    __asm__ volatile("movq 0xFFC(%1), %0" : "=r"(back) : "r"(device) : "memory");
    CHECK_EQUAL(back, value);
    CHECK_EQUAL(mmio_read32(device + 0xFFC), (uint32_t)value);
    CHECK_EQUAL(mmio_read32(device + 0x1000), value >> 32);
}

/* ---- What must be refused, and changes nothing ---- */

static void load_straddling(void *at)
{
    __asm__ volatile("movq (%0), %%rax" : : "r"(at) : "rax", "memory");
}

static void store_read_only(void *at)
{
    __asm__ volatile("movl $1, (%0)" : : "r"(at) : "memory");
}

static void add_locked(void *at)
{
    __asm__ volatile("lock addl $1, (%0)" : : "r"(at) : "memory");
}

static void refusals(void)
{
    struct guest_fault fault;
    uint64_t va = LOW_VA + 0x10000;

    /* The second half of the access would lie in encrypted memory. */
    page_map(va, DEVICE_GPA, PTE_WRITABLE | PTE_NX, false);
    page_map(va + PAGE_BYTES, gpa_of(page_alloc()), PTE_WRITABLE | PTE_NX, true);
    CHECK(guest_try(load_straddling, (void *)(va + PAGE_BYTES - 4), &fault));
    CHECK_EQUAL(fault.vector, SEVC_VC_VECTOR);
    CHECK_EQUAL(fault.report.result, SEVC_FORBIDDEN);
    CHECK_EQUAL(fault.report.reason, SEVC_REASON_ENCRYPTED_MMIO);
    CHECK_EQUAL(fault.report.vmgexits, 0);

    /* Not writable: the processor's own page fault, or the same from the handler. */
    page_map(va, DEVICE_GPA, PTE_NX, false);
    CHECK(guest_try(store_read_only, (void *)va, &fault));
    CHECK_EQUAL(fault.vector, VECTOR_PF);
    CHECK_EQUAL(fault.cr2, va);
    CHECK_EQUAL(fault.trap.error_code, 3);

    CHECK(guest_try(add_locked, (void *)(uintptr_t)(device + 0x40), &fault));
    CHECK_EQUAL(fault.vector, SEVC_VC_VECTOR);
    CHECK_EQUAL(fault.report.result, SEVC_UNSUPPORTED);
    CHECK_EQUAL(fault.report.reason, SEVC_REASON_LOCKED);
}

void guest_main(void)
{
    device = guest_device();
    CHECK_EQUAL((uint64_t)device + 0x40, CELL_VA);
    loads();
    stores();
    addresses();
    page_border();
    refusals();
}
