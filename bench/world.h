/* SPDX-License-Identifier: MIT */
/* What is measured: the cases, a CPU with memory and hooks, and a hypervisor that may lie. */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

#include <sevc/sevc.h>

#define WORLD_MMIO 0xFED00000u /* 64 KiB of a device */
#define WORLD_GHCB 0x12345000u

/* Versions 1 to 2, C-bit 51 (GHCB spec 2.03, 2.3.1). */
#define WORLD_SEV_INFO (2ull << 48 | 1ull << 32 | 51u << 24 | SEVC_GHCB_MSR_SEV_INFO_RESP)

struct world_case {
    const char *name;
    uint64_t exit_code;
    uint8_t code[15];
    uint64_t rcx;     /* REP: elements */
    bool has_outputs; /* the reply returns registers */
};

#define WORLD_CASES 15
extern const struct world_case world_cases[WORLD_CASES];

extern struct sevc_ghcb_page world_page;
extern uint8_t world_backup[], world_ram[];
extern struct sevc_cpu world_cpu;
extern uint64_t world_ghcb_msr;

/* Readies the CPU and TRAP: case I is about to be handled. */
void world_start(size_t i, struct sevc_trap *trap);

/* Another instruction than the case's. */
void world_set_code(const uint8_t *bytes, size_t count);

/* What the hypervisor says instead of an answer. */
enum world_lie { HONEST, REJECTS, UNDEFINED, MARKS_NOTHING, INJECTS_PAGE_FAULT, LIES };
extern enum world_lie world_lie;

/* Reads the GHCB MSR, answers. */
void world_vmgexit(void);

/* The requests of the MSR protocol since the last world_start(). */
#define WORLD_REQUESTS 64
extern uint64_t world_requests[WORLD_REQUESTS];
extern unsigned world_request_count;

#endif
