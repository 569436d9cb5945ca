/* SPDX-License-Identifier: MIT */
/* The ring of the tap: nothing tears a record, neither an NMI nor a reader on another CPU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "../../src/trace/ring.h"
#include "scripted_host.h"

#include <sevc/trace.h>

#define RING_BYTES 32768

static struct scripted_host host;
static struct sevc_trace trace;
static uint64_t ring[RING_BYTES / 8];
static uint8_t file[RING_BYTES + SEVC_TRACE_FILE_HEADER_BYTES];

static void start(void)
{
    host_start(&host);
    assert_true(sevc_trace_init(&trace, ring, sizeof(ring), 5, 0));
}

/* ---- an NMI, whose handler writes a record, at every instruction ---- */

static void put(uint64_t value)
{
    const struct sevc_trace_head head = { SEVC_TRACE_MSR_END, SEVC_TRACE_TYPE_MSR_SENT, 0, 0 };
    struct sevc_trace_put record;
    uint32_t number;

    if (sevc_trace_begin(&record, &trace, &head, &number)) {
        sevc_trace_put(&record, value);
        sevc_trace_end(&record);
    }
}

static void run(void *argument)
{
    (void)argument;
    put(1);
}

static void interrupt(void *argument)
{
    (void)argument;
    put(2);
}

/* Both records are there, and whole. */
static bool check(void *argument)
{
    size_t bytes = sevc_trace_drain(&trace, file, sizeof(file));
    struct trace_record record;
    uint64_t sum = 0;

    (void)argument;
    if (bytes != 2 * SEVC_TRACE_MSR_END) {
        return false;
    }
    for (uint8_t *at = file; at < file + bytes; at += SEVC_TRACE_MSR_END) {
        if (trace_decode(at, SEVC_TRACE_MSR_END, &record) != NULL) {
            return false;
        }
        sum += record.msr;
    }
    return sum == 3 && trace.number == 2 && trace.writers == 0 && trace.committed == trace.reserved;
}

static void an_nmi_anywhere_leaves_every_record_whole(void **state)
{
    uint64_t failed;

    (void)state;
    start();
    assert_in_range(host_interrupt_everywhere(&host, run, interrupt, check, NULL, &failed), 500,
                    100000000);
    assert_int_equal(failed, 0);
    host_finish(&host);
}

/*
 * An NMI between the interrupted writer's load of RESERVED and its store of COMMITTED; and a reader that
 * comes between the NMI's end and that store, and again before the writer looks once more.
 */
static void what_is_committed_may_go_back_for_a_moment(void **state)
{
    uint64_t before;

    (void)state;
    start();
    put(1);
    before = trace.committed;
    put(2);
    assert_int_equal(sevc_trace_drain(&trace, file, sizeof(file)), 2 * SEVC_TRACE_MSR_END);
    trace.committed = before;
    assert_int_equal(sevc_trace_drain(&trace, file, sizeof(file)), 0);
    assert_int_equal(trace.drained, trace.reserved);
    trace.committed = trace.reserved;
    put(3);
    assert_int_equal(sevc_trace_drain(&trace, file, sizeof(file)), SEVC_TRACE_MSR_END);
    host_finish(&host);
}

/* ---- a reader on another CPU ---- */

#define ROUNDS 3000

static volatile bool finished;

static void *take_out(void *argument)
{
    uint8_t *buffer = argument;
    uintptr_t records = 0;
    bool last;

    do {
        size_t bytes;

        last = __atomic_load_n(&finished, __ATOMIC_ACQUIRE);
        while ((bytes = sevc_trace_drain(&trace, buffer, SEVC_TRACE_RECORD_MAX_BYTES)) != 0) {
            struct trace_record record;

            for (size_t at = 0; at < bytes; at += record.length) {
                uint32_t length;

                memcpy(&length, buffer + at + SEVC_TRACE_LENGTH, 4);
                if (trace_decode(buffer + at, length, &record) != NULL) {
                    return NULL;
                }
                records += record.type == SEVC_TRACE_TYPE_LOST ? (uintptr_t)record.lost + 1 : 1;
            }
        }
    } while (!last);
    return (void *)records; // NOLINT(performance-no-int-to-ptr)
}

static void a_reader_on_another_cpu_gets_whole_records_only(void **state)
{
    void *buffer = malloc(SEVC_TRACE_RECORD_MAX_BYTES);
    void *records;
    pthread_t reader;

    (void)state;
    start();
    finished = false;
    assert_int_equal(pthread_create(&reader, NULL, take_out, buffer), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        run(NULL);
    }
    __atomic_store_n(&finished, true, __ATOMIC_RELEASE);
    assert_int_equal(pthread_join(reader, &records), 0);
    assert_non_null(records);
    assert_int_equal((uintptr_t)records + trace.lost, trace.number);
    free(buffer);
    host_finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_nmi_anywhere_leaves_every_record_whole),
        cmocka_unit_test(what_is_committed_may_go_back_for_a_moment),
        cmocka_unit_test(a_reader_on_another_cpu_gets_whole_records_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
