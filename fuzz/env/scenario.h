/* SPDX-License-Identifier: MIT */
/*
 * The input of the targets that run whole exceptions: a guest, its exceptions, and what a hostile
 * host does. A plain structure, filled with the input's bytes, so that every input means something,
 * a byte changed changes one thing, and what a short input leaves out is zero: the usual case.
 */
#ifndef FUZZ_SCENARIO_H
#define FUZZ_SCENARIO_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_PAGES      10
#define FUZZ_EXCEPTIONS 3 /* the second interrupts the first, as an NMI's; the third the second */
#define FUZZ_REPLIES    4 /* then from the first again */
#define FUZZ_RACES      6

/* Where things are; see layout[] in guest.c. */
#define FUZZ_KERNEL_CODE 0xFFFFFFFF80100000ull
#define FUZZ_LOW_CODE    0x0000000000400000ull
#define FUZZ_KERNEL_DATA 0xFFFF888000200000ull /* two pages, then nothing */
#define FUZZ_LOW_DATA    0x0000000000600000ull /* two pages, then nothing */
#define FUZZ_DEVICE      0xFFFFC90000000000ull /* two pages of a device, then nothing */
#define FUZZ_LOW_DEVICE  0x00000000FED00000ull /* two pages of a device, then nothing */
#define FUZZ_GHCB_GPA    0x0000001234567000ull

/* fuzz_exception.how */
#define FUZZ_CPL_MASK 3u
#define FUZZ_CODE_32  4u /* 32-bit code; else 64-bit */
#define FUZZ_LOW_RIP  8u /* in the low half of the address space, as 32-bit code always is */
#define FUZZ_CODE_16  16u
#define FUZZ_AT_END   32u /* nothing is mapped behind ROOM bytes */
#define FUZZ_SETS_TF  64u
#define FUZZ_SETS_DF  128u

struct fuzz_exception {
    uint64_t exit_code;
    uint64_t gpr[16];
    uint64_t rflags;
    uint8_t insn[15];
    uint8_t how;
    uint8_t room;  /* 0 to 15 */
    uint8_t times; /* how often it is handled again while the result is RETRY: 0 to 3 */
    uint8_t unused[6];
};

/* fuzz_reply.lie: what is not as an honest host would have it. */
#define FUZZ_LIE_INFO1   1u
#define FUZZ_LIE_INFO2   2u
#define FUZZ_LIE_BITMAP  4u
#define FUZZ_LIE_SILENT  8u  /* nothing is written */
#define FUZZ_LIE_GARBAGE 16u /* in every byte below the shared buffer that nobody has a use for */
#define FUZZ_LIE_UNMAP   32u /* another CPU makes every page of memory read-only meanwhile */

struct fuzz_reply {
    uint64_t info1;
    uint64_t info2;
    uint64_t bitmap[2];
    uint64_t gpr[16]; /* what the host puts into the registers' fields */
    uint8_t lie;
    uint8_t fill; /* the shared buffer holds FILL + 7 * offset */
    uint8_t unused[6];
};

/* Another CPU changes a byte of the GHCB just before the guest's access number AT to it. */
struct fuzz_race {
    uint16_t at; /* from 1 on; 0: never */
    uint16_t offset;
    uint8_t flip;
    uint8_t unused[3];
};

struct fuzz_scenario {
    struct fuzz_exception exception[FUZZ_EXCEPTIONS];
    struct fuzz_reply reply[FUZZ_REPLIES];
    struct fuzz_race race[FUZZ_RACES];
    uint16_t
        nest_at[2]; /* the access to the GHCB at which the next exception interrupts; 0: never */
    uint8_t page[FUZZ_PAGES]; /* FUZZ_PAGE_* that are other than usual */
    uint8_t mmio, user_io, invd, monitor, unsupported, hypercall; /* policy */
    uint8_t version;                                              /* of the protocol: 2, if odd 1 */
    uint8_t status;    /* bit 0 Secure TSC, bit 1 debug swap */
    uint8_t table;     /* CPUID table: none, own, sealed and empty, sealed and refusing */
    uint8_t io_denied; /* bit 0: sevc_os_io_allowed() says no; bit 1: sevc_os_mmio_allowed() */
    uint8_t validates;
    uint8_t unmaps; /* bit 0: a page is gone after it has been probed */
    uint64_t cr4, xcr0, xss, fs_base, gs_base;
};

/* fuzz_scenario.page */
#define FUZZ_PAGE_ABSENT     1u
#define FUZZ_PAGE_READ_ONLY  2u
#define FUZZ_PAGE_NO_EXECUTE 4u
#define FUZZ_PAGE_USER       8u
#define FUZZ_PAGE_SHARED     16u /* not encrypted */

/* Fills in *SCENARIO. */
void fuzz_scenario_load(struct fuzz_scenario *scenario, const uint8_t *data, size_t size);

/*
 * The mutator: changes one thing of a scenario in DATA, in a way that means something. The result
 * is at most MAX_SIZE bytes; trailing zeros are cut. kinds: which rows of its table of instructions
 * it may use.
 */
enum fuzz_kinds {
    FUZZ_ANY,
    FUZZ_STRING_IO,
    FUZZ_MMIO,
};
size_t fuzz_scenario_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed,
                            enum fuzz_kinds kinds);

/* Makes the exception one of KINDS, if it is not: for targets that look at some alone. */
void fuzz_scenario_focus(struct fuzz_scenario *scenario, enum fuzz_kinds kinds);

/* Runs it, twice, with all validators. */
void fuzz_scenario_run(const struct fuzz_scenario *scenario);

#endif
