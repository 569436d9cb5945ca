/* SPDX-License-Identifier: MIT */
/*
 * What the loader hands over: Xen's PVH start-of-day structure (Xen, public/arch-x86/hvm/start_info.h).
 * All addresses in it are physical.
 */
#ifndef KERNEL_BOOTINFO_H
#define KERNEL_BOOTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define START_INFO_MAGIC 0x336EC578

struct start_info {
    uint32_t magic;
    uint32_t version; /* the memory map is there from version 1 on */
    uint32_t flags;
    uint32_t modules;
    uint64_t modules_gpa;
    uint64_t cmdline_gpa;
    uint64_t rsdp_gpa;
    uint64_t memmap_gpa;
    uint32_t memmap_entries;
    uint32_t cpus; /* docs/emulator.md: 0 means 1 */
};

struct start_module {
    uint64_t gpa;
    uint64_t bytes;
    uint64_t cmdline_gpa;
    uint64_t reserved;
};

#define MEMMAP_RAM      1
#define MEMMAP_RESERVED 2

struct memmap_entry {
    uint64_t gpa;
    uint64_t bytes;
    uint32_t type;
    uint32_t reserved;
};

_Static_assert(sizeof(struct start_info) == 56, "PVH: hvm_start_info");
_Static_assert(sizeof(struct start_module) == 32, "PVH: hvm_modlist_entry");
_Static_assert(sizeof(struct memmap_entry) == 24, "PVH: hvm_memmap_table_entry");

struct memory_range {
    uint64_t gpa;
    uint64_t bytes;
};

/*
 * Is the page at GPA reserved in MAP, in nothing else that MAP names, and in none of OWN? memmap.c, for
 * tests on the host too.
 */
bool memmap_is_firmwares(const struct memmap_entry *map, size_t entries,
                         const struct memory_range *own, size_t owns, uint64_t gpa);

/* The same for this machine's map, and all that the kernel has: its image, heap, and modules. */
bool bootinfo_is_firmwares(uint64_t gpa);

/* Copies what the kernel needs, while the loader's identity map is still in force. */
void bootinfo_read(const struct start_info *info);

/* Is WORD one of the comma-separated values of KEY=... on the command line? */
bool cmdline_has(const char *key, const char *word);

/* Is there a KEY=... at all? */
bool cmdline_has_key(const char *key);

const char *cmdline(void);
uint64_t bootinfo_ram_bytes(void);
unsigned bootinfo_modules(void);
unsigned bootinfo_cpus(void);

/* The number behind KEY= on the command line, or OTHERWISE. */
uint64_t cmdline_number(const char *key, uint64_t otherwise);

#endif
