/* SPDX-License-Identifier: MIT */
/*
 * Every event of event.h, as data: how it is called, what the hypervisor must see, what it answers,
 * what the caller must get. For the tests that go through all events.
 */
#ifndef GHCB_EVENTS_H
#define GHCB_EVENTS_H

#include "scripted_host.h"

#define EVENT_OUTPUTS   4
#define EVENT_UNTOUCHED 0x5555555555555555ull /* what outputs hold before the call */

struct event_case {
    const char *name;
    enum sevc_result (*call)(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS]);
    struct host_exchange exchange; /* answered honestly */
    uint64_t out[EVENT_OUTPUTS];   /* after SEVC_OK; those beyond stay EVENT_UNTOUCHED */
    unsigned outs;
};

extern const struct event_case event_cases[];
extern const size_t event_case_count;

/* True if the event returns the register at a GHCB offset. */
bool event_returns(const struct event_case *event, uint64_t offset);

#endif
