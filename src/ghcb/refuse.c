/* SPDX-License-Identifier: MIT */
#include "refuse.h"

enum sevc_result sevc_refuse_as(struct sevc_report *report, uint32_t refusal)
{
    report->result = (enum sevc_result)(refusal & 0xFF);
    report->stage = (enum sevc_stage)(refusal >> 8 & 0xFF);
    report->reason = (enum sevc_reason)(refusal >> 16);
    return report->result;
}
