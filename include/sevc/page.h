/* SPDX-License-Identifier: MIT */
/*
 * Optional helpers around page tables, for kernels that do not have their own. The core of the
 * library needs none of them: it sees memory through the hooks of os.h only.
 */
#ifndef SEVC_PAGE_H
#define SEVC_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/os.h>
#include <sevc/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An address space in long mode whose tables can be reached through a linear map. */
struct sevc_paging {
    uint64_t cr3;        /* bits 11:0 and the C-bit are ignored */
    uint64_t linear_map; /* virtual address of physical address 0; 0 if identity-mapped */
    uint8_t c_bit;       /* position, 32 to 63; at 63 it takes the place of the NX bit */
    bool la57;           /* CR4.LA57: five levels */
    uint8_t phys_bits;   /* CPUID 0x8000_0008 EAX[7:0]: the address bits from there to bit 51 are
                            reserved, the C-bit excepted; 0 if not known: none is */
};

/*
 * Walks the tables: 4 or 5 levels, 1 GiB, 2 MiB and 4 KiB pages (APM vol. 2, 5.3 and 5.4; EFER.NXE
 * taken as set). Returns false and leaves *MAPPING alone if VA is not canonical or not mapped, if
 * an entry has reserved bits set, or if paging->c_bit is out of range.
 *
 * Reads each entry once. Takes no lock: the tables must be stable during the call. Callable
 * anywhere; raises no exception as long as the tables lie in the linear map.
 */
bool sevc_walk(const struct sevc_paging *paging, uint64_t va, struct sevc_mapping *mapping);

/*
 * A ready-made sevc_os_copy(): checks each page of the access by the same walk (present, writable,
 * user, executable as the access asks; CR0.WP and EFER.NXE taken as set), then copies through the
 * linear map. Returns what sevc_os_copy() returns: true, or false with copy->done and copy->fault.
 *
 * The fault is the processor's own (APM vol. 2, 8.4.2): #PF with P, W, U, RSV and I, and in CR2 the
 * first address that fails; #GP(0) where that is not canonical (whether it should be #SS only the
 * instruction can tell). Each byte is moved once, naturally aligned 2, 4 and 8 bytes in one piece,
 * so that other CPUs never see half an element.
 *
 * Suits kernels whose linear map reaches the guest memory concerned, with the same C-bit as the
 * mapping that is accessed. SMAP and SMEP do not matter, because the linear map is a supervisor
 * mapping and what is fetched is not executed; protection keys are not looked at.
 */
bool sevc_walk_copy(const struct sevc_paging *paging, struct sevc_copy *copy);

/*
 * Pages for new page tables, when a large page has to be split: the caller's, private, each 4 KiB
 * aligned, reachable through the linear map, outside the range that is changed. Their contents do
 * not matter. Four are enough for any range: two at each end, if that lies inside a 1 GiB page.
 */
struct sevc_table_pages {
    uint64_t *gpa; /* addresses of the pages, without the C-bit */
    size_t count;  /* how many are left; used from the end */
    size_t needed; /* out: what the call took, or, if above COUNT, what it lacked; else 0 */
};

/*
 * Makes [va, va + bytes) shared with (unshare: private from) the hypervisor: clears (sets) the
 * C-bit in every entry that maps it, splitting 2 MiB and 1 GiB pages that are only partly
 * concerned. Pages that are in the wanted state already are left alone, large ones whole. Nothing
 * else in an entry changes, and the mapping of every other page stays what it was; the tables are
 * always private.
 *
 * The contents are not preserved: what was encrypted reads as ciphertext afterwards. Zero the page
 * after sharing. The order is the architecture's (APM vol. 2, 7.10.6 and 15.34.9): the data of the
 * old alias is written back from the caches first, the entry changed, the TLB flushed on this CPU
 * and, by sevc_os_tlb_shootdown(), on the others. Where a large page was split, the others are told
 * before the first entry changes, too: no TLB may hold both sizes with different attributes.
 *
 * paging: the address space in force on this CPU. va, bytes: multiples of 4096, no wrap-around;
 * 0 bytes are nothing to do. tables: may be NULL if nothing has to be split.
 *
 * Context: CPL 0. Interrupts off or the tables locked, nobody using the pages: the caller's duty.
 * With SMAP, RFLAGS.AC must be set for user pages: CLFLUSH reads. INVLPG reaches the current PCID
 * (and global pages): a kernel that uses more flushes the others in its hook. Nobody is told: a
 * bare SEV-ES hypervisor need not know. On SNP this is not enough, and SNP is refused elsewhere.
 *
 * SEVC_OK
 * SEVC_INVALID    not aligned, wraps around, not canonical, C-bit out of range, or a table page
 *                 that is not aligned or no address: nothing was changed
 * SEVC_FORBIDDEN  a page of the range is not mapped (tables->needed is 0), or the table pages do
 *                 not suffice (tables->needed says how many would): nothing was changed
 */
enum sevc_result sevc_page_share(const struct sevc_paging *paging, uint64_t va, uint64_t bytes,
                                 struct sevc_table_pages *tables);
enum sevc_result sevc_page_unshare(const struct sevc_paging *paging, uint64_t va, uint64_t bytes,
                                   struct sevc_table_pages *tables);

#ifdef __cplusplus
}
#endif

#endif
