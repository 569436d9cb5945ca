/* SPDX-License-Identifier: MIT */
#include "boot_ap.h"

#include "libc.h"
#include "memory.h"
#include "view.h"

/* park.S */
extern const uint8_t park_start[];
extern const uint32_t park_bytes;

uint16_t boot_ap_prepare(void)
{
    memset(memory_direct(BOOT_AP_START), 0, BOOT_AP_END - BOOT_AP_START);
    memcpy(memory_direct(BOOT_AP_START), park_start, park_bytes);
    view_adopt_private(BOOT_AP_START, BOOT_AP_END);
    return (uint16_t)(BOOT_AP_START >> 4);
}

uint32_t boot_ap_jump_target(void)
{
    uint32_t target;

    if (!view_shows(BOOT_AP_JUMP_TABLE, VIEW_PRIVATE))
        return 0;
    memcpy(&target, view_content(BOOT_AP_JUMP_TABLE), sizeof(target));
    return target;
}
