/* SPDX-License-Identifier: MIT */
/* GRUB's tags (Multiboot2 specification 2.0, 3.4 and 3.6) as the structure that the kernel knows. */
#include "bootinfo.h"
#include "kernel.h"

#define TAG_END     0
#define TAG_CMDLINE 1
#define TAG_MEMMAP  6

#define MAX_MAP 64

struct tags {
    uint32_t bytes, reserved;
};

struct tag {
    uint32_t type, bytes;
};

struct tag_memmap {
    struct tag tag;
    uint32_t entry_bytes, version;
};

struct tag_memmap_entry {
    uint64_t gpa, bytes;
    uint32_t type, reserved;
};

static struct start_info info;
static struct memmap_entry map[MAX_MAP];

const struct start_info *multiboot2_start_info(uint32_t tags_gpa);

static uint64_t image_gpa(const void *p)
{
    return (uint64_t)p - KERNEL_OFFSET;
}

static void take_map(const struct tag_memmap *tag)
{
    uint64_t at = (uint64_t)(tag + 1), end = (uint64_t)tag + tag->tag.bytes;

    for (; at + sizeof(struct tag_memmap_entry) <= end; at += tag->entry_bytes) {
        const struct tag_memmap_entry *from = (const void *)at;
        if (info.memmap_entries == MAX_MAP)
            return;
        map[info.memmap_entries++] = (struct memmap_entry){ from->gpa, from->bytes, from->type, 0 };
    }
}

/* Runs in the identity map of multiboot2.S, in which the result is used too. */
const struct start_info *multiboot2_start_info(uint32_t tags_gpa)
{
    uint64_t at = (uint64_t)tags_gpa + sizeof(struct tags);

    early_sev_infos = 1; /* VMGEXIT in multiboot2.S */
    info.magic = START_INFO_MAGIC;
    info.version = 1;
    info.memmap_gpa = image_gpa(map);
    for (;;) {
        const struct tag *tag = (const void *)at;
        if (tag->type == TAG_END)
            break;
        if (tag->type == TAG_CMDLINE)
            info.cmdline_gpa = (uint64_t)(tag + 1);
        if (tag->type == TAG_MEMMAP)
            take_map((const struct tag_memmap *)tag);
        at += (tag->bytes + 7) & ~7u;
    }
    return (const void *)image_gpa(&info);
}
