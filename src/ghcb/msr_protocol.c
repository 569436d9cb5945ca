/* SPDX-License-Identifier: MIT */
/* The GHCB MSR protocol as arithmetic (GHCB spec 2.03, 2.3.1). */
#include <sevc/msr_protocol.h>
#include <sevc/svm.h>

/* GHCBData, bits 63:12. */
#define DATA_MASK (~(uint64_t)SEVC_GHCB_MSR_INFO_MASK)

/* Bits 51:12, a guest frame number in place, and so a page's address. */
#define GFN_MASK 0x000FFFFFFFFFF000ull

static uint64_t info(uint64_t msr)
{
    return msr & SEVC_GHCB_MSR_INFO_MASK;
}

/* Bits HIGH:LOW of an MSR value. */
static uint64_t field(uint64_t msr, unsigned high, unsigned low)
{
    return (msr >> low) & (~0ull >> (63 - (high - low)));
}

/* A response that carries only a 32-bit error in bits 63:32, and zero below it. */
static enum sevc_result error_response(uint64_t response, uint64_t expected_info)
{
    if (info(response) != expected_info || field(response, 31, 12) != 0) {
        return SEVC_HOST_ERROR;
    }
    return field(response, 63, 32) == 0 ? SEVC_OK : SEVC_HOST_ERROR;
}

uint64_t sevc_msr_sev_info_request(void)
{
    return SEVC_GHCB_MSR_SEV_INFO_REQ;
}

enum sevc_result sevc_msr_sev_info_response(uint64_t response, struct sevc_sev_info *out)
{
    uint64_t min = field(response, 47, 32);
    uint64_t max = field(response, 63, 48);
    uint64_t c_bit = field(response, 31, 24);

    if (info(response) != SEVC_GHCB_MSR_SEV_INFO_RESP || field(response, 23, 12) != 0) {
        return SEVC_HOST_ERROR;
    }
    if (min > max || c_bit < SEVC_C_BIT_MIN || c_bit > SEVC_C_BIT_MAX) {
        return SEVC_HOST_ERROR;
    }
    out->version_min = (uint16_t)min;
    out->version_max = (uint16_t)max;
    out->c_bit = (uint8_t)c_bit;
    return SEVC_OK;
}

uint64_t sevc_msr_cpuid_request(uint32_t leaf, unsigned reg)
{
    return (uint64_t)leaf << 32 | (uint64_t)(reg & 3) << 30 | SEVC_GHCB_MSR_CPUID_REQ;
}

enum sevc_result sevc_msr_cpuid_response(uint64_t response, unsigned reg, uint32_t *value)
{
    if (info(response) != SEVC_GHCB_MSR_CPUID_RESP || field(response, 29, 12) != 0 ||
        field(response, 31, 30) != (reg & 3)) {
        return SEVC_HOST_ERROR;
    }
    *value = (uint32_t)field(response, 63, 32);
    return SEVC_OK;
}

uint64_t sevc_msr_ap_reset_hold_request(void)
{
    return SEVC_GHCB_MSR_AP_RESET_HOLD_REQ;
}

enum sevc_result sevc_msr_ap_reset_hold_response(uint64_t response, uint64_t *woken)
{
    if (info(response) != SEVC_GHCB_MSR_AP_RESET_HOLD_RESP) {
        return SEVC_HOST_ERROR;
    }
    *woken = field(response, 63, 12);
    return SEVC_OK;
}

uint64_t sevc_msr_preferred_gpa_request(void)
{
    return SEVC_GHCB_MSR_PREFERRED_GPA_REQ;
}

enum sevc_result sevc_msr_preferred_gpa_response(uint64_t response, uint64_t *gpa)
{
    if (info(response) != SEVC_GHCB_MSR_PREFERRED_GPA_RESP) {
        return SEVC_HOST_ERROR;
    }
    if ((response & DATA_MASK) == DATA_MASK) {
        return SEVC_UNSUPPORTED;
    }
    if ((response & DATA_MASK & ~GFN_MASK) != 0) {
        return SEVC_HOST_ERROR; /* no such physical address */
    }
    *gpa = response & GFN_MASK;
    return SEVC_OK;
}

uint64_t sevc_msr_register_gpa_request(uint64_t gpa)
{
    return (gpa & GFN_MASK) | SEVC_GHCB_MSR_REGISTER_GPA_REQ;
}

enum sevc_result sevc_msr_register_gpa_response(uint64_t response, uint64_t gpa)
{
    /* Anything but an echo is a refusal: all ones says so, another page would be a swap. */
    if (info(response) != SEVC_GHCB_MSR_REGISTER_GPA_RESP ||
        (response & DATA_MASK) != (gpa & GFN_MASK)) {
        return SEVC_HOST_ERROR;
    }
    return SEVC_OK;
}

uint64_t sevc_msr_page_state_request(uint64_t gpa, enum sevc_page_state state)
{
    return (uint64_t)state << 52 | (gpa & GFN_MASK) | SEVC_GHCB_MSR_PSC_REQ;
}

enum sevc_result sevc_msr_page_state_response(uint64_t response)
{
    return error_response(response, SEVC_GHCB_MSR_PSC_RESP);
}

uint64_t sevc_msr_run_vmpl_request(unsigned vmpl)
{
    return (uint64_t)(vmpl & 0xFF) << 32 | SEVC_GHCB_MSR_RUN_VMPL_REQ;
}

enum sevc_result sevc_msr_run_vmpl_response(uint64_t response)
{
    return error_response(response, SEVC_GHCB_MSR_RUN_VMPL_RESP);
}

uint64_t sevc_msr_hv_features_request(void)
{
    return SEVC_GHCB_MSR_HV_FEATURES_REQ;
}

enum sevc_result sevc_msr_hv_features_response(uint64_t response, uint64_t *features)
{
    if (info(response) != SEVC_GHCB_MSR_HV_FEATURES_RESP) {
        return SEVC_HOST_ERROR;
    }
    *features = field(response, 63, 12);
    return SEVC_OK;
}

uint64_t sevc_msr_terminate_request(unsigned set, unsigned code)
{
    return (uint64_t)(code & 0xFF) << 16 | (uint64_t)(set & 0xF) << 12 |
           SEVC_GHCB_MSR_TERMINATE_REQ;
}

uint64_t sevc_msr_ghcb(uint64_t gpa)
{
    return gpa & GFN_MASK;
}
