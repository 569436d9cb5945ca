/* SPDX-License-Identifier: MIT */
/*
 * For programs that UEFI firmware starts: vector 29 taken and given back, the firmware's GHCB
 * adopted.
 *
 *     static struct sevc_uefi uefi;
 *     struct sevc_uefi *sevc_os_uefi(void) { return &uefi; }
 *
 *     result = sevc_uefi_enter(&uefi, &config, &report);
 *     ... explicit calls with &uefi.cpu; #VC of the program and of the firmware are sevc's ...
 *     sevc_uefi_leave(&uefi);
 *
 * The firmware goes on living beside the program: its timer interrupt, its services, its drivers.
 * It finds its GHCB by the GHCB MSR and keeps private data behind it, so sevc uses that very GHCB,
 * and no other address ever stands in the MSR. Vector 29 is taken by an IDT of the program's own, a
 * copy of the firmware's: why not by the firmware's protocols is in docs/uefi.md.
 *
 * One processor: the one that calls sevc_uefi_enter(). Others that the firmware starts meanwhile
 * may be given the same IDT; their exceptions are handed on to the firmware's handler.
 */
#ifndef SEVC_UEFI_H
#define SEVC_UEFI_H

#include <stdbool.h>
#include <stdint.h>

#include <sevc/cpu.h>
#include <sevc/idt.h>
#include <sevc/os.h>
#include <sevc/page.h>
#include <sevc/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What SIDT stores and LIDT loads (APM vol. 2, 4.6.5). */
struct sevc_uefi_idtr {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

#define SEVC_UEFI_IDT_GATES 256

/*
 * The state of a program under firmware: zeroed, in memory that stays (static, or EfiLoaderData).
 * Only CPU is for the program, to make explicit calls with; the rest is the library's.
 */
struct sevc_uefi {
    uint64_t firmware_entry; /* where the firmware's gate 29 leads */
    uint64_t firmware_msr;
    uint32_t firmware_usage; /* the end of its GHCB page */
    uint16_t firmware_version;
    bool entered;
    struct sevc_uefi_idtr firmware_idtr;
    struct sevc_paging paging;
    uint64_t cr4, xcr0, fs_base, gs_base; /* at sevc_uefi_enter() */
    struct sevc_cpu cpu;
    struct sevc_idt_gate idt[SEVC_UEFI_IDT_GATES] __attribute__((aligned(16)));
};

/* What sevc_uefi_enter() is given. */
struct sevc_uefi_config {
    void *backup; /* one page, 4 KiB aligned, private as all memory of UEFI is */
    const struct sevc_policy *policy;     /* NULL: sevc_uefi_policy; must outlive the use */
    struct sevc_cpuid_table *cpuid_table; /* pinned CPUID answers (cpuid.h); NULL: the host's */
    uint64_t linear_map; /* virtual address of physical address 0: 0, for UEFI maps identically */
};

/*
 * What firmware needs to be let do, for its code runs under sevc's handler too: INVD and
 * MONITOR/MWAIT are forwarded, VMMCALL is KVM's (OVMF tells the host of shared pages by it).
 */
extern const struct sevc_policy sevc_uefi_policy;

/*
 * Finds out whether this is an SEV-ES guest, adopts the firmware's GHCB and takes vector 29.
 *
 * The kind of guest is read from the MSR SEV_STATUS, which a host can neither intercept nor forge;
 * where it does not exist its #GP is caught, so that the call is safe on any x86-64 machine.
 *
 * uefi: zeroed, or left by sevc_uefi_leave(). config: read during the call only. report: not NULL.
 * Context: CPL 0, boot services or runtime, any interrupt state (kept; off inside). 1 VMGEXIT.
 *
 * SEVC_OK
 * SEVC_UNSUPPORTED  NOT_SEV_ES: nothing was changed, and uefi->cpu is now native (direct.h), so
 *                   that explicit calls execute the instructions themselves
 *                   SNP: refused, nothing was changed
 *                   NO_FIRMWARE_VC: the firmware has no gate 29, or the GHCB MSR holds no address of
 *                   a page: it is not one that lives as an SEV-ES guest
 * SEVC_FORBIDDEN    GHCB_PAGE: the GHCB is not mapped there, or not shared, or not writable
 * SEVC_INVALID      ARGUMENT: no page for backup; entered already
 * SEVC_HOST_ERROR   what sevc_platform_init() says
 */
enum sevc_result sevc_uefi_enter(struct sevc_uefi *uefi, const struct sevc_uefi_config *config,
                                 struct sevc_report *report);

/*
 * Gives vector 29 and the GHCB back: IDTR, MSR and the page's version field as they were, the rest
 * of the page zero. Not to be called after ExitBootServices(), where the firmware's handler is gone.
 * Context as for sevc_uefi_enter(), on the same processor. No VMGEXIT.
 *
 * SEVC_OK           also where the machine was found to be no SEV-ES guest
 * SEVC_FORBIDDEN    somebody has loaded another IDT since: nothing was changed
 * SEVC_INVALID      not entered
 */
enum sevc_result sevc_uefi_leave(struct sevc_uefi *uefi);

/*
 * Mandatory for who links these functions (see os.h for what a hook may do): the structure that was
 * given to sevc_uefi_enter(). Never NULL.
 */
struct sevc_uefi *sevc_os_uefi(void);

/*
 * Ready-made answers for the hooks of os.h: UEFI has one address space, maps it identically, and
 * keeps CR3, CR4, XCR0 and the bases of FS and GS as they are. A program that changes one of these
 * writes its own.
 */
bool sevc_uefi_translate(const struct sevc_uefi *uefi, uint64_t va, struct sevc_mapping *mapping);
bool sevc_uefi_copy(const struct sevc_uefi *uefi, struct sevc_copy *copy);
uint64_t sevc_uefi_register(const struct sevc_uefi *uefi, enum sevc_os_register which);

/* Never called, only named in gates: the entry of vector 29 that sevc_uefi_enter() installs. */
void sevc_uefi_entry(void);

/*
 * EFI_SYSTEM_CONTEXT_X64 (UEFI spec 2.10, 18.2.4): what firmware hands to exception callbacks. The
 * same layout under a name of ours, so that no header of UEFI is needed; cast the pointer.
 */
struct sevc_uefi_context {
    uint64_t exception_data; /* the error code */
    uint8_t fx_save_state[512];
    uint64_t dr0, dr1, dr2, dr3, dr6, dr7;
    uint64_t cr0, cr1, cr2, cr3, cr4, cr8;
    uint64_t rflags;
    uint64_t ldtr, tr;
    uint64_t gdtr[2], idtr[2];
    uint64_t rip;
    uint64_t gs, fs, es, ds, cs, ss;
    uint64_t rdi, rsi, rbp, rsp, rbx, rdx, rcx, rax;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
};

/*
 * sevc_handle_vc() for a driver that is handed this frame. Only RIP, RFLAGS and the 16 general
 * registers of CONTEXT are changed, and as sevc_handle_vc() says of its frame. It is the caller of
 * this function who must put them back; EDK2's dispatcher, for one, does not restore RBP.
 */
enum sevc_result sevc_uefi_handle_context(struct sevc_cpu *cpu, struct sevc_uefi_context *context,
                                          struct sevc_report *report);

#ifdef __cplusplus
}
#endif

#endif
