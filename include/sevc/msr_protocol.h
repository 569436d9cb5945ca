/* SPDX-License-Identifier: MIT */
/*
 * The GHCB MSR protocol as arithmetic: requests are encoded, responses are parsed, nothing is
 * executed (GHCB spec 2.03, 2.3.1). All functions are pure and callable anywhere.
 *
 * A response is the host's word. Every parser checks the response code and every reserved bit,
 * and returns SEVC_HOST_ERROR, leaving its outputs alone, for anything that the specification
 * does not allow.
 */
#ifndef SEVC_MSR_PROTOCOL_H
#define SEVC_MSR_PROTOCOL_H

#include <stdint.h>

#include <sevc/ghcb_abi.h>
#include <sevc/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 0x002/0x001: what the hypervisor speaks. */
struct sevc_sev_info {
    uint16_t version_min;
    uint16_t version_max;
    uint8_t c_bit;
};
uint64_t sevc_msr_sev_info_request(void);
enum sevc_result sevc_msr_sev_info_response(uint64_t response, struct sevc_sev_info *info);

/*
 * 0x004/0x005: one register of a CPUID leaf; there is no sub-leaf, and leaf 0xD cannot be asked.
 * reg: SEVC_GHCB_MSR_CPUID_EAX to _EDX; its higher bits are dropped.
 */
uint64_t sevc_msr_cpuid_request(uint32_t leaf, unsigned reg);
enum sevc_result sevc_msr_cpuid_response(uint64_t response, unsigned reg, uint32_t *value);

/* 0x006/0x007: hold this CPU until INIT-SIPI (version 2). *woken is 0 if it was another event. */
uint64_t sevc_msr_ap_reset_hold_request(void);
enum sevc_result sevc_msr_ap_reset_hold_response(uint64_t response, uint64_t *woken);

/*
 * 0x010/0x011: where the host would like the GHCB (SNP guests only). SEVC_UNSUPPORTED: it has no
 * preference (all ones).
 */
uint64_t sevc_msr_preferred_gpa_request(void);
enum sevc_result sevc_msr_preferred_gpa_response(uint64_t response, uint64_t *gpa);

/*
 * 0x012/0x013: register the GHCB's address (SNP guests only, there before the first page-protocol
 * exit). The response must name the same page. gpa: 4 KiB aligned, below 2^52.
 */
uint64_t sevc_msr_register_gpa_request(uint64_t gpa);
enum sevc_result sevc_msr_register_gpa_response(uint64_t response, uint64_t gpa);

/* 0x014/0x015: change the state of one page (SNP guests only). */
enum sevc_page_state {
    SEVC_PAGE_PRIVATE = 1,
    SEVC_PAGE_SHARED = 2,
};
uint64_t sevc_msr_page_state_request(uint64_t gpa, enum sevc_page_state state);
enum sevc_result sevc_msr_page_state_response(uint64_t response);

/* 0x016/0x017: run another privilege level, 0 to 3 (SNP guests with an SVSM). */
uint64_t sevc_msr_run_vmpl_request(unsigned vmpl);
enum sevc_result sevc_msr_run_vmpl_response(uint64_t response);

/* 0x080/0x081: hypervisor features (version 2), SEVC_HV_FEATURE_*. */
uint64_t sevc_msr_hv_features_request(void);
enum sevc_result sevc_msr_hv_features_response(uint64_t response, uint64_t *features);

/*
 * 0x100: termination. set: 0 to 15; code: 0 to 255; higher bits are dropped. There is no response.
 */
uint64_t sevc_msr_terminate_request(unsigned set, unsigned code);

/* 0x000: the page protocol, with the GHCB at GPA (4 KiB aligned, below 2^52). */
uint64_t sevc_msr_ghcb(uint64_t gpa);

#ifdef __cplusplus
}
#endif

#endif
