/* SPDX-License-Identifier: MIT */
/* The hooks of os.h, answered for a program under UEFI, and what firmware needs to be let do. */
#include <sevc/uefi.h>

const struct sevc_policy sevc_uefi_policy = {
    .invd = SEVC_INVD_FORWARD,
    .monitor = SEVC_MONITOR_FORWARD,
    .hypercall = &sevc_hypercall_kvm,
};

bool sevc_uefi_translate(const struct sevc_uefi *uefi, uint64_t va, struct sevc_mapping *mapping)
{
    return sevc_walk(&uefi->paging, va, mapping);
}

bool sevc_uefi_copy(const struct sevc_uefi *uefi, struct sevc_copy *copy)
{
    return sevc_walk_copy(&uefi->paging, copy);
}

uint64_t sevc_uefi_register(const struct sevc_uefi *uefi, enum sevc_os_register which)
{
    switch (which) {
    case SEVC_OS_CR4:
        return uefi->cr4;
    case SEVC_OS_XCR0:
        return uefi->xcr0;
    case SEVC_OS_FS_BASE:
        return uefi->fs_base;
    case SEVC_OS_GS_BASE:
        return uefi->gs_base;
    case SEVC_OS_CODE_BITS:
        return 64; /* UEFI spec 2.10, 2.3.4 */
    case SEVC_OS_XSS:
        break; /* no firmware saves supervisor state */
    }
    return 0;
}
