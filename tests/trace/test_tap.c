/* SPDX-License-Identifier: MIT */
/* The library's tap: what it records, what it leaves out, what it drops. */
#include <stdio.h>

#include "file.h"
#include "world.h"

#include <sevc/trace.h>

#define RING_BYTES 32768

static struct sevc_trace trace;
static uint64_t ring[RING_BYTES / 8];
static bool off;
static unsigned ready;
static uint64_t now;

struct sevc_trace *sevc_os_trace(void)
{
    return off ? NULL : &trace;
}

uint64_t sevc_os_trace_time(void)
{
    return ++now;
}

void sevc_os_trace_ready(struct sevc_trace *which)
{
    ready += which == &trace;
}

static void start(uint32_t flags)
{
    off = false;
    ready = 0;
    now = 1000;
    world_start();
    world.cpu.policy = &world.policy;
    assert_true(sevc_trace_init(&trace, ring, sizeof(ring), 5, flags));
}

/* What has been recorded, as a file. */
static uint8_t file[RING_BYTES + SEVC_TRACE_FILE_HEADER_BYTES];
static struct trace_reader *drained(void)
{
    size_t bytes = sevc_trace_header(file, trace.flags, 77);

    bytes += sevc_trace_drain(&trace, file + bytes, sizeof(file) - bytes);
    struct trace_reader *reader = trace_open_memory(file, bytes);
    assert_non_null(reader);
    assert_non_null(trace_header(reader));
    return reader;
}

static void next(struct trace_reader *reader, struct trace_record *record, uint16_t type)
{
    if (trace_next(reader, record) != TRACE_RECORD) {
        fail_msg("%s", trace_error(reader));
    }
    assert_string_equal(trace_type_name(record->type), trace_type_name(type));
    assert_int_equal(record->cpu, 5);
}

static void run_cpuid(void)
{
    world_code("\x0F\xA2", 2);
    world.trap.gpr[SEVC_RAX] = 7;
    world.trap.gpr[SEVC_RCX] = 1;
    host_expect(&world.host, &(struct host_exchange){
                                 .event = SEVC_EXIT_CPUID,
                                 .inputs = { { SEVC_GHCB_OFF_RAX, 7 }, { SEVC_GHCB_OFF_RCX, 1 } },
                                 .outputs = { { SEVC_GHCB_OFF_RAX, 0xA },
                                              { SEVC_GHCB_OFF_RBX, 0xB },
                                              { SEVC_GHCB_OFF_RCX, 0xC },
                                              { SEVC_GHCB_OFF_RDX, 0xD } },
                             });
    assert_int_equal(world_run(SEVC_EXIT_CPUID), SEVC_OK);
}

static uint64_t quadword(const struct trace_page *page, unsigned offset)
{
    uint8_t bytes[TRACE_GHCB_BYTES];
    uint64_t value;

    trace_page_expand(page, bytes);
    memcpy(&value, bytes + offset, sizeof(value));
    return value;
}

static void an_exception_is_recorded_from_end_to_end(void **state)
{
    struct trace_reader *reader;
    struct trace_record record;

    (void)state;
    start(0);
    world.cr4 = 0x40000;
    world.xcr0 = 7;
    world.gs_base = 0x6565;
    run_cpuid();
    reader = drained();
    assert_int_equal(trace_header(reader)->recorder, SEVC_TRACE_BY_LIBRARY);
    assert_int_equal(trace_header(reader)->ticks, 77);
    next(reader, &record, SEVC_TRACE_TYPE_INFO);
    assert_int_equal(record.flags, SEVC_TRACE_HAS_PLATFORM | SEVC_TRACE_HAS_POLICY);
    assert_int_equal(record.info.version, 2);
    assert_int_equal(record.info.c_bit, 51);
    assert_int_equal(record.info.sev_status, 3);
    next(reader, &record, SEVC_TRACE_TYPE_EXCEPTION);
    assert_int_equal(record.exception, record.number);
    assert_int_equal(record.vc.error_code, SEVC_EXIT_CPUID);
    assert_int_equal(record.vc.frame.rip, KERNEL_CODE);
    assert_int_equal(record.vc.frame.gpr[SEVC_RAX], 7);
    assert_int_equal(record.vc.frame.gpr[SEVC_R15], world.trap.gpr[SEVC_R15]);
    assert_int_equal(record.vc.frame.rsp, world.trap.rsp);
    assert_int_equal(record.vc.cr4, 0x40000);
    assert_int_equal(record.vc.xcr0, 7);
    assert_int_equal(record.vc.gs_base, 0x6565);
    assert_int_equal(record.vc.code_bits, 64);
    next(reader, &record, SEVC_TRACE_TYPE_MEMORY);
    assert_int_equal(record.exception, 2);
    assert_int_equal(record.memory.access, SEVC_TRACE_ACCESS_FETCH);
    assert_int_equal(record.memory.data_bytes, 15);
    assert_memory_equal(record.memory.data, "\x0F\xA2\x90", 3);
    next(reader, &record, SEVC_TRACE_TYPE_PAGE_SENT);
    assert_int_equal(record.page.gpa, HOST_GHCB_GPA);
    assert_int_equal(quadword(&record.page, SEVC_GHCB_OFF_SW_EXITCODE), SEVC_EXIT_CPUID);
    assert_int_equal(quadword(&record.page, SEVC_GHCB_OFF_RAX), 7);
    next(reader, &record, SEVC_TRACE_TYPE_PAGE_RETURNED);
    assert_int_equal(quadword(&record.page, SEVC_GHCB_OFF_RBX), 0xB);
    next(reader, &record, SEVC_TRACE_TYPE_RESULT);
    assert_int_equal(record.exception, 2);
    assert_int_equal(record.result.frame.rip, KERNEL_CODE + 2);
    assert_int_equal(record.result.frame.gpr[SEVC_RDX], 0xD);
    assert_int_equal(record.result.result, SEVC_OK);
    assert_int_equal(record.result.vmgexits, 1);
    assert_string_equal(record.result.stage, "APPLY");
    assert_string_equal(record.result.reason, "NONE");
    assert_int_equal(record.result.insn_bytes, 15);
    assert_memory_equal(record.result.insn, "\x0F\xA2\x90", 3);
    assert_int_equal(trace_next(reader, &record), TRACE_END);
    trace_close(reader);
    world_finish();
}

static void serve(struct scripted_host *host, struct sevc_ghcb_page *page)
{
    (void)host;
    page->sw_exitinfo1 = SEVC_REPLY_OK;
}

/* OUTSB of "secret": is it in the file? */
static bool recorded_secret(uint32_t flags)
{
    static const char secret[] = "secret";
    struct trace_reader *reader;
    struct trace_record record;
    bool found = false;
    unsigned data = 0;

    start(flags);
    world_code("\x6E", 1);
    world.trap.gpr[SEVC_RDX] = 0x3F8;
    world.trap.gpr[SEVC_RSI] = KERNEL_DATA;
    memcpy(world_byte(KERNEL_DATA), secret, 1);
    world.host.lenient = true; /* what exactly is sent is another test's matter */
    world.host.serve = serve;
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
    reader = drained();
    assert_int_equal(trace_header(reader)->flags != 0, flags != 0);
    while (trace_next(reader, &record) == TRACE_RECORD) {
        if (record.type == SEVC_TRACE_TYPE_MEMORY && record.memory.access == SEVC_ACCESS_READ) {
            found = true;
            data += record.memory.data_bytes;
            assert_int_equal(record.memory.va, KERNEL_DATA);
            assert_int_equal(record.memory.done, 1);
        }
    }
    trace_close(reader);
    assert_true(found);
    world_finish();
    return data != 0;
}

static void guest_memory_is_recorded_unless_it_is_to_be_left_out(void **state)
{
    (void)state;
    assert_true(recorded_secret(0));
    assert_false(recorded_secret(SEVC_TRACE_WITHOUT_MEMORY));
}

static void without_a_trace_nothing_is_recorded(void **state)
{
    static uint64_t odd[RING_BYTES / 8 + 1];

    (void)state;
    start(0);
    off = true;
    run_cpuid();
    assert_int_equal(trace.number, 0);
    off = false;
    assert_false(sevc_trace_init(&trace, NULL, sizeof(ring), 0, 0));
    assert_false(sevc_trace_init(&trace, ring, RING_BYTES / 2, 0, 0));
    assert_false(sevc_trace_init(&trace, ring, 3 * RING_BYTES, 0, 0));
    assert_false(sevc_trace_init(&trace, (uint64_t *)((uint8_t *)odd + 4), RING_BYTES, 0, 0));
    run_cpuid();
    assert_int_equal(trace.number, 0);
    assert_int_equal(sevc_trace_drain(&trace, file, sizeof(file)), 0);
    world_finish();
}

/* A #VC that needs no exchange: EXCEPTION and RESULT. */
static void run_short(void)
{
    assert_int_equal(world_run(SEVC_EXIT_DB), SEVC_EXCEPTION);
}

static void a_full_ring_drops_records_and_says_how_many(void **state)
{
    struct trace_reader *reader;
    struct trace_record record;
    unsigned exceptions = 0;
    uint32_t last = 0;

    (void)state;
    start(0);
    for (unsigned i = 0; i < 100; i++) {
        run_short();
    }
    assert_true(ready > 0);
    assert_true(trace.lost > 0);
    reader = drained();
    while (trace_next(reader, &record) == TRACE_RECORD) {
        exceptions += record.type == SEVC_TRACE_TYPE_EXCEPTION;
        assert_true(record.number > last);
        last = record.number;
    }
    assert_string_equal(trace_error(reader), "");
    trace_close(reader);
    assert_in_range(exceptions, 32768 / 584 - 1, 32768 / 584 + 1);

    uint64_t lost = trace.lost;
    run_short();
    reader = drained();
    next(reader, &record, SEVC_TRACE_TYPE_LOST);
    assert_int_equal(record.lost, lost);
    assert_true(record.number >= last + lost);
    next(reader, &record, SEVC_TRACE_TYPE_EXCEPTION);
    next(reader, &record, SEVC_TRACE_TYPE_RESULT);
    assert_int_equal(record.exception, record.number - 1);
    assert_int_equal(trace_next(reader, &record), TRACE_END);
    trace_close(reader);
    world_finish();
}

/* ---- a trace for sevc-trace replay, which must come to the same results ---- */

static const char *replay_path;

static FILE *replay_file;

static void keep_records(void)
{
    size_t bytes;

    while ((bytes = sevc_trace_drain(&trace, file, sizeof(file))) != 0) {
        assert_int_equal(fwrite(file, 1, bytes, replay_file), bytes);
    }
}

static void answer(struct scripted_host *host, struct sevc_ghcb_page *page)
{
    (void)host;
    if (page->sw_exitcode == 0x80000001) {
        memset(page->shared_buffer, 0x5A, 4);
    } else if (page->sw_scratch != 0 && (page->sw_exitinfo1 & 1) != 0) { /* INS */
        memset(page->shared_buffer, 0xA5, page->sw_exitinfo2);
    }
    page->sw_exitinfo1 = SEVC_REPLY_OK;
    page->rax = 0x1122334455667788;
    page->rbx = page->rcx = page->rdx = 0xD00D;
    page->valid_bitmap[0] |= 1ull << 63;
    page->valid_bitmap[1] |= 7ull << 33;
}

static void run_bytes(uint64_t exit_code, const char *bytes, size_t count)
{
    world.trap.rip = KERNEL_CODE;
    world_code(bytes, count);
    (void)world_run(exit_code);
    keep_records();
}

/* Good ones and bad ones: a lying host, a page that is not there, an instruction that does not fit. */
static void traces_of_many_kinds(void **state)
{
    uint8_t header[SEVC_TRACE_FILE_HEADER_BYTES];

    (void)state;
    start(0);
    replay_file = fopen(replay_path, "wb");
    assert_non_null(replay_file);
    assert_int_equal(fwrite(header, 1, sevc_trace_header(header, 0, 0), replay_file),
                     sizeof(header));
    world.host.lenient = true;
    world.host.serve = answer;
    run_bytes(SEVC_EXIT_CPUID, "\x0F\xA2", 2);
    run_bytes(SEVC_EXIT_MSR, "\x0F\x32", 2); /* RDMSR */
    run_bytes(SEVC_EXIT_IOIO, "\xEC", 1);    /* IN AL, DX */
    world.trap.gpr[SEVC_RSI] = KERNEL_DATA + 4000;
    world.trap.gpr[SEVC_RCX] = 300;
    run_bytes(SEVC_EXIT_IOIO, "\xF3\x6E", 2); /* REP OUTSB, over the end of a page */
    world.trap.gpr[SEVC_RDI] = KERNEL_DATA + 8190;
    world.trap.gpr[SEVC_RCX] = 8;
    run_bytes(SEVC_EXIT_IOIO, "\xF3\x6C", 2); /* REP INSB, into nothing */
    world.trap.gpr[SEVC_RBX] = DEVICE + 0x10;
    run_bytes(SEVC_EXIT_NPF, "\x8B\x03", 2); /* MOV EAX, [RBX] */
    run_bytes(SEVC_EXIT_NPF, "\x89\x03", 2); /* MOV [RBX], EAX */
    world.trap.gpr[SEVC_RBX] = KERNEL_DATA;
    run_bytes(SEVC_EXIT_NPF, "\x8B\x03", 2); /* encrypted */
    world.trap.gpr[SEVC_RBX] = 0x1000;
    run_bytes(SEVC_EXIT_NPF, "\x8B\x03", 2);   /* not mapped */
    run_bytes(SEVC_EXIT_CPUID, "\x90", 1);     /* injected */
    run_bytes(SEVC_EXIT_RDTSC, "\x0F\x31", 2); /* RDTSC */
    world.host.serve = serve;                  /* no outputs any more */
    run_bytes(SEVC_EXIT_CPUID, "\x0F\xA2", 2);
    run_bytes(SEVC_EXIT_VMMCALL, "\x0F\x01\xD9", 3); /* the policy refuses it */
    run_short();
    keep_records();
    assert_int_equal(fclose(replay_file), 0);
    world_finish();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest replayed[] = { cmocka_unit_test(traces_of_many_kinds) };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exception_is_recorded_from_end_to_end),
        cmocka_unit_test(guest_memory_is_recorded_unless_it_is_to_be_left_out),
        cmocka_unit_test(without_a_trace_nothing_is_recorded),
        cmocka_unit_test(a_full_ring_drops_records_and_says_how_many),
    };

    if (argc == 2) {
        replay_path = argv[1];
        return cmocka_run_group_tests(replayed, NULL, NULL);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
