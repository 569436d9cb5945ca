/* SPDX-License-Identifier: MIT */
/*
 * Every NAE event as data: what the guest must send, what it may send, how wide, and what it is
 * answered (GHCB spec 2.03, 4.1, table 6). To add an event is to add a row.
 */
#include <sevc/svm.h>

#include "ghcb_internal.h"

#define REQUIRED(field, bits)                                                                      \
    {                                                                                              \
        SEVC_GHCB_OFF_##field, bits, NEED_REQUIRED                                                 \
    }
#define OPTIONAL(field, bits)                                                                      \
    {                                                                                              \
        SEVC_GHCB_OFF_##field, bits, NEED_OPTIONAL                                                 \
    }
#define FIELD(field, bits, need)                                                                   \
    {                                                                                              \
        SEVC_GHCB_OFF_##field, bits, need                                                          \
    }
#define R(number) (SEVC_GHCB_OFF_R8 + 8 * ((number)-8))

#define ANY       (~(uint64_t)0)
#define ANY32     0xFFFFFFFFu
#define IOIO_FORM (SEVC_IOIO_IN | SEVC_IOIO_STRING)

static const struct nae_event events[] = {
    { .code = SEVC_EXIT_READ_DR7,
      .name = "DR7 read",
      .out = OUT(RAX) | OUT(DR7),
      .serve = serve_dr7_read },
    { .code = SEVC_EXIT_WRITE_DR7,
      .name = "DR7 write",
      .in = { REQUIRED(RAX, 32) },
      .check = check_dr7_write,
      .serve = serve_dr7_write },
    { .code = SEVC_EXIT_RDTSC, .name = "RDTSC", .out = OUT(RAX) | OUT(RDX), .serve = serve_rdtsc },
    { .code = SEVC_EXIT_RDPMC,
      .name = "RDPMC",
      .in = { REQUIRED(RCX, 32) },
      .out = OUT(RAX) | OUT(RDX),
      .serve = serve_rdpmc },
    { .code = SEVC_EXIT_CPUID,
      .name = "CPUID",
      .in = { REQUIRED(RAX, 32), REQUIRED(RCX, 32), FIELD(XCR0, 64, NEED_LEAF_D),
              FIELD(XSS, 64, NEED_LEAF_D1) },
      .out = OUT(RAX) | OUT(RBX) | OUT(RCX) | OUT(RDX),
      .check = check_cpuid,
      .serve = serve_cpuid },
    { .code = SEVC_EXIT_INVD, .name = "INVD" },
    { .code = SEVC_EXIT_IOIO,
      .name = "OUT",
      .form_mask = IOIO_FORM,
      .info1_mask = ANY,
      .in = { REQUIRED(RAX, BITS_OF_IOIO) },
      .check = check_ioio,
      .serve = serve_out },
    { .code = SEVC_EXIT_IOIO,
      .name = "IN",
      .form_mask = IOIO_FORM,
      .form = SEVC_IOIO_IN,
      .info1_mask = ANY,
      .in = { FIELD(RAX, BITS_OF_IOIO, NEED_RAX_WITH_IN) },
      .out = OUT(RAX),
      .check = check_ioio,
      .serve = serve_in },
    { .code = SEVC_EXIT_IOIO,
      .name = "OUTS",
      .form_mask = IOIO_FORM,
      .form = SEVC_IOIO_STRING,
      .info1_mask = ANY,
      .info2_mask = ANY,
      .in = { REQUIRED(SW_SCRATCH, 64) },
      .buffer = BUFFER_SENT,
      .check = check_ioio_string,
      .serve = serve_outs },
    { .code = SEVC_EXIT_IOIO,
      .name = "INS",
      .form_mask = IOIO_FORM,
      .form = SEVC_IOIO_STRING | SEVC_IOIO_IN,
      .info1_mask = ANY,
      .info2_mask = ANY,
      .in = { REQUIRED(SW_SCRATCH, 64) },
      .buffer = BUFFER_RETURNED,
      .check = check_ioio_string,
      .serve = serve_ins },
    { .code = SEVC_EXIT_MSR,
      .name = "RDMSR",
      .form_mask = ANY,
      .form = SEVC_MSR_INFO1_READ,
      .in = { REQUIRED(RCX, 32) },
      .out = OUT(RAX) | OUT(RDX),
      .check = check_msr,
      .serve = serve_rdmsr },
    { .code = SEVC_EXIT_MSR,
      .name = "WRMSR",
      .form_mask = ANY,
      .form = SEVC_MSR_INFO1_WRITE,
      .info1_mask = SEVC_MSR_INFO1_WRITE,
      .in = { REQUIRED(RCX, 32), REQUIRED(RAX, 32), REQUIRED(RDX, 32) },
      .check = check_msr,
      .serve = serve_wrmsr },
    /* The register list is that of KVM's hypercalls: number in RAX, arguments in RBX to RSI. */
    { .code = SEVC_EXIT_VMMCALL,
      .name = "VMMCALL",
      .in = { REQUIRED(RAX, 64),
              REQUIRED(CPL, 8),
              OPTIONAL(RBX, 64),
              OPTIONAL(RCX, 64),
              OPTIONAL(RDX, 64),
              OPTIONAL(RSI, 64),
              FIELD(RDI, 64, NEED_ANY_HYPERCALL),
              FIELD(RBP, 64, NEED_ANY_HYPERCALL),
              { R(8), 64, NEED_ANY_HYPERCALL },
              { R(9), 64, NEED_ANY_HYPERCALL },
              { R(10), 64, NEED_ANY_HYPERCALL },
              { R(11), 64, NEED_ANY_HYPERCALL },
              { R(12), 64, NEED_ANY_HYPERCALL },
              { R(13), 64, NEED_ANY_HYPERCALL },
              { R(14), 64, NEED_ANY_HYPERCALL },
              { R(15), 64, NEED_ANY_HYPERCALL },
              FIELD(RIP, 64, NEED_ANY_HYPERCALL) }, /* VMware's */
      .out = OUT(RAX),
      .check = check_vmmcall,
      .serve = serve_vmmcall },
    { .code = SEVC_EXIT_RDTSCP,
      .name = "RDTSCP",
      .out = OUT(RAX) | OUT(RCX) | OUT(RDX),
      .serve = serve_rdtscp },
    { .code = SEVC_EXIT_WBINVD, .name = "WBINVD" },
    { .code = SEVC_EXIT_MONITOR,
      .name = "MONITOR",
      .in = { REQUIRED(RAX, 64), REQUIRED(RCX, 32), REQUIRED(RDX, 32) },
      .check = check_monitor },
    { .code = SEVC_EXIT_MWAIT, .name = "MWAIT", .in = { REQUIRED(RAX, 32), REQUIRED(RCX, 32) } },
    { .code = SEVC_NAE_MMIO_READ,
      .name = "MMIO read",
      .info1_mask = ANY,
      .info2_mask = ANY,
      .in = { REQUIRED(SW_SCRATCH, 64) },
      .buffer = BUFFER_RETURNED,
      .check = check_mmio,
      .serve = serve_mmio_read },
    { .code = SEVC_NAE_MMIO_WRITE,
      .name = "MMIO write",
      .info1_mask = ANY,
      .info2_mask = ANY,
      .in = { REQUIRED(SW_SCRATCH, 64) },
      .buffer = BUFFER_SENT,
      .check = check_mmio,
      .serve = serve_mmio_write },
    { .code = SEVC_NAE_NMI_COMPLETE, .name = "NMI complete", .serve = serve_nmi_complete },
    { .code = SEVC_NAE_AP_RESET_HOLD, .name = "AP reset hold", .serve = serve_ap_reset_hold },
    { .code = SEVC_NAE_AP_JUMP_TABLE,
      .name = "AP jump table set",
      .form_mask = ANY,
      .form = SEVC_JUMP_TABLE_INFO1_SET,
      .info2_mask = ANY,
      .check = check_jump_table_set,
      .serve = serve_jump_table_set },
    { .code = SEVC_NAE_AP_JUMP_TABLE,
      .name = "AP jump table get",
      .form_mask = ANY,
      .form = SEVC_JUMP_TABLE_INFO1_GET,
      .info1_mask = SEVC_JUMP_TABLE_INFO1_GET,
      .serve = serve_jump_table_get },
    { .code = SEVC_NAE_PSC, .name = "page state change", .snp_only = true },
    { .code = SEVC_NAE_GUEST_REQUEST, .name = "SNP guest request", .snp_only = true },
    { .code = SEVC_NAE_EXT_GUEST_REQUEST, .name = "SNP extended guest request", .snp_only = true },
    { .code = SEVC_NAE_AP_CREATION, .name = "AP creation", .snp_only = true },
    { .code = SEVC_NAE_HV_DOORBELL, .name = "#HV doorbell page", .snp_only = true },
    { .code = SEVC_NAE_HV_IPI, .name = "#HV IPI", .snp_only = true },
    { .code = SEVC_NAE_APIC_ID_LIST, .name = "APIC ID list", .snp_only = true },
    { .code = SEVC_NAE_RUN_VMPL, .name = "run VMPL", .snp_only = true },
    { .code = SEVC_NAE_HV_FEATURES,
      .name = "hypervisor features",
      .min_version = 2,
      .serve = serve_hv_features },
    { .code = SEVC_NAE_TERMINATE,
      .name = "terminate",
      .info1_mask = 0xFFF,
      .serve = serve_terminate },
    /* A real host may end the guest here; this one lets it raise its #GP, as EDK2 goes on to do. */
    { .code = SEVC_NAE_UNSUPPORTED, .name = "unsupported event", .info1_mask = ANY32 },
};

#define EVENT_COUNT (sizeof(events) / sizeof(events[0]))

static const struct {
    uint16_t offset;
    const char *name;
} field_names[] = {
    { SEVC_GHCB_OFF_CPL, "CPL" },
    { SEVC_GHCB_OFF_XSS, "XSS" },
    { SEVC_GHCB_OFF_DR7, "DR7" },
    { SEVC_GHCB_OFF_RIP, "RIP" },
    { SEVC_GHCB_OFF_RAX, "RAX" },
    { SEVC_GHCB_OFF_RCX, "RCX" },
    { SEVC_GHCB_OFF_RDX, "RDX" },
    { SEVC_GHCB_OFF_RBX, "RBX" },
    { SEVC_GHCB_OFF_RBP, "RBP" },
    { SEVC_GHCB_OFF_RSI, "RSI" },
    { SEVC_GHCB_OFF_RDI, "RDI" },
    { R(8), "R8" },
    { R(9), "R9" },
    { R(10), "R10" },
    { R(11), "R11" },
    { R(12), "R12" },
    { R(13), "R13" },
    { R(14), "R14" },
    { R(15), "R15" },
    { SEVC_GHCB_OFF_SW_EXITCODE, "SW_EXITCODE" },
    { SEVC_GHCB_OFF_SW_EXITINFO1, "SW_EXITINFO1" },
    { SEVC_GHCB_OFF_SW_EXITINFO2, "SW_EXITINFO2" },
    { SEVC_GHCB_OFF_SW_SCRATCH, "SW_SCRATCH" },
    { SEVC_GHCB_OFF_XCR0, "XCR0" },
};

const char *nae_field_name(unsigned offset)
{
    for (size_t i = 0; i < sizeof(field_names) / sizeof(field_names[0]); i++) {
        if (field_names[i].offset / 8 == offset / 8)
            return field_names[i].name;
    }
    return "reserved";
}

const struct nae_event *nae_find(uint64_t code, uint64_t info1, bool *known)
{
    *known = false;
    for (size_t i = 0; i < EVENT_COUNT; i++) {
        if (events[i].code != code)
            continue;
        *known = true;
        if ((info1 & events[i].form_mask) == events[i].form)
            return &events[i];
    }
    return NULL;
}

/* All forms of an event under one name: what a counter of exits wants. */
static const char *event_name(uint64_t code)
{
    if (code == SEVC_EXIT_IOIO)
        return "IOIO";
    if (code == SEVC_EXIT_MSR)
        return "MSR";
    if (code == SEVC_NAE_AP_JUMP_TABLE)
        return "AP jump table";
    for (size_t i = 0; i < EVENT_COUNT; i++) {
        if (events[i].code == code)
            return events[i].name;
    }
    return "unknown";
}

const char *ghcb_request_name(bool msr_protocol, uint64_t code)
{
    return msr_protocol ? ghcb_msr_request_name(code) : event_name(code);
}
