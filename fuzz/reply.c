/* SPDX-License-Identifier: MIT */
/*
 * The reply validator: any page as the answer to any event, alone or several in one session, and
 * each typed function of event.h, those too that no #VC leads to.
 */
#include "env/plain.h"

static struct fuzz_input input;
static uint8_t returned[SEVC_GHCB_SIZE]; /* the last reply */

/* ---- the host: a few fields, or the whole page ---- */

static void answer(void)
{
    /* One that was sent as such: the shared buffer is in use then, and scrubbed. */
    bool mmio_read =
        fuzz_plain_field(fuzz_plain_page, SEVC_GHCB_OFF_SW_EXITCODE) == SEVC_NAE_MMIO_READ &&
        fuzz_plain_is_valid(fuzz_plain_page, SEVC_GHCB_OFF_SW_SCRATCH);
    uint8_t how = fuzz_take_u8(&input);

    FUZZ_CHECK(fuzz_plain.ghcb_msr == FUZZ_PLAIN_GPA, "msr", "the GHCB MSR is 0x%lx",
               fuzz_plain.ghcb_msr);
    if ((how & 1) == 0) { /* honest at first */
        fuzz_plain_put(SEVC_GHCB_OFF_SW_EXITINFO1, 0);
        fuzz_plain_put(SEVC_GHCB_OFF_SW_EXITINFO2, 0);
        memset(fuzz_plain_page + SEVC_GHCB_OFF_VALID_BITMAP, 0xFF, 16);
    }
    if ((how & 2) != 0) {
        fuzz_plain_put(SEVC_GHCB_OFF_SW_EXITINFO1, fuzz_take_u64(&input));
        fuzz_plain_put(SEVC_GHCB_OFF_SW_EXITINFO2, fuzz_take_u64(&input));
    }
    if ((how & 4) != 0) {
        fuzz_take(&input, fuzz_plain_page + SEVC_GHCB_OFF_VALID_BITMAP, 16);
    }
    if ((how & 8) != 0) {
        fuzz_take(&input, fuzz_plain_page + SEVC_GHCB_OFF_RCX, 128);
        fuzz_plain_put(SEVC_GHCB_OFF_RAX, fuzz_take_u64(&input));
    }
    if ((how & 16) != 0 && mmio_read) {
        fuzz_plain_put(SEVC_GHCB_OFF_SHARED_BUFFER, fuzz_take_u64(&input));
    }
    if ((how & 32) != 0) {
        memset(fuzz_plain_page, how, SEVC_GHCB_OFF_SW_EXITCODE);
    }
    memcpy(returned, fuzz_plain_page, sizeof(returned));
}

/* ---- what the protocol makes of it: GHCB spec 2.03, 4.1, table 5 ---- */

static enum sevc_result expected(unsigned outputs)
{
    uint32_t info1 = (uint32_t)fuzz_plain_field(returned, SEVC_GHCB_OFF_SW_EXITINFO1);
    uint64_t info2 = fuzz_plain_field(returned, SEVC_GHCB_OFF_SW_EXITINFO2);

    if (info1 == 1) {
        return info2 == 0x80000306 || (uint32_t)info2 == 0x80000B0D ? SEVC_EXCEPTION
                                                                    : SEVC_HOST_ERROR;
    }
    for (unsigned gpr = 0; gpr < 16; gpr++) {
        if ((outputs >> gpr & 1) != 0 &&
            !fuzz_plain_is_valid(returned, sevc_ghcb_gpr_offset(gpr))) {
            return SEVC_HOST_ERROR;
        }
    }
    return info1 == 0 ? SEVC_OK : SEVC_HOST_ERROR;
}

static void check_result(const struct sevc_session *session, enum sevc_result result,
                         unsigned outputs)
{
    const struct sevc_report *report = session->report;
    enum sevc_result right = expected(outputs);

    FUZZ_CHECK(result == right, "reply", "result %d, must be %d", (int)result, (int)right);
    FUZZ_CHECK(report->info1 == fuzz_plain_field(returned, SEVC_GHCB_OFF_SW_EXITINFO1), "report",
               "SW_EXITINFO1 0x%lx", report->info1);
    if (result == SEVC_EXCEPTION) {
        uint64_t info2 = fuzz_plain_field(returned, SEVC_GHCB_OFF_SW_EXITINFO2);

        FUZZ_CHECK(report->fault.vector == (info2 & 0xFF) &&
                       report->fault.error_code == info2 >> 32,
                   "reply", "vector %u", report->fault.vector);
    }
    for (unsigned gpr = 0; result == SEVC_OK && gpr < 16; gpr++) {
        if ((outputs >> gpr & 1) != 0) {
            FUZZ_CHECK(session->reply.gpr[gpr] ==
                           fuzz_plain_field(returned, sevc_ghcb_gpr_offset(gpr)),
                       "outputs", "register %u", gpr);
        }
    }
}

/* ---- the typed functions ---- */

#define UNTOUCHED 0x5555555555555555ull

static void check_value(enum sevc_result result, uint64_t value, uint64_t right)
{
    FUZZ_CHECK(value == (result == SEVC_OK ? right : UNTOUCHED), "outputs", "0x%lx, result %d",
               value, (int)result);
}

static uint64_t field(unsigned offset)
{
    return fuzz_plain_field(returned, offset);
}

static void jump_table(struct sevc_session *session)
{
    uint64_t value = UNTOUCHED;
    enum sevc_result result = sevc_event_get_jump_table(session, &value);
    uint64_t info2 = field(SEVC_GHCB_OFF_SW_EXITINFO2);
    bool fits = (info2 & 0xFFF) == 0 && info2 >> 32 == 0;

    if (expected(0) == SEVC_OK) {
        FUZZ_CHECK((result == SEVC_OK) == fits, "reply", "jump table at 0x%lx", info2);
    } else {
        FUZZ_CHECK(result == expected(0), "reply", "result %d", (int)result);
    }
    check_value(result, value, info2);
}

static void values(struct sevc_session *session, unsigned which)
{
    uint64_t edx_eax, value = UNTOUCHED;
    uint32_t narrow = (uint32_t)UNTOUCHED;
    enum sevc_result result;

    switch (which) {
    case 0:
        result = sevc_event_rdmsr(session, fuzz_take_u32(&input), &value);
        break;
    case 1:
        result = sevc_event_rdtsc(session, &value);
        break;
    case 2:
        result = sevc_event_rdpmc(session, fuzz_take_u32(&input), &value);
        break;
    default:
        result = sevc_event_rdtscp(session, &value, &narrow);
        FUZZ_CHECK(narrow == (result == SEVC_OK ? (uint32_t)field(SEVC_GHCB_OFF_RCX)
                                                : (uint32_t)UNTOUCHED),
                   "outputs", "TSC_AUX 0x%x", narrow);
        break;
    }
    edx_eax = field(SEVC_GHCB_OFF_RDX) << 32 | (uint32_t)field(SEVC_GHCB_OFF_RAX);
    check_value(result, value, edx_eax);
}

static void data(struct sevc_session *session, bool mmio)
{
    static const uint8_t sizes[] = { 1, 2, 4, 8, 3, 0 };
    unsigned bytes = sizes[fuzz_take_u8(&input) % 6];
    uint64_t mask = bytes >= 8 ? ~0ull : (1ull << (8 * bytes)) - 1;
    uint64_t value = UNTOUCHED;
    uint32_t narrow = (uint32_t)UNTOUCHED;
    enum sevc_result result;

    if (mmio) {
        result = sevc_event_mmio_read(session, fuzz_take_u64(&input), bytes, &value);
        check_value(result, value, field(SEVC_GHCB_OFF_SHARED_BUFFER) & mask);
    } else {
        result = sevc_event_in(session, fuzz_take_u16(&input), bytes, 8, &narrow);
        FUZZ_CHECK(narrow == (result == SEVC_OK ? (uint32_t)(field(SEVC_GHCB_OFF_RAX) & mask)
                                                : (uint32_t)UNTOUCHED),
                   "outputs", "IN gives 0x%x", narrow);
    }
    FUZZ_CHECK((result == SEVC_INVALID) == (bytes == 3 || bytes == 0 || (bytes == 8 && !mmio)),
               "argument", "%u bytes, result %d", bytes, (int)result);
}

static void others(struct sevc_session *session, unsigned which)
{
    uint64_t value = UNTOUCHED;
    bool woken = false;
    enum sevc_result result;

    switch (which) {
    case 0:
        result = sevc_event_ap_reset_hold(session, &woken);
        FUZZ_CHECK(!woken || field(SEVC_GHCB_OFF_SW_EXITINFO2) != 0, "outputs", "woken");
        break;
    case 1:
        result = sevc_event_hv_features(session, &value);
        if (session->cpu->platform.version < 2) {
            FUZZ_CHECK(result == SEVC_UNSUPPORTED, "version", "result %d", (int)result);
            return;
        }
        check_value(result, value, field(SEVC_GHCB_OFF_SW_EXITINFO2));
        break;
    case 2:
        result = sevc_event_nmi_complete(session);
        break;
    case 3:
        result = sevc_event_terminate(session, fuzz_take_u8(&input), fuzz_take_u8(&input));
        break;
    case 4:
        result = sevc_event_wrmsr(session, fuzz_take_u32(&input), fuzz_take_u64(&input));
        break;
    default:
        result = sevc_event_unsupported(session, fuzz_take_u32(&input));
        break;
    }
    check_result(session, result, 0);
}

/* ---- one session ---- */

static void exchange(struct sevc_session *session)
{
    uint8_t which = fuzz_take_u8(&input);
    unsigned outputs;

    switch (which % 16) {
    case 0:
    case 1:
        outputs = fuzz_take_u16(&input) & 0xFFEFu; /* RSP is none */
        check_result(session, sevc_session_exchange(session, fuzz_take_u32(&input), 0, 0, outputs),
                     outputs);
        break;
    case 2:
        jump_table(session);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        values(session, which % 16 - 3u);
        break;
    case 7:
    case 8:
        data(session, which % 16 == 7);
        break;
    default:
        others(session, which % 16 - 9u);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct sevc_cpu cpu;
    struct sevc_report report = { 0 };
    struct sevc_session session;
    unsigned count;

    input = (struct fuzz_input){ bytes, size };
    count = 1 + fuzz_take_u8(&input) % 4u;
    fuzz_plain_start(answer);
    fuzz_plain_cpu(&cpu, (uint16_t)(2 - fuzz_take_u8(&input) % 2));
    FUZZ_CHECK(sevc_session_begin(&session, &cpu, &report) == SEVC_OK, "session", "begin");
    for (unsigned i = 0; i < count; i++) {
        fuzz_plain.busy = true;
        exchange(&session);
        fuzz_plain.busy = false;
        for (unsigned at = 0; at < SEVC_GHCB_OFF_SHARED_BUFFER; at++) {
            FUZZ_CHECK(fuzz_plain_page[at] == 0, "scrub", "byte 0x%x is left after the reply", at);
        }
    }
    FUZZ_CHECK(report.vmgexits == fuzz_plain.vmgexits, "report", "%u VMGEXITs", report.vmgexits);
    sevc_session_end(&session);
    fuzz_plain_check_at_rest();
    return 0;
}
