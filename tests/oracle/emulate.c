/* SPDX-License-Identifier: MIT */
/*
 * The porting layer of the library for cases: translation and copies know the windows and the code
 * areas and nothing else, so that an access to any other address is a fault, hence a difference.
 */
#include "emulate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define KERNEL_CS 0x10
#define KERNEL_SS 0x18

/* A REP of the generator's length needs far fewer calls, one element each included. */
#define CALLS_MAX 400

struct oracle_trace *oracle_trace;
const struct oracle_case *oracle_current;

static struct sevc_cpu cpu;
static struct sevc_policy policy;
static const struct oracle_case no_case;

void oracle_object(const char *violation)
{
    if (oracle_trace->violation == NULL) {
        oracle_trace->violation = violation;
    }
}

bool oracle_is_device(enum oracle_window window)
{
    return (oracle_current->device_mask >> window & 1) != 0;
}

/* ---- the porting layer ---- */

bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping)
{
    enum oracle_window window = oracle_window_of(va, 1);

    (void)trap;
    if (window == ORACLE_WINDOWS && !oracle_is_code(va, 1)) {
        return false;
    }
    *mapping = (struct sevc_mapping){
        .gpa = window == ORACLE_WINDOWS ? va : oracle_gpa(va),
        .page_bytes = ORACLE_PAGE_BYTES,
        .encrypted = window == ORACLE_WINDOWS || !oracle_is_device(window),
        .writable = true,
        .executable = window == ORACLE_WINDOWS,
    };
    return true;
}

static bool copy_fault(struct sevc_copy *copy, size_t done)
{
    uint32_t is_write =
        copy->access == SEVC_ACCESS_WRITE || copy->access == SEVC_ACCESS_PROBE_WRITE;
    uint32_t is_fetch = copy->access == SEVC_ACCESS_FETCH;

    copy->done = done;
    copy->fault = (struct sevc_fault){
        .cr2 = copy->va + done,
        .error_code = is_write << 1 | is_fetch << 4,
        .vector = SEVC_VECTOR_PF,
        .has_error_code = true,
    };
    return false;
}

/* Instruction bytes: in some cases the page behind the instruction is not there. */
static bool fetch(struct sevc_copy *copy)
{
    const struct oracle_case *c = oracle_current;
    uint64_t end = c->start.rip + c->length;
    size_t available = copy->bytes;

    if (c->code_ends && copy->va + copy->bytes > end) {
        available = copy->va < end ? (size_t)(end - copy->va) : 0;
    }
    if (!oracle_is_code(copy->va, copy->bytes)) {
        return copy_fault(copy, 0);
    }
    memcpy(copy->buffer, (const void *)copy->va, available);
    if (available < copy->bytes) {
        return copy_fault(copy, available);
    }
    copy->done = copy->bytes;
    return true;
}

bool sevc_os_copy(struct sevc_copy *copy)
{
    enum oracle_window window;

    if (copy->access == SEVC_ACCESS_FETCH) {
        return fetch(copy);
    }
    window = oracle_window_of(copy->va, copy->bytes);
    if (window == ORACLE_WINDOWS) {
        return copy_fault(copy, 0);
    }
    if (oracle_is_device(window)) {
        oracle_object("ordinary copy from or to device memory");
        return copy_fault(copy, 0);
    }
    if (copy->access == SEVC_ACCESS_READ) {
        memcpy(copy->buffer, oracle_shadow(copy->va), copy->bytes);
    } else if (copy->access == SEVC_ACCESS_WRITE) {
        memcpy(oracle_shadow(copy->va), copy->buffer, copy->bytes);
    }
    copy->done = copy->bytes;
    return true;
}

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    (void)trap;
    switch (which) {
    case SEVC_OS_FS_BASE:
        return oracle_current->fs_base;
    case SEVC_OS_GS_BASE:
        return oracle_current->gs_base;
    case SEVC_OS_CODE_BITS:
        return 64;
    case SEVC_OS_XCR0:
        return 1;
    default: /* CR4, XSS */
        return 0;
    }
}

void sevc_os_raise(struct sevc_trap *trap, const struct sevc_report *report)
{
    (void)trap;
    (void)report;
}

/* ---- the case ---- */

static void make_trap(const struct oracle_case *c, uint64_t exit_code, struct sevc_trap *trap)
{
    *trap = (struct sevc_trap){
        .error_code = exit_code,
        .rip = c->start.rip,
        .cs = KERNEL_CS,
        .rflags = c->start.rflags | c->tf_rf,
        .rsp = c->start.gpr[SEVC_RSP],
        .ss = KERNEL_SS,
    };
    memcpy(trap->gpr, c->start.gpr, sizeof(trap->gpr));
}

void oracle_emulation_init(void)
{
    static uint8_t backup[SEVC_GHCB_SIZE] __attribute__((aligned(SEVC_GHCB_SIZE)));
    static struct oracle_trace trace;
    struct sevc_cpu_config config = { .ghcb = { oracle_host_page(), ORACLE_HOST_GPA },
                                      .backup = backup,
                                      .policy = &policy };
    enum sevc_result result;

    oracle_trace = &trace;
    oracle_current = &no_case;
    result = sevc_cpu_init(&cpu, &config);
    if (result != SEVC_OK || trace.violation != NULL) {
        fprintf(stderr, "oracle: sevc_cpu_init() gave %s: %s\n", sevc_result_name(result),
                trace.violation != NULL ? trace.violation : "no objection of the host's");
        exit(2);
    }
}

static void start(const struct oracle_case *c, uint64_t exit_code,
                  struct oracle_emulation *emulation)
{
    memset(emulation, 0, sizeof(*emulation));
    oracle_current = c;
    oracle_trace = &emulation->trace;
    policy.mmio = c->basic_policy ? SEVC_MMIO_BASIC : SEVC_MMIO_EXTENDED;
    make_trap(c, exit_code, &emulation->trap);
}

static void call(struct oracle_emulation *emulation)
{
    emulation->result = sevc_handle_vc(&cpu, &emulation->trap, &emulation->report);
    emulation->calls++;
    if (!oracle_host_page_is_clean()) {
        oracle_object("the GHCB page was not scrubbed");
    }
}

void oracle_emulate(const struct oracle_case *c, struct oracle_emulation *emulation)
{
    start(c, SEVC_EXIT_NPF, emulation);
    do {
        call(emulation);
        if (emulation->calls == CALLS_MAX) {
            oracle_object("no end: too many calls");
            return;
        }
    } while (emulation->result == SEVC_RETRY ||
             (emulation->result == SEVC_OK_TRAP && emulation->trap.rip == c->start.rip));
}

void oracle_emulate_exit(const struct oracle_case *c, uint64_t exit_code,
                         struct oracle_emulation *emulation)
{
    start(c, exit_code, emulation);
    call(emulation);
}

void oracle_emulate_early(const struct oracle_case *c, struct oracle_emulation *emulation)
{
    start(c, SEVC_EXIT_CPUID, emulation);
    emulation->result = sevc_early_handle_vc(&emulation->trap, &emulation->report);
    emulation->calls = 1;
}
