/* SPDX-License-Identifier: MIT */
/* What must come of each lie (GHCB spec 2.03, 4.1, table 5; 2.3.1). */
#include "scripted_host.h"

#define HARMLESS        .result = SEVC_OK, .reason = SEVC_REASON_NONE
#define HOST_ERROR(why) .result = SEVC_HOST_ERROR, .reason = SEVC_REASON_##why
#define INJECTED        .result = SEVC_EXCEPTION, .reason = SEVC_REASON_INJECTED

const struct host_lie_facts host_lies[HOST_LIE_COUNT] = {
    [HOST_HONEST] = { "honest", true, HARMLESS },

    [HOST_MISSING_RAX] = { "RAX not marked", true, SEVC_GHCB_OFF_RAX, HOST_ERROR(MISSING_OUTPUT) },
    [HOST_MISSING_RCX] = { "RCX not marked", true, SEVC_GHCB_OFF_RCX, HOST_ERROR(MISSING_OUTPUT) },
    [HOST_MISSING_RDX] = { "RDX not marked", true, SEVC_GHCB_OFF_RDX, HOST_ERROR(MISSING_OUTPUT) },
    [HOST_MISSING_RBX] = { "RBX not marked", true, SEVC_GHCB_OFF_RBX, HOST_ERROR(MISSING_OUTPUT) },
    [HOST_MARKS_NOTHING] = { "nothing marked", true, .needs_any_output = true,
                             HOST_ERROR(MISSING_OUTPUT) },
    [HOST_MARKS_OTHERS] = { "all marked but the outputs", true, .needs_any_output = true,
                            HOST_ERROR(MISSING_OUTPUT) },
    [HOST_MARKS_ALL] = { "everything marked", true, HARMLESS },

    [HOST_INFO1_UNDEFINED] = { "info1 is 3", true, HOST_ERROR(UNDEFINED_REPLY) },
    [HOST_INFO1_ALL_ONES] = { "info1 is all ones", true, HOST_ERROR(UNDEFINED_REPLY) },
    [HOST_INFO1_HIGH_HALF] = { "info1 has its high half set", true, HARMLESS },
    [HOST_INFO1_HIGH_HALF_REJECTED] = { "rejection under a set high half", true,
                                        HOST_ERROR(REJECTED) },
    [HOST_REJECTS] = { "rejection", true, HOST_ERROR(REJECTED) },

    [HOST_INJECTS_UD] = { "#UD", true, INJECTED },
    [HOST_INJECTS_GP] = { "#GP(0)", true, INJECTED },
    [HOST_INJECTS_PF] = { "#PF", true, HOST_ERROR(BAD_INJECTION) },
    [HOST_INJECTS_VC] = { "#VC", true, HOST_ERROR(BAD_INJECTION) },
    [HOST_INJECTS_INT80] = { "vector 0x80", true, HOST_ERROR(BAD_INJECTION) },
    [HOST_INJECTS_INTERRUPT] = { "external interrupt 13", true, HOST_ERROR(BAD_INJECTION) },
    [HOST_INJECTS_NMI] = { "NMI", true, HOST_ERROR(BAD_INJECTION) },
    [HOST_INJECTS_SOFTWARE] = { "software interrupt 13", true, HOST_ERROR(BAD_INJECTION) },
    [HOST_INJECTS_NOT_VALID] = { "#GP without the valid bit", true, HOST_ERROR(BAD_INJECTION) },
    [HOST_INJECTS_RESERVED_BIT] = { "#GP with a reserved bit", true, HOST_ERROR(BAD_INJECTION) },
    [HOST_INJECTS_GP_NO_CODE] = { "#GP without error code", true, HOST_ERROR(BAD_INJECTION) },
    [HOST_INJECTS_UD_WITH_CODE] = { "#UD with error code", true, HOST_ERROR(BAD_INJECTION) },
    [HOST_INJECTS_UD_STRAY_CODE] = { "#UD with a stray error code", true,
                                     HOST_ERROR(BAD_INJECTION) },

    [HOST_SILENT] = { "no answer at all", true, .depends = true },
    [HOST_DIRTY_HIGH] = { "dirty high halves", true, .needs_any_output = true, HARMLESS },
    [HOST_GARBAGE] = { "garbage everywhere else", true, HARMLESS },

    [HOST_MSR_UNCHANGED] = { "request unchanged", false, HOST_ERROR(BAD_RESPONSE) },
    [HOST_MSR_ZERO] = { "response zero", false, HOST_ERROR(BAD_RESPONSE) },
    [HOST_MSR_ALL_ONES] = { "response all ones", false, HOST_ERROR(BAD_RESPONSE) },
    [HOST_MSR_OTHER_CODE] = { "another response code", false, HOST_ERROR(BAD_RESPONSE) },
};
