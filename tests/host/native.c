/* SPDX-License-Identifier: MIT */
/* The processor as the explicit calls see it: the interrupt flag, and native instructions, recorded. */
#include <string.h>

#include "../../src/arch/native.h"
#include "internal.h"

/* ---- the interrupt flag ---- */

static void check_ghcb_at_rest(struct scripted_host *host)
{
    if (!host->ghcb_in_use) {
        (void)host_is_at_rest(host); /* fails the test by itself */
    }
}

uint64_t sevc_arch_interrupts_save(void)
{
    struct scripted_host *host = host_current;
    bool were_on = host->interrupt_flag;

    check_ghcb_at_rest(host);
    host_log(host, HOST_OP_CLI, 0);
    host->interrupt_flag = false;
    return were_on ? SEVC_RFLAGS_IF : 0;
}

void sevc_arch_interrupts_on(void)
{
    struct scripted_host *host = host_current;

    check_ghcb_at_rest(host);
    host_log(host, HOST_OP_STI, 0);
    host->interrupt_flag = true;
}

const uint8_t *sevc_arch_copy_out(volatile void *to, const uint8_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        ((volatile uint8_t *)to)[i] = from[i];
    }
    return from + bytes;
}

uint8_t *sevc_arch_copy_in(uint8_t *to, const volatile void *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        to[i] = ((const volatile uint8_t *)from)[i];
    }
    return to + bytes;
}

/* ---- native instructions ---- */

static struct host_native *note(enum host_native_kind kind, uint64_t operand, uint64_t value,
                                unsigned bytes)
{
    struct scripted_host *host = host_current;
    struct host_native *entry = &host->native[host->natives % HOST_NATIVE_MAX];

    if (host->natives++ >= HOST_NATIVE_MAX) {
        host_fail(host, "more than %d native instructions in one test", HOST_NATIVE_MAX);
    }
    *entry = (struct host_native){ kind, operand, value, bytes, { 0 } };
    return entry;
}

void sevc_arch_native_cpuid(uint32_t regs[4])
{
    note(HOST_NATIVE_CPUID, regs[0], regs[2], 0);
    for (unsigned i = 0; i < 4; i++) {
        regs[i] = (uint32_t)host_current->native_answer[i];
    }
}

uint64_t sevc_arch_native_rdmsr(uint32_t msr)
{
    note(HOST_NATIVE_RDMSR, msr, 0, 0);
    return host_current->native_answer[0];
}

void sevc_arch_native_wrmsr(uint32_t msr, uint64_t value)
{
    note(HOST_NATIVE_WRMSR, msr, value, 0);
}

uint32_t sevc_arch_native_in(uint16_t port, unsigned bytes)
{
    note(HOST_NATIVE_IN, port, 0, bytes);
    return (uint32_t)host_current->native_answer[0];
}

void sevc_arch_native_out(uint16_t port, unsigned bytes, uint32_t value)
{
    note(HOST_NATIVE_OUT, port, value, bytes);
}

void sevc_arch_native_ins(uint16_t port, unsigned bytes, void *buffer, size_t count)
{
    note(HOST_NATIVE_INS, port, count, bytes);
    memset(buffer, (int)host_current->native_answer[0], bytes * count);
}

void sevc_arch_native_outs(uint16_t port, unsigned bytes, const void *buffer, size_t count)
{
    (void)buffer;
    note(HOST_NATIVE_OUTS, port, count, bytes);
}

uint64_t sevc_arch_native_load(const volatile void *address, unsigned bytes)
{
    note(HOST_NATIVE_LOAD, (uintptr_t)address, 0, bytes);
    return host_current->native_answer[0];
}

void sevc_arch_native_store(volatile void *address, unsigned bytes, uint64_t value)
{
    note(HOST_NATIVE_STORE, (uintptr_t)address, value, bytes);
}

void sevc_arch_native_vmmcall(uint64_t gpr[16])
{
    struct host_native *entry = note(HOST_NATIVE_VMMCALL, 0, 0, 0);

    memcpy(entry->gpr, gpr, sizeof(entry->gpr));
    for (unsigned i = 0; i < 16; i++) {
        gpr[i] = host_current->native_answer[0] + i;
    }
}
