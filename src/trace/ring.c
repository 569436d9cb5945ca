/* SPDX-License-Identifier: MIT */
/*
 * The ring. One CPU writes, and an NMI on it may write in the middle of that; one reader takes out,
 * on another CPU perhaps.
 *
 * A writer reserves its place by one atomic exchange, so that an NMI's record lies before or behind
 * it and never in it. Writers end in the reverse order of their beginning, so when the first one
 * ends, all that has been reserved is whole: it is the one who commits.
 */
#include <stddef.h>

#include "ring.h"

#if SEVC_TRACE

#define RING_MIN_BYTES ((size_t)2 * SEVC_TRACE_RECORD_MAX_BYTES)

/* CRC-32, four bits at a time: 64 bytes of table. */
static const uint32_t crc_table[16] = {
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
    0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
};

static uint32_t crc_of(uint32_t crc, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < 2 * bytes; i++) {
        crc = crc_table[(crc ^ value) & 0xF] ^ crc >> 4;
        value >>= 4;
    }
    return crc;
}

bool sevc_trace_init(struct sevc_trace *trace, uint64_t *ring, size_t bytes, uint16_t cpu,
                     uint32_t flags)
{
    *trace = (struct sevc_trace){ .cpu = cpu, .flags = flags };
    if (ring == NULL || ((uintptr_t)ring & 7) != 0 || bytes < RING_MIN_BYTES ||
        (bytes & (bytes - 1)) != 0) {
        return false;
    }
    trace->ring = ring;
    trace->quadwords = bytes / 8;
    return true;
}

/* ---- writing ---- */

static void commit(struct sevc_trace *trace)
{
    uint64_t reserved;

    do { /* an NMI in between may have added to it */
        reserved = __atomic_load_n(&trace->reserved, __ATOMIC_RELAXED);
        __atomic_store_n(&trace->committed, reserved, __ATOMIC_RELEASE);
    } while (reserved != __atomic_load_n(&trace->reserved, __ATOMIC_RELAXED));
}

static void leave(struct sevc_trace *trace)
{
    if (__atomic_sub_fetch(&trace->writers, 1, __ATOMIC_RELAXED) == 0) {
        commit(trace);
    }
}

static bool reserve(struct sevc_trace *trace, uint64_t quadwords, uint64_t *at)
{
    uint64_t used;

    *at = __atomic_load_n(&trace->reserved, __ATOMIC_RELAXED);
    do {
        used = *at - __atomic_load_n(&trace->drained, __ATOMIC_ACQUIRE);
        if (quadwords > trace->quadwords - used) {
            __atomic_fetch_add(&trace->lost, 1, __ATOMIC_RELAXED);
            return false;
        }
    } while (!__atomic_compare_exchange_n(&trace->reserved, at, *at + quadwords, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}

static void store(struct sevc_trace *trace, uint64_t at, uint64_t quadword)
{
    trace->ring[at & (trace->quadwords - 1)] = quadword;
}

bool sevc_trace_begin(struct sevc_trace_put *put, struct sevc_trace *trace,
                      const struct sevc_trace_head *head, uint32_t *number)
{
    uint32_t own;

    __atomic_add_fetch(&trace->writers, 1, __ATOMIC_RELAXED);
    /* A number is spent even if the record is dropped: the gap shows. */
    own = __atomic_add_fetch(&trace->number, 1, __ATOMIC_RELAXED);
    *number = own;
    put->trace = trace;
    if (!reserve(trace, head->bytes / 8, &put->start)) {
        leave(trace);
        return false;
    }
    put->at = put->start + 1;
    put->length = head->bytes;
    put->crc = crc_of(~0u, head->bytes, 4);
    sevc_trace_put(put, head->type | (uint64_t)trace->cpu << 16 | (uint64_t)own << 32);
    sevc_trace_put(put, (head->exception == SEVC_TRACE_ITSELF ? own : head->exception) |
                            (uint64_t)head->flags << 32);
    sevc_trace_put(put, sevc_os_trace_time());
    return true;
}

void sevc_trace_put(struct sevc_trace_put *put, uint64_t quadword)
{
    put->crc = crc_of(put->crc, quadword, 8);
    store(put->trace, put->at++, quadword);
}

void sevc_trace_put_bytes(struct sevc_trace_put *put, const void *from, size_t bytes)
{
    const volatile uint8_t *byte = from; /* of a page that the host shares: each once */

    for (size_t done = 0; done < bytes; done += 8) {
        uint64_t quadword = 0;

        for (size_t i = done; i < bytes && i < done + 8; i++) {
            quadword |= (uint64_t)byte[i] << (8 * (i - done));
        }
        sevc_trace_put(put, quadword);
    }
}

void sevc_trace_end(struct sevc_trace_put *put)
{
    store(put->trace, put->start, (~put->crc & 0xFFFFFFFFu) | (uint64_t)put->length << 32);
    leave(put->trace);
}

/* ---- reading ---- */

size_t sevc_trace_drain(struct sevc_trace *trace, void *to, size_t bytes)
{
    uint8_t *out = to;
    uint64_t end = __atomic_load_n(&trace->committed, __ATOMIC_ACQUIRE);
    uint64_t at = __atomic_load_n(&trace->drained, __ATOMIC_RELAXED);
    size_t done = 0;

    if (trace->ring == NULL) {
        return 0;
    }
    /* For a moment, between an NMI's record and the interrupted writer's, END may lie behind AT. */
    while ((int64_t)(end - at) > 0) {
        uint64_t length = trace->ring[at & (trace->quadwords - 1)] >> 32;

        if (length > bytes - done) {
            break;
        }
        for (uint64_t i = 0; i < length / 8; i++, at++, done += 8) {
            __builtin_memcpy(out + done, &trace->ring[at & (trace->quadwords - 1)], 8);
        }
    }
    __atomic_store_n(&trace->drained, at, __ATOMIC_RELEASE);
    return done;
}

size_t sevc_trace_header(uint8_t to[SEVC_TRACE_FILE_HEADER_BYTES], uint32_t flags, uint64_t ticks)
{
    const uint64_t header[] = {
        SEVC_TRACE_MAGIC,
        SEVC_TRACE_MAJOR | SEVC_TRACE_MINOR << 16 | (uint64_t)SEVC_TRACE_HEADER_BYTES << 32,
        SEVC_TRACE_BY_LIBRARY |
            ((flags & SEVC_TRACE_WITHOUT_MEMORY) != 0 ? (uint64_t)SEVC_TRACE_NO_MEMORY << 32 : 0),
        ticks,
    };
    uint32_t crc = ~0u;

    for (unsigned i = 0; i < 4; i++) {
        crc = crc_of(crc, header[i], 8);
        __builtin_memcpy(to + 8 * (size_t)i, &header[i], 8);
    }
    const uint64_t last = ~crc & 0xFFFFFFFFu;
    __builtin_memcpy(to + SEVC_TRACE_HEADER_CRC, &last, 8);
    return SEVC_TRACE_HEADER_BYTES;
}

_Static_assert(SEVC_TRACE_FILE_HEADER_BYTES == SEVC_TRACE_HEADER_BYTES, "trace.h");

#endif
