/* SPDX-License-Identifier: MIT */
/* Readying a CPU: from here on the runtime handler serves it. */
#include <stddef.h>

#include <sevc/cpuid.h>

#include "../arch/arch.h"
#include "exception.h"

#define PAGE_BYTES 4096u

static const struct sevc_policy default_policy = { 0 };

static bool is_page(const void *p)
{
    return p != NULL && (uintptr_t)p % PAGE_BYTES == 0;
}

static bool config_fits(const struct sevc_cpu_config *config)
{
    if (!is_page(config->ghcb.va) || !is_page(config->backup) ||
        config->ghcb.gpa != sevc_msr_ghcb(config->ghcb.gpa)) {
        return false;
    }
    if (config->stack != NULL &&
        (config->tss_ist == NULL || (uintptr_t)config->stack % SEVC_VC_STACK_BYTES != 0)) {
        return false;
    }
    if (config->cpuid_table != NULL && config->cpuid_table->magic != SEVC_CPUID_TABLE_MAGIC) {
        return false;
    }
    return config->like == NULL || sevc_cpu_ready(config->like);
}

/* The entry code finds CPU through the stack, and the stack through the IST slot. */
static void tie_stack(struct sevc_cpu *cpu, const struct sevc_cpu_config *config)
{
    struct sevc_vc_stack *stack = config->stack;

    stack->head.cpu = cpu;
    stack->head.tss_ist = config->tss_ist;
    *config->tss_ist = (uint64_t)(uintptr_t)(stack + 1);
}

enum sevc_result sevc_cpu_init(struct sevc_cpu *cpu, const struct sevc_cpu_config *config)
{
    struct sevc_report report;
    enum sevc_result result;

    sevc_arch_zero(cpu, sizeof(*cpu) / 8);
    if (!config_fits(config)) {
        return SEVC_INVALID;
    }
    if (config->like != NULL) {
        cpu->platform = config->like->platform;
    } else {
        result = sevc_platform_init(&cpu->platform, &report);
        if (result != SEVC_OK) {
            return result;
        }
    }
    cpu->ghcb = config->ghcb;
    cpu->backup = config->backup;
    cpu->policy = config->policy != NULL ? config->policy : &default_policy;
    cpu->dr7 = SEVC_DR7_RESET;
    cpu->cpuid_table = config->cpuid_table;
    sevc_arch_zero(cpu->ghcb.va, SEVC_GHCB_SIZE / 8);
    sevc_arch_wrmsr(SEVC_MSR_GHCB, sevc_msr_ghcb(cpu->ghcb.gpa));

    /* Last, and in this order: an NMI in between must not find half a CPU. */
    __atomic_store_n(&cpu->magic, SEVC_CPU_MAGIC, __ATOMIC_RELEASE);
    if (config->stack != NULL) {
        tie_stack(cpu, config);
    }
    return SEVC_OK;
}

bool sevc_cpu_ready(const struct sevc_cpu *cpu)
{
    return cpu != NULL && cpu->magic == SEVC_CPU_MAGIC;
}
