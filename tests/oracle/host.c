/* SPDX-License-Identifier: MIT */
/*
 * The processor's side of the library (src/arch/arch.h, SEVC_ARCH_HOSTED): a hypervisor that
 * answers honestly, device memory from the shadows (GHCB spec 2.03, 4.1.4). What it does not
 * expect it objects to.
 */
#include "host.h"

#include <stdlib.h>
#include <string.h>

#include "../../src/arch/arch.h"

#define C_BIT 51

struct oracle_answers oracle_answers;

static struct sevc_ghcb_page page __attribute__((aligned(SEVC_GHCB_SIZE)));
static uint64_t ghcb_msr;

void *oracle_host_page(void)
{
    return &page;
}

bool oracle_host_page_is_clean(void)
{
    const uint64_t *words = (const uint64_t *)(const void *)&page;
    uint64_t any = 0;

    for (unsigned i = 0; i < sizeof(page) / 8; i++) {
        any |= words[i];
    }
    return any == 0;
}

static bool is_valid(unsigned offset)
{
    unsigned index = SEVC_GHCB_VALID_INDEX(offset);

    return (page.valid_bitmap[index / 64] >> (index % 64) & 1) != 0;
}

static void answer(unsigned offset, uint64_t value)
{
    unsigned index = SEVC_GHCB_VALID_INDEX(offset);

    memcpy((uint8_t *)&page + offset, &value, sizeof(value));
    page.valid_bitmap[index / 64] |= 1ull << (index % 64);
}

/* ---- device memory ---- */

static void note_access(uint64_t gpa, uint64_t bytes, bool write)
{
    unsigned number = oracle_trace->reads + oracle_trace->writes;

    if (number < ORACLE_TRACE_MAX) {
        oracle_trace->first[number].gpa = gpa;
        oracle_trace->first[number].bytes = (uint8_t)bytes;
        oracle_trace->first[number].write = write;
    }
    oracle_trace->sizes |= (unsigned)bytes;
    if (write) {
        oracle_trace->writes++;
    } else {
        oracle_trace->reads++;
    }
}

static bool is_access_size(uint64_t bytes)
{
    return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
}

static void serve_mmio(bool write)
{
    uint64_t gpa = page.sw_exitinfo1;
    uint64_t bytes = page.sw_exitinfo2;
    enum oracle_window window;
    uint8_t *memory;

    if (!is_access_size(bytes)) {
        oracle_object("MMIO: not a size");
        return;
    }
    if (!is_valid(SEVC_GHCB_OFF_SW_SCRATCH) ||
        page.sw_scratch != ORACLE_HOST_GPA + SEVC_GHCB_OFF_SHARED_BUFFER) {
        oracle_object("MMIO: SW_SCRATCH");
        return;
    }
    memory = oracle_shadow_of_gpa(gpa, bytes, &window);
    if (memory == NULL || !oracle_is_device(window)) {
        oracle_object("MMIO: no such device memory");
        return;
    }
    note_access(gpa, bytes, write);
    if (write) {
        memcpy(memory, page.shared_buffer, bytes);
    } else {
        memcpy(page.shared_buffer, memory, bytes);
    }
}

/* ---- the other events ---- */

static void answer_32(unsigned offset, uint32_t value)
{
    answer(offset, oracle_answers.high << 32 | value);
}

static void serve_cpuid(void)
{
    answer_32(SEVC_GHCB_OFF_RAX, oracle_answers.cpuid.eax);
    answer_32(SEVC_GHCB_OFF_RBX, oracle_answers.cpuid.ebx);
    answer_32(SEVC_GHCB_OFF_RCX, oracle_answers.cpuid.ecx);
    answer_32(SEVC_GHCB_OFF_RDX, oracle_answers.cpuid.edx);
}

static void serve_ioio(void)
{
    oracle_answers.info1 = page.sw_exitinfo1;
    if (page.sw_exitinfo1 & SEVC_IOIO_IN) {
        answer(SEVC_GHCB_OFF_RAX, oracle_answers.in);
    } else {
        oracle_answers.out = page.rax;
    }
}

static void serve(void)
{
    uint64_t event = page.sw_exitcode;

    switch (event) {
    case SEVC_NAE_MMIO_READ:
    case SEVC_NAE_MMIO_WRITE:
        serve_mmio(event == SEVC_NAE_MMIO_WRITE);
        break;
    case SEVC_EXIT_CPUID:
        serve_cpuid();
        break;
    case SEVC_EXIT_RDTSCP:
        answer(SEVC_GHCB_OFF_RCX, oracle_answers.aux);
        /* fall through */
    case SEVC_EXIT_RDTSC:
        answer_32(SEVC_GHCB_OFF_RAX, (uint32_t)oracle_answers.tsc);
        answer_32(SEVC_GHCB_OFF_RDX, (uint32_t)(oracle_answers.tsc >> 32));
        break;
    case SEVC_EXIT_IOIO:
        serve_ioio();
        break;
    default:
        oracle_object("an event that no case needs");
    }
}

/* Register number in bits 31:30, its value in bits 63:32 (GHCB spec 2.03, 2.3.1). */
static uint64_t cpuid_response(uint64_t request)
{
    const struct sevc_cpuid_regs *regs = &oracle_answers.cpuid;
    const uint32_t values[4] = { regs->eax, regs->ebx, regs->ecx, regs->edx };
    unsigned number = (unsigned)(request >> 30) & 3;

    return (uint64_t)values[number] << 32 | (uint64_t)number << 30 | SEVC_GHCB_MSR_CPUID_RESP;
}

static void serve_msr(void)
{
    switch (ghcb_msr & SEVC_GHCB_MSR_INFO_MASK) {
    case SEVC_GHCB_MSR_SEV_INFO_REQ:
        ghcb_msr = 2ull << 48 | 1ull << 32 | (uint64_t)C_BIT << 24 | SEVC_GHCB_MSR_SEV_INFO_RESP;
        break;
    case SEVC_GHCB_MSR_CPUID_REQ:
        ghcb_msr = cpuid_response(ghcb_msr);
        break;
    default:
        oracle_object("a request of the MSR protocol that no case needs");
    }
}

void sevc_arch_vmgexit(void)
{
    if ((ghcb_msr & SEVC_GHCB_MSR_INFO_MASK) != 0) {
        serve_msr();
        return;
    }
    if (ghcb_msr != ORACLE_HOST_GPA || !is_valid(SEVC_GHCB_OFF_SW_EXITCODE) ||
        !is_valid(SEVC_GHCB_OFF_SW_EXITINFO1) || !is_valid(SEVC_GHCB_OFF_SW_EXITINFO2) ||
        page.protocol_version != 2 || page.ghcb_usage != SEVC_GHCB_USAGE_STANDARD) {
        oracle_object("VMGEXIT: a malformed request");
        page.sw_exitinfo1 = SEVC_REPLY_REJECTED;
        return;
    }
    serve();
    page.sw_exitinfo1 = oracle_trace->violation == NULL ? SEVC_REPLY_OK : SEVC_REPLY_REJECTED;
    page.sw_exitinfo2 = 0;
}

/* ---- the rest of the processor ---- */

uint64_t sevc_arch_rdmsr(uint32_t msr)
{
    return msr == SEVC_MSR_GHCB ? ghcb_msr : SEVC_STATUS_SEV | SEVC_STATUS_SEV_ES;
}

void sevc_arch_wrmsr(uint32_t msr, uint64_t value)
{
    if (msr != SEVC_MSR_GHCB) {
        oracle_object("WRMSR of another MSR");
        return;
    }
    ghcb_msr = value;
}

void sevc_arch_zero(volatile void *p, size_t count)
{
    memset((void *)(uintptr_t)p, 0, count * 8);
}

void sevc_arch_halt(void)
{
    abort();
}

void sevc_arch_lidt(const void *descriptor)
{
    (void)descriptor;
    oracle_object("LIDT");
}

void sevc_arch_clflush(const void *p)
{
    (void)p;
    oracle_object("CLFLUSH");
}

void sevc_arch_fence(void)
{
}

void sevc_arch_invlpg(uint64_t va)
{
    (void)va;
    oracle_object("INVLPG");
}
