/* SPDX-License-Identifier: MIT */
/* Before anything is judged: does the way of asking the processor work on this machine? */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "groups.h"
#include "memory.h"
#include "native.h"

#define RFLAGS_ALWAYS 0x202u
#define RFLAGS_CF     0x001u
#define RFLAGS_SHOWN  0x8D5u

#define RAX 0
#define RSP 4
#define RBX 3

#define WILD_RSP 0x1122334455667788ull
#define NOWHERE  0x7777000ull

/* A fault while RSP and FS are not the program's: reported, and survived. */
static bool survives_a_wild_case(void)
{
    static const uint8_t insn[] = { 0x64, 0x8B, 0x03 }; /* mov eax, fs:[rbx] */
    struct oracle_state start = { .rip = oracle_code_va(ORACLE_LOW), .rflags = RFLAGS_ALWAYS };
    struct oracle_state end;
    struct oracle_wild wild;

    start.gpr[RSP] = WILD_RSP;
    start.gpr[RBX] = NOWHERE;
    return !oracle_native_run(insn, sizeof(insn), &start, ORACLE_BASE_FS, 0x10000, 0, &end,
                              &wild) &&
           wild.signal == SIGSEGV && wild.rip == start.rip && wild.address == NOWHERE + 0x10000;
}

/* An ordinary one: registers, memory, flags and RIP come back. */
static bool executes(void)
{
    static const uint8_t insn[] = { 0x48, 0x01, 0x03 }; /* add [rbx], rax */
    uint64_t va = oracle_window_va(ORACLE_HIGH) + 64;
    uint64_t value = 5;
    struct oracle_state start = { .rip = oracle_code_va(ORACLE_HIGH), .rflags = RFLAGS_ALWAYS };
    struct oracle_state end;
    struct oracle_wild wild;

    oracle_fill(va, &value, sizeof(value));
    start.gpr[RAX] = ~0ull;
    start.gpr[RBX] = va;
    start.gpr[RSP] = WILD_RSP;
    if (!oracle_native_run(insn, sizeof(insn), &start, 0, 0, 0, &end, &wild)) {
        return false;
    }
    memcpy(&value, (const void *)va, sizeof(value));
    oracle_memory_repair();
    /* 5 - 1 = 4: CF by the carry out, AF by the one out of bit 3; the other flags are clear. */
    return value == 4 && memcmp(end.gpr, start.gpr, sizeof(end.gpr)) == 0 &&
           (end.rflags & RFLAGS_SHOWN) == (RFLAGS_CF | 0x10u) &&
           end.rip == start.rip + sizeof(insn);
}

bool oracle_self_test(void)
{
    if (!executes()) {
        fputs("oracle: this machine does not execute a test case as it should\n", stderr);
        return false;
    }
    if (!survives_a_wild_case()) {
        fputs("oracle: a fault in a test case is not recovered from\n", stderr);
        return false;
    }
    return true;
}
