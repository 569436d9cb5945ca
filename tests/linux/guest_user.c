/* SPDX-License-Identifier: MIT */
/*
 * What a user program of an SEV-ES guest may do that raises #VC: CPUID, and port I/O once the
 * kernel has allowed it. The kernel's handler answers; this program checks the answers.
 *
 *     guest-user           all checks; 0 if all hold
 *     guest-user exit N    writes N to the emulated platform's exit port
 */
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>

#include <cpuid.h>

#define PORT_EXIT        0xF4
#define PORT_DEBUG       0xE9
#define PORT_SCRATCH     0x3FF /* COM1: a register that only stores */
#define PORT_PCI         0xCF8
#define PORT_PCI_DATA    0xCFC
#define PORT_CFG         0x510
#define PORT_CFG_DATA    0x511
#define SELECT_SIGNATURE 0

#define CPUID_MEMORY_ENCRYPTION 0x8000001Fu
#define EAX_SEV                 (1u << 1)
#define EAX_SEV_ES              (1u << 3)
#define EBX_C_BIT               0x3Fu
#define C_BIT                   47u

static sigjmp_buf faulted;

static void on_fault(int number)
{
    (void)number;
    siglongjmp(faulted, 1);
}

static bool cpuid_tells_of_sev_es(void)
{
    uint32_t eax, ebx, ecx, edx;

    __cpuid_count(CPUID_MEMORY_ENCRYPTION, 0, eax, ebx, ecx, edx);
    return (eax & (EAX_SEV | EAX_SEV_ES)) == (EAX_SEV | EAX_SEV_ES) && (ebx & EBX_C_BIT) == C_BIT;
}

/* Leaf 0xD depends on XCR0, which the kernel must send. */
static bool cpuid_knows_xcr0(void)
{
    uint32_t eax, ebx, ecx, edx, xcr0, high;

    __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
    __cpuid_count(0xD, 0, eax, ebx, ecx, edx);
    return (xcr0 & 4) != 0 && ebx == 576 + 256; /* x87, SSE and AVX */
}

static bool port_is_refused(void)
{
    struct sigaction action = { .sa_handler = on_fault }, before;
    volatile bool refused = true;

    sigaction(SIGSEGV, &action, &before);
    if (sigsetjmp(faulted, 1) == 0) {
        (void)inb(PORT_SCRATCH);
        refused = false;
    }
    sigaction(SIGSEGV, &before, NULL);
    return refused;
}

/*
 * Linux checks a user's port access again in its #VC handler, since 6.1.60, against the bitmap of
 * ioperm() alone: what iopl() allows on other machines is refused here.
 */
static bool iopl_is_refused(void)
{
    return iopl(3) == 0 && port_is_refused() && iopl(0) == 0;
}

static bool ioperm_works(void)
{
    return ioperm(0, 0x10000, 1) == 0 && !port_is_refused();
}

static bool bytes_come_back(void)
{
    outb(0x5A, PORT_SCRATCH);
    bool first = inb(PORT_SCRATCH) == 0x5A;
    outb(0xA5, PORT_SCRATCH);
    return first && inb(PORT_SCRATCH) == 0xA5;
}

/* The host bridge: 8086, and the upper half of the same register by 16 bits. */
static bool dwords_and_words(void)
{
    outl(1u << 31, PORT_PCI);
    uint32_t id = inl(PORT_PCI_DATA);
    return inl(PORT_PCI) == 1u << 31 && (id & 0xFFFF) == 0x8086 &&
           inw(PORT_PCI_DATA + 2) == id >> 16;
}

/* glibc's insb() does not tell the compiler that it writes to memory. */
static void in_string(uint16_t port, void *to, size_t bytes)
{
    __asm__ volatile("rep insb" : "+D"(to), "+c"(bytes) : "d"(port) : "memory");
}

static bool strings_in(void)
{
    char signature[4] = "";

    outw(SELECT_SIGNATURE, PORT_CFG);
    in_string(PORT_CFG_DATA, signature, sizeof(signature));
    return memcmp(signature, "QEMU", sizeof(signature)) == 0;
}

static bool strings_out(void)
{
    static const char text[] = "linux: a string from user mode\n";

    outsb(PORT_DEBUG, text, sizeof(text) - 1);
    return true; /* the test reads it on the platform's console */
}

static const struct {
    const char *name;
    bool (*holds)(void);
} checks[] = {
    { "CPUID tells of SEV-ES", cpuid_tells_of_sev_es },
    { "CPUID leaf 0xD knows XCR0", cpuid_knows_xcr0 },
    { "ports are refused without permission", port_is_refused },
    { "ports are refused in spite of iopl", iopl_is_refused },
    { "ioperm", ioperm_works },
    { "bytes", bytes_come_back },
    { "dwords and words", dwords_and_words },
    { "string input", strings_in },
    { "string output", strings_out },
};

#define COUNT (sizeof(checks) / sizeof(checks[0]))

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "exit") == 0) {
        if (ioperm(PORT_EXIT, 4, 1) == 0)
            outl((uint32_t)strtoul(argv[2], NULL, 10), PORT_EXIT);
        return 1;
    }
    for (size_t i = 0; i < COUNT; i++) {
        if (!checks[i].holds()) {
            printf("not so: %s\n", checks[i].name);
            return 1;
        }
    }
    printf("%zu checks of CPUID and ports\n", COUNT);
    return 0;
}
