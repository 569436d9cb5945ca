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
#define CR0_PE        (1u << 0)
#define CR0_PG        (1u << 31)
#define CR4_PAE       (1u << 5)
#define CR4_PCIDE     (1u << 17)
#define EFER_LME      (1u << 8)
#define EFER_LMA      (1u << 10)

/* ap_trampoline.S: bytes to be copied, and places in them. */
extern const uint8_t sevc_ap_trampoline[];
extern const uint8_t sevc_ap_trampoline_32[];
extern const uint8_t sevc_ap_trampoline_64[];
extern const uint8_t sevc_ap_trampoline_end[];

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

/* At AP_PARAMETERS of the page. */
struct parameters {
    uint64_t gdt[4];
    uint16_t gdtr_limit;
    uint16_t gdtr_base[2]; /* of the six bytes that LGDT reads, not aligned */
    uint16_t reserved_0;
    struct far_pointer to_32, to_64;
    uint32_t cr0, cr4, efer, reserved_1;
    uint64_t cr3, stack, entry, argument;
};

#define ASSERT_AT(field, at) _Static_assert(offsetof(struct parameters, field) == (at), #field)

ASSERT_AT(gdtr_limit, AP_GDTR);
ASSERT_AT(gdtr_base, AP_GDTR + 2);
ASSERT_AT(to_32, AP_TO_32);
ASSERT_AT(to_64, AP_TO_64);
ASSERT_AT(cr0, AP_CR0);
ASSERT_AT(cr4, AP_CR4);
ASSERT_AT(efer, AP_EFER);
ASSERT_AT(cr3, AP_CR3);
ASSERT_AT(stack, AP_STACK);
ASSERT_AT(entry, AP_ENTRY);
ASSERT_AT(argument, AP_ARGUMENT);
_Static_assert(AP_PARAMETERS + sizeof(struct parameters) <= SEVC_AP_TRAMPOLINE_BYTES, "ap.h");
_Static_assert(AP_CODE_64 == SEVC_AP_CODE && AP_DATA == SEVC_AP_DATA, "ap.h");

/*
 * Flat segments, accessed already, so that the processor writes nothing (APM vol. 2, 4.7 and 4.8).
 */
static const uint64_t flat_gdt[4] = {
    [AP_CODE_64 / 8] = 0x00AF9B000000FFFFull,
    [AP_DATA / 8] = 0x00CF93000000FFFFull,
    [AP_CODE_32 / 8] = 0x00CF9B000000FFFFull,
};

static bool start_fits(const struct sevc_ap_start *start)
{
    uint64_t root = start->c_bit < 64 ? start->cr3 & ~(1ull << start->c_bit) : start->cr3;

    return root >> 32 == 0 && start->stack % 16 == 0 && start->cr4 >> 32 == 0 &&
           (start->cr4 & CR4_PCIDE) == 0 && start->cr0 >> 32 == 0 && start->efer >> 32 == 0;
}

/* The same, from the page's address on. */
static uint32_t place_of(uint64_t page_gpa, const uint8_t *label)
{
    return (uint32_t)(page_gpa + (uint64_t)(label - sevc_ap_trampoline));
}

enum sevc_result sevc_ap_trampoline_place(void *page, uint64_t page_gpa,
                                          const struct sevc_ap_start *start)
{
    uint32_t gdt = (uint32_t)page_gpa + AP_PARAMETERS;
    struct parameters parameters = {
        .gdtr_limit = sizeof(flat_gdt) - 1,
        .gdtr_base = { (uint16_t)gdt, (uint16_t)(gdt >> 16) },
        .to_32 = { place_of(page_gpa, sevc_ap_trampoline_32), AP_CODE_32, 0 },
        .to_64 = { place_of(page_gpa, sevc_ap_trampoline_64), AP_CODE_64, 0 },
        .cr0 = (uint32_t)start->cr0 | CR0_PE | CR0_PG,
        .cr4 = (uint32_t)start->cr4 | CR4_PAE,
        .efer = ((uint32_t)start->efer | EFER_LME) & ~EFER_LMA,
        .cr3 = start->cr3,
        .stack = start->stack,
        .entry = start->entry,
        .argument = start->argument,
    };
    uint8_t *to = page;

    if (page == NULL || !is_real_mode_page(page_gpa) || !start_fits(start)) {
        return SEVC_INVALID;
    }
    for (unsigned i = 0; i < 4; i++) {
        parameters.gdt[i] = flat_gdt[i];
    }
    for (const uint8_t *from = sevc_ap_trampoline; from < sevc_ap_trampoline_end; from++) {
        *to++ = *from;
    }
    __builtin_memcpy((uint8_t *)page + AP_PARAMETERS, &parameters, sizeof(parameters));
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
