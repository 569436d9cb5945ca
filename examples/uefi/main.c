/* SPDX-License-Identifier: MIT */
/*
 * A UEFI application that lives as an SEV-ES guest under sevc.
 *
 *   sevc.efi           works under the firmware, prints its table of exits, returns to the shell
 *   sevc.efi kernel    calls ExitBootServices() and goes on as a tiny kernel
 *   sevc.efi load F    loads the ELF kernel F from the same disk, and starts it: examples/kernel
 */
#include <efi.h>
#include <efilib.h>

#include "app.h"
#include "loader.h"

#define MAP_BYTES 65536

EFI_STATUS efi_main(EFI_HANDLE image_handle, EFI_SYSTEM_TABLE *system_table);

static EFI_HANDLE image;

/* While sevc serves #VC: the console driver's every port access is an exit. */
static void firmware_text(const char *text)
{
    while (*text != '\0') {
        CHAR16 piece[64];
        UINTN n = 0;

        while (*text != '\0' && n + 1 < sizeof(piece) / sizeof(piece[0]))
            piece[n++] = (CHAR16)*text++;
        piece[n] = 0;
        ST->ConOut->OutputString(ST->ConOut, piece);
    }
}

#define OPTIONS 128
static CHAR16 options[OPTIONS + 1];

/* The command line as the shell hands it over: UCS-2, its own name first. */
static void read_options(void)
{
    EFI_LOADED_IMAGE *loaded = NULL;
    EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    UINTN bytes;

    if (EFI_ERROR(BS->HandleProtocol(image, &guid, (void **)&loaded)) ||
        loaded->LoadOptions == NULL)
        return;
    bytes = loaded->LoadOptionsSize;
    CopyMem(options, loaded->LoadOptions,
            bytes < sizeof(options) - 2 ? bytes : sizeof(options) - 2);
}

/* What follows WORD on the command line; NULL where it is not there. */
static const CHAR16 *behind(const CHAR16 *word)
{
    UINTN length = StrLen(word);

    for (const CHAR16 *p = options; *p != 0; p++) {
        if (StrnCmp(p, word, length) == 0)
            return p + length;
    }
    return NULL;
}

/* The firmware's timer interrupt goes on under the program's IDT: five ticks are waited for. */
static bool firmware_timer_lives(void)
{
    EFI_EVENT timer;
    UINTN index;
    bool good;

    if (EFI_ERROR(BS->CreateEvent(EVT_TIMER, 0, NULL, NULL, &timer)))
        return false;
    good = !EFI_ERROR(BS->SetTimer(timer, TimerPeriodic, 100000)); /* 10 ms */
    for (unsigned i = 0; good && i < 5; i++)
        good = !EFI_ERROR(BS->WaitForEvent(1, &timer, &index));
    BS->CloseEvent(timer);
    put_line("  firmware's timer: %s", good ? "5 ticks" : "FAILED");
    return good;
}

/*
 * A variable that is kept: OVMF writes its flash by exits of its own, through the GHCB that the MSR
 * names at that moment.
 */
static bool firmware_flash_lives(void)
{
    static EFI_GUID vendor = { 0xb1f1d0c5, 0x6d1f, 0x4c3a, { 0x9e, 1, 2, 3, 4, 5, 6, 7 } };
    UINT32 attributes = EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS;
    UINT64 written = 0x5E5C0DE5E5C0DE5E, read = 0;
    UINTN bytes = sizeof(read);
    bool good = !EFI_ERROR(RT->SetVariable(L"SevcExample", &vendor, attributes, sizeof(written),
                                           &written)) &&
                !EFI_ERROR(RT->GetVariable(L"SevcExample", &vendor, NULL, &bytes, &read)) &&
                read == written &&
                !EFI_ERROR(RT->SetVariable(L"SevcExample", &vendor, attributes, 0, NULL));

    put_line("  firmware's variables: %s", good ? "written and read" : "FAILED");
    return good;
}

/* EFI_CPU_ARCH_PROTOCOL (PI spec 1.7, vol. 2, 12.3), as far as it is used. */
struct cpu_arch {
    void *others[5];
    EFI_STATUS(EFIAPI *register_handler)
    (struct cpu_arch *self, INTN type, void(EFIAPI *handler)(INTN type, void *context));
};

static unsigned handler_calls;

static void EFIAPI count_call(INTN type, void *context)
{
    (void)type;
    (void)context;
    handler_calls++;
}

/* Does a handler that is registered for vector 29 see a #VC? docs/uefi.md says no. */
static void try_registering(void)
{
    static EFI_GUID guid = {
        0x26BACCB1, 0x6F42, 0x11D4, { 0xBC, 0xE7, 0, 0x80, 0xC7, 0x3C, 0x88, 0x81 }
    };
    struct cpu_arch *cpu = NULL;
    uint32_t eax = 0, ecx = 0;
    EFI_STATUS status = BS->LocateProtocol(&guid, NULL, (void **)&cpu);

    if (!EFI_ERROR(status))
        status = cpu->register_handler(cpu, SEVC_VC_VECTOR, count_call);
    for (unsigned i = 0; i < 10; i++)
        __asm__ volatile("cpuid" : "+a"(eax), "+c"(ecx) : : "rbx", "rdx");
    put_line("sevc-uefi: a handler for vector 29: registered with status 0x%lx, called %u times in "
             "10 CPUIDs",
             (uint64_t)status, handler_calls);
    if (!EFI_ERROR(status))
        cpu->register_handler(cpu, SEVC_VC_VECTOR, NULL);
}

/* EFI_MP_SERVICES_PROTOCOL (PI spec 1.7, vol. 2, 13.4), as far as it is used. */
struct mp_services {
    EFI_STATUS(EFIAPI *count)(struct mp_services *self, UINTN *all, UINTN *enabled);
    void *info;
    EFI_STATUS(EFIAPI *start_all)
    (struct mp_services *self, void(EFIAPI *procedure)(void *argument), BOOLEAN one_by_one,
     EFI_EVENT event, UINTN microseconds, void *argument, UINTN **failed);
};

struct seen_there {
    struct sevc_uefi_idtr idtr;
    uint32_t vendor;
};

/* On another processor: whose IDT is this, and is CPUID served? */
static void EFIAPI look_around(void *argument)
{
    struct seen_there *seen = argument;
    uint32_t eax = 0, ecx = 0, edx;

    __asm__ volatile("sidt %0" : "=m"(seen->idtr));
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(seen->vendor), "+c"(ecx), "=d"(edx));
}

/* With several processors: the firmware starts the others, whose #VC is the firmware's to serve. */
static bool other_processors_live(void)
{
    static EFI_GUID guid = {
        0x3FDDA605, 0xA76E, 0x4F46, { 0xAD, 0x29, 0x12, 0xF4, 0x53, 0x1B, 0x3D, 0x08 }
    };
    struct mp_services *mp = NULL;
    struct seen_there seen = { .vendor = 0 };
    struct sevc_cpuid_regs regs = { 0 };
    UINTN all = 1, enabled = 1;
    bool good;

    if (EFI_ERROR(BS->LocateProtocol(&guid, NULL, (void **)&mp)) ||
        EFI_ERROR(mp->count(mp, &all, &enabled)) || enabled < 2)
        return true;
    good = !EFI_ERROR(mp->start_all(mp, look_around, TRUE, NULL, 0, &seen, NULL)) &&
           sevc_cpuid(&uefi.cpu, 0, 0, &regs) == SEVC_OK && regs.ebx == seen.vendor;
    put_line("  another processor, with %s IDT: %s",
             seen.idtr.base == (uint64_t)uefi.idt ? "sevc's" : "the firmware's",
             good ? "its CPUID was served" : "FAILED");
    return good;
}

static EFI_STATUS application(void)
{
    bool good =
        work() && firmware_timer_lives() && firmware_flash_lives() && other_processors_live();

    if (sevc_cpu_ready(&uefi.cpu))
        account_print();
    good = vc_leave() && good;
    put_line("sevc-uefi: application mode: %s", good ? "good" : "FAILED");
    return good ? EFI_SUCCESS : EFI_ABORTED;
}

/* doc: exit-boot-services */
static EFI_STATUS leave_firmware(void)
{
    static uint8_t map[MAP_BYTES];
    EFI_STATUS status = EFI_ABORTED;

    for (unsigned attempt = 0; attempt < 3 && EFI_ERROR(status); attempt++) {
        UINTN bytes = sizeof(map), key, descriptor_bytes;
        UINT32 version;

        status = BS->GetMemoryMap(&bytes, (EFI_MEMORY_DESCRIPTOR *)map, &key, &descriptor_bytes,
                                  &version);
        if (!EFI_ERROR(status)) {
            loader_memory_map(map, bytes, descriptor_bytes);
            status = BS->ExitBootServices(image, key); /* the key may be old: once more */
        }
    }
    if (!EFI_ERROR(status))
        __asm__ volatile("cli");
    return status;
}
/* doc: end */

EFI_STATUS efi_main(EFI_HANDLE image_handle, EFI_SYSTEM_TABLE *system_table)
{
    const CHAR16 *file;
    EFI_STATUS status;

    image = image_handle;
    InitializeLib(image_handle, system_table);
    put_text = firmware_text;
    read_options();
    if (behind(L" ") == NULL)
        try_registering();
    if (!vc_enter())
        return EFI_UNSUPPORTED;
    file = behind(L" load ");
    if (file == NULL && behind(L" kernel") == NULL)
        return application();
    if (file != NULL && !loader_read(image, file)) {
        vc_leave();
        return EFI_LOAD_ERROR;
    }
    status = leave_firmware();
    if (!EFI_ERROR(status) && file != NULL)
        loader_start();
    if (!EFI_ERROR(status))
        kernel_main();
    put_line("sevc-uefi: ExitBootServices failed: 0x%lx", (uint64_t)status);
    vc_leave();
    return status;
}
