/* SPDX-License-Identifier: MIT */
/* The AP jump table of an SEV-SNP guest: its address stands in the secrets page. */
#include <stddef.h>

#include <sevc/ap.h>
#include <sevc/svm.h>

#define PAGE_BYTES 4096u
#define LIMIT      (1ull << 32) /* the code that uses the table has 32-bit addresses */

/* SEV-SNP firmware ABI 1.51, 8.17.2.5; GHCB spec 2.03, 2.7. */
_Static_assert(offsetof(struct sevc_snp_secrets_page, vmpck) == 0x20, "VMPCK0");
_Static_assert(offsetof(struct sevc_snp_secrets_page, message_sequence_low) == 0xA0, "guest area");
_Static_assert(offsetof(struct sevc_snp_secrets_page, ap_jump_table_gpa) == 0xB0, "jump table");
_Static_assert(sizeof(struct sevc_snp_secrets_page) == PAGE_BYTES, "a page");

enum sevc_result sevc_ap_secrets_jump_table(uint64_t sev_status,
                                            const struct sevc_snp_secrets_page *secrets,
                                            uint64_t *gpa)
{
    uint64_t found;

    if (secrets == NULL || (uintptr_t)secrets % PAGE_BYTES != 0) {
        return SEVC_INVALID;
    }
    if ((sev_status & SEVC_STATUS_SNP) == 0) {
        return SEVC_UNSUPPORTED;
    }
    found = *(const volatile uint64_t *)&secrets->ap_jump_table_gpa;
    if (secrets->version == 0 || found % PAGE_BYTES != 0 || found >= LIMIT) {
        return SEVC_HOST_ERROR;
    }
    *gpa = found;
    return SEVC_OK;
}
