/* SPDX-License-Identifier: MIT */
#include "events.h"

#define RAX SEVC_GHCB_OFF_RAX
#define RBX SEVC_GHCB_OFF_RBX
#define RCX SEVC_GHCB_OFF_RCX
#define RDX SEVC_GHCB_OFF_RDX

static enum sevc_result cpuid(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    struct sevc_cpuid_regs regs = { .eax = 7, .ebx = 0xBAD, .ecx = 1, .edx = 0xBAD };
    enum sevc_result result = sevc_event_cpuid(session, &regs, 0xBAD, 0xBAD);

    if (result != SEVC_OK) {
        /* Unchanged, or the caller's registers would be lost. */
        return regs.eax == 7 && regs.ebx == 0xBAD && regs.ecx == 1 && regs.edx == 0xBAD
                   ? result
                   : SEVC_INVALID;
    }
    out[0] = regs.eax;
    out[1] = regs.ebx;
    out[2] = regs.ecx;
    out[3] = regs.edx;
    return result;
}

static enum sevc_result rdmsr(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    return sevc_event_rdmsr(session, 0xC0000103, &out[0]);
}

static enum sevc_result wrmsr(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    (void)out;
    return sevc_event_wrmsr(session, 0x1B, 0x1122334455667788);
}

static enum sevc_result in(struct sevc_session *session, unsigned bytes,
                           uint64_t out[EVENT_OUTPUTS])
{
    uint32_t value = (uint32_t)EVENT_UNTOUCHED;
    enum sevc_result result = sevc_event_in(session, 0x3F8, bytes, 8, &value);

    if (result == SEVC_OK) {
        out[0] = value;
    } else if (value != (uint32_t)EVENT_UNTOUCHED) {
        return SEVC_INVALID;
    }
    return result;
}

static enum sevc_result in_1(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    return in(session, 1, out);
}

static enum sevc_result in_2(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    return in(session, 2, out);
}

static enum sevc_result in_4(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    return in(session, 4, out);
}

static enum sevc_result out_1(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    (void)out;
    return sevc_event_out(session, 0x80, 1, 8, 0xAABBCCDD);
}

static enum sevc_result out_4(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    (void)out;
    return sevc_event_out(session, 0xCF8, 4, 4, 0xAABBCCDD);
}

static enum sevc_result ins(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    const struct sevc_string_io io = {
        .port = 0x1F0, .bytes = 2, .address_bytes = 8, .segment = SEVC_ES, .rep = true, .in = true
    };
    enum sevc_result result = sevc_event_string_io(session, &io, 4);

    if (result == SEVC_OK) {
        out[0] = *(volatile uint64_t *)session->page->shared_buffer;
    }
    return result;
}

static enum sevc_result outs(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    const struct sevc_string_io io = {
        .port = 0x402, .bytes = 1, .address_bytes = 4, .segment = SEVC_GS, .rep = false, .in = false
    };

    (void)out;
    sevc_session_scratch(session, 1);
    session->page->shared_buffer[0] = 'x';
    return sevc_event_string_io(session, &io, 1);
}

static enum sevc_result mmio_read(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    return sevc_event_mmio_read(session, 0xFEE00030, 4, &out[0]);
}

static enum sevc_result mmio_write(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    (void)out;
    return sevc_event_mmio_write(session, 0xFED000F0, 2, 0x8877665544332211);
}

static enum sevc_result rdtsc(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    return sevc_event_rdtsc(session, &out[0]);
}

static enum sevc_result rdtscp(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    uint32_t aux = (uint32_t)EVENT_UNTOUCHED;
    enum sevc_result result = sevc_event_rdtscp(session, &out[0], &aux);

    if (result == SEVC_OK) {
        out[1] = aux;
    } else if (aux != (uint32_t)EVENT_UNTOUCHED) {
        return SEVC_INVALID;
    }
    return result;
}

static enum sevc_result rdpmc(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    return sevc_event_rdpmc(session, 3, &out[0]);
}

static enum sevc_result invd(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    (void)out;
    return sevc_event_invd(session);
}

static enum sevc_result wbinvd(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    (void)out;
    return sevc_event_wbinvd(session);
}

static enum sevc_result monitor(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    (void)out;
    return sevc_event_monitor(session, 0x123456000, 0, 0);
}

static enum sevc_result mwait(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    (void)out;
    return sevc_event_mwait(session, 0x20, 1);
}

/* The registers that KVM's hypercalls use; RDX is returned here, as Hyper-V's are. */
static enum sevc_result vmmcall(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    const struct sevc_hypercall_abi abi = {
        .inputs = SEVC_OUT_RBX | SEVC_OUT_RCX | SEVC_OUT_RDX | SEVC_OUT(SEVC_RSI),
        .outputs = SEVC_OUT_RDX,
    };
    uint64_t gpr[16];
    enum sevc_result result;

    for (unsigned i = 0; i < 16; i++) {
        gpr[i] = 0x1000000000000000ull + i;
    }
    result = sevc_event_vmmcall(session, &abi, 3, 0xBAD, gpr);
    for (unsigned i = 0; i < 16; i++) {
        bool changed = gpr[i] != 0x1000000000000000ull + i;

        if (changed && (result != SEVC_OK || (i != SEVC_RAX && i != SEVC_RDX))) {
            return SEVC_INVALID;
        }
    }
    if (result == SEVC_OK) {
        out[0] = gpr[SEVC_RAX];
        out[1] = gpr[SEVC_RDX];
    }
    return result;
}

static enum sevc_result write_dr7(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    (void)out;
    return sevc_event_write_dr7(session, 0x401);
}

static enum sevc_result nmi_complete(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    (void)out;
    return sevc_event_nmi_complete(session);
}

static enum sevc_result ap_reset_hold(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    bool woken = false;
    enum sevc_result result = sevc_event_ap_reset_hold(session, &woken);

    if (result == SEVC_OK) {
        out[0] = woken;
    }
    return result;
}

static enum sevc_result get_jump_table(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    return sevc_event_get_jump_table(session, &out[0]);
}

static enum sevc_result set_jump_table(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    (void)out;
    return sevc_event_set_jump_table(session, 0x7FFFE000);
}

static enum sevc_result hv_features(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    return sevc_event_hv_features(session, &out[0]);
}

static enum sevc_result terminate(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    (void)out;
    return sevc_event_terminate(session, 0xA, 0xBC);
}

static enum sevc_result unsupported(struct sevc_session *session, uint64_t out[EVENT_OUTPUTS])
{
    (void)out;
    return sevc_event_unsupported(session, 0x70);
}

const struct event_case event_cases[] = {
    { "CPUID",
      cpuid,
      { .event = 0x72,
        .inputs = { { RAX, 7 }, { RCX, 1 } },
        .outputs = { { RAX, 0xA1 }, { RBX, 0xB2 }, { RCX, 0xC3 }, { RDX, 0xD4 } } },
      { 0xA1, 0xB2, 0xC3, 0xD4 },
      4 },
    { "RDMSR",
      rdmsr,
      { .event = 0x7C,
        .info1 = 0,
        .inputs = { { RCX, 0xC0000103 } },
        .outputs = { { RAX, 0x89ABCDEF }, { RDX, 0x01234567 } } },
      { 0x0123456789ABCDEF },
      1 },
    { "WRMSR",
      wrmsr,
      { .event = 0x7C,
        .info1 = 1,
        .inputs = { { RCX, 0x1B }, { RAX, 0x55667788 }, { RDX, 0x11223344 } } },
      { 0 },
      0 },
    { "IN, 1 byte",
      in_1,
      { .event = 0x7B, .info1 = 0x03F80211, .outputs = { { RAX, 0xFFFFFFA5 } } },
      { 0xA5 },
      1 },
    { "IN, 2 bytes",
      in_2,
      { .event = 0x7B, .info1 = 0x03F80221, .outputs = { { RAX, 0xFFFFA5B6 } } },
      { 0xA5B6 },
      1 },
    { "IN, 4 bytes",
      in_4,
      { .event = 0x7B, .info1 = 0x03F80241, .outputs = { { RAX, 0xA5B6C7D8 } } },
      { 0xA5B6C7D8 },
      1 },
    { "OUT, 1 byte",
      out_1,
      { .event = 0x7B, .info1 = 0x00800210, .inputs = { { RAX, 0xDD } } },
      { 0 },
      0 },
    { "OUT, 4 bytes",
      out_4,
      { .event = 0x7B, .info1 = 0x0CF80140, .inputs = { { RAX, 0xAABBCCDD } } },
      { 0 },
      0 },
    { "INS",
      ins,
      { .event = 0x7B,
        .info1 = 0x01F0022D,
        .info2 = 4,
        .scratch = true,
        .returned = "\x01\x02\x03\x04\x05\x06\x07\x08",
        .returned_bytes = 8 },
      { 0x0807060504030201 },
      1 },
    { "OUTS",
      outs,
      { .event = 0x7B,
        .info1 = 0x04021514,
        .info2 = 1,
        .scratch = true,
        .sent = "x",
        .sent_bytes = 1 },
      { 0 },
      0 },
    { "MMIO read",
      mmio_read,
      { .event = 0x80000001,
        .info1 = 0xFEE00030,
        .info2 = 4,
        .scratch = true,
        .returned = "\x11\x22\x33\x44\xFF\xFF\xFF\xFF",
        .returned_bytes = 8 },
      { 0x44332211 },
      1 },
    { "MMIO write",
      mmio_write,
      { .event = 0x80000002,
        .info1 = 0xFED000F0,
        .info2 = 2,
        .scratch = true,
        .sent = "\x11\x22",
        .sent_bytes = 2 },
      { 0 },
      0 },
    { "RDTSC",
      rdtsc,
      { .event = 0x6E, .outputs = { { RAX, 0x76543210 }, { RDX, 0xFEDCBA98 } } },
      { 0xFEDCBA9876543210 },
      1 },
    { "RDTSCP",
      rdtscp,
      { .event = 0x87, .outputs = { { RAX, 0x76543210 }, { RDX, 0xFEDCBA98 }, { RCX, 0x1003 } } },
      { 0xFEDCBA9876543210, 0x1003 },
      2 },
    { "RDPMC",
      rdpmc,
      { .event = 0x6F,
        .inputs = { { RCX, 3 } },
        .outputs = { { RAX, 0x76543210 }, { RDX, 0x0000BA98 } } },
      { 0x0000BA9876543210 },
      1 },
    { "INVD", invd, { .event = 0x76 }, { 0 }, 0 },
    { "WBINVD", wbinvd, { .event = 0x89 }, { 0 }, 0 },
    { "MONITOR",
      monitor,
      { .event = 0x8A, .inputs = { { RAX, 0x123456000 }, { RCX, 0 }, { RDX, 0 } } },
      { 0 },
      0 },
    { "MWAIT", mwait, { .event = 0x8B, .inputs = { { RAX, 0x20 }, { RCX, 1 } } }, { 0 }, 0 },
    { "VMMCALL",
      vmmcall,
      { .event = 0x81,
        .inputs = { { 0x0C8, 0x03000000 },
                    { RAX, 0x1000000000000000 },
                    { RCX, 0x1000000000000001 },
                    { RDX, 0x1000000000000002 },
                    { RBX, 0x1000000000000003 },
                    { SEVC_GHCB_OFF_RSI, 0x1000000000000006 } },
        .outputs = { { RAX, 0xFFFFFFFF00000001 }, { RDX, 0xFFFFFFFF00000002 } } },
      { 0xFFFFFFFF00000001, 0xFFFFFFFF00000002 },
      2 },
    { "write of DR7", write_dr7, { .event = 0x37, .inputs = { { RAX, 0x401 } } }, { 0 }, 0 },
    { "NMI complete", nmi_complete, { .event = 0x80000003 }, { 0 }, 0 },
    { "AP reset hold", ap_reset_hold, { .event = 0x80000004, .reply_info2 = 1 }, { 1 }, 1 },
    { "get AP jump table",
      get_jump_table,
      { .event = 0x80000005, .info1 = 1, .reply_info2 = 0x7FFFE000 },
      { 0x7FFFE000 },
      1 },
    { "set AP jump table",
      set_jump_table,
      { .event = 0x80000005, .info1 = 0, .info2 = 0x7FFFE000 },
      { 0 },
      0 },
    { "hypervisor features",
      hv_features,
      { .event = 0x8000FFFD, .reply_info2 = 0x3F },
      { 0x3F },
      1 },
    { "terminate", terminate, { .event = 0x8000FFFE, .info1 = 0xBCA }, { 0 }, 0 },
    { "unsupported", unsupported, { .event = 0x8000FFFF, .info1 = 0x70 }, { 0 }, 0 },
};

const size_t event_case_count = sizeof(event_cases) / sizeof(event_cases[0]);

bool event_returns(const struct event_case *event, uint64_t offset)
{
    for (unsigned i = 0; i < HOST_FIELDS_MAX; i++) {
        if (event->exchange.outputs[i].offset != 0 && event->exchange.outputs[i].offset == offset) {
            return true;
        }
    }
    return false;
}
