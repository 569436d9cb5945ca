/* SPDX-License-Identifier: MIT */
/*
 * A boot loader: an ELF kernel from the application's disk, started as docs/emulator.md promises: in
 * 64-bit mode, interrupts off, RAM mapped identically with the C-bit, Xen's start information in RDI.
 */
#include "loader.h"

#include <efilib.h>

#define LARGE_PAGE    0x200000ull
#define PTE_P         1ull
#define PTE_W         2ull
#define PTE_PS        0x80ull
#define IDENTITY_END  (512ull << 30) /* what lies above may be mapped for the kernel */
#define SEGMENTS      8
#define MAP_ENTRIES   256
#define START_MAGIC   0x336EC578
#define TYPE_RAM      1
#define TYPE_RESERVED 2

/* ELF64: gABI, chapters 4 and 5. */
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
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

/* Xen, public/arch-x86/hvm/start_info.h. */
static struct {
    uint32_t magic, version, flags, modules;
    uint64_t modules_gpa, cmdline_gpa, rsdp_gpa, memmap_gpa;
    uint32_t memmap_entries, cpus;
} start_info;

static struct map_entry {
    uint64_t gpa, bytes;
    uint32_t type, reserved;
} memory_map[MAP_ENTRIES];

typedef uint64_t table[512] __attribute__((aligned(4096)));
static table pml4, pdpt, pd;
static uint64_t entry;

static bool fail(const char *why)
{
    put_line("sevc-uefi: cannot load the kernel: %s", why);
    return false;
}

/* ---- the file ---- */

static uint8_t *read_file(EFI_HANDLE image, const CHAR16 *name, UINTN *bytes)
{
    EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    EFI_LOADED_IMAGE *loaded = NULL;
    EFI_FILE_HANDLE root, file;
    EFI_FILE_INFO *info;
    uint8_t *text = NULL;

    if (EFI_ERROR(BS->HandleProtocol(image, &guid, (void **)&loaded)))
        return NULL;
    root = LibOpenRoot(loaded->DeviceHandle);
    if (root == NULL || EFI_ERROR(root->Open(root, &file, (CHAR16 *)name, EFI_FILE_MODE_READ, 0)))
        return NULL;
    info = LibFileInfo(file);
    if (info != NULL) {
        *bytes = info->FileSize;
        text = AllocatePool(*bytes);
    }
    if (text != NULL && EFI_ERROR(file->Read(file, bytes, text)))
        text = NULL;
    file->Close(file);
    return text;
}

/* ---- its segments ---- */

/* Above what is mapped identically: in 2 MiB pages, within one GiB. RAM is private: the C-bit. */
static bool map_segment(const struct elf_segment *segment)
{
    uint64_t c_bit = 1ull << uefi.cpu.platform.c_bit;
    uint64_t va = segment->vaddr & ~(LARGE_PAGE - 1);
    uint64_t end = segment->vaddr + segment->memsz;

    if (segment->vaddr == segment->paddr)
        return true;
    if (segment->vaddr < IDENTITY_END || (segment->vaddr - segment->paddr) % LARGE_PAGE != 0 ||
        segment->vaddr >> 30 != (end - 1) >> 30)
        return false;
    pml4[va >> 39 & 511] = (uint64_t)pdpt | c_bit | PTE_W | PTE_P;
    pdpt[va >> 30 & 511] = (uint64_t)pd | c_bit | PTE_W | PTE_P;
    for (; va < end; va += LARGE_PAGE)
        pd[va >> 21 & 511] =
            (va - segment->vaddr + segment->paddr) | c_bit | PTE_PS | PTE_W | PTE_P;
    return true;
}

static bool place_segment(const uint8_t *text, UINTN bytes, const struct elf_segment *segment)
{
    EFI_PHYSICAL_ADDRESS at = segment->paddr & ~0xFFFull;
    UINTN pages = (segment->paddr - at + segment->memsz + 4095) / 4096;

    if (segment->filesz > segment->memsz || segment->offset > bytes ||
        segment->filesz > bytes - segment->offset)
        return fail("a segment is not in the file");
    if (EFI_ERROR(BS->AllocatePages(AllocateAddress, EfiLoaderData, pages, &at)))
        return fail("the memory that it is linked for is in use");
    ZeroMem((void *)segment->paddr, segment->memsz);
    CopyMem((void *)segment->paddr, text + segment->offset, segment->filesz);
    return map_segment(segment) || fail("it is linked where nothing can be mapped");
}

/* The identity map is the firmware's, with its C-bits; the top table is a copy that gets one more. */
static void copy_firmware_map(void)
{
    uint64_t cr3;

    __asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
    CopyMem(pml4, (void *)(cr3 & 0x000FFFFFFFFFF000 & ~(1ull << uefi.cpu.platform.c_bit)), 4096);
}

bool loader_read(EFI_HANDLE image, const CHAR16 *name)
{
    EFI_GUID acpi = ACPI_20_TABLE_GUID;
    const struct elf_header *header;
    UINTN bytes = 0;
    const uint8_t *text;

    if (!sevc_cpu_ready(&uefi.cpu))
        return fail("this is no SEV-ES guest, and the kernel has no other life");
    text = read_file(image, name, &bytes);
    header = (const void *)text;
    if (text == NULL || bytes < sizeof(*header))
        return fail("no such file");
    if (CompareMem(header->ident, "\177ELF\2\1", 6) != 0 || header->machine != 62 ||
        header->phentsize != sizeof(struct elf_segment) || header->phnum > SEGMENTS ||
        header->phoff > bytes || header->phnum * sizeof(struct elf_segment) > bytes - header->phoff)
        return fail("no ELF file for x86-64");
    copy_firmware_map();
    for (unsigned i = 0; i < header->phnum; i++) {
        const struct elf_segment *segment = (const void *)(text + header->phoff);
        if (segment[i].type == 1 && segment[i].memsz != 0 &&
            !place_segment(text, bytes, &segment[i]))
            return false;
    }
    entry = header->entry;
    LibGetSystemConfigurationTable(&acpi, (void **)&start_info.rsdp_gpa);
    return true;
}

/* ---- the memory map ---- */

static uint32_t type_of(uint32_t efi_type)
{
    return efi_type == EfiConventionalMemory || efi_type == EfiBootServicesCode ||
                   efi_type == EfiBootServicesData
               ? TYPE_RAM
               : TYPE_RESERVED;
}

static void add_range(uint64_t gpa, uint64_t bytes, uint32_t type)
{
    struct map_entry *last = &memory_map[start_info.memmap_entries];

    if (start_info.memmap_entries > 0 && last[-1].type == type &&
        last[-1].gpa + last[-1].bytes == gpa)
        last[-1].bytes += bytes;
    else if (start_info.memmap_entries < MAP_ENTRIES) {
        *last = (struct map_entry){ gpa, bytes, type, 0 };
        start_info.memmap_entries++;
    }
}

void loader_memory_map(const uint8_t *map, UINTN bytes, UINTN descriptor_bytes)
{
    start_info.memmap_entries = 0;
    for (UINTN at = 0; at + descriptor_bytes <= bytes; at += descriptor_bytes) {
        const EFI_MEMORY_DESCRIPTOR *d = (const void *)(map + at);
        if (d->Type != EfiMemoryMappedIO && d->Type != EfiMemoryMappedIOPortSpace)
            add_range(d->PhysicalStart, d->NumberOfPages * 4096, type_of(d->Type));
    }
}

/* ---- the end of the loader ---- */

#define PIC_MASK_1 0x21
#define PIC_MASK_2 0xA1

void loader_start(void)
{
    start_info.magic = START_MAGIC;
    start_info.version = 1;
    start_info.memmap_gpa = (uint64_t)memory_map;
    start_info.cpus = 1;
    sevc_out8(&uefi.cpu, PIC_MASK_1, 0xFF); /* the firmware's timer */
    sevc_out8(&uefi.cpu, PIC_MASK_2, 0xFF);
    kernel_gdt();
    __asm__ volatile("movq %0, %%cr3\n\t"
                     "jmpq *%1"
                     :
                     : "r"((uint64_t)pml4 | 1ull << uefi.cpu.platform.c_bit), "r"(entry),
                       "D"(&start_info)
                     : "memory");
    __builtin_unreachable();
}
