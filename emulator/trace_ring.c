/* SPDX-License-Identifier: MIT */
#include "trace_ring.h"

#include <stdbool.h>

#include <sevc/ghcb_abi.h>
#include <sevc/trace_format.h>

#include "cpu.h"
#include "libc.h"
#include "memory.h"
#include "report.h"
#include "vcpu.h"

/* The page in front of the ring: the launcher's end of it. Counts in bytes since the beginning. */
struct control {
    volatile uint64_t head; /* written so far: ours */
    volatile uint64_t tail; /* taken so far: the launcher's */
};

#define PAGE_QUADWORDS (SEVC_GHCB_SIZE / 8)

static struct control *control;
static uint64_t *ring;
static uint64_t ring_bytes;
static uint32_t crc_table[256];

static void make_crc_table(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint32_t row = i;
        for (unsigned bit = 0; bit < 8; bit++)
            row = row >> 1 ^ (0xEDB88320u & (0u - (row & 1)));
        crc_table[i] = row;
    }
}

static uint32_t crc_of(uint32_t crc, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++, value >>= 8)
        crc = crc_table[(crc ^ value) & 0xFF] ^ crc >> 8;
    return crc;
}

void trace_ring_start(uint64_t bytes)
{
    make_crc_table();
    control = memory_alloc_pages(1 + bytes / PAGE_BYTES);
    ring = (uint64_t *)((uint8_t *)control + PAGE_BYTES);
    ring_bytes = bytes;
    report_line("trace control=0x%llx ring=0x%llx bytes=%llu",
                (unsigned long long)memory_pa(control), (unsigned long long)memory_pa(ring),
                (unsigned long long)bytes);
}

static void store(uint64_t at, uint64_t quadword)
{
    ring[at & (ring_bytes / 8 - 1)] = quadword;
}

struct trace_put trace_begin(struct vcpu *v, uint16_t type, uint32_t bytes, uint32_t exception,
                             uint32_t flags)
{
    uint64_t head = control->head;
    struct trace_put put = { .start = head / 8, .at = head / 8 + 1, .length = bytes };

    while (head + bytes - control->tail > ring_bytes)
        __asm__ volatile("pause" : : : "memory");
    v->trace.number++;
    put.crc = crc_of(~0u, bytes, 4);
    trace_put(&put, type | (uint64_t)v->index << 16 | (uint64_t)v->trace.number << 32);
    trace_put(&put, exception | (uint64_t)flags << 32);
    trace_put(&put, cpu_rdtsc());
    return put;
}

void trace_put(struct trace_put *put, uint64_t quadword)
{
    put->crc = crc_of(put->crc, quadword, 8);
    store(put->at++, quadword);
}

void trace_put_bytes(struct trace_put *put, const void *bytes, size_t count)
{
    const uint8_t *from = bytes;

    for (size_t done = 0; done < count; done += 8) {
        uint64_t quadword = 0;
        memcpy(&quadword, from + done, count - done < 8 ? count - done : 8);
        trace_put(put, quadword);
    }
}

void trace_end(struct trace_put *put)
{
    store(put->start, (~put->crc & 0xFFFFFFFFu) | (uint64_t)put->length << 32);
    __asm__ volatile("" : : : "memory"); /* stores are seen in order (APM vol. 2, 7.2) */
    control->head += put->length;
}

/* ---- pages ---- */

void trace_find_runs(struct trace_runs *runs, const uint8_t *page)
{
    static uint64_t copy[PAGE_QUADWORDS];
    bool inside = false;

    memcpy(copy, page, sizeof(copy));
    *runs = (struct trace_runs){ copy, 0, 0 };
    for (unsigned i = 0; i < PAGE_QUADWORDS; i++) {
        if (copy[i] != 0) {
            runs->bytes += inside ? 8 : SEVC_TRACE_RUN_BYTES + 8;
            runs->count += !inside;
        }
        inside = copy[i] != 0;
    }
}

void trace_put_runs(struct trace_put *put, const struct trace_runs *runs)
{
    for (unsigned at = 0; at < PAGE_QUADWORDS; at++) {
        unsigned end = at;

        while (end < PAGE_QUADWORDS && runs->page[end] != 0)
            end++;
        if (end == at)
            continue;
        trace_put(put, (uint64_t)at * 8 | (uint64_t)(end - at) * 8 << 16);
        for (; at < end; at++)
            trace_put(put, runs->page[at]);
    }
}
