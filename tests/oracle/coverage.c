/* SPDX-License-Identifier: MIT */
#include "coverage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The register that ModRM.reg names, in the table's numbering. */
static unsigned operand_of(const struct oracle_case *c)
{
    unsigned reg = (c->modrm >> 3 & 7u) | (c->rex & 4 ? 8u : 0u);
    bool byte = c->form->width == ORACLE_BYTE && c->form->map == ORACLE_MAP_ONE_BYTE;

    return byte && c->rex == 0 && reg >= 4 ? reg + 12 : reg;
}

void oracle_cover(struct oracle_coverage *coverage, const struct oracle_case *c)
{
    bool narrow = (c->traits >> ORACLE_TRAIT_ADDRESS_67 & 1) != 0;
    unsigned mod = c->modrm >> 6;

    for (uint64_t traits = c->traits; traits != 0; traits &= traits - 1) {
        coverage->traits[__builtin_ctzll(traits)]++;
    }
    if (c->has_modrm) {
        coverage->modrm[narrow][c->rex & 1][mod][c->modrm & 7] = true;
        if (c->form->reg == ORACLE_REGISTER) {
            coverage->operands[__builtin_ctz(c->data_bytes)][operand_of(c)] = true;
        }
    }
    if (c->has_sib) {
        coverage->sib[narrow][c->rex & 3][mod][c->sib] = true;
    }
}

static unsigned judge_table(const char *what, const bool *seen, size_t size)
{
    unsigned count = 0;

    for (size_t i = 0; i < size; i++) {
        count += seen[i];
    }
    printf("  %u of %zu %s%s\n", count, size, what, count < size ? "  (incomplete)" : "");
    return (unsigned)size - count;
}

/* AH and its like exist in 8 bits only, so those of the other widths are no gap. */
static unsigned judge_operands(const struct oracle_coverage *coverage)
{
    bool seen[20 + 3 * 16];

    memcpy(seen, coverage->operands[0], 20);
    for (unsigned i = 0; i < 3; i++) {
        memcpy(&seen[20 + 16 * i], coverage->operands[1 + i], 16);
    }
    return judge_table("operand registers, each in each width", seen, sizeof(seen));
}

unsigned oracle_judge_coverage(const struct oracle_coverage *coverage, enum oracle_group group,
                               bool complete)
{
    unsigned traits = group == ORACLE_BASIC ? ORACLE_BASIC_TRAITS : ORACLE_TRAIT_COUNT;
    unsigned never = 0;
    unsigned missing;

    printf("what occurred:\n");
    for (unsigned i = 0; i < traits; i++) {
        printf("  %8" PRIu64 "  %s%s\n", coverage->traits[i],
               oracle_trait_name((enum oracle_trait)i), coverage->traits[i] == 0 ? "  NEVER" : "");
        never += coverage->traits[i] == 0;
    }
    missing = judge_table("ModRM addressing forms, with and without REX.B and 67",
                          &coverage->modrm[0][0][0][0], sizeof(coverage->modrm));
    missing += judge_table("SIB bytes, each with each mod, REX.X, REX.B, 67",
                           &coverage->sib[0][0][0][0], sizeof(coverage->sib));
    missing += judge_operands(coverage);
    return never + (complete ? missing : 0);
}
