/* SPDX-License-Identifier: MIT */
/*
 * T64: CPUs with a GHCB each have nothing in common. Built with the thread sanitizer, which reports
 * any memory that two of them share.
 */
#include <pthread.h>

#include "common.h"
#include "events.h"

#define CPUS   4
#define ROUNDS 200

struct one_cpu {
    pthread_t thread;
    unsigned bad;
};

static void *live(void *argument)
{
    struct one_cpu *self = argument;
    static _Thread_local struct scripted_host host;
    struct sevc_cpu cpu;

    for (unsigned round = 0; round < ROUNDS; round++) {
        const struct event_case *event = &event_cases[round % event_case_count];
        uint64_t out[EVENT_OUTPUTS] = { 0 };
        struct sevc_report report = { 0 };
        struct sevc_session session;

        host_start(&host);
        host_make_cpu(&host, &cpu, 2);
        host.recording = true;
        host_expect(&host, &event->exchange);
        if (sevc_session_begin(&session, &cpu, &report) != SEVC_OK ||
            event->call(&session, out) != SEVC_OK) {
            self->bad++;
        }
        sevc_session_end(&session);
        self->bad += memcmp(out, event->out, event->outs * sizeof(out[0])) != 0;
        self->bad += !host_is_at_rest(&host);
        host_finish(&host);
    }
    return NULL;
}

static void T64_cpus_do_not_disturb_each_other(void **state)
{
    struct one_cpu cpus[CPUS] = { 0 };

    (void)state;
    for (unsigned i = 0; i < CPUS; i++) {
        assert_int_equal(pthread_create(&cpus[i].thread, NULL, live, &cpus[i]), 0);
    }
    for (unsigned i = 0; i < CPUS; i++) {
        pthread_join(cpus[i].thread, NULL);
    }
    for (unsigned i = 0; i < CPUS; i++) {
        assert_int_equal(cpus[i].bad, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T64_cpus_do_not_disturb_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
