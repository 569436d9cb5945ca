/* SPDX-License-Identifier: MIT */
#include "arch_log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../src/arch/arch.h"

#define LINE 64

struct arch_log arch_log;

void arch_log_open(const struct physical *memory)
{
    arch_log.memory = memory;
    arch_log.count = 0;
}

static void note(enum arch_call call, uint64_t va, uint64_t bytes)
{
    struct ref_walk walk = ref_walk(arch_log.memory, va);

    if (arch_log.count == ARCH_EVENTS_MAX) {
        fail_msg("too many events for this test");
    }
    arch_log.event[arch_log.count++] = (struct arch_event){
        .call = call,
        .va = va,
        .bytes = bytes,
        .page_bytes = walk.mapping.page_bytes,
        .encrypted = walk.mapping.encrypted,
    };
}

/* The event that a line at VA would continue, or NULL. */
static struct arch_event *flush_before(uint64_t va)
{
    struct arch_event *last;

    if (arch_log.count == 0) {
        return NULL;
    }
    last = &arch_log.event[arch_log.count - 1];
    return last->call == ARCH_CLFLUSH && last->va + last->bytes == va ? last : NULL;
}

void sevc_arch_clflush(const void *p)
{
    uint64_t va = (uint64_t)(uintptr_t)p;
    struct arch_event *run = flush_before(va);

    assert_int_equal(va % LINE, 0);
    if (run == NULL) {
        note(ARCH_CLFLUSH, va, LINE);
        return;
    }
    if (va % 4096 == 0 || va % 4096 == 4096 - LINE) {
        /* Not for each of the 16 million lines of a 1 GiB page. */
        assert_int_equal(ref_walk(arch_log.memory, va).mapping.encrypted, run->encrypted);
    }
    run->bytes += LINE;
}

void sevc_arch_fence(void)
{
    bool after_flush =
        arch_log.count != 0 && arch_log.event[arch_log.count - 1].call == ARCH_CLFLUSH;

    note(ARCH_FENCE, after_flush ? arch_log.event[arch_log.count - 1].va : 0, 0);
}

void sevc_arch_invlpg(uint64_t va)
{
    note(ARCH_INVLPG, va, 0);
}

void sevc_os_tlb_shootdown(uint64_t va, uint64_t bytes)
{
    note(ARCH_SHOOTDOWN, va, bytes);
}

/* Takes the next event, which must be CALL, for VA, in the state ENCRYPTED. */
static const struct arch_event *take(size_t *at, enum arch_call call, uint64_t va, bool encrypted)
{
    const struct arch_event *event = &arch_log.event[*at];

    assert_true(*at < arch_log.count);
    assert_int_equal(event->call, call);
    assert_int_equal(event->va, va);
    assert_int_equal(event->encrypted, encrypted);
    (*at)++;
    return event;
}

/* The pages of [va, last], which were all in the other state. */
static void check_pages(size_t *at, uint64_t va, uint64_t last, bool encrypted)
{
    uint64_t left = last - va + 1;

    while (left != 0) {
        const struct arch_event *flush;

        assert_true(*at < arch_log.count);
        assert_int_equal(arch_log.event[(*at)++].call, ARCH_FENCE);
        flush = take(at, ARCH_CLFLUSH, va, !encrypted);
        assert_int_equal(flush->bytes, flush->page_bytes);
        take(at, ARCH_FENCE, va, !encrypted);
        take(at, ARCH_INVLPG, va, encrypted);
        assert_true(flush->bytes <= left);
        va += flush->bytes;
        left -= flush->bytes;
    }
}

static void check_shootdown(size_t *at, uint64_t va, uint64_t last)
{
    assert_true(*at < arch_log.count);
    assert_int_equal(arch_log.event[*at].call, ARCH_SHOOTDOWN);
    assert_int_equal(arch_log.event[*at].va, va);
    assert_int_equal(arch_log.event[*at].bytes, last - va + 1);
    (*at)++;
}

void arch_log_check(const struct ref_runs *before, uint64_t va, uint64_t last, bool encrypted,
                    size_t splits)
{
    bool any = false;
    size_t at = 0;

    for (size_t i = 0; i < splits; i++) {
        const struct arch_event *event = &arch_log.event[at];

        assert_true(event->va >= va && event->va <= last);
        take(&at, ARCH_INVLPG, event->va, !encrypted);
    }
    if (splits != 0) {
        check_shootdown(&at, va, last);
    }
    for (size_t i = 0; i < before->count; i++) {
        const struct ref_run *run = &before->run[i];
        uint64_t run_last = run->va + run->bytes - 1;
        uint64_t from = run->va > va ? run->va : va;
        uint64_t to = run_last < last ? run_last : last;

        if (run->encrypted != encrypted && from <= to) {
            check_pages(&at, from, to, encrypted);
            any = true;
        }
    }
    if (any) {
        check_shootdown(&at, va, last);
    }
    assert_int_equal(at, arch_log.count);
}
