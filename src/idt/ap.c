/* SPDX-License-Identifier: MIT */
/* Starting other processors, and taking one offline (GHCB spec 2.03, 4.3). */
#include <stddef.h>

#include <sevc/ap.h>
#include <sevc/event.h>
#include <sevc/ghcb.h>
#include <sevc/svm.h>

#include "../ghcb/refuse.h"
#include "ap_trampoline.h"

#define PAGE_BYTES    4096u
#define REAL_MODE_END 0x100000ull
#define LOW_RAM_END   0xA0000ull /* video memory and ROMs: of the host */
#define CR4_PCIDE     (1u << 17) /* #GP outside long mode */
#define CR4_CET       (1u << 23) /* #GP before CR0.WP is set, which comes last */
#define EFER_LMA      (1u << 10)

/* ap_trampoline.S: bytes to be copied. */
extern const uint8_t sevc_ap_trampoline[];

/* An explicit call has no instruction that the host could ask an exception for. */
static enum sevc_result no_exception(struct sevc_report *report, enum sevc_result result)
{
    if (result == SEVC_EXCEPTION) {
        return sevc_refuse(report, SEVC_HOST_ERROR, SEVC_STAGE_REPLY, SEVC_REASON_BAD_INJECTION);
    }
    report->result = result;
    return result;
}

/* ---- the jump table ---- */

_Static_assert(offsetof(struct sevc_ap_jump_table, cs) == 2, "GHCB spec 2.03, 4.3.1");
_Static_assert(sizeof(struct sevc_ap_jump_table) == PAGE_BYTES, "GHCB spec 2.03, 4.3.1");

enum sevc_result sevc_ap_find_jump_table(struct sevc_cpu *cpu, uint64_t *gpa,
                                         struct sevc_report *report)
{
    struct sevc_session session;
    enum sevc_result result;

    *report = (struct sevc_report){ 0 };
    result = sevc_session_begin(&session, cpu, report);
    if (result != SEVC_OK) {
        return result;
    }
    if ((cpu->platform.sev_status & SEVC_STATUS_SNP) != 0) {
        result = sevc_refuse(report, SEVC_UNSUPPORTED, SEVC_STAGE_POLICY, SEVC_REASON_SNP);
    } else {
        result = no_exception(report, sevc_event_get_jump_table(&session, gpa));
    }
    sevc_session_end(&session);
    return result;
}

static bool is_real_mode_page(uint64_t gpa)
{
    return gpa != 0 && gpa % PAGE_BYTES == 0 && gpa < REAL_MODE_END;
}

enum sevc_result sevc_ap_jump_table_write(volatile struct sevc_ap_jump_table *table,
                                          uint64_t page_gpa)
{
    if (table == NULL || !is_real_mode_page(page_gpa)) {
        return SEVC_INVALID;
    }
    table->cs = (uint16_t)(page_gpa >> 4);
    table->ip = 0;
    return SEVC_OK;
}

/* ---- the trampoline ---- */

struct far_pointer {
    uint32_t offset;
    uint16_t selector;
    uint16_t reserved;
};

/* At AP_PARAMETERS of the page. What is constant in it, ap_trampoline.S has filled in. */
struct parameters {
    uint64_t gdt[4];
    uint16_t gdtr_limit;
    uint16_t gdtr_base_low; /* of the six bytes that LGDT reads, not aligned */
    uint16_t gdtr_base_high;
    uint16_t reserved_0;
    struct far_pointer to_32, to_64;
    uint32_t cr0, cr4, efer, free;
    uint64_t cr3, stack, entry, argument;
};

#define ASSERT_AT(field, at) _Static_assert(offsetof(struct parameters, field) == (at), #field)

ASSERT_AT(gdtr_limit, AP_GDTR);
ASSERT_AT(gdtr_base_low, AP_GDTR + 2);
ASSERT_AT(to_32, AP_TO_32);
ASSERT_AT(to_64, AP_TO_64);
ASSERT_AT(cr0, AP_CR0);
ASSERT_AT(cr4, AP_CR4);
ASSERT_AT(efer, AP_EFER);
ASSERT_AT(free, AP_FREE);
ASSERT_AT(cr3, AP_CR3);
ASSERT_AT(stack, AP_STACK);
ASSERT_AT(entry, AP_ENTRY);
ASSERT_AT(argument, AP_ARGUMENT);
_Static_assert(AP_PARAMETERS + sizeof(struct parameters) <= SEVC_AP_TRAMPOLINE_BYTES, "ap.h");
_Static_assert(AP_CODE_64 == SEVC_AP_CODE && AP_DATA == SEVC_AP_DATA, "ap.h");

static bool start_fits(const struct sevc_ap_start *start)
{
    uint64_t root = start->c_bit < 64 ? start->cr3 & ~(1ull << start->c_bit) : start->cr3;

    return (root | start->cr4 | start->cr0 | start->efer) >> 32 == 0 && start->stack % 16 == 0 &&
           (start->cr4 & (CR4_PCIDE | CR4_CET)) == 0;
}

static void copy(void *to, const void *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    }
}

static struct parameters fill_in(uint64_t page_gpa, const struct sevc_ap_start *start)
{
    struct parameters parameters;

    copy(&parameters, sevc_ap_trampoline + AP_PARAMETERS, sizeof(parameters));
    parameters.gdtr_base_low |= (uint16_t)page_gpa;
    parameters.gdtr_base_high = (uint16_t)(page_gpa >> 16);
    parameters.to_32.offset |= (uint32_t)page_gpa;
    parameters.to_64.offset |= (uint32_t)page_gpa;
    parameters.cr0 |= (uint32_t)start->cr0;
    parameters.cr4 |= (uint32_t)start->cr4;
    parameters.efer |= (uint32_t)start->efer & ~EFER_LMA;
    parameters.cr3 = start->cr3;
    parameters.stack = start->stack;
    parameters.entry = start->entry;
    parameters.argument = start->argument;
    return parameters;
}

/*
 * The host may send a processor through a page that has been placed before, at any moment. It finds
 * the code and what the code needs up to AP_FREE, byte by byte as they were, and then is stopped;
 * or, from the last store on, all that is new.
 */
enum sevc_result sevc_ap_trampoline_place(void *page, uint64_t page_gpa,
                                          const struct sevc_ap_start *start)
{
    struct parameters *parameters, filled;

    if (page == NULL || !is_real_mode_page(page_gpa) || page_gpa >= LOW_RAM_END ||
        !start_fits(start)) {
        return SEVC_INVALID;
    }
    filled = fill_in(page_gpa, start);
    parameters = (void *)((uint8_t *)page + AP_PARAMETERS);
    __atomic_store_n(&parameters->free, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* for the compiler: this processor keeps the order */
    copy(page, sevc_ap_trampoline, AP_PARAMETERS);
    copy(parameters, &filled, sizeof(filled));
    __atomic_store_n(&parameters->free, 1, __ATOMIC_RELEASE);
    return SEVC_OK;
}

/* ---- reset hold ---- */

enum sevc_result sevc_ap_reset_hold(struct sevc_cpu *cpu, struct sevc_report *report)
{
    struct sevc_session session;
    enum sevc_result result;
    bool woken = false;

    *report = (struct sevc_report){ 0 };
    result = sevc_session_begin(&session, cpu, report);
    if (result != SEVC_OK) {
        return result;
    }
    while (result == SEVC_OK && !woken) {
        result = sevc_event_ap_reset_hold(&session, &woken);
    }
    sevc_session_end(&session);
    return no_exception(report, result);
}

enum sevc_result sevc_ap_reset_hold_msr(struct sevc_report *report)
{
    enum sevc_result result = SEVC_OK;
    uint64_t woken = 0;

    *report = (struct sevc_report){ 0 };
    while (result == SEVC_OK && woken == 0) {
        report->info1 = sevc_msr_exchange(sevc_msr_ap_reset_hold_request());
        report->vmgexits++;
        result = sevc_msr_ap_reset_hold_response(report->info1, &woken);
    }
    if (result != SEVC_OK) {
        return sevc_refuse(report, result, SEVC_STAGE_REPLY, SEVC_REASON_BAD_RESPONSE);
    }
    return SEVC_OK;
}
