/* SPDX-License-Identifier: MIT */
/* The early handler and the MSR protocol, before there is a GHCB. */
#include "guest.h"

extern const char early_cpuid_instruction[];
__asm__(".section .rodata\nearly_cpuid_instruction: cpuid\n.text");

/* Calls the handler by hand, so that a refusal can be looked at. */
static enum sevc_result handle(uint32_t leaf, uint32_t subleaf, struct sevc_report *report,
                               struct sevc_trap *trap)
{
    *trap = (struct sevc_trap){
        .gpr = { [SEVC_RAX] = leaf, [SEVC_RCX] = subleaf, [SEVC_RBX] = 0xB, [SEVC_RDX] = 0xD },
        .error_code = SEVC_EXIT_CPUID,
        .rip = (uint64_t)early_cpuid_instruction,
        .cs = KERNEL_CS,
    };
    return sevc_early_handle_vc(trap, report);
}

#define UNKNOWN (~0ull) /* no host names all 64: still what it was before the answer */

/* An event, now that there is a GHCB, brings what the MSR protocol brought before. */
static void check_features(uint64_t early)
{
    struct sevc_report report;
    struct sevc_session session;
    uint64_t features = UNKNOWN;

    CHECK(early != UNKNOWN);
    CHECK_EQUAL(sevc_session_begin(&session, &cpu, &report), SEVC_OK);
    CHECK_EQUAL(sevc_event_hv_features(&session, &features), SEVC_OK);
    sevc_session_end(&session);
    CHECK_EQUAL(features, early);
}

void kernel_main(const struct start_info *info)
{
    static struct sevc_idt_gate early_idt[SEVC_EARLY_IDT_GATES];
    struct sevc_report refused, wrong, answered;
    struct sevc_trap kept, trap;
    enum sevc_result leaf_d, subleaf, ioio, good, asked;
    uint64_t features = UNKNOWN;
    struct cpuid r;

    sevc_early_install(early_idt, KERNEL_CS);
    r = cpuid(0, 0);
    leaf_d = handle(0xD, 0, &refused, &kept);
    subleaf = handle(7, 1, &wrong, &trap);
    trap.error_code = SEVC_EXIT_IOIO;
    ioio = sevc_early_handle_vc(&trap, &wrong);
    good = handle(0, 0, &answered, &trap);
    asked =
        sevc_msr_hv_features_response(sevc_msr_exchange(sevc_msr_hv_features_request()), &features);

    /* The console needs what the early handler does not have. */
    guest_start(info);
    CHECK_EQUAL(r.ebx, 0x68747541);
    CHECK_EQUAL(leaf_d, SEVC_UNSUPPORTED);
    CHECK_EQUAL(refused.reason, SEVC_REASON_CPUID_LEAF);
    CHECK_EQUAL(refused.vmgexits, 0);
    CHECK_EQUAL(kept.gpr[SEVC_RBX], 0xB); /* a refusal changes nothing */
    CHECK_EQUAL(kept.rip, (uint64_t)early_cpuid_instruction);
    CHECK_EQUAL(subleaf, SEVC_UNSUPPORTED);
    CHECK_EQUAL(ioio, SEVC_UNSUPPORTED);
    CHECK_EQUAL(good, SEVC_OK);
    CHECK_EQUAL(answered.vmgexits, 4);
    CHECK_EQUAL(trap.gpr[SEVC_RBX], 0x68747541);
    CHECK_EQUAL(trap.rip, (uint64_t)early_cpuid_instruction + 2);
    CHECK_EQUAL(asked, SEVC_OK);
    check_features(features);
    guest_end();
}
