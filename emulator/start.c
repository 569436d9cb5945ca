/* SPDX-License-Identifier: MIT */
/* From the reset stub to the guest's first instruction. */
#include "start.h"

#include "boot.h"
#include "boot_ap.h"
#include "config.h"
#include "cpu.h"
#include "device.h"
#include "firmware.h"
#include "ghcb_server.h"
#include "hide.h"
#include "linux.h"
#include "loader.h"
#include "memory.h"
#include "npt.h"
#include "report.h"
#include "selftest.h"
#include "smp_start.h"
#include "storm.h"
#include "trace.h"
#include "trap.h"
#include "vcpu.h"
#include "view.h"

#ifndef SEVC_VERSION
#define SEVC_VERSION "unknown"
#endif

static uint64_t guest_ram_mib(void)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < memory_guest_count; i++)
        bytes += memory_guest[i].end - memory_guest[i].start;
    return bytes >> 20;
}

/* The identity map was for the reset stub; without it a null pointer faults. */
static void drop_identity_map(void)
{
    uint64_t *pml4 = memory_direct(cpu_read_cr3() & PTE_ADDRESS);

    pml4[0] = 0;
    cpu_write_cr3(cpu_read_cr3());
}

_Noreturn void start(uint32_t image_pa)
{
    static struct ghcb_platform platform;
    static struct loader_kernel kernel;
    static struct vcpu_entry entry;

    trap_init();
    drop_identity_map();
    memory_locate(image_pa);
    config_read();
    memory_init();
    smp_find_processors();
    report_log(REPORT_QUIET, "sevc-monitor: start version=%s ram=%lluM private=0x%llx",
               SEVC_VERSION, (unsigned long long)guest_ram_mib(),
               (unsigned long long)memory_private(0));
    selftest_run();
    npt_init();
    view_init();
    hide_init();
    if (firmware_is_present()) {
        firmware_load();
        entry.reset = true;
    } else if (linux_is_wanted()) {
        linux_prepare(&entry);
    } else {
        loader_load(&kernel);
        boot_prepare(&kernel, &entry);
    }

    ghcb_platform_init(&platform, DEVICE_C_BIT);
    platform.allow = config.allow;
    platform.keep_going = config.stop_never;
    if (smp_count > 1 && !firmware_is_present())
        platform.jump_table_gpa = BOOT_AP_JUMP_TABLE;
    report_log(REPORT_EVENTS, "sevc-monitor: guest entry=0x%llx start-info=0x%llx",
               (unsigned long long)entry.rip, (unsigned long long)(entry.rdi | entry.rsi));
    struct vcpu *first = vcpu_create(0, &platform, &entry);
    trace_start(); /* the others run at once, and are recorded */
    smp_start_processors(&platform, &entry);
    storm_start();
    vcpu_loop(first);
}
