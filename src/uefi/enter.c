/* SPDX-License-Identifier: MIT */
/* Between firmware and program: vector 29 and the GHCB, taken and given back. */
#include <stddef.h>

#include <sevc/direct.h>
#include <sevc/ghcb.h>
#include <sevc/svm.h>
#include <sevc/vc.h>

#include "../arch/arch.h"
#include "../arch/control.h"
#include "../arch/native.h"
#include "../ghcb/refuse.h"
#include "uefi.h"

#define PAGE_BYTES   4096u
#define CR4_LA57     (1ull << 12)
#define CR4_OSXSAVE  (1ull << 18)
#define GATE_PRESENT 0x80u

/* ---- the IDT ---- */

/* Ours is the firmware's, gate by gate, as far as that goes. */
static void copy_idt(struct sevc_uefi *uefi)
{
    const struct sevc_idt_gate *gates = (const void *)(uintptr_t)uefi->firmware_idtr.base;
    size_t count = (uefi->firmware_idtr.limit + 1u) / sizeof(*gates);

    for (size_t i = 0; i < SEVC_UEFI_IDT_GATES; i++) {
        uefi->idt[i] = i < count ? gates[i] : (struct sevc_idt_gate){ 0 };
    }
}

static void load_own_idt(const struct sevc_uefi *uefi)
{
    struct sevc_uefi_idtr idtr = {
        .limit = sizeof(uefi->idt) - 1,
        .base = (uint64_t)(uintptr_t)uefi->idt,
    };

    sevc_arch_lidt(&idtr);
}

static bool own_idt_is_loaded(const struct sevc_uefi *uefi)
{
    struct sevc_uefi_idtr idtr = { 0 };

    sevc_arch_sidt(&idtr);
    return idtr.base == (uint64_t)(uintptr_t)uefi->idt;
}

static uint64_t gate_target(const struct sevc_idt_gate *gate)
{
    return gate->offset_low | (uint64_t)gate->offset_middle << 16 |
           (uint64_t)gate->offset_high << 32;
}

/* ---- what the machine and the firmware are ---- */

/*
 * CPUID could say whether there is an SEV_STATUS, but CPUID is the host's to answer, and one that
 * denies SEV would have the program believe it is alone (Radev and Morbitzer, 2020). The MSR itself
 * is asked instead, and the #GP of a processor without it caught.
 */
static uint64_t read_sev_status(struct sevc_uefi *uefi)
{
    struct sevc_idt_gate *gp = &uefi->idt[SEVC_VECTOR_GP];
    struct sevc_idt_gate firmwares = *gp;
    uint64_t status;

    sevc_idt_make_gate(gp, sevc_uefi_no_msr, sevc_arch_cs(), 0);
    load_own_idt(uefi);
    status = sevc_arch_rdmsr(SEVC_MSR_SEV_STATUS);
    sevc_arch_lidt(&uefi->firmware_idtr);
    *gp = firmwares;
    return status;
}

/* As UEFI has it, the GHCB's address is virtual and physical; and it must be there, and shared. */
bool sevc_uefi_is_shared(const struct sevc_uefi *uefi, uint64_t gpa)
{
    struct sevc_mapping mapping;

    return sevc_walk(&uefi->paging, uefi->paging.linear_map + gpa, &mapping) &&
           mapping.gpa == gpa && !mapping.encrypted && mapping.writable;
}

/* The registers that sevc_uefi_register() and the walks will need. */
static void read_registers(struct sevc_uefi *uefi, uint64_t linear_map, uint8_t c_bit)
{
    uefi->cr4 = sevc_arch_cr4();
    uefi->xcr0 = (uefi->cr4 & CR4_OSXSAVE) != 0 ? sevc_arch_xcr0() : 1;
    uefi->fs_base = sevc_arch_native_rdmsr(SEVC_MSR_FS_BASE);
    uefi->gs_base = sevc_arch_native_rdmsr(SEVC_MSR_GS_BASE);
    uefi->paging = (struct sevc_paging){
        .cr3 = sevc_arch_cr3(),
        .linear_map = linear_map,
        .c_bit = c_bit,
        .la57 = (uefi->cr4 & CR4_LA57) != 0,
    };
}

/* ---- taking over ---- */

static enum sevc_result adopt_ghcb(struct sevc_uefi *uefi, const struct sevc_uefi_config *config,
                                   struct sevc_report *report)
{
    struct sevc_cpu like = { .magic = SEVC_CPU_MAGIC };
    uint64_t va = config->linear_map + uefi->firmware_msr;
    struct sevc_ghcb_page *page = (void *)(uintptr_t)va;
    struct sevc_cpu_config cpu = {
        .ghcb = { .va = page, .gpa = uefi->firmware_msr },
        .backup = config->backup,
        .policy = config->policy != NULL ? config->policy : &sevc_uefi_policy,
        .like = &like,
        .cpuid_table = config->cpuid_table,
    };
    enum sevc_result result = sevc_platform_init(&like.platform, report);

    if (result != SEVC_OK) {
        return result;
    }
    read_registers(uefi, config->linear_map, like.platform.c_bit);
    if (!sevc_uefi_is_shared(uefi, uefi->firmware_msr)) {
        return sevc_refuse(report, SEVC_FORBIDDEN, SEVC_STAGE_TRANSLATE, SEVC_REASON_GHCB_PAGE);
    }
    /* The host's to read and to write as well: of no meaning but to be put back. */
    uefi->firmware_version = page->protocol_version;
    uefi->firmware_usage = page->ghcb_usage;
    result = sevc_cpu_init(&uefi->cpu, &cpu);
    if (result != SEVC_OK) {
        return sevc_refuse(report, result, SEVC_STAGE_NONE, SEVC_REASON_ARGUMENT);
    }
    uefi->cpu.firmware_uses_ghcb = 1;
    return SEVC_OK;
}

static enum sevc_result take_over(struct sevc_uefi *uefi, const struct sevc_uefi_config *config,
                                  struct sevc_report *report)
{
    struct sevc_idt_gate *gate = &uefi->idt[SEVC_VC_VECTOR];
    enum sevc_result result;

    sevc_arch_sidt(&uefi->firmware_idtr);
    copy_idt(uefi);
    if ((read_sev_status(uefi) & SEVC_STATUS_SEV_ES) == 0) {
        sevc_native_init(&uefi->cpu);
        return sevc_refuse(report, SEVC_UNSUPPORTED, SEVC_STAGE_POLICY, SEVC_REASON_NOT_SEV_ES);
    }
    uefi->firmware_msr = sevc_arch_rdmsr(SEVC_MSR_GHCB);
    uefi->firmware_entry = gate_target(gate);
    if ((gate->attributes & GATE_PRESENT) == 0 || uefi->firmware_msr == 0 ||
        uefi->firmware_msr != sevc_msr_ghcb(uefi->firmware_msr)) {
        return sevc_refuse(report, SEVC_UNSUPPORTED, SEVC_STAGE_POLICY, SEVC_REASON_NO_FIRMWARE_VC);
    }
    result = adopt_ghcb(uefi, config, report);
    if (result != SEVC_OK) {
        return result;
    }
    sevc_idt_make_gate(gate, sevc_uefi_entry, sevc_arch_cs(), 0);
    uefi->entered = true;
    load_own_idt(uefi);
    return SEVC_OK;
}

enum sevc_result sevc_uefi_enter(struct sevc_uefi *uefi, const struct sevc_uefi_config *config,
                                 struct sevc_report *report)
{
    enum sevc_result result;
    uint64_t rflags;

    *report = (struct sevc_report){ 0 };
    if (uefi->entered || config->backup == NULL || (uintptr_t)config->backup % PAGE_BYTES != 0) {
        return sevc_refuse(report, SEVC_INVALID, SEVC_STAGE_NONE, SEVC_REASON_ARGUMENT);
    }
    uefi->cpu.magic = 0;
    rflags = sevc_arch_interrupts_save();
    result = take_over(uefi, config, report);
    sevc_arch_interrupts_restore(rflags);
    return result;
}

/* ---- giving back ---- */

static enum sevc_result give_back(struct sevc_uefi *uefi)
{
    struct sevc_ghcb_page *page = uefi->cpu.ghcb.va;

    if (!own_idt_is_loaded(uefi)) {
        return SEVC_FORBIDDEN;
    }
    sevc_arch_zero(page, SEVC_GHCB_SIZE / 8);
    page->protocol_version = uefi->firmware_version;
    page->ghcb_usage = uefi->firmware_usage;
    sevc_arch_wrmsr(SEVC_MSR_GHCB, uefi->firmware_msr);
    sevc_arch_lidt(&uefi->firmware_idtr);
    uefi->cpu.magic = 0;
    uefi->entered = false;
    return SEVC_OK;
}

enum sevc_result sevc_uefi_leave(struct sevc_uefi *uefi)
{
    enum sevc_result result;
    uint64_t rflags;

    if (!uefi->entered) {
        return uefi->cpu.magic == SEVC_CPU_NATIVE_MAGIC ? SEVC_OK : SEVC_INVALID;
    }
    rflags = sevc_arch_interrupts_save();
    result = give_back(uefi);
    sevc_arch_interrupts_restore(rflags);
    return result;
}
