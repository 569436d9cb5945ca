/* SPDX-License-Identifier: MIT */
/* A table of pinned CPUID answers from SEV-SNP's CPUID page (SEV-SNP firmware ABI, 8.14.2.6). */
#include <stddef.h>

#include "cpuid_answer.h"
#include "cpuid_lie.h"

_Static_assert(sizeof(struct sevc_snp_cpuid_entry) == 48, "CPUID_FUNCTION");
_Static_assert(offsetof(struct sevc_snp_cpuid_entry, eax) == 24, "CPUID_FUNCTION.EAX");
_Static_assert(offsetof(struct sevc_snp_cpuid_page, entries) == 16, "the first CPUID_FUNCTION");
_Static_assert(sizeof(struct sevc_snp_cpuid_page) == 4096, "a page");

/* Takes one answer; false if it cannot be. */
static bool take(struct sevc_cpuid_table *table, const struct sevc_snp_cpuid_entry *entry,
                 uint8_t c_bit)
{
    const union sevc_cpuid_answer answer = { { entry->eax, entry->ebx, entry->ecx, entry->edx } };
    const struct sevc_cpuid_entry *known = sevc_cpuid_find(table, entry->eax_in, entry->ecx_in);

    if (entry->reserved != 0 ||
        sevc_cpuid_lie(entry->eax_in, &answer.regs, c_bit) != SEVC_REASON_NONE) {
        return false;
    }
    if (known != NULL) { /* leaf 0xD, say, for several values of XCR0 */
        return sevc_cpuid_same(known, &answer);
    }
    return sevc_cpuid_remember(table, entry->eax_in, entry->ecx_in, &answer) != NULL;
}

static bool take_all(struct sevc_cpuid_table *table, const struct sevc_snp_cpuid_page *page,
                     uint8_t c_bit)
{
    if (page->count > SEVC_SNP_CPUID_ENTRIES ||
        (page->reserved[0] | page->reserved[1] | page->reserved[2]) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < page->count; i++) {
        if (!take(table, &page->entries[i], c_bit)) {
            return false;
        }
    }
    /* A leaf that is missing reads as zero: this one would deny SEV. */
    return sevc_cpuid_find(table, SEVC_CPUID_EXTENDED_MAX, 0) != NULL &&
           sevc_cpuid_find(table, SEVC_CPUID_MEMORY_ENCRYPTION, 0) != NULL;
}

enum sevc_result sevc_cpuid_table_snp(struct sevc_cpuid_table *table,
                                      const struct sevc_snp_cpuid_page *page, uint8_t c_bit)
{
    enum sevc_result result = SEVC_OK;

    sevc_cpuid_table_init(table, NULL, SEVC_CPUID_MISS_ZERO);
    if (!take_all(table, page, c_bit)) {
        sevc_cpuid_table_init(table, NULL, SEVC_CPUID_MISS_REFUSE);
        result = SEVC_HOST_ERROR;
    }
    sevc_cpuid_seal(table);
    return result;
}
