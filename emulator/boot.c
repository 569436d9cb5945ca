/* SPDX-License-Identifier: MIT */
#include "boot.h"

#include "boot_ap.h"
#include "boot_area.h"
#include "boot_paging.h"
#include "cpu.h"
#include "format.h"
#include "fwcfg.h"
#include "memory.h"
#include "report.h"
#include "libc.h"
#include "smp.h"
#include "view.h"

#define E820_RAM      1
#define E820_RESERVED 2

#define STACK_BYTES (4 * PAGE_BYTES)
#define MAX_MODULES 16
#define MAX_MAP     64

/* Xen's PVH start information, version 1 (xen/include/public/arch-x86/hvm/start_info.h). */
struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, cmdline, rsdp, map;
    uint32_t map_count;
    uint32_t processors; /* reserved in PVH; 0 if there is one */
};

struct start_module {
    uint64_t pa, bytes, cmdline, reserved;
};

struct start_map_entry {
    uint64_t pa, bytes;
    uint32_t type, reserved;
};

_Static_assert(sizeof(struct start_info) == 56, "start information layout");
_Static_assert(sizeof(struct start_module) == 32, "start information layout");
_Static_assert(sizeof(struct start_map_entry) == 24, "start information layout");

/* Everything small, in one piece. */
struct boot_page {
    struct start_info info;
    struct start_module modules[MAX_MODULES];
    struct start_map_entry map[MAX_MAP];
    uint64_t gdt[3];
    char names[MAX_MODULES][64];
    char cmdline[2048];
};

static const uint64_t flat_gdt[3] = { 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF };

/* The pages of the other processors. Empty if there are none. */
static struct memory_range ap_area;

static uint64_t pa_of(const void *pointer)
{
    return memory_pa(pointer);
}

static void read_cmdline(struct boot_page *page)
{
    struct fwcfg_file file;

    page->info.cmdline = pa_of(page->cmdline);
    if (!fwcfg_find("opt/sevc/cmdline", &file))
        return;
    if (file.bytes >= sizeof(page->cmdline))
        report_end(VERDICT_ERROR, "the command line is longer than %zu bytes",
                   sizeof(page->cmdline) - 1);
    fwcfg_read(&file, 0, page->cmdline, file.bytes);
}

static void read_modules(struct boot_page *page)
{
    char name[56];
    struct fwcfg_file file;

    page->info.modules = pa_of(page->modules);
    for (unsigned i = 0; i < MAX_MODULES; i++) {
        format_text(name, sizeof(name), "opt/sevc/module/%u", i);
        if (!fwcfg_find(name, &file))
            return;
        uint64_t pa = boot_take(file.bytes);
        fwcfg_read(&file, 0, memory_direct(pa), file.bytes);
        page->modules[i] = (struct start_module){ pa, file.bytes, pa_of(page->names[i]), 0 };
        page->info.module_count = i + 1;
        format_text(name, sizeof(name), "opt/sevc/module-name/%u", i);
        if (fwcfg_find(name, &file))
            fwcfg_read(&file, 0, page->names[i],
                       file.bytes < sizeof(page->names[i]) ? file.bytes
                                                           : sizeof(page->names[i]) - 1);
    }
    format_text(name, sizeof(name), "opt/sevc/module/%u", MAX_MODULES);
    if (fwcfg_find(name, &file))
        report_end(VERDICT_ERROR, "more than %u modules", MAX_MODULES);
}

static void add_map(struct boot_page *page, uint64_t start, uint64_t end, uint32_t type)
{
    if (start >= end)
        return;
    if (page->info.map_count == MAX_MAP)
        report_end(VERDICT_ERROR, "the guest's memory map has too many pieces");
    page->map[page->info.map_count++] = (struct start_map_entry){ start, end - start, type, 0 };
}

/* The first piece in use at or above an address: a segment of the kernel, or the boot's areas. */
static struct memory_range next_used(const struct loader_kernel *kernel, uint64_t from)
{
    struct memory_range best = { ~0ull, ~0ull };

    for (size_t i = 0; i <= kernel->count + 1; i++) {
        struct memory_range r = i == kernel->count ? boot_area() : ap_area;
        if (i < kernel->count) {
            const struct loader_segment *s = &kernel->segments[i];
            r = (struct memory_range){ s->pa & ~PAGE_MASK,
                                       (s->pa + s->bytes + PAGE_MASK) & ~PAGE_MASK };
        }
        if (r.end > from && r.start < best.start)
            best = r;
    }
    return best;
}

static void build_map(struct boot_page *page, const struct loader_kernel *kernel)
{
    for (size_t i = 0; i < memory_guest_count; i++) {
        uint64_t at = memory_guest[i].start, end = memory_guest[i].end;
        while (at < end) {
            struct memory_range used = next_used(kernel, at);
            if (used.start > end)
                used = (struct memory_range){ end, end };
            if (used.start < at)
                used.start = at;
            if (used.end > end)
                used.end = end;
            add_map(page, at, used.start, E820_RAM);
            add_map(page, used.start, used.end, E820_RESERVED);
            at = used.end;
        }
        if (end == boot_area().end)
            add_map(page, memory_monitor().start, memory_monitor().end, E820_RESERVED);
    }
}

static void check_overlap(const struct loader_kernel *kernel)
{
    struct memory_range area = boot_area();

    for (size_t i = 0; i < kernel->count; i++) {
        const struct loader_segment *s = &kernel->segments[i];
        if (s->pa < area.end && s->pa + s->bytes > area.start)
            report_end(VERDICT_ERROR,
                       "the kernel's segment at 0x%llx collides with the boot data from 0x%llx "
                       "on: give more (sevc-run --memory, QEMU -m)",
                       (unsigned long long)s->pa, (unsigned long long)area.start);
        if (s->pa < ap_area.end && s->pa + s->bytes > ap_area.start)
            report_end(VERDICT_ERROR,
                       "the kernel's segment at 0x%llx collides with the pages of the other "
                       "processors from 0x%llx on",
                       (unsigned long long)s->pa, (unsigned long long)ap_area.start);
    }
}

void boot_prepare(const struct loader_kernel *kernel, struct vcpu_entry *entry)
{
    boot_area_init();
    if (smp_count > 1)
        ap_area = (struct memory_range){ BOOT_AP_START, BOOT_AP_END };
    struct boot_page *page = memory_direct(boot_take(sizeof(*page)));
    uint64_t stack = boot_take(STACK_BYTES);

    page->info.magic = 0x336EC578;
    page->info.version = 1;
    page->info.processors = smp_count > 1 ? smp_count : 0;
    page->info.map = pa_of(page->map);
    memcpy(page->gdt, flat_gdt, sizeof(flat_gdt));
    read_cmdline(page);
    read_modules(page);
    entry->cr3 = boot_paging_build(kernel);
    check_overlap(kernel);
    build_map(page, kernel);
    view_adopt_private(boot_area().start, boot_area().end);
    if (smp_count > 1)
        entry->park_segment = boot_ap_prepare();

    entry->rip = kernel->entry;
    entry->rdi = pa_of(&page->info);
    entry->rsp = stack + STACK_BYTES - 8; /* as after a CALL */
    entry->gdt = pa_of(page->gdt);
    entry->gdt_limit = sizeof(page->gdt) - 1;
    entry->code_selector = 0x08;
    entry->data_selector = 0x10;
}
