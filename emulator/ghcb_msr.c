/* SPDX-License-Identifier: MIT */
/* The host's end of the GHCB MSR protocol (GHCB spec 2.03, 2.3.1): its judge and its answers. */
#include "device.h"
#include "ghcb_internal.h"

#define DATA_SHIFT 12
#define LEAF_XSAVE 0xD

struct msr_request {
    uint16_t info; /* bits 11:0 */
    const char *name;
    uint64_t data_mask; /* bits 63:12 that may be set */
    uint8_t min_version;
    bool snp_only;
    void (*serve)(struct ghcb_call *call);
};

static uint64_t sev_information(const struct ghcb_platform *p)
{
    return (uint64_t)p->version_max << 48 | (uint64_t)p->version_min << 32 |
           (uint64_t)p->c_bit << 24 | SEVC_GHCB_MSR_SEV_INFO_RESP;
}

static void serve_sev_info(struct ghcb_call *call)
{
    call->s->msr = sev_information(call->s->platform);
}

static void serve_msr_cpuid(struct ghcb_call *call)
{
    uint64_t request = call->s->msr;
    uint32_t leaf = (uint32_t)(request >> 32);
    unsigned reg = (unsigned)(request >> 30) & 3;
    struct cpuid_regs r = { 0 };

    device_cpuid(leaf, 0, 1, 0, &r);
    const uint32_t values[] = { [SEVC_GHCB_MSR_CPUID_EAX] = r.eax,
                                [SEVC_GHCB_MSR_CPUID_EBX] = r.ebx,
                                [SEVC_GHCB_MSR_CPUID_ECX] = r.ecx,
                                [SEVC_GHCB_MSR_CPUID_EDX] = r.edx };
    call->s->msr = (uint64_t)values[reg] << 32 | (uint64_t)reg << 30 | SEVC_GHCB_MSR_CPUID_RESP;
}

/* The answer is written by ghcb_server_wake(). */
static void serve_msr_reset_hold(struct ghcb_call *call)
{
    call->outcome = GHCB_RESET_HOLD;
}

static void serve_msr_hv_features(struct ghcb_call *call)
{
    call->s->msr = call->s->platform->hv_features << DATA_SHIFT | SEVC_GHCB_MSR_HV_FEATURES_RESP;
}

static void serve_msr_terminate(struct ghcb_call *call)
{
    call->s->request.term_set = (call->s->msr >> 12) & 0xF;
    call->s->request.term_code = (call->s->msr >> 16) & 0xFF;
    call->outcome = GHCB_TERMINATED;
}

static const struct msr_request requests[] = {
    { .info = SEVC_GHCB_MSR_SEV_INFO_REQ, .name = "SEV information", .serve = serve_sev_info },
    { .info = SEVC_GHCB_MSR_CPUID_REQ,
      .name = "CPUID",
      .data_mask = 0xFFFFFFFFC0000000,
      .serve = serve_msr_cpuid },
    { .info = SEVC_GHCB_MSR_AP_RESET_HOLD_REQ,
      .name = "AP reset hold",
      .min_version = 2,
      .serve = serve_msr_reset_hold },
    { .info = SEVC_GHCB_MSR_PREFERRED_GPA_REQ, .name = "preferred GHCB GPA", .snp_only = true },
    { .info = SEVC_GHCB_MSR_REGISTER_GPA_REQ, .name = "register GHCB GPA", .snp_only = true },
    { .info = SEVC_GHCB_MSR_PSC_REQ, .name = "page state change", .snp_only = true },
    { .info = SEVC_GHCB_MSR_RUN_VMPL_REQ, .name = "run VMPL", .snp_only = true },
    { .info = SEVC_GHCB_MSR_HV_FEATURES_REQ,
      .name = "hypervisor features",
      .min_version = 2,
      .serve = serve_msr_hv_features },
    { .info = SEVC_GHCB_MSR_TERMINATE_REQ,
      .name = "terminate",
      .data_mask = 0xFFF000,
      .serve = serve_msr_terminate },
};

static const struct msr_request *find(uint64_t info)
{
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        if (requests[i].info == info)
            return &requests[i];
    }
    return NULL;
}

const char *ghcb_msr_request_name(uint64_t info)
{
    const struct msr_request *request = find(info);

    return request != NULL ? request->name : "unknown";
}

static void judge(struct ghcb_call *call, const struct msr_request *request)
{
    const struct ghcb_platform *p = call->s->platform;
    uint64_t msr = call->s->msr;
    uint64_t data = msr & ~(uint64_t)SEVC_GHCB_MSR_INFO_MASK;

    if (request->snp_only)
        GHCB_BROKE(call, RULE_MSR_SNP_ONLY, "%s is for SNP guests: 0x%lx", request->name, msr);
    else if ((data & ~request->data_mask) != 0)
        GHCB_BROKE(call, RULE_MSR_RESERVED, "%s with reserved bits 0x%lx in 0x%lx", request->name,
                   data & ~request->data_mask, msr);
    if (p->version != 0 && p->version < request->min_version)
        GHCB_BROKE(call, RULE_MSR_VERSION, "%s needs version %u, the guest speaks %u",
                   request->name, request->min_version, p->version);
    if (request->info == SEVC_GHCB_MSR_CPUID_REQ && msr >> 32 == LEAF_XSAVE)
        GHCB_BROKE(call, RULE_MSR_CPUID_LEAF, "CPUID leaf 0xd depends on XCR0: use a GHCB page");
}

void ghcb_serve_msr_protocol(struct ghcb_call *call)
{
    uint64_t info = call->s->msr & SEVC_GHCB_MSR_INFO_MASK;
    const struct msr_request *request = find(info);

    if (request == NULL) {
        /* KVM leaves the MSR as it is. */
        GHCB_BROKE(call, RULE_MSR_REQUEST,
                   "0x%lx is no request (a GHCB address must be a multiple of 4096)", call->s->msr);
        return;
    }
    judge(call, request);
    if (call->broken != 0 && !call->s->platform->keep_going)
        return;
    if (request->serve == NULL)
        call->outcome = GHCB_VIOLATION; /* what a real host does with a request it cannot serve */
    else
        request->serve(call);
}

void ghcb_server_init(struct ghcb_server *s, struct ghcb_platform *platform)
{
    *s = (struct ghcb_server){ .platform = platform,
                               .msr = sev_information(platform),
                               .dr7 = 0x400 };
}

void ghcb_server_write_msr(struct ghcb_server *s, uint64_t value)
{
    s->msr = value;
}

uint64_t ghcb_server_read_msr(struct ghcb_server *s)
{
    /* Who reads the SEV information negotiates anew: an operating system after its firmware. */
    if ((s->msr & SEVC_GHCB_MSR_INFO_MASK) == SEVC_GHCB_MSR_SEV_INFO_RESP) {
        s->platform->negotiated = true;
        s->platform->version = 0;
    }
    return s->msr;
}
