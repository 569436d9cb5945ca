/* SPDX-License-Identifier: MIT */
/*
 * RFLAGS.TF and RF. On the processor a single step ends in #DB with the next RIP on the stack; the
 * emulation must end in SEVC_OK_TRAP in the very same state. A REP instruction traps after each
 * element, RIP still in front of it (APM vol. 2, 13.1.4): compared element by element.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"
#include "groups.h"

#define RFLAGS_TF 0x100u
#define RFLAGS_RF 0x10000u
#define RFLAGS_ID 0x200000u

#define RFLAGS_ARITHMETIC 0x8D5u

#define CASES_PER_FORM 400
#define SHOWN          10

struct counts {
    unsigned steps, elements, lost, refused, different, forms, forms_refused;
};

static unsigned report(struct counts *counts, const struct oracle_case *c, const char *what,
                       uint64_t native, uint64_t emulated)
{
    counts->different++;
    if (counts->different <= SHOWN) {
        printf("  %s (%s), case %" PRIu64 ": %s: processor %" PRIx64 ", emulation %" PRIx64 "\n",
               c->form->mnemonic, c->form->encoding, c->number, what, native, emulated);
    }
    return 1;
}

/*
 * What cannot be compared after one element of several: RF, which differs with what interrupts, and
 * the flags of CMPS and SCAS. They read none, so a processor may set them at the end only; this is
 * what Intel's manual says of faults (SDM vol. 2B, REP), and what its processors show here.
 */
static uint64_t ignored_flags(const struct oracle_form *form, bool middle)
{
    uint64_t ignored = form->undefined;

    if (middle) {
        ignored |= RFLAGS_RF;
        ignored |= (form->flags & ORACLE_COMPARES) != 0 ? RFLAGS_ARITHMETIC : 0;
    }
    return ignored;
}

static unsigned compare_step(struct counts *counts, const struct oracle_case *c,
                             const struct oracle_state *native, const struct sevc_trap *trap)
{
    bool middle = native->rip == c->start.rip;
    uint64_t ignored = ignored_flags(c->form, middle);
    uint64_t va;

    if (native->rip != trap->rip) {
        return report(counts, c, "rip", native->rip, trap->rip);
    }
    if (((native->rflags ^ trap->rflags) & ~ignored) != 0) {
        return report(counts, c, "rflags", native->rflags, trap->rflags);
    }
    for (unsigned i = 0; i < 16; i++) {
        if (native->gpr[i] != sevc_trap_gpr_value(trap, i)) {
            return report(counts, c, oracle_register_names[i], native->gpr[i],
                          sevc_trap_gpr_value(trap, i));
        }
    }
    if (!oracle_memory_equal(&va)) {
        return report(counts, c, "memory at", va, va);
    }
    return 0;
}

static bool is_refused(const struct oracle_emulation *emulation)
{
    return emulation->result == SEVC_UNSUPPORTED || emulation->result == SEVC_FORBIDDEN ||
           emulation->result == SEVC_BAD_INSN;
}

/* Steps through one instruction to its end. Returns false where it was refused. */
static bool step_through(struct counts *counts, struct oracle_case *c)
{
    struct oracle_emulation emulation;
    struct oracle_step step;
    struct oracle_wild wild;

    for (;;) {
        memcpy((void *)c->start.rip, c->bytes, c->length);
        oracle_emulate_exit(c, SEVC_EXIT_NPF, &emulation);
        if (is_refused(&emulation)) {
            return false;
        }
        c->start.rflags |= c->tf_rf;
        if (!oracle_native_step(c->bytes, c->length, &c->start, &step, &wild)) {
            report(counts, c, "signal", (uint64_t)wild.signal, 0);
            return true;
        }
        if (!step.trapped) { /* a hypervisor under this machine may swallow one */
            counts->lost++;
            return true;
        }
        counts->elements++;
        if (emulation.result != SEVC_OK_TRAP || emulation.report.fault.vector != SEVC_VECTOR_DB) {
            report(counts, c, "result", SEVC_OK_TRAP, emulation.result);
            return true;
        }
        if (compare_step(counts, c, &step.end, &emulation.trap) != 0 ||
            step.end.rip != c->start.rip) {
            return true;
        }
        c->start = step.end;
        c->start.rflags &= ~(uint64_t)(RFLAGS_TF | RFLAGS_RF);
    }
}

/* AMD's IRETQ, by which a signal's handler returns, does not return to another RSP. */
static bool has_canonical_rsp(const struct oracle_case *c)
{
    int64_t high = (int64_t)c->start.gpr[SEVC_RSP] >> 47;

    return high == 0 || high == -1;
}

static void step_form(struct counts *counts, const struct oracle_form *form, uint64_t seed,
                      uint64_t *number)
{
    struct oracle_case c;
    unsigned refused = 0;

    for (unsigned i = 0; i < CASES_PER_FORM;) {
        oracle_generate(form, seed, (*number)++, &c);
        if (c.bases != 0 || /* the signal's frame cannot change FS */
            c.refusal != ORACLE_NOT_REFUSED || !has_canonical_rsp(&c)) {
            continue;
        }
        i++;
        c.start.rflags &= ~(uint64_t)RFLAGS_ID; /* a signal's return does not set it */
        c.tf_rf = RFLAGS_TF | (i % 2 ? RFLAGS_RF : 0);
        refused += !step_through(counts, &c);
        counts->steps++;
        oracle_memory_repair();
    }
    counts->refused += refused;
    counts->forms++;
    counts->forms_refused += refused == CASES_PER_FORM;
    if (form->support == ORACLE_NOW && refused != 0) {
        printf("  %s (%s): refused\n", form->mnemonic, form->encoding);
        counts->different++;
    }
}

unsigned oracle_run_steps(const struct oracle_options *options)
{
    struct counts counts = { 0 };
    uint64_t number = 0;

    for (size_t i = 0; i < oracle_form_count; i++) {
        if (oracle_forms[i].support != ORACLE_NEVER) {
            step_form(&counts, &oracle_forms[i], options->seed, &number);
        }
    }
    printf("step: %u instructions of %u forms stepped through in %u elements, %u refused "
           "(%u forms not yet supported), %u lost by the machine, %u differences\n",
           counts.steps, counts.forms, counts.elements, counts.refused, counts.forms_refused,
           counts.lost, counts.different);
    return counts.different + (counts.elements == 0) + (counts.lost > counts.steps / 100);
}
