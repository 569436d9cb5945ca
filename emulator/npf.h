/* SPDX-License-Identifier: MIT */
/* Nested page faults: page views, and MMIO. */
#ifndef EMULATOR_NPF_H
#define EMULATOR_NPF_H

struct vcpu;

void npf_handle(struct vcpu *v);

#endif
