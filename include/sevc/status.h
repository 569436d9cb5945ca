/* SPDX-License-Identifier: MIT */
/*
 * What a call ends with, and the record that says why. The library never logs and never decides
 * to die: it fills a report, and the integrator reads it.
 */
#ifndef SEVC_STATUS_H
#define SEVC_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The result of a handler, of an event, of a helper. */
enum sevc_result {
    SEVC_OK = 0,      /* done; RIP stands behind the instruction */
    SEVC_OK_TRAP,     /* done, and RFLAGS.TF asks for #DB now: deliver report.fault */
    SEVC_RETRY,       /* progress was made, or none was needed: return and execute again */
    SEVC_EXCEPTION,   /* the instruction faults as on bare metal: deliver report.fault */
    SEVC_UNSUPPORTED, /* genuine, but sevc does not handle this exit or this instruction */
    SEVC_BAD_INSN,    /* the bytes at RIP are no instruction, or not the one the exit needs */
    SEVC_HOST_ERROR,  /* the hypervisor's answer is not one that the protocol allows */
    SEVC_FORBIDDEN,   /* refused by policy, or because it would disclose or corrupt memory */
    SEVC_INVALID,     /* the caller's own mistake: an argument out of its documented range */
};

/* How far a call had come. */
enum sevc_stage {
    SEVC_STAGE_NONE = 0,
    SEVC_STAGE_FETCH,     /* reading the instruction bytes */
    SEVC_STAGE_DECODE,    /* bytes to meaning */
    SEVC_STAGE_AGREEMENT, /* does the instruction raise this exit? */
    SEVC_STAGE_POLICY,    /* may it? */
    SEVC_STAGE_TRANSLATE, /* effective address, page walk, probing of memory operands */
    SEVC_STAGE_REQUEST,   /* the GHCB: acquiring, filling */
    SEVC_STAGE_REPLY,     /* checking what the hypervisor answered */
    SEVC_STAGE_APPLY,     /* registers, memory, RIP */
};

/* Why, exactly. Every place that ends a call early has a reason of its own. */
enum sevc_reason {
    SEVC_REASON_NONE = 0,
    /* the instruction */
    SEVC_REASON_NO_SUCH_EXIT, /* no handler for this exit code */
    SEVC_REASON_NO_INSN,      /* undefined or overlong bytes */
    SEVC_REASON_UNKNOWN_INSN, /* a real instruction that sevc gives no meaning */
    SEVC_REASON_MISMATCH,     /* the instruction cannot raise this exit: WeSee */
    SEVC_REASON_LOCKED,       /* LOCK on a device promises what cannot be kept */
    SEVC_REASON_VECTOR_INSN,  /* an SSE or AVX access to MMIO */
    SEVC_REASON_CODE_SIZE,    /* the code segment is of a size that this exit does not allow */
    SEVC_REASON_PRIVILEGE,    /* CPL (or CR4.TSD, CR4.PCE) does not allow it: #GP, VMMCALL: #UD */
    SEVC_REASON_INTERCEPTED, /* #DB or #AC, which the host intercepts: the guest's own to deliver */
    /* policy */
    SEVC_REASON_PROTECTED_MSR, /* the GHCB or SEV_STATUS MSR, which never raise #VC */
    SEVC_REASON_SECURE_TSC,    /* RDTSC and RDTSCP never raise #VC with Secure TSC */
    SEVC_REASON_USER_MMIO,     /* MMIO from user mode */
    SEVC_REASON_USER_IO,       /* port I/O that the I/O permission bitmap denies */
    SEVC_REASON_INVD,          /* the policy refuses INVD */
    SEVC_REASON_HYPERCALL,     /* the policy names no calling convention for VMMCALL */
    SEVC_REASON_DEBUG_SWAP,    /* the processor keeps the debug registers: no exit is genuine */
    SEVC_REASON_NOT_VALIDATED, /* sevc_os_page_not_validated() did not see to it */
    SEVC_REASON_MMIO_OFF,      /* the policy allows no MMIO emulation, or not of this kind */
    SEVC_REASON_MMIO_RANGE,    /* the GHCB's own page, or sevc_os_mmio_allowed() said no */
    SEVC_REASON_MMIO_SPLIT,    /* crosses into a page that does not follow in physical memory */
    SEVC_REASON_NOT_PINNED,    /* CPUID: not in the sealed table, whose policy is to refuse */
    SEVC_REASON_SNP,           /* SEV-SNP is active; this version does not know it */
    SEVC_REASON_NOT_SEV_ES,    /* SEV_STATUS says that this is no SEV-ES guest */
    /* memory */
    SEVC_REASON_ENCRYPTED_MMIO, /* a byte of the access lies on an encrypted page */
    SEVC_REASON_NOT_MAPPED,     /* no translation: #PF */
    SEVC_REASON_NOT_WRITABLE,   /* #PF, present, write */
    SEVC_REASON_NOT_CANONICAL,  /* #GP or #SS */
    SEVC_REASON_COPY_FAULT,     /* sevc_os_copy() reported a fault */
    /* the GHCB */
    SEVC_REASON_NOT_READY,      /* this CPU has no GHCB: sevc_cpu_init() has not succeeded */
    SEVC_REASON_NESTING,        /* a third #VC on this CPU: the backup page is in use */
    SEVC_REASON_NO_FIRMWARE_VC, /* the firmware has no #VC handler, or no GHCB */
    SEVC_REASON_GHCB_PAGE,      /* the firmware's GHCB is not mapped, shared and writable */
    /* the host's answer */
    SEVC_REASON_REJECTED,        /* SW_EXITINFO1 = 2; the host's reason is in info2 */
    SEVC_REASON_UNDEFINED_REPLY, /* SW_EXITINFO1[31:0] > 2 */
    SEVC_REASON_MISSING_OUTPUT,  /* an output that the event returns is not marked valid */
    SEVC_REASON_BAD_INJECTION,   /* an exception other than #GP or #UD, or a malformed one */
    SEVC_REASON_INJECTED,        /* the host asked for #GP or #UD, as the protocol allows */
    SEVC_REASON_BAD_RESPONSE,    /* MSR protocol: wrong code, reserved bits, impossible values */
    SEVC_REASON_VERSION,         /* no protocol version in common */
    SEVC_REASON_HIDES_SEV,       /* CPUID denies what SEV_STATUS says: Radev and Morbitzer */
    SEVC_REASON_C_BIT,           /* the C-bit's position is impossible, or differs from CPUID's */
    SEVC_REASON_CHANGED,         /* CPUID: not the answer that the table has pinned */
    SEVC_REASON_XSAVE_SIZE,      /* leaf 0xD gives no possible size for an enabled feature */
    SEVC_REASON_CPUID_LEAF,      /* the MSR protocol cannot ask for this leaf or sub-leaf */
    SEVC_REASON_NO_FEATURE,      /* the host does not offer this event */
    /* the caller */
    SEVC_REASON_ARGUMENT,
};

/* An exception for the guest itself: what the processor would have raised. */
struct sevc_fault {
    uint64_t cr2;        /* #PF only: the faulting linear address */
    uint32_t error_code; /* 0 where the vector has none */
    uint8_t vector;
    bool has_error_code;
};

#define SEVC_INSN_MAX_BYTES 15

/*
 * The diagnostic record. sevc_handle_vc() and the events fill it in whatever the result. It holds
 * no register contents and nothing secret but the instruction bytes.
 */
struct sevc_report {
    uint64_t exit_code;      /* the #VC error code: untrusted until the instruction agrees */
    uint64_t rip;            /* at entry */
    uint64_t nae_code;       /* the last event that was sent, 0 if none */
    uint64_t info1;          /* SW_EXITINFO1 or the MSR response as the host returned it */
    uint64_t info2;          /* SW_EXITINFO2 likewise */
    struct sevc_fault fault; /* valid with SEVC_EXCEPTION and SEVC_OK_TRAP */
    enum sevc_stage stage;
    enum sevc_result result;
    uint16_t vmgexits;  /* how many this call took */
    uint8_t insn_bytes; /* how many of insn[] were fetched */
    uint8_t reserved;   /* nothing; what is written together lies together */
    enum sevc_reason reason;
    uint8_t insn[SEVC_INSN_MAX_BYTES]; /* as fetched, once */
};

/*
 * The names of the enumerators, for a kernel's panic message: "HOST_ERROR", "REPLY",
 * "MISSING_OUTPUT". Never NULL; an unknown value gives "?". Callable anywhere.
 */
const char *sevc_result_name(enum sevc_result result);
const char *sevc_stage_name(enum sevc_stage stage);
const char *sevc_reason_name(enum sevc_reason reason);

#ifdef __cplusplus
}
#endif

#endif
