/* SPDX-License-Identifier: MIT */
/* The #VC handlers. */
#ifndef SEVC_VC_H
#define SEVC_VC_H

#include <stdbool.h>

#include <sevc/cpu.h>
#include <sevc/status.h>
#include <sevc/trap.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Readies a CPU: adopts its GHCB (zeroes the page, points the GHCB MSR at it), learns the platform
 * unless config->like has it, ties config->stack to the CPU and *config->tss_ist to the stack's
 * top. Call it once on the CPU itself, interrupts off, after the GHCB page has been mapped without
 * the C-bit; #VC exceptions on this CPU are served by the early handler before, by the runtime
 * handler after.
 *
 * config: read during the call only.
 *
 * SEVC_OK
 * SEVC_INVALID      a page missing or not aligned, stack without tss_ist, LIKE not ready
 * what sevc_platform_init() returns
 */
enum sevc_result sevc_cpu_init(struct sevc_cpu *cpu, const struct sevc_cpu_config *config);

/* True if sevc_cpu_init() has succeeded on CPU, whatever memory held before. NULL gives false. */
bool sevc_cpu_ready(const struct sevc_cpu *cpu);

/*
 * The product: handles one #VC exception. Fetches and decodes the instruction at trap->rip,
 * checks that it can raise trap->error_code, asks the hypervisor, checks the answer, changes the
 * registers, memory and RIP as the processor itself would have.
 *
 * cpu: this CPU's, ready or not (then SEVC_FORBIDDEN, NOT_READY, except that CPUID is answered by
 * the early handler). trap: the frame; changed only as documented in status.h: with SEVC_OK and
 * SEVC_OK_TRAP as the instruction does, with SEVC_RETRY and SEVC_EXCEPTION only by the elements of
 * a REP instruction that are complete, otherwise not at all; but string MMIO asks for its elements
 * one by one, and INS and OUTS for a shared buffer of them at a time, so that an error at one of
 * these leaves those before it complete. (A REP instruction
 * that is single-stepped ends with SEVC_OK_TRAP after each element, RIP still in front of it: so
 * the processor traps.) report: not NULL, always filled in.
 *
 * Exits that name no instruction: #DB (0x41) and #AC (0x51) end with SEVC_EXCEPTION, reason
 * INTERCEPTED, nothing fetched and RIP where it was; 0x404 is sevc_os_page_not_validated()'s.
 *
 * Context: #VC handler, interrupts off, at most two levels deep on one CPU. Bounded: at most 4096
 * bytes of string I/O, in three exits, or 64 elements of string MMIO, a call.
 * The hooks of os.h are called. Source: APM vol. 2, 15.35; GHCB spec 2.03, 4.1.
 */
enum sevc_result sevc_handle_vc(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                struct sevc_report *report);

/*
 * The early handler: serves CPUID by the MSR protocol and nothing else. Uses no hooks, no memory
 * but its stack, no GHCB, and is position-independent, so that it runs before the kernel has page
 * tables of its own or has relocated itself. Instruction bytes are read straight from trap->rip.
 *
 * Refuses what the protocol cannot ask: leaf 0xD, and sub-leaves other than 0 of leaves that have
 * some. Refuses a host that hides SEV: a #VC proves that SEV-ES is active, so the answers to
 * 0x8000_0000 and 0x8000_001F must admit it, and name a C-bit that is possible.
 *
 * SEVC_OK, SEVC_BAD_INSN, SEVC_UNSUPPORTED, SEVC_HOST_ERROR; trap is changed with SEVC_OK only.
 * At most 4 VMGEXITs.
 */
enum sevc_result sevc_early_handle_vc(struct sevc_trap *trap, struct sevc_report *report);

#ifdef __cplusplus
}
#endif

#endif
