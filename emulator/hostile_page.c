/* SPDX-License-Identifier: MIT */
/* The GHCB page, as the malicious host reads and writes it. */
#include "hostile_internal.h"

#include <sevc/svm.h>

#include "libc.h"

#define BUFFER_FIRST SEVC_GHCB_OFF_SHARED_BUFFER
#define BUFFER_END   (BUFFER_FIRST + SEVC_GHCB_SHARED_BUFFER_BYTES)

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

/* Numbers of the guest's, which need not make sense. */
static uint64_t data_bytes(uint64_t code, uint64_t info1, uint64_t info2)
{
    uint64_t size = (info1 & SEVC_IOIO_SIZE_MASK) >> SEVC_IOIO_SIZE_SHIFT;

    if (code == SEVC_NAE_MMIO_READ || code == SEVC_NAE_MMIO_WRITE)
        return info2;
    if (code != SEVC_EXIT_IOIO || (info1 & SEVC_IOIO_STRING) == 0)
        return 0;
    return info2 > SEVC_GHCB_SHARED_BUFFER_BYTES ? info2 : info2 * size;
}

struct hostile_data hostile_data_of(const uint8_t *page, uint64_t gpa)
{
    uint64_t code = hostile_get(page, SEVC_GHCB_OFF_SW_EXITCODE);
    uint64_t info1 = hostile_get(page, SEVC_GHCB_OFF_SW_EXITINFO1);
    uint64_t bytes = data_bytes(code, info1, hostile_get(page, SEVC_GHCB_OFF_SW_EXITINFO2));
    uint64_t offset = hostile_get(page, SEVC_GHCB_OFF_SW_SCRATCH) - gpa;

    if (bytes == 0 || offset < BUFFER_FIRST || offset >= BUFFER_END)
        return (struct hostile_data){ BUFFER_FIRST, 0, false };
    if (bytes > BUFFER_END - offset)
        bytes = BUFFER_END - offset;
    return (struct hostile_data){ (unsigned)offset, (unsigned)bytes,
                                  code == SEVC_NAE_MMIO_WRITE ||
                                      (code == SEVC_EXIT_IOIO && (info1 & SEVC_IOIO_IN) == 0) };
}

/*
 * What this host has written into the shared buffer, and behind it, beyond its answer, the guest
 * does not have to clear: it was never the guest's. Left there, the judge would take it for a leak.
 * Each processor has a page of its own. A byte counts as ours until we write another one there: a
 * guest that an NMI has interrupted sets the page aside, and puts it back with our traces in it.
 */
#define LITTER_BYTES (SEVC_GHCB_OFF_PROTOCOL_VERSION - BUFFER_FIRST)

static uint8_t litter[VCPU_MAX][LITTER_BYTES];
static bool littered[VCPU_MAX];

/* The bytes that the guest sends now are its own, even if they look like ours. */
static bool is_sent(const struct hostile_data *data, unsigned offset)
{
    return data->sent && offset >= data->offset && offset < data->offset + data->bytes;
}

void hostile_collect_litter(const struct vcpu *v, uint8_t *page)
{
    const uint8_t *mine = litter[v->index];

    if (!littered[v->index])
        return;
    struct hostile_data data = hostile_data_of(page, v->ghcb.msr);
    for (unsigned i = 0; i < LITTER_BYTES; i++) {
        uint8_t *byte = &page[BUFFER_FIRST + i];
        if (mine[i] != 0 && *byte == mine[i] && !is_sent(&data, BUFFER_FIRST + i))
            *byte = 0;
    }
}

void hostile_note_litter(const struct vcpu *v, const uint8_t *page, const uint8_t *honest)
{
    uint8_t *mine = litter[v->index];

    for (unsigned i = 0; i < LITTER_BYTES; i++) {
        unsigned offset = BUFFER_FIRST + i;
        if (page[offset] == honest[offset])
            continue;
        mine[i] = page[offset];
        littered[v->index] = true;
    }
}
