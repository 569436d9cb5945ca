/* SPDX-License-Identifier: MIT */
/*
 * The state of one CPU, and what the integrator decides about it. All memory is the caller's; the
 * library has none of its own that it writes to.
 */
#ifndef SEVC_CPU_H
#define SEVC_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include <sevc/config.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A page that the hypervisor shares: mapped at VA without the C-bit, 4 KiB aligned. */
struct sevc_shared_page {
    void *va;
    uint64_t gpa; /* without the C-bit */
};

/* Which accesses to unencrypted memory the #VC handler emulates. */
enum sevc_mmio_policy {
    SEVC_MMIO_BASIC = 0, /* one load or store: MOV, MOVZX, MOVSX, MOVSXD, MOVNTI, MOVBE */
    SEVC_MMIO_OFF,       /* none: all MMIO goes through the explicit calls of direct.h */
    SEVC_MMIO_EXTENDED,  /* also arithmetic, logic and bit instructions, and string instructions */
};

/* May code outside the kernel use ports? */
enum sevc_user_io_policy {
    SEVC_USER_IO_OFF = 0, /* never */
    SEVC_USER_IO_BITMAP,  /* where CPL <= IOPL, or sevc_os_io_allowed() agrees */
};

/* INVD drops modified cache lines: a host that may execute it for us can roll memory back. */
enum sevc_invd_policy {
    SEVC_INVD_REFUSE = 0,
    SEVC_INVD_FORWARD,
};

/* MONITOR tells the host an address, and MWAIT waits for the host's word. */
enum sevc_monitor_policy {
    SEVC_MONITOR_NOP = 0, /* both return at once, as the architecture allows */
    SEVC_MONITOR_FORWARD,
};

/* What the host hears of an exit that sevc does not handle. */
enum sevc_unsupported_policy {
    SEVC_UNSUPPORTED_QUIET = 0, /* nothing */
    SEVC_UNSUPPORTED_TELL,      /* the unsupported event, 0x8000_FFFF, with the exit code */
};

/*
 * A hypervisor's calling convention: which registers VMMCALL hands over besides RAX and CPL, and
 * which it returns besides RAX. Bit n is enum sevc_gpr's n; RSP is never part of it (VMMCALL then
 * ends with SEVC_INVALID, and nothing is sent). From 32-bit code the low halves of the first eight
 * registers are handed over, and zero for the others.
 */
struct sevc_hypercall_abi {
    uint16_t inputs;
    uint16_t outputs;
    bool rip;  /* RIP is handed over too */
    bool user; /* user mode may call; otherwise it gets #UD, as without a hypervisor */
};

/*
 * The conventions of KVM, Hyper-V and VMware (src/vc/vmmcall.c). Others are the integrator's data.
 */
extern const struct sevc_hypercall_abi sevc_hypercall_kvm;
extern const struct sevc_hypercall_abi sevc_hypercall_hyperv;
extern const struct sevc_hypercall_abi sevc_hypercall_vmware;

/* Decisions that are the integrator's. All zero is the safe default. */
struct sevc_policy {
    enum sevc_mmio_policy mmio;
    enum sevc_user_io_policy user_io;
    enum sevc_invd_policy invd;
    enum sevc_monitor_policy monitor;
    enum sevc_unsupported_policy unsupported;
    const struct sevc_hypercall_abi *hypercall; /* NULL: VMMCALL is refused */
};

/* What was learnt from the processor and negotiated with the hypervisor; equal on all CPUs. */
struct sevc_platform {
    uint64_t sev_status; /* MSR C001_0131 */
    uint16_t reserved; /* 0: these three lie as at the end of the GHCB, and are written together */
    uint16_t version;  /* negotiated GHCB protocol version: 1 or 2 */
    uint32_t usage;    /* 0, SEVC_GHCB_USAGE_STANDARD */
    uint8_t c_bit;     /* position of the C-bit in page table entries: 32 to 63 */
};

/*
 * The stack of the #VC exception for a kernel that uses an IST slot. Aligned to its size, so that
 * the entry code finds HEAD from RSP. Allocate it zeroed; sevc_cpu_init() fills in the head.
 */
struct sevc_vc_stack {
    struct {
        struct sevc_cpu *cpu; /* NULL until sevc_cpu_init(): the early handler serves */
        uint64_t *tss_ist;    /* the IST entry in this CPU's TSS that names this stack */
        uint64_t reserved[6];
    } head;
    uint8_t bytes[SEVC_VC_STACK_BYTES - 64];
} __attribute__((aligned(SEVC_VC_STACK_BYTES)));

/* What a CPU is given. */
struct sevc_cpu_config {
    struct sevc_shared_page ghcb;     /* lent for the life of the CPU */
    void *backup;                     /* one private page, 4 KiB aligned: the nested exception's */
    const struct sevc_policy *policy; /* NULL: the defaults; must outlive the CPU */
    const struct sevc_cpu *like; /* an initialised CPU: take its platform, ask nothing; or NULL */
    struct sevc_vc_stack *stack; /* NULL: the entry without IST is used */
    uint64_t *tss_ist;           /* with STACK: &tss.ist[n], inside this CPU's TSS */
    struct sevc_cpuid_table *cpuid_table; /* pinned CPUID answers (cpuid.h); NULL: the host's */
};

/* The parts of pinned CPUID answers that differ between CPUs: src/vc/cpuid_rules.c. */
#define SEVC_CPUID_OWN_SLOTS 7
struct sevc_cpuid_own {
    uint32_t known;                           /* which have been learnt: src/vc/cpuid_rules.h */
    uint32_t values[SEVC_CPUID_OWN_SLOTS][4]; /* EAX, EBX, ECX, EDX; zero but for those parts */
    uint32_t x2apic_id; /* of the leaves that have it; 0: none has yet, or it is 0 */
    /* Leaf 0xD, sub-leaves 0 and 1: EBX as last computed, above the features that it is for. */
    uint64_t sizes[2];
};

/*
 * One CPU. The fields are the library's: do not touch them, with the exception of the counter. A
 * structure that sevc_cpu_init() has not seen, whatever it holds, is recognised as not ready.
 */
struct sevc_cpu {
    uint64_t magic; /* SEVC_CPU_MAGIC once ready; 0xA5... or 0 is "not yet" */
    struct sevc_shared_page ghcb;
    void *backup;
    const struct sevc_policy *policy;
    struct sevc_platform platform;
    uint32_t depth;              /* how many sessions are open on this CPU: 0, 1 or 2 */
    uint32_t firmware_uses_ghcb; /* uefi.h: 1: between sessions the page is not at rest */
    uint64_t vmgexits;           /* readable: VMGEXITs taken since sevc_cpu_init() */
    uint32_t dr7; /* what the guest wrote last: the host's word on it counts for nothing */
    struct sevc_cpuid_table *cpuid_table;
    struct sevc_cpuid_own cpuid_own;
    uint32_t direct_reason; /* of the last explicit call that failed: sevc_direct_reason() */
} __attribute__((aligned(64)));

#define SEVC_CPU_MAGIC        0x5550432D43564553ull /* "SEVC-CPU" */
#define SEVC_CPU_NATIVE_MAGIC 0x54414E2D43564553ull /* "SEVC-NAT": sevc_native_init() */

#ifdef __cplusplus
}
#endif

#endif
