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

/* An address space whose tables can be reached through a linear map of physical memory. */
struct sevc_paging {
    uint64_t cr3;        /* bits 11:0 and the C-bit are ignored */
    uint64_t linear_map; /* virtual address of physical address 0; 0 if identity-mapped */
    uint8_t c_bit;       /* position, 32 to 63 */
    bool la57;           /* CR4.LA57: five levels */
};

/*
 * Walks the tables: 4 or 5 levels, 1 GiB, 2 MiB and 4 KiB pages (APM vol. 2, 5.3). Returns false
 * and leaves *MAPPING alone if VA is not canonical, not mapped, or an entry has reserved bits set.
 * Reads each entry once. Takes no lock: the tables must be stable during the call.
 */
bool sevc_walk(const struct sevc_paging *paging, uint64_t va, struct sevc_mapping *mapping);

/*
 * A ready-made sevc_os_copy(): checks each page of the access by sevc_walk() (present, writable,
 * user, executable as the access asks; CR0.WP and EFER.NXE taken as set), then copies through the linear
 * map. Suits kernels whose mapping of the guest memory concerned is encrypted RAM that the linear map
 * reaches too. SMAP does not matter, because the linear map is a supervisor mapping.
 */
bool sevc_walk_copy(const struct sevc_paging *paging, struct sevc_copy *copy);

/*
 * Pages for new page tables, when a large page has to be split: the caller's, private, each 4 KiB
 * aligned, reachable through the linear map.
 */
struct sevc_table_pages {
    uint64_t *gpa; /* addresses of the pages, without the C-bit */
    size_t count;  /* how many are left; used from the end */
};

/*
 * Makes [va, va + bytes) shared with (unshare: private from) the hypervisor: clears (sets) the C-bit in
 * every entry that maps it, splitting 2 MiB and 1 GiB pages that are only partly concerned.
 *
 * The contents are not preserved: what was encrypted reads as ciphertext afterwards. Zero the page
 * after sharing. The order is the architecture's (APM vol. 2, 15.34.9 and 7.10.6): the data of the old alias is
 * written back from the caches first, the entry changed, the TLB flushed on this CPU and, by
 * sevc_os_tlb_shootdown(), on the others.
 *
 * va, bytes: multiples of 4096. tables: may be NULL if nothing has to be split.
 * Interrupts off or the tables locked: the caller's duty. A bare SEV-ES guest tells nobody;
 * (SNP guests are refused elsewhere).
 *
 * SEVC_OK
 * SEVC_INVALID      not aligned, or not canonical
 * SEVC_EXCEPTION... never; SEVC_FORBIDDEN NOT_MAPPED, or NO_TABLE_PAGE: nothing was changed
 */
enum sevc_result sevc_page_share(const struct sevc_paging *paging, uint64_t va, uint64_t bytes,
                                 struct sevc_table_pages *tables);
enum sevc_result sevc_page_unshare(const struct sevc_paging *paging, uint64_t va, uint64_t bytes,
                                   struct sevc_table_pages *tables);

#ifdef __cplusplus
}
#endif

#endif
