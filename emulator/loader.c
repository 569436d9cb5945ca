/* SPDX-License-Identifier: MIT */
#include "loader.h"

#include <stdbool.h>

#include "fwcfg.h"
#include "memory.h"
#include "report.h"
#include "libc.h"
#include "view.h"

/* ELF-64, System V gABI, chapter 4 and 5. */
struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, va, pa, file_bytes, bytes, align;
};

_Static_assert(sizeof(struct elf_header) == 64, "ELF header layout");
_Static_assert(sizeof(struct elf_segment) == 56, "ELF program header layout");

#define ELF_CLASS64   2
#define ELF_LITTLE    1
#define ELF_EXEC      2
#define ELF_DYN       3
#define ELF_X86_64    62
#define ELF_PT_LOAD   1
#define ELF_PT_INTERP 3

static void check_header(const struct elf_header *h)
{
    static const uint8_t magic[4] = { 0x7F, 'E', 'L', 'F' };

    if (memcmp(h->ident, magic, 4) != 0)
        report_end(VERDICT_ERROR, "the kernel is no ELF file");
    if (h->ident[4] != ELF_CLASS64 || h->ident[5] != ELF_LITTLE || h->machine != ELF_X86_64)
        report_end(VERDICT_ERROR, "the kernel is no 64-bit x86-64 ELF file");
    if ((h->type != ELF_EXEC && h->type != ELF_DYN) || h->phentsize != sizeof(struct elf_segment))
        report_end(VERDICT_ERROR, "the kernel is no executable: link it");
}

static bool inside_ram(uint64_t pa, uint64_t bytes)
{
    for (size_t i = 0; i < memory_guest_count; i++) {
        if (pa >= memory_guest[i].start && pa < memory_guest[i].end)
            return bytes <= memory_guest[i].end - pa;
    }
    return false;
}

static void load_segment(const struct fwcfg_file *file, const struct elf_segment *s)
{
    if (s->file_bytes > s->bytes || s->offset > file->bytes ||
        s->file_bytes > file->bytes - s->offset)
        report_end(VERDICT_ERROR, "the kernel's file is shorter than its program headers say");
    if (!inside_ram(s->pa, s->bytes))
        report_end(VERDICT_ERROR,
                   "no RAM for the segment at p_paddr=0x%llx (0x%llx bytes): link the kernel "
                   "elsewhere, or give more (sevc-run --memory, QEMU -m)",
                   (unsigned long long)s->pa, (unsigned long long)s->bytes);
    fwcfg_read(file, (uint32_t)s->offset, memory_direct(s->pa), (uint32_t)s->file_bytes);
    memset(memory_direct(s->pa + s->file_bytes), 0, s->bytes - s->file_bytes);
}

/* Not before all are loaded: two may share a page, and an adopted page is written elsewhere. */
static void adopt_segments(const struct loader_kernel *kernel)
{
    for (size_t i = 0; i < kernel->count; i++)
        view_adopt_private(kernel->segments[i].pa,
                           kernel->segments[i].pa + kernel->segments[i].bytes);
}

/* The entry point is a virtual address: it has to lie in a segment. */
static bool entry_is_loaded(const struct loader_kernel *kernel)
{
    for (size_t i = 0; i < kernel->count; i++) {
        if (kernel->entry - kernel->segments[i].va < kernel->segments[i].bytes)
            return true;
    }
    return false;
}

void loader_load(struct loader_kernel *kernel)
{
    static struct elf_header header;
    static struct elf_segment segment;
    struct fwcfg_file file;

    if (!fwcfg_find("opt/sevc/kernel", &file))
        report_end(VERDICT_ERROR, "no kernel: pass -fw_cfg name=opt/sevc/kernel,file=KERNEL.elf");
    fwcfg_read(&file, 0, &header, sizeof(header));
    check_header(&header);
    for (unsigned i = 0; i < header.phnum; i++) {
        fwcfg_read(&file, (uint32_t)(header.phoff + i * sizeof(segment)), &segment,
                   sizeof(segment));
        if (segment.type == ELF_PT_INTERP)
            report_end(VERDICT_ERROR, "the kernel wants a dynamic linker: link it statically");
        if (segment.type != ELF_PT_LOAD || segment.bytes == 0)
            continue;
        if (kernel->count == LOADER_MAX_SEGMENTS)
            report_end(VERDICT_ERROR, "the kernel has more than %u segments", LOADER_MAX_SEGMENTS);
        load_segment(&file, &segment);
        kernel->segments[kernel->count++] =
            (struct loader_segment){ segment.pa, segment.va, segment.bytes };
    }
    adopt_segments(kernel);
    kernel->entry = header.entry;
    if (!entry_is_loaded(kernel))
        report_end(VERDICT_ERROR, "the kernel's entry point 0x%llx is in none of its segments",
                   (unsigned long long)kernel->entry);
}
