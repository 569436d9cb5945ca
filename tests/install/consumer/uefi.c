/* SPDX-License-Identifier: MIT */
/* A UEFI application of somebody else: without a header of UEFI's, which sevc does not need. */
#include <sevc/uefi.h>

unsigned long efi_main(void *image, void *system_table);

static struct sevc_uefi uefi;
static uint8_t backup[4096] __attribute__((aligned(4096)));

struct sevc_uefi *sevc_os_uefi(void)
{
    return &uefi;
}

bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping)
{
    (void)trap;
    return sevc_uefi_translate(&uefi, va, mapping);
}

bool sevc_os_copy(struct sevc_copy *copy)
{
    return sevc_uefi_copy(&uefi, copy);
}

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    (void)trap;
    return sevc_uefi_register(&uefi, which);
}

void sevc_os_raise(struct sevc_trap *trap, const struct sevc_report *report)
{
    (void)trap;
    (void)report;
}

unsigned long efi_main(void *image, void *system_table)
{
    struct sevc_uefi_config config = { .backup = backup };
    struct sevc_report report;

    (void)image;
    (void)system_table;
    if (sevc_uefi_enter(&uefi, &config, &report) != SEVC_OK) {
        return 1;
    }
    return sevc_uefi_leave(&uefi) != SEVC_OK;
}
