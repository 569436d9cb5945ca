/* SPDX-License-Identifier: MIT */
/*
 * CPUID from a pinned table, and a host that changes its mind (mode cpuid-change): where there is
 * no exit there is nothing to lie about, and where there is one the lie is an error.
 */
#include "victim.h"

extern const char insn_cpuid[];

static struct sevc_cpuid_table table;

/* ---- CPUID as an instruction ---- */

static void ask(uint32_t leaf, uint32_t subleaf)
{
    attempt_start();
    attempt.in[SEVC_RAX] = OVER_SECRET(0, leaf);
    attempt.in[SEVC_RCX] = OVER_SECRET(1, subleaf);
    attempt.code = (uint64_t)insn_cpuid;
    attempt_run();
}

static const unsigned answers[] = { SEVC_RAX, SEVC_RBX, SEVC_RCX, SEVC_RDX };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_unchanged(void)
{
    bool good = attempt.outcome == OUTCOME_ERROR && attempt.frame_was_good;

    for (unsigned r = 0; r < 16; r++)
        good = good && (attempt.out[r] == attempt.in[r] || r == SEVC_RSP);
    return good;
}

/* Bits of the answer, register by register, that differ from what was said before. */
static void compare(const struct attempt *honest, uint64_t differences[4])
{
    for (unsigned i = 0; i < COUNT(answers); i++)
        differences[i] = attempt.out[answers[i]] ^ honest->out[answers[i]];
}

static bool is_same(const struct attempt *honest)
{
    uint64_t d[4];

    compare(honest, d);
    return attempt.outcome == OUTCOME_DONE && (d[0] | d[1] | d[2] | d[3]) == 0;
}

/* ---- what is pinned is no exit ---- */

static bool is_lied_about(const struct sevc_cpuid_entry *entry)
{
    return entry->used != 0 && entry->leaf != 0x80000000 && entry->leaf != 0x8000001F;
}

static void no_exit_no_lie(const struct sevc_cpuid_entry *entry)
{
    struct attempt honest;

    ask(entry->leaf, entry->subleaf);
    honest = attempt;
    host_arm(0, 0);
    ask(entry->leaf, entry->subleaf);
    struct lie lie = host_disarm();
    check(lie.told == 0 && is_same(&honest), "pinned", "CPUID", entry->leaf);
}

/* ---- what the host says later must be the same ---- */

/* Of these leaves some bits are computed: whatever the host says of those is of no consequence. */
static bool has_computed_bits(uint32_t leaf)
{
    return leaf == 1 || leaf == 7 || leaf == 0xD;
}

static unsigned found;

static void verify(const struct sevc_cpuid_entry *entry, unsigned skip)
{
    for (unsigned variant = 0; variant < 4; variant++) {
        host_arm(variant, skip);
        enum sevc_result result = sevc_cpuid_verify(&cpu);
        enum sevc_reason reason = sevc_direct_reason(&cpu);
        struct lie lie = host_disarm();
        bool error = result == SEVC_HOST_ERROR && reason == SEVC_REASON_CHANGED;
        check(lie.told == 1 && (error || (result == SEVC_OK && has_computed_bits(entry->leaf))),
              "a change is found", "sevc_cpuid_verify()", entry->leaf);
        found += error;
    }
}

/* ---- a CPU that still has to learn what is its own ---- */

static const struct {
    uint32_t leaf;
    uint64_t own[4];
} own_leaves[] = {
    { 0x1, { 0, 0xFF000000, 0, 1u << 9 } },
    { 0x80000001, { 0, 0, 0, 1u << 9 } },
    { 0x8000001E, { ~0u, 0xFF, 0xFF, 0 } },
};

static bool only_own_bits(const struct attempt *honest, const uint64_t own[4])
{
    uint64_t d[4];

    compare(honest, d);
    for (unsigned i = 0; i < COUNT(answers); i++) {
        if ((d[i] & ~own[i]) != 0)
            return false;
    }
    return attempt.outcome == OUTCOME_DONE;
}

static void learn_from_a_liar(uint32_t leaf, const uint64_t own[4])
{
    struct attempt honest;

    ask(leaf, 0);
    honest = attempt;
    for (unsigned variant = 0; variant < 4; variant++) {
        cpu.cpuid_own.known = 0;
        host_arm(variant, 0);
        ask(leaf, 0);
        struct lie lie = host_disarm();
        bool error = is_unchanged() && attempt.report.reason == SEVC_REASON_CHANGED;
        check(lie.told == 1 && (error || only_own_bits(&honest, own)), "a change is an error",
              "CPUID", leaf);
        found += error;
    }
    cpu.cpuid_own.known = 0;
    ask(leaf, 0);
    check(is_same(&honest), "the table stands", "CPUID", leaf);
}

/* ---- */

#define LEAST_FOUND 100

void test_pinned(void)
{
    unsigned skip = 0;

    sevc_cpuid_table_init(&table, &cpu, SEVC_CPUID_MISS_REFUSE);
    cpu.cpuid_table = &table;
    if (sevc_cpuid_fill(&cpu) != SEVC_OK || table.dropped != 0)
        panic("the table cannot be filled");
    sevc_cpuid_seal(&table);
    for (unsigned i = 0; i < SEVC_CPUID_TABLE_ENTRIES; i++) {
        const struct sevc_cpuid_entry *entry = &table.entries[i];
        if (!is_lied_about(entry))
            continue;
        no_exit_no_lie(entry);
        verify(entry, skip++);
    }
    for (unsigned i = 0; i < COUNT(own_leaves); i++)
        learn_from_a_liar(own_leaves[i].leaf, own_leaves[i].own);
    kprintf("%u leaves pinned, %u changes found\n", table.count, found);
    check(found >= LEAST_FOUND, "changes are found at all", "CPUID", 0);
}
