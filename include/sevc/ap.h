/* SPDX-License-Identifier: MIT */
/*
 * Application processors (APs) of an SEV-ES guest. The host cannot set the registers of such a
 * processor, so INIT and SIPI only wake it, in a place where firmware has parked it (AP reset
 * hold); the SIPI's vector means nothing. From there it jumps through the AP jump table.
 *
 * The order, on the processor that starts another one:
 *
 *     sevc_ap_find_jump_table()    once: where the table is (on SNP: sevc_ap_secrets_jump_table()),
 *                                  which the kernel then compares with its memory map
 *     sevc_ap_trampoline_place()   the start-up code in a private page below 1 MiB
 *     sevc_ap_jump_table_write()   point the table at it
 *     INIT, SIPI by the local APIC (the kernel's own driver), repeated until the AP appears
 *
 * Source: GHCB spec 2.03, 4.3 and 4.3.1.
 */
#ifndef SEVC_AP_H
#define SEVC_AP_H

#include <stdint.h>

#include <sevc/cpu.h>
#include <sevc/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the AP jump table ---- */

/* A private page, reserved by the firmware: the far pointer that a woken AP jumps through. */
struct sevc_ap_jump_table {
    uint16_t ip;
    uint16_t cs;
    uint8_t reserved[4092];
};

/*
 * Asks the hypervisor where the table is. *gpa: 0 if the firmware has published none (one
 * processor), else 4 KiB aligned and below 4 GiB. Map it with the C-bit.
 *
 * That is the host's word, and all that can be checked here: it may name any page, one of the
 * kernel's too, and sevc_ap_jump_table_write() would overwrite its first four bytes. The kernel
 * has to refuse a page that is not reserved in its memory map (E820 type 2), and one that is its
 * own: image, page tables, stacks, GHCBs, heap, modules. Where the map is the host's word too, only
 * the second counts. examples/kernel/smp.c, find_jump_table().
 *
 * cpu: this CPU's, ready. Interrupts off. report: not NULL, filled in.
 * SEVC_OK
 * SEVC_UNSUPPORTED  SNP: there the address is in the secrets page, and the host's word counts
 *                   for nothing; it has not been asked
 * SEVC_FORBIDDEN    NOT_READY, NESTING
 * SEVC_HOST_ERROR   BAD_RESPONSE: not aligned, or too high; and as sevc_session_exchange()
 */
enum sevc_result sevc_ap_find_jump_table(struct sevc_cpu *cpu, uint64_t *gpa,
                                         struct sevc_report *report);

/*
 * SEV-SNP's secrets page, as far as it is of interest here (SEV-SNP firmware ABI, 8.17.2.5
 * PAGE_TYPE_SECRETS; its guest area, from 0xA0 on: GHCB spec 2.03, 2.7). The secure processor has
 * filled it at launch; the guest area is the guest's own, and its firmware's before.
 */
struct sevc_snp_secrets_page {
    uint32_t version; /* not 0 */
    uint32_t imi_enabled;
    uint32_t family_model_stepping;
    uint32_t reserved_0;
    uint8_t os_visible_workarounds[16];
    uint8_t vmpck[4][32];
    uint32_t message_sequence_low[4]; /* the guest area */
    uint64_t ap_jump_table_gpa;
    uint8_t others[3912];
};

/*
 * The table's address on SNP: from the secrets page that the firmware hands on, never from the
 * host. *gpa: as for sevc_ap_find_jump_table(); 0 where the firmware has published no table, as
 * most have not: AP creation starts an SNP guest's processors then.
 *
 * sev_status: the MSR's value, cpu.platform.sev_status. secrets: the page, mapped with the C-bit.
 * No exit, any context. SEVC_OK
 * SEVC_INVALID      SECRETS is NULL, or not at a page's beginning
 * SEVC_UNSUPPORTED  no SNP guest: a page that says to be this one is the host's invention
 * SEVC_HOST_ERROR   the page was never filled (version 0), or the address is not aligned, or is
 *                   4 GiB or above
 * In all but the first, *gpa is left alone.
 */
enum sevc_result sevc_ap_secrets_jump_table(uint64_t sev_status,
                                            const struct sevc_snp_secrets_page *secrets,
                                            uint64_t *gpa);

/*
 * Makes the table lead to the page at PAGE_GPA (4 KiB aligned, below 1 MiB, else SEVC_INVALID):
 * CS = page_gpa >> 4, IP = 0, in this order. All APs share the table: write it, start one, wait
 * until it is there. TABLE: of an address that the kernel has checked, see above.
 */
enum sevc_result sevc_ap_jump_table_write(volatile struct sevc_ap_jump_table *table,
                                          uint64_t page_gpa);

/* ---- the trampoline: from real mode to the kernel's first 64-bit function ---- */

/* What the kernel wants to find there. */
struct sevc_ap_start {
    uint64_t cr3;      /* tables below 4 GiB, that also map the trampoline's page at virtual =
                          physical, executable, private; may contain the C-bit */
    uint64_t cr0;      /* as the kernel runs with: PE and PG are added */
    uint64_t cr4;      /* PAE is added; no bit above 31, no PCIDE (it needs long mode), no CET
                          (it needs CR0.WP, which comes later): the entry may set both */
    uint64_t efer;     /* NXE, SCE; LME is added, LMA left out */
    uint64_t stack;    /* top of the AP's stack: 16-byte aligned */
    uint64_t entry;    /* 64-bit address of a C function (argument), which must not return;
                          interrupts are off */
    uint64_t argument; /* the kernel's */
    uint8_t c_bit;     /* its position, for the check of CR3 */
};

/* Segments in force at the entry: selector 0x08 64-bit code, 0x10 data (DS, ES, SS), in a GDT that
 * lies in the page. The entry loads its own GDT, then the IDT with gate 29 in it, then TR. Until
 * then nothing may raise #VC, and the trampoline does not: CR0, CR3, CR4 and EFER never do. */
#define SEVC_AP_CODE 0x08
#define SEVC_AP_DATA 0x10

/* Bytes of the page that are used. */
#define SEVC_AP_TRAMPOLINE_BYTES 512

/*
 * Copies the trampoline to PAGE, a private page (mapped with the C-bit) whose guest-physical
 * address is PAGE_GPA: 4 KiB aligned, 0x1000 to 0x9F000.
 *
 * Which processor comes through is the host's choice, and when, and whether several do: leaving
 * reset hold is the host's word alone. Each placing lets one through, the first; a second one is
 * stopped in the page, for good, before it uses anything of START. So a kernel
 * - knows an AP by what it has placed for it (START's argument), never by the APIC ID that it
 *   reads, which is the host's too; and counts the one that came, not the one that it has sent for;
 * - places anew for each AP, in the same page if the one before has been seen in its entry. If
 *   none has been seen, one may still be on its way: that page is not placed anew;
 * - leaves the page as it is for as long as the jump table leads to it.
 *
 * SEVC_OK; SEVC_INVALID, and nothing is written: an address out of its range, CR3 too high, the
 * stack not aligned, a bit of CR4 that must not be there.
 */
enum sevc_result sevc_ap_trampoline_place(void *page, uint64_t page_gpa,
                                          const struct sevc_ap_start *start);

/* ---- AP reset hold: offline, and back ---- */

/*
 * Takes this processor offline: waits in AP reset hold until another one has sent INIT and SIPI,
 * then returns, registers unchanged, in the mode it was in. A VMGEXIT that comes back for another
 * reason is repeated.
 *
 * Before: interrupts off, no session open (not in a handler), nobody counts on this CPU any more
 * (TLB shootdowns, interrupts bound to it). The GHCB and its page must stay as they are
 * meanwhile: a kernel that wants to take them away uses the MSR protocol. After: the local APIC
 * is as after INIT, software-disabled and masked; NMIs that came meanwhile are lost.
 *
 * report: not NULL. SEVC_OK: woken. Others: this CPU goes on, it has not been held (any longer).
 */
enum sevc_result sevc_ap_reset_hold(struct sevc_cpu *cpu, struct sevc_report *report);

/*
 * The same by the MSR protocol (request 0x006, protocol version 2): needs no GHCB, no state. The
 * GHCB MSR is put back.
 */
enum sevc_result sevc_ap_reset_hold_msr(struct sevc_report *report);

#ifdef __cplusplus
}
#endif

#endif
