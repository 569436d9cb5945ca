/* SPDX-License-Identifier: MIT */
/* How an exception is refused, or becomes one of the guest's own. */
#include "exception.h"

/* The vectors that push an error code, as far as sevc raises them (APM vol. 2, 8.2). */
#define WITH_ERROR_CODE                                                                            \
    (1u << SEVC_VECTOR_SS | 1u << SEVC_VECTOR_GP | 1u << SEVC_VECTOR_PF | 1u << SEVC_VECTOR_AC)

enum sevc_result sevc_vc_refuse_as(const struct sevc_exception *vc, uint32_t refusal)
{
    return sevc_refuse_as(vc->report, refusal);
}

enum sevc_result sevc_vc_raise_as(const struct sevc_exception *vc, uint32_t refusal)
{
    uint8_t vector = (uint8_t)refusal;

    vc->report->fault = (struct sevc_fault){
        .vector = vector,
        .has_error_code = (WITH_ERROR_CODE >> vector & 1) != 0,
    };
    return sevc_vc_refuse_as(vc, refusal - vector + SEVC_EXCEPTION);
}
