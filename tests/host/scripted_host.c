/* SPDX-License-Identifier: MIT */
/* The script: what is expected, how it is compared, how it is answered. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/arch/arch.h"
#include "internal.h"

_Thread_local struct scripted_host *host_current;

#define BACKUP_BYTES 4096

void host_fail(struct scripted_host *host, const char *format, ...)
{
    va_list arguments;

    if (host->failure[0] != '\0') {
        return; /* the first says most */
    }
    va_start(arguments, format);
    vsnprintf(host->failure, sizeof(host->failure), format, arguments);
    va_end(arguments);
    if (!host->recording && !host->stepping && !host->is_fork && !host->watching) {
        fail_msg("%s", host->failure); /* out of a signal handler: not before it has returned */
    }
}

static void report_failure(struct scripted_host *host)
{
    if (host->failure[0] != '\0') {
        fail_msg("%s", host->failure);
    }
}

/* ---- setting up ---- */

/* Two mappings of one page, new or in place of others: the guest's, which may be protected, and ours. */
void host_map_ghcb(struct scripted_host *host)
{
    int fixed = host->alias != NULL ? MAP_FIXED : 0;
    int file = memfd_create("ghcb", MFD_CLOEXEC);

    if (file < 0 || ftruncate(file, SEVC_GHCB_SIZE) != 0) {
        fail_msg("no memory for the GHCB");
    }
    host->ghcb.va =
        mmap(host->ghcb.va, SEVC_GHCB_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | fixed, file, 0);
    host->alias =
        mmap(host->alias, SEVC_GHCB_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | fixed, file, 0);
    close(file);
    if (host->ghcb.va == MAP_FAILED || (void *)host->alias == MAP_FAILED) {
        fail_msg("no memory for the GHCB");
    }
}

void host_start(struct scripted_host *host)
{
    memset(host, 0, sizeof(*host));
    host_current = host;
    host_map_ghcb(host);
    host->backup = aligned_alloc(4096, BACKUP_BYTES);
    if (host->backup == NULL) {
        fail_msg("no memory for the backup page");
        return;
    }
    memset(host->backup, 0x5A, BACKUP_BYTES); /* private memory: no need to be clean */
    host->ghcb.gpa = HOST_GHCB_GPA;
    host->ghcb_msr = HOST_GHCB_GPA;
    host->sev_status = SEVC_STATUS_SEV | SEVC_STATUS_SEV_ES;
    host->version = 2;
}

void host_make_cpu(struct scripted_host *host, struct sevc_cpu *cpu, uint16_t version)
{
    static const struct sevc_policy policy = { 0 };

    *cpu = (struct sevc_cpu){
        .magic = SEVC_CPU_MAGIC,
        .ghcb = host->ghcb,
        .backup = host->backup,
        .policy = &policy,
        .platform = { .sev_status = host->sev_status, .version = version, .c_bit = 51 },
    };
    host->version = version;
}

struct sevc_cpu_config host_config(struct scripted_host *host)
{
    return (struct sevc_cpu_config){ .ghcb = host->ghcb, .backup = host->backup };
}

void host_expect(struct scripted_host *host, const struct host_exchange *exchange)
{
    if (host->script_length == HOST_EXCHANGES_MAX) {
        fail_msg("more than %d exchanges in one script", HOST_EXCHANGES_MAX);
    }
    host->script[host->script_length++] = *exchange;
}

void host_expect_msr(struct scripted_host *host, uint64_t request, uint64_t response)
{
    host_expect(host, &(struct host_exchange){
                          .msr = true,
                          .request = request,
                          .response = response,
                      });
}

/* Written out by hand: the encoders under test have no part in it (GHCB spec 2.03, 2.3.1). */
void host_expect_platform(struct scripted_host *host, unsigned min, unsigned max, unsigned c_bit)
{
    host_expect_msr(host, 0x002,
                    (uint64_t)max << 48 | (uint64_t)min << 32 | (uint64_t)c_bit << 24 | 0x001);
}

/* ---- finishing ---- */

static void check_at_rest(struct scripted_host *host)
{
    const uint8_t *bytes = (const uint8_t *)host->alias;

    for (unsigned i = 0; i < SEVC_GHCB_SIZE; i++) {
        if (bytes[i] != 0) {
            host_fail(host, "at rest the GHCB must be zero, but byte 0x%03x is 0x%02x", i,
                      bytes[i]);
        }
    }
    if (host->ghcb_msr != HOST_GHCB_GPA) {
        host_fail(host, "at rest the GHCB MSR must name the page, but holds 0x%llx",
                  (unsigned long long)host->ghcb_msr);
    }
}

void host_assert_at_rest(struct scripted_host *host)
{
    check_at_rest(host);
    report_failure(host);
}

bool host_is_at_rest(struct scripted_host *host)
{
    check_at_rest(host);
    return host->failure[0] == '\0';
}

void host_finish(struct scripted_host *host)
{
    unsigned left = host->script_length - host->script_next;

    host_watch_end(host);
    report_failure(host);
    if (left != 0) {
        fail_msg("%u of %u expected exchanges did not take place", left, host->script_length);
    }
    host_assert_at_rest(host);
    munmap(host->ghcb.va, SEVC_GHCB_SIZE);
    munmap(host->alias, SEVC_GHCB_SIZE);
    free(host->backup);
    host->alias = NULL;
    host_current = NULL;
}

void host_log(struct scripted_host *host, enum host_operation operation, uint64_t address)
{
    if (host->logged == HOST_LOG_MAX) {
        host_fail(host, "more than %d operations in one test", HOST_LOG_MAX);
        return;
    }
    host->log[host->logged++] = (struct host_log_entry){ operation, address };
}

/* ---- comparing a request by the page protocol ---- */

static bool bitmap_bit(const struct sevc_ghcb_page *page, unsigned index)
{
    return (page->valid_bitmap[index / 64] >> (index % 64) & 1) != 0;
}

static uint64_t quadword(const struct sevc_ghcb_page *page, unsigned offset)
{
    uint64_t value;

    memcpy(&value, (const uint8_t *)page + offset, sizeof(value));
    return value;
}

/* What the page must be, to the byte, and which bytes those are. */
struct image {
    struct sevc_ghcb_page page;
    unsigned scratch_bytes;
};

static void image_put(struct image *image, unsigned offset, uint64_t value)
{
    unsigned index = offset / 8;

    memcpy((uint8_t *)&image->page + offset, &value, sizeof(value));
    image->page.valid_bitmap[index / 64] |= 1ull << (index % 64);
}

static void build_image(struct image *image, const struct scripted_host *host,
                        const struct host_exchange *exchange)
{
    memset(image, 0, sizeof(*image));
    image_put(image, 0x390, exchange->event);
    image_put(image, 0x398, exchange->info1);
    image_put(image, 0x3A0, exchange->info2);
    if (exchange->scratch) {
        image_put(image, 0x3A8, HOST_GHCB_GPA + 0x800);
    }
    for (unsigned i = 0; i < HOST_FIELDS_MAX && exchange->inputs[i].offset != 0; i++) {
        image_put(image, exchange->inputs[i].offset, exchange->inputs[i].value);
    }
    if (exchange->sent_bytes != 0) {
        memcpy(image->page.shared_buffer, exchange->sent, exchange->sent_bytes);
    }
    image->page.protocol_version = host->version;
}

static const char *field_name(unsigned offset)
{
    static const struct {
        unsigned offset;
        const char *name;
    } names[] = {
        { 0x0C8, "CPL" },
        { 0x140, "XSS" },
        { 0x160, "DR7" },
        { 0x1F8, "RAX" },
        { 0x308, "RCX" },
        { 0x310, "RDX" },
        { 0x318, "RBX" },
        { 0x328, "RBP" },
        { 0x330, "RSI" },
        { 0x338, "RDI" },
        { 0x390, "SW_EXITCODE" },
        { 0x398, "SW_EXITINFO1" },
        { 0x3A0, "SW_EXITINFO2" },
        { 0x3A8, "SW_SCRATCH" },
        { 0x3E8, "XCR0" },
        { 0x3F0, "VALID_BITMAP" },
        { 0x3F8, "VALID_BITMAP" },
        { 0x400, "X87_STATE_GPA" },
        { 0xFF8, "PROTOCOL_VERSION and GHCB_USAGE" },
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].offset == offset) {
            return names[i].name;
        }
    }
    return offset >= 0x800 && offset < 0xFF0 ? "shared buffer" : "reserved";
}

static void compare_page(struct scripted_host *host, const struct host_exchange *exchange)
{
    const struct sevc_ghcb_page *page = &host->last;
    struct image expected;

    build_image(&expected, host, exchange);
    for (unsigned index = 0; index < 126; index++) {
        if (bitmap_bit(page, index) != bitmap_bit(&expected.page, index)) {
            host_fail(host, "event 0x%llx: %s (0x%03x) is %smarked valid",
                      (unsigned long long)exchange->event, field_name(index * 8), index * 8,
                      bitmap_bit(page, index) ? "" : "not ");
            return;
        }
    }
    for (unsigned offset = 0; offset < SEVC_GHCB_SIZE; offset += 8) {
        if (quadword(page, offset) != quadword(&expected.page, offset)) {
            host_fail(host, "event 0x%llx: %s (0x%03x) is 0x%llx, expected 0x%llx",
                      (unsigned long long)exchange->event, field_name(offset), offset,
                      (unsigned long long)quadword(page, offset),
                      (unsigned long long)quadword(&expected.page, offset));
            return;
        }
    }
}

/* ---- answering by the page protocol ---- */

static void mark(struct sevc_ghcb_page *page, unsigned offset)
{
    unsigned index = offset / 8;

    page->valid_bitmap[index / 64] |= 1ull << (index % 64);
}

static void unmark(struct sevc_ghcb_page *page, unsigned offset)
{
    unsigned index = offset / 8;

    page->valid_bitmap[index / 64] &= ~(1ull << (index % 64));
}

static void store(struct sevc_ghcb_page *page, unsigned offset, uint64_t value)
{
    memcpy((uint8_t *)page + offset, &value, sizeof(value));
}

/*
 * Not in the unused part of the shared buffer: what the host itself puts there nobody reads, and
 * sends back to nobody but the host.
 */
static void garbage(struct sevc_ghcb_page *page)
{
    memset(page, 0xA5, SEVC_GHCB_OFF_SHARED_BUFFER);
    page->protocol_version = 0xA5A5;
    page->ghcb_usage = 0xA5A5A5A5;
}

/* SW_EXITINFO1 and 2 of a lie, if it is one about them. */
static void lie_about_info(struct sevc_ghcb_page *page, enum host_lie lie)
{
    static const struct {
        enum host_lie lie;
        uint64_t info1;
        uint64_t info2;
    } lies[] = {
        { HOST_INFO1_UNDEFINED, 3, 0 },
        { HOST_INFO1_ALL_ONES, ~0ull, 0 },
        { HOST_INFO1_HIGH_HALF_REJECTED, 0xFFFFFFFF00000002ull, 6 },
        { HOST_REJECTS, 2, 6 },
        { HOST_INJECTS_UD, 1, 0x80000306 },
        { HOST_INJECTS_GP, 1, 0x80000B0D },
        { HOST_INJECTS_PF, 1, 0x80000B0E },
        { HOST_INJECTS_VC, 1, 0x80000B1D },
        { HOST_INJECTS_INT80, 1, 0x80000380 },
        { HOST_INJECTS_INTERRUPT, 1, 0x8000080D },
        { HOST_INJECTS_NMI, 1, 0x80000202 },
        { HOST_INJECTS_SOFTWARE, 1, 0x80000C0D },
        { HOST_INJECTS_NOT_VALID, 1, 0x00000B0D },
        { HOST_INJECTS_RESERVED_BIT, 1, 0x80001B0D },
        { HOST_INJECTS_GP_NO_CODE, 1, 0x8000030D },
        { HOST_INJECTS_UD_WITH_CODE, 1, 0x80000B06 },
        { HOST_INJECTS_UD_STRAY_CODE, 1, 0x100000000ull | 0x80000306 },
    };

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        if (lies[i].lie == lie) {
            page->sw_exitinfo1 = lies[i].info1;
            page->sw_exitinfo2 = lies[i].info2;
        }
    }
    if (lie == HOST_INFO1_HIGH_HALF) {
        page->sw_exitinfo1 |= 0xFFFFFFFF00000000ull;
    }
}

static void lie_about_bits(struct sevc_ghcb_page *page, enum host_lie lie)
{
    switch (lie) {
    case HOST_MISSING_RAX:
        unmark(page, SEVC_GHCB_OFF_RAX);
        break;
    case HOST_MISSING_RCX:
        unmark(page, SEVC_GHCB_OFF_RCX);
        break;
    case HOST_MISSING_RDX:
        unmark(page, SEVC_GHCB_OFF_RDX);
        break;
    case HOST_MISSING_RBX:
        unmark(page, SEVC_GHCB_OFF_RBX);
        break;
    case HOST_MARKS_NOTHING:
        memset(page->valid_bitmap, 0, sizeof(page->valid_bitmap));
        break;
    case HOST_MARKS_OTHERS:
        page->valid_bitmap[0] = ~page->valid_bitmap[0];
        page->valid_bitmap[1] = ~page->valid_bitmap[1];
        break;
    case HOST_MARKS_ALL:
        memset(page->valid_bitmap, 0xFF, sizeof(page->valid_bitmap));
        break;
    default:
        break;
    }
}

static void answer(struct scripted_host *host, const struct host_exchange *exchange)
{
    struct sevc_ghcb_page *page = host->alias;
    uint64_t dirt = exchange->lie == HOST_DIRTY_HIGH ? 0xDEADBEEF00000000ull : 0;

    if (exchange->lie == HOST_SILENT) {
        return;
    }
    if (exchange->lie == HOST_GARBAGE) {
        garbage(page);
    }
    memset(page->valid_bitmap, 0, sizeof(page->valid_bitmap));
    for (unsigned i = 0; i < HOST_FIELDS_MAX && exchange->outputs[i].offset != 0; i++) {
        store(page, exchange->outputs[i].offset, exchange->outputs[i].value | dirt);
        mark(page, exchange->outputs[i].offset);
    }
    if ((exchange->raw_bitmap[0] | exchange->raw_bitmap[1]) != 0) {
        memcpy(page->valid_bitmap, exchange->raw_bitmap, sizeof(page->valid_bitmap));
    }
    page->sw_exitinfo1 = exchange->reply_info1;
    page->sw_exitinfo2 = exchange->reply_info2;
    if (exchange->returned_bytes != 0) {
        memcpy(page->shared_buffer, exchange->returned, exchange->returned_bytes);
    }
    lie_about_info(page, exchange->lie);
    lie_about_bits(page, exchange->lie);
}

static void page_exchange(struct scripted_host *host, const struct host_exchange *exchange)
{
    host->page_exits++;
    memcpy(&host->last, host->alias, sizeof(host->last));
    if (exchange == NULL) {
        host->serve(host, host->alias);
        return;
    }
    if (exchange->msr) {
        host_fail(host, "event 0x%llx by the page, expected MSR request 0x%llx",
                  (unsigned long long)host->last.sw_exitcode,
                  (unsigned long long)exchange->request);
        return;
    }
    compare_page(host, exchange);
    if (exchange->meanwhile != NULL) {
        host->in_hypervisor = false;
        exchange->meanwhile(exchange->argument);
        host->in_hypervisor = true;
    }
    answer(host, exchange);
}

/* ---- the MSR protocol ---- */

static uint64_t msr_lie(const struct host_exchange *exchange)
{
    switch (exchange->lie) {
    case HOST_MSR_UNCHANGED:
        return exchange->request;
    case HOST_MSR_ZERO:
        return 0;
    case HOST_MSR_ALL_ONES:
        return ~0ull;
    case HOST_MSR_OTHER_CODE:
        return exchange->response ^ 0x020;
    default:
        return exchange->response;
    }
}

static void msr_exchange(struct scripted_host *host, const struct host_exchange *exchange)
{
    host->msr_exits++;
    if (exchange == NULL) {
        host->serve(host, NULL);
        return;
    }
    if (exchange->msr == false) {
        host_fail(host, "GHCB MSR 0x%llx, expected event 0x%llx by the page",
                  (unsigned long long)host->ghcb_msr, (unsigned long long)exchange->event);
        return;
    }
    if (host->ghcb_msr != exchange->request) {
        host_fail(host, "MSR request 0x%llx, expected 0x%llx", (unsigned long long)host->ghcb_msr,
                  (unsigned long long)exchange->request);
    }
    if (exchange->meanwhile != NULL) {
        host->in_hypervisor = false;
        exchange->meanwhile(exchange->argument);
        host->in_hypervisor = true;
    }
    host->ghcb_msr = msr_lie(exchange);
}

uint64_t host_run_to_termination(struct scripted_host *host, unsigned resume,
                                 void (*call)(void *argument), void *argument)
{
    jmp_buf back;

    host->resume = resume;
    host->terminated = &back;
    host->termination = 0;
    if (setjmp(back) == 0) {
        call(argument);
    }
    host->terminated = NULL;
    host->in_hypervisor = false;
    return host->termination;
}

static void terminate(struct scripted_host *host)
{
    host->termination = host->ghcb_msr;
    if (host->resume > 0) {
        host->resume--;
        return;
    }
    longjmp(*(jmp_buf *)host->terminated, 1);
}

/* ---- the processor ---- */

static void vmgexit(struct scripted_host *host)
{
    const struct host_exchange *exchange = NULL;
    uint64_t msr = host->ghcb_msr;

    host->vmgexits++;
    if (host->interrupt_flag) {
        host_fail(host, "VMGEXIT number %u with interrupts on", host->vmgexits);
    }
    if (host->log_vmgexits) {
        host_log(host, HOST_OP_VMGEXIT, msr);
    }
    if (host->terminated != NULL && (msr & 0xFFF) == 0x100) {
        terminate(host);
        return;
    }
    if (host->script_next < host->script_length) {
        exchange = &host->script[host->script_next++];
    } else if (!host->lenient || host->serve == NULL) {
        host_fail(host, "VMGEXIT number %u: none was expected (GHCB MSR 0x%llx)", host->vmgexits,
                  (unsigned long long)msr);
        return;
    }
    if ((msr & 0xFFF) != 0) {
        msr_exchange(host, exchange);
        return;
    }
    if (msr != HOST_GHCB_GPA) {
        host_fail(host, "the GHCB MSR names 0x%llx, not the GHCB", (unsigned long long)msr);
        return;
    }
    page_exchange(host, exchange);
}

void sevc_arch_vmgexit(void)
{
    host_current->in_hypervisor = true;
    vmgexit(host_current);
    host_current->in_hypervisor = false;
}

uint64_t sevc_arch_rdmsr(uint32_t msr)
{
    host_current->rdmsrs++;
    switch (msr) {
    case SEVC_MSR_GHCB:
        return host_current->ghcb_msr;
    case SEVC_MSR_SEV_STATUS:
        return host_current->sev_status;
    default:
        host_fail(host_current, "RDMSR of 0x%x would be intercepted", msr);
        return 0;
    }
}

void sevc_arch_wrmsr(uint32_t msr, uint64_t value)
{
    if (msr != SEVC_MSR_GHCB) {
        host_fail(host_current, "WRMSR of 0x%x would be intercepted", msr);
        return;
    }
    host_current->wrmsrs++;
    host_current->ghcb_msr = value;
}

void sevc_arch_zero(volatile void *p, size_t count)
{
    __asm__ volatile("rep stosq" : "+D"(p), "+c"(count) : "a"(0ull) : "memory");
}

void sevc_arch_halt(void)
{
    host_log(host_current, HOST_OP_HALT, 0);
}

void sevc_arch_lidt(const void *descriptor)
{
    memcpy(host_current->idtr, descriptor, sizeof(host_current->idtr));
    host_log(host_current, HOST_OP_LIDT, (uintptr_t)descriptor);
}

void sevc_arch_clflush(const void *p)
{
    host_log(host_current, HOST_OP_CLFLUSH, (uintptr_t)p);
}

void sevc_arch_fence(void)
{
    host_log(host_current, HOST_OP_FENCE, 0);
}

void sevc_arch_invlpg(uint64_t va)
{
    host_log(host_current, HOST_OP_INVLPG, va);
}
