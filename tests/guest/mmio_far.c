/* SPDX-License-Identifier: MIT */
/* A device's memory far above all RAM, where firmware puts 64-bit BARs: each place shows the same bytes. */
#include "guest.h"

#define VA     0x30000000ull
#define MARKER 0x5EC05EC1D0D0CAFEull

void guest_main(void)
{
    static const uint64_t places[] = {
        0x0000004000000000,                                         /* 256 GiB */
        0x0000008000000000,                                         /* 512 GiB */
        0x0000123456700000, 0x0000700000000000, 0x00007FFFFFF00000, /* the last below the C-bit */
    };
    volatile uint8_t *device = guest_device();

    *(volatile uint64_t *)(device + 8) = MARKER;
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        uint64_t before = account_vc(SEVC_EXIT_NPF);
        device = guest_device_at(places[i], VA);
        CHECK_EQUAL(*(volatile uint64_t *)(device + 8), MARKER + i);
        CHECK_EQUAL(*(volatile uint8_t *)(device + 10), 0xD0);
        *(volatile uint64_t *)(device + 8) = MARKER + i + 1;
        CHECK_EQUAL(account_vc(SEVC_EXIT_NPF) - before, 3);
    }
    device = guest_device();
    CHECK_EQUAL(*(volatile uint64_t *)(device + 8), MARKER + sizeof(places) / sizeof(places[0]));
}
