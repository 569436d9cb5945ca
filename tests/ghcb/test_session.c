/* SPDX-License-Identifier: MIT */
/* Sessions: what the page and the MSR are between them, and when one interrupts another. */
#include "common.h"
#include "events.h"

static const struct event_case *event_named(const char *name)
{
    for (size_t i = 0; i < event_case_count; i++) {
        if (strcmp(event_cases[i].name, name) == 0) {
            return &event_cases[i];
        }
    }
    fail_msg("no event is called %s", name);
    return NULL;
}

/* One session with one event; fails the test unless it ends well and returns what it must. */
static void exchange_once(struct sevc_cpu *cpu, const struct event_case *event)
{
    uint64_t out[EVENT_OUTPUTS] = { 0 };
    struct sevc_report report = { 0 };
    struct sevc_session session;

    assert_int_equal(sevc_session_begin(&session, cpu, &report), SEVC_OK);
    assert_int_equal(event->call(&session, out), SEVC_OK);
    sevc_session_end(&session);
    for (unsigned i = 0; i < event->outs; i++) {
        assert_int_equal(out[i], event->out[i]);
    }
}

/* Also where another context has left a value of the MSR protocol, which is put back. */
static void the_msr_is_written_for_each_exchange(void **state)
{
    const struct event_case *event = event_named("RDTSC");
    struct scripted_host host;
    struct sevc_cpu cpu;

    (void)state;
    host_start(&host);
    host_make_cpu(&host, &cpu, 2);
    for (unsigned i = 0; i < 3; i++) {
        host_expect(&host, &event->exchange);
        host.ghcb_msr = 0x0000000140000005;
        exchange_once(&cpu, event);
        assert_int_equal(host.ghcb_msr, 0x0000000140000005);
        host.ghcb_msr = HOST_GHCB_GPA;
        host_expect(&host, &event->exchange);
        exchange_once(&cpu, event);
        assert_int_equal(host.wrmsrs, 3 * (i + 1)); /* two exchanges, one putting back */
    }
    assert_int_equal(cpu.vmgexits, 6);
    host_finish(&host);
}

static void the_page_is_zero_after_every_event(void **state)
{
    (void)state;
    for (size_t i = 0; i < event_case_count; i++) {
        struct scripted_host host;
        struct sevc_cpu cpu;

        host_start(&host);
        host_make_cpu(&host, &cpu, 2);
        host_expect(&host, &event_cases[i].exchange);
        exchange_once(&cpu, &event_cases[i]);
        host_assert_at_rest(&host);
        host_finish(&host);
    }
}

/* T39: memory that nobody has initialised, whatever it holds, is not a CPU. */
static void T39_memory_that_is_no_cpu_is_refused(void **state)
{
    static const int fillings[] = { 0x00, 0xA5, 0xFF, 0x55, 0x01 };
    struct scripted_host host;

    (void)state;
    host_start(&host);
    for (size_t i = 0; i < COUNT_OF(fillings); i++) {
        struct sevc_report report = { 0 };
        struct sevc_session session;
        struct sevc_cpu cpu;

        memset(&cpu, fillings[i], sizeof(cpu));
        assert_int_equal(sevc_session_begin(&session, &cpu, &report), SEVC_FORBIDDEN);
        assert_int_equal(report.reason, SEVC_REASON_NOT_READY);
        assert_int_equal(report.result, SEVC_FORBIDDEN);
    }
    assert_int_equal(host.wrmsrs, 0);
    host_finish(&host);
}

/* ---- nesting ---- */

struct nesting {
    struct scripted_host *host;
    struct sevc_cpu *cpu;

    bool ran;
};

static void third_level(void *argument)
{
    struct nesting *nesting = argument;
    struct sevc_ghcb_page before = *nesting->host->alias;
    uint64_t msr = nesting->host->ghcb_msr;
    struct sevc_report report = { 0 };
    struct sevc_session session;
    uint8_t backup[4096];

    memcpy(backup, nesting->host->backup, sizeof(backup));
    assert_int_equal(sevc_session_begin(&session, nesting->cpu, &report), SEVC_FORBIDDEN);
    assert_int_equal(report.reason, SEVC_REASON_NESTING);
    assert_memory_equal(&before, nesting->host->alias, sizeof(before));
    assert_memory_equal(backup, nesting->host->backup, sizeof(backup));
    assert_int_equal(msr, nesting->host->ghcb_msr);
    assert_int_equal(nesting->cpu->depth, 2);
    nesting->ran = true;
}

/* T16, T17 (NMI complete, too), at the worst moment: the outer request is complete, its VMGEXIT not yet executed. */
static void T16_T17_a_nested_session_puts_page_and_msr_back(void **state)
{
    (void)state;
    for (size_t outer = 0; outer < event_case_count; outer++) {
        for (size_t inner = 0; inner < event_case_count; inner++) {
            struct sevc_ghcb_page before;
            struct sevc_report report = { 0 };
            struct sevc_session session;
            struct scripted_host host;
            struct sevc_cpu cpu;

            host_start(&host);
            host_make_cpu(&host, &cpu, 2);
            assert_int_equal(sevc_session_begin(&session, &cpu, &report), SEVC_OK);
            /* A request, half done: anything at all may be in the page and the MSR. */
            for (unsigned i = 0; i < sizeof(before); i++) {
                ((uint8_t *)host.alias)[i] = (uint8_t)(i * 7 + outer);
            }
            memcpy(&before, host.alias, sizeof(before));
            host.ghcb_msr = 0x0000000740000004 + (outer << 32);

            host_expect(&host, &event_cases[inner].exchange);
            exchange_once(&cpu, &event_cases[inner]);

            assert_memory_equal(&before, host.alias, sizeof(before));
            assert_int_equal(host.ghcb_msr, 0x0000000740000004 + (outer << 32));
            assert_int_equal(cpu.depth, 1);
            memset(host.alias, 0, sizeof(before));
            host.ghcb_msr = HOST_GHCB_GPA;
            sevc_session_end(&session);
            assert_int_equal(cpu.depth, 0);
            host_finish(&host);
        }
    }
}

/* T16 */
static void T16_a_third_level_is_refused_and_touches_nothing(void **state)
{
    const struct event_case *event = event_named("CPUID");
    struct host_exchange with_nmi = event->exchange;
    struct sevc_report report = { 0 };
    struct sevc_session session;
    struct scripted_host host;
    struct sevc_cpu cpu;
    struct nesting nesting = { .host = &host, .cpu = &cpu };

    (void)state;
    with_nmi.meanwhile = third_level;
    with_nmi.argument = &nesting;
    host_start(&host);
    host_make_cpu(&host, &cpu, 2);
    assert_int_equal(sevc_session_begin(&session, &cpu, &report), SEVC_OK);
    host_expect(&host, &with_nmi);
    exchange_once(&cpu, event); /* the second level, inside of which the third is tried */
    assert_true(nesting.ran);
    sevc_session_end(&session);
    host_finish(&host);
}

/* ---- interrupted anywhere ---- */

struct interrupted {
    struct scripted_host host;
    struct sevc_cpu cpu;
    enum sevc_result begin;
    enum sevc_result result;
    struct sevc_cpuid_regs regs;
    uint64_t data;
    bool nmi_was_served;
};

/* Answers the interrupted session and the interrupting one. */
static void serve_both(struct scripted_host *host, struct sevc_ghcb_page *page)
{
    if (page == NULL) { /* CPUID by the MSR protocol */
        host->ghcb_msr = 0xCAFE000000000000ull | (host->ghcb_msr & 0xFFFFC0000000) | 0x005;
        return;
    }
    memset(page->valid_bitmap, 0xFF, sizeof(page->valid_bitmap));
    switch (page->sw_exitcode) {
    case 0x6E:
        page->rax = 0x1111;
        page->rdx = 0x2222;
        break;
    case 0x72:
        page->rax = 0xA1;
        page->rbx = 0xB2;
        page->rcx = 0xC3;
        page->rdx = 0xD4;
        break;
    case 0x7B:
        memset(page->shared_buffer, 0x77, 8);
        break;
    default:
        page->sw_exitinfo1 = 2;
        page->sw_exitinfo2 = 6;
        return;
    }
    page->sw_exitinfo1 = 0;
    page->sw_exitinfo2 = 0;
}

static void nmi(void *argument)
{
    struct interrupted *at = argument;
    struct sevc_report report = { 0 };
    struct sevc_session session;
    uint64_t tsc = 0;

    if (sevc_session_begin(&session, &at->cpu, &report) == SEVC_OK) {
        at->nmi_was_served =
            sevc_event_rdtsc(&session, &tsc) == SEVC_OK && tsc == 0x0000222200001111;
        sevc_session_end(&session);
    }
}

static void register_event(void *argument)
{
    struct interrupted *at = argument;
    struct sevc_report report = { 0 };
    struct sevc_session session;

    at->begin = sevc_session_begin(&session, &at->cpu, &report);
    at->result = sevc_event_cpuid(&session, &at->regs, 0, 0);
    sevc_session_end(&session);
}

static bool register_event_is_unharmed(void *argument)
{
    struct interrupted *at = argument;

    return at->nmi_was_served && at->begin == SEVC_OK && at->result == SEVC_OK &&
           at->regs.eax == 0xA1 && at->regs.ebx == 0xB2 && at->regs.ecx == 0xC3 &&
           at->regs.edx == 0xD4 && at->cpu.depth == 0 && at->host.page_exits == 2 &&
           host_is_at_rest(&at->host);
}

static void buffer_event(void *argument)
{
    const struct sevc_string_io io = {
        .port = 0x1F0, .bytes = 1, .address_bytes = 8, .segment = SEVC_ES, .in = true
    };
    struct interrupted *at = argument;
    struct sevc_report report = { 0 };
    struct sevc_session session;

    at->begin = sevc_session_begin(&session, &at->cpu, &report);
    at->result = sevc_event_string_io(&session, &io, 8);
    at->data = *(volatile uint64_t *)session.page->shared_buffer;
    sevc_session_end(&session);
}

static bool buffer_event_is_unharmed(void *argument)
{
    struct interrupted *at = argument;

    return at->nmi_was_served && at->begin == SEVC_OK && at->result == SEVC_OK &&
           at->data == 0x7777777777777777 && at->cpu.depth == 0 && at->host.page_exits == 2 &&
           host_is_at_rest(&at->host);
}

/* An NMI, with a session of its own, before every single instruction of a session. */
static void interrupt_everywhere(void (*run)(void *), bool (*check)(void *), unsigned at_least)
{
    struct interrupted at = { .regs = { .eax = 7, .ecx = 1 } };
    uint64_t failed = 0;
    uint64_t instructions;

    host_start(&at.host);
    host_make_cpu(&at.host, &at.cpu, 2);
    at.host.lenient = true;
    at.host.serve = serve_both;
    instructions = host_interrupt_everywhere(&at.host, run, nmi, check, &at, &failed);
    print_message("           an NMI before each of %llu instructions\n",
                  (unsigned long long)instructions);
    if (failed != 0) {
        fail_msg("an NMI before instruction %llu does harm", (unsigned long long)failed);
    }
    assert_true(instructions >= at_least);
    host_finish(&at.host);
}

static void an_nmi_anywhere_in_a_register_event_changes_nothing(void **state)
{
    (void)state;
    interrupt_everywhere(register_event, register_event_is_unharmed, 300);
}

static void an_nmi_anywhere_in_a_buffer_event_changes_nothing(void **state)
{
    (void)state;
    interrupt_everywhere(buffer_event, buffer_event_is_unharmed, 300);
}

static void msr_exchange(void *argument)
{
    struct interrupted *at = argument;

    at->data = sevc_msr_exchange(0x0000001280000004);
}

static bool msr_exchange_is_unharmed(void *argument)
{
    struct interrupted *at = argument;

    return at->nmi_was_served && at->data == 0xCAFE001280000005 && at->host.page_exits == 1 &&
           at->host.msr_exits == 1 && host_is_at_rest(&at->host);
}

/* The interrupted session is itself one that has interrupted another, in the middle of its request. */
static void nested_event(void *argument)
{
    struct interrupted *at = argument;
    struct sevc_report report = { 0 };
    struct sevc_session session;

    at->begin = sevc_session_begin(&session, &at->cpu, &report);
    if (at->begin == SEVC_OK) {
        at->result = sevc_event_cpuid(&session, &at->regs, 0, 0);
        sevc_session_end(&session);
    }
}

static bool outer_request_is_whole(const struct scripted_host *host)
{
    const uint8_t *bytes = (const uint8_t *)host->alias;

    for (unsigned i = 0; i < SEVC_GHCB_SIZE; i++) {
        if (bytes[i] != (uint8_t)(i * 7 + 1)) {
            return false;
        }
    }
    return host->ghcb_msr == 0x0000000740000004;
}

/* The third level is served before the second has begun and after it has ended, else refused. */
static bool all_three_levels_are_unharmed(void *argument)
{
    struct interrupted *at = argument;

    return at->begin == SEVC_OK && at->result == SEVC_OK && at->regs.eax == 0xA1 &&
           at->regs.ebx == 0xB2 && at->regs.ecx == 0xC3 && at->regs.edx == 0xD4 &&
           at->cpu.depth == 1 && at->host.page_exits == (at->nmi_was_served ? 2 : 1) &&
           outer_request_is_whole(&at->host);
}

static void an_nmi_anywhere_in_an_msr_exchange_changes_nothing(void **state)
{
    (void)state;
    interrupt_everywhere(msr_exchange, msr_exchange_is_unharmed, 10);
}

static void an_nmi_anywhere_in_a_nested_session_changes_nothing(void **state)
{
    struct interrupted at = { .regs = { .eax = 7, .ecx = 1 } };
    struct sevc_report report = { 0 };
    struct sevc_session outer;
    uint64_t failed = 0;
    uint64_t instructions;

    (void)state;
    host_start(&at.host);
    host_make_cpu(&at.host, &at.cpu, 2);
    at.host.lenient = true;
    at.host.serve = serve_both;
    assert_int_equal(sevc_session_begin(&outer, &at.cpu, &report), SEVC_OK);
    for (unsigned i = 0; i < SEVC_GHCB_SIZE; i++) {
        ((uint8_t *)at.host.alias)[i] = (uint8_t)(i * 7 + 1);
    }
    at.host.ghcb_msr = 0x0000000740000004;
    instructions = host_interrupt_everywhere(&at.host, nested_event, nmi,
                                             all_three_levels_are_unharmed, &at, &failed);
    print_message("           an NMI before each of %llu instructions\n",
                  (unsigned long long)instructions);
    if (failed != 0) {
        fail_msg("an NMI before instruction %llu does harm", (unsigned long long)failed);
    }
    memset(at.host.alias, 0, SEVC_GHCB_SIZE);
    at.host.ghcb_msr = HOST_GHCB_GPA;
    sevc_session_end(&outer);
    host_finish(&at.host);
}

/* ---- each byte once ---- */

/*
 * T11: every field changes as soon as it has been read. The result must be the one of the first
 * reading, and no field of a reply may be read twice.
 */
static void T11_a_reply_that_changes_under_the_reader_is_read_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < event_case_count; i++) {
        const struct event_case *event = &event_cases[i];
        uint64_t out[EVENT_OUTPUTS] = { 0 };
        struct sevc_report report = { 0 };
        struct sevc_session session;
        struct scripted_host host;
        struct sevc_cpu cpu;
        enum sevc_result result;
        unsigned reads = 0;

        host_start(&host);
        host_make_cpu(&host, &cpu, 2);
        host_expect(&host, &event->exchange);
        host_watch(&host);
        sevc_session_begin(&session, &cpu, &report);
        result = event->call(&session, out);
        sevc_session_end(&session);
        for (unsigned offset = 0; offset < SEVC_GHCB_SIZE; offset++) {
            if (host_reads(&host, offset) > 1) {
                fail_msg("%s: 0x%03x was read %u times", event->name, offset,
                         host_reads(&host, offset));
            }
            reads += host_reads(&host, offset);
        }
        assert_int_equal(result, SEVC_OK);
        assert_int_equal(host_reads(&host, SEVC_GHCB_OFF_SW_EXITINFO1), 1);
        assert_true(reads >= 2);
        for (unsigned output = 0; output < event->outs; output++) {
            assert_int_equal(out[output], event->out[output]);
        }
        host_finish(&host);
    }
}

/* The same where the reply is an exception or an error: info1 and info2 once each. */
static void an_error_reply_is_read_once_too(void **state)
{
    (void)state;
    for (unsigned lie = HOST_INFO1_UNDEFINED; lie <= HOST_INJECTS_UD_STRAY_CODE; lie++) {
        struct host_exchange exchange = event_named("CPUID")->exchange;
        uint64_t out[EVENT_OUTPUTS] = { 0 };
        struct sevc_report report = { 0 };
        struct sevc_session session;
        struct scripted_host host;
        struct sevc_cpu cpu;
        enum sevc_result result;

        exchange.lie = (enum host_lie)lie;
        host_start(&host);
        host_make_cpu(&host, &cpu, 2);
        host_expect(&host, &exchange);
        host_watch(&host);
        sevc_session_begin(&session, &cpu, &report);
        result = event_named("CPUID")->call(&session, out);
        sevc_session_end(&session);
        for (unsigned offset = 0; offset < SEVC_GHCB_SIZE; offset++) {
            assert_true(host_reads(&host, offset) <= 1);
        }
        assert_int_equal(result, host_lies[lie].result);
        host_finish(&host);
    }
}

/* The script wants every byte zero that is neither a field nor named as data. */
static void ins_after_outs_sends_nothing_of_it_along(void **state)
{
    static const uint8_t secret[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    struct sevc_string_io io = {
        .port = 0x1F0, .bytes = 1, .address_bytes = 8, .segment = SEVC_DS
    };
    struct sevc_report report = { 0 };
    struct scripted_host host;
    struct sevc_session session;
    struct sevc_cpu cpu;

    (void)state;
    host_start(&host);
    host_make_cpu(&host, &cpu, 2);
    host_expect(&host, &(struct host_exchange){
                           .event = SEVC_EXIT_IOIO,
                           .info1 = 0x1F0 << 16 | SEVC_IOIO_ADDRESS_64 | SEVC_IOIO_STRING | 1 << 4 |
                                    SEVC_DS << SEVC_IOIO_SEGMENT_SHIFT,
                           .info2 = sizeof(secret),
                           .scratch = true,
                           .sent = secret,
                           .sent_bytes = sizeof(secret),
                       });
    host_expect(&host, &(struct host_exchange){
                           .event = SEVC_EXIT_IOIO,
                           .info1 = 0x1F0 << 16 | SEVC_IOIO_ADDRESS_64 | SEVC_IOIO_STRING | 1 << 4 |
                                    SEVC_IOIO_IN,
                           .info2 = 2,
                           .scratch = true,
                           .returned = secret,
                           .returned_bytes = 2,
                       });
    assert_int_equal(sevc_session_begin(&session, &cpu, &report), SEVC_OK);
    for (unsigned i = 0; i < sizeof(secret); i++) {
        session.page->shared_buffer[i] = secret[i];
    }
    assert_int_equal(sevc_event_string_io(&session, &io, sizeof(secret)), SEVC_OK);
    io.in = true;
    io.segment = SEVC_ES;
    assert_int_equal(sevc_event_string_io(&session, &io, 2), SEVC_OK);
    sevc_session_end(&session);
    host_finish(&host);
}

static void writes_behind_the_buffer(struct scripted_host *host, struct sevc_ghcb_page *page)
{
    (void)host;
    memset(page->reserved_ff0, 0xA5, sizeof(page->reserved_ff0));
    page->sw_exitinfo1 = 0;
    page->sw_exitinfo2 = 0;
}

static void what_the_host_writes_behind_the_buffer_does_not_stay(void **state)
{
    struct sevc_report report = { 0 };
    struct scripted_host host;
    struct sevc_session session;
    struct sevc_cpu cpu;

    (void)state;
    host_start(&host);
    host_make_cpu(&host, &cpu, 2);
    host.lenient = true;
    host.serve = writes_behind_the_buffer;
    assert_int_equal(sevc_session_begin(&session, &cpu, &report), SEVC_OK);
    assert_int_equal(sevc_event_wrmsr(&session, 0x1B, 0), SEVC_OK);
    sevc_session_end(&session);
    assert_true(host_is_at_rest(&host));
    host_finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ins_after_outs_sends_nothing_of_it_along),
        cmocka_unit_test(what_the_host_writes_behind_the_buffer_does_not_stay),
        cmocka_unit_test(the_msr_is_written_for_each_exchange),
        cmocka_unit_test(the_page_is_zero_after_every_event),
        cmocka_unit_test(T39_memory_that_is_no_cpu_is_refused),
        cmocka_unit_test(T16_T17_a_nested_session_puts_page_and_msr_back),
        cmocka_unit_test(T16_a_third_level_is_refused_and_touches_nothing),
        cmocka_unit_test(an_nmi_anywhere_in_a_register_event_changes_nothing),
        cmocka_unit_test(an_nmi_anywhere_in_a_buffer_event_changes_nothing),
        cmocka_unit_test(an_nmi_anywhere_in_an_msr_exchange_changes_nothing),
        cmocka_unit_test(an_nmi_anywhere_in_a_nested_session_changes_nothing),
        cmocka_unit_test(T11_a_reply_that_changes_under_the_reader_is_read_once),
        cmocka_unit_test(an_error_reply_is_read_once_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
