/* SPDX-License-Identifier: MIT */
/* Private memory that the host calls a device: nothing is sent or read, and nothing changes. */
#include "victim.h"

#define EXTERN(name) extern const char insn_##name[]
EXTERN(load8);
EXTERN(load32);
EXTERN(load64);
EXTERN(movzx16);
EXTERN(movsx32);
EXTERN(store8);
EXTERN(store32);
EXTERN(store64);
EXTERN(store_imm);
EXTERN(add_to);
EXTERN(bts_to);
EXTERN(lock_inc);
EXTERN(xchg);
EXTERN(stosq);
EXTERN(rep_stosq);
EXTERN(movsq);
EXTERN(rep_movsq);
EXTERN(push_to);

static const struct access {
    const char *name, *code;
} accesses[] = {
    { "MOV 8 from memory", insn_load8 },
    { "MOV 32 from memory", insn_load32 },
    { "MOV 64 from memory", insn_load64 },
    { "MOVZX", insn_movzx16 },
    { "MOVSXD", insn_movsx32 },
    { "MOV 8 to memory", insn_store8 },
    { "MOV 32 to memory", insn_store32 },
    { "MOV 64 to memory", insn_store64 },
    { "MOV immediate", insn_store_imm },
    { "ADD", insn_add_to },
    { "BTS", insn_bts_to },
    { "LOCK INC", insn_lock_inc },
    { "XCHG", insn_xchg },
    { "STOSQ", insn_stosq },
    { "REP STOSQ", insn_rep_stosq },
    { "MOVSQ", insn_movsq },
    { "REP MOVSQ", insn_rep_movsq },
    { "PUSH", insn_push_to },
};

static uint8_t before[MEMORY_BYTES];

static void start(const struct access *access, uint64_t va)
{
    attempt_start();
    memory_fill();
    memcpy(before, memory, MEMORY_BYTES);
    attempt.in[SEVC_RDI] = va;
    attempt.in[SEVC_RSI] = (uint64_t)memory + PAGE_BYTES; /* of MOVS: not withheld */
    attempt.in[SEVC_RCX] = 3;
    attempt.code = (uint64_t)access->code;
}

static bool refused(void)
{
    bool good = attempt.outcome == OUTCOME_ERROR && attempt.frame_was_good &&
                attempt.report.vmgexits == 0 && memcmp(memory, before, MEMORY_BYTES) == 0 &&
                ((attempt.flags_in ^ attempt.flags_out) & 0xCD5) == 0;

    for (unsigned r = 0; r < 16; r++)
        good = good && (r == SEVC_RSP || attempt.out[r] == attempt.in[r]);
    return good;
}

static void offer(const struct access *access)
{
    struct lie lie;

    start(access, (uint64_t)memory + 128);
    host_name_page(memory);
    host_arm(0, 0);
    attempt_run();
    lie = host_disarm();
    check(lie.told == 1, "the host has lied", access->name, 0);
    check(refused(), "refused without a trace", access->name, 0);

    /* The same without a lie is an ordinary instruction. */
    start(access, (uint64_t)memory + 128);
    attempt_run();
    check(attempt.outcome == OUTCOME_DONE, "memory is memory again", access->name, 0);
}

/* A device's page and a private one side by side, and an access that lies on both. */
static void straddle(const struct access *access, uint64_t va, bool device_first)
{
    page_map(va, device_first ? 0xFED00000 : gpa_of(memory), PTE_WRITABLE | PTE_NX, !device_first);
    page_map(va + PAGE_BYTES, device_first ? gpa_of(memory) : 0xFED00000, PTE_WRITABLE | PTE_NX,
             device_first);
    start(access, va + PAGE_BYTES - 1);
    attempt_run();
    check(refused(), "refused without a trace", access->name, device_first);
}

#define STRADDLE_MAP (MMIO_MAP + (1ull << 34))

void test_pages(void)
{
    for (unsigned i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++)
        offer(&accesses[i]);
    for (unsigned i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
        if (accesses[i].code == insn_load8 || accesses[i].code == insn_store8)
            continue;
        straddle(&accesses[i], STRADDLE_MAP, true);
        straddle(&accesses[i], STRADDLE_MAP + 2 * PAGE_BYTES, false);
    }
}
