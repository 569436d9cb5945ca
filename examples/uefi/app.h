/* SPDX-License-Identifier: MIT */
/*
 * What the files of the example share. It works in two places, under the firmware and, after
 * ExitBootServices(), on its own; put_line() prints in either.
 */
#ifndef APP_H
#define APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/sevc.h>

/* vc.c: the processor's state, and the hooks that sevc wants. */
extern struct sevc_uefi uefi;

/* Takes vector 29, or finds that this is no SEV-ES guest. Says so; false if it cannot go on. */
bool vc_enter(void);
/* Gives it back, and looks whether IDTR and GHCB MSR are what they were. */
bool vc_leave(void);

/* account.c: the exits that sevc has served, by exit code. */
void account_print(void);
/* How many there were of one kind, and of all. */
uint64_t account_count(uint64_t exit_code);
uint64_t account_total(void);

/* work.c: CPUID, MSRs, ports and device memory, by instructions and by explicit calls. */
bool work(void);

/* kernel.c: after ExitBootServices(): descriptor tables of its own, the work once more, the end. */
__attribute__((noreturn)) void kernel_main(void);

/* Descriptor tables with the selectors that docs/emulator.md names. */
void kernel_gdt(void);

/* text.c: a line to wherever lines go now. %s, %u (unsigned), %lu, %x, %lx (64 bits), %%. */
void put_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern void (*put_text)(const char *text);

/* The serial port, without a #VC: explicit calls of sevc. */
void serial_text(const char *text);

#endif
