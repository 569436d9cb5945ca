/* SPDX-License-Identifier: MIT */
#include "acpi.h"

#include <stdbool.h>
#include <stddef.h>

#include "boot_area.h"
#include "cpu.h"
#include "fwcfg.h"
#include "libc.h"
#include "memory.h"
#include "report.h"

#define NAME_BYTES 56
#define MAX_FILES  8
#define RSDP_FILE  "etc/acpi/rsdp"

enum loader_command {
    LOADER_ALLOCATE = 1,
    LOADER_ADD_POINTER,
    LOADER_ADD_CHECKSUM,
    LOADER_WRITE_POINTER, /* tells QEMU an address: of devices that need one to be there */
};

struct loader_entry {
    uint32_t command;
    union {
        struct {
            char file[NAME_BYTES];
            uint32_t alignment;
            uint8_t zone;
        } allocate;
        struct {
            char in[NAME_BYTES], to[NAME_BYTES];
            uint32_t offset;
            uint8_t bytes;
        } pointer;
        struct {
            char file[NAME_BYTES];
            uint32_t offset, start, bytes;
        } checksum;
        uint8_t all[124];
    } u;
} __attribute__((packed));

_Static_assert(sizeof(struct loader_entry) == 128, "table loader layout");

struct table_file {
    char name[NAME_BYTES];
    uint64_t pa;
    uint32_t bytes;
};

static struct table_file files[MAX_FILES];
static size_t file_count;

static _Noreturn void broken(const char *what)
{
    report_end(VERDICT_ERROR, "QEMU's etc/table-loader cannot be followed: %s", what);
}

/* Names in the script are zero-padded, and terminated because they come from fw_cfg's directory. */
static const struct table_file *find(char name[NAME_BYTES])
{
    name[NAME_BYTES - 1] = 0;
    for (size_t i = 0; i < file_count; i++) {
        if (string_equal(files[i].name, name))
            return &files[i];
    }
    broken("it names a file that it has not allocated");
}

static void allocate(struct loader_entry *e)
{
    struct fwcfg_file file;

    e->u.allocate.file[NAME_BYTES - 1] = 0;
    if (!fwcfg_find(e->u.allocate.file, &file))
        broken("a file is missing");
    if (e->u.allocate.alignment > PAGE_BYTES || file_count == MAX_FILES)
        broken("too many files, or an alignment above 4096");
    struct table_file *t = &files[file_count++];
    memcpy(t->name, e->u.allocate.file, NAME_BYTES);
    t->bytes = file.bytes;
    t->pa = boot_take(file.bytes);
    fwcfg_read(&file, 0, memory_direct(t->pa), file.bytes);
}

/* The field holds an offset into the other file. */
static void add_pointer(struct loader_entry *e)
{
    const struct table_file *in = find(e->u.pointer.in), *to = find(e->u.pointer.to);
    uint32_t offset = e->u.pointer.offset, bytes = e->u.pointer.bytes;
    uint64_t value = 0;

    if (bytes > sizeof(value) || offset > in->bytes || bytes > in->bytes - offset)
        broken("a pointer beyond its file");
    uint8_t *at = (uint8_t *)memory_direct(in->pa) + offset;
    memcpy(&value, at, bytes);
    value += to->pa;
    memcpy(at, &value, bytes);
}

static void add_checksum(struct loader_entry *e)
{
    const struct table_file *t = find(e->u.checksum.file);
    uint32_t offset = e->u.checksum.offset, start = e->u.checksum.start;
    uint8_t *data = memory_direct(t->pa);
    uint8_t sum = 0;

    if (offset >= t->bytes || start > t->bytes || e->u.checksum.bytes > t->bytes - start)
        broken("a checksum beyond its file");
    for (uint32_t i = 0; i < e->u.checksum.bytes; i++)
        sum = (uint8_t)(sum + data[start + i]);
    data[offset] = (uint8_t)(data[offset] - sum);
}

uint64_t acpi_install(void)
{
    static char rsdp[NAME_BYTES] = RSDP_FILE;
    static struct loader_entry entry;
    struct fwcfg_file script;

    if (!fwcfg_find("etc/table-loader", &script))
        report_end(VERDICT_ERROR, "QEMU offers no ACPI tables: do not use -no-acpi");
    for (uint32_t at = 0; at + sizeof(entry) <= script.bytes; at += sizeof(entry)) {
        fwcfg_read(&script, at, &entry, sizeof(entry));
        switch (entry.command) {
        case LOADER_ALLOCATE:
            allocate(&entry);
            break;
        case LOADER_ADD_POINTER:
            add_pointer(&entry);
            break;
        case LOADER_ADD_CHECKSUM:
            add_checksum(&entry);
            break;
        default: /* QEMU pads the script with zeros; WRITE_POINTER serves devices, not tables */
            break;
        }
    }
    return find(rsdp)->pa;
}
