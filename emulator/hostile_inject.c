/* SPDX-License-Identifier: MIT */
/*
 * #VC exceptions that no instruction has raised (WeSee, CVE-2024-25742): the host chooses the
 * moment and the error code, by EVENTINJ on real hardware, by hand here (deliver.c).
 */
#include "hostile_internal.h"

#include <sevc/svm.h>

#include "deliver.h"
#include "halt.h"
#include "insn.h"
#include "nmi.h"

/* Every exit that a guest handles, and some that none does. */
static const uint32_t codes[] = {
    SEVC_EXIT_NPF,
    SEVC_EXIT_MSR,
    SEVC_EXIT_IOIO,
    SEVC_EXIT_CPUID,
    SEVC_EXIT_VMMCALL,
    SEVC_EXIT_RDTSC,
    SEVC_EXIT_RDTSCP,
    SEVC_EXIT_RDPMC,
    SEVC_EXIT_WBINVD,
    SEVC_EXIT_INVD,
    SEVC_EXIT_MONITOR,
    SEVC_EXIT_MWAIT,
    SEVC_EXIT_READ_DR7,
    SEVC_EXIT_WRITE_DR7,
    SEVC_EXIT_DB,
    SEVC_EXIT_VMGEXIT,
    SEVC_EXIT_HLT,
    0x404,
    0,
    0xFFFFFFFF,
};

/* What the guest was in the middle of, a HLT or the step over an IRET, is begun anew, if it is. */
static void inject(struct vcpu *v, uint32_t code)
{
    halt_abandon(v);
    nmi_abandon_step(v);
    deliver_vc(v, code);
}

static unsigned any_code(const struct hostile_moment *m)
{
    (void)m;
    return COUNT(codes);
}

static enum hostile_expect inject_any(const struct hostile_moment *m, unsigned variant)
{
    inject(m->v, codes[variant]);
    return HOSTILE_EITHER;
}

/* ---- The code that comes closest to the instruction ---- */

static const struct {
    uint8_t opcode[3], bytes;
    uint32_t code;
} fitting[] = {
    { { 0x0F, 0x30 }, 2, SEVC_EXIT_MSR },
    { { 0x0F, 0x32 }, 2, SEVC_EXIT_MSR },
    { { 0x0F, 0x01, 0xD9 }, 3, SEVC_EXIT_VMMCALL }, /* VMGEXIT too, but for the prefix */
    { { 0x0F, 0xA2 }, 2, SEVC_EXIT_CPUID },
    { { 0x6C }, 1, SEVC_EXIT_IOIO },
    { { 0x6D }, 1, SEVC_EXIT_IOIO },
    { { 0x6E }, 1, SEVC_EXIT_IOIO },
    { { 0x6F }, 1, SEVC_EXIT_IOIO },
    { { 0x90 }, 1, SEVC_EXIT_WBINVD }, /* the classic: a NOP is as good as any instruction */
};

static unsigned one_code(const struct hostile_moment *m)
{
    (void)m;
    return 1;
}

/* Most instructions touch memory: the guest is told that it is a device's. */
static enum hostile_expect inject_fitting(const struct hostile_moment *m, unsigned variant)
{
    uint32_t code = SEVC_EXIT_NPF;
    struct insn insn;

    (void)variant;
    if (insn_fetch(m->v, &insn)) {
        for (unsigned i = 0; i < COUNT(fitting); i++) {
            if (insn_is(&insn, fitting[i].opcode, fitting[i].bytes))
                code = fitting[i].code;
        }
    }
    inject(m->v, code);
    return HOSTILE_EITHER;
}

/* ---- Private memory that is said to be a device's ---- */

static enum hostile_expect inject_npf(const struct hostile_moment *m, unsigned variant)
{
    (void)variant;
    inject(m->v, SEVC_EXIT_NPF);
    return HOSTILE_ERROR;
}

const struct hostile_mode hostile_inject_modes[] = {
    { "inject-exit", HOSTILE_AT_EXIT, any_code, inject_any },
    { "inject-step", HOSTILE_AT_STEP, any_code, inject_any },
    { "inject-fitting", HOSTILE_AT_STEP, one_code, inject_fitting },
    { "mmio-private", HOSTILE_AT_ACCESS, one_code, inject_npf },
};

const unsigned hostile_inject_mode_count = COUNT(hostile_inject_modes);
