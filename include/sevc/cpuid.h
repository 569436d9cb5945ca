/* SPDX-License-Identifier: MIT */
/*
 * Pinned CPUID: a table in the caller's memory that remembers what the host answered first.
 *
 * Without a table each CPUID is an exit, and the host may answer differently each time: once for
 * the code that decides, once for the code that relies on the decision. With one, the first
 * answer for each leaf and sub-leaf stands, further ones need no exit, and a different one is an
 * error.
 *
 *     static struct sevc_cpuid_table table;
 *
 *     sevc_cpuid_table_init(&table, &cpus[0], SEVC_CPUID_MISS_ASK);
 *     config.cpuid_table = &table;                  for each CPU: sevc_cpu_init()
 *     ... the first CPU boots, executing CPUID; or sevc_cpuid_fill(&cpus[0]) ...
 *     sevc_cpuid_seal(&table);
 *     ... the other CPUs; each may sevc_cpuid_verify(&cpus[n]) ...
 *
 * Before it is sealed the table belongs to its owner, the one CPU that it was initialised with: the
 * owner's answers are remembered and served from it; other CPUs ask the host, and neither read
 * nor write it. Once sealed it is read-only, for all: no CPU ever waits for another.
 *
 * What no table can hold is kept apart (APM vol. 3, CPUID, and appendix E):
 *   computed      OSXSAVE and OSPKE from CR4, the XSAVE sizes of leaf 0xD from XCR0 and IA32_XSS
 *                 (sevc_os_register()) and from the table's own sub-leaves
 *   of each CPU   APIC ids, core and node number, and the APIC-enabled bits: learnt by the CPU's
 *                 own first exit for the leaf, kept in its struct sevc_cpu. The rest of that answer
 *                 must be what the table says. A later change of the APIC's enable bit is not seen.
 * ECX is ignored for leaves that are known to have no sub-leaves, as the processor ignores it.
 *
 * An exception that has interrupted an open session on the same CPU (an NMI's) asks the host where
 * the table has no answer, compares, and remembers nothing.
 */
#ifndef SEVC_CPUID_H
#define SEVC_CPUID_H

#include <stdbool.h>
#include <stdint.h>

#include <sevc/config.h>
#include <sevc/cpu.h>
#include <sevc/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A leaf that is not in the sealed table. */
enum sevc_cpuid_miss {
    SEVC_CPUID_MISS_ASK = 0, /* ask the host each time, and do not remember */
    SEVC_CPUID_MISS_REFUSE,  /* SEVC_FORBIDDEN, NOT_PINNED: no exit */
    SEVC_CPUID_MISS_ZERO,    /* all zero, like a leaf that the processor does not have: no exit */
};

/* One leaf and sub-leaf. The fields are the library's. */
struct sevc_cpuid_entry {
    uint32_t leaf;
    uint32_t subleaf;
    uint32_t answer[4]; /* EAX, EBX, ECX, EDX: the static bits, the others zero */
    uint32_t cr4_bits;  /* the bit of ECX that shows one of CR4, and how far that is to the left */
    uint8_t cr4_rotate;
    int8_t ecx_mask; /* -1: ECX must be SUBLEAF; 0: it does not matter */
    uint8_t used;    /* 0: free; else what the answer lacks: src/vc/cpuid_rules.h */
    uint8_t reserved;
};

/* The fields are the library's; COUNT and DROPPED may be read once the table is sealed. */
struct sevc_cpuid_table {
    struct sevc_cpuid_entry entries[SEVC_CPUID_TABLE_ENTRIES];
    uint64_t magic;
    const struct sevc_cpu *owner;
    uint32_t miss;    /* enum sevc_cpuid_miss */
    uint32_t sealed;  /* written once, with release */
    uint32_t count;   /* entries in use */
    uint32_t dropped; /* answers that found no room: SEVC_CPUID_TABLE_ENTRIES is too small */
    uint8_t reserved[32];
} __attribute__((aligned(64)));

#define SEVC_CPUID_TABLE_MAGIC 0x4449432D43564553ull /* "SEVC-CID" */

/*
 * Makes TABLE empty and unsealed, whatever it held. owner: the CPU that will fill it; need not be
 * initialised yet. Before any sevc_cpu_init() with it, and not while any CPU uses it. No exits.
 */
void sevc_cpuid_table_init(struct sevc_cpuid_table *table, const struct sevc_cpu *owner,
                           enum sevc_cpuid_miss miss);

/*
 * From here on TABLE is read-only, and serves every CPU that was given it. Called on the owner,
 * in any context but a #VC handler. There is no way back but sevc_cpuid_table_init().
 */
void sevc_cpuid_seal(struct sevc_cpuid_table *table);

/* Has it been sealed? Any CPU, any context. */
bool sevc_cpuid_is_sealed(const struct sevc_cpuid_table *table);

/*
 * Asks the host for every leaf that it says it has: the basic range, the extended one, and where
 * CPUID names a hypervisor the first 32 of its range; of leaves known to have sub-leaves the
 * first ones, up to the first that is empty, at most 8. Leaf 0xD brings all that it names. About
 * one exit for each, in sessions of their own, interrupts as the caller has them in between.
 *
 * cpu: the table's owner. Before sealing. Context: CPL 0, on CPU, as the calls of direct.h.
 *
 * SEVC_OK         whatever is not in the table now had no room: table->dropped
 * SEVC_INVALID    no table, or sealed, or another CPU's
 * otherwise       what sevc_cpuid() returns, for the first leaf that failed
 */
enum sevc_result sevc_cpuid_fill(struct sevc_cpu *cpu);

/*
 * Asks the host, on CPU, for every leaf of the sealed table, compares, and learns what is this
 * CPU's own: after it CPU needs no exit for any of them. For a CPU that has just been started, or
 * after a migration. One exit for each entry. Context: as sevc_cpuid_fill().
 *
 * SEVC_OK
 * SEVC_INVALID    no table, or not sealed
 * SEVC_HOST_ERROR with CHANGED: the host answers this CPU differently; or what sevc_cpuid() returns
 */
enum sevc_result sevc_cpuid_verify(struct sevc_cpu *cpu);

/* ---- SEV-SNP: the firmware's page instead of the host ---- */

#define SEVC_SNP_CPUID_ENTRIES 64

/* One answer, as SNP_LAUNCH_UPDATE has checked it (SEV-SNP firmware ABI, 8.14.2.6). */
struct sevc_snp_cpuid_entry {
    uint32_t eax_in, ecx_in;
    uint64_t xcr0_in, xss_in; /* leaf 0xD: what the sizes were checked with; not used here */
    uint32_t eax, ebx, ecx, edx;
    uint64_t reserved; /* 0 */
};

/* The CPUID page: private, measured to be one, and never changed by anybody. */
struct sevc_snp_cpuid_page {
    uint32_t count;
    uint32_t reserved[3]; /* 0 */
    struct sevc_snp_cpuid_entry entries[SEVC_SNP_CPUID_ENTRIES];
    uint8_t unused[4096 - 16 - 48 * SEVC_SNP_CPUID_ENTRIES];
};

/*
 * Makes TABLE from the firmware's page, and seals it: no CPU asks the host for any static bit, and a
 * leaf that is not there is all zero (SEVC_CPUID_MISS_ZERO). What is computed, or each CPU's own, is
 * as with any table; the latter is the host's word, with SNP too.
 *
 * c_bit: the C-bit's position as known from elsewhere, or 0. Before any sevc_cpu_init() with TABLE.
 * No exits.
 *
 * SEVC_OK
 * SEVC_HOST_ERROR  no such page: too many entries, reserved bytes, two answers to one question, no
 *                  room in the table; or it denies SEV-ES, or names another C-bit. TABLE is empty
 *                  then, sealed, and refuses every leaf.
 *
 * This part is ready before the rest: a whole SNP guest is refused by sevc_platform_init() still.
 */
enum sevc_result sevc_cpuid_table_snp(struct sevc_cpuid_table *table,
                                      const struct sevc_snp_cpuid_page *page, uint8_t c_bit);

#ifdef __cplusplus
}
#endif

#endif
