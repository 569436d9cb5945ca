/* SPDX-License-Identifier: MIT */
/* All that sevc asks of a UEFI program: five hooks, a page, a call at each end. */
#include "app.h"

/* doc: state */
struct sevc_uefi uefi;
static uint8_t backup[4096] __attribute__((aligned(4096)));

struct sevc_uefi *sevc_os_uefi(void)
{
    return &uefi;
}
/* doc: end */

/* doc: hooks */
bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping)
{
    (void)trap; /* one address space */
    return sevc_uefi_translate(&uefi, va, mapping);
}

bool sevc_os_copy(struct sevc_copy *copy)
{
    return sevc_uefi_copy(&uefi, copy);
}

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    (void)trap;
    return sevc_uefi_register(&uefi, which);
}

/* Whatever was not served: this example says what it was and ends the guest. */
void sevc_os_raise(struct sevc_trap *trap, const struct sevc_report *report)
{
    put_text = serial_text; /* the firmware's console could be what was interrupted */
    put_line("sevc-uefi: #VC 0x%lx at 0x%lx: %s, %s", report->exit_code, trap->rip,
             sevc_result_name(report->result), sevc_reason_name(report->reason));
    sevc_terminate(SEVC_TERM_GENERAL);
}
/* doc: end */

/* What must be found as it was. */
static struct sevc_uefi_idtr idtr_before;
static uint64_t msr_before;

static struct sevc_uefi_idtr idtr(void)
{
    struct sevc_uefi_idtr value;

    __asm__ volatile("sidt %0" : "=m"(value));
    return value;
}

/* The GHCB MSR never raises #VC; but it must exist. */
static uint64_t ghcb_msr(void)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(SEVC_MSR_GHCB));
    return (uint64_t)high << 32 | low;
}

/* doc: enter */
bool vc_enter(void)
{
    struct sevc_uefi_config config = { .backup = backup };
    struct sevc_report report;
    enum sevc_result result;

    idtr_before = idtr();
    result = sevc_uefi_enter(&uefi, &config, &report);
    if (result == SEVC_UNSUPPORTED && report.reason == SEVC_REASON_NOT_SEV_ES) {
        put_line("sevc-uefi: this machine is no SEV-ES guest: the same work, natively");
        return true; /* explicit calls with &uefi.cpu now execute the instructions */
    }
    if (result != SEVC_OK) {
        put_line("sevc-uefi: cannot take over: %s, %s", sevc_result_name(result),
                 sevc_reason_name(report.reason));
        return false;
    }
    put_line("sevc-uefi: SEV-ES guest, protocol version %u, C-bit %u; vector 29 is sevc's, the "
             "GHCB is the firmware's at 0x%lx",
             (unsigned)uefi.cpu.platform.version, (unsigned)uefi.cpu.platform.c_bit,
             uefi.cpu.ghcb.gpa);
    msr_before = uefi.cpu.ghcb.gpa;
    return true;
}

bool vc_leave(void)
{
    bool guest = sevc_cpu_ready(&uefi.cpu);
    enum sevc_result result = sevc_uefi_leave(&uefi);
    struct sevc_uefi_idtr now = idtr();
    bool restored = result == SEVC_OK && now.base == idtr_before.base &&
                    now.limit == idtr_before.limit && (!guest || ghcb_msr() == msr_before);

    put_line("sevc-uefi: IDT and GHCB MSR are %s the firmware's", restored ? "again" : "NOT");
    return restored;
}
/* doc: end */
