/* SPDX-License-Identifier: MIT */
/*
 * Guests that do one thing wrong, which the platform must catch: "wrong=NAME" on the command line
 * chooses. A guest that survives its mistake reports success, so that its test fails.
 */
#include "guest.h"

#define SECRET 0x5EC2E7

static struct sevc_session session;
static struct sevc_report report;

static void begin(void)
{
    if (sevc_session_begin(&session, &cpu, &report) != SEVC_OK)
        panic("no session");
}

/* A request that is right but for what the caller has added or left out. */
static void put_cpuid(void)
{
    sevc_session_put(&session, SEVC_GHCB_OFF_RAX, 0);
    sevc_session_put(&session, SEVC_GHCB_OFF_RCX, 0);
}

static void exchange_cpuid(void)
{
    sevc_session_exchange(&session, SEVC_EXIT_CPUID, 0, 0, SEVC_OUT_RAX);
}

/* ---- Valid bits, registers ---- */

static void extra_valid(void)
{
    begin();
    put_cpuid();
    sevc_session_put(&session, SEVC_GHCB_OFF_RDX, 0);
    exchange_cpuid();
}

/* T19: right in every byte, but an interrupt could have come while it was being written. */
static void interrupts_on_meanwhile(void)
{
    begin();
    put_cpuid();
    interrupts_on();
    exchange_cpuid();
}

static void missing_valid(void)
{
    begin();
    sevc_session_put(&session, SEVC_GHCB_OFF_RAX, 0);
    exchange_cpuid();
}

static void leak(void)
{
    begin();
    put_cpuid();
    session.page->rdi = SECRET;
    exchange_cpuid();
}

static void leak_width(void)
{
    begin();
    put_cpuid();
    sevc_session_put(&session, SEVC_GHCB_OFF_RCX, (uint64_t)SECRET << 32);
    exchange_cpuid();
}

static void leak_buffer(void)
{
    begin();
    put_cpuid();
    session.page->shared_buffer[100] = 1;
    exchange_cpuid();
}

static void xcr0(void)
{
    begin();
    put_cpuid();
    sevc_session_put(&session, SEVC_GHCB_OFF_XCR0, 1); /* for leaf 0xD only */
    exchange_cpuid();
}

static void leaf_d_without_xcr0(void)
{
    begin();
    sevc_session_put(&session, SEVC_GHCB_OFF_RAX, 0xD);
    sevc_session_put(&session, SEVC_GHCB_OFF_RCX, 0);
    exchange_cpuid();
}

/* ---- The page ---- */

static void version(void)
{
    cpu.platform.version = 3;
    (void)cpuid(0, 0);
}

static void version_changes(void)
{
    (void)cpuid(0, 0);
    cpu.platform.version = 1;
    (void)cpuid(0, 0);
}

static void usage(void)
{
    begin();
    put_cpuid();
    /* By hand, because the library writes 0 there each time. */
    session.page->sw_exitcode = SEVC_EXIT_CPUID;
    session.page->valid_bitmap[0] = session.valid[0];
    session.page->valid_bitmap[1] =
        session.valid[1] | 7ull << (SEVC_GHCB_VALID_INDEX(SEVC_GHCB_OFF_SW_EXITCODE) - 64);
    session.page->protocol_version = cpu.platform.version;
    session.page->ghcb_usage = 1;
    wrmsr(SEVC_MSR_GHCB, cpu.ghcb.gpa);
    __asm__ volatile("rep; vmmcall" : : : "memory");
}

static void exit_code(void)
{
    begin();
    sevc_session_exchange(&session, 0x12345, 0, 0, 0);
}

static void snp_only(void)
{
    begin();
    sevc_session_exchange(&session, SEVC_NAE_GUEST_REQUEST, 0x1000, 0x2000, 0);
}

static void scratch(void)
{
    begin();
    sevc_session_put(&session, SEVC_GHCB_OFF_SW_SCRATCH,
                     cpu.ghcb.gpa + SEVC_GHCB_OFF_SHARED_BUFFER + SEVC_GHCB_SHARED_BUFFER_BYTES -
                         4);
    sevc_session_exchange(&session, SEVC_NAE_MMIO_READ, 0xFEE00030, 8, 0);
}

static void scratch_in_ram(void)
{
    begin();
    sevc_session_put(&session, SEVC_GHCB_OFF_SW_SCRATCH, gpa_of(page_alloc()));
    sevc_session_exchange(&session, SEVC_NAE_MMIO_READ, 0xFEE00030, 4, 0);
}

static void mmio_c_bit(void)
{
    begin();
    sevc_session_scratch(&session, 4);
    sevc_session_exchange(&session, SEVC_NAE_MMIO_READ, 0xFEE00030 | 1ull << paging.c_bit, 4, 0);
}

/* What a handler does that believes a nested page fault in private memory. */
static void mmio_ram(void)
{
    begin();
    session.page->shared_buffer[0] = SECRET & 0xFF;
    sevc_session_scratch(&session, 1);
    sevc_session_exchange(&session, SEVC_NAE_MMIO_WRITE, gpa_of(page_alloc()), 1, 0);
}

/* ---- The C-bit ---- */

static void ghcb_private_again(void)
{
    if (sevc_page_unshare(&paging, (uint64_t)cpu.ghcb.va, PAGE_BYTES, NULL) != SEVC_OK)
        panic("cannot unshare");
    (void)cpuid(0, 0);
}

static void mmio_private(void)
{
    page_map(MMIO_MAP, 0xFED00000, PTE_NX, true);
    (void)mmio_read32((const volatile void *)MMIO_MAP);
}

/* What another party would put into shared memory is ciphertext if it is read with the C-bit. */
static void shared_as_private(void)
{
    const uint64_t *private = page_alloc();
    volatile uint64_t *shared = (volatile uint64_t *)MMIO_MAP;

    page_map(MMIO_MAP, gpa_of(private), PTE_WRITABLE | PTE_NX, false);
    *shared = SECRET;
    if (*(const volatile uint64_t *)private != SECRET) {
        kprintf("read 0x%lx where 0x%x was written\n", *private, SECRET);
        machine_exit(7);
    }
}

/* ---- The MSR protocol ---- */

static void msr_leaf_d(void)
{
    (void)sevc_msr_exchange(sevc_msr_cpuid_request(0xD, SEVC_GHCB_MSR_CPUID_EAX));
}

static void msr_snp_only(void)
{
    (void)sevc_msr_exchange(sevc_msr_register_gpa_request(cpu.ghcb.gpa));
}

static void msr_reserved(void)
{
    (void)sevc_msr_exchange(sevc_msr_hv_features_request() | 1ull << 40);
}

static void msr_garbage(void)
{
    (void)sevc_msr_exchange(0xABC);
}

/* ---- Ends ---- */

static void terminate(void)
{
    sevc_terminate_with(3, 0x42);
}

static void terminate_event(void)
{
    begin();
    sevc_event_terminate(&session, 5, 0x99);
}

static void failure(void)
{
    machine_exit(9);
}

static void hang(void)
{
    for (;;)
        __asm__ volatile("pause");
}

static void no_handler(void)
{
    idt[SEVC_VC_VECTOR].attributes = 0;
    idt[11].attributes = 0; /* nor for what follows from that */
    idt[13].attributes = 0;
    idt[8].attributes = 0;
    (void)cpuid(0, 0);
}

static void no_idt(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) nothing = { 0, 0 };

    __asm__ volatile("lidt %0" : : "m"(nothing));
    (void)cpuid(0, 0);
}

/* Executes what a page looks like that was never written: decrypted zeros. Nobody is there to catch it. */
static void jump_to_garbage(void)
{
    uint8_t *page = page_alloc();
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) nothing = { 0, 0 };

    page_map(MMIO_MAP, gpa_of(page), PTE_WRITABLE, false);
    memset((void *)MMIO_MAP, 0x06, PAGE_BYTES); /* an undefined opcode, should it not be garbage */
    page_map(MMIO_MAP, gpa_of(page), 0, true);
    __asm__ volatile("lidt %0; jmp *%1" : : "m"(nothing), "r"(MMIO_MAP));
}

static void jump_nowhere(void)
{
    __asm__ volatile("jmp *%0" : : "r"(0x0000123456789000ull));
}

static const struct {
    const char *name;
    void (*act)(void);
} wrongs[] = {
    { "extra-valid", extra_valid },
    { "interrupts-on", interrupts_on_meanwhile },
    { "missing-valid", missing_valid },
    { "leak", leak },
    { "leak-width", leak_width },
    { "leak-buffer", leak_buffer },
    { "xcr0", xcr0 },
    { "leaf-d", leaf_d_without_xcr0 },
    { "version", version },
    { "version-changes", version_changes },
    { "usage", usage },
    { "exit-code", exit_code },
    { "snp-only", snp_only },
    { "scratch", scratch },
    { "scratch-in-ram", scratch_in_ram },
    { "mmio-c-bit", mmio_c_bit },
    { "mmio-ram", mmio_ram },
    { "ghcb-private-again", ghcb_private_again },
    { "mmio-private", mmio_private },
    { "shared-as-private", shared_as_private },
    { "msr-leaf-d", msr_leaf_d },
    { "msr-snp-only", msr_snp_only },
    { "msr-reserved", msr_reserved },
    { "msr-garbage", msr_garbage },
    { "terminate", terminate },
    { "terminate-event", terminate_event },
    { "failure", failure },
    { "hang", hang },
    { "no-handler", no_handler },
    { "no-idt", no_idt },
    { "jump-to-garbage", jump_to_garbage },
    { "jump-nowhere", jump_nowhere },
};

void guest_main(void)
{
    bool found = false;

    for (unsigned i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        if (!cmdline_has("wrong", wrongs[i].name))
            continue;
        found = true;
        kprintf("about to do: %s\n", wrongs[i].name);
        wrongs[i].act();
    }
    kprintf(found ? "nobody minded\n" : "no such mistake\n");
    CHECK(found);
}
