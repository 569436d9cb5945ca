/* SPDX-License-Identifier: MIT */
/* The GHCB page, as the malicious host reads and writes it. */
#include "hostile_internal.h"

#include "libc.h"

uint64_t hostile_get(const uint8_t *page, unsigned offset)
{
    uint64_t value;

    memcpy(&value, page + offset, sizeof(value));
    return value;
}

void hostile_put(uint8_t *page, unsigned offset, uint64_t value)
{
    memcpy(page + offset, &value, sizeof(value));
}

bool hostile_is_valid(const uint8_t *page, unsigned offset)
{
    unsigned index = SEVC_GHCB_VALID_INDEX(offset);

    return (page[SEVC_GHCB_OFF_VALID_BITMAP + index / 8] >> index % 8 & 1) != 0;
}

void hostile_mark(uint8_t *page, unsigned offset, bool valid)
{
    unsigned index = SEVC_GHCB_VALID_INDEX(offset);
    uint8_t *byte = &page[SEVC_GHCB_OFF_VALID_BITMAP + index / 8];

    *byte = (uint8_t)((*byte & ~(1u << index % 8)) | (unsigned)valid << index % 8);
}

/*
 * Guests that know us fill registers and memory with this pattern: 28 bits, and four that tell the
 * registers apart. It must not reach the host, at whatever bit it begins.
 */
#define SECRET      0x5EC7A5Cull
#define SECRET_BITS 28

static bool holds_secret(uint64_t low, uint64_t high)
{
    if ((low | high) == 0)
        return false;
    for (unsigned shift = 0; shift < 64; shift++) {
        uint64_t bits = low >> shift | (shift != 0 ? high << (64 - shift) : 0);
        if ((bits & ((1ull << SECRET_BITS) - 1)) == SECRET)
            return true;
    }
    return false;
}

void hostile_look_for_secrets(const uint8_t *page, const struct vcpu_where *where)
{
    for (unsigned offset = 0; offset < SEVC_GHCB_SIZE; offset += 8) {
        uint64_t next = offset + 8 < SEVC_GHCB_SIZE ? hostile_get(page, offset + 8) : 0;
        if (!holds_secret(hostile_get(page, offset), next))
            continue;
        report_violation(where, "secret", "a secret of the guest stands in the GHCB at 0x%x",
                         offset);
        return;
    }
}

/*
 * What this host has written into the shared buffer, beyond its answer, the guest does not have to
 * clear: it was never the guest's. Left there, the judge would take it for a leak.
 */
static uint8_t litter[SEVC_GHCB_SIZE];
static bool littered;

void hostile_collect_litter(uint8_t *page)
{
    for (unsigned i = SEVC_GHCB_OFF_SHARED_BUFFER; littered && i < SEVC_GHCB_OFF_PROTOCOL_VERSION;
         i++) {
        if (litter[i] != 0 && page[i] == litter[i])
            page[i] = 0;
    }
    littered = false;
}

void hostile_note_litter(const uint8_t *page, const uint8_t *honest)
{
    for (unsigned i = SEVC_GHCB_OFF_SHARED_BUFFER; i < SEVC_GHCB_OFF_PROTOCOL_VERSION; i++) {
        litter[i] = page[i] != honest[i] ? page[i] : 0;
        littered |= litter[i] != 0;
    }
}
