/* SPDX-License-Identifier: MIT */
/*
 * Explicit calls: CPUID, MSRs, ports, device memory and hypercalls without an exception, for code
 * that knows where it runs. A driver that is written with them runs on any machine:
 *
 *     cpu ready (sevc_cpu_init())     SEV-ES guest: straight to the hypervisor through the GHCB
 *     cpu NULL, or sevc_native_init() no SEV-ES guest: the instruction itself
 *     any other cpu                   SEVC_FORBIDDEN, NOT_READY
 *
 * What holds for every call here.
 *
 * Context: CPL 0, running on CPU (no migration to another one from the choice of CPU to the
 * return), any interrupt state; not in a hook of os.h. Interrupts are off exactly while the GHCB
 * is held, and then again as they were: for one exchange, of INS and OUTS up to three. An NMI may
 * arrive at any time, and may itself make such calls. No exception is raised, but for the
 * processor's own with native instructions (#GP of an unknown MSR).
 *
 * Checks: those of the #VC handler, with the same reasons. Results:
 *   SEVC_OK
 *   SEVC_EXCEPTION   the instruction would have raised #GP or #UD, says the host, as it may: an MSR
 *                    or a hypercall that does not exist
 *   SEVC_HOST_ERROR  the answer is not one that the protocol allows, or a lie about CPUID
 *   SEVC_FORBIDDEN   refused: NOT_READY; NESTING (two sessions are open on this CPU); and as listed
 *   SEVC_INVALID     an argument out of its range: nothing was done
 * Outputs are written with SEVC_OK only. sevc_direct_reason() says why.
 *
 * Sources: GHCB spec 2.03, 4.1, table 6, for the events; APM vol. 3 for the instructions.
 */
#ifndef SEVC_DIRECT_H
#define SEVC_DIRECT_H

#include <stddef.h>
#include <stdint.h>

#include <sevc/cpu.h>
#include <sevc/event.h>
#include <sevc/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Makes *CPU the state of a CPU that is no SEV-ES guest's: calls with it execute instructions. */
void sevc_native_init(struct sevc_cpu *cpu);

/*
 * Why the last explicit call with CPU that did not return SEVC_OK failed. SEVC_REASON_NONE: none
 * has failed. NULL gives SEVC_REASON_NONE. Any context.
 */
enum sevc_reason sevc_direct_reason(const struct sevc_cpu *cpu);

/*
 * CPUID. Answers from the CPU's table (cpuid.h) if it has one that knows, without an exit. Calls
 * sevc_os_register(NULL, ...) for CR4, XCR0 and XSS where the answer depends on them: leaf 0xD, and
 * with a table leaves 1 and 7; NULL means "now". One exchange; but 64 at most, with interrupts off,
 * for the first CPUID of leaf 0xD by the owner of a table that is not sealed.
 *
 * SEVC_HOST_ERROR also: HIDES_SEV, C_BIT, CHANGED, XSAVE_SIZE. SEVC_FORBIDDEN also: NOT_PINNED.
 */
enum sevc_result sevc_cpuid(struct sevc_cpu *cpu, uint32_t leaf, uint32_t subleaf,
                            struct sevc_cpuid_regs *regs);

/*
 * RDMSR and WRMSR. The GHCB MSR and SEV_STATUS are not for drivers, on no machine: SEVC_FORBIDDEN,
 * PROTECTED_MSR.
 */
enum sevc_result sevc_rdmsr(struct sevc_cpu *cpu, uint32_t msr, uint64_t *value);
enum sevc_result sevc_wrmsr(struct sevc_cpu *cpu, uint32_t msr, uint64_t value);

/*
 * IN and OUT. bytes: 1, 2 or 4, else SEVC_INVALID. Of VALUE the low BYTES count; IN clears the
 * rest.
 */
enum sevc_result sevc_in(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, uint32_t *value);
enum sevc_result sevc_out(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, uint32_t value);

/*
 * INS and OUTS: COUNT elements of BYTES (1, 2 or 4, else SEVC_INVALID), upwards from BUFFER,
 * which is private memory that does not fault. One exchange for each 2032 bytes; interrupts are
 * let in between two if there are more than three, which move a page. done: how many elements are complete, with any result; may be NULL. count 0
 * does nothing.
 */
enum sevc_result sevc_ins(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, void *buffer,
                          size_t count, size_t *done);
enum sevc_result sevc_outs(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, const void *buffer,
                           size_t count, size_t *done);

/*
 * A device's registers: where they are mapped, for native accesses, and where they lie in
 * guest-physical memory (without the C-bit), for the hypervisor. VA may be NULL where the program
 * is known to run as a SEV-ES guest, GPA 0 where it is known not to. That no byte of it is
 * private memory is the caller's promise: a guest-physical address does not show it.
 */
struct sevc_mmio_window {
    volatile void *va;
    uint64_t gpa;
    uint64_t bytes;
};

/*
 * One access of BYTES (1, 2, 4 or 8) at OFFSET in WINDOW. SEVC_INVALID: another size, not wholly
 * inside the window, or native without VA. SEVC_FORBIDDEN, MMIO_RANGE: it would touch the GHCB
 * itself.
 */
enum sevc_result sevc_mmio_read(struct sevc_cpu *cpu, const struct sevc_mmio_window *window,
                                uint64_t offset, unsigned bytes, uint64_t *value);
enum sevc_result sevc_mmio_write(struct sevc_cpu *cpu, const struct sevc_mmio_window *window,
                                 uint64_t offset, unsigned bytes, uint64_t value);

/*
 * VMMCALL, by the calling convention ABI (cpu.h; sevc_hypercall_kvm, ...). gpr: 16 registers in
 * encoding order; RAX and those that ABI names are handed over, and RAX and its outputs are
 * changed. A native call loads zero into what ABI does not name. SEVC_INVALID: ABI is NULL or
 * names RSP. Executed natively outside of any hypervisor, or on a processor without VMMCALL, it
 * raises #UD.
 */
enum sevc_result sevc_vmmcall(struct sevc_cpu *cpu, const struct sevc_hypercall_abi *abi,
                              uint64_t gpr[16]);

/* ---- the same in the widths that drivers use ---- */

/* IN of 8 bits: sevc_in(). */
static inline enum sevc_result sevc_in8(struct sevc_cpu *cpu, uint16_t port, uint8_t *value)
{
    uint32_t wide;
    enum sevc_result result = sevc_in(cpu, port, 1, &wide);

    if (result == SEVC_OK) {
        *value = (uint8_t)wide;
    }
    return result;
}

/* IN of 16 bits: sevc_in(). */
static inline enum sevc_result sevc_in16(struct sevc_cpu *cpu, uint16_t port, uint16_t *value)
{
    uint32_t wide;
    enum sevc_result result = sevc_in(cpu, port, 2, &wide);

    if (result == SEVC_OK) {
        *value = (uint16_t)wide;
    }
    return result;
}

/* IN of 32 bits: sevc_in(). */
static inline enum sevc_result sevc_in32(struct sevc_cpu *cpu, uint16_t port, uint32_t *value)
{
    return sevc_in(cpu, port, 4, value);
}

/* OUT of 8 bits: sevc_out(). */
static inline enum sevc_result sevc_out8(struct sevc_cpu *cpu, uint16_t port, uint8_t value)
{
    return sevc_out(cpu, port, 1, value);
}

/* OUT of 16 bits: sevc_out(). */
static inline enum sevc_result sevc_out16(struct sevc_cpu *cpu, uint16_t port, uint16_t value)
{
    return sevc_out(cpu, port, 2, value);
}

/* OUT of 32 bits: sevc_out(). */
static inline enum sevc_result sevc_out32(struct sevc_cpu *cpu, uint16_t port, uint32_t value)
{
    return sevc_out(cpu, port, 4, value);
}

#ifdef __cplusplus
}
#endif

#endif
