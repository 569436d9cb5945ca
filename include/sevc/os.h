/* SPDX-License-Identifier: MIT */
/*
 * The porting layer: functions that the integrator writes. All of them are link-time symbols, so
 * that a missing one is a link error and never a null call.
 *
 * What holds for every hook: it runs in the #VC handler, on the #VC stack, with interrupts off. It
 * must not raise #VC (no CPUID, no MSR but FS/GS base, no port, no MMIO), must not take a lock
 * that the interrupted code may hold, must not enable interrupts, and must not change the
 * mappings that it reports. A hook may be called several times for one exception.
 *
 * Mandatory: translate, copy, register, raise. The others have weak defaults, which the comment of
 * each states. docs/porting.md walks through them.
 */
#ifndef SEVC_OS_H
#define SEVC_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/status.h>
#include <sevc/trap.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sevc_cpu;

/* A linear address, translated. */
struct sevc_mapping {
    uint64_t gpa;        /* of the very byte asked for; the C-bit is not part of it */
    uint64_t page_bytes; /* size of the page that maps it: 4 KiB, 2 MiB or 1 GiB */
    bool encrypted;      /* C-bit set in the last-level entry */
    bool writable;       /* at every level */
    bool user;           /* at every level */
    bool executable;     /* at every level */
};

/*
 * Translates VA in the address space that TRAP was interrupted in.
 * Returns false, and leaves *MAPPING alone, where nothing is mapped. sevc_walk() (page.h) does
 * it for a kernel that has its page tables in a linear map.
 */
bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping);

enum sevc_access {
    SEVC_ACCESS_READ,        /* guest memory to buffer */
    SEVC_ACCESS_WRITE,       /* buffer to guest memory */
    SEVC_ACCESS_FETCH,       /* guest memory to buffer, as the processor fetches instructions */
    SEVC_ACCESS_PROBE_READ,  /* would a read succeed? No data moves, the buffer is NULL */
    SEVC_ACCESS_PROBE_WRITE, /* would a write succeed? Likewise; must break copy-on-write, if any */
};

/*
 * One copy between the interrupted context's memory and a private buffer. The hook leaves alone what
 * is not marked "out": the next copy may be asked for by the same structure.
 */
struct sevc_copy {
    const struct sevc_trap *trap;
    uint64_t va;
    void *buffer; /* of INS and OUTS the GHCB itself: copy, and do not interpret */
    size_t bytes; /* 1 to 4096; may span pages */
    enum sevc_access access;
    uint32_t user;           /* 1: with the rights of CPL 3, kernel addresses must fault; else 0 */
    size_t done;             /* out: bytes copied, from the lowest address on, before the fault */
    struct sevc_fault fault; /* out, with false: the first failing address and its error code */
};

/*
 * Copies fault-safely. Returns true when all bytes were copied (or would be, for a probe). On a
 * fault returns false, with DONE and FAULT filled in as the processor would report it: vector 14
 * with CR2 and the error code's P, W, U, I bits, or 13 for a non-canonical address. Every byte is
 * read or written exactly once. sevc_walk_copy() (page.h) is a ready-made one.
 */
bool sevc_os_copy(struct sevc_copy *copy);

/* State of the processor that could not be read here without an intercept. */
enum sevc_os_register {
    SEVC_OS_CR4,
    SEVC_OS_XCR0,      /* the value in force; 1 if CR4.OSXSAVE is 0, which sevc does not look at */
    SEVC_OS_XSS,       /* IA32_XSS, 0 if unused */
    SEVC_OS_FS_BASE,   /* of the interrupted context */
    SEVC_OS_GS_BASE,   /* of the interrupted context: mind SWAPGS when it was user mode */
    SEVC_OS_CODE_BITS, /* 64, or 32 or 16 if TRAP's CS is a compatibility-mode segment */
};

/*
 * Returns the kernel's own copy of a register, as it was when TRAP was interrupted. TRAP is NULL
 * in an explicit call (direct.h): the register as it is now; CR4, XCR0 and XSS only.
 */
uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which);

/*
 * Called by the entry code of src/idt when sevc_handle_vc() ended with anything but SEVC_OK and
 * SEVC_RETRY. For SEVC_EXCEPTION and SEVC_OK_TRAP: deliver report->fault to the interrupted code
 * (change TRAP so that the return goes to your handler, or call it). Otherwise: the report says
 * what went wrong; print it and stop, or end the user process. Returning continues at TRAP.
 * On this path only, the hook may itself raise #VC (one level).
 */
void sevc_os_raise(struct sevc_trap *trap, const struct sevc_report *report);

/*
 * Called by the entry code of src/idt after every sevc_handle_vc(), whatever the result and before
 * sevc_os_raise(): for statistics. report->vmgexits VMGEXITs of event report->nae_code were needed.
 * The early handler does not call it. Weak default: nothing.
 */
void sevc_os_account(const struct sevc_report *report);

/*
 * The state of this CPU. Needed only by kernels that use the entry without IST
 * (sevc_vc_entry_plain); NULL means not set up yet: the early handler serves the exception.
 * Weak default: NULL.
 */
struct sevc_cpu *sevc_os_this_cpu(void);

/*
 * May code at CPL > IOPL use BYTES (1, 2, 4) ports from PORT on? Look into the TSS's I/O
 * permission bitmap, limit included: the check in the processor can be raced (CVE-2023-46813).
 * Weak default: false. Not asked when CPL <= IOPL.
 */
bool sevc_os_io_allowed(const struct sevc_trap *trap, uint16_t port, unsigned bytes);

/*
 * May the handler emulate this access to unencrypted memory? Weak default: true.
 */
bool sevc_os_mmio_allowed(const struct sevc_trap *trap, uint64_t gpa, unsigned bytes, bool write);

/*
 * A #VC with exit code 0x404: the interrupted access touched a page that is not validated (SNP; on
 * a plain SEV-ES guest it can only have been injected). True: seen to, execute the instruction
 * again. Weak default: false, which ends the exception as SEVC_UNSUPPORTED.
 */
bool sevc_os_page_not_validated(const struct sevc_trap *trap);

/*
 * RIP has been moved from OLD_RIP to trap->rip. A kernel with CET shadow stacks in force for the
 * interrupted context changes the copy of RIP there, or the IRET will fault. Weak default: nothing.
 */
void sevc_os_fix_shadow_stack(const struct sevc_trap *trap, uint64_t old_rip);

/*
 * An NMI, for sevc_nmi_entry (nmi.h). On the NMI stack, interrupts off; of the rules above only
 * this holds: no lock that the interrupted code may hold. It may raise #VC. Never nested on one
 * CPU: an NMI that arrives meanwhile leads to another call. Weak default: nothing.
 */
void sevc_os_nmi(struct sevc_trap *trap);

/*
 * NMI_COMPLETE has been sent, or failed: report->result, report->vmgexits. On the NMI stack; may
 * raise #VC, for a panic message. Without SEVC_OK no further NMI may ever come. Not called on a
 * CPU that has no GHCB yet. Weak default: ends the guest (set 0, code 0) unless all is well.
 */
void sevc_os_nmi_completed(struct sevc_trap *trap, const struct sevc_report *report);

/*
 * Is RSP at this kernel-mode RIP the user's? True in the gap between SYSCALL and the switch to the
 * kernel's stack, and between the switch back and SYSRET. Called by sevc_nmi_enter(). Weak default:
 * false, which is right for kernels without SYSCALL.
 */
bool sevc_os_user_rsp(const struct sevc_trap *trap);

/*
 * Makes every other CPU that may use the mapping of [va, va + bytes) drop it from its TLB.
 * Called by sevc_page_share() and sevc_page_unshare() only, which may run in any context.
 * Weak default: nothing, which is right for one CPU.
 */
void sevc_os_tlb_shootdown(uint64_t va, uint64_t bytes);

#ifdef __cplusplus
}
#endif

#endif
