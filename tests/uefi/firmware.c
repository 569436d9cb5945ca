/* SPDX-License-Identifier: MIT */
/* See firmware.h. */
#define _GNU_SOURCE
#include "firmware.h"

#include <sys/mman.h>

#include <sevc/os.h>

#include "../../src/arch/control.h"
#include "../../src/uefi/uefi.h"

#define PAGE      4096ull
#define TABLES    7
#define P         1ull
#define RW        2ull
#define LARGE     0x80ull
#define ENCRYPTED (1ull << FIRMWARE_C_BIT)

struct firmware firmware;

/* ---- the processor ---- */

struct sevc_uefi_idtr firmware_idtr(void)
{
    struct sevc_uefi_idtr idtr;

    memcpy(&idtr, firmware.host.idtr, sizeof(idtr));
    return idtr;
}

void sevc_arch_sidt(void *descriptor)
{
    memcpy(descriptor, firmware.host.idtr, sizeof(firmware.host.idtr));
}

uint16_t sevc_arch_cs(void)
{
    return FIRMWARE_CS;
}

uint64_t sevc_arch_cr3(void)
{
    return (uint64_t)(uintptr_t)firmware.tables - firmware.config.linear_map;
}

uint64_t sevc_arch_cr4(void)
{
    return firmware.cr4;
}

uint64_t sevc_arch_xcr0(void)
{
    return 7;
}

/* The stubs, which the host's build of the library lacks, have a test of their own: test_entry.c. */
void sevc_uefi_entry(void)
{
}

void sevc_uefi_no_msr(void)
{
}

void sevc_early_entry(void)
{
}

/* ---- the program's hooks ---- */

struct sevc_uefi *sevc_os_uefi(void)
{
    return &firmware.uefi;
}

bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping)
{
    (void)trap;
    return sevc_uefi_translate(&firmware.uefi, va, mapping);
}

bool sevc_os_copy(struct sevc_copy *copy)
{
    return sevc_uefi_copy(&firmware.uefi, copy);
}

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    (void)trap;
    return sevc_uefi_register(&firmware.uefi, which);
}

void sevc_os_raise(struct sevc_trap *trap, const struct sevc_report *report)
{
    (void)trap;
    firmware.raised++;
    firmware.raised_result = report->result;
}

/* ---- the firmware ---- */

static uint64_t physical(const void *p)
{
    return (uint64_t)(uintptr_t)p - firmware.config.linear_map;
}

#define OTHER 0x2000ull

/* Tables and a page of code, all within a linear map that has the GHCB at its address. */
static void build_tables(void)
{
    uint64_t va = (uint64_t)(uintptr_t)firmware.host.ghcb.va;
    uint8_t *memory =
        mmap(NULL, TABLES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned shift = 39;
    unsigned level;

    assert_true(memory != MAP_FAILED);
    firmware.tables = (void *)memory;
    for (level = 0; level < 3; level++, shift -= 9) {
        firmware.tables[level][va >> shift & 511] =
            physical(firmware.tables[level + 1]) | ENCRYPTED | RW | P;
    }
    firmware.ghcb_entry = &firmware.tables[3][va >> 12 & 511];
    *firmware.ghcb_entry = HOST_GHCB_GPA | RW | P;
    firmware.other_gpa = HOST_GHCB_GPA + ((va & OTHER) == 0 ? OTHER : 0 - OTHER);
    firmware.other_entry = &firmware.tables[3][(va ^ OTHER) >> 12 & 511];
    *firmware.other_entry = firmware.other_gpa | RW | P;
    /* The program's code lies beside it, in memory that is encrypted. */
    firmware.code = (va & ~(511 * PAGE)) | (((va >> 12 & 511) ^ 1) << 12);
    firmware.tables[3][firmware.code >> 12 & 511] = physical(memory + 4 * PAGE) | ENCRYPTED | P;
    firmware.tables[0][0] = physical(memory + 5 * PAGE) | ENCRYPTED | RW | P;
    firmware.tables[5][0] = physical(memory + 6 * PAGE) | ENCRYPTED | RW | P;
    firmware.tables[6][DEVICE >> 21] = DEVICE_GPA | LARGE | RW | P;
}

static void build_idt(void)
{
    struct sevc_uefi_idtr idtr = {
        .limit = sizeof(firmware.gates) - 1,
        .base = (uint64_t)(uintptr_t)firmware.gates,
    };

    for (unsigned i = 0; i < SEVC_UEFI_IDT_GATES; i++) {
        uint64_t entry = FIRMWARE_ENTRY + 16 * ((uint64_t)i - 29);

        firmware.gates[i] = (struct sevc_idt_gate){
            .offset_low = (uint16_t)entry,
            .offset_middle = (uint16_t)(entry >> 16),
            .offset_high = (uint32_t)(entry >> 32),
            .selector = FIRMWARE_CS,
            .attributes = 0x8E,
        };
    }
    memcpy(firmware.host.idtr, &idtr, sizeof(idtr));
}

uint64_t firmware_gate_target(const struct sevc_idt_gate *gate)
{
    return gate->offset_low | (uint64_t)gate->offset_middle << 16 |
           (uint64_t)gate->offset_high << 32;
}

int firmware_finish(void **state)
{
    (void)state;
    if (firmware.tables != NULL) {
        memset(firmware.host.ghcb.va, 0,
               SEVC_GHCB_SIZE); /* its contents are the tests' own matter */
        firmware.host.ghcb_msr = HOST_GHCB_GPA;
        host_finish(&firmware.host);
        munmap(firmware.tables, TABLES * PAGE);
        firmware.tables = NULL;
    }
    return 0;
}

void firmware_start(void)
{
    firmware_finish(NULL);
    memset(&firmware, 0, sizeof(firmware));
    host_start(&firmware.host);
    firmware.host.interrupt_flag = true;
    firmware.host.ghcb_in_use = true; /* by the firmware: never at rest, as the host sees it */
    memset(firmware.host.ghcb.va, 0x77, SEVC_GHCB_SIZE);
    firmware.config = (struct sevc_uefi_config){
        .backup = firmware.host.backup,
        .linear_map = (uint64_t)(uintptr_t)firmware.host.ghcb.va - HOST_GHCB_GPA,
    };
    build_idt();
    build_tables();
}

void firmware_enter(void)
{
    host_expect_platform(&firmware.host, 1, 2, FIRMWARE_C_BIT);
    assert_int_equal(sevc_uefi_enter(&firmware.uefi, &firmware.config, &firmware.report), SEVC_OK);
}

void firmware_assert_untouched(void)
{
    struct sevc_uefi_idtr idtr = firmware_idtr();

    assert_int_equal(idtr.base, (uint64_t)(uintptr_t)firmware.gates);
    assert_int_equal(idtr.limit, sizeof(firmware.gates) - 1);
    for (unsigned i = 0; i < SEVC_UEFI_IDT_GATES; i++) {
        assert_int_equal(firmware_gate_target(&firmware.gates[i]),
                         FIRMWARE_ENTRY + 16 * ((uint64_t)i - 29));
    }
    assert_int_equal(firmware.host.ghcb_msr, HOST_GHCB_GPA);
    assert_true(firmware.host.interrupt_flag);
}
