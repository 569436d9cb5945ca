/* SPDX-License-Identifier: MIT */
/* What kind of guest this is, and what the hypervisor speaks. */
#include <sevc/ghcb.h>
#include <sevc/svm.h>

#include "../arch/arch.h"
#include "../trace/tap.h"
#include "refuse.h"

/*
 * SEV_STATUS comes from the processor and cannot be forged (APM vol. 2, 15.34.10). A guest that is
 * SNP-active must not run on with the weaker checks of a plain SEV-ES one.
 */
static enum sevc_result check_status(uint64_t sev_status, struct sevc_report *report)
{
    if ((sev_status & SEVC_STATUS_SEV) == 0 || (sev_status & SEVC_STATUS_SEV_ES) == 0) {
        return sevc_refuse(report, SEVC_UNSUPPORTED, SEVC_STAGE_POLICY, SEVC_REASON_NOT_SEV_ES);
    }
    if ((sev_status & SEVC_STATUS_SNP) != 0) {
        return sevc_refuse(report, SEVC_UNSUPPORTED, SEVC_STAGE_POLICY, SEVC_REASON_SNP);
    }
    return SEVC_OK;
}

/* The highest version that both sides speak (GHCB spec 2.03, 2.3.1); 0: none. */
static uint16_t common_version(const struct sevc_sev_info *info)
{
    uint16_t version = SEVC_GHCB_VERSION_MAX;

    if (info->version_min > SEVC_GHCB_VERSION_MAX || info->version_max < SEVC_GHCB_VERSION_MIN) {
        return 0;
    }
    if (info->version_max < version) {
        version = info->version_max;
    }
    return version;
}

/*
 * After reset the GHCB MSR holds the SEV information (GHCB spec 2.03, 2.3.1): asking would bring the
 * same host's word once more. Firmware and boot loaders leave something else there.
 */
static enum sevc_result learn(struct sevc_sev_info *info, struct sevc_report *report)
{
    report->info1 = sevc_arch_rdmsr(SEVC_MSR_GHCB);
    if ((report->info1 & SEVC_GHCB_MSR_INFO_MASK) != SEVC_GHCB_MSR_SEV_INFO_RESP) {
        report->info1 = sevc_tap_msr_exchange(sevc_msr_sev_info_request());
        report->vmgexits = 1;
    }
    return sevc_msr_sev_info_response(report->info1, info);
}

enum sevc_result sevc_platform_init(struct sevc_platform *platform, struct sevc_report *report)
{
    struct sevc_platform found = { .sev_status = sevc_arch_rdmsr(SEVC_MSR_SEV_STATUS) };
    struct sevc_sev_info info;
    enum sevc_result result;

    *report = (struct sevc_report){ 0 };
    result = check_status(found.sev_status, report);
    if (result != SEVC_OK) {
        return result;
    }

    result = learn(&info, report);
    if (result != SEVC_OK) {
        return sevc_refuse(report, result, SEVC_STAGE_REPLY, SEVC_REASON_BAD_RESPONSE);
    }
    found.c_bit = info.c_bit;
    found.version = common_version(&info);
    if (found.version == 0) {
        return sevc_refuse(report, SEVC_HOST_ERROR, SEVC_STAGE_REPLY, SEVC_REASON_VERSION);
    }
    *platform = found;
    return SEVC_OK;
}
