/* SPDX-License-Identifier: MIT */
/*
 * Small kernels that check something from inside an SEV-ES guest. They share the example kernel's
 * sources (examples/kernel), all but its main.c, so what they find broken is broken for its readers
 * too. A test writes guest_main(), which runs after the usual bring-up; one that wants to go wrong
 * earlier writes kernel_main() itself.
 */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

#include "io.h"
#include "kernel.h"

/* The test. Returning ends the run: success, if every check held. */
void guest_main(void);

/* The steps of the usual bring-up, for kernel_main(). */
void guest_start(const struct start_info *info);
__attribute__((noreturn)) void guest_end(void);

void guest_check(bool good, const char *what, const char *file, int line);
void guest_check_equal(uint64_t got, uint64_t wanted, const char *what, const char *file, int line);

#define CHECK(condition)         guest_check((condition), #condition, __FILE__, __LINE__)
#define CHECK_EQUAL(got, wanted) guest_check_equal((got), (wanted), #got, __FILE__, __LINE__)

/* An exception that guest_try() has caught, as it was delivered to the kernel's handler. */
struct guest_fault {
    struct sevc_trap trap; /* with the registers at that moment, and the error code */
    uint64_t cr2;
    unsigned vector;           /* SEVC_VC_VECTOR: the #VC could not be handled, see REPORT */
    struct sevc_report report; /* as sevc_os_raise() got it */
};

/*
 * Calls FUNCTION(ARGUMENT). True if an exception ended it; then *FAULT says which. Not recursive.
 */
bool guest_try(void (*function)(void *), void *argument, struct guest_fault *fault);

/*
 * A PCI device of QEMU's whose memory is plain RAM (ivshmem-plain), seen as MMIO: every access to it
 * is #VC. Needs the options "-object memory-backend-ram,id=m,size=1M -device ivshmem-plain,memdev=m".
 */
#define DEVICE_GPA   0xE0000000ull
#define DEVICE_BYTES 0x4000ull
volatile uint8_t *guest_device(void);

/* The same, elsewhere; the first page of it, mapped at VA. */
volatile uint8_t *guest_device_at(uint64_t gpa, uint64_t va);

#endif
